//! Spike trains as lists of events: the form in which the kernels walk them.

use snn_core::{Gradient, Neuron, Trace, correction};

use crate::layout::{Layout, Tile};
use crate::simd::LANE;

/// The spikes of one sample of one population (or of the input), grouped by neuron. Silent and dropped neurons have no
/// entry.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Index into `active` of each pixel's first entry, and its length at the end.
    first: Vec<u32>,
    /// Neurons that fired, by pixel, then channel.
    pub(crate) active: Vec<Active>,
    /// Steps at which they fired, ascending for each.
    pub(crate) times: Vec<u16>,
    /// For each spike, by how much the neuron's error before it exceeds the error after it: `d(t) - d(t+1)`. Empty in
    /// the forward pass.
    pub(crate) delta: Vec<f32>,
}

/// A neuron that fired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    pub(crate) channel: u32,
    /// Index of its first spike in `times`.
    pub(crate) start: u32,
    /// Its number of spikes.
    pub(crate) count: u32,
    /// What a spike of it is worth to others: its mask, or -1 for negative input spikes.
    pub(crate) scale: f32,
    /// Factor from the error of its output to its own: `C · mask / threshold`. 1 where that does not apply.
    pub(crate) gain: f32,
}

impl Active {
    pub(crate) fn spikes(&self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.count) as usize
    }
}

impl Events {
    /// Neurons of `pixel` that fired.
    #[inline(always)]
    pub(crate) fn at(&self, pixel: usize) -> &[Active] {
        &self.active[self.first[pixel] as usize..self.first[pixel + 1] as usize]
    }

    /// Indices into `active` of the neurons of `pixel` within `tile`.
    #[inline(always)]
    pub(crate) fn within(&self, pixel: usize, tile: Tile) -> std::ops::Range<usize> {
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

    /// Makes room for `spikes` spikes, and no more.
    pub(crate) fn reserve(&mut self, layout: &Layout, spikes: usize) {
        self.clear();
        self.times.reserve_exact(spikes);
        self.active.reserve_exact(spikes.min(layout.pixels() * layout.channels));
        self.first.reserve_exact(layout.pixels());
    }

    /// Lists the spikes of a population from its bits `[pixel][word][channel]`. `mask` is in `C, H, W` order, or empty.
    pub(crate) fn list_population(&mut self, bits: &[u32], layout: &Layout, words: usize, scaling: &Scaling<'_>) {
        self.clear();
        let width = layout.lanes * LANE;
        for (pixel, bits) in bits.chunks_exact(width * words).enumerate() {
            for channel in 0..layout.channels {
                let any = (0..words).fold(0, |any, word| any | bits[word * width + channel]);
                if any == 0 {
                    continue;
                }
                let mask = scaling.mask.get(layout.neuron(pixel, channel)).copied().unwrap_or(1.0);
                if mask == 0.0 {
                    continue;
                }
                let start = self.times.len();
                for word in 0..words {
                    self.push_times(word, bits[word * width + channel]);
                }
                let gain = scaling.gain(mask, &self.times[start..]);
                self.push_neuron(channel, start, mask, gain);
            }
            self.first.push(self.active.len() as u32);
        }
    }

    /// Lists the spikes of an input from its words in `C, H, W` order; `negative` may be empty.
    pub(crate) fn list_input(&mut self, fired: &[u32], negative: &[u32], layout: &Layout, words: usize) {
        self.clear();
        for pixel in 0..layout.pixels() {
            for channel in 0..layout.channels {
                let at = layout.neuron(pixel, channel) * words;
                for (scale, invert) in [(1.0, u32::MAX), (-1.0, 0)] {
                    let start = self.times.len();
                    for word in at..at + words {
                        let negative = negative.get(word).copied().unwrap_or(0);
                        self.push_times(word - at, fired[word] & (negative ^ invert));
                    }
                    if self.times.len() > start {
                        self.push_neuron(channel, start, scale, 1.0);
                    }
                }
            }
            self.first.push(self.active.len() as u32);
        }
    }

    /// Lists a readout's error, constant over time: as one event at the last step for each class.
    pub(crate) fn list_readout(&mut self, d: impl Iterator<Item = f32>, steps: usize) {
        self.clear();
        for (channel, d) in d.enumerate() {
            self.times.push(steps as u16 - 1);
            self.delta.push(d);
            self.push_neuron(channel, channel, 1.0, 1.0);
        }
        self.first.push(self.active.len() as u32);
    }

    fn clear(&mut self) {
        self.first.clear();
        self.first.push(0);
        self.active.clear();
        self.times.clear();
        self.delta.clear();
    }

    #[inline(always)]
    fn push_times(&mut self, word: usize, mut bits: u32) {
        while bits != 0 {
            self.times.push((word * 32) as u16 + bits.trailing_zeros() as u16);
            bits &= bits - 1;
        }
    }

    #[inline(always)]
    fn push_neuron(&mut self, channel: usize, start: usize, scale: f32, gain: f32) {
        let count = (self.times.len() - start) as u32;
        self.active.push(Active { channel: channel as u32, start: start as u32, count, scale, gain });
    }
}

/// What turns a population's spikes into what others see, and errors of its output into its own.
pub(crate) struct Scaling<'a> {
    pub(crate) neuron: Neuron,
    /// `leak^(T-1-t)` for each step; empty where no gain is needed.
    pub(crate) decay: &'a [f64],
    /// Dropout mask of the sample, or empty.
    pub(crate) mask: &'a [f32],
}

impl Scaling<'_> {
    #[inline(always)]
    fn gain(&self, mask: f32, times: &[u16]) -> f32 {
        match self.neuron {
            Neuron::Lif { threshold, .. } if !self.decay.is_empty() => {
                let (trace, count) = self.trace(mask, times);
                correction(self.neuron.leak(), trace, count) * mask / threshold
            }
            _ => 1.0,
        }
    }

    /// The leaky trace and the count of a neuron that fired at `times`.
    pub(crate) fn trace(&self, mask: f32, times: &[u16]) -> (f32, f32) {
        let unit = match self.neuron {
            Neuron::Lif { gradient: Gradient::LeakCorrected { trace: Trace::AfterDropout }, .. } => mask,
            _ => 1.0,
        };
        let trace: f64 = times.iter().map(|&t| self.decay[usize::from(t)]).sum();
        ((f64::from(unit) * trace) as f32, unit * times.len() as f32)
    }
}
