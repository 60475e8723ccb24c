//! Projections on one sample at one time step: forward, adjoint, and weight gradient, each as the plain sum.

use crate::neuron::Float;
use crate::{Map, Shape};

/// `y += J x` for input `x` of shape `input` and output `y` of shape `output`.
pub(super) fn apply<F: Float>(map: &Map, weight: &[F], input: Shape, x: &[F], output: Shape, y: &mut [F]) {
    for_each_pair(map, input, output, |i, o, w| y[o] = y[o] + w.value(weight) * x[i]);
}

/// `g += J^T d` for errors `d` of shape `output` and `g` of shape `input`.
pub(super) fn adjoint<F: Float>(map: &Map, weight: &[F], output: Shape, d: &[F], input: Shape, g: &mut [F]) {
    for_each_pair(map, input, output, |i, o, w| g[i] = g[i] + w.value(weight) * d[o]);
}

/// `dW += d (x) x`, for every weight the sum over the pairs that it connects.
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

/// What connects one input to one output.
#[derive(Clone, Copy)]
enum Coefficient {
    Weight(usize),
    Constant(f32),
}

impl Coefficient {
    fn value<F: Float>(self, weight: &[F]) -> F {
        match self {
            Self::Weight(index) => weight[index],
            Self::Constant(value) => value.into(),
        }
    }
}

/// Calls `visit(input index, output index, coefficient)` for every connected pair, outputs in the outer loop.
fn for_each_pair(map: &Map, input: Shape, output: Shape, mut visit: impl FnMut(usize, usize, Coefficient)) {
    match *map {
        Map::Linear { .. } => {
            for o in 0..output.len() {
                for i in 0..input.len() {
                    visit(i, o, Coefficient::Weight(o * input.len() + i));
                }
            }
        }
        Map::Conv { kernel, stride, padding, .. } => {
            for_each_tap(input, output, kernel, stride, padding, |c_out, pixel_out, [dy, dx], row, column| {
                for c_in in 0..input.channels {
                    let index = ((c_out * input.channels + c_in) * kernel[0] + dy) * kernel[1] + dx;
                    let o = c_out * output.pixels() + pixel_out;
                    visit(input.index(c_in, row, column), o, Coefficient::Weight(index));
                }
            });
        }
        Map::AvgPool { size, stride } => {
            let share = Coefficient::Constant(1.0 / (size * size) as f32);
            for_each_tap(input, output, [size, size], stride, 0, |c, pixel_out, _, row, column| {
                visit(input.index(c, row, column), c * output.pixels() + pixel_out, share);
            });
        }
        Map::Subsample { stride } => {
            for_each_tap(input, output, [1, 1], stride, 0, |c, pixel_out, _, row, column| {
                visit(input.index(c, row, column), c * output.pixels() + pixel_out, Coefficient::Constant(1.0));
            });
        }
    }
}

/// Calls `visit(output channel, output pixel, tap, input row, input column)` for every window position inside the input.
fn for_each_tap(
    input: Shape,
    output: Shape,
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    mut visit: impl FnMut(usize, usize, [usize; 2], usize, usize),
) {
    for o in 0..output.len() {
        let (c_out, pixel_out) = (o / output.pixels(), o % output.pixels());
        let (top, left) = (pixel_out / output.width * stride, pixel_out % output.width * stride);
        for dy in 0..kernel[0] {
            for dx in 0..kernel[1] {
                let (row, column) = (top + dy, left + dx);
                let inside = (padding..padding + input.height).contains(&row)
                    && (padding..padding + input.width).contains(&column);
                if inside {
                    visit(c_out, pixel_out, [dy, dx], row - padding, column - padding);
                }
            }
        }
    }
}
