//! Errors about what the viewer is asked to show.

use std::path::PathBuf;

use snn_models::ExperimentError;
use snn_train::TrainError;

/// Reason why something cannot be shown. The message says where the problem is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// A checkpoint or run cannot be read, or does not match.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The experiment of a checkpoint is invalid.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A network of the zoo cannot be opened.
    #[error(transparent)]
    Zoo(#[from] snn_zoo::ZooError),
    /// The network cannot be run.
    #[error(transparent)]
    Core(#[from] snn_core::Error),
    /// The images of the experiment cannot be read.
    #[error("{0}")]
    Data(String),
    /// There is no such file or folder.
    #[error("{0}: there is no such file or folder; give a checkpoint (.safetensors) or the folder of a run")]
    Missing(PathBuf),
    /// The folder contains no run.
    #[error("{0}: holds no run: there is no experiment.ron in it; give a folder that snn train has made")]
    NoRun(PathBuf),
    /// The run has not saved a checkpoint yet.
    #[error(
        "{0}: holds no checkpoint yet, neither best.safetensors nor last.safetensors; the run can be watched, and its \
         network opened once the first checkpoint is there"
    )]
    NoCheckpoint(PathBuf),
    /// The network passes on numbers instead of spikes.
    #[error(
        "\"{0}\" passes on numbers, not spikes: this is an ANN, and there is nothing to see over time; snn convert makes a \
         spiking network of it"
    )]
    NoSpikes(String),
    /// A file cannot be written.
    #[error("{path}: cannot be written ({reason})")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        reason: String,
    },
}
