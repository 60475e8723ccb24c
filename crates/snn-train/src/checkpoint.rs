//! Checkpoints: one `.safetensors` file with weights, optimizer state and the position in the run.
//!
//! Tensors are named `weight.<name>`, with the shapes of [`Network::tensors`], and `optimizer.<kind>.<name>`. All are
//! f32, or f16 in a file meant only for inference. The metadata hold the experiment and the position in its training.
//! Equal states give equal bytes.
//!
//! The metadata entry `digest` is the md5 of the whole file, computed with 32 zeros in place of its own digits. It
//! tells whether the file is unchanged since it was saved. Other programs may change and write such files;
//! [`FileCheck`] is the result of the check.

mod format;
mod import;
#[cfg(test)]
mod tests;

pub use import::Imported;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use safetensors::Dtype;
use snn_core::text::{excerpt, extents};
use snn_core::{Network, Optimizer, TrainingSession, Weights};

use crate::TrainError;
use crate::files::replace;

/// Version of the file format that this program writes.
pub const SCHEMA: &str = "2";

/// Previous format version, which can still be read. Its `digest` covers only the values of the tensors.
const FORMER_SCHEMA: &str = "1";

/// The contents of a checkpoint file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The experiment, in RON.
    pub experiment: String,
    /// Description of where the weights come from, if not from training this experiment.
    pub origin: Option<String>,
    /// Position in the run.
    pub progress: Progress,
    /// Weights, in the order of [`Network::tensors`].
    pub weights: Vec<NamedTensor>,
    /// Optimizer state, named `<kind>.<weight>`; empty in a checkpoint meant only for inference.
    pub optimizer: Vec<NamedTensor>,
    /// The arithmetic that determines the last bits of the weights, as returned by
    /// [`Engine::arithmetic`](snn_core::Engine::arithmetic); empty if they were not computed by this program.
    pub arithmetic: String,
    /// Whether the file that it was read from is unchanged. Ignored when saving.
    pub check: FileCheck,
}

/// Result of checking a file against the digest stored in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FileCheck {
    /// The digest matches: the file is unchanged since it was saved.
    #[default]
    Holds,
    /// The digest does not match: another program changed the file, or it is damaged.
    Fails,
    /// The file has no digest of its whole content: another program or an earlier version wrote it.
    Missing,
}

impl FileCheck {
    /// A short description for display; `None` if the digest matches.
    pub fn short(self) -> Option<&'static str> {
        match self {
            Self::Holds => None,
            Self::Fails => Some("not as it was saved"),
            Self::Missing => Some("without a check"),
        }
    }

    /// A warning for users of the file; `None` if there is nothing to warn about.
    pub fn caution(self) -> Option<&'static str> {
        match self {
            Self::Holds => None,
            Self::Fails => Some(
                "not as it was saved: another program has changed it, or it is damaged; its names, shapes and \
                 numbers are looked at",
            ),
            Self::Missing => Some(
                "without a check of all that it holds, as another program or an earlier version writes it: whether it is \
                 as it was saved is not known",
            ),
        }
    }
}

/// Position in a run, with running sums of the current epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Seed of the run.
    pub seed: u64,
    /// Number of training images per epoch.
    pub images: usize,
    /// Current epoch, from 0; equal to the number of epochs once training is complete.
    pub epoch: usize,
    /// Batches done in this epoch.
    pub update: usize,
    /// Total number of optimizer updates in the run.
    pub updates: u64,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Sums over the images seen in this epoch.
    pub sums: Sums,
    /// Mean loss of the run's first batch with a nonzero loss; 0 before that.
    pub first_loss: f64,
}

/// The epoch with the best weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Its accuracy on the validation images; `None` without validation images, where the last epoch is the best.
    pub accuracy: Option<f64>,
}

/// Sums over the training images of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Images shown.
    pub images: u64,
    /// Number of images classified correctly.
    pub correct: u64,
    /// Spikes of all populations.
    pub spikes: u64,
    /// Sum of the losses.
    pub loss: f64,
}

/// A named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Checkpoint {
    /// A checkpoint of `weights` for the `experiment` (RON), meant only for inference. It has no training progress and
    /// no optimizer state.
    pub fn of_weights(experiment: String, weights: Vec<NamedTensor>) -> Self {
        Self {
            experiment,
            origin: None,
            progress: Progress::default(),
            weights,
            optimizer: Vec::new(),
            arithmetic: String::new(),
            check: FileCheck::Holds,
        }
    }

    /// The weights of `network` as named tensors.
    pub fn tensors(network: &Network, weights: &Weights) -> Vec<NamedTensor> {
        (network.tensors().iter().zip(weights))
            .map(|(weight, values)| NamedTensor {
                name: weight.name.clone(),
                shape: weight.shape.clone(),
                values: values.clone(),
            })
            .collect()
    }

    /// The weights in the order that `network` expects.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] with every tensor that is missing, unexpected or of the wrong shape.
    pub fn weights_for(&self, network: &Network) -> Result<Weights, TrainError> {
        let expected: Vec<(String, &[usize])> =
            network.tensors().iter().map(|weight| (weight.name.clone(), &weight.shape[..])).collect();
        fit_tensors("network", &expected, &self.weights)
    }

    /// Converts the training state besides the weights to tensors named `<kind>.<weight>`: the optimizer state, in the
    /// order of [`Optimizer::state_kinds`]. If `network` has standardised weights, `raw` values come first, and all
    /// tensors have the form of [`Network::with_gains`]. If an `average` of the weights is kept, it comes next, before
    /// the optimizer state.
    pub fn optimizer_tensors(
        network: &Network,
        optimizer: Optimizer,
        average: bool,
        remembered: &[Weights],
    ) -> Vec<NamedTensor> {
        let (form, kinds) = remembered_of(network, optimizer, average);
        let named = |(kind, values): (&str, &Weights)| {
            let tensors = Self::tensors(&form, values);
            let kind = kind.to_owned();
            tensors.into_iter().map(move |tensor| NamedTensor { name: format!("{kind}.{}", tensor.name), ..tensor })
        };
        kinds.into_iter().zip(remembered).flat_map(named).collect()
    }

    /// Returns the state in the form that [`Checkpoint::optimizer_tensors`] accepts.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] with every tensor that is missing, unexpected or of the wrong shape.
    pub fn optimizer_state(
        &self,
        network: &Network,
        optimizer: Optimizer,
        average: bool,
    ) -> Result<Vec<Weights>, TrainError> {
        let (form, kinds) = remembered_of(network, optimizer, average);
        let weights = form.tensors();
        let expected: Vec<(String, &[usize])> = (kinds.iter())
            .flat_map(|kind| weights.iter().map(move |w| (format!("{kind}.{}", w.name), &w.shape[..])))
            .collect();
        let mut values = fit_tensors("optimizer", &expected, &self.optimizer)?.into_iter();
        Ok(kinds.iter().map(|_| values.by_ref().take(weights.len()).collect()).collect())
    }

    /// Loads this checkpoint into `training`, a session of `network` with `optimizer`, including the number of updates.
    /// Works the same wherever the session updates the weights.
    pub(crate) fn restore(
        &self,
        training: &mut TrainingSession,
        network: &Network,
        optimizer: Optimizer,
    ) -> Result<(), TrainError> {
        let state = self.optimizer_state(network, optimizer, training.keeps_average())?;
        Ok(training.restore(self.weights_for(network)?, state, self.progress.updates)?)
    }

    /// Writes the file at `path` atomically: at any moment, either the old file or the complete new one is on disk.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if a number is not finite or a weight is far too large, [`TrainError::File`] if the
    /// file cannot be written. The old file is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        self.save_as(path, Dtype::F32)
    }

    /// Like [`Checkpoint::save`], with all values rounded to half precision. The file is half the size, and meant for
    /// inference rather than training. [`Checkpoint::load`] reads it like any other checkpoint.
    ///
    /// # Errors
    /// As [`Checkpoint::save`]; also [`TrainError::Checkpoint`] if a value exceeds 65504, the largest in half
    /// precision.
    pub fn save_half(&self, path: &Path) -> Result<(), TrainError> {
        self.save_as(path, Dtype::F16)
    }

    fn save_as(&self, path: &Path, dtype: Dtype) -> Result<(), TrainError> {
        let refuse = |reason| TrainError::Checkpoint { path: path.to_owned(), reason };
        self.check_numbers(dtype).map_err(refuse)?;
        replace(path, |file| self.write(file, dtype))
    }

    /// Reads the file at `path`. A file that another program has changed is accepted; see [`Checkpoint::check`].
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be read; [`TrainError::Checkpoint`] if it is truncated, not a safetensors
    /// file, has an unknown schema version, or holds numbers that are not finite.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        Self::parse(&format::read_safetensors(path)?, path)
    }

    /// Parses the contents of a checkpoint file. Error messages use `path` as its name.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`], as of [`Checkpoint::load`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, TrainError> {
        let refuse =
            |reason| TrainError::Checkpoint { path: path.to_owned(), reason: format::with_kind(bytes, reason) };
        Self::read(bytes).map_err(refuse)
    }
}

/// The network form and the kinds of tensors of the stored training state.
fn remembered_of(network: &Network, optimizer: Optimizer, average: bool) -> (Cow<'_, Network>, Vec<&'static str>) {
    let form = network.with_gains();
    let kinds =
        form.iter().map(|_| "raw").chain(average.then_some("average")).chain(optimizer.state_kinds().iter().copied());
    let kinds = kinds.collect();
    (form.map_or(Cow::Borrowed(network), Cow::Owned), kinds)
}

/// Returns the values of `found` in the order of `expected`, a list of names and shapes.
///
/// # Errors
/// [`TrainError::Mismatch`] for `what`, with every difference.
pub(crate) fn fit_tensors(
    what: &'static str,
    expected: &[(String, &[usize])],
    found: &[NamedTensor],
) -> Result<Vec<Vec<f32>>, TrainError> {
    let by_name: HashMap<&str, &NamedTensor> = found.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut values = Vec::with_capacity(expected.len());
    let mut problems = Vec::new();
    for (full, shape) in expected {
        let name = excerpt(full);
        match by_name.get(full.as_str()) {
            Some(tensor) if tensor.shape == *shape => values.push(tensor.values.clone()),
            Some(tensor) => {
                problems.push(format!("{name}: {} expected, {} found", extents(shape), extents(&tensor.shape)));
            }
            None => problems.push(format!("{name}: {} expected, missing", extents(shape))),
        }
    }
    let names: HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
    let extra = found.iter().filter(|tensor| !names.contains(tensor.name.as_str()));
    let unexpected =
        |tensor: &NamedTensor| format!("{}: {} found, not expected", excerpt(&tensor.name), extents(&tensor.shape));
    problems.extend(extra.map(unexpected));
    if problems.is_empty() { Ok(values) } else { Err(TrainError::Mismatch { what, problems }) }
}
