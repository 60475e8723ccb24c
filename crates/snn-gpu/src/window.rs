//! The part of a trial that a dispatch works on. Mirrors shaders/common/window.wgsl.

use bytemuck::{Pod, Zeroable};

/// Steps that a word of spikes holds.
pub(crate) const WORD: usize = 32;

/// See shaders/common/window.wgsl.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct WindowConstants {
    pub(crate) word: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) samples: u32,
    pub(crate) errors: u32,
    pub(crate) resumed: u32,
    pub(crate) d_emitted: f32,
    pub(crate) first_pair: u32,
    pub(crate) last_pair: u32,
}

impl WindowConstants {
    /// The windows of a trial of `steps` steps, a word each.
    pub(crate) fn all(steps: usize, samples: usize, resumed: bool) -> impl DoubleEndedIterator<Item = Self> {
        (0..steps.div_ceil(WORD)).map(move |word| Self {
            word: (word * WORD) as u32,
            start: (word * WORD) as u32,
            end: steps.min((word + 1) * WORD) as u32,
            samples: samples as u32,
            errors: 0,
            resumed: u32::from(resumed),
            d_emitted: 0.0,
            first_pair: 0,
            last_pair: 0,
        })
    }

    /// The whole trial at once, for kernels that go through all words by themselves.
    pub(crate) fn whole(steps: usize, samples: usize, resumed: bool) -> Self {
        let (word, start, end) = (0, 0, steps as u32);
        let (samples, resumed) = (samples as u32, u32::from(resumed));
        Self { word, start, end, samples, errors: 0, resumed, d_emitted: 0.0, first_pair: 0, last_pair: 0 }
    }

    /// Its steps, one by one.
    pub(crate) fn each_step(self) -> impl DoubleEndedIterator<Item = Self> {
        (self.start..self.end).map(move |t| Self { start: t, end: t + 1, ..self })
    }

    /// The same steps, for at most `at_once` pairs of a sample and one of `pixels` output pixels at a time.
    pub(crate) fn slices(self, pixels: usize, at_once: usize) -> impl Iterator<Item = Self> {
        let pairs = self.samples as usize * pixels;
        (0..pairs).step_by(at_once).map(move |first| Self {
            first_pair: first as u32,
            last_pair: pairs.min(first + at_once) as u32,
            ..self
        })
    }

    /// Steps times samples.
    pub(crate) fn moments(&self) -> usize {
        ((self.end - self.start) * self.samples) as usize
    }

    /// As a kernel takes it.
    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }
}
