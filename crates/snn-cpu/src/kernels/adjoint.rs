//! The backward kernel of one projection for one sample: from the errors of its target it computes the errors of its
//! source and the gradient of its weight.
//!
//! The error `d(t)` of a neuron changes only where it spiked, so the errors of a target pixel over time are expanded
//! from a short list of changes. Then, for each spike of a source neuron in the window, at step `t`,
//!
//! - `g(t)` of the source neuron is the scalar product of its weight row with `d(t)`;
//! - the gradient of that row is the sum of `d(t)` over its spikes.
//!
//! One walk over the source's events computes both, with weight row and gradient row in registers and `d` of all steps
//! in the L1 cache. Per spike and tap, 64 channels take four vector loads and some twelve vector operations on two
//! ports, a quarter of which sum lanes; these operations are the limit. The kernel needs neither transposed weights
//! nor the errors at steps without a spike.

use snn_core::Map;

use crate::events::Events;
use crate::kernels::dense;
use crate::kernels::numbers::{Reads, Seen};
use crate::kernels::taps::for_each_tap;
use crate::kernels::walk::{ErrorsOverTime, add_products, sum_over_time, walk};
use crate::layout::{Layout, Tile, WeightShape};
use crate::simd::{LANE, Lane, MAX_TILE_LANES, Simd, SimdJob};

/// Scratch buffers for one target pixel and tile.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Errors `d`, `[T][lane]`.
    d: Vec<Lane>,
    /// The matrices of the dense path.
    patches: Vec<f32>,
    product: Vec<f32>,
}

/// The job that backpropagates through one projection.
pub(crate) struct Adjoint<'a> {
    pub(crate) map: Map,
    pub(crate) source: Layout,
    pub(crate) target: Layout,
    /// Errors of the target.
    pub(crate) errors: ErrorsOverTime<'a>,
    /// Events of the source. `g` of each spike is added to their `delta`, unless that is empty.
    pub(crate) events: &'a mut Events,
    /// Numbers of the source, used instead of its events; empty if there are none.
    pub(crate) numbers: &'a [Lane],
    /// Packed weight rows; empty for maps without weights.
    pub(crate) weight: &'a [Lane],
    /// Gradient of the weight, packed in the same way; empty if it is not wanted.
    pub(crate) gradient: &'a mut [Lane],
    pub(crate) shape: WeightShape,
    /// Whether the source fires so often that matrix products are faster than walking its events.
    pub(crate) is_dense: bool,
    pub(crate) steps: usize,
    pub(crate) tile_lanes: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl SimdJob for Adjoint<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
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

impl Adjoint<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        self.scratch.d.resize(self.steps * V, Lane::ZERO);
        let (d, _) = self.scratch.d.as_chunks_mut::<V>();
        let wants_errors = !self.events.delta.is_empty();
        for pixel in 0..self.target.pixels() {
            if !self.errors.lay_out::<S, V>(&self.target, pixel, tile, d) {
                continue;
            }
            if self.shape.taps == 0 {
                add_through_pool(&self.map, &self.source, &self.target, pixel, tile, d, self.events);
                continue;
            }
            let range = self.shape.tile_range(tile);
            let weight = &self.weight[range.clone()];
            let gradient = if self.gradient.is_empty() { &mut [] } else { &mut self.gradient[range] };
            if !self.numbers.is_empty() {
                let (map, source, target, shape) = (&self.map, &self.source, &self.target, self.shape);
                let seen = Seen { map, source, target, pixel, tile, shape, numbers: self.numbers };
                seen.add_gradient::<S, V>(d, gradient);
                continue;
            }
            if self.is_dense {
                let mut windows = dense::Windows {
                    map: &self.map,
                    source: &self.source,
                    target: &self.target,
                    pixel,
                    columns: self.shape.inputs * self.shape.taps,
                    steps: self.steps,
                    matrix: &mut self.scratch.patches,
                };
                windows.fill(self.events);
                windows.add_gradient(d.as_flattened(), gradient);
                if wants_errors {
                    windows.add_errors(d.as_flattened(), weight, self.events, &mut self.scratch.product);
                }
                continue;
            }
            let sum = if self.events.is_current { sum_over_time::<S, V>(d) } else { [S::splat(0.0); V] };
            for_each_tap(
                &self.map,
                &self.source,
                &self.target,
                pixel,
                #[inline(always)]
                |tap, pixel| {
                    let tap = self.shape.tap_range(tile, tap);
                    let (rows, _) = weight[tap.clone()].as_chunks::<V>();
                    if self.events.is_current {
                        if !gradient.is_empty() {
                            let (d_rows, _) = gradient[tap].as_chunks_mut::<V>();
                            add_products::<S, V>(self.events.at(pixel), &sum, d_rows);
                        }
                        return;
                    }
                    let (active, times, g) = self.events.at_mut(pixel);
                    match (wants_errors, gradient.is_empty()) {
                        (true, true) => walk::<S, V, true, false>(active, times, rows, &mut [], g, d),
                        (true, false) => {
                            let (d_rows, _) = gradient[tap].as_chunks_mut::<V>();
                            walk::<S, V, true, true>(active, times, rows, d_rows, g, d);
                        }
                        (false, false) => {
                            let (d_rows, _) = gradient[tap].as_chunks_mut::<V>();
                            walk::<S, V, false, true>(active, times, rows, d_rows, g, d);
                        }
                        (false, true) => {}
                    }
                },
            );
        }
    }
}

/// Adds the errors `g` of the source neurons in the window of one target pixel, for maps that pool or subsample.
#[inline(always)]
fn add_through_pool<const V: usize>(
    map: &Map,
    source: &Layout,
    target: &Layout,
    pixel: usize,
    tile: Tile,
    d: &[[Lane; V]],
    events: &mut Events,
) {
    if events.delta.is_empty() {
        return;
    }
    let share = map.share();
    for_each_tap(
        map,
        source,
        target,
        pixel,
        #[inline(always)]
        |_, pixel| {
            for active in &events.active[events.within(pixel, tile)] {
                let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
                for spike in active.spikes() {
                    events.delta[spike] += share * d[usize::from(events.times[spike])][lane].0[i];
                }
            }
        },
    );
}

/// The job that sums the gradient of one tile of a linear map's weight over samples, in their order.
pub(crate) struct LinearGradient<'a> {
    pub(crate) map: Map,
    pub(crate) source: Layout,
    /// For each sample, what is read of the source and the errors of the target.
    pub(crate) samples: &'a [(Reads<'a>, ErrorsOverTime<'a>)],
    pub(crate) target: Layout,
    pub(crate) shape: WeightShape,
    pub(crate) tile: Tile,
    /// `[tap][input][lane in tile]`.
    pub(crate) gradient: &'a mut [Lane],
    pub(crate) steps: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl SimdJob for LinearGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.tile.lanes {
            1 => self.rows::<S, 1>(),
            2 => self.rows::<S, 2>(),
            3 => self.rows::<S, 3>(),
            _ => self.rows::<S, MAX_TILE_LANES>(),
        }
    }
}

impl LinearGradient<'_> {
    #[inline(always)]
    fn rows<S: Simd, const V: usize>(self) {
        self.scratch.d.resize(self.steps * V, Lane::ZERO);
        let (d, _) = self.scratch.d.as_chunks_mut::<V>();
        for (source, errors) in self.samples {
            if !errors.lay_out::<S, V>(&self.target, 0, self.tile, d) {
                continue;
            }
            let source = match source {
                Reads::Events(events) => events,
                Reads::Numbers(numbers) => {
                    let (map, layout, target) = (&self.map, &self.source, &self.target);
                    let (tile, shape) = (self.tile, self.shape);
                    let seen = Seen { map, source: layout, target, pixel: 0, tile, shape, numbers };
                    seen.add_gradient::<S, V>(d, self.gradient);
                    continue;
                }
            };
            let sum = if source.is_current { sum_over_time::<S, V>(d) } else { [S::splat(0.0); V] };
            for tap in 0..self.shape.taps {
                let (d_rows, _) = self.gradient[self.shape.tap_range(self.tile, tap)].as_chunks_mut::<V>();
                if source.is_current {
                    add_products::<S, V>(source.at(tap), &sum, d_rows);
                    continue;
                }
                walk::<S, V, false, true>(source.at(tap), &source.times, &[], d_rows, &mut [], d);
            }
        }
    }
}
