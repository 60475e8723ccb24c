//! Spike trains as lists of events: the form in which the kernels walk them.

use std::ops::Range;

use crate::layout::{Layout, Tile};
use crate::simd::{LANE, Lane, Simd};

/// The spikes of one sample of one population (or of the input), grouped by neuron. Silent and dropped neurons have no
/// entry.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Index into `active` of each pixel's first entry, and its length at the end.
    pub(crate) first: Vec<u32>,
    /// Neurons that fired, by pixel, then channel.
    pub(crate) active: Vec<Active>,
    /// Steps at which they fired, ascending for each.
    pub(crate) times: Vec<u16>,
    /// For each spike, `g(t)` while it is being summed, then by how much the neuron's error up to it exceeds the error
    /// after it: `d(t) - d(t+1)`. Empty in the forward pass, and for the input.
    pub(crate) delta: Vec<f32>,
    /// Whether this is a current: its neurons have no spikes, but are worth their `scale` at every step.
    pub(crate) is_current: bool,
}

/// A neuron that fired, or has a current.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    pub(crate) channel: u32,
    /// Index of its first spike in `times`.
    pub(crate) start: u32,
    /// Its number of spikes.
    pub(crate) count: u32,
    /// What a spike of it is worth to others: its mask, or -1 for negative input spikes; or its current.
    pub(crate) scale: f32,
    /// Factor from the error of its output to its own: `C · mask / threshold`. 1 where that does not apply.
    pub(crate) gain: f32,
}

impl Active {
    pub(crate) fn spikes(&self) -> Range<usize> {
        self.start as usize..(self.start + self.count) as usize
    }
}

impl Events {
    /// Neurons of `pixel` that fired.
    #[inline(always)]
    pub(crate) fn at(&self, pixel: usize) -> &[Active] {
        &self.active[self.first[pixel] as usize..self.first[pixel + 1] as usize]
    }

    /// Neurons of `pixel` that fired, the times of all spikes, and the errors of all spikes to write to.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, pixel: usize) -> (&[Active], &[u16], &mut [f32]) {
        let active = self.first[pixel] as usize..self.first[pixel + 1] as usize;
        (&self.active[active], &self.times, &mut self.delta)
    }

    /// Makes room for the error of each spike, which starts at `d_emitted`.
    pub(crate) fn start_errors(&mut self, d_emitted: f32) {
        self.delta.clear();
        self.delta.reserve_exact(self.times.len());
        self.delta.resize(self.times.len(), d_emitted);
    }

    /// Sum of what all spikes are worth.
    pub(crate) fn emitted(&self) -> f64 {
        self.active.iter().map(|active| f64::from(active.scale) * f64::from(active.count)).sum()
    }

    /// Turns `g` of each spike into the change of the neuron's error there.
    pub(crate) fn finish_errors(&mut self) {
        for active in &self.active {
            let mut later = 0.0;
            for delta in self.delta[active.spikes()].iter_mut().rev() {
                let d = active.gain * *delta;
                *delta = d - later;
                later = d;
            }
        }
    }

    /// Indices into `active` of the neurons of `pixel` within `tile`.
    #[inline(always)]
    pub(crate) fn within(&self, pixel: usize, tile: Tile) -> Range<usize> {
        let (first, channels) = (self.first[pixel] as usize, tile.channels());
        let active = &self.active[first..self.first[pixel + 1] as usize];
        let start = active.partition_point(|a| (a.channel as usize) < channels.start);
        let end = active.partition_point(|a| (a.channel as usize) < channels.end);
        first + start..first + end
    }

    /// Share of the neurons' steps at which they fired.
    pub(crate) fn density(&self, layout: &Layout, steps: usize) -> f32 {
        self.times.len() as f32 / (layout.pixels() * layout.channels * steps) as f32
    }

    /// Most bytes that lists of `spikes` spikes take, with or without errors.
    pub(crate) fn bytes(layout: &Layout, spikes: usize, with_errors: bool) -> usize {
        let active = spikes.min(layout.pixels() * layout.channels);
        let spike = size_of::<u16>() + if with_errors { size_of::<f32>() } else { 0 };
        layout.pixels() * size_of::<u32>() + active * size_of::<Active>() + spikes * spike
    }

    /// Starts a list of `spikes` spikes, with room for those and no more.
    pub(crate) fn start(&mut self, layout: &Layout, spikes: usize) {
        self.first.clear();
        self.first.reserve_exact(layout.pixels() + 1);
        self.first.push(0);
        self.active.clear();
        self.active.reserve_exact(spikes.min(layout.pixels() * layout.channels));
        self.times.clear();
        self.times.reserve_exact(spikes + LANE);
        self.times.resize(spikes + LANE, 0);
        self.delta.clear();
        self.is_current = false;
    }

    /// Lists the errors of neurons that gather them over time, `d(t) = d(t+1) + g(t) / threshold`: each `g` that is not 0
    /// as an event. `rows` are the steps at which there may be any, ascending; the neurons' `g` begin at `first` in each,
    /// in `C, H, W` order.
    pub(crate) fn list_gathered(&mut self, layout: &Layout, rows: &[(u16, &[f32])], first: usize, threshold: f32) {
        self.start(layout, layout.pixels() * layout.channels * rows.len());
        self.times.clear();
        for pixel in 0..layout.pixels() {
            for channel in 0..layout.channels {
                let start = self.times.len() as u32;
                for (t, row) in rows {
                    let g = row[first + layout.neuron(pixel, channel)];
                    if g != 0.0 {
                        self.times.push(*t);
                        self.delta.push(g / threshold);
                    }
                }
                let count = self.times.len() as u32 - start;
                if count > 0 {
                    self.active.push(Active { channel: channel as u32, start, count, scale: 1.0, gain: 1.0 });
                }
            }
            self.first.push(self.active.len() as u32);
        }
    }

    /// Lists the spikes of one step, `[pixel][lane]`, 1 or 0. `mask` is in `C, H, W` order, or empty.
    pub(crate) fn list_step(&mut self, layout: &Layout, fired: &[Lane], mask: &[f32]) {
        self.start(layout, layout.pixels() * layout.channels);
        for (pixel, lanes) in fired.chunks_exact(layout.lanes).enumerate() {
            for channel in 0..layout.channels {
                let scale = mask.get(layout.neuron(pixel, channel)).copied().unwrap_or(1.0);
                if lanes[channel / LANE].0[channel % LANE] > 0.5 && scale != 0.0 {
                    let start = self.active.len() as u32;
                    self.active.push(Active { channel: channel as u32, start, count: 1, scale, gain: 1.0 });
                }
            }
            self.first.push(self.active.len() as u32);
        }
        self.times.truncate(self.active.len());
    }

    /// Lists a current `[neuron]` in `C, H, W` order.
    pub(crate) fn list_current(&mut self, layout: &Layout, current: &[f32]) {
        self.start(layout, 0);
        self.times.clear();
        self.is_current = true;
        self.active.reserve_exact(current.iter().filter(|x| **x != 0.0).count());
        for pixel in 0..layout.pixels() {
            for channel in 0..layout.channels {
                let scale = current[layout.neuron(pixel, channel)];
                if scale != 0.0 {
                    self.active.push(Active { channel: channel as u32, start: 0, count: 0, scale, gain: 1.0 });
                }
            }
            self.first.push(self.active.len() as u32);
        }
    }

    /// Lists the set bits of one word from index `n` on; returns the index after them.
    #[inline(always)]
    pub(crate) fn list_word<S: Simd>(&mut self, word: usize, bits: u32, mut n: usize) -> usize {
        for half in 0..2 {
            let room = self.times[n..].first_chunk_mut().expect("there is room for a lane behind the last spike");
            n += S::list_bits((bits >> (16 * half)) as u16, (word * 32 + 16 * half) as u16, room);
        }
        n
    }
}
