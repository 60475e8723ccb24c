//! The forward kernel: the currents of a population from the events or numbers of its sources.
//!
//! The kernel handles one output pixel at a time and keeps its currents of all steps in the L1 cache. Each active
//! input neuron in the pixel's window adds its weight row, held in registers, at the steps where it fired. The L1
//! cache is the limit: a row of 64 channels at one step costs four vector loads and stores, and little else.

use snn_core::Map;

use crate::compiled::Compiled;
use crate::events::Active;
use crate::feed::Feed;
use crate::kernels::dense;
use crate::kernels::numbers::{Reads, Seen};
use crate::kernels::taps::for_each_tap;
use crate::layout::{Layout, Tile, WeightShape};
use crate::simd::{LANE, Lane, MAX_TILE_LANES, Simd, SimdJob};

/// One feed, in the form that the kernel needs.
pub(crate) struct Incoming<'a> {
    pub(crate) map: Map,
    pub(crate) source: Layout,
    pub(crate) reads: Reads<'a>,
    /// Packed weight rows; empty for maps without weights.
    pub(crate) weight: &'a [Lane],
    pub(crate) shape: WeightShape,
    /// Whether the source fires so often that a matrix product is faster than walking its events.
    pub(crate) is_dense: bool,
}

/// The job that sums the currents of a population.
pub(crate) struct Currents<'a> {
    pub(crate) layout: Layout,
    pub(crate) incoming: &'a [Incoming<'a>],
    pub(crate) tile_lanes: usize,
    /// Currents `[step][pixel][lane]`.
    pub(crate) rows: &'a mut [Lane],
    /// Whether to add to the contents of `rows`, rather than overwrite them.
    pub(crate) is_begun: bool,
    /// Initial currents of each pixel at every step, `[lane]`, if `is_begun` is false; empty for 0.
    pub(crate) bias: &'a [Lane],
    /// Scratch buffers: the currents `[step][lane]` of one pixel and tile, and the matrix of the dense path.
    pub(crate) current: &'a mut Vec<Lane>,
    pub(crate) patches: &'a mut Vec<f32>,
}

impl SimdJob for Currents<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
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

impl Currents<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        let width = self.layout.width();
        self.current.resize(self.rows.len() / width * V, Lane::ZERO);
        let (current, _) = self.current.as_chunks_mut::<V>();
        for pixel in 0..self.layout.pixels() {
            let first = pixel * self.layout.lanes + tile.start;
            if self.is_begun {
                for (current, row) in current.iter_mut().zip(self.rows.chunks_exact(width)) {
                    current.copy_from_slice(&row[first..first + V]);
                }
            } else {
                current.fill(beginning(self.bias, tile));
            }
            for incoming in self.incoming {
                incoming.add_currents::<S, V>(&self.layout, pixel, tile, current, self.patches);
            }
            for (current, row) in current.iter().zip(self.rows.chunks_exact_mut(width)) {
                row[first..first + V].copy_from_slice(current);
            }
        }
    }
}

/// The initial currents of a tile: the bias, or 0 if that is empty.
#[inline(always)]
pub(crate) fn beginning<const V: usize>(bias: &[Lane], tile: Tile) -> [Lane; V] {
    bias.get(tile.start..).and_then(|bias| bias.first_chunk::<V>()).copied().unwrap_or([Lane::ZERO; V])
}

impl<'a> Incoming<'a> {
    /// Prepares a feed of a population; spikes are processed event by event.
    pub(crate) fn new(
        compiled: &Compiled,
        (population, feed): (usize, &Feed),
        weights: &'a [Vec<Lane>],
        reads: Reads<'a>,
    ) -> Self {
        let projection = compiled.projection(population, feed);
        Self {
            map: projection.map,
            source: *compiled.source(feed.source),
            reads,
            weight: projection.weight.map_or(&[], |weight| &weights[weight]),
            shape: compiled.weight_shape(projection.weight),
            is_dense: false,
        }
    }

    /// Adds the currents that the feed causes in one pixel and tile to `current`.
    #[inline(always)]
    pub(crate) fn add_currents<S: Simd, const V: usize>(
        &self,
        layout: &Layout,
        pixel: usize,
        tile: Tile,
        current: &mut [[Lane; V]],
        patches: &mut Vec<f32>,
    ) {
        let weight = if self.shape.taps > 0 { &self.weight[self.shape.tile_range(tile)] } else { &[] };
        let events = match self.reads {
            Reads::Events(events) => events,
            Reads::Numbers(numbers) => {
                let (map, source, shape) = (&self.map, &self.source, self.shape);
                let seen = Seen { map, source, target: layout, pixel, tile, shape, numbers };
                seen.add_currents::<S, V>(weight, current);
                return;
            }
        };
        if self.shape.taps > 0 {
            if self.is_dense {
                let mut windows = dense::Windows {
                    map: &self.map,
                    source: &self.source,
                    target: layout,
                    pixel,
                    columns: self.shape.inputs * self.shape.taps,
                    steps: current.len(),
                    matrix: patches,
                };
                windows.fill(events);
                windows.add_currents(weight, current.as_flattened_mut());
                return;
            }
            if events.is_current {
                let mut sum = [S::splat(0.0); V];
                for_each_tap(
                    &self.map,
                    &self.source,
                    layout,
                    pixel,
                    #[inline(always)]
                    |tap, pixel| {
                        let (rows, _) = weight[self.shape.tap_range(tile, tap)].as_chunks::<V>();
                        for active in events.at(pixel) {
                            let scale = S::splat(active.scale);
                            for i in 0..V {
                                let term = S::mul(scale, S::load(&rows[active.channel as usize][i]));
                                sum[i] = S::add(sum[i], term);
                            }
                        }
                    },
                );
                for current in current {
                    for i in 0..V {
                        S::store(S::add(S::load(&current[i]), sum[i]), &mut current[i]);
                    }
                }
                return;
            }
            for_each_tap(
                &self.map,
                &self.source,
                layout,
                pixel,
                #[inline(always)]
                |tap, pixel| {
                    let (rows, _) = weight[self.shape.tap_range(tile, tap)].as_chunks::<V>();
                    add_rows::<S, V>(events.at(pixel), &events.times, rows, current);
                },
            );
        } else {
            let share = self.map.share();
            for_each_tap(
                &self.map,
                &self.source,
                layout,
                pixel,
                #[inline(always)]
                |_, pixel| {
                    for active in &events.active[events.within(pixel, tile)] {
                        let value = share * active.scale;
                        let (lane, i) = (active.channel as usize / LANE - tile.start, active.channel as usize % LANE);
                        if events.is_current {
                            for current in &mut *current {
                                current[lane].0[i] += value;
                            }
                        }
                        for &t in &events.times[active.spikes()] {
                            current[usize::from(t)][lane].0[i] += value;
                        }
                    }
                },
            );
        }
    }
}

/// Adds the weight row of each active neuron to the currents at the steps where it fired.
#[inline(always)]
fn add_rows<S: Simd, const V: usize>(active: &[Active], times: &[u16], rows: &[[Lane; V]], current: &mut [[Lane; V]]) {
    for active in active {
        let scale = S::splat(active.scale);
        let mut row = [scale; V];
        for i in 0..V {
            row[i] = S::mul(scale, S::load(&rows[active.channel as usize][i]));
        }
        for &t in &times[active.spikes()] {
            let current = &mut current[usize::from(t)];
            for i in 0..V {
                S::store(S::add(S::load(&current[i]), row[i]), &mut current[i]);
            }
        }
    }
}
