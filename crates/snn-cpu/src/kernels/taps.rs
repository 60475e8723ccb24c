//! Enumerates the pairs of input and output pixels that a map connects, with the tap of each pair.

use snn_core::{Map, Shape, Window};

use crate::layout::Layout;

/// The window of a map over an input of layout `source`.
#[inline(always)]
fn window(map: &Map, source: &Layout) -> Window {
    map.window(Shape::new(source.channels, source.height, source.width))
}

/// Calls `visit(tap, input pixel)` for each tap of an output pixel's window that lies inside the input.
#[inline(always)]
pub(crate) fn for_each_tap(
    map: &Map,
    source: &Layout,
    output: &Layout,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let window = window(map, source);
    let (y, x) = (pixel / output.width, pixel % output.width);
    for dy in 0..window.size[0] {
        let Some(row) = window.input(0, y, dy).filter(|row| *row < source.height) else { continue };
        for dx in 0..window.size[1] {
            if let Some(column) = window.input(1, x, dx).filter(|column| *column < source.width) {
                visit(dy * window.size[1] + dx, row * source.width + column);
            }
        }
    }
}

/// Calls `visit(tap, output pixel)` for each output pixel that reads an input pixel, with the tap through which it
/// reads it.
#[inline(always)]
pub(crate) fn for_each_reader(
    map: &Map,
    source: &Layout,
    output: &Layout,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let window = window(map, source);
    let (y, x) = (pixel / source.width, pixel % source.width);
    for dy in 0..window.size[0] {
        let Some(row) = window.output(0, y, dy).filter(|row| *row < output.height) else { continue };
        for dx in 0..window.size[1] {
            if let Some(column) = window.output(1, x, dx).filter(|column| *column < output.width) {
                visit(dy * window.size[1] + dx, row * output.width + column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_core::Conv;

    #[test]
    fn readers_are_the_inverse_of_taps() {
        for (kernel, stride, padding, dilation) in [
            ([3, 2], [1, 1], [1, 1], [1, 1]),
            ([2, 5], [3, 3], [2, 2], [1, 1]),
            ([1, 1], [2, 2], [0, 0], [1, 1]),
            ([4, 4], [2, 1], [3, 0], [1, 1]),
            ([3, 2], [1, 2], [1, 2], [2, 3]),
        ] {
            let map = Map::from(Conv::new(1, kernel).stride(stride).padding(padding).dilation(dilation));
            let shape = Shape::new(1, 7, 6);
            let (source, output) = (Layout::new(shape), Layout::new(map.output(shape).expect("the map fits")));
            let mut forward = Vec::new();
            for pixel in 0..output.pixels() {
                for_each_tap(&map, &source, &output, pixel, |tap, input| forward.push((input, tap, pixel)));
            }
            let mut back = Vec::new();
            for pixel in 0..source.pixels() {
                for_each_reader(&map, &source, &output, pixel, |tap, reader| back.push((pixel, tap, reader)));
            }
            forward.sort_unstable();
            back.sort_unstable();
            assert_eq!(forward, back);
        }
    }
}
