//! The fuzzing targets: each reader, with valid inputs to start from and the properties that every accepted input must
//! have.

mod checkpoints;
mod data;
mod texts;
mod words;

use std::fs;
use std::path::PathBuf;

use fastrand::Rng;
use snn_core::registry::Registry;

/// Whether the input was accepted; or which property is violated.
pub(crate) type Verdict = Result<bool, String>;

/// A reader under test.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Valid inputs, all of which must be accepted.
    pub(crate) seeds: fn(&Bench) -> Vec<Vec<u8>>,
    /// Words that are inserted at random places.
    pub(crate) words: &'static [&'static str],
    /// Repairs a mutated input some of the time, for formats in which a checksum or a length would expose every
    /// mutation.
    pub(crate) mend: Option<fn(&mut Rng, &mut Vec<u8>)>,
    pub(crate) run: fn(&Bench, &[u8]) -> Verdict,
    /// Maximum bytes that may be allocated at a time.
    pub(crate) most: usize,
}

/// Environment shared by the targets.
pub(crate) struct Bench {
    pub(crate) registry: Registry,
    /// A folder for inputs that are read from files.
    pub(crate) folder: PathBuf,
    pub(crate) samples: PathBuf,
}

impl Bench {
    /// Writes the input to a file.
    fn file(&self, name: &str, input: &[u8]) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        fs::write(&path, input).map_err(|error| format!("the input cannot be written ({error})"))?;
        Ok(path)
    }

    fn sample(&self, name: &str) -> Vec<u8> {
        fs::read(self.samples.join(name)).unwrap_or_default()
    }
}

const MEGABYTES: usize = 1 << 20;

/// A target with a binary format.
const fn binary(name: &'static str, seeds: fn(&Bench) -> Vec<Vec<u8>>, run: fn(&Bench, &[u8]) -> Verdict) -> Target {
    Target { name, seeds, words: &[], mend: None, run, most: 64 * MEGABYTES }
}

/// A target with a text format.
const fn text(
    name: &'static str,
    words: &'static [&'static str],
    seeds: fn(&Bench) -> Vec<Vec<u8>>,
    run: fn(&Bench, &[u8]) -> Verdict,
) -> Target {
    Target { name, seeds, words, mend: None, run, most: 64 * MEGABYTES }
}

/// All targets.
pub(crate) const ALL: &[Target] = &[
    binary("idx", data::idx_seeds, data::run_idx),
    binary("mat", data::mat_seeds, data::run_mat),
    binary("svhn", data::mat_seeds, data::run_svhn),
    binary("cifar10", data::cifar10_seeds, data::run_cifar10),
    binary("nmnist", data::nmnist_seeds, data::run_nmnist),
    Target { most: MEGABYTES, ..text("kind", &["PK\u{3}\u{4}", "\u{8}\u{12}"], data::kind_seeds, data::run_kind) },
    Target { mend: Some(checkpoints::seal), ..text("checkpoint", words::HEADER, checkpoints::seeds, checkpoints::run) },
    text("experiment", words::RON, texts::experiment_seeds, texts::run_experiment),
    text("overrides", words::RON, texts::override_seeds, texts::run_overrides),
    text("part", words::RON, texts::part_seeds, texts::run_part),
    text("records", words::JSON, texts::record_seeds, texts::run_records),
];
