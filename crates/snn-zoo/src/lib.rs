//! Trained networks shipped with the program, each with the preset that trained it, its training log, and enough images
//! to check that this program still computes the same results.
//!
//! ```
//! let entry = snn_zoo::find("mnist-lenet")?;
//! let record = entry.record()?;
//! assert_eq!(record.curves.epochs.len(), 25);
//! assert!(record.test.accuracy > 0.99);
//! let checkpoint = entry.checkpoint()?;
//! assert!(checkpoint.experiment.contains("Mnist"));
//! # Ok::<(), snn_zoo::ZooError>(())
//! ```

mod again;
mod record;
mod sample;

use std::path::Path;

use snn_core::registry::Registry;
use snn_models::{Built, Experiment, presets};
use snn_train::{Checkpoint, TrainError};

pub use again::{Again, again, first};
pub use record::{First, RecordedUpdate, ZooRecord};
pub use sample::SampleImages;

/// Prefix of an entry's name where a file name is also accepted: `zoo:mnist-lenet`.
pub const PREFIX: &str = "zoo:";

/// A trained network of the zoo.
#[derive(Debug, Clone, Copy)]
pub struct ZooEntry {
    /// Name of the entry and of the preset that trained it.
    pub name: &'static str,
    /// Checkpoint file, with weights in half precision.
    weights: &'static [u8],
    /// Training log and results, in JSON.
    record: &'static str,
    /// File with some of the training and test images.
    sample: &'static [u8],
}

/// Errors of zoo entries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZooError {
    /// There is no such entry.
    #[error("{PREFIX}{name}: there is no such network; the zoo has {known}")]
    Unknown {
        /// The requested name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A shipped file cannot be read.
    #[error("{PREFIX}{name}: what is shipped cannot be read: {reason}")]
    Damaged {
        /// The entry.
        name: String,
        /// The cause.
        reason: String,
    },
    /// The preset of the entry is invalid.
    #[error(transparent)]
    Experiment(#[from] snn_models::ExperimentError),
    /// Training or evaluation failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A temporary folder cannot be created.
    #[error("no temporary folder can be made: {0}")]
    Folder(#[from] std::io::Error),
}

/// Defines the entry whose files are in the folder of the given name.
macro_rules! entry {
    ($name:literal) => {
        ZooEntry {
            name: $name,
            weights: include_bytes!(concat!("../zoo/", $name, "/weights.safetensors")),
            record: include_str!(concat!("../zoo/", $name, "/record.json")),
            sample: include_bytes!(concat!("../zoo/", $name, "/sample.safetensors")),
        }
    };
}

const ENTRIES: &[ZooEntry] = &[entry!("mnist-lenet")];

/// All entries.
pub fn all() -> &'static [ZooEntry] {
    ENTRIES
}

/// Finds the entry called `name`, with or without [`PREFIX`].
///
/// # Errors
/// [`ZooError::Unknown`].
pub fn find(name: &str) -> Result<&'static ZooEntry, ZooError> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    ENTRIES.iter().find(|entry| entry.name == name).ok_or_else(|| ZooError::Unknown {
        name: name.to_owned(),
        known: ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}

impl ZooEntry {
    /// Loads the checkpoint: weights, and the experiment that trained them.
    ///
    /// # Errors
    /// [`ZooError::Train`] never for shipped files, which are tested.
    pub fn checkpoint(&self) -> Result<Checkpoint, ZooError> {
        Ok(Checkpoint::parse(self.weights, Path::new(&format!("{PREFIX}{}", self.name)))?)
    }

    /// The preset that trained it, and the network built from it.
    ///
    /// # Errors
    /// [`ZooError::Experiment`] if `registry` lacks a name used in the preset.
    pub fn built(&self, registry: &Registry) -> Result<Built, ZooError> {
        let preset = presets::find(self.name)?;
        Ok(Experiment::from_ron(preset.text, &preset.file_name(), &[], registry)?.build(registry)?)
    }

    /// The training log and results.
    ///
    /// # Errors
    /// [`ZooError::Damaged`] never for shipped files, which are tested.
    pub fn record(&self) -> Result<ZooRecord, ZooError> {
        serde_json::from_str(self.record).map_err(|error| self.damaged(&error))
    }

    /// Some of the training and test images.
    ///
    /// # Errors
    /// [`ZooError::Damaged`] never for shipped files, which are tested.
    pub fn sample(&self) -> Result<SampleImages, ZooError> {
        SampleImages::read(self.sample).map_err(|error| self.damaged(&error))
    }

    /// Total size of the shipped files of the entry, in bytes.
    pub fn bytes(&self) -> usize {
        self.weights.len() + self.record.len() + self.sample.len()
    }

    fn damaged(&self, error: &impl ToString) -> ZooError {
        ZooError::Damaged { name: self.name.to_owned(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_shipped_can_be_read_and_is_small() {
        for entry in all() {
            let record = entry.record().unwrap();
            assert_eq!(record.curves.epochs.len(), record.curves.planned, "{}: to its end", entry.name);
            assert!(record.first.len() >= 3 && record.first.iter().all(|first| first.updates.len() == 3));
            entry.checkpoint().unwrap();
            entry.sample().unwrap();
        }
        assert!(all().iter().map(ZooEntry::bytes).sum::<usize>() < 25_000_000);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let message = find("zoo:mnist-lent").unwrap_err().to_string();
        assert!(message.starts_with("zoo:mnist-lent: there is no such network; the zoo has mnist-lenet"), "{message}");
    }
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
