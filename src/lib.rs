//! Train deep spiking neural networks from spikes, on any CPU.
//!
//! This crate gathers the parts under one name; each is a crate of its own.
//!
//! | module | what it is |
//! |---|---|
//! | [`core`] | shapes, spike trains, networks, neurons, and the reference engine, which is the specification |
//! | [`cpu`] | the event-driven engine |
//! | [`data`] | data sets and their loading |
//! | [`models`] | experiments in RON, shipped presets |
//! | [`train`] | training runs, optimizers, checkpoints, evaluation |
//! | [`engines`] | engines by name |
//!
//! ```
//! use snn::core::{Draws, Dropout, Plan, Stimulus, Trial};
//! use snn::models::{Experiment, presets};
//!
//! let preset = presets::find("mnist-lenet")?;
//! let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[("steps", "10")])?;
//! let network = experiment.network()?;
//! let engine = snn::engines::find("cpu", 1).ok_or("no such engine")?;
//!
//! let mut session = engine.compile(&network, Plan { steps: 10, batch: 1, train: false, record: false })?;
//! session.load(&experiment.initial_weights(&network))?;
//! let draws = Draws { seed: 1, epoch: 0, samples: &[0] };
//! let stimulus = Stimulus::Images { pixels: &[0.5; 28 * 28], encoder: experiment.input, draws };
//! let activity = session.forward(&Trial { stimulus, dropout: Dropout::Off })?;
//! assert_eq!(activity.output.len(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use snn_core as core;
pub use snn_cpu as cpu;
pub use snn_data as data;
pub use snn_models as models;
pub use snn_train as train;

pub mod engines;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
