//! Forward pass of one population for one sample: the currents of a pixel over all steps, then the neuron scan, with
//! both in the first-level cache.

use snn_core::neuron::PlainLif;

use crate::currents::Incoming;
use crate::layout::{Layout, Tile};
use crate::simd::{Job, LANE, Lane, MAX_TILE_LANES, Simd};

/// All that is needed to run one population for one sample.
pub(crate) struct Forward<'a> {
    pub(crate) neuron: PlainLif,
    pub(crate) layout: Layout,
    pub(crate) incoming: &'a [Incoming<'a>],
    pub(crate) steps: usize,
    pub(crate) tile_lanes: usize,
    /// Currents `[T][lane]` of one pixel and tile.
    pub(crate) current: &'a mut Vec<Lane>,
    /// Work space of the dense path.
    pub(crate) patches: &'a mut Vec<f32>,
    /// Spikes `[pixel][word][channel]`; empty for neurons that do not fire.
    pub(crate) bits: &'a mut [u32],
    /// What neurons that do not fire pass on, `[T][neuron]` in `C, H, W` order; empty for those that do.
    pub(crate) output: &'a mut [f32],
    /// Whether neurons start from `membrane` rather than from 0.
    pub(crate) resumes: bool,
    /// Final membranes `[pixel][channel]`; empty if not wanted.
    pub(crate) membrane: &'a mut [f32],
}

impl Job for Forward<'_> {
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

impl Forward<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        self.current.resize(self.steps * V, Lane::ZERO);
        for pixel in 0..self.layout.pixels() {
            self.current.fill(Lane::ZERO);
            let (current, _) = self.current.as_chunks_mut::<V>();
            for incoming in self.incoming {
                incoming.add_currents::<S, V>(&self.layout, pixel, tile, current, self.patches);
            }
            self.scan::<S, V>(pixel, tile);
        }
    }

    /// Runs the neurons of one pixel and tile over all steps.
    #[inline(always)]
    fn scan<S: Simd, const V: usize>(&mut self, pixel: usize, tile: Tile) {
        let (current, _) = self.current.as_chunks_mut::<V>();
        let (leak, threshold) = (S::splat(self.neuron.leak), S::splat(self.neuron.threshold));
        let width = self.layout.lanes * LANE;
        let mut v = [S::splat(0.0); V];
        if self.resumes {
            let (membrane, _) = self.membrane[pixel * width..][..width].as_chunks::<LANE>();
            for i in 0..V {
                v[i] = S::load(&Lane(membrane[tile.start + i]));
            }
        }
        if self.output.is_empty() {
            let words = self.steps.div_ceil(32);
            let (bits, _) = self.bits[pixel * words * width..][..words * width].as_chunks_mut::<LANE>();
            for (word, current) in current.chunks(32).enumerate() {
                let mut fired = [S::no_bits(); V];
                for (t, current) in current.iter().enumerate() {
                    for i in 0..V {
                        let charged = S::add(v[i], S::load(&current[i]));
                        let (reset, bits) = S::fire(charged, threshold, fired[i], 1 << t);
                        fired[i] = bits;
                        v[i] = S::mul(leak, reset);
                    }
                }
                for i in 0..V {
                    S::store_bits(&mut bits[word * self.layout.lanes + tile.start + i], fired[i]);
                }
            }
        } else {
            for current in &mut *current {
                for i in 0..V {
                    v[i] = S::mul(leak, S::add(v[i], S::load(&current[i])));
                    S::store(v[i], &mut current[i]);
                }
            }
            let neurons = self.layout.pixels() * self.layout.channels;
            for (output, membrane) in self.output.chunks_exact_mut(neurons).zip(&*current) {
                for channel in tile.channels().start..tile.channels().end.min(self.layout.channels) {
                    let i = channel - tile.channels().start;
                    output[self.layout.neuron(pixel, channel)] = membrane[i / LANE].0[i % LANE] / self.neuron.threshold;
                }
            }
        }
        if !self.membrane.is_empty() {
            let (membrane, _) = self.membrane[pixel * width..][..width].as_chunks_mut::<LANE>();
            for i in 0..V {
                let mut lane = Lane::ZERO;
                S::store(v[i], &mut lane);
                membrane[tile.start + i] = lane.0;
            }
        }
    }
}
