//! The backward kernel for errors that do not depend on spikes: from the errors of a target at every step, it computes
//! those of all neurons of its source, whether they fired or not: `g(t) += W^T d(t)`.
//!
//! The kernel handles one source pixel at a time. `g` of one channel and step is the scalar product of that channel's
//! weight rows, one for each target pixel that reads the source pixel, with the errors of those target pixels. It
//! computes squares of several channels by several steps in registers. Each square is summed lane by lane over all
//! rows; the lanes are summed at the end. One vector load thus serves a whole side of the square. Multiply-adds are
//! the limit, as in a matrix product, but no matrix needs to be built. Target pixels that have no error at the steps
//! of a square are skipped.

use snn_core::Map;

use crate::kernels::taps::{for_each_reader, for_each_tap};
use crate::kernels::walk::is_zero;
use crate::layout::{Layout, Tile, WeightShape};
use crate::simd::{LANE, Lane, MAX_TILE_LANES, Simd, SimdJob, flat_mut};

/// The job that backpropagates errors through one projection.
pub(crate) struct Spread<'a> {
    pub(crate) map: Map,
    pub(crate) source: Layout,
    pub(crate) target: Layout,
    /// Packed weight rows; empty for maps without weights.
    pub(crate) weight: &'a [Lane],
    pub(crate) shape: WeightShape,
    pub(crate) tile_lanes: usize,
    /// Errors of the target, `[step][pixel][lane]`.
    pub(crate) d: &'a [Lane],
    /// Errors of the source, `[step][pixel][lane]`, which are added to.
    pub(crate) g: &'a mut [Lane],
}

impl SimdJob for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        if self.shape.taps == 0 {
            self.pool::<S>();
            return;
        }
        for tile in self.target.tiles(self.tile_lanes) {
            match tile.lanes {
                1 => self.tile::<S, 1>(tile),
                2 => self.tile::<S, 2>(tile),
                3 => self.tile::<S, 3>(tile),
                _ => self.tile::<S, MAX_TILE_LANES>(tile),
            }
        }
    }
}

impl Spread<'_> {
    /// Handles a map without weights.
    #[inline(always)]
    fn pool<S: Simd>(&mut self) {
        let share = S::splat(self.map.share());
        let lanes = self.source.lanes;
        let rows = self.d.chunks_exact(self.target.width()).zip(self.g.chunks_exact_mut(self.source.width()));
        for (d, g) in rows {
            for pixel in 0..self.target.pixels() {
                let d = &d[pixel * lanes..][..lanes];
                for_each_tap(
                    &self.map,
                    &self.source,
                    &self.target,
                    pixel,
                    #[inline(always)]
                    |_, pixel| {
                        for (g, d) in g[pixel * lanes..][..lanes].iter_mut().zip(d) {
                            S::store(S::mul_add(share, S::load(d), S::load(g)), g);
                        }
                    },
                );
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        let steps = self.d.len() / self.target.width();
        let whole = steps - steps % S::SQUARE;
        for step in (0..whole).step_by(S::SQUARE) {
            match S::SQUARE {
                4 => self.steps::<S, V, 4>(tile, step),
                _ => self.steps::<S, V, 2>(tile, step),
            }
        }
        for step in whole..steps {
            self.steps::<S, V, 1>(tile, step);
        }
    }

    /// Handles `STEPS` steps of all source pixels.
    #[inline(always)]
    fn steps<S: Simd, const V: usize, const STEPS: usize>(&mut self, tile: Tile, first: usize) {
        let (width, lanes) = (self.target.width(), self.target.lanes);
        let d: [&[Lane]; STEPS] = std::array::from_fn(|i| &self.d[(first + i) * width..][..width]);
        let has_error = |pixel: usize| {
            let at = pixel * lanes + tile.start;
            d.iter().any(|d| !d[at..at + V].iter().all(is_zero))
        };
        let live: Vec<bool> = (0..self.target.pixels()).map(has_error).collect();
        let (rows, _) = self.weight[self.shape.tile_range(tile)].as_chunks::<V>();
        let inputs = self.shape.inputs;
        let mut readers: Vec<TargetPixel<'_, V, STEPS>> = Vec::new();
        for pixel in 0..self.source.pixels() {
            readers.clear();
            for_each_reader(
                &self.map,
                &self.source,
                &self.target,
                pixel,
                #[inline(always)]
                |tap, reader| {
                    if live[reader] {
                        let at = reader * lanes + tile.start;
                        let errors = d.map(|d| d[at..].first_chunk().expect("a tile lies within its pixel"));
                        readers.push(TargetPixel { rows: &rows[tap * inputs..][..inputs], errors });
                    }
                },
            );
            if readers.is_empty() {
                continue;
            }
            let at = (first * self.source.pixels() + pixel) * self.source.lanes * LANE;
            let g = &mut flat_mut(self.g)[at..];
            let step = self.source.width() * LANE;
            let whole = inputs - inputs % S::SQUARE;
            for channel in (0..whole).step_by(S::SQUARE) {
                match S::SQUARE {
                    4 => add_products::<S, V, STEPS, 4>(&readers, channel, g, step),
                    _ => add_products::<S, V, STEPS, 2>(&readers, channel, g, step),
                }
            }
            for channel in whole..inputs {
                add_products::<S, V, STEPS, 1>(&readers, channel, g, step);
            }
        }
    }
}

/// A target pixel that reads a source pixel.
struct TargetPixel<'a, const V: usize, const STEPS: usize> {
    /// Weight rows of the tap through which it reads the source pixel, one for each source channel.
    rows: &'a [[Lane; V]],
    errors: [&'a [Lane; V]; STEPS],
}

/// Backpropagates the errors of `readers` to `ROWS` source channels and adds the result to `g`. The values of
/// consecutive steps are `step` floats apart.
#[inline(always)]
fn add_products<S: Simd, const V: usize, const STEPS: usize, const ROWS: usize>(
    readers: &[TargetPixel<'_, V, STEPS>],
    channel: usize,
    g: &mut [f32],
    step: usize,
) {
    let mut sums = [[S::splat(0.0); ROWS]; STEPS];
    for reader in readers {
        let Some(rows) = reader.rows[channel..].first_chunk::<ROWS>() else { return };
        for i in 0..V {
            let mut weights = [S::splat(0.0); ROWS];
            for (weight, row) in weights.iter_mut().zip(rows) {
                *weight = S::load(&row[i]);
            }
            for (sums, errors) in sums.iter_mut().zip(reader.errors) {
                let d = S::load(&errors[i]);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = S::mul_add(weight, d, *sum);
                }
            }
        }
    }
    for (t, sums) in sums.iter().enumerate() {
        let mut four = [S::splat(0.0); 4];
        four[..ROWS].copy_from_slice(sums);
        let g = &mut g[t * step + channel..][..ROWS];
        for (g, sum) in g.iter_mut().zip(S::sum_lanes(four)) {
            *g += sum;
        }
    }
}
