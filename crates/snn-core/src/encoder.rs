//! Encoders: how an image becomes input spikes.

use serde::{Deserialize, Serialize};

use crate::{Purpose, Shape, SpikeTrain, Stream};

/// How an image becomes a spike train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Encoder {
    /// Signed Poisson spikes: at each step a value `x` emits `sign(x)` with probability `min(1, scale · |x|)`.
    Poisson {
        /// Firing probability per step of a value of 1, greater than 0.
        #[serde(default = "default_scale")]
        scale: f32,
    },
}

impl Default for Encoder {
    fn default() -> Self {
        Self::Poisson { scale: 1.0 }
    }
}

/// When a value fires, as an integer test on a random word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fires {
    /// The value fires where the word is below this bound; 2^32 always fires.
    pub below: u64,
    /// Whether its spikes are negative.
    pub negative: bool,
}

impl Fires {
    /// Whether a value fires on `word`.
    #[inline(always)]
    pub fn at(self, word: u32) -> bool {
        u64::from(word) < self.below
    }
}

impl Encoder {
    /// When a value `x` fires. The test `word < below` is the strict `u < scale · |x|` of a uniform `u = word / 2^32`.
    pub fn fires(&self, x: f32) -> Fires {
        let Self::Poisson { scale } = *self;
        let bound = (f64::from(x.abs() * scale) * 4_294_967_296.0).ceil();
        Fires { below: bound.min(4_294_967_296.0) as u64, negative: x < 0.0 }
    }

    /// Encodes one image `[C, H, W]` as spikes `[T, 1, C, H, W]`, from the words of `seed`, `epoch` and `sample`.
    pub fn encode(&self, image: &[f32], shape: Shape, steps: usize, seed: u64, epoch: u32, sample: u32) -> SpikeTrain {
        let mut train = SpikeTrain::silent(steps, 1, shape);
        let stream = Stream::new(seed, Purpose::Encoder);
        for (neuron, &x) in image.iter().enumerate() {
            let fires = self.fires(x);
            for step in 0..steps {
                if fires.at(stream.word(epoch, sample, step as u32, neuron as u32)) {
                    train.set(step, 0, neuron, if fires.negative { -1 } else { 1 });
                }
            }
        }
        train
    }
}

fn default_scale() -> f32 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_1_always_fires_and_0_never() {
        let encoder = Encoder::default();
        assert!(encoder.fires(1.0).at(u32::MAX));
        assert!(encoder.fires(-2.5).at(u32::MAX) && encoder.fires(-2.5).negative);
        assert!(!encoder.fires(0.0).at(0));
    }

    #[test]
    fn the_bound_is_strict() {
        let half = Encoder::Poisson { scale: 0.5 }.fires(1.0);
        assert!(half.at((1 << 31) - 1));
        assert!(!half.at(1 << 31));
    }

    #[test]
    fn the_rate_is_the_scaled_value() {
        let shape = Shape::features(200);
        let train = Encoder::Poisson { scale: 0.5 }.encode(&[0.6; 200], shape, 500, 1, 0, 0);
        let rate = train.count() as f64 / 100_000.0;
        assert!((rate - 0.3).abs() < 0.005, "{rate}");
    }
}
