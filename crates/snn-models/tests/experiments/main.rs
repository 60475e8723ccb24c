//! Experiments from text to network and back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod choices;
mod families;
mod foreign;
mod messages;
mod overrides;
mod populations;
mod ranges;
mod sequence;
mod shipped;
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

/// A message in which long lists of names are cut, as every new neuron would change them.
fn abridged(error: &ExperimentError) -> String {
    let cut = |line: &str| match line.match_indices(", ").nth(2) {
        Some((end, _)) if line.contains("= known ") && !line.contains("known fields") => {
            format!("{}, ...", &line[..end])
        }
        _ => line.to_owned(),
    };
    error.to_string().lines().map(cut).collect::<Vec<_>>().join("\n")
}
