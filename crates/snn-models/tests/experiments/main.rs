//! Experiments from text to network and back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod foreign;
mod messages;
mod overrides;
mod ranges;
mod sequence;
mod text;

use snn_core::registry::Registry;
use snn_models::{Experiment, ExperimentError, presets};

/// The names of these crates.
fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap().with(snn_data::plugin).unwrap().with(snn_models::plugin).unwrap()
}

/// The default preset with values set.
fn lenet(overrides: &[(&str, &str)]) -> Result<Experiment, ExperimentError> {
    Experiment::from_ron(presets::all()[0].text, "mnist-lenet.ron", overrides, &registry())
}
