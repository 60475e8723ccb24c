//! Pooling of a current.

use crate::map::Window;
use crate::shape::Shape;

/// A pool of a current, applied channel by channel between the map and the neurons; no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// Operation on each window.
    pub kind: PoolKind,
    /// Height and width of a window.
    pub size: usize,
    /// Stride in both directions.
    pub stride: usize,
}

/// Operation on each window of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value. Error is passed back to it, or to the first of equal ones in row order, as in PyTorch.
    Max,
    /// The mean value.
    Mean,
}

impl Pool {
    /// A pool with adjacent windows of `size x size`.
    pub const fn new(kind: PoolKind, size: usize) -> Self {
        Self { kind, size, stride: size }
    }

    /// Max pooling with adjacent windows of `size x size`.
    pub const fn max(size: usize) -> Self {
        Self::new(PoolKind::Max, size)
    }

    /// Average pooling with adjacent windows of `size x size`.
    pub const fn mean(size: usize) -> Self {
        Self::new(PoolKind::Mean, size)
    }

    /// The same pool with another stride.
    #[must_use]
    pub const fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// Geometry of its windows.
    pub const fn window(&self) -> Window {
        Window { stride: [self.stride; 2], ..Window::new([self.size; 2]) }
    }

    /// Output shape for an input of shape `input`.
    ///
    /// # Errors
    /// A message that says why the pool does not fit.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let [height, width] = self.window().outputs([input.height, input.width])?;
        Ok(Shape::new(input.channels, height, width))
    }

    /// Calls `visit(input pixel)` for each pixel of the window of output `pixel`, row by row.
    pub fn for_each_pixel(&self, input: Shape, output: Shape, pixel: usize, mut visit: impl FnMut(usize)) {
        let (y, x) = (pixel / output.width * self.stride, pixel % output.width * self.stride);
        for row in y..y + self.size {
            for column in x..x + self.size {
                visit(row * input.width + column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_within_the_input() {
        let (input, pool) = (Shape::new(2, 3, 5), Pool::max(2).with_stride(1));
        let output = pool.output(input).unwrap();
        assert_eq!(output, Shape::new(2, 2, 4));
        let mut seen = Vec::new();
        pool.for_each_pixel(input, output, 7, |pixel| seen.push(pixel));
        assert_eq!(seen, [8, 9, 13, 14]);
        assert_eq!(Pool::mean(2).output(input).unwrap(), Shape::new(2, 1, 2));
        assert!(Pool::mean(4).output(input).is_err());
    }
}
