//! Converts spike bits to lists of events.

use std::ops::Range;

use crate::events::{Active, Events};
use crate::layout::Layout;
use crate::rule::SpikeGated;
use crate::simd::{LANE, Level, Simd, SimdJob, dispatch};

/// Counts the set bits.
pub(crate) fn count(level: Level, bits: &[u32]) -> u64 {
    struct Count<'a>(&'a [u32]);

    impl SimdJob for Count<'_> {
        type Output = u64;

        #[inline(always)]
        fn run<S: Simd>(self) -> u64 {
            // A `u32` sum of bit counts cannot overflow below 2^27 words.
            self.0.chunks(1 << 20).map(count_chunk).sum()
        }
    }

    #[inline(always)]
    fn count_chunk(bits: &[u32]) -> u64 {
        let mut sum = 0_u32;
        for word in bits {
            sum += word.count_ones();
        }
        sum.into()
    }

    dispatch(level, Count(bits))
}

/// The job that lists the spikes of a population of one sample.
pub(crate) struct ListPopulation<'a> {
    pub(crate) events: &'a mut Events,
    /// `[pixel][word][channel]`.
    pub(crate) bits: &'a [u32],
    /// Number of set bits within the window.
    pub(crate) spikes: usize,
    pub(crate) layout: Layout,
    pub(crate) words: usize,
    /// Words whose spikes are listed; times are relative to the start of the first of them.
    pub(crate) window: Range<usize>,
    /// Dropout mask of the sample in `C, H, W` order, or empty.
    pub(crate) mask: &'a [f32],
    /// The spike-gated gradient of the neurons; `None` where no gains are needed.
    pub(crate) rule: Option<&'a SpikeGated>,
}

impl SimdJob for ListPopulation<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { events, bits, spikes, layout, words, window, mask, rule } = self;
        events.start(&layout, spikes);
        let width = layout.lanes * LANE;
        let mut n = 0;
        let mut any = vec![0; width];
        let mut fired = vec![0; width];
        for (pixel, bits) in bits.chunks_exact(width * words).enumerate() {
            let bits = &bits[window.start * width..window.end * width];
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
                let mask = mask.get(layout.neuron(pixel, channel)).copied().unwrap_or(1.0);
                if mask == 0.0 {
                    continue;
                }
                let start = n;
                for word in 0..window.len() {
                    n = events.list_word::<S>(word, bits[word * width + channel], n);
                }
                let gain = rule.map_or(1.0, |rule| rule.gain(mask, &events.times[start..n]));
                let (channel, start, count) = (channel as u32, start as u32, (n - start) as u32);
                events.active.push(Active { channel, start, count, scale: mask, gain });
            }
            events.first.push(events.active.len() as u32);
        }
        events.times.truncate(n);
    }
}

/// The job that lists the input spikes of one sample.
pub(crate) struct ListInput<'a> {
    pub(crate) events: &'a mut Events,
    /// `[neuron][word]`, in `C, H, W` order.
    pub(crate) fired: &'a [u32],
    /// Bits of the negative spikes among them; may be empty.
    pub(crate) negative: &'a [u32],
    /// Number of set bits in `fired` within the window.
    pub(crate) spikes: usize,
    pub(crate) layout: Layout,
    pub(crate) words: usize,
    /// Words whose spikes are listed; times are relative to the start of the first of them.
    pub(crate) window: Range<usize>,
}

impl SimdJob for ListInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { events, fired, negative, spikes, layout, words, window } = self;
        events.start(&layout, spikes);
        let mut n = 0;
        for pixel in 0..layout.pixels() {
            for channel in 0..layout.channels {
                let at = layout.neuron(pixel, channel) * words + window.start;
                for (scale, invert) in [(1.0, u32::MAX), (-1.0, 0)] {
                    let start = n;
                    for word in 0..window.len() {
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
