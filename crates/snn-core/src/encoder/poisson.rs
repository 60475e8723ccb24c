//! Signed Poisson encoding.

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey};
use crate::random::{Purpose, Stream};
use crate::shape::Shape;
use crate::spikes::SpikeTrain;
use crate::spikes::WORD;

/// Signed Poisson encoding, the paper's encoder (Lee et al. 2020): at each step a value `x` emits a spike `sign(x)`
/// with probability `min(1, scale · |x|)`.
///
/// # Equals
/// `signed_poisson_encode` of Norse with scale `f_max · dt`; for values of 0 and above, `PoissonEncoder` of
/// SpikingJelly and `spikegen.rate` of snnTorch. The random numbers differ in all three.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Poisson {
    /// Firing probability per step of a value of 1, greater than 0.
    pub scale: f32,
}

impl Default for Poisson {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Poisson {
    /// Returns what the value `x` emits at a step with the random word `word`: -1, 0 or 1.
    pub fn spike(&self, x: f32, word: u32) -> i8 {
        let value = self.scale * x;
        spike(value, bound(value), word)
    }

    fn values(self, image: &[f32]) -> Vec<f32> {
        image.iter().map(|x| self.scale * x).collect()
    }
}

impl Encoder for Poisson {
    fn encode(&self, image: &[f32], shape: Shape, steps: usize, sample: SampleKey) -> Encoded {
        Encoded::Spikes(draw(&self.values(image), shape, steps, sample))
    }

    fn probabilities(&self, image: &[f32], _shape: Shape) -> Option<Vec<f32>> {
        Some(self.values(image))
    }

    fn describe(&self) -> String {
        format!("Poisson: a value x spikes with probability {} |x| at each step, with the sign of x", self.scale)
    }
}

/// Draws the spikes of `values`, each with probability `min(1, |value|)` at each step and with the sign of the value.
/// The test `word < bound` is equivalent to the strict `u < |value|` with the uniform number `u = word / 2^32`.
pub(super) fn draw(values: &[f32], shape: Shape, steps: usize, sample: SampleKey) -> SpikeTrain {
    let mut train = SpikeTrain::silent(steps, 1, shape);
    let stream = Stream::new(sample.seed, Purpose::Encoder);
    for (block, values) in values.chunks(4).enumerate() {
        let mut bounds = [0; 4];
        for (entry, value) in bounds.iter_mut().zip(values) {
            *entry = bound(*value);
        }
        if bounds == [0; 4] {
            continue;
        }
        for first in (0..steps).step_by(WORD) {
            let mut fired = [0; 4];
            for t in first..steps.min(first + WORD) {
                let words = stream.block(sample.epoch, sample.index, t as u32, block as u32);
                for i in 0..4 {
                    fired[i] |= u32::from(u64::from(words[i]) < bounds[i]) << (t - first);
                }
            }
            for (i, value) in values.iter().enumerate() {
                train.add_word(first, block * 4 + i, fired[i], *value < 0.0);
            }
        }
    }
    train
}

fn spike(value: f32, bound: u64, word: u32) -> i8 {
    if u64::from(word) >= bound {
        0
    } else if value < 0.0 {
        -1
    } else {
        1
    }
}

/// The bound below which a random word makes `value` fire. With a bound of 2^32 it always fires.
fn bound(value: f32) -> u64 {
    (f64::from(value.abs()) * 4_294_967_296.0).ceil().min(4_294_967_296.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: SampleKey = SampleKey { seed: 1, epoch: 0, index: 0 };

    #[test]
    fn a_value_of_1_always_fires_and_0_never() {
        assert_eq!((bound(1.0), bound(-2.5), bound(0.0)), (1 << 32, 1 << 32, 0));
        let train = draw(&[1.0, -2.5, 0.0], Shape::features(3), 40, SAMPLE);
        assert!((0..40).all(|t| (train.get(t, 0, 0), train.get(t, 0, 1), train.get(t, 0, 2)) == (1, -1, 0)));
    }

    #[test]
    fn the_bound_is_strict() {
        assert_eq!(bound(0.5), 1 << 31);
    }

    #[test]
    fn the_rate_is_the_scaled_value() {
        let encoded = Poisson { scale: 0.5 }.encode(&[0.6; 200], Shape::features(200), 500, SAMPLE);
        let Encoded::Spikes(train) = encoded else { panic!("no spikes") };
        let rate = train.count() as f64 / 100_000.0;
        assert!((rate - 0.3).abs() < 0.005, "{rate}");
    }
}
