//! Kernels for sources whose outputs are numbers over time rather than spikes. Their layout is `[step][pixel][lane]`,
//! as for currents and errors.
//!
//! Currents are summed in the order of the reference engine, with each product and each sum rounded separately. The
//! sums of a few steps stay in registers. Multiply-adds are the limit; the separate rounding costs half of their
//! throughput.

use snn_core::Map;

use crate::events::Events;
use crate::kernels::taps::for_each_tap;
use crate::layout::{Layout, Tile, WeightShape};
use crate::simd::{Lane, Simd, flat};

/// What a kernel reads of a source.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reads<'a> {
    /// Spikes, or a current that is constant over time.
    Events(&'a Events),
    /// Numbers, `[step][pixel][lane]`.
    Numbers(&'a [Lane]),
}

/// The numbers of a source that one target pixel and tile see through a map.
pub(crate) struct Seen<'a> {
    pub(crate) map: &'a Map,
    pub(crate) source: &'a Layout,
    pub(crate) target: &'a Layout,
    pub(crate) pixel: usize,
    pub(crate) tile: Tile,
    pub(crate) shape: WeightShape,
    pub(crate) numbers: &'a [Lane],
}

/// Number of steps whose sums are held in registers together.
const STEPS: usize = 4;

impl Seen<'_> {
    /// Adds the currents to `current`, `[step][lane]`. `weight` has the rows of the tile; it is empty for maps without
    /// weights.
    #[inline(always)]
    pub(crate) fn add_currents<S: Simd, const V: usize>(&self, weight: &[Lane], current: &mut [[Lane; V]]) {
        if self.shape.taps == 0 {
            self.add_pooled::<S, V>(current);
            return;
        }
        let (whole, rest) = current.as_chunks_mut::<STEPS>();
        let steps = whole.len() * STEPS;
        for (block, current) in whole.iter_mut().enumerate() {
            self.add_block::<S, V, STEPS>(weight, block * STEPS, current);
        }
        for (t, current) in rest.iter_mut().enumerate() {
            self.add_block::<S, V, 1>(weight, steps + t, std::array::from_mut(current));
        }
    }

    #[inline(always)]
    fn add_block<S: Simd, const V: usize, const T: usize>(
        &self,
        weight: &[Lane],
        first: usize,
        current: &mut [[Lane; V]; T],
    ) {
        let mut sums = [[S::splat(0.0); V]; T];
        for (sums, current) in sums.iter_mut().zip(&*current) {
            for (sum, lane) in sums.iter_mut().zip(current) {
                *sum = S::load(lane);
            }
        }
        for_each_tap(
            self.map,
            self.source,
            self.target,
            self.pixel,
            #[inline(always)]
            |tap, pixel| {
                let (rows, _) = weight[self.shape.tap_range(self.tile, tap)].as_chunks::<V>();
                let x: [&[f32]; T] = std::array::from_fn(|t| &self.at(first + t, pixel)[..rows.len()]);
                for (c, row) in rows.iter().enumerate() {
                    let mut weights = [S::splat(0.0); V];
                    for (weight, lane) in weights.iter_mut().zip(row) {
                        *weight = S::load(lane);
                    }
                    for (sums, x) in sums.iter_mut().zip(x) {
                        let x = S::splat(x[c]);
                        for (sum, weight) in sums.iter_mut().zip(weights) {
                            *sum = S::add(*sum, S::mul(x, weight));
                        }
                    }
                }
            },
        );
        for (sums, current) in sums.iter().zip(current) {
            for (sum, lane) in sums.iter().zip(current) {
                S::store(*sum, lane);
            }
        }
    }

    /// The values of all channels of a pixel at a step, padding included.
    #[inline(always)]
    fn at(&self, step: usize, pixel: usize) -> &[f32] {
        flat(&self.numbers[step * self.source.width() + pixel * self.source.lanes..][..self.source.lanes])
    }

    #[inline(always)]
    fn add_pooled<S: Simd, const V: usize>(&self, current: &mut [[Lane; V]]) {
        let share = S::splat(self.map.share());
        let lanes = self.source.lanes;
        for_each_tap(
            self.map,
            self.source,
            self.target,
            self.pixel,
            #[inline(always)]
            |_, pixel| {
                let steps = self.numbers.chunks_exact(self.source.width());
                for (current, step) in current.iter_mut().zip(steps) {
                    let x = &step[pixel * lanes + self.tile.start..][..V];
                    for (sum, x) in current.iter_mut().zip(x) {
                        S::store(S::add(S::load(sum), S::mul(share, S::load(x))), sum);
                    }
                }
            },
        );
    }

    /// Adds the contribution of the errors `d`, `[step][lane]`, to the gradient of the tile's rows.
    #[inline(always)]
    pub(crate) fn add_gradient<S: Simd, const V: usize>(&self, d: &[[Lane; V]], gradient: &mut [Lane]) {
        for_each_tap(
            self.map,
            self.source,
            self.target,
            self.pixel,
            #[inline(always)]
            |tap, pixel| {
                let (d_rows, _) = gradient[self.shape.tap_range(self.tile, tap)].as_chunks_mut::<V>();
                for (block, d) in d.chunks(STEPS).enumerate() {
                    match d.first_chunk::<STEPS>() {
                        Some(d) => self.add_products::<S, V, STEPS>(block * STEPS, pixel, d, d_rows),
                        None => d.iter().enumerate().for_each(
                            #[inline(always)]
                            |(t, d)| {
                                self.add_products::<S, V, 1>(block * STEPS + t, pixel, std::array::from_ref(d), d_rows);
                            },
                        ),
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn add_products<S: Simd, const V: usize, const T: usize>(
        &self,
        first: usize,
        pixel: usize,
        d: &[[Lane; V]; T],
        d_rows: &mut [[Lane; V]],
    ) {
        let mut errors = [[S::splat(0.0); V]; T];
        for (errors, d) in errors.iter_mut().zip(d) {
            for (error, lane) in errors.iter_mut().zip(d) {
                *error = S::load(lane);
            }
        }
        let x: [&[f32]; T] = std::array::from_fn(|t| &self.at(first + t, pixel)[..d_rows.len()]);
        for (c, row) in d_rows.iter_mut().enumerate() {
            for (i, lane) in row.iter_mut().enumerate() {
                let mut sum = S::load(lane);
                for (errors, x) in errors.iter().zip(x) {
                    sum = S::mul_add(S::splat(x[c]), errors[i], sum);
                }
                S::store(sum, lane);
            }
        }
    }
}
