//! Losses: measure how far a network's output is from the target class.

mod cross_entropy;
mod per_step;
mod squared_error;
mod squares;
mod van_rossum;

use std::fmt::Debug;

use crate::score::Score;

pub use cross_entropy::CrossEntropy;
pub use per_step::PerStep;
pub use squared_error::SquaredError;
pub use squares::{CountMse, MembraneMse};
pub use van_rossum::VanRossum;

/// The loss of one sample. The caller decides whether the losses of a batch are summed or averaged.
pub trait Loss: Debug + Send + Sync {
    /// Returns the loss and `dL/d output` `[T, K]` for the `output` `[T, K]` of a network's last population and the
    /// class of the sample. A loss on class scores computes them by `score`.
    fn evaluate(&self, output: &[f64], classes: usize, class: usize, score: &dyn Score) -> (f64, Vec<f64>);

    /// Whether the loss reads spikes: the last population must then fire.
    fn reads_spikes(&self) -> bool {
        false
    }

    /// The equation of the loss as text.
    fn equation(&self) -> String;
}

/// Class scores, losses and output errors of a batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Grades {
    /// Class scores `[N, K]`. The class with the largest score is the prediction.
    pub scores: Vec<f32>,
    /// Loss of each sample `[N]`.
    pub losses: Vec<f32>,
    /// `dL/d output` `[T, N, K]`.
    pub d_output: Vec<f32>,
}

/// Computes the class scores, losses and output errors for the output `[T, N, K]` of a network and the class of each
/// sample `[N]`. Computed in double precision.
pub fn grade(loss: &dyn Loss, score: &dyn Score, output: &[f32], labels: &[u8], classes: usize) -> Grades {
    let samples = labels.len();
    let steps = output.len() / (samples * classes).max(1);
    let at = |t: usize, n: usize| (t * samples + n) * classes..(t * samples + n + 1) * classes;
    let mut grades = Grades { scores: Vec::new(), losses: Vec::new(), d_output: vec![0.0; output.len()] };
    for (n, &label) in labels.iter().enumerate() {
        let own: Vec<f64> = (0..steps).flat_map(|t| &output[at(t, n)]).map(|y| f64::from(*y)).collect();
        let (value, d_own) = loss.evaluate(&own, classes, label.into(), score);
        grades.scores.extend(score.scores(&own, classes).iter().map(|score| *score as f32));
        grades.losses.push(value as f32);
        for (t, d_row) in d_own.chunks_exact(classes).enumerate() {
            for (d_output, d) in grades.d_output[at(t, n)].iter_mut().zip(d_row) {
                *d_output = *d as f32;
            }
        }
    }
    grades
}

/// Returns the index of the largest value, the first one if there are several.
pub fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (k, &y) in row.iter().enumerate() {
        if y > row[best] {
            best = k;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Final;

    #[test]
    fn samples_of_a_batch_are_judged_each_by_itself() {
        // Two steps, two samples, three classes; the final output over T is [0.5, 0.25, 0] and [0, 1, 0].
        let output = [9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 0.5, 0.0, 0.0, 2.0, 0.0];
        let grades = grade(&SquaredError {}, &Final {}, &output, &[0, 1], 3);
        assert_eq!(grades.scores, [0.5, 0.25, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(grades.losses, [0.25 + 0.0625, 0.0]);
        assert_eq!(grades.d_output, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5, 0.25, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[3.0, 2.0, 2.0]), 0);
    }
}
