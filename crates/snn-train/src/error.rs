//! Errors of training runs, with advice on what to do about them.

use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The engine rejects the network or a trial.
    #[error(transparent)]
    Core(#[from] snn_core::Error),
    /// An experiment derived from another one cannot be built.
    #[error(transparent)]
    Experiment(Box<snn_models::ExperimentError>),
    /// Experiment, network and data do not match.
    #[error("{what}: {reason}")]
    Setup {
        /// The part at fault.
        what: String,
        /// What was expected and found.
        reason: String,
    },
    /// A file or folder cannot be read or written. Existing content is intact.
    #[error("{}: cannot {action} ({source})", .path.display())]
    File {
        /// The operation that failed.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file is not a checkpoint that this program can read.
    #[error("{}: not a usable checkpoint: {reason}", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The tensors of a checkpoint do not match those of the network or of the optimizer.
    #[error("the checkpoint does not fit the {what}:\n{}", snn_core::text::lines(.problems))]
    Mismatch {
        /// Network or optimizer.
        what: &'static str,
        /// Every tensor that is missing, unexpected or of another shape.
        problems: Vec<String>,
    },
    /// A new run would overwrite an existing one.
    #[error(
        "{}: holds a run already; continue it with --resume {}, or choose another directory",
        .0.display(), .0.display()
    )]
    Exists(PathBuf),
    /// The folder to resume contains no run.
    #[error("{}: holds no run: there is no experiment.ron in it", .0.display())]
    NoRun(PathBuf),
    /// The checkpoint to resume from is missing.
    #[error(
        "{}: holds a run that has learned, but not its last.safetensors, so it cannot go on, and nothing in it was changed. \
         To see how good its best weights are: snn evaluate {}; to start anew: snn train {}",
        .0.display(), .0.display(), .0.join("experiment.ron").display()
    )]
    NoLast(PathBuf),
    /// A record of a run is invalid.
    #[error("{}:{line}: {reason}", .path.display())]
    Record {
        /// The file of records.
        path: PathBuf,
        /// Number of the invalid line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another process is using the folder.
    #[error("{}: in use by another process; wait for it to end, or stop it", .0.display())]
    Locked(PathBuf),
    /// An output, a loss or a gradient is not finite, or a loss is far too large.
    #[error("{0}: the weights have diverged, or the input is far too large")]
    NotFinite(String),
    /// Training has diverged.
    #[error(
        "{} at epoch {}, batch {update}: {reason}. The last checkpoint, {}, is whole. {}",
        DIVERGED, epoch + 1, .checkpoint.display(), remedy(*has_learned)
    )]
    Diverged {
        /// Which numbers are not finite or far too large.
        reason: String,
        /// Epoch, from 0.
        epoch: usize,
        /// Number of the batch within the epoch, from 1.
        update: usize,
        /// Whether any weight has changed since the start of the run.
        has_learned: bool,
        /// The last checkpoint.
        checkpoint: PathBuf,
    },
}

impl TrainError {
    /// Converts an I/O error to [`TrainError::File`].
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn setup(what: &str, reason: String) -> Self {
        Self::Setup { what: what.to_owned(), reason }
    }
}

/// Beginning of the message of [`TrainError::Diverged`].
pub(crate) const DIVERGED: &str = "training has diverged";

/// Advice if training has diverged. Before the first update, the learning rate cannot be the cause.
fn remedy(has_learned: bool) -> &'static str {
    if has_learned {
        "Try a new run with a lower learning rate, or limit the gradient with --set training.clip=1.0"
    } else {
        "No weight has changed yet, so it is the network: try smaller initial weights (kappa) or input, and a neuron \
         whose membrane cannot grow without bound (Qif and Eif can, unless their reset is Hard)"
    }
}
