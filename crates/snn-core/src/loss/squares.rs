//! Mean squared errors of spike counts and of membrane potentials.

use serde::{Deserialize, Serialize};

use super::Loss;
use crate::score::Score;

/// Mean squared error of spike counts: with the target rate `r_k` of class `k`,
/// `L = 1/(T · K) Σ_k (Σ_t y_k(t) - T · r_k)²`.
///
/// The score does not enter the loss; it only determines the predicted class. An `incorrect` rate above 0 keeps the
/// neurons of the other classes from falling silent.
///
/// Defaults: correct 1, incorrect 0.
///
/// # Equals
/// `mse_count_loss(correct_rate, incorrect_rate)` of snnTorch if `T · rate` is a whole number; snnTorch truncates it
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountMse {
    /// Target firing rate of the sample's class, in spikes per step.
    pub correct: f32,
    /// Target firing rate of the other classes, in spikes per step.
    pub incorrect: f32,
}

/// Mean squared error of the output at every step: `L = 1/(T · K) Σ_t Σ_k (y_k(t) - target_k)²`.
///
/// The score does not enter the loss; it only determines the predicted class.
///
/// Defaults: correct 1, incorrect 0.
///
/// # Equals
/// `mse_membrane_loss(on_target, off_target)` of snnTorch for targets of 0 and above. snnTorch treats a negative
/// `off_target` as 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MembraneMse {
    /// Target of the sample's class.
    pub correct: f32,
    /// Target of the other classes.
    pub incorrect: f32,
}

impl Default for CountMse {
    fn default() -> Self {
        Self { correct: 1.0, incorrect: 0.0 }
    }
}

impl Default for MembraneMse {
    fn default() -> Self {
        Self { correct: 1.0, incorrect: 0.0 }
    }
}

impl Loss for CountMse {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, _score: &dyn Score) -> (f64, Vec<f64>) {
        let steps = (output.len() / classes) as f64;
        let count = |k: usize| output.iter().skip(k).step_by(classes).sum::<f64>();
        let rate = |k: usize| f64::from(if k == class { self.correct } else { self.incorrect });
        let errors: Vec<f64> = (0..classes).map(|k| count(k) - steps * rate(k)).collect();
        let share = 1.0 / (steps * classes as f64);
        let loss = share * errors.iter().map(|error| error * error).sum::<f64>();
        (loss, errors.iter().map(|error| 2.0 * share * error).cycle().take(output.len()).collect())
    }

    fn reads_spikes(&self) -> bool {
        true
    }

    fn equation(&self) -> String {
        let Self { correct, incorrect } = self;
        format!(
            "count MSE: mean over classes of (count - T rate)² / T, rate {correct} of the class, {incorrect} of others"
        )
    }
}

impl Loss for MembraneMse {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, _score: &dyn Score) -> (f64, Vec<f64>) {
        let target = |i: usize| f64::from(if i % classes == class { self.correct } else { self.incorrect });
        let errors: Vec<f64> = output.iter().enumerate().map(|(i, y)| y - target(i)).collect();
        let share = 1.0 / output.len() as f64;
        let loss = share * errors.iter().map(|error| error * error).sum::<f64>();
        (loss, errors.iter().map(|error| 2.0 * share * error).collect())
    }

    fn equation(&self) -> String {
        let Self { correct, incorrect } = self;
        format!("membrane MSE: mean over time and classes of (y(t) - {correct} of the class, {incorrect} of others)²")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Sum;

    /// Four steps of two classes: counts 3 and 1.
    const SPIKES: [f64; 8] = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];

    #[test]
    fn counts_are_held_against_the_rates_that_are_wanted() {
        // Target counts are 4 · 0.5 = 2 for the class and 4 · 0.25 = 1 for the other: (1² + 0²) / 8, and 2 · 1 / 8 at
        // every step.
        let loss = CountMse { correct: 0.5, incorrect: 0.25 };
        let expected = vec![0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25, 0.0];
        assert_eq!(loss.evaluate(&SPIKES, 2, 0, &Sum {}), (0.125, expected));
    }

    #[test]
    fn membranes_are_held_against_their_target_at_every_step() {
        // Distances from [1, 0] at two steps: 1, 0 and -1, 2; squares 1 + 0 + 1 + 4 over 4.
        let (loss, d) = MembraneMse::default().evaluate(&[2.0, 0.0, 0.0, 2.0], 2, 0, &Sum {});
        assert_eq!((loss, d), (1.5, vec![0.5, 0.0, -0.5, 1.0]));
    }
}
