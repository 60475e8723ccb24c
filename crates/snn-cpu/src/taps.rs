//! Which input pixels an output pixel sees through a map, and by which tap.

use snn_core::Map;

use crate::layout::Layout;

/// Coefficient of a map without weights.
pub(crate) fn share(map: &Map) -> f32 {
    match *map {
        Map::AvgPool { size, .. } => 1.0 / (size * size) as f32,
        _ => 1.0,
    }
}

/// Kernel height and width, stride and padding of a map over an input of layout `source`; a linear map is one window.
fn window(map: &Map, source: &Layout) -> ([usize; 2], usize, usize) {
    match *map {
        Map::Conv { kernel, stride, padding, .. } => (kernel, stride, padding),
        Map::Linear { .. } => ([source.height, source.width], 1, 0),
        Map::AvgPool { size, stride } => ([size, size], stride, 0),
        Map::Subsample { stride } => ([1, 1], stride, 0),
    }
}

/// Calls `visit(tap, input pixel)` for the taps of the window of an output pixel that lie inside the input.
#[inline(always)]
pub(crate) fn for_each_tap(
    map: &Map,
    source: &Layout,
    output: &Layout,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let (kernel, stride, padding) = window(map, source);
    let (top, left) = (pixel / output.width * stride, pixel % output.width * stride);
    for dy in 0..kernel[0] {
        let row = (top + dy).wrapping_sub(padding);
        if row >= source.height {
            continue;
        }
        for dx in 0..kernel[1] {
            let column = (left + dx).wrapping_sub(padding);
            if column < source.width {
                visit(dy * kernel[1] + dx, row * source.width + column);
            }
        }
    }
}

/// Calls `visit(tap, output pixel)` for the output pixels that see an input pixel, each with the tap by which it does.
#[inline(always)]
pub(crate) fn for_each_reader(
    map: &Map,
    source: &Layout,
    output: &Layout,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let (kernel, stride, padding) = window(map, source);
    let (bottom, right) = (pixel / source.width + padding, pixel % source.width + padding);
    for dy in 0..kernel[0].min(bottom + 1) {
        let (row, is_off) = ((bottom - dy) / stride, (bottom - dy) % stride != 0);
        if is_off || row >= output.height {
            continue;
        }
        for dx in 0..kernel[1].min(right + 1) {
            let (column, is_off) = ((right - dx) / stride, (right - dx) % stride != 0);
            if !is_off && column < output.width {
                visit(dy * kernel[1] + dx, row * output.width + column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_core::Shape;

    #[test]
    fn readers_are_the_inverse_of_taps() {
        for (kernel, stride, padding) in [([3, 2], 1, 1), ([2, 5], 3, 2), ([1, 1], 2, 0), ([4, 4], 2, 3)] {
            let map = Map::Conv { channels: 1, kernel, stride, padding };
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
