//! Training: a session that updates its weights, and a trainer for samples from any iterator.

mod session;
mod standardised;
mod trainer;

pub use session::TrainingSession;
pub use trainer::{Metrics, Recipe, Trainer};
