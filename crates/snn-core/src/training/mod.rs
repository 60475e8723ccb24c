//! Training: a session whose weights follow their gradients, and a trainer over any samples.

mod session;
mod standardised;
mod trainer;

pub use session::TrainingSession;
pub use trainer::{Metrics, Recipe, Trainer};
