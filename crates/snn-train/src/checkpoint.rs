//! Checkpoints: one `.safetensors` file with weights, optimizer state and the position in the run.
//!
//! Tensors are `weight.<name>`, in the shapes of [`Network::weights`], and `optimizer.<kind>.<name>`, all f32 (in a file
//! that is only to be shown images with, f16). The metadata say which experiment is trained and how far it has come. Equal
//! states give equal bytes.

mod format;

use std::fs;
use std::path::Path;

use safetensors::Dtype;
use snn_core::{Network, UpdateRule, Weights};

use crate::TrainError;
use crate::files::replace;

/// Version of the format that this program writes.
pub const SCHEMA: &str = "1";

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
    pub weights: Vec<Tensor>,
    /// What the optimizer remembers, named `<kind>.<weight>`; empty in a checkpoint that is only to be evaluated.
    pub optimizer: Vec<Tensor>,
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
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Checkpoint {
    /// Weights of `network` with their names and shapes.
    pub fn tensors(network: &Network, weights: &Weights) -> Vec<Tensor> {
        (network.weights().iter().zip(weights))
            .map(|(weight, values)| Tensor {
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
            network.weights().iter().map(|weight| (weight.name.clone(), &weight.shape[..])).collect();
        fit_tensors("network", &expected, &self.weights)
    }

    /// What an update rule for `network` remembers, in the order of [`UpdateRule::memories`], as tensors named
    /// `<kind>.<weight>`.
    pub fn memories(network: &Network, rule: UpdateRule, memories: &[Weights]) -> Vec<Tensor> {
        let named = |(kind, memory)| {
            let tensors = Self::tensors(network, memory).into_iter();
            tensors.map(move |tensor| Tensor { name: format!("{kind}.{}", tensor.name), ..tensor })
        };
        rule.memories().iter().zip(memories).flat_map(named).collect()
    }

    /// What `rule` remembers, in the form that [`Checkpoint::memories`] was given it.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] with every tensor that is missing, left over or misshapen.
    pub fn memories_for(&self, network: &Network, rule: UpdateRule) -> Result<Vec<Weights>, TrainError> {
        let (kinds, weights) = (rule.memories(), network.weights());
        let expected: Vec<(String, &[usize])> = (kinds.iter())
            .flat_map(|kind| weights.iter().map(move |w| (format!("{kind}.{}", w.name), &w.shape[..])))
            .collect();
        let mut values = fit_tensors("optimizer", &expected, &self.optimizer)?.into_iter();
        Ok(kinds.iter().map(|_| values.by_ref().take(weights.len()).collect()).collect())
    }

    /// Writes the file at `path`. At any moment there is either the old file or the new one, whole and on the disk.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be written; the old file is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        replace(path, |file| self.write(file, Dtype::F32))
    }

    /// As [`Checkpoint::save`], with all values rounded to half precision: half the size, to be shown images with but not to
    /// be trained on. [`Checkpoint::load`] reads it as it does any other.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub fn save_half(&self, path: &Path) -> Result<(), TrainError> {
        replace(path, |file| self.write(file, Dtype::F16))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be read; [`TrainError::Checkpoint`] if it is truncated, damaged, not a
    /// safetensors file, or of a schema that this program does not know.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let bytes = fs::read(path).map_err(TrainError::file("read the checkpoint", path))?;
        Self::parse(&bytes, path)
    }

    /// Reads the content of a file, which is called `path` in messages.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`], as of [`Checkpoint::load`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, TrainError> {
        Self::read(bytes).map_err(|reason| TrainError::Checkpoint { path: path.to_owned(), reason })
    }
}

/// Values of `found` in the order of `expected`, a list of names and shapes.
///
/// # Errors
/// [`TrainError::Mismatch`] with every difference, about `what`.
pub(crate) fn fit_tensors(
    what: &'static str,
    expected: &[(String, &[usize])],
    found: &[Tensor],
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut values = Vec::with_capacity(expected.len());
    let mut problems = Vec::new();
    for (name, shape) in expected {
        match found.iter().find(|tensor| tensor.name == *name) {
            Some(tensor) if tensor.shape == *shape => values.push(tensor.values.clone()),
            Some(tensor) => problems.push(format!("{name}: {shape:?} expected, {:?} found", tensor.shape)),
            None => problems.push(format!("{name}: {shape:?} expected, missing")),
        }
    }
    let extra = found.iter().filter(|tensor| expected.iter().all(|(name, _)| *name != tensor.name));
    problems.extend(extra.map(|tensor| format!("{}: {:?} found, not expected", tensor.name, tensor.shape)));
    if problems.is_empty() { Ok(values) } else { Err(TrainError::Mismatch { what, problems }) }
}

#[cfg(test)]
mod tests {
    use snn_core::{Map, Neuron, Projection, Shape, Source};

    use super::*;

    fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
        Tensor { name: name.to_owned(), shape: shape.to_vec(), values: values.to_vec() }
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            experiment: "(\n    steps: 4, // \"four\"\n)".to_owned(),
            origin: Some("converted".to_owned()),
            progress: Progress {
                seed: u64::MAX,
                images: 60_000,
                epoch: 3,
                step: 17,
                updates: 1234,
                best: Some(Best { epoch: 2, accuracy: Some(1.0 / 3.0) }),
                sums: Sums { images: 1088, correct: 900, spikes: 1 << 60, loss: 0.1 + 0.2 },
            },
            weights: vec![tensor("fc", &[1, 2], &[0.1, -0.0]), tensor("b", &[1], &[f32::MIN_POSITIVE])],
            optimizer: vec![tensor("momentum.fc", &[1, 2], &[1e-30, 1e30])],
        }
    }

    fn bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        checkpoint().write(&mut bytes, Dtype::F32).unwrap();
        bytes
    }

    /// What is wrong with a file whose header has `from` replaced with `to`, of the same length.
    fn reason(from: &str, to: &str) -> String {
        let mut bytes = bytes();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        Checkpoint::read(&bytes).unwrap_err()
    }

    #[test]
    fn what_is_saved_is_loaded_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("last.safetensors");
        checkpoint().save(&path).unwrap();
        assert_eq!(Checkpoint::load(&path).unwrap(), checkpoint());
        assert_eq!(fs::read(&path).unwrap(), bytes());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn half_precision_rounds_values_and_changes_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("half.safetensors");
        checkpoint().save_half(&path).unwrap();
        let mut loaded = Checkpoint::load(&path).unwrap();
        assert_eq!(loaded.weights[0].values, [0.099_975_586, -0.0]);
        loaded.weights = checkpoint().weights;
        loaded.optimizer = checkpoint().optimizer;
        assert_eq!(loaded, checkpoint());
    }

    #[test]
    fn a_checkpoint_without_a_best_epoch_is_loaded() {
        let mut checkpoint = checkpoint();
        checkpoint.progress.best = None;
        let mut bytes = Vec::new();
        checkpoint.write(&mut bytes, Dtype::F32).unwrap();
        assert_eq!(Checkpoint::read(&bytes).unwrap(), checkpoint);
    }

    #[test]
    fn every_truncation_is_noticed() {
        let bytes = bytes();
        for length in 0..bytes.len() {
            let reason = Checkpoint::read(&bytes[..length]).unwrap_err();
            assert!(reason.starts_with("truncated, damaged or not a safetensors file ("), "{length}: {reason}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        fs::write(&path, "these are notes, not weights").unwrap();
        assert_eq!(
            Checkpoint::load(&path).unwrap_err().to_string(),
            format!(
                "{}: not a usable checkpoint: truncated, damaged or not a safetensors file (header too large)",
                path.display()
            )
        );
    }

    #[test]
    fn a_flipped_bit_among_the_values_is_found() {
        let mut bytes = bytes();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(
            Checkpoint::read(&bytes).unwrap_err(),
            "its values do not match their checksum: the file is damaged; use an older copy of it"
        );
    }

    #[test]
    fn damaged_metadata_are_named() {
        assert_eq!(
            reason(r#""schema":"1""#, r#""schema":"2""#),
            "schema version \"2\" is not supported; this program reads version \"1\""
        );
        assert_eq!(
            reason(r#""schema""#, r#""smecha""#),
            "its metadata lack \"schema\": it was not written by this program"
        );
        assert_eq!(
            reason(r#""updates""#, r#""upda7es""#),
            "its metadata lack \"updates\": it was not written by this program"
        );
        assert_eq!(
            reason(r#""step":"17""#, r#""step":"x7""#),
            "metadata \"step\" is \"x7\": invalid digit found in string"
        );
    }

    #[test]
    fn foreign_tensors_are_named() {
        assert_eq!(reason("weight.fc", "wright.fc"), "tensor \"wright.fc\" is neither a weight nor of an optimizer");
        let integers = reason("F32", "I32");
        assert!(
            integers.starts_with("tensor \"") && integers.ends_with("\" holds I32, expected F32 or F16"),
            "{integers}"
        );
    }

    /// Weights `fc` of shape `[2, 3]` and `readout` of shape `[1, 2]`.
    fn network() -> Network {
        let mut builder = Network::builder(Shape::features(3));
        let linear = |features| Map::Linear { features };
        let hidden = builder.add("fc", Neuron::lif(), vec![Projection::new(Source::Input, linear(2))]).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, linear(1))]).unwrap();
        builder.build().unwrap()
    }

    #[test]
    fn all_differences_from_a_network_are_listed_together() {
        let error = checkpoint().weights_for(&network()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint does not fit the network:\n  fc: [2, 3] expected, [1, 2] found\n  readout: [1, 2] \
             expected, missing\n  b: [1] found, not expected"
        );
    }

    #[test]
    fn memories_come_back_and_those_of_another_rule_are_refused() {
        let adam = UpdateRule::Adam { rate: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0 };
        let memories = [1.0, 2.0].map(|value| vec![vec![value; 6], vec![-value; 2]]);
        let optimizer = Checkpoint::memories(&network(), adam, &memories);
        assert_eq!(optimizer[3], tensor("second_moment.readout", &[1, 2], &[-2.0, -2.0]));
        let checkpoint = Checkpoint { optimizer, ..checkpoint() };
        assert_eq!(checkpoint.memories_for(&network(), adam).unwrap(), memories);

        let sgd = UpdateRule::Sgd { rate: 0.1, momentum: 0.9, weight_decay: 0.0 };
        let error = checkpoint.memories_for(&network(), sgd).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint does not fit the optimizer:\n  \
             momentum.fc: [2, 3] expected, missing\n  momentum.readout: [1, 2] expected, missing\n  \
             first_moment.fc: [2, 3] found, not expected\n  first_moment.readout: [1, 2] found, not expected\n  \
             second_moment.fc: [2, 3] found, not expected\n  second_moment.readout: [1, 2] found, not expected"
        );
    }
}
