//! Linear maps: what a projection does to the spikes that it reads.

use crate::Shape;

/// The linear map of a projection, applied to the spikes of each time step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// Cross-correlation with zero padding and no bias. Weight `[channels, C_in, kernel[0], kernel[1]]`.
    Conv {
        /// Output channels.
        channels: usize,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Step between windows, both ways.
        stride: usize,
        /// Rows and columns of zeros on every side.
        padding: usize,
    },
    /// Every input to every output, no bias. Inputs in `C, H, W` order. Weight `[features, C_in · H · W]`.
    Linear {
        /// Output features.
        features: usize,
    },
    /// Mean over windows of `size x size`, no padding, no weight.
    AvgPool {
        /// Window height and width.
        size: usize,
        /// Step between windows, both ways.
        stride: usize,
    },
    /// Rows and columns `0, stride, 2 · stride, ...`, no weight. Stride 1 is the identity.
    Subsample {
        /// Step between the pixels taken, both ways.
        stride: usize,
    },
}

impl Map {
    /// Output shape for an input of shape `input`.
    ///
    /// # Errors
    /// A sentence that says what makes the two incompatible.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let windows = |extent: usize, size: usize, stride: usize, padding: usize, axis: &str| {
            if size == 0 || stride == 0 {
                return Err("kernel size and stride must be at least 1".to_owned());
            }
            if extent + 2 * padding < size {
                return Err(format!("{axis} {extent} with padding {padding} is smaller than the window of {size}"));
            }
            Ok((extent + 2 * padding - size) / stride + 1)
        };
        let (channels, kernel, stride, padding) = match *self {
            Self::Linear { features } => return positive(features, "features").map(Shape::features),
            Self::Conv { channels, kernel, stride, padding } => {
                (positive(channels, "channels")?, kernel, stride, padding)
            }
            Self::AvgPool { size, stride } => (input.channels, [size, size], stride, 0),
            Self::Subsample { stride } => (input.channels, [1, 1], stride, 0),
        };
        Ok(Shape::new(
            channels,
            windows(input.height, kernel[0], stride, padding, "height")?,
            windows(input.width, kernel[1], stride, padding, "width")?,
        ))
    }

    /// Shape of the weight for an input of shape `input`; none for pooling and subsampling.
    pub fn weight_shape(&self, input: Shape) -> Option<Vec<usize>> {
        match *self {
            Self::Conv { channels, kernel, .. } => Some(vec![channels, input.channels, kernel[0], kernel[1]]),
            Self::Linear { features } => Some(vec![features, input.len()]),
            Self::AvgPool { .. } | Self::Subsample { .. } => None,
        }
    }

    /// Multiply-accumulates of one dense evaluation (one sample, one time step), as papers count them: kernel size
    /// times input channels for every output, windows at the border counted whole. Zero for maps without weights.
    pub fn dense_operations(&self, input: Shape) -> u64 {
        match (self.weight_shape(input), self.output(input)) {
            (Some(weight), Ok(output)) => (weight.iter().skip(1).product::<usize>() * output.len()) as u64,
            _ => 0,
        }
    }

    /// Synapses from each input neuron, in `C, H, W` order: the number of outputs that read it. Exact at the border,
    /// where windows reach beyond the input or leave rows and columns out. For pooling and subsampling, whose synapses
    /// have no weight, they are counted in the same way.
    ///
    /// # Errors
    /// As [`Map::output`].
    pub fn fan_out(&self, input: Shape) -> Result<Vec<u64>, String> {
        self.count_synapses(input, |_| true)
    }

    /// Synapses from each input neuron as [`Map::fan_out`] has them, but for those with a weight of zero in `weight`,
    /// which do nothing. Maps without weights take an empty slice.
    ///
    /// # Errors
    /// As [`Map::output`], and if `weight` has not as many values as [`Map::weight_shape`] says.
    pub fn effective_fan_out(&self, input: Shape, weight: &[f32]) -> Result<Vec<u64>, String> {
        let expected = self.weight_shape(input).map_or(0, |shape| shape.iter().product());
        if weight.len() != expected {
            return Err(format!("{expected} weights expected, {} found", weight.len()));
        }
        self.count_synapses(input, |index| weight[index] != 0.0)
    }

    /// Synapses from each input neuron whose weight, by index, `is_counted`; all of them in maps without weights.
    fn count_synapses(&self, input: Shape, is_counted: impl Fn(usize) -> bool) -> Result<Vec<u64>, String> {
        let output = self.output(input)?;
        let (kernel, stride, padding) = match *self {
            Self::Linear { features } => {
                let counted = |i| (0..features).filter(|o| is_counted(o * input.len() + i)).count() as u64;
                return Ok((0..input.len()).map(counted).collect());
            }
            Self::Conv { kernel, stride, padding, .. } => (kernel, stride, padding),
            Self::AvgPool { size, stride } => ([size, size], stride, 0),
            Self::Subsample { stride } => ([1, 1], stride, 0),
        };
        let rows: Vec<Vec<usize>> =
            (0..input.height).map(|row| taps(row, kernel[0], stride, padding, output.height)).collect();
        let columns: Vec<Vec<usize>> =
            (0..input.width).map(|column| taps(column, kernel[1], stride, padding, output.width)).collect();
        let mut synapses = Vec::with_capacity(input.len());
        for c_in in 0..input.channels {
            // Output channels that each tap of the window leads to.
            let channels: Vec<u64> = match *self {
                Self::Conv { channels, .. } => (0..kernel[0] * kernel[1])
                    .map(|tap| {
                        let index = |c_out| (c_out * input.channels + c_in) * kernel[0] * kernel[1] + tap;
                        (0..channels).filter(|&c_out| is_counted(index(c_out))).count() as u64
                    })
                    .collect(),
                _ => vec![1; kernel[0] * kernel[1]],
            };
            for row in &rows {
                for column in &columns {
                    let pairs = row.iter().flat_map(|dy| column.iter().map(move |dx| dy * kernel[1] + dx));
                    synapses.push(pairs.map(|tap| channels[tap]).sum());
                }
            }
        }
        Ok(synapses)
    }
}

/// Along one axis, the taps under which windows have the input at `at`.
fn taps(at: usize, kernel: usize, stride: usize, padding: usize, windows: usize) -> Vec<usize> {
    let reads = |&tap: &usize| {
        let start = (at + padding).checked_sub(tap);
        start.is_some_and(|start| start.is_multiple_of(stride) && start / stride < windows)
    };
    (0..kernel).filter(reads).collect()
}

fn positive(count: usize, what: &str) -> Result<usize, String> {
    if count == 0 { Err(format!("{what} must be at least 1")) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_as_papers_do() {
        assert_eq!(
            Map::Conv { channels: 20, kernel: [5, 5], stride: 1, padding: 2 }.dense_operations(Shape::new(1, 28, 28)),
            392_000
        );
        assert_eq!(Map::Linear { features: 200 }.dense_operations(Shape::new(50, 7, 7)), 490_000);
    }

    #[test]
    fn fan_out_is_less_at_the_border() {
        let conv = Map::Conv { channels: 2, kernel: [3, 3], stride: 1, padding: 1 };
        assert_eq!(conv.fan_out(Shape::new(1, 3, 3)).unwrap(), [8, 12, 8, 12, 18, 12, 8, 12, 8]);
        let strided = Map::Conv { channels: 1, kernel: [1, 3], stride: 2, padding: 0 };
        assert_eq!(strided.fan_out(Shape::new(1, 1, 6)).unwrap(), [1, 1, 2, 1, 1, 0], "the last column is left out");
        assert_eq!(Map::AvgPool { size: 2, stride: 2 }.fan_out(Shape::new(1, 2, 3)).unwrap(), [1, 1, 0, 1, 1, 0]);
        assert_eq!(Map::Subsample { stride: 2 }.fan_out(Shape::new(2, 1, 3)).unwrap(), [1, 0, 1, 1, 0, 1]);
        assert_eq!(Map::Linear { features: 4 }.fan_out(Shape::features(2)).unwrap(), [4, 4]);
        assert_eq!(
            Map::AvgPool { size: 3, stride: 0 }.fan_out(Shape::new(1, 9, 9)).unwrap_err(),
            "kernel size and stride must be at least 1"
        );
    }

    #[test]
    fn a_weight_of_zero_is_no_synapse() {
        let linear = Map::Linear { features: 2 };
        assert_eq!(linear.effective_fan_out(Shape::features(2), &[1.0, 0.0, -1.0, 0.0]).unwrap(), [2, 0]);
        let conv = Map::Conv { channels: 1, kernel: [1, 2], stride: 1, padding: 0 };
        assert_eq!(conv.effective_fan_out(Shape::new(1, 1, 3), &[0.5, 0.0]).unwrap(), [1, 1, 0]);
        let pool = Map::AvgPool { size: 2, stride: 2 };
        assert_eq!(pool.effective_fan_out(Shape::new(1, 2, 2), &[]).unwrap(), [1, 1, 1, 1]);
        assert_eq!(linear.effective_fan_out(Shape::features(2), &[1.0]).unwrap_err(), "4 weights expected, 1 found");
    }
}
