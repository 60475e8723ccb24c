//! Startup arguments of the viewer, and settings that persist between sessions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings that persist between sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colour theme.
    pub theme: egui::ThemePreference,
    /// Playing speed in time steps per second.
    pub speed: f64,
    /// The open tab.
    pub tab: Tab,
    /// What the large map of a population shows.
    pub map: MapKind,
    /// Number of test images for measuring activity.
    pub images: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: egui::ThemePreference::Dark,
            speed: 10.0,
            tab: Tab::Inspect,
            map: MapKind::Membranes,
            images: 200,
        }
    }
}

/// What the large map of a population shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapKind {
    /// Membrane potentials at the current time step.
    Membranes,
    /// Spikes at the current time step.
    Spikes,
    /// Spike counts up to the current time step.
    Counts,
}

/// What to open at startup.
#[derive(Debug, Clone, Default)]
pub struct StartupSettings {
    /// Checkpoint or run folder; `None` for the shipped network.
    pub path: Option<PathBuf>,
    /// Folder of the data set; `None` for the default locations.
    pub data: Option<PathBuf>,
    /// Number of time steps; `None` for the number it was trained on.
    pub steps: Option<usize>,
    /// Folder for exported files; `None` for `exports`.
    pub exports: Option<PathBuf>,
}

/// The parts of the window that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "window", derive(clap::ValueEnum))]
pub enum Tab {
    /// One inference, step by step.
    Inspect,
    /// What a batch of images costs.
    Sparsity,
    /// Errors and gradients.
    Gradients,
    /// A training run.
    Training,
}

impl Tab {
    /// All tabs, in order.
    pub const ALL: [Self; 4] = [Self::Inspect, Self::Sparsity, Self::Gradients, Self::Training];

    /// Name of the tab.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspect => "Inspect",
            Self::Sparsity => "Sparsity",
            Self::Gradients => "Gradients",
            Self::Training => "Training",
        }
    }
}
