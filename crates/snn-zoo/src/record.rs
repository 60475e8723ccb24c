//! What is known of a training that was done once.

use serde::{Deserialize, Serialize};
use snn_train::Evaluation;
use snn_train::curves::Curves;

/// The log of a training, and what its shipped weights do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZooRecord {
    /// What it was trained on.
    pub machine: String,
    /// How the run computed, as [`snn_core::Engine::arithmetic`] has it.
    pub arithmetic: String,
    /// The run, epoch by epoch.
    pub curves: Curves,
    /// The shipped weights, in half precision, on all test images.
    pub test: Evaluation,
    /// How the run starts, for each arithmetic that it was tried with.
    pub first: Vec<First>,
}

/// The start of a training, and the shipped weights on some images: to see in seconds that a program computes the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// How it was computed.
    pub arithmetic: String,
    /// The first updates.
    pub updates: Vec<RecordedUpdate>,
    /// The shipped weights on the test images of the sample.
    pub test: Evaluation,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedUpdate {
    /// Mean loss per image before it.
    pub loss: f32,
    /// Norm of the gradient.
    pub gradient: f32,
    /// Firing rates of the populations.
    pub rates: Vec<f32>,
}
