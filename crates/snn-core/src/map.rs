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
}
