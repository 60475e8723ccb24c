//! Linear maps: the synaptic operation of a projection (convolution, linear, pooling, subsampling).

mod window;

use crate::shape::Shape;

pub use window::Window;

/// The linear map of a projection, applied to its input at each time step. Everything that computes or shows maps matches
/// on all of them, so that the compiler asks for each where one is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// Cross-correlation with zero padding.
    Conv(Conv),
    /// Fully connected layer. Inputs in `C, H, W` order. Weight `[features, C_in · H · W]`.
    Linear {
        /// Output features.
        features: usize,
    },
    /// Average pooling over windows of `size x size`, no padding, no weight.
    AvgPool {
        /// Window height and width.
        size: usize,
        /// Stride in both directions.
        stride: usize,
    },
    /// Keeps rows and columns `0, stride, 2 · stride, ...`; no weight. Stride 1 is the identity.
    Subsample {
        /// Distance between the pixels that are kept, in both directions.
        stride: usize,
    },
}

/// A convolution (cross-correlation) with weight `[channels, C_in / groups, height, width]`, as PyTorch's `Conv2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conv {
    /// Output channels.
    pub channels: usize,
    /// Kernel window: size, stride, padding and dilation.
    pub window: Window,
    /// Number of groups that channels are divided into; an output channel reads only the input channels of its group.
    /// With as many groups as input channels, the convolution is depthwise.
    pub groups: usize,
}

impl Conv {
    /// A convolution of stride 1 without padding, dilation or groups.
    pub const fn new(channels: usize, kernel: [usize; 2]) -> Self {
        Self { channels, window: Window::new(kernel), groups: 1 }
    }

    /// The same convolution with strides `[vertical, horizontal]`.
    #[must_use]
    pub const fn stride(mut self, stride: [usize; 2]) -> Self {
        self.window.stride = stride;
        self
    }

    /// The same convolution with zero padding: `[rows above and below, columns left and right]`.
    #[must_use]
    pub const fn padding(mut self, padding: [usize; 2]) -> Self {
        self.window.padding = padding;
        self
    }

    /// The same convolution with dilation: the distances between the `[rows, columns]` of a window.
    #[must_use]
    pub const fn dilation(mut self, dilation: [usize; 2]) -> Self {
        self.window.dilation = dilation;
        self
    }

    /// The same convolution with its channels divided into `groups` groups.
    #[must_use]
    pub const fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Number of input channels that an output channel reads, given `inputs` input channels.
    pub fn seen(&self, inputs: usize) -> usize {
        inputs / self.groups.max(1)
    }

    /// First input channel that output channel `output` reads, given `inputs` input channels.
    pub fn first_seen(&self, output: usize, inputs: usize) -> usize {
        let outputs = (self.channels / self.groups.max(1)).max(1);
        output / outputs * self.seen(inputs)
    }

    fn check(&self, inputs: usize) -> Result<(), String> {
        positive(self.channels, "channels")?;
        positive(self.groups, "groups")?;
        for (what, count) in [("input", inputs), ("output", self.channels)] {
            if !count.is_multiple_of(self.groups) {
                return Err(format!("{count} {what} channels cannot be cut into {} groups", self.groups));
            }
        }
        Ok(())
    }
}

impl From<Conv> for Map {
    fn from(conv: Conv) -> Self {
        Self::Conv(conv)
    }
}

impl Map {
    /// The identity map.
    pub const IDENTITY: Self = Self::Subsample { stride: 1 };

    /// Coefficient of every input in the window of a map without weights; 1 for a map with weights.
    pub fn share(&self) -> f32 {
        match *self {
            Self::AvgPool { size, .. } => 1.0 / (size * size) as f32,
            Self::Conv(_) | Self::Linear { .. } | Self::Subsample { .. } => 1.0,
        }
    }

    /// A convolution with the same stride and padding in both directions.
    pub const fn conv(channels: usize, kernel: [usize; 2], stride: usize, padding: usize) -> Self {
        Self::Conv(Conv::new(channels, kernel).stride([stride, stride]).padding([padding, padding]))
    }

    /// Window of input pixels that one output reads, for an input of shape `input`; a linear map has one window over
    /// all pixels.
    pub fn window(&self, input: Shape) -> Window {
        match *self {
            Self::Conv(conv) => conv.window,
            Self::Linear { .. } => Window::new([input.height, input.width]),
            Self::AvgPool { size, stride } => Window { stride: [stride; 2], ..Window::new([size; 2]) },
            Self::Subsample { stride } => Window { stride: [stride; 2], ..Window::new([1, 1]) },
        }
    }

    /// Output shape for an input of shape `input`.
    ///
    /// # Errors
    /// A message that says why input and map are incompatible.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let channels = match *self {
            Self::Linear { features } => return positive(features, "features").map(Shape::features),
            Self::Conv(conv) => {
                conv.check(input.channels)?;
                conv.channels
            }
            Self::AvgPool { .. } | Self::Subsample { .. } => input.channels,
        };
        let [height, width] = self.window(input).outputs([input.height, input.width])?;
        Ok(Shape::new(channels, height, width))
    }

    /// Shape of the weight for an input of shape `input`; `None` for pooling and subsampling.
    pub fn weight_shape(&self, input: Shape) -> Option<Vec<usize>> {
        match *self {
            Self::Conv(conv) => {
                let [height, width] = conv.window.size;
                Some(vec![conv.channels, conv.seen(input.channels), height, width])
            }
            Self::Linear { features } => Some(vec![features, input.len()]),
            Self::AvgPool { .. } | Self::Subsample { .. } => None,
        }
    }

    /// Multiply-accumulates of one dense evaluation (one sample, one time step), as papers count them: kernel size
    /// times input channels per output; windows at the border count in full. Zero for maps without weights.
    pub fn dense_operations(&self, input: Shape) -> u64 {
        match (self.weight_shape(input), self.output(input)) {
            (Some(weight), Ok(output)) => (weight.iter().skip(1).product::<usize>() * output.len()) as u64,
            _ => 0,
        }
    }

    /// Number of synapses from each input neuron, in `C, H, W` order: the number of outputs that read it. Exact at the
    /// border, where windows extend beyond the input or skip rows and columns. Pooling and subsampling are counted in
    /// the same way, although their synapses have no weight.
    ///
    /// # Errors
    /// As [`Map::output`].
    pub fn fan_out(&self, input: Shape) -> Result<Vec<u64>, String> {
        self.count_synapses(input, |_| true)
    }

    /// Number of synapses from each input neuron as in [`Map::fan_out`], without those whose value in `weight` is 0,
    /// which have no effect. For maps without weights, `weight` must be empty.
    ///
    /// # Errors
    /// As [`Map::output`], and if `weight` does not have as many values as [`Map::weight_shape`] gives.
    pub fn effective_fan_out(&self, input: Shape, weight: &[f32]) -> Result<Vec<u64>, String> {
        let expected = self.weight_shape(input).map_or(0, |shape| shape.iter().product());
        if weight.len() != expected {
            return Err(format!("{expected} weights expected, {} found", weight.len()));
        }
        self.count_synapses(input, |index| weight[index] != 0.0)
    }

    /// Counts the synapses from each input neuron for which `is_counted(weight index)` holds; all of them in maps
    /// without weights.
    fn count_synapses(&self, input: Shape, is_counted: impl Fn(usize) -> bool) -> Result<Vec<u64>, String> {
        let output = self.output(input)?;
        if let Self::Linear { features } = *self {
            let counted = |i| (0..features).filter(|o| is_counted(o * input.len() + i)).count() as u64;
            return Ok((0..input.len()).map(counted).collect());
        }
        let window = self.window(input);
        let taps = window.size[0] * window.size[1];
        let rows: Vec<Vec<usize>> = (0..input.height).map(|row| window.taps(0, row, output.height)).collect();
        let columns: Vec<Vec<usize>> = (0..input.width).map(|column| window.taps(1, column, output.width)).collect();
        let mut synapses = Vec::with_capacity(input.len());
        for c_in in 0..input.channels {
            // Number of output channels that each tap of the window leads to.
            let channels: Vec<u64> = match *self {
                Self::Conv(conv) => {
                    let seen = conv.seen(input.channels);
                    let reads = |c_out: usize, tap: usize| {
                        let own = c_in.checked_sub(conv.first_seen(c_out, input.channels)).filter(|own| *own < seen);
                        own.is_some_and(|own| is_counted((c_out * seen + own) * taps + tap))
                    };
                    (0..taps).map(|tap| (0..conv.channels).filter(|&c| reads(c, tap)).count() as u64).collect()
                }
                _ => vec![1; taps],
            };
            for row in &rows {
                for column in &columns {
                    let pairs = row.iter().flat_map(|dy| column.iter().map(move |dx| dy * window.size[1] + dx));
                    synapses.push(pairs.map(|tap| channels[tap]).sum());
                }
            }
        }
        Ok(synapses)
    }
}

fn positive(count: usize, what: &str) -> Result<usize, String> {
    if count == 0 { Err(format!("{what} must be at least 1")) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_as_papers_do() {
        assert_eq!(Map::conv(20, [5, 5], 1, 2).dense_operations(Shape::new(1, 28, 28)), 392_000);
        assert_eq!(Map::Linear { features: 200 }.dense_operations(Shape::new(50, 7, 7)), 490_000);
    }

    #[test]
    fn fan_out_is_less_at_the_border() {
        let conv = Map::conv(2, [3, 3], 1, 1);
        assert_eq!(conv.fan_out(Shape::new(1, 3, 3)).unwrap(), [8, 12, 8, 12, 18, 12, 8, 12, 8]);
        let strided = Map::conv(1, [1, 3], 2, 0);
        assert_eq!(strided.fan_out(Shape::new(1, 1, 6)).unwrap(), [1, 1, 2, 1, 1, 0], "the last column is left out");
        assert_eq!(Map::AvgPool { size: 2, stride: 2 }.fan_out(Shape::new(1, 2, 3)).unwrap(), [1, 1, 0, 1, 1, 0]);
        assert_eq!(Map::Subsample { stride: 2 }.fan_out(Shape::new(2, 1, 3)).unwrap(), [1, 0, 1, 1, 0, 1]);
        assert_eq!(Map::Linear { features: 4 }.fan_out(Shape::features(2)).unwrap(), [4, 4]);
        assert_eq!(
            Map::AvgPool { size: 3, stride: 0 }.fan_out(Shape::new(1, 9, 9)).unwrap_err(),
            "kernel size, stride and dilation must be at least 1"
        );
    }

    #[test]
    fn groups_see_their_own_channels() {
        let conv = Map::from(Conv::new(4, [1, 1]).groups(2));
        let input = Shape::new(6, 1, 2);
        assert_eq!(conv.weight_shape(input), Some(vec![4, 3, 1, 1]));
        assert_eq!(conv.fan_out(input).unwrap(), [2; 12]);
        let depthwise = Conv::new(6, [1, 1]).groups(6);
        assert_eq!([0, 3, 5].map(|output| depthwise.first_seen(output, 6)), [0, 3, 5]);
        assert_eq!(
            Map::from(Conv::new(4, [1, 1]).groups(4)).output(input).unwrap_err(),
            "6 input channels cannot be cut into 4 groups"
        );
    }

    #[test]
    fn a_weight_of_zero_is_no_synapse() {
        let linear = Map::Linear { features: 2 };
        assert_eq!(linear.effective_fan_out(Shape::features(2), &[1.0, 0.0, -1.0, 0.0]).unwrap(), [2, 0]);
        let conv = Map::conv(1, [1, 2], 1, 0);
        assert_eq!(conv.effective_fan_out(Shape::new(1, 1, 3), &[0.5, 0.0]).unwrap(), [1, 1, 0]);
        let pool = Map::AvgPool { size: 2, stride: 2 };
        assert_eq!(pool.effective_fan_out(Shape::new(1, 2, 2), &[]).unwrap(), [1, 1, 1, 1]);
        assert_eq!(linear.effective_fan_out(Shape::features(2), &[1.0]).unwrap_err(), "4 weights expected, 1 found");
    }
}
