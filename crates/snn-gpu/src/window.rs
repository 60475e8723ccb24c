//! The range of steps and samples that a dispatch works on. Mirrors shaders/common/window.wgsl.

use bytemuck::{Pod, Zeroable};

/// Number of steps in a word of spikes.
pub(crate) const WORD: usize = 32;

/// The immediates of a kernel; the fields are explained in shaders/common/window.wgsl.
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
    /// The windows of a trial of `steps` steps, one for each word.
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

    /// A single window over the whole trial, for kernels that loop over the words themselves.
    pub(crate) fn whole(steps: usize, samples: usize, resumed: bool) -> Self {
        let (word, start, end) = (0, 0, steps as u32);
        let (samples, resumed) = (samples as u32, u32::from(resumed));
        Self { word, start, end, samples, errors: 0, resumed, d_emitted: 0.0, first_pair: 0, last_pair: 0 }
    }

    /// Splits the window into its steps.
    pub(crate) fn each_step(self) -> impl DoubleEndedIterator<Item = Self> {
        (self.start..self.end).map(move |t| Self { start: t, end: t + 1, ..self })
    }

    /// Splits the pairs of a sample and one of `pixels` output pixels into slices of at most `at_once`, each over the
    /// same steps.
    pub(crate) fn slices(self, pixels: usize, at_once: usize) -> impl Iterator<Item = Self> {
        let pairs = self.samples as usize * pixels;
        (0..pairs).step_by(at_once).map(move |first| Self {
            first_pair: first as u32,
            last_pair: pairs.min(first + at_once) as u32,
            ..self
        })
    }

    /// The number of steps times the number of samples.
    pub(crate) fn moments(&self) -> usize {
        ((self.end - self.start) * self.samples) as usize
    }

    /// The bytes that are passed to a kernel as immediates.
    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }
}
