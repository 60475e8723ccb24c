//! Checkpoints: one `.safetensors` file with weights, optimizer state and the position in the run.
//!
//! Tensors are `weight.<name>`, in the shapes of [`Network::tensors`], and `optimizer.<kind>.<name>`, all f32 (in a file
//! that is only to be shown images with, f16). The metadata say which experiment is trained and how far it has come. Equal
//! states give equal bytes.
//!
//! The metadata `digest` is the md5 of the whole file, taken with 32 zeros in the place of its own digits: it tells whether a
//! file is as it was saved. Other programs may change and write such files; [`FileCheck`] says what is known of one.

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

/// Version of the format that this program writes.
pub const SCHEMA: &str = "2";

/// Version whose `digest` covered the values of the tensors alone; its files can still be read.
const FORMER_SCHEMA: &str = "1";

/// What a checkpoint file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The experiment in RON.
    pub experiment: String,
    /// How the weights came to be, if not by training this experiment, in words.
    pub origin: Option<String>,
    /// Position in the run.
    pub progress: Progress,
    /// Weights in the order of the network.
    pub weights: Vec<NamedTensor>,
    /// What the optimizer remembers, named `<kind>.<weight>`; empty in a checkpoint that is only to be evaluated.
    pub optimizer: Vec<NamedTensor>,
    /// What decided the last bits of the weights, as [`Engine::arithmetic`](snn_core::Engine::arithmetic) says it; empty if
    /// they were not computed here.
    pub arithmetic: String,
    /// Whether the file that it was read from is as it was saved; it has no influence on what is written.
    pub check: FileCheck,
}

/// How a file stands to the check that is written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileCheck {
    /// It is as it was saved.
    #[default]
    Holds,
    /// It is not: another program has changed it, or damage.
    Fails,
    /// It has none that covers all of it: another program or an earlier version wrote it.
    Missing,
}

impl FileCheck {
    /// The same in a few words, where it is worth saying.
    pub fn short(self) -> Option<&'static str> {
        match self {
            Self::Holds => None,
            Self::Fails => Some("not as it was saved"),
            Self::Missing => Some("without a check"),
        }
    }

    /// What someone who uses the file should know.
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

/// Position in a run, and what has been summed up to it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Seed of the run.
    pub seed: u64,
    /// Training images of an epoch.
    pub images: usize,
    /// Epoch, from 0; the number of epochs once training is complete.
    pub epoch: usize,
    /// Batches done in this epoch.
    pub step: usize,
    /// Optimizer updates made in all.
    pub updates: u64,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Sums over the images of this epoch.
    pub sums: Sums,
    /// Mean loss of the first batch of the run whose loss was not 0; 0 before it.
    pub first_loss: f64,
}

/// The epoch whose weights are kept as the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Its accuracy on the validation images; none without validation images, where the last epoch is the best.
    pub accuracy: Option<f64>,
}

/// Sums over the training images of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Images shown.
    pub images: u64,
    /// Images answered correctly.
    pub correct: u64,
    /// Spikes of all populations.
    pub spikes: u64,
    /// Losses.
    pub loss: f64,
}

/// A named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Checkpoint {
    /// A checkpoint of `weights` for the `experiment` (RON), to be shown images with: before any training, with nothing that
    /// an optimizer remembers.
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

    /// Weights of `network` with their names and shapes.
    pub fn tensors(network: &Network, weights: &Weights) -> Vec<NamedTensor> {
        (network.tensors().iter().zip(weights))
            .map(|(weight, values)| NamedTensor {
                name: weight.name.clone(),
                shape: weight.shape.clone(),
                values: values.clone(),
            })
            .collect()
    }

    /// The weights in the form that `network` asks for.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] with every tensor that is missing, left over or misshapen.
    pub fn weights_for(&self, network: &Network) -> Result<Weights, TrainError> {
        let expected: Vec<(String, &[usize])> =
            network.tensors().iter().map(|weight| (weight.name.clone(), &weight.shape[..])).collect();
        fit_tensors("network", &expected, &self.weights)
    }

    /// What a run remembers beside its weights, as tensors named `<kind>.<weight>`: the state of the optimizer, in the
    /// order of [`Optimizer::state_kinds`]; where weights of the network are standardised, `raw` values come before them, and
    /// all are in the form of [`Network::with_gains`]; if an `average` is kept, it comes next.
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

    /// What a run remembers, in the form that [`Checkpoint::optimizer_tensors`] was given it.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] with every tensor that is missing, left over or misshapen.
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

    /// Goes with `training`, a session of `network` by `optimizer`, to where this checkpoint stands, wherever the weights were updated.
    pub(crate) fn restore(
        &self,
        training: &mut TrainingSession,
        network: &Network,
        optimizer: Optimizer,
    ) -> Result<(), TrainError> {
        let state = self.optimizer_state(network, optimizer, training.keeps_average())?;
        Ok(training.restore(self.weights_for(network)?, state, self.progress.updates)?)
    }

    /// Writes the file at `path`. At any moment there is either the old file or the new one, whole and on the disk.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if a number is not finite or a weight far too large, [`TrainError::File`] if it cannot be
    /// written; the old file is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        self.save_as(path, Dtype::F32)
    }

    /// As [`Checkpoint::save`], with all values rounded to half precision: half the size, to be shown images with but not to
    /// be trained on. [`Checkpoint::load`] reads it as it does any other.
    ///
    /// # Errors
    /// As [`Checkpoint::save`]; [`TrainError::Checkpoint`] too if a value is beyond 65504, the largest in half precision.
    pub fn save_half(&self, path: &Path) -> Result<(), TrainError> {
        self.save_as(path, Dtype::F16)
    }

    fn save_as(&self, path: &Path, dtype: Dtype) -> Result<(), TrainError> {
        let refuse = |reason| TrainError::Checkpoint { path: path.to_owned(), reason };
        self.check_numbers(dtype).map_err(refuse)?;
        replace(path, |file| self.write(file, dtype))
    }

    /// Reads the file at `path`. One that another program has changed is read too; [`Checkpoint::check`] tells.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be read; [`TrainError::Checkpoint`] if it is cut off, no safetensors file, of a
    /// schema that this program does not know, or holds numbers that are not finite.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        Self::parse(&format::read_safetensors(path)?, path)
    }

    /// Reads the content of a file, which is called `path` in messages.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`], as of [`Checkpoint::load`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, TrainError> {
        let refuse =
            |reason| TrainError::Checkpoint { path: path.to_owned(), reason: format::with_kind(bytes, reason) };
        Self::read(bytes).map_err(refuse)
    }
}

/// The form of what a run remembers, and its kinds.
fn remembered_of(network: &Network, optimizer: Optimizer, average: bool) -> (Cow<'_, Network>, Vec<&'static str>) {
    let form = network.with_gains();
    let kinds =
        form.iter().map(|_| "raw").chain(average.then_some("average")).chain(optimizer.state_kinds().iter().copied());
    let kinds = kinds.collect();
    (form.map_or(Cow::Borrowed(network), Cow::Owned), kinds)
}

/// Values of `found` in the order of `expected`, a list of names and shapes.
///
/// # Errors
/// [`TrainError::Mismatch`] with every difference, about `what`.
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
