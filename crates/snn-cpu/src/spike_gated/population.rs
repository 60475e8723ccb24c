//! The forward pass of one population for one sample: the currents of a pixel over all steps, then the scan of its
//! neurons over time, with both in the L1 cache.
//!
//! Pixels are independent of each other, so a population can be cut into parts that run in parallel. This speeds up
//! the inference of single images. Where there are more samples than threads, each sample runs in one part.

use std::ops::Range;

use rayon::prelude::*;
use snn_core::neuron::PlainLif;

use crate::kernels::currents::{Incoming, beginning};
use crate::layout::{Layout, Tile};
use crate::simd::{LANE, Lane, Level, MAX_TILE_LANES, Simd, SimdJob, dispatch};

/// The job that runs one population for one sample.
#[derive(Clone, Copy)]
pub(super) struct PopulationForward<'a> {
    pub(super) neuron: PlainLif,
    pub(super) layout: Layout,
    pub(super) incoming: &'a [Incoming<'a>],
    /// Bias currents, `[lane]`, of every step and pixel; empty for none.
    pub(super) bias: &'a [Lane],
    pub(super) steps: usize,
    /// Whether neurons start from their current membranes rather than from 0.
    pub(super) resumes: bool,
}

/// The buffers that the job writes for a sample. Either `bits` or `output` is empty.
pub(super) struct ForwardOutput<'a> {
    /// Spikes `[pixel][word][channel]` of neurons that fire.
    pub(super) bits: &'a mut [u32],
    /// Outputs of neurons that do not fire, `[T][neuron]` in `C, H, W` order.
    pub(super) output: &'a mut [f32],
    /// Membranes after the last step, `[pixel][channel]`; empty if not wanted.
    pub(super) membrane: &'a mut [f32],
}

/// Scratch buffers of a part.
#[derive(Default)]
pub(super) struct PartScratch {
    /// Currents `[T][lane]` of one pixel and tile.
    current: Vec<Lane>,
    /// Matrix of the dense path.
    patches: Vec<f32>,
}

/// A range of pixels of a population. Its spikes and membranes begin at the first pixel of the range.
struct PixelPart<'a> {
    forward: PopulationForward<'a>,
    pixels: Range<usize>,
    tile_lanes: usize,
    left: ForwardOutput<'a>,
    work: &'a mut PartScratch,
}

impl<'a> PopulationForward<'a> {
    /// Runs the population. If its neurons fire, it runs in as many parallel parts as there are `works`.
    pub(super) fn run(self, level: Level, works: &'a mut [PartScratch], left: ForwardOutput<'a>) {
        let pixels = self.layout.pixels();
        let ForwardOutput { mut bits, output, mut membrane } = left;
        let tile_lanes = level.tile_lanes();
        if bits.is_empty() {
            let left = ForwardOutput { bits, output, membrane };
            dispatch(level, PixelPart { forward: self, pixels: 0..pixels, tile_lanes, left, work: &mut works[0] });
            return;
        }
        let (bits_each, membrane_each) = (bits.len() / pixels, membrane.len() / pixels);
        let each = pixels.div_ceil(works.len());
        let parts = works.iter_mut().zip((0..pixels).step_by(each)).map(|(work, start)| {
            let pixels = start..pixels.min(start + each);
            let left = ForwardOutput {
                bits: bits.split_off_mut(..pixels.len() * bits_each).unwrap_or_default(),
                output: &mut [],
                membrane: membrane.split_off_mut(..pixels.len() * membrane_each).unwrap_or_default(),
            };
            PixelPart { forward: self, pixels, tile_lanes, left, work }
        });
        let parts: Vec<PixelPart<'_>> = parts.collect();
        parts.into_par_iter().for_each(|part| dispatch(level, part));
    }
}

impl SimdJob for PixelPart<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        for tile in self.forward.layout.tiles(self.tile_lanes) {
            match tile.lanes {
                1 => self.tile::<S, 1>(tile),
                2 => self.tile::<S, 2>(tile),
                3 => self.tile::<S, 3>(tile),
                _ => self.tile::<S, MAX_TILE_LANES>(tile),
            }
        }
    }
}

impl PixelPart<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, tile: Tile) {
        self.work.current.resize(self.forward.steps * V, Lane::ZERO);
        for pixel in self.pixels.clone() {
            let PartScratch { current, patches } = &mut *self.work;
            let (current, _) = current.as_chunks_mut::<V>();
            current.fill(beginning(self.forward.bias, tile));
            for incoming in self.forward.incoming {
                incoming.add_currents::<S, V>(&self.forward.layout, pixel, tile, current, patches);
            }
            self.scan::<S, V>(pixel, tile);
        }
    }

    /// Runs the neurons of one pixel and tile over all steps.
    #[inline(always)]
    fn scan<S: Simd, const V: usize>(&mut self, pixel: usize, tile: Tile) {
        let PopulationForward { neuron, layout, steps, resumes, .. } = self.forward;
        let ForwardOutput { bits, output, membrane } = &mut self.left;
        let (current, _) = self.work.current.as_chunks_mut::<V>();
        let (leak, threshold) = (S::splat(neuron.leak), S::splat(neuron.threshold));
        let width = layout.lanes * LANE;
        let at = pixel - self.pixels.start;
        let mut v = [S::splat(0.0); V];
        if resumes {
            let (membrane, _) = membrane[at * width..][..width].as_chunks::<LANE>();
            for i in 0..V {
                v[i] = S::load(&Lane(membrane[tile.start + i]));
            }
        }
        if output.is_empty() {
            let words = steps.div_ceil(32);
            let (bits, _) = bits[at * words * width..][..words * width].as_chunks_mut::<LANE>();
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
                    S::store_bits(&mut bits[word * layout.lanes + tile.start + i], fired[i]);
                }
            }
        } else {
            for current in &mut *current {
                for i in 0..V {
                    v[i] = S::mul(leak, S::add(v[i], S::load(&current[i])));
                    S::store(v[i], &mut current[i]);
                }
            }
            let neurons = layout.pixels() * layout.channels;
            for (output, membrane) in output.chunks_exact_mut(neurons).zip(&*current) {
                for channel in tile.channels().start..tile.channels().end.min(layout.channels) {
                    let i = channel - tile.channels().start;
                    output[layout.neuron(pixel, channel)] = membrane[i / LANE].0[i % LANE] / neuron.threshold;
                }
            }
        }
        if !membrane.is_empty() {
            let (membrane, _) = membrane[at * width..][..width].as_chunks_mut::<LANE>();
            for i in 0..V {
                let mut lane = Lane::ZERO;
                S::store(v[i], &mut lane);
                membrane[tile.start + i] = lane.0;
            }
        }
    }
}
