//! What the viewer is told at its start, and what it keeps from one start to the next.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is kept from one start to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colours.
    pub theme: egui::ThemePreference,
    /// Time steps a second, while playing.
    pub speed: f64,
    /// The open tab.
    pub tab: Tab,
    /// What the large map of a population shows.
    pub map: MapKind,
    /// Test images that a network is measured on.
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
    /// Membrane potentials at the present step.
    Membranes,
    /// Spikes of the present step.
    Spikes,
    /// Spikes up to the present step.
    Counts,
}

/// What to open at the start.
#[derive(Debug, Clone, Default)]
pub struct StartupSettings {
    /// Checkpoint or run folder; none for the network that is shipped.
    pub path: Option<PathBuf>,
    /// Folder of the data set; none for where it is usually found.
    pub data: Option<PathBuf>,
    /// Time steps; none for as many as it was trained on.
    pub steps: Option<usize>,
    /// Folder for what is saved; none for `exports`.
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
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Inspect, Self::Sparsity, Self::Gradients, Self::Training];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspect => "Inspect",
            Self::Sparsity => "Sparsity",
            Self::Gradients => "Gradients",
            Self::Training => "Training",
        }
    }
}
