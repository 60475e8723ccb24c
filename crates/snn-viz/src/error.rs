//! What can be wrong with what the viewer is asked to show.

use std::path::PathBuf;

use snn_models::ExperimentError;
use snn_train::TrainError;

/// Why something cannot be shown. The message says where the fault is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// A checkpoint or run that cannot be read, or does not fit.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The experiment of a checkpoint.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A network of the zoo.
    #[error(transparent)]
    Zoo(#[from] snn_zoo::ZooError),
    /// The network cannot be run.
    #[error(transparent)]
    Core(#[from] snn_core::Error),
    /// The images of the experiment.
    #[error("{0}")]
    Data(String),
    /// Nothing is there.
    #[error("{0}: there is no such file or folder; give a checkpoint (.safetensors) or the folder of a run")]
    Missing(PathBuf),
    /// A folder without a run in it.
    #[error("{0}: holds no run: there is no experiment.ron in it; give a folder that snn train has made")]
    NoRun(PathBuf),
    /// A run that has not saved yet.
    #[error(
        "{0}: holds no checkpoint yet, neither best.safetensors nor last.safetensors; the run can be watched, and its \
         network opened once the first checkpoint is there"
    )]
    NoCheckpoint(PathBuf),
    /// A network of numbers.
    #[error(
        "\"{0}\" passes on numbers, not spikes: this is an ANN, and there is nothing to see over time; snn convert makes a \
         spiking network of it"
    )]
    NoSpikes(String),
    /// A file that cannot be written.
    #[error("{path}: cannot be written ({reason})")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}
