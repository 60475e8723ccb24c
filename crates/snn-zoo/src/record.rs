//! Records of completed trainings.

use serde::{Deserialize, Serialize};
use snn_train::Evaluation;
use snn_train::curves::Curves;

/// The log of a training, and the results of its shipped weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZooRecord {
    /// Description of the machine that it was trained on.
    pub machine: String,
    /// The arithmetic of the run, as returned by [`snn_core::Engine::arithmetic`].
    pub arithmetic: String,
    /// Learning curves of the run.
    pub curves: Curves,
    /// Evaluation of the shipped weights, in half precision, on all test images.
    pub test: Evaluation,
    /// The first updates of the run, for each arithmetic that was recorded.
    pub first: Vec<First>,
}

/// The first updates of a training, and an evaluation of the shipped weights on some images. Used to check within
/// seconds that a program computes the same results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// The arithmetic used.
    pub arithmetic: String,
    /// Metrics of the first updates.
    pub updates: Vec<RecordedUpdate>,
    /// Evaluation of the shipped weights on the test images of the sample.
    pub test: Evaluation,
}

/// Metrics of one update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedUpdate {
    /// Mean loss per image, before the update.
    pub loss: f32,
    /// Gradient norm.
    pub gradient: f32,
    /// Firing rates of the populations.
    pub rates: Vec<f32>,
}
