//! Random numbers of a test.

use crate::random::{Purpose, Stream};

/// Random words of a test, addressed by two indices.
pub(super) struct Words {
    stream: Stream,
    trial: u32,
}

impl Words {
    pub(super) fn new(seed: u64, trial: u32) -> Self {
        Self { stream: Stream::new(seed, Purpose::Initialisation), trial }
    }

    pub(super) fn below(&self, major: usize, minor: usize, bound: u32) -> u32 {
        let word = self.stream.word(self.trial, 0, major as u32, minor as u32);
        ((u64::from(word) * u64::from(bound)) >> 32) as u32
    }

    /// Random number in `[0, 1)`, a multiple of 2^-16.
    pub(super) fn uniform(&self, major: usize, minor: usize) -> f32 {
        self.below(major, minor, 1 << 16) as f32 / 65_536.0
    }
}
