//! Look inside a spiking network: membranes, spikes, sparsity, gradients, and training as it goes.
//!
//! This library needs no window: [`App`] draws into any [`egui::Ui`], so that tests can drive it. The program `snn-viz`
//! shows it in a window.

mod app;
mod error;
mod export;
pub mod follow;
mod gradients;
mod measurement;
mod membranes;
mod mosaic;
mod palette;
mod player;
mod settings;
#[cfg(feature = "window")]
mod shell;
mod sparsity;
mod statistics;
mod subject;
mod textures;
mod trial;
mod views;
mod worker;

use serde::{Deserialize, Serialize};
use snn_core::registry::{Registry, RegistryError};

pub use app::{App, MOST_PINS};
pub use error::ViewError;
pub use gradients::Gradients;
pub use measurement::{Measurement, NetworkMeasurement};
pub use membranes::{BUDGET_BYTES, Membranes};
pub use palette::Palette;
pub use settings::{MapKind, Settings, StartupSettings, Tab};
#[cfg(feature = "window")]
pub use shell::main;
pub use subject::OpenNetwork;
pub use trial::{ShownSample, ViewedTrial};
pub use views::Raster;
pub use worker::{Answer, Request, Worker};

/// A neuron whose traces are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Index of its population.
    pub population: usize,
    /// Its index in the population, in `C, H, W` order.
    pub neuron: usize,
}

/// The registry of the viewer. A plug-in adds its own names: `snn_viz::registry()?.with(my::plugin)?`.
///
/// # Errors
/// [`RegistryError`] never. The function returns the same type as [`Registry::with`], so that plug-ins can be added.
pub fn registry() -> Result<Registry, RegistryError> {
    Registry::new().with(snn_core::plugin)?.with(snn_data::plugin)?.with(snn_models::plugin)
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
