//! Experiments described in RON: what they are, how they are read, and the networks they stand for.
//!
//! ```
//! use snn_models::{Experiment, presets};
//!
//! let preset = presets::find("mnist-lenet")?;
//! let overrides = [("training.epochs", "3"), ("network.neuron.leak", "0.95")];
//! let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &overrides)?;
//! let network = experiment.network()?;
//! assert_eq!(network.classes(), 10);
//! let weights = experiment.initial_weights(&network);
//! assert!(network.check_weights(&weights).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here touches files or devices: text comes in, plain data goes out.

mod check;
mod diagnosis;
mod error;
mod init;
mod network;
mod overrides;
mod ron_error;
mod ron_file;
mod ron_tree;

pub mod experiment;
pub mod presets;
pub mod summary;

pub use diagnosis::{Diagnosis, Place};
pub use error::ExperimentError;
pub use experiment::Experiment;
