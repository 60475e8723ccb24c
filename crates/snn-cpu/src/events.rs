//! Spike trains as lists of events: the form in which the kernels walk them.

use snn_core::{Gradient, Neuron, Trace, correction};

use crate::layout::{Layout, Tile};
use crate::simd::{Job, LANE, Simd};

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
    /// For each spike, `g(t)` while it is being summed, then by how much the neuron's error up to it exceeds the error
    /// after it: `d(t) - d(t+1)`. Empty in the forward pass, and for the input.
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

    /// Neurons of `pixel` that fired, the times of all spikes, and the errors of all spikes to write to.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, pixel: usize) -> (&[Active], &[u16], &mut [f32]) {
        let active = self.first[pixel] as usize..self.first[pixel + 1] as usize;
        (&self.active[active], &self.times, &mut self.delta)
    }

    /// Makes room for the error of each spike, 0 at first.
    pub(crate) fn start_errors(&mut self) {
        self.delta.clear();
        self.delta.reserve_exact(self.times.len());
        self.delta.resize(self.times.len(), 0.0);
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

    /// Starts a list of `spikes` spikes, with room for those and no more.
    fn start(&mut self, layout: &Layout, spikes: usize) {
        self.first.clear();
        self.first.reserve_exact(layout.pixels() + 1);
        self.first.push(0);
        self.active.clear();
        self.active.reserve_exact(spikes.min(layout.pixels() * layout.channels));
        self.times.clear();
        self.times.reserve_exact(spikes + LANE);
        self.times.resize(spikes + LANE, 0);
        self.delta.clear();
    }

    /// Lists a readout's error `d`, in `C, H, W` order and constant over time: as one event at the last step for each
    /// class.
    pub(crate) fn list_readout(&mut self, layout: &Layout, d: &[f32], steps: usize) {
        let (pixels, channels) = (layout.pixels() as u32, layout.channels as u32);
        self.times.clear();
        self.times.resize(d.len(), (steps - 1) as u16);
        self.first.clear();
        self.first.extend((0..=pixels).map(|pixel| pixel * channels));
        self.active.clear();
        self.delta.clear();
        for pixel in 0..pixels {
            for channel in 0..channels {
                let start = pixel * channels + channel;
                self.active.push(Active { channel, start, count: 1, scale: 1.0, gain: 1.0 });
                self.delta.push(d[layout.neuron(pixel as usize, channel as usize)]);
            }
        }
    }

    /// Lists the set bits of one word from index `n` on; returns the index after them.
    #[inline(always)]
    fn list_word<S: Simd>(&mut self, word: usize, bits: u32, mut n: usize) -> usize {
        for half in 0..2 {
            let room = self.times[n..].first_chunk_mut().expect("there is room for a lane behind the last spike");
            n += S::list_bits((bits >> (16 * half)) as u16, (word * 32 + 16 * half) as u16, room);
        }
        n
    }
}

/// Lists the spikes of a population of one sample.
pub(crate) struct ListPopulation<'a> {
    pub(crate) events: &'a mut Events,
    /// `[pixel][word][channel]`.
    pub(crate) bits: &'a [u32],
    /// Number of set bits.
    pub(crate) spikes: usize,
    pub(crate) layout: Layout,
    pub(crate) words: usize,
    pub(crate) scaling: Scaling<'a>,
}

impl Job for ListPopulation<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { events, bits, spikes, layout, words, scaling } = self;
        events.start(&layout, spikes);
        let width = layout.lanes * LANE;
        let mut n = 0;
        let mut any = vec![0; width];
        let mut fired = vec![0; width];
        for (pixel, bits) in bits.chunks_exact(width * words).enumerate() {
            any.fill(0);
            for bits in bits.chunks_exact(width) {
                for (any, bits) in any.iter_mut().zip(bits) {
                    *any |= bits;
                }
            }
            let mut n_fired = 0;
            for (channel, any) in any.iter().enumerate() {
                fired[n_fired] = channel;
                n_fired += usize::from(*any != 0);
            }
            for &channel in &fired[..n_fired] {
                let mask = scaling.mask.get(layout.neuron(pixel, channel)).copied().unwrap_or(1.0);
                if mask == 0.0 {
                    continue;
                }
                let start = n;
                for word in 0..words {
                    n = events.list_word::<S>(word, bits[word * width + channel], n);
                }
                let gain = scaling.gain(mask, &events.times[start..n]);
                let (channel, start, count) = (channel as u32, start as u32, (n - start) as u32);
                events.active.push(Active { channel, start, count, scale: mask, gain });
            }
            events.first.push(events.active.len() as u32);
        }
        events.times.truncate(n);
    }
}

/// Lists the input spikes of one sample.
pub(crate) struct ListInput<'a> {
    pub(crate) events: &'a mut Events,
    /// `[neuron][word]`, in `C, H, W` order.
    pub(crate) fired: &'a [u32],
    /// Which of them are negative; may be empty.
    pub(crate) negative: &'a [u32],
    /// Number of set bits in `fired`.
    pub(crate) spikes: usize,
    pub(crate) layout: Layout,
    pub(crate) words: usize,
}

impl Job for ListInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { events, fired, negative, spikes, layout, words } = self;
        events.start(&layout, spikes);
        let mut n = 0;
        for pixel in 0..layout.pixels() {
            for channel in 0..layout.channels {
                let at = layout.neuron(pixel, channel) * words;
                for (scale, invert) in [(1.0, u32::MAX), (-1.0, 0)] {
                    let start = n;
                    for word in 0..words {
                        let negative = negative.get(at + word).copied().unwrap_or(0);
                        n = events.list_word::<S>(word, fired[at + word] & (negative ^ invert), n);
                    }
                    if n > start {
                        let (channel, start, count) = (channel as u32, start as u32, (n - start) as u32);
                        events.active.push(Active { channel, start, count, scale, gain: 1.0 });
                    }
                }
            }
            events.first.push(events.active.len() as u32);
        }
        events.times.truncate(n);
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
        // Four sums, so that additions need not wait for each other.
        let mut sums = [0.0; 4];
        for times in times.chunks(4) {
            for (sum, &t) in sums.iter_mut().zip(times) {
                *sum += self.decay[usize::from(t)];
            }
        }
        let trace: f64 = sums.iter().sum();
        ((f64::from(unit) * trace) as f32, unit * times.len() as f32)
    }
}
