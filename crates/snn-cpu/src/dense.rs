//! The dense path: where most neurons fire, a matrix product over all steps of a window is quicker than its events.

use gemm::{Parallelism, gemm};

use crate::backward::Outgoing;
use crate::forward::{Incoming, for_each_tap, for_each_window};
use crate::layout::Layout;
use crate::simd::{Lane, flat, flat_mut};

/// Adds to `current`, `[T][lane]` of one output pixel and tile, what comes through `incoming` with the tile's `weight`.
pub(crate) fn add_currents(
    incoming: &Incoming<'_>,
    layout: &Layout,
    pixel: usize,
    weight: &[Lane],
    current: &mut [Lane],
    patches: &mut Vec<f32>,
) {
    let inputs = incoming.shape.inputs;
    let columns = inputs * incoming.shape.taps;
    let width = flat(weight).len() / columns;
    let steps = flat(current).len() / width;
    patches.clear();
    patches.resize(steps * columns, 0.0);
    let events = incoming.events;
    for_each_tap(&incoming.map, &incoming.source, layout, pixel, |tap, pixel| {
        for active in events.at(pixel) {
            for &t in &events.times[active.spikes()] {
                patches[usize::from(t) * columns + tap * inputs + active.channel as usize] += active.scale;
            }
        }
    });
    multiply_add(
        flat_mut(current),
        [steps, width, columns],
        Matrix { values: patches, row: columns, column: 1 },
        Matrix { values: flat(weight), row: width, column: 1 },
    );
}

/// Adds to `g` and to `gradient` (if it is not empty) what comes back through `outgoing` to one source pixel and tile.
pub(crate) fn add_errors(
    outgoing: &Outgoing<'_>,
    layout: &Layout,
    pixel: usize,
    [weight, counts]: [&[Lane]; 2],
    g: &mut [Lane],
    gradient: &mut [Lane],
    patches: &mut Vec<f32>,
) {
    let outputs = outgoing.shape.outputs;
    let columns = outputs * outgoing.shape.taps;
    let width = flat(weight).len() / columns;
    let steps = flat(g).len() / width;
    patches.clear();
    patches.resize(steps * columns, 0.0);
    let events = outgoing.events;
    for_each_window(&outgoing.map, layout, &outgoing.target, pixel, |tap, pixel| {
        for active in events.at(pixel) {
            for spike in active.spikes() {
                let t = usize::from(events.times[spike]);
                patches[t * columns + tap * outputs + active.channel as usize] = events.delta[spike];
            }
        }
    });
    let delta = Matrix { values: patches, row: columns, column: 1 };
    multiply_add(flat_mut(g), [steps, width, columns], delta, Matrix { values: flat(weight), row: width, column: 1 });
    if !gradient.is_empty() {
        let transposed = Matrix { values: patches, row: 1, column: columns };
        let counts = Matrix { values: flat(counts), row: width, column: 1 };
        multiply_add(flat_mut(gradient), [columns, width, steps], transposed, counts);
    }
}

/// A matrix within a slice, by the distances between its rows and between its columns.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

/// `product += left · right` for a row-major product of `[m, n]` and an inner extent `k`.
#[expect(unsafe_code, reason = "gemm takes pointers")]
fn multiply_add(product: &mut [f32], [m, n, k]: [usize; 3], left: Matrix<'_>, right: Matrix<'_>) {
    let last =
        |matrix: Matrix<'_>, rows: usize, columns: usize| (rows - 1) * matrix.row + (columns - 1) * matrix.column;
    assert!(m > 0 && n > 0 && k > 0 && product.len() == m * n, "the product does not have the extents asked for");
    assert!(last(left, m, k) < left.values.len() && last(right, k, n) < right.values.len(), "a factor is too small");
    // SAFETY: the assertions above keep every index that the extents and strides can form within the three slices, and
    // `product` is borrowed exclusively.
    unsafe {
        gemm(
            m,
            n,
            k,
            product.as_mut_ptr(),
            1,
            n as isize,
            true,
            left.values.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.values.as_ptr(),
            right.column as isize,
            right.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
