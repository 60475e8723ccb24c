//! Experiments described in RON: their types, how they are read and checked, and the networks that they describe.
//!
//! ```
//! use snn_core::registry::Registry;
//! use snn_models::{Experiment, presets};
//!
//! let registry = Registry::new().with(snn_core::plugin)?.with(snn_data::plugin)?.with(snn_models::plugin)?;
//! let preset = presets::find("mnist-lenet")?;
//! let overrides = [("training.epochs", "3"), ("network.neuron.leak", "0.95")];
//! let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &overrides, &registry)?;
//! let built = experiment.build(&registry)?;
//! assert_eq!(built.network.classes(), 10);
//! let weights = built.network.initial_weights(experiment.training.seed);
//! assert!(built.network.check_weights(&weights).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every name in an experiment (of neurons, surrogates, encoders, scores, losses, networks, data sets) is looked up in
//! the [`Registry`](snn_core::registry::Registry) that the caller passes. This crate accesses neither files nor
//! devices: it reads text and returns data.

mod advice;
mod built;
mod check;
mod diagnosis;
mod error;
mod finding;
mod former;
mod overrides;
mod reading;
mod ron_file;
mod written;

pub mod choices;
pub mod elsewhere;
pub mod experiment;
pub mod families;
pub mod presets;
mod pretty;
pub mod summary;

pub use built::Built;
pub use diagnosis::{Diagnosis, SourceSpan};
pub use error::ExperimentError;
pub use experiment::Experiment;
pub use families::plugin;
pub use written::to_part;

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
