//! Population encoding by Gaussian receptive fields.

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey, poisson::draw};
use crate::shape::Shape;

/// Population code: each value is encoded by `neurons` neurons with Gaussian receptive fields, each of which fires at
/// random with a probability equal to its activity. Field `k` has its centre at
/// `low + k · (high - low) / (neurons - 1)` and the activity `e^(-(x - centre)² / (2 · width²))`.
///
/// An image `[C, H, W]` is encoded as an input `[C · neurons, H, W]`, in which the fields of a channel are adjacent.
///
/// Defaults: 8 neurons over `[0, 1]`, `width` the distance between neighbouring centres.
///
/// # Equals
/// The activity is that of `PopEncoder` of SpikingJelly (`mean_range`, `std`), and the spikes are those of
/// `PopSpikeEncoderRandom`, except for the random numbers; the fields of SpikingJelly can also be trained.
/// `PopSpikeEncoderDeterministic` integrates the activity instead of drawing random spikes. BrainCog spreads the fields
/// between the smallest and the largest value of the batch, and either converts the activity to a spike time or fires
/// where it exceeds a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PopulationCode {
    /// Number of receptive fields for each value, 2 or more.
    pub neurons: usize,
    /// Centre of the first field.
    pub low: f32,
    /// Centre of the last field, above `low`.
    pub high: f32,
    /// Standard deviation of a field, greater than 0. `None`: the distance between neighbouring centres.
    pub width: Option<f32>,
}

impl Default for PopulationCode {
    fn default() -> Self {
        Self { neurons: 8, low: 0.0, high: 1.0, width: None }
    }
}

impl PopulationCode {
    /// Activities of the fields `[neurons]` for the value `x`.
    pub fn activity(&self, x: f32) -> impl Iterator<Item = f32> {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let distance = (high - low) / (self.neurons - 1) as f64;
        let width = self.width.map_or(distance, f64::from);
        (0..self.neurons).map(move |k| {
            let z = (f64::from(x) - (low + k as f64 * distance)) / width;
            libm::exp(-0.5 * z * z) as f32
        })
    }

    /// Activities of all fields for an image, `[C · neurons, H, W]`.
    fn activities(&self, image: &[f32], shape: Shape) -> Vec<f32> {
        let mut activities = vec![0.0; self.shape(shape).len()];
        for (i, &x) in image.iter().enumerate() {
            let (channel, pixel) = (i / shape.pixels(), i % shape.pixels());
            for (k, activity) in self.activity(x).enumerate() {
                activities[(channel * self.neurons + k) * shape.pixels() + pixel] = activity;
            }
        }
        activities
    }
}

impl Encoder for PopulationCode {
    fn shape(&self, image: Shape) -> Shape {
        Shape { channels: image.channels * self.neurons, ..image }
    }

    fn encode(&self, image: &[f32], shape: Shape, steps: usize, sample: SampleKey) -> Encoded {
        Encoded::Spikes(draw(&self.activities(image, shape), self.shape(shape), steps, sample))
    }

    fn probabilities(&self, image: &[f32], shape: Shape) -> Option<Vec<f32>> {
        Some(self.activities(image, shape))
    }

    fn describe(&self) -> String {
        let Self { neurons, low, high, .. } = self;
        format!("population: {neurons} Gaussian receptive fields from {low} to {high}, each fires with its activity")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_most_active_at_its_centre() {
        let code = PopulationCode { neurons: 3, low: -1.0, high: 1.0, width: None };
        let expected = [(-0.5_f32).exp(), 1.0, (-0.5_f32).exp()];
        assert!(std::iter::zip(code.activity(0.0), expected).all(|(found, expected)| (found - expected).abs() < 1e-7));
        let narrow = PopulationCode { width: Some(0.5), ..code };
        assert!((narrow.activity(0.0).next().unwrap() - (-2.0_f32).exp()).abs() < 1e-7);
    }

    #[test]
    fn the_fields_of_a_channel_stand_side_by_side() {
        // Two channels of two pixels; at the centre of a field its neuron fires at every step.
        let code = PopulationCode { neurons: 2, low: 0.0, high: 1.0, width: Some(0.05) };
        let shape = Shape::new(2, 1, 2);
        let sample = SampleKey { seed: 1, epoch: 0, index: 0 };
        assert_eq!(code.shape(shape), Shape::new(4, 1, 2));
        let Encoded::Spikes(train) = code.encode(&[0.0, 1.0, 1.0, 0.0], shape, 3, sample) else { panic!("no spikes") };
        let fires = |i| (0..3).all(|t| train.get(t, 0, i) == 1);
        // Channel 0: field 0 at pixel 0, field 1 at pixel 1; channel 1 the other way round.
        assert_eq!((0..8).map(fires).collect::<Vec<_>>(), [true, false, false, true, false, true, true, false]);
        assert_eq!(train.count(), 12);
    }
}
