//! Spike trains as lists of events, the form that the kernels read.

use std::ops::Range;

use crate::layout::{Layout, Tile};
use crate::simd::{LANE, Lane, Simd};

/// The spikes of one sample of one population (or of the input), grouped by neuron. Neurons that are silent or dropped
/// have no entry.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// For each pixel, the index in `active` of its first entry; then the length of `active`.
    pub(crate) first: Vec<u32>,
    /// Neurons that fired, ordered by pixel, then channel.
    pub(crate) active: Vec<Active>,
    /// Steps at which they fired, ascending for each neuron.
    pub(crate) times: Vec<u16>,
    /// One value per spike. While errors are being summed it is `g(t)`. After `finish_errors` it is `d(t) - d(t+1)`:
    /// how much the neuron's error at steps up to `t` exceeds the error after `t`. Empty in the forward pass, and for
    /// the input.
    pub(crate) delta: Vec<f32>,
    /// Whether this is a current: its neurons have no spikes, but contribute their `scale` at every step.
    pub(crate) is_current: bool,
}

/// A neuron that fired, or an input neuron with a current.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    pub(crate) channel: u32,
    /// Index of its first spike in `times`.
    pub(crate) start: u32,
    /// Number of its spikes.
    pub(crate) count: u32,
    /// The value of one of its spikes as read by others: its dropout mask, or -1 for negative input spikes. For a
    /// current, its value.
    pub(crate) scale: f32,
    /// Factor from the error of its output to its own error: `C · mask / threshold`. 1 where that does not apply.
    pub(crate) gain: f32,
}

impl Active {
    pub(crate) fn spikes(&self) -> Range<usize> {
        self.start as usize..(self.start + self.count) as usize
    }
}

impl Events {
    /// The neurons of `pixel` that fired.
    #[inline(always)]
    pub(crate) fn at(&self, pixel: usize) -> &[Active] {
        &self.active[self.first[pixel] as usize..self.first[pixel + 1] as usize]
    }

    /// The neurons of `pixel` that fired, the times of all spikes, and the errors of all spikes as a mutable slice.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, pixel: usize) -> (&[Active], &[u16], &mut [f32]) {
        let active = self.first[pixel] as usize..self.first[pixel + 1] as usize;
        (&self.active[active], &self.times, &mut self.delta)
    }

    /// Allocates one error per spike, initialised to `d_emitted`.
    pub(crate) fn start_errors(&mut self, d_emitted: f32) {
        self.delta.clear();
        self.delta.reserve_exact(self.times.len());
        self.delta.resize(self.times.len(), d_emitted);
    }

    /// The sum of the values of all spikes.
    pub(crate) fn emitted(&self) -> f64 {
        self.active.iter().map(|active| f64::from(active.scale) * f64::from(active.count)).sum()
    }

    /// Replaces `g` of each spike by the change of the neuron's error at that spike.
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

    /// The range in `active` of the neurons of `pixel` whose channels lie in `tile`.
    #[inline(always)]
    pub(crate) fn within(&self, pixel: usize, tile: Tile) -> Range<usize> {
        let (first, channels) = (self.first[pixel] as usize, tile.channels());
        let active = &self.active[first..self.first[pixel + 1] as usize];
        let start = active.partition_point(|a| (a.channel as usize) < channels.start);
        let end = active.partition_point(|a| (a.channel as usize) < channels.end);
        first + start..first + end
    }

    /// The spike density: the share of all neurons and steps at which there is a spike.
    pub(crate) fn density(&self, layout: &Layout, steps: usize) -> f32 {
        self.times.len() as f32 / (layout.pixels() * layout.channels * steps) as f32
    }

    /// The maximum number of bytes of a list of `spikes` spikes, with or without errors.
    pub(crate) fn bytes(layout: &Layout, spikes: usize, with_errors: bool) -> usize {
        let active = spikes.min(layout.pixels() * layout.channels);
        let spike = size_of::<u16>() + if with_errors { size_of::<f32>() } else { 0 };
        layout.pixels() * size_of::<u32>() + active * size_of::<Active>() + spikes * spike
    }

    /// Clears the list and reserves exactly enough memory for `spikes` spikes.
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

    /// Lists the errors of neurons that accumulate them over time, `d(t) = d(t+1) + g(t) / threshold`: each non-zero
    /// `g` becomes an event. `rows` are the steps that may have errors, ascending. The `g` of these neurons begin at
    /// `first` in each row, in `C, H, W` order.
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

    /// Lists the spikes of one step, given as `[pixel][lane]` of 1 or 0. `mask` is in `C, H, W` order, or empty.
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

    /// Lists a current, given as `[neuron]` in `C, H, W` order.
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

    /// Lists the set bits of one word from index `n` on, and returns the index after them.
    #[inline(always)]
    pub(crate) fn list_word<S: Simd>(&mut self, word: usize, bits: u32, mut n: usize) -> usize {
        for half in 0..2 {
            let room = self.times[n..].first_chunk_mut().expect("there is room for a lane behind the last spike");
            n += S::list_bits((bits >> (16 * half)) as u16, (word * 32 + 16 * half) as u16, room);
        }
        n
    }
}
