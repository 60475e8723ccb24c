//! Tests of writing and reading checkpoints, intact, changed and damaged.

use std::fs;

use snn_core::{Map, Neuron, Projection, Shape, Source};

use super::*;

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> NamedTensor {
    NamedTensor { name: name.to_owned(), shape: shape.to_vec(), values: values.to_vec() }
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        experiment: "(\n    steps: 4, // \"four\"\n)".to_owned(),
        origin: Some("converted".to_owned()),
        progress: Progress {
            seed: u64::MAX,
            images: 60_000,
            epoch: 3,
            update: 17,
            updates: 1234,
            best: Some(Best { epoch: 2, accuracy: Some(1.0 / 3.0) }),
            sums: Sums { images: 1088, correct: 900, spikes: 1 << 60, loss: 0.1 + 0.2 },
            first_loss: 0.7,
        },
        weights: vec![tensor("fc", &[1, 2], &[0.1, -0.0]), tensor("b", &[1], &[f32::MIN_POSITIVE])],
        optimizer: vec![tensor("momentum.fc", &[1, 2], &[1e-30, 1e30])],
        arithmetic: "reference".to_owned(),
        check: FileCheck::Holds,
    }
}

fn bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint().write(&mut bytes, Dtype::F32).unwrap();
    bytes
}

/// The error for a file whose header has `from` replaced by `to`, of the same length.
fn reason(from: &str, to: &str) -> String {
    Checkpoint::read(&changed(from, to)).unwrap_err()
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
    Checkpoint { optimizer: Vec::new(), ..checkpoint() }.save_half(&path).unwrap();
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
        assert!(reason.starts_with("cut off, damaged or not a safetensors file ("), "{length}: {reason}");
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
            "{}: not a usable checkpoint: cut off, damaged or not a safetensors file (header too large)",
            path.display()
        )
    );
}

/// Bytes of a checkpoint file with `from` replaced by `to`, of the same length.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn files_of_other_tools_are_named_with_the_way_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net");
    for (bytes, kind) in [
        (&b"\x89HDF\r\n\x1a\n\0\0\0\0"[..], "an HDF5 file (as of NIR"),
        (b"\x80\x04\x95\0\0\0", "a Python pickle"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(message.contains(&format!("this is {kind}")) && message.contains("snn import"), "{message}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let whole = bytes();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(found) = Checkpoint::read(&bytes) {
                assert_ne!(found.check, FileCheck::Holds, "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn a_file_that_another_program_has_changed_is_read_and_says_so() {
    let found = Checkpoint::read(&changed("steps: 4", "steps: 5")).unwrap();
    assert_eq!((found.check, &found.experiment[..9]), (FileCheck::Fails, "(\n    ste"));
    assert_eq!(found.weights, checkpoint().weights);
}

/// A file of the previous schema version, whose digest covers only the values.
#[test]
fn files_of_the_schema_before_are_read_with_a_caution() {
    let mut bytes = changed("\"schema\":\"2\"", "\"schema\":\"1\"");
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let digest = format::digest([&bytes[8 + header..]].into_iter());
    let at = bytes.windows(10).position(|window| window == b"\"digest\":\"").unwrap() + 10;
    bytes[at..at + 32].copy_from_slice(digest.as_bytes());
    assert_eq!(Checkpoint::read(&bytes).unwrap().check, FileCheck::Missing);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(Checkpoint::read(&bytes).unwrap().check, FileCheck::Fails);
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name_when_read_and_when_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("last.safetensors");
    let refused = |checkpoint: &Checkpoint| {
        let mut bytes = Vec::new();
        checkpoint.write(&mut bytes, Dtype::F32).unwrap();
        let reason = Checkpoint::read(&bytes).unwrap_err();
        let error = checkpoint.save(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}: not a usable checkpoint: {reason}", path.display()));
        assert!(!path.exists());
        reason
    };
    let mut with = checkpoint();
    with.weights[0].values[1] = f32::NAN;
    assert_eq!(
        refused(&with),
        "tensor \"weight.fc\": 1 of 2 values are not finite or far too large; the first, at index 1, is NaN"
    );
    let mut with = checkpoint();
    with.optimizer[0].values[0] = f32::NEG_INFINITY;
    assert!(refused(&with).starts_with("tensor \"optimizer.momentum.fc\": 1 of 2 values"));
    let mut with = checkpoint();
    with.progress.sums.loss = f64::NAN;
    assert_eq!(refused(&with), "\"epoch_loss\" must be finite, found NaN");
    let mut with = checkpoint();
    with.weights[0].values[1] = 70_000.0;
    let error = with.save_half(&path).unwrap_err().to_string();
    assert!(error.ends_with("the first, at index 1, is 70000.0"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_file_without_end_is_not_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse.safetensors");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let message = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(message.contains("not a usable checkpoint"), "{message}");
    assert!(Checkpoint::load(dir.path()).unwrap_err().to_string().contains("it is a folder, not a file"));
}

#[test]
fn damaged_metadata_are_named() {
    assert_eq!(
        reason(r#""schema":"2""#, r#""schema":"3""#),
        "schema version \"3\" is not supported; this program reads version \"2\""
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
    assert_eq!(
        reason("experiment", "expedition"),
        "it holds tensors, but no experiment that says which network they are of; with snn import, and the \
         experiment as a RON file, a checkpoint is made of it"
    );
}

#[test]
fn foreign_tensors_are_named() {
    assert_eq!(reason("weight.fc", "wright.fc"), "tensor \"wright.fc\" is neither a weight nor of an optimizer");
    let integers = reason("F32", "I32");
    assert!(
        integers.starts_with("tensor \"") && integers.ends_with("\" holds I32, expected F32, F16, BF16 or F64"),
        "{integers}"
    );
}

/// A network with weights `fc` of shape `[2, 3]` and `readout` of shape `[1, 2]`.
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
    let adam = Optimizer::Adam { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0 };
    let memories = [1.0, 2.0].map(|value| vec![vec![value; 6], vec![-value; 2]]);
    let optimizer = Checkpoint::optimizer_tensors(&network(), adam, false, &memories);
    assert_eq!(optimizer[3], tensor("second_moment.readout", &[1, 2], &[-2.0, -2.0]));
    let checkpoint = Checkpoint { optimizer, ..checkpoint() };
    assert_eq!(checkpoint.optimizer_state(&network(), adam, false).unwrap(), memories);

    let sgd = Optimizer::Sgd { lr: 0.1, momentum: 0.9, weight_decay: 0.0, nesterov: false };
    let error = checkpoint.optimizer_state(&network(), sgd, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint does not fit the optimizer:\n  \
         momentum.fc: [2, 3] expected, missing\n  momentum.readout: [1, 2] expected, missing\n  \
         first_moment.fc: [2, 3] found, not expected\n  first_moment.readout: [1, 2] found, not expected\n  \
         second_moment.fc: [2, 3] found, not expected\n  second_moment.readout: [1, 2] found, not expected"
    );
}
