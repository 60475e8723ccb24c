//! Train deep spiking neural networks from spikes, on any CPU and any GPU.
//!
//! This crate re-exports the parts of the project, each of which is a crate of its own.
//!
//! | module | what it is |
//! |---|---|
//! | [`prelude`] | what most programs need |
//! | [`core`] | shapes, spike trains, networks, neurons, the registry of names, and the reference engine, which is the specification |
//! | [`cpu`] | the event-driven engine |
//! | [`gpu`] | the GPU engine |
//! | [`auto`] | the engine that uses a GPU if there is one, else the CPU |
//! | [`data`] | data sets and their loading |
//! | [`models`] | experiments in RON, shipped presets |
//! | [`train`] | training runs, schedules, checkpoints, evaluation |
//! | `zoo` | trained networks that are shipped, with the feature `cli` |
//! | `cli` | the program `snn`, with the feature `cli` |
//!
//! ```
//! use snn::core::part::Part;
//! use snn::core::{Draws, Dropout, Plan, Trial};
//! use snn::data::Batch;
//! use snn::models::{Experiment, presets};
//! use snn::train::EncodedBatch;
//!
//! let registry = snn::registry()?;
//! let preset = presets::find("mnist-lenet")?;
//! let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[("steps", "10")], &registry)?;
//! let built = experiment.build(&registry)?;
//! let engine = registry.engines.make(&mut Part::parse("cpu(threads: 1)")?, &registry)?;
//!
//! let mut session = engine.compile(&built.network, Plan::new(10, 1))?;
//! session.load(&built.network.initial_weights(1))?;
//! let draws = Draws { seed: 1, epoch: 0, samples: &[0] };
//! let batch = Batch { pixels: vec![0.5; 28 * 28], ..Batch::default() };
//! let shown = EncodedBatch::new(&built, experiment.steps, &batch);
//! let activity = session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
//! assert_eq!(activity.output.len(), 10 * 10, "each class at each step");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use snn_core as core;
pub use snn_cpu as cpu;
pub use snn_data as data;
pub use snn_gpu as gpu;
pub use snn_models as models;
pub use snn_train as train;
#[cfg(feature = "cli")]
pub use snn_zoo as zoo;

pub mod auto;
#[cfg(feature = "cli")]
pub mod cli;

use crate::core::registry::{Registry, RegistryError};

/// The items that most programs need: `use snn::prelude::*;`.
pub mod prelude {
    pub use snn_core::prelude::*;
    pub use snn_cpu::Cpu;
}

/// A registry of all names that these crates define: neurons, surrogates, encoders, scores, losses, networks, data
/// sets, engines. A plug-in adds its own: `snn::registry()?.with(my::plugin)?`.
///
/// # Errors
/// [`RegistryError`] never. The function returns the same type as [`Registry::with`], so that plug-ins can be added.
pub fn registry() -> Result<Registry, RegistryError> {
    let engines = Registry::new().with(core::plugin)?.with(cpu::plugin)?.with(gpu::plugin)?.with(auto::plugin)?;
    engines.with(data::plugin)?.with(models::plugin)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
