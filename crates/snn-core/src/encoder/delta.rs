//! Delta encoding (send on delta).

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey};
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// Delta encoding (send on delta): a reference `r` follows the value `x` in jumps of `threshold`, and each jump emits a
/// spike. `r` starts at 0; at each step
///
/// - where `x - r > threshold`, the spike is +1 and `r = r + threshold`;
/// - where `x - r < -threshold`, the spike is -1 and `r = r - threshold`.
///
/// A still image is thus encoded as a burst at the start of the trial: one spike for each jump that fits below `|x|`,
/// then silence. A value of 0 emits nothing.
///
/// Default: threshold 0.1.
///
/// `spikegen.delta` of snnTorch is for data with a time axis, which it compares from step to step: a still image would
/// spike only at its first step. The jumping reference is that of event cameras and sigma-delta coding.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delta {
    /// Change that emits a spike, greater than 0.
    pub threshold: f32,
}

impl Default for Delta {
    fn default() -> Self {
        Self { threshold: 0.1 }
    }
}

impl Encoder for Delta {
    fn encode(&self, image: &[f32], shape: Shape, steps: usize, _sample: SampleKey) -> Encoded {
        let mut train = SpikeTrain::silent(steps, 1, shape);
        for (i, &x) in image.iter().enumerate() {
            let sign = if x < 0.0 { -1 } else { 1 };
            for t in 0..steps {
                let reference = t as f32 * self.threshold;
                if x.abs() - reference <= self.threshold {
                    break;
                }
                train.set(t, 0, i, sign);
            }
        }
        Encoded::Spikes(train)
    }

    fn describe(&self) -> String {
        format!("delta: a value x spikes once for each {} of it, one a step, with the sign of x", self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spikes of each value.
    fn spikes(threshold: f32, image: &[f32], steps: usize) -> Vec<Vec<i8>> {
        let sample = SampleKey { seed: 0, epoch: 0, index: 0 };
        let encoded = Delta { threshold }.encode(image, Shape::features(image.len()), steps, sample);
        let Encoded::Spikes(train) = encoded else { panic!("no spikes") };
        (0..image.len()).map(|i| (0..steps).map(|t| train.get(t, 0, i)).collect()).collect()
    }

    #[test]
    fn a_value_becomes_a_burst_until_the_reference_has_followed() {
        // 0.75 emits two spikes of 0.25: the remaining 0.25 does not exceed the threshold.
        let found = spikes(0.25, &[0.75, -0.6, 0.25, 0.0], 4);
        assert_eq!(found, [[1, 1, 0, 0], [-1, -1, 0, 0], [0; 4], [0; 4]]);
    }

    #[test]
    fn a_trial_may_end_before_the_burst() {
        assert_eq!(spikes(0.25, &[2.0], 3), [[1, 1, 1]]);
    }
}
