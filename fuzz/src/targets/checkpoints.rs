//! Targets that read checkpoints.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use md5::{Digest as _, Md5};
use snn_core::Network;
use snn_models::Experiment;
use snn_train::{Checkpoint, FileCheck, NamedTensor};

use super::texts::SMALL;
use super::{Bench, Verdict};

/// The text before the digits of the digest, and the number of digits.
const DIGEST: &[u8] = b"\"digest\":\"";
const DIGITS: usize = 32;

pub(super) fn seeds(bench: &Bench) -> Vec<Vec<u8>> {
    let Ok(experiment) = Experiment::from_ron(SMALL, "", &[], &bench.registry) else { return Vec::new() };
    let Ok(built) = experiment.build(&bench.registry) else { return Vec::new() };
    let weights = built.network.initial_weights(1);
    let tensors = Checkpoint::tensors(&built.network, &weights);
    let optimizer = Checkpoint::optimizer_tensors(&built.network, experiment.training.optimizer, false, &[weights]);
    let whole = Checkpoint { optimizer, ..Checkpoint::of_weights(SMALL.to_owned(), tensors.clone()) };
    let path = bench.folder.join("seed");
    let bytes = |checkpoint: &Checkpoint| checkpoint.save(&path).ok().and_then(|()| fs::read(&path).ok());
    [whole, Checkpoint::of_weights(SMALL.to_owned(), tensors)].iter().filter_map(bytes).collect()
}

/// Repairs the length of the header in three of four cases, and the digest in every other case.
pub(super) fn seal(rng: &mut Rng, input: &mut Vec<u8>) {
    if rng.u8(..4) > 0
        && let Some(end) = find(input, b"}}")
    {
        let blanks = input[end + 2..].iter().take_while(|byte| **byte == b' ').count();
        let length = (end + 2 + blanks).saturating_sub(8) as u64;
        input[..8].copy_from_slice(&length.to_le_bytes());
    }
    if rng.bool()
        && let Some(start) = find(input, DIGEST).map(|at| at + DIGEST.len())
        && start + DIGITS <= input.len()
    {
        input[start..start + DIGITS].fill(b'0');
        let md5: [u8; 16] = Md5::digest(&*input).into();
        let digits = format!("{:032x}", u128::from_be_bytes(md5));
        input[start..start + DIGITS].copy_from_slice(digits.as_bytes());
    }
}

/// Position of `wanted`, searched after the first 8 bytes.
fn find(input: &[u8], wanted: &[u8]) -> Option<usize> {
    input.get(8..)?.windows(wanted.len()).position(|bytes| bytes == wanted).map(|at| at + 8)
}

pub(super) fn run(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(found) = Checkpoint::parse(input, Path::new("input")) else { return Ok(false) };
    let tensors = found.weights.iter().chain(&found.optimizer);
    if tensors.flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
        return Err("a number is not finite".to_owned());
    }
    let path = bench.folder.join("again");
    found.save(&path).map_err(|error| format!("cannot be saved: {error}"))?;
    let again = Checkpoint::load(&path).map_err(|error| format!("cannot be read again: {error}"))?;
    if again != (Checkpoint { check: FileCheck::Holds, ..found.clone() }) {
        return Err("is another one when it is read again".to_owned());
    }
    let Ok(experiment) = Experiment::from_ron(&found.experiment, "", &[], &bench.registry) else { return Ok(true) };
    let Ok(built) = experiment.build(&bench.registry) else { return Ok(true) };
    let (network, rule) = (&built.network, experiment.training.optimizer);
    if let Ok(weights) = found.weights_for(network) {
        network.check_weights(&weights).map_err(|error| error.to_string())?;
        same(network, &Checkpoint::tensors(network, &weights), &found.weights)?;
    }
    if let Ok(memories) = found.optimizer_state(network, rule, false) {
        memories.iter().try_for_each(|memory| network.check_form(memory)).map_err(|error| error.to_string())?;
        same(network, &Checkpoint::optimizer_tensors(network, rule, false, &memories), &found.optimizer)?;
    }
    Ok(true)
}

/// Checks that the tensors imported by a network are all that the file holds, in any order.
fn same(network: &Network, taken: &[NamedTensor], held: &[NamedTensor]) -> Result<(), String> {
    let by_name = |tensors: &[NamedTensor]| {
        let mut sorted = tensors.to_vec();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted
    };
    if by_name(taken) == by_name(held) {
        Ok(())
    } else {
        Err(format!("a network of {} weights takes other numbers than the file holds", network.tensors().len()))
    }
}
