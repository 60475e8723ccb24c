//! Latency encoding (time to first spike).

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey};
use crate::part::{PartError, range};
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// Latency encoding (time to first spike): a value `x` emits one spike with the sign of `x`. The larger `|x|`, the
/// earlier the spike. Its time, rounded to the nearest step (half to even), is
///
/// - `Linear`: `first + tau · (1 - |x|)`; a value of 1 or more spikes at `first`;
/// - `Logarithmic`: `first + tau · ln(|x| / (|x| - threshold))`, the time at which a leaky membrane that is charged
///   with a current `x` through a unit resistance reaches the threshold.
///
/// Values below `threshold`, including 0, emit nothing. With `clip: false` they spike late instead, at the time of a
/// value equal to the threshold. Without `tau`, the curve is stretched so that this time is the last step (with
/// `Logarithmic` it is the time of a value 1e-7 above the threshold, where it is finite). A spike later than the last
/// step is not emitted.
///
/// Defaults: `Linear`, no tau, so that the whole trial is used, threshold 0.01, first 0, clip.
///
/// # Equals
/// - `spikegen.latency` of snnTorch for values in `[0, 1]`, whose `clip` is off by default. `normalize=True`
///   corresponds to no `tau`. snnTorch stretches `Logarithmic` to the latest spike of the batch, which is the same if
///   at least one value does not exceed the threshold.
/// - `LatencyEncoder(enc_function="linear")` of SpikingJelly is `Latency(clip: false)` with a threshold near 0. Its
///   "log" is a different curve, which depends on the number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// How the spike time depends on the value.
    pub curve: LatencyCurve,
    /// Time constant in steps, greater than 0. `None`: chosen such that the curve ends at the last step.
    pub tau: Option<f32>,
    /// Smallest value that is encoded, in `(0, 1)`.
    pub threshold: f32,
    /// Step of the earliest spike.
    pub first: usize,
    /// Whether values below the threshold emit nothing.
    pub clip: bool,
}

/// How the spike time depends on the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LatencyCurve {
    /// Decreases linearly with the value.
    #[default]
    Linear,
    /// The time that a leaky membrane takes to reach a threshold.
    Logarithmic,
}

impl Default for Latency {
    fn default() -> Self {
        Self { curve: LatencyCurve::default(), tau: None, threshold: 0.01, first: 0, clip: true }
    }
}

/// How far above the threshold a value is assumed to be for its logarithmic latency to be finite; the same as in
/// snnTorch.
const EXCESS: f64 = 1e-7;

impl Latency {
    /// Spike time of `x` in a trial of `steps` steps, before rounding. `None` if it does not spike.
    fn time(&self, x: f32, steps: usize) -> Option<f64> {
        if self.clip && x.abs() < self.threshold {
            return None;
        }
        let (x, threshold) = (f64::from(x.abs()), f64::from(self.threshold));
        let time = match self.curve {
            LatencyCurve::Linear => 1.0 - x.clamp(threshold, 1.0),
            LatencyCurve::Logarithmic => logarithmic(x.max(threshold + EXCESS), threshold),
        };
        let tau = self.tau.map_or_else(
            || {
                let latest = match self.curve {
                    LatencyCurve::Linear => 1.0,
                    LatencyCurve::Logarithmic => logarithmic(threshold + EXCESS, threshold),
                };
                steps.saturating_sub(self.first + 1) as f64 / latest
            },
            f64::from,
        );
        Some(self.first as f64 + tau * time)
    }
}

/// Time at which a leaky membrane with time constant 1 reaches the threshold.
fn logarithmic(x: f64, threshold: f64) -> f64 {
    libm::log(x / (x - threshold))
}

impl Encoder for Latency {
    fn check(&self, steps: usize) -> Result<(), PartError> {
        let range = format!("less than the {steps} steps of a trial");
        range::require(self.first < steps, "first", range, &self.first)?;
        let earliest = self.time(1.0, steps).unwrap_or_default().round_ties_even();
        let range = format!("smaller, as a value of 1 would spike at step {earliest} of {steps}, counted from 0");
        range::require(earliest < steps as f64, "tau", range, &self.tau.unwrap_or_default())
    }

    fn encode(&self, image: &[f32], shape: Shape, steps: usize, _sample: SampleKey) -> Encoded {
        let mut train = SpikeTrain::silent(steps, 1, shape);
        for (i, &x) in image.iter().enumerate() {
            let step = self.time(x, steps).map(|time| time.round_ties_even() as usize);
            if let Some(step) = step.filter(|step| *step < steps) {
                train.set(step, 0, i, if x < 0.0 { -1 } else { 1 });
            }
        }
        Encoded::Spikes(train)
    }

    fn describe(&self) -> String {
        let Self { curve, tau, threshold, first, clip } = self;
        let tau = tau.map_or("T - 1 at the threshold".to_owned(), |tau| format!("tau {tau}"));
        let curve = match curve {
            LatencyCurve::Linear => "1 - |x|".to_owned(),
            LatencyCurve::Logarithmic => format!("ln(|x| / (|x| - {threshold}))"),
        };
        let below = if *clip { "nothing below" } else { "late below" };
        format!(
            "latency: a value x spikes once, from step {first} on, in proportion to {curve} ({tau}); {below} {threshold}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each value emits, as (step, spike).
    fn spikes(latency: Latency, image: &[f32], steps: usize) -> Vec<Option<(usize, i8)>> {
        let sample = SampleKey { seed: 0, epoch: 0, index: 0 };
        let Encoded::Spikes(train) = latency.encode(image, Shape::features(image.len()), steps, sample) else {
            panic!("no spikes")
        };
        assert!(train.count() <= image.len() as u64);
        let of = |i| (0..steps).map(|t| (t, train.get(t, 0, i))).find(|(_, spike)| *spike != 0);
        (0..image.len()).map(of).collect()
    }

    #[test]
    fn the_larger_a_value_the_earlier_its_spike() {
        // 10 · (1 - |x|) of eleven steps. 0.25 is halfway between steps 7 and 8 and is rounded to the even one.
        let found = spikes(Latency::default(), &[1.0, -0.5, 0.25, 0.1, 0.0, 2.0], 11);
        assert_eq!(found, [Some((0, 1)), Some((5, -1)), Some((8, 1)), Some((9, 1)), None, Some((0, 1))]);
    }

    #[test]
    fn without_clipping_what_is_below_the_threshold_is_late() {
        let latency = Latency { threshold: 0.25, first: 2, tau: Some(4.0), clip: false, ..Latency::default() };
        // 2 + 4 · (1 - 0.25), and 2 + 4 · 0.5; with five steps the first lies beyond the end.
        assert_eq!(spikes(latency, &[0.0, 0.5], 8), [Some((5, 1)), Some((4, 1))]);
        assert_eq!(spikes(latency, &[0.0, 0.5], 5), [None, Some((4, 1))]);
    }

    #[test]
    fn the_logarithmic_curve_is_that_of_a_leaky_membrane() {
        // 4 · ln(0.5 / 0.25) = 2.77, 4 · ln(1 / 0.75) = 1.15, 4 · ln(0.26 / 0.01) = 13.03
        let latency =
            Latency { curve: LatencyCurve::Logarithmic, tau: Some(4.0), threshold: 0.25, ..Latency::default() };
        assert_eq!(spikes(latency, &[0.5, 1.0, 0.26, 0.2], 20), [Some((3, 1)), Some((1, 1)), Some((13, 1)), None]);
        let stretched = Latency { tau: None, clip: false, ..latency };
        assert_eq!(spikes(stretched, &[0.0, 0.25], 20), [Some((19, 1)), Some((19, 1))]);
    }

    #[test]
    fn a_trial_shorter_than_the_first_step_is_silent() {
        assert_eq!(spikes(Latency { first: 4, ..Latency::default() }, &[1.0], 3), [None]);
    }
    #[test]
    fn a_trial_must_reach_the_earliest_spike() {
        let message = |latency: Latency, steps| latency.check(steps).unwrap_err().to_string();
        let late = Latency { first: 12, ..Latency::default() };
        assert_eq!(message(late, 12), "first: must be less than the 12 steps of a trial, found 12");
        assert!(late.check(13).is_ok());
        // 100 · ln(1 / 0.5) = 69.3
        let slow = Latency { curve: LatencyCurve::Logarithmic, tau: Some(100.0), threshold: 0.5, ..Latency::default() };
        let expected = "tau: must be smaller, as a value of 1 would spike at step 69 of 69, counted from 0, found 100";
        assert_eq!(message(slow, 69), expected);
        assert!(slow.check(70).is_ok());
    }
}
