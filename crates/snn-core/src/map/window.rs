//! Windows over rows and columns, as used by convolutions and pools.

/// Geometry of a sliding window over the input. Each pair is `[rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: [usize; 2],
    /// Stride: distance between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// Distance between the rows, and the columns, of a window.
    pub dilation: [usize; 2],
}

impl Window {
    /// A window of this size with stride 1, without padding or dilation.
    pub const fn new(size: [usize; 2]) -> Self {
        Self { size, stride: [1, 1], padding: [0, 0], dilation: [1, 1] }
    }

    /// Number of windows, down and across, over an input of `extents` rows and columns.
    ///
    /// # Errors
    /// A message, if no window fits, or if a size, stride or dilation is 0.
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

    /// Row (`axis` 0) or column (`axis` 1) of the input under tap `tap` of window `output`; `None` if it lies in the
    /// padding before the first row or column. It may lie beyond the last one, which the caller must check.
    #[inline(always)]
    pub fn input(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride[axis] + tap * self.dilation[axis]).checked_sub(self.padding[axis])
    }

    /// The window whose tap `tap` lies on row or column `input`, if there is one. The result may exceed the number of
    /// windows, which the caller must check.
    #[inline(always)]
    pub fn output(&self, axis: usize, input: usize, tap: usize) -> Option<usize> {
        let start = (input + self.padding[axis]).checked_sub(tap * self.dilation[axis])?;
        start.is_multiple_of(self.stride[axis]).then(|| start / self.stride[axis])
    }

    /// Taps under which at least one of `outputs` windows reads row or column `input`.
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
