//! Backward pass of one population for one sample: its errors from the events of its consumers, and the gradients of
//! the convolutions that read it.
//!
//! The error `d(t)` of a neuron changes only where it spiked, so a consumer's neuron is a short list of changes
//! `delta(t) = d(t) - d(t+1)`. With `S(t)` the running count of a source neuron's spikes up to and including `t`,
//!
//! - `g(t)` of the source is the sum of `w · delta(t')` over the changes at `t' >= t`: rows are added where changes are,
//!   and summed backwards in time once at the end;
//! - `dL/dw = Σ_t d(t) s(t) = Σ_t' delta(t') S(t')`: one fused multiply-add of a row for each change.
//!
//! Both come from one walk over the consumer's events, for one source pixel at a time, with weight row and gradient row
//! in registers and `g`, `S` of all steps in the first-level cache.

use snn_core::Map;

use crate::dense;
use crate::events::{Active, Events};
use crate::forward::{for_each_tap, for_each_window, share};
use crate::layout::{Layout, Rows, Tile, WeightShape};
use crate::simd::{Job, LANE, Lane, MAX_TILE_LANES, Simd};

/// One projection that reads the population, as the backward kernel needs it.
pub(crate) struct Outgoing<'a> {
    pub(crate) map: Map,
    pub(crate) target: Layout,
    pub(crate) events: &'a Events,
    /// Packed [`Rows::OfInputs`]; empty for maps without weights.
    pub(crate) weight: &'a [Lane],
    pub(crate) shape: WeightShape,
    /// Whether the target fires so often that a matrix product is quicker than its events.
    pub(crate) is_dense: bool,
    /// Gradient of a convolution, packed as `weight`; empty where it is not wanted here.
    pub(crate) gradient: &'a mut [Lane],
}

/// Work space `[T][lane]` of one pixel and tile.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) g: Vec<Lane>,
    pub(crate) counts: Vec<Lane>,
    /// Work space of the dense path.
    pub(crate) patches: Vec<f32>,
}

/// Errors of one population for one sample: fills `events.delta`.
pub(crate) struct Backward<'a> {
    pub(crate) layout: Layout,
    pub(crate) events: &'a mut Events,
    pub(crate) outgoing: &'a mut [Outgoing<'a>],
    pub(crate) steps: usize,
    pub(crate) tile_lanes: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl Job for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        self.events.delta.clear();
        self.events.delta.resize(self.events.times.len(), 0.0);
        for tile in self.layout.tiles(self.tile_lanes) {
            match tile.lanes {
                1 => self.tile::<S, 1>(tile),
                2 => self.tile::<S, 2>(tile),
                3 => self.tile::<S, 3>(tile),
                _ => self.tile::<S, MAX_TILE_LANES>(tile),
            }
        }
    }
}

impl Backward<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        self.scratch.g.resize(self.steps * V, Lane::ZERO);
        self.scratch.counts.resize(self.steps * V, Lane::ZERO);
        for pixel in 0..self.layout.pixels() {
            let active = self.events.within(pixel, tile);
            if active.is_empty() {
                continue;
            }
            let (g, _) = self.scratch.g.as_chunks_mut::<V>();
            let (counts, _) = self.scratch.counts.as_chunks_mut::<V>();
            g.fill([Lane::ZERO; V]);
            if self.outgoing.iter().any(|outgoing| !outgoing.gradient.is_empty()) {
                count_spikes::<S, V>(&self.events.active[active.clone()], &self.events.times, tile, counts);
            }
            for outgoing in &mut *self.outgoing {
                outgoing.add_errors::<S, V>(&self.layout, pixel, tile, g, counts, &mut self.scratch.patches);
            }
            sum_from_the_end::<S, V>(g);
            for active in &self.events.active[active] {
                let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
                let mut later = 0.0;
                for spike in active.spikes().rev() {
                    let d = active.gain * g[usize::from(self.events.times[spike])][lane].0[i];
                    self.events.delta[spike] = d - later;
                    later = d;
                }
            }
        }
    }
}

impl Outgoing<'_> {
    #[inline(always)]
    fn add_errors<S: Simd, const V: usize>(
        &mut self,
        layout: &Layout,
        pixel: usize,
        tile: Tile,
        g: &mut [[Lane; V]],
        counts: &[[Lane; V]],
        patches: &mut Vec<f32>,
    ) {
        if self.shape.taps == 0 {
            let share = share(&self.map);
            for_each_window(&self.map, layout, &self.target, pixel, |_, pixel| {
                for active in &self.events.active[self.events.within(pixel, tile)] {
                    let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
                    for spike in active.spikes() {
                        g[usize::from(self.events.times[spike])][lane].0[i] += share * self.events.delta[spike];
                    }
                }
            });
            return;
        }
        let range = self.shape.tile_range(Rows::OfInputs, tile);
        let weight = &self.weight[range.clone()];
        if self.is_dense {
            let gradient = std::mem::take(&mut self.gradient);
            let tile_gradient = if gradient.is_empty() { &mut [] } else { &mut gradient[range] };
            let weight_and_counts = [weight, counts.as_flattened()];
            dense::add_errors(self, layout, pixel, weight_and_counts, g.as_flattened_mut(), tile_gradient, patches);
            self.gradient = gradient;
            return;
        }
        let gradient = if self.gradient.is_empty() { &mut [] } else { &mut self.gradient[range] };
        for_each_window(&self.map, layout, &self.target, pixel, |tap, pixel| {
            let tap = self.shape.tap_range(Rows::OfInputs, tile, tap);
            let (rows, _) = weight[tap.clone()].as_chunks::<V>();
            let active = self.events.at(pixel);
            if gradient.is_empty() {
                add_error_rows::<S, V>(active, self.events, rows, g);
            } else {
                let (d_rows, _) = gradient[tap].as_chunks_mut::<V>();
                add_error_and_gradient_rows::<S, V>(active, self.events, rows, d_rows, g, counts);
            }
        });
    }
}

/// `g[t] += delta · w` for each change of each active neuron of a consumer.
#[inline(always)]
fn add_error_rows<S: Simd, const V: usize>(
    active: &[Active],
    events: &Events,
    rows: &[[Lane; V]],
    g: &mut [[Lane; V]],
) {
    for active in active {
        let mut row = [S::splat(0.0); V];
        for i in 0..V {
            row[i] = S::load(&rows[active.channel as usize][i]);
        }
        for (&t, &delta) in std::iter::zip(&events.times[active.spikes()], &events.delta[active.spikes()]) {
            let (g, delta) = (&mut g[usize::from(t)], S::splat(delta));
            for i in 0..V {
                S::store(S::mul_add(delta, row[i], S::load(&g[i])), &mut g[i]);
            }
        }
    }
}

/// As [`add_error_rows`], and `dw += delta · S[t]`.
#[inline(always)]
fn add_error_and_gradient_rows<S: Simd, const V: usize>(
    active: &[Active],
    events: &Events,
    rows: &[[Lane; V]],
    d_rows: &mut [[Lane; V]],
    g: &mut [[Lane; V]],
    counts: &[[Lane; V]],
) {
    for active in active {
        let channel = active.channel as usize;
        let (mut row, mut d_row) = ([S::splat(0.0); V], [S::splat(0.0); V]);
        for i in 0..V {
            row[i] = S::load(&rows[channel][i]);
            d_row[i] = S::load(&d_rows[channel][i]);
        }
        for (&t, &delta) in std::iter::zip(&events.times[active.spikes()], &events.delta[active.spikes()]) {
            let t = usize::from(t);
            let (g, counts, delta) = (&mut g[t], &counts[t], S::splat(delta));
            for i in 0..V {
                d_row[i] = S::mul_add(delta, S::load(&counts[i]), d_row[i]);
                S::store(S::mul_add(delta, row[i], S::load(&g[i])), &mut g[i]);
            }
        }
        for i in 0..V {
            S::store(d_row[i], &mut d_rows[channel][i]);
        }
    }
}

/// `S[t]`: spikes of the active neurons up to and including step `t`, times their scale.
#[inline(always)]
fn count_spikes<S: Simd, const V: usize>(active: &[Active], times: &[u16], tile: Tile, counts: &mut [[Lane; V]]) {
    counts.fill([Lane::ZERO; V]);
    for active in active {
        let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
        for &t in &times[active.spikes()] {
            counts[usize::from(t)][lane].0[i] += active.scale;
        }
    }
    let mut sum = [S::splat(0.0); V];
    for counts in counts {
        for i in 0..V {
            sum[i] = S::add(sum[i], S::load(&counts[i]));
            S::store(sum[i], &mut counts[i]);
        }
    }
}

/// `x[t] = Σ_{t' >= t} x[t']`.
#[inline(always)]
fn sum_from_the_end<S: Simd, const V: usize>(x: &mut [[Lane; V]]) {
    let mut sum = [S::splat(0.0); V];
    for x in x.iter_mut().rev() {
        for i in 0..V {
            sum[i] = S::add(sum[i], S::load(&x[i]));
            S::store(sum[i], &mut x[i]);
        }
    }
}

/// Gradient of a convolution that reads the input, for one sample. The input has few channels and many spikes, so the
/// walk goes over its events: `dw += Σ d(t)` with rows over the outputs, `d` of one output pixel laid out over time.
pub(crate) struct InputGradient<'a> {
    pub(crate) map: Map,
    pub(crate) source: Layout,
    pub(crate) target: Layout,
    pub(crate) input: &'a Events,
    pub(crate) errors: &'a Events,
    pub(crate) shape: WeightShape,
    /// Packed [`Rows::OfOutputs`].
    pub(crate) gradient: &'a mut [Lane],
    pub(crate) steps: usize,
    pub(crate) tile_lanes: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl Job for InputGradient<'_> {
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

impl InputGradient<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        self.scratch.g.resize(self.steps * V, Lane::ZERO);
        let (d, _) = self.scratch.g.as_chunks_mut::<V>();
        let gradient = &mut self.gradient[self.shape.tile_range(Rows::OfOutputs, tile)];
        for pixel in 0..self.target.pixels() {
            let active = self.errors.within(pixel, tile);
            if active.is_empty() {
                continue;
            }
            d.fill([Lane::ZERO; V]);
            for active in &self.errors.active[active] {
                let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
                for spike in active.spikes() {
                    d[usize::from(self.errors.times[spike])][lane].0[i] += self.errors.delta[spike];
                }
            }
            sum_from_the_end::<S, V>(d);
            for_each_tap(&self.map, &self.source, &self.target, pixel, |tap, pixel| {
                let (d_rows, _) = gradient[self.shape.tap_range(Rows::OfOutputs, tile, tap)].as_chunks_mut::<V>();
                for active in self.input.at(pixel) {
                    let d_row = &mut d_rows[active.channel as usize];
                    let mut sum = [S::splat(0.0); V];
                    for &t in &self.input.times[active.spikes()] {
                        for i in 0..V {
                            sum[i] = S::add(sum[i], S::load(&d[usize::from(t)][i]));
                        }
                    }
                    let scale = S::splat(active.scale);
                    for i in 0..V {
                        S::store(S::mul_add(scale, sum[i], S::load(&d_row[i])), &mut d_row[i]);
                    }
                }
            });
        }
    }
}

/// Gradient of a linear map for one pixel and tile of its source, over samples in order.
pub(crate) struct LinearGradient<'a> {
    /// Events of the source and of the consumer, for each sample.
    pub(crate) samples: &'a [(&'a Events, &'a Events)],
    pub(crate) pixel: usize,
    pub(crate) tile: Tile,
    /// `[output][lane in tile]`.
    pub(crate) gradient: &'a mut [Lane],
    pub(crate) steps: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl Job for LinearGradient<'_> {
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
        self.scratch.counts.resize(self.steps * V, Lane::ZERO);
        let (counts, _) = self.scratch.counts.as_chunks_mut::<V>();
        let (d_rows, _) = self.gradient.as_chunks_mut::<V>();
        for (source, errors) in self.samples {
            let active = source.within(self.pixel, self.tile);
            if active.is_empty() {
                continue;
            }
            count_spikes::<S, V>(&source.active[active], &source.times, self.tile, counts);
            for active in errors.at(0) {
                let d_row = &mut d_rows[active.channel as usize];
                for (&t, &delta) in std::iter::zip(&errors.times[active.spikes()], &errors.delta[active.spikes()]) {
                    let delta = S::splat(delta);
                    for i in 0..V {
                        let product = S::mul_add(delta, S::load(&counts[usize::from(t)][i]), S::load(&d_row[i]));
                        S::store(product, &mut d_row[i]);
                    }
                }
            }
        }
    }
}
