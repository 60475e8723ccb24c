//! The paper's loss.

use serde::{Deserialize, Serialize};

use super::Loss;
use crate::score::Score;

/// Summed squared error of the class scores against the one-hot target, `L = Σ_k (y_k - onehot_k)²`, without a mean and
/// without a factor 1/2. This is the loss of Lee et al. 2020 as computed by their programs.
///
/// # Equals
/// `torch.nn.functional.mse_loss(y, onehot, reduction="sum")`. With the score `Mean` of spikes it is the number of
/// classes times the mean squared error of SpikingJelly's examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquaredError {}

impl Loss for SquaredError {
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, score: &dyn Score) -> (f64, Vec<f64>) {
        let scores = score.scores(output, classes);
        let errors: Vec<f64> = scores.iter().enumerate().map(|(k, y)| y - f64::from(u8::from(k == class))).collect();
        let d_scores: Vec<f64> = errors.iter().map(|error| 2.0 * error).collect();
        (errors.iter().map(|error| error * error).sum(), score.adjoint(output, classes, &d_scores))
    }

    fn equation(&self) -> String {
        "squared error: sum over classes of (y - onehot)²".to_owned()
    }
}
