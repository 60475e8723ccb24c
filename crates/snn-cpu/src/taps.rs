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
