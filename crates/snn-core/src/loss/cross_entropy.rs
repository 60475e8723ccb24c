//! Cross-entropy of the class scores.

use serde::{Deserialize, Serialize};

use super::Loss;
use crate::score::Score;

/// Cross-entropy of the class scores `y`: `L = -ln(e^(scale · y_c) / Σ_k e^(scale · y_k))` for the class `c`.
///
/// The score determines what enters: with `Sum` or `Mean` the spike counts or firing rates, with `Final` the last
/// membrane potential, with `Max` the largest. Scores between 0 and 1, such as firing rates, need a scale of about 10
/// for the loss to come near 0.
///
/// Default: scale 1.
///
/// # Equals
/// With the score `Sum`, `ce_count_loss` of snnTorch; with `Max`, `ce_max_membrane_loss` of snnTorch; with `Mean`,
/// `torch.nn.functional.cross_entropy` of the firing rate, as in SpikingJelly's examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Factor that multiplies the scores, greater than 0.
    pub scale: f32,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Loss for CrossEntropy {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, score: &dyn Score) -> (f64, Vec<f64>) {
        let scale = f64::from(self.scale);
        let scaled: Vec<f64> = score.scores(output, classes).iter().map(|y| scale * y).collect();
        let (loss, d_scaled) = cross_entropy(&scaled, class);
        let d_scores: Vec<f64> = d_scaled.iter().map(|d| scale * d).collect();
        (loss, score.adjoint(output, classes, &d_scores))
    }

    fn equation(&self) -> String {
        let scale = if self.scale == 1.0 { String::new() } else { format!("{} ", self.scale) };
        format!("cross-entropy: -ln of the class's softmax({scale}y)")
    }
}

/// Computes `-ln softmax(y)` of `class` and its derivative `softmax(y) - onehot`. The largest of `y` is subtracted
/// first so that no exponential overflows.
pub(super) fn cross_entropy(y: &[f64], class: usize) -> (f64, Vec<f64>) {
    let largest = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = y.iter().map(|y| libm::exp(y - largest)).collect();
    let sum: f64 = powers.iter().sum();
    let mut d: Vec<f64> = powers.iter().map(|power| power / sum).collect();
    d[class] -= 1.0;
    (libm::log(sum) - (y[class] - largest), d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Max, Sum};

    #[test]
    fn equal_scores_cost_the_logarithm_of_the_classes() {
        let (loss, d) = CrossEntropy::default().evaluate(&[1.0, 0.0, 0.0, 1.0], 2, 0, &Sum {});
        assert!((loss - 2.0_f64.ln()).abs() < 1e-15, "{loss}");
        assert_eq!(d, [-0.5, 0.5, -0.5, 0.5]);
    }

    #[test]
    fn only_the_largest_membrane_gets_error_with_the_score_max() {
        // Scores 3 and 3: softmax 1/2 each, times the scale of 2.
        let (_, d) = CrossEntropy { scale: 2.0 }.evaluate(&[3.0, 1.0, 0.0, 3.0], 2, 1, &Max {});
        assert_eq!(d, [1.0, 0.0, 0.0, -1.0]);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let (loss, d) = cross_entropy(&[5000.0, -5000.0], 1);
        assert_eq!((loss, d), (10_000.0, vec![1.0, -1.0]));
        let (loss, d) = cross_entropy(&[-5000.0, -5000.0], 0);
        assert_eq!((loss, d), (2.0_f64.ln(), vec![-0.5, 0.5]));
    }
}
