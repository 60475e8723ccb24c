//! Scores: reduce the output of a network over time to one number for each class.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

/// Reduces the output of the last population over time to class scores. That output is spikes or membrane potentials,
/// depending on the population's neuron.
pub trait Score: Debug + Send + Sync {
    /// Computes the class scores `[K]` of one sample's output `[T, K]`. The class with the largest score is the
    /// prediction.
    fn scores(&self, output: &[f64], classes: usize) -> Vec<f64>;

    /// Backward pass of `scores`: computes `dL/d output` `[T, K]` from `dL/d scores` `[K]`.
    fn adjoint(&self, output: &[f64], classes: usize, d_scores: &[f64]) -> Vec<f64>;

    /// The equation of the score as text, such as `y(T-1) / T`.
    fn equation(&self) -> String;
}

/// The output after the last step divided by the number of steps, `y(T-1) / T`. This is the paper's score for a
/// membrane that has integrated input over `T` steps. Times `T` it is the last membrane potential of a non-firing
/// layer, `out[-1]` or `mem_rec[-1]` in PyTorch code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Final {}

impl Score for Final {
    fn scores(&self, output: &[f64], classes: usize) -> Vec<f64> {
        let steps = output.len() / classes;
        output[output.len() - classes..].iter().map(|y| y / steps as f64).collect()
    }

    fn adjoint(&self, output: &[f64], classes: usize, d_scores: &[f64]) -> Vec<f64> {
        let steps = output.len() / classes;
        let mut d_output = vec![0.0; output.len()];
        for (d_output, d) in d_output[(steps - 1) * classes..].iter_mut().zip(d_scores) {
            *d_output = d / steps as f64;
        }
        d_output
    }

    fn equation(&self) -> String {
        "y(T-1) / T".to_owned()
    }
}

/// The mean over time, `1/T Σ y(t)`. It is the firing rate if the last population fires, `out.mean(0)` in
/// SpikingJelly's examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {}

/// The sum over time, `Σ y(t)`. It is the spike count if the last population fires, as in the count losses and
/// `accuracy_rate` of snnTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {}

/// The largest value over time, `max_t y(t)`. Error is passed to the first step that has it, as in
/// `ce_max_membrane_loss` of snnTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Max {}

impl Score for Mean {
    fn scores(&self, output: &[f64], classes: usize) -> Vec<f64> {
        let steps = output.len() / classes;
        Sum {}.scores(output, classes).iter().map(|sum| sum / steps as f64).collect()
    }

    fn adjoint(&self, output: &[f64], classes: usize, d_scores: &[f64]) -> Vec<f64> {
        let steps = output.len() / classes;
        Sum {}.adjoint(output, classes, d_scores).iter().map(|d| d / steps as f64).collect()
    }

    fn equation(&self) -> String {
        "mean over time of y(t)".to_owned()
    }
}

impl Score for Sum {
    fn scores(&self, output: &[f64], classes: usize) -> Vec<f64> {
        (0..classes).map(|k| output.iter().skip(k).step_by(classes).sum()).collect()
    }

    fn adjoint(&self, output: &[f64], classes: usize, d_scores: &[f64]) -> Vec<f64> {
        d_scores.iter().copied().cycle().take(output.len() / classes * classes).collect()
    }

    fn equation(&self) -> String {
        "sum over time of y(t)".to_owned()
    }
}

impl Score for Max {
    fn scores(&self, output: &[f64], classes: usize) -> Vec<f64> {
        (0..classes).map(|k| output[first_largest(output, classes, k)]).collect()
    }

    fn adjoint(&self, output: &[f64], classes: usize, d_scores: &[f64]) -> Vec<f64> {
        let mut d_output = vec![0.0; output.len()];
        for (k, d) in d_scores.iter().enumerate() {
            d_output[first_largest(output, classes, k)] = *d;
        }
        d_output
    }

    fn equation(&self) -> String {
        "largest y(t) over time".to_owned()
    }
}

/// Index of the first of the largest outputs of class `k`.
fn first_largest(output: &[f64], classes: usize, k: usize) -> usize {
    let mut best = k;
    for at in (k..output.len()).step_by(classes) {
        if output[at] > output[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps of two classes.
    const OUTPUT: [f64; 6] = [1.0, 0.0, 3.0, 2.0, 3.0, -5.0];

    #[test]
    fn scores_are_what_their_names_say() {
        assert_eq!(Final {}.scores(&OUTPUT, 2), [1.0, -5.0 / 3.0]);
        assert_eq!(Mean {}.scores(&OUTPUT, 2), [7.0 / 3.0, -1.0]);
        assert_eq!(Sum {}.scores(&OUTPUT, 2), [7.0, -3.0]);
        assert_eq!(Max {}.scores(&OUTPUT, 2), [3.0, 2.0]);
    }

    #[test]
    fn error_of_the_largest_goes_to_its_first_step() {
        assert_eq!(Max {}.adjoint(&OUTPUT, 2, &[1.0, 2.0]), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
    }
}
