//! The dense path: where most neurons fire, a matrix product over all steps of a window is faster than walking its
//! events.

use gemm::{Parallelism, gemm};

use snn_core::Map;

use crate::events::Events;
use crate::kernels::taps::for_each_tap;
use crate::layout::Layout;
use crate::simd::{Lane, flat, flat_mut};

/// The maximum number of bytes that `gemm` allocates in each thread, for products over `steps` steps, `width` channels
/// of a tile and `columns` inputs. This is a block of the size of the L2 cache, which the thread keeps, and both
/// packed factors: the smaller one whole, the larger one for as many terms of the sum as `gemm` takes together.
pub(crate) fn work_space(steps: usize, width: usize, columns: usize) -> usize {
    let cache = gemm_common::cache::CACHE_INFO[1].cache_bytes;
    let packed = |[m, n, k]: [usize; 3]| {
        let padded = |extent: usize| extent.next_multiple_of(MOST_TILE);
        k.min(MOST_TERMS) * (padded(m.max(n)) + padded(m.min(n)).min(MOST_ROWS)) * size_of::<f32>()
    };
    let products = [[steps, width, columns], [columns, width, steps], [columns, steps, width]];
    cache + products.into_iter().map(packed).max().unwrap_or(0)
}

/// Constants of `gemm`: a multiple of its tile extents, the maximum number of terms of a sum that it takes together,
/// and the maximum number of rows that it packs before it starts.
const MOST_TILE: usize = 96;
const MOST_TERMS: usize = 1024;
const MOST_ROWS: usize = 16 * MOST_TILE;

/// The inputs that one target pixel sees over all steps, as a matrix of `T` rows and `taps · inputs` columns. It is
/// stored by column, so that the spikes of a neuron are contiguous.
pub(crate) struct Windows<'a> {
    pub(crate) map: &'a Map,
    pub(crate) source: &'a Layout,
    pub(crate) target: &'a Layout,
    pub(crate) pixel: usize,
    /// Number of columns: taps times inputs.
    pub(crate) columns: usize,
    pub(crate) steps: usize,
    pub(crate) matrix: &'a mut Vec<f32>,
}

impl Windows<'_> {
    /// Writes the spikes of the source into the matrix.
    pub(crate) fn fill(&mut self, events: &Events) {
        self.matrix.clear();
        self.matrix.resize(self.steps * self.columns, 0.0);
        for_each_tap(
            self.map,
            self.source,
            self.target,
            self.pixel,
            #[inline(always)]
            |tap, pixel| {
                for active in events.at(pixel) {
                    let column = tap * self.source.channels + active.channel as usize;
                    let values = &mut self.matrix[column * self.steps..][..self.steps];
                    for &t in &events.times[active.spikes()] {
                        values[usize::from(t)] = active.scale;
                    }
                }
            },
        );
    }

    /// Adds the product of the windows and a tile's `weight` to `current`, `[T][lane]`.
    pub(crate) fn add_currents(&self, weight: &[Lane], current: &mut [Lane]) {
        let width = flat(weight).len() / self.columns;
        let windows = Matrix { values: self.matrix, row: 1, column: self.steps };
        let weight = Matrix { values: flat(weight), row: width, column: 1 };
        multiply_add(flat_mut(current), [self.steps, width, self.columns], windows, weight);
    }

    /// Adds the contribution of the errors `d`, `[T][lane]`, to a tile's `gradient`, if that is not empty.
    pub(crate) fn add_gradient(&self, d: &[Lane], gradient: &mut [Lane]) {
        if gradient.is_empty() {
            return;
        }
        let width = flat(d).len() / self.steps;
        let transposed = Matrix { values: self.matrix, row: self.steps, column: 1 };
        let errors = Matrix { values: flat(d), row: width, column: 1 };
        multiply_add(flat_mut(gradient), [self.columns, width, self.steps], transposed, errors);
    }

    /// Backpropagates the errors `d` of the target, `[T][lane]`, and adds the result to the errors of the source.
    pub(crate) fn add_errors(&self, d: &[Lane], weight: &[Lane], events: &mut Events, product: &mut Vec<f32>) {
        let width = flat(d).len() / self.steps;
        product.clear();
        product.resize(self.steps * self.columns, 0.0);
        let weight = Matrix { values: flat(weight), row: width, column: 1 };
        let errors = Matrix { values: flat(d), row: 1, column: width };
        multiply_add(product, [self.columns, self.steps, width], weight, errors);
        for_each_tap(
            self.map,
            self.source,
            self.target,
            self.pixel,
            #[inline(always)]
            |tap, pixel| {
                let (active, times, g) = events.at_mut(pixel);
                for active in active {
                    let column = tap * self.source.channels + active.channel as usize;
                    for (&t, g) in std::iter::zip(&times[active.spikes()], &mut g[active.spikes()]) {
                        *g += product[column * self.steps + usize::from(t)];
                    }
                }
            },
        );
    }
}

/// A matrix within a slice, with the strides between its rows and between its columns.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

/// Computes `product += left · right` for a row-major product of shape `[m, n]` and an inner extent `k`.
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
