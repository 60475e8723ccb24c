//! The mean over time of the cross-entropy of every step.

use serde::{Deserialize, Serialize};

use super::Loss;
use super::cross_entropy::cross_entropy;
use crate::score::Score;

/// Temporal efficient training (TET): the cross-entropy of the output of every step, averaged over time, and a squared
/// distance of all outputs from a target `φ` (Deng, Li, Zhang and Gu, *Temporal Efficient Training of Spiking Neural
/// Network via Gradient Re-weighting*, ICLR 2022):
///
/// `L = 1/T Σ_t [(1 - lambda) · CE(y(t)) + lambda · 1/K Σ_k (y_k(t) - φ)²]`
///
/// The score does not enter the loss; it only determines the predicted class.
///
/// Defaults: lambda 0, which is the cross-entropy only; target 1.
///
/// # Equals
/// With lambda 0, `temporal_efficient_training_cross_entropy` of SpikingJelly and `ce_rate_loss` of snnTorch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerStep {
    /// Weight of the squared distance, in `[0, 1]`; the cross-entropy has the weight `1 - lambda`.
    pub lambda: f32,
    /// Target `φ` of all outputs; the firing threshold in Deng et al.
    pub target: f32,
}

impl Default for PerStep {
    fn default() -> Self {
        Self { lambda: 0.0, target: 1.0 }
    }
}

impl Loss for PerStep {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, _score: &dyn Score) -> (f64, Vec<f64>) {
        let steps = (output.len() / classes) as f64;
        let (lambda, target) = (f64::from(self.lambda), f64::from(self.target));
        let (mut loss, mut d_output) = (0.0, Vec::with_capacity(output.len()));
        for y in output.chunks_exact(classes) {
            let (entropy, d_entropy) = cross_entropy(y, class);
            let squares: f64 = y.iter().map(|y| (y - target) * (y - target)).sum();
            loss += ((1.0 - lambda) * entropy + lambda * squares / classes as f64) / steps;
            let d = std::iter::zip(y, d_entropy)
                .map(|(y, d)| ((1.0 - lambda) * d + lambda * 2.0 * (y - target) / classes as f64) / steps);
            d_output.extend(d);
        }
        (loss, d_output)
    }

    fn equation(&self) -> String {
        let Self { lambda, target } = self;
        let entropy = "mean over time of the cross-entropy of y(t)";
        if *lambda == 0.0 {
            return format!("per step: {entropy}");
        }
        let rest = (1.0 - f64::from(*lambda)) as f32;
        format!("per step: {rest} times the {entropy}, plus {lambda} times the mean of (y(t) - {target})²")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Mean;

    #[test]
    fn every_step_has_a_cross_entropy_of_its_own() {
        // The mean output [2, 2] would not depend on the class, but the steps do: cross-entropies ln(1 + e^-4) and ln(1
        // + e^4).
        let (loss, d) = PerStep::default().evaluate(&[4.0, 0.0, 0.0, 4.0], 2, 0, &Mean {});
        let each = [(-4.0_f64).exp().ln_1p(), 4.0_f64.exp().ln_1p()];
        assert!((loss - each.iter().sum::<f64>() / 2.0).abs() < 1e-15, "{loss}");
        let p = 1.0 / (1.0 + (-4.0_f64).exp());
        let expected = [(p - 1.0) / 2.0, (1.0 - p) / 2.0, -p / 2.0, p / 2.0];
        assert!(std::iter::zip(d, expected).all(|(d, expected)| (d - expected).abs() < 1e-15));
    }

    #[test]
    fn all_outputs_are_pulled_to_the_target() {
        // One step, lambda 1: the mean of 0² and 2², and its derivative.
        let (loss, d) = PerStep { lambda: 1.0, target: 1.0 }.evaluate(&[1.0, 3.0], 2, 0, &Mean {});
        assert_eq!((loss, d), (2.0, vec![0.0, 2.0]));
    }
}
