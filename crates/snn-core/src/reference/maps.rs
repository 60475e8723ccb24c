//! Linear maps on one sample at one time step: forward, adjoint and weight gradient, each as a plain sum.

use crate::map::{Map, Window};
use crate::neuron::Float;
use crate::shape::Shape;

/// `y += J x` for input `x` of shape `input` and output `y` of shape `output`.
pub(super) fn apply<F: Float>(map: &Map, weight: &[F], input: Shape, x: &[F], output: Shape, y: &mut [F]) {
    for_each_pair(map, input, output, |i, o, w| y[o] = y[o] + w.value(weight) * x[i]);
}

/// `g += J^T d` for errors `d` of shape `output` and `g` of shape `input`.
pub(super) fn adjoint<F: Float>(map: &Map, weight: &[F], output: Shape, d: &[F], input: Shape, g: &mut [F]) {
    for_each_pair(map, input, output, |i, o, w| g[i] = g[i] + w.value(weight) * d[o]);
}

/// `dW += d (x) x` (outer product): for every weight, the sum over the pairs of neurons that it connects.
pub(super) fn add_weight_gradient<F: Float>(
    map: &Map,
    input: Shape,
    x: &[F],
    output: Shape,
    d: &[F],
    d_weight: &mut [F],
) {
    for_each_pair(map, input, output, |i, o, w| {
        if let Coefficient::Weight(index) = w {
            d_weight[index] = d_weight[index] + d[o] * x[i];
        }
    });
}

/// Coefficient between one input and one output: a weight, by index, or a constant.
#[derive(Clone, Copy)]
pub(crate) enum Coefficient {
    Weight(usize),
    Constant(f32),
}

impl Coefficient {
    pub(crate) fn value<F: Float>(self, weight: &[F]) -> F {
        match self {
            Self::Weight(index) => weight[index],
            Self::Constant(value) => value.into(),
        }
    }
}

/// Calls `visit(input index, output index, coefficient)` for every connected pair, outputs in the outer loop.
fn for_each_pair(map: &Map, input: Shape, output: Shape, mut visit: impl FnMut(usize, usize, Coefficient)) {
    for o in 0..output.len() {
        for_each_input(map, input, output, o, |i, w| visit(i, o, w));
    }
}

/// Calls `visit(input index, coefficient)` for every input of output `o`, in the order in which a current is summed.
pub(crate) fn for_each_input(
    map: &Map,
    input: Shape,
    output: Shape,
    o: usize,
    mut visit: impl FnMut(usize, Coefficient),
) {
    let channel = o / output.pixels();
    match *map {
        Map::Linear { .. } => {
            for i in 0..input.len() {
                visit(i, Coefficient::Weight(o * input.len() + i));
            }
        }
        Map::Conv(conv) => {
            let (seen, first) = (conv.seen(input.channels), conv.first_seen(channel, input.channels));
            let [height, width] = conv.window.size;
            for_each_tap(input, output, o, conv.window, |[dy, dx], row, column| {
                for c_in in 0..seen {
                    let index = ((channel * seen + c_in) * height + dy) * width + dx;
                    visit(input.index(first + c_in, row, column), Coefficient::Weight(index));
                }
            });
        }
        Map::AvgPool { .. } | Map::Subsample { .. } => {
            let share = Coefficient::Constant(map.share());
            for_each_tap(input, output, o, map.window(input), |_, row, column| {
                visit(input.index(channel, row, column), share);
            });
        }
    }
}

/// Calls `visit(tap, input row, input column)` for every position of the window of output `o` that lies inside the
/// input.
fn for_each_tap(
    input: Shape,
    output: Shape,
    o: usize,
    window: Window,
    mut visit: impl FnMut([usize; 2], usize, usize),
) {
    let pixel = o % output.pixels();
    for dy in 0..window.size[0] {
        let row = window.input(0, pixel / output.width, dy).filter(|row| *row < input.height);
        for dx in 0..window.size[1] {
            let column = window.input(1, pixel % output.width, dx).filter(|column| *column < input.width);
            if let (Some(row), Some(column)) = (row, column) {
                visit([dy, dx], row, column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::map::Conv;

    fn image(map: &Map, weight: &[f64], input: Shape, x: &[f64]) -> Vec<f64> {
        let output = map.output(input).unwrap();
        let mut y = vec![0.0; output.len()];
        apply(map, weight, input, x, output, &mut y);
        y
    }

    /// 0, 1, 2, ...
    fn count(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    #[test]
    fn a_linear_map_is_a_matrix() {
        assert_eq!(
            image(&Map::Linear { features: 2 }, &count(6), Shape::features(3), &[1.0, 10.0, 100.0]),
            [210.0, 543.0]
        );
    }

    #[test]
    fn a_convolution_is_a_cross_correlation_with_zeros_around() {
        // Two channels of 2 x 3, a kernel of 2 x 3, one output channel, stride 2, padding 1: rows 0 and 2 of the padded
        // image, columns 0 and 2.
        let map = Map::conv(1, [2, 3], 2, 1);
        let input = Shape::new(2, 2, 3);
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
        let w = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 0.25, 0.0, 0.0, 0.0, 1.0];
        // Upper left: the kernel's last row and columns 1, 2 lie on 1, 2 and 10, 20: 4 + 10 + 20. Upper right: columns
        // 0, 1 lie on 2, 3: 6 + 12, and the second channel adds 0. Lower left: the kernel's first row lies on 4, 5 and
        // 40, 50 in columns 1, 2: 4 + 10 + 10. Lower right: 5, 6 and 50, 60 in columns 0, 1: 6 + 25 + 15.
        assert_eq!(image(&map, &w, input, &x), [34.0, 18.0, 24.0, 46.0]);
    }

    #[test]
    fn a_dilated_window_leaves_columns_out_and_a_stride_can_differ_by_axis() {
        let map = Conv::new(1, [1, 2]).dilation([1, 2]).stride([2, 1]).padding([0, 1]).into();
        // Rows 0 and 2; columns -1 and 1, 0 and 2, 1 and 3.
        let x = count(9);
        assert_eq!(image(&map, &[1.0, 10.0], Shape::new(1, 3, 3), &x), [10.0, 20.0, 1.0, 70.0, 86.0, 7.0]);
    }

    #[test]
    fn a_depthwise_convolution_keeps_channels_apart() {
        let map = Conv::new(2, [1, 2]).groups(2).into();
        assert_eq!(image(&map, &[1.0, 10.0, 2.0, 20.0], Shape::new(2, 1, 2), &[1.0, 2.0, 3.0, 4.0]), [21.0, 86.0]);
    }

    #[test]
    fn output_channels_have_kernels_of_their_own() {
        let map = Map::conv(2, [1, 2], 1, 0);
        assert_eq!(
            image(&map, &[1.0, 10.0, 2.0, 20.0], Shape::new(1, 1, 3), &[1.0, 2.0, 3.0]),
            [21.0, 32.0, 42.0, 64.0]
        );
    }

    #[test]
    fn pools_and_subsamples_keep_channels_apart() {
        let input = Shape::new(2, 3, 3);
        let pool = Map::AvgPool { size: 2, stride: 1 };
        assert_eq!(image(&pool, &[], input, &count(18)), [2.0, 3.0, 5.0, 6.0, 11.0, 12.0, 14.0, 15.0]);
        let subsample = Map::Subsample { stride: 2 };
        assert_eq!(image(&subsample, &[], input, &count(18)), [0.0, 2.0, 6.0, 8.0, 9.0, 11.0, 15.0, 17.0]);
    }

    fn any_map() -> impl Strategy<Value = Map> {
        prop_oneof![
            (1..3_usize, 1..3_usize, [1..5_usize, 1..5], [1..4_usize, 1..4], [0..3_usize, 0..3], [1..3_usize, 1..3])
                .prop_map(|(groups, channels, kernel, stride, padding, dilation)| {
                    let conv = Conv::new(channels * groups, kernel).stride(stride).padding(padding);
                    conv.dilation(dilation).groups(groups).into()
                }),
            (1..6_usize).prop_map(|features| Map::Linear { features }),
            (1..4_usize, 1..4_usize).prop_map(|(size, stride)| Map::AvgPool { size, stride }),
            (1..4_usize).prop_map(|stride| Map::Subsample { stride }),
        ]
    }

    proptest! {
        #[test]
        fn fan_out_counts_the_pairs(
            map in any_map(),
            input in (1..4_usize, 1..9_usize, 1..9_usize).prop_map(|(c, h, w)| Shape::new(c, h, w)),
            zeros in proptest::collection::vec(any::<bool>(), 100),
        ) {
            prop_assume!(map.output(input).is_ok());
            let weights = map.weight_shape(input).map_or(0, |shape| shape.iter().product());
            let weight: Vec<f32> = (0..weights).map(|i| if zeros[i % zeros.len()] { 0.0 } else { 1.5 }).collect();
            let (mut all, mut effective) = (vec![0; input.len()], vec![0; input.len()]);
            for_each_pair(&map, input, map.output(input).unwrap(), |i, _, w| {
                all[i] += 1;
                effective[i] += u64::from(!matches!(w, Coefficient::Weight(index) if weight[index] == 0.0));
            });
            prop_assert_eq!(map.fan_out(input), Ok(all));
            prop_assert_eq!(map.effective_fan_out(input, &weight), Ok(effective));
        }
    }
}
