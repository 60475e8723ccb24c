//! Windows over rows and columns: what a convolution or pool sees.

/// The rows and columns of an input that an output sees. Each pair is of rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// Distance between the rows, and the columns, of a window.
    pub dilation: [usize; 2],
}

impl Window {
    /// Windows side by side with all rows and columns, without padding.
    pub const fn new(size: [usize; 2]) -> Self {
        Self { size, stride: [1, 1], padding: [0, 0], dilation: [1, 1] }
    }

    /// How many windows there are over an input of that height and width.
    ///
    /// # Errors
    /// A sentence, if there is none, or if a size, stride or dilation is 0.
    pub fn outputs(&self, extents: [usize; 2]) -> Result<[usize; 2], String> {
        let along = |axis: usize| {
            let [size, stride, padding, dilation] =
                [self.size, self.stride, self.padding, self.dilation].map(|p| p[axis]);
            if size == 0 || stride == 0 || dilation == 0 {
                return Err("kernel size, stride and dilation must be at least 1".to_owned());
            }
            let (extent, seen) = (extents[axis], dilation * (size - 1) + 1);
            if extent + 2 * padding < seen {
                let axis = ["height", "width"][axis];
                return Err(format!("{axis} {extent} with padding {padding} is smaller than the window of {seen}"));
            }
            Ok((extent + 2 * padding - seen) / stride + 1)
        };
        Ok([along(0)?, along(1)?])
    }

    /// The row (`axis` 0) or column (1) of the input that lies under tap `tap` of window `output`; none if it is padding before
    /// the first one. Beyond the last one is for the caller to see.
    #[inline(always)]
    pub fn input(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride[axis] + tap * self.dilation[axis]).checked_sub(self.padding[axis])
    }

    /// The window that sees row or column `input` under tap `tap`, if one does; whether there is such a window is for the caller
    /// to see.
    #[inline(always)]
    pub fn output(&self, axis: usize, input: usize, tap: usize) -> Option<usize> {
        let start = (input + self.padding[axis]).checked_sub(tap * self.dilation[axis])?;
        start.is_multiple_of(self.stride[axis]).then(|| start / self.stride[axis])
    }

    /// The taps under which one of `outputs` windows sees row or column `input`.
    pub(super) fn taps(&self, axis: usize, input: usize, outputs: usize) -> Vec<usize> {
        let is_seen = |&tap: &usize| self.output(axis, input, tap).is_some_and(|output| output < outputs);
        (0..self.size[axis]).filter(is_seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_sees_what_sees_it() {
        let window = Window { size: [3, 2], stride: [2, 1], padding: [1, 0], dilation: [1, 3] };
        assert_eq!(window.outputs([5, 7]).unwrap(), [3, 4]);
        assert_eq!([0, 1, 2].map(|tap| window.input(0, 0, tap)), [None, Some(0), Some(1)]);
        assert_eq!([0, 1].map(|tap| window.input(1, 2, tap)), [Some(2), Some(5)]);
        for (axis, extent) in [(0, 5), (1, 7)] {
            let outputs = window.outputs([5, 7]).unwrap()[axis];
            for output in 0..outputs {
                for tap in 0..window.size[axis] {
                    let Some(input) = window.input(axis, output, tap).filter(|input| *input < extent) else { continue };
                    assert_eq!(window.output(axis, input, tap), Some(output));
                    assert!(window.taps(axis, input, outputs).contains(&tap));
                }
            }
        }
        assert_eq!(window.outputs([5, 3]).unwrap_err(), "width 3 with padding 0 is smaller than the window of 4");
    }
}
