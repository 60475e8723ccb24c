//! Cases about numbers that are not finite, checkpoints.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{error, input, snn, stdout};

/// A folder with a run of one hidden layer, in `run`.
fn trained() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let ron = input("nan-weights-silent/ok.ron");
    stdout(&snn(dir.path(), &["train", ron.to_str().unwrap(), "--epochs", "1", "--out", "run"]));
    let run = dir.path().join("run");
    (dir, run)
}

/// Commands that take a checkpoint, without those that need one of an ANN.
const COMMANDS: [&[&str]; 5] = [
    &["show"],
    &["evaluate", "--limit", "5"],
    &["infer", "--limit", "5"],
    &["activity", "--limit", "5"],
    &["convert", "--images", "5"],
];

fn with(command: &[&str], file: &Path) -> Vec<String> {
    let (name, rest) = command.split_first().unwrap();
    let words = [&[*name, file.to_str().unwrap()], rest].concat();
    words.into_iter().map(str::to_owned).collect()
}

fn run(dir: &Path, words: &[String]) -> std::process::Output {
    snn(dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn weights_that_become_nan_end_the_run_and_leave_the_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let ron = input("nan-weights-silent/ok.ron");
    let args = ["train", ron.to_str().unwrap(), "--threads", "1", "--set", "training.optimizer.lr=1e6"];
    let text = error(&snn(dir.path(), &[&args[..], &["--epochs", "3", "--out", "run"]].concat()));
    assert!(text.contains("training has diverged") && text.contains("run/last.safetensors, is whole"), "{text}");
    stdout(&snn(dir.path(), &["evaluate", "run/last.safetensors", "--limit", "5"]));
    stdout(&snn(dir.path(), &["curves", "run"]));
}

#[test]
fn a_checkpoint_with_nan_is_refused_everywhere_by_the_name_of_its_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let file = input("nan-weights-silent/nan.safetensors");
    for command in COMMANDS {
        let text = error(&run(dir.path(), &with(command, &file)));
        assert!(text.contains("tensor \"weight.conv1\": 100 of 100 values are not finite"), "{command:?}: {text}");
    }
    let text = error(&snn(dir.path(), &["train", file.to_str().unwrap()]));
    assert!(text.contains("tensor \"weight.conv1\""), "{text}");
    let import = ["import", file.to_str().unwrap(), "--experiment", file.to_str().unwrap()];
    assert!(error(&snn(dir.path(), &import)).contains("\"weight.conv1\""));
}

#[test]
fn an_infinite_loss_ends_the_run_and_its_records_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let ron = input("infinite-loss-record/ok.ron");
    let args = ["train", ron.to_str().unwrap(), "--batch", "224", "--set", "training.optimizer=Sgd(lr: 1e20)"];
    let text = error(&snn(dir.path(), &[&args[..], &["--epochs", "1", "--out", "run"]].concat()));
    assert!(text.contains("training has diverged") && text.contains("last.safetensors, is whole"), "{text}");
    let records = fs::read_to_string(dir.path().join("run/metrics.jsonl")).unwrap();
    assert!(!records.contains("null") || records.contains("\"validation_loss\":null"), "{records}");
    stdout(&snn(dir.path(), &["curves", "run"]));
}

/// Bits of the values and of the metadata, flipped one at a time: what is read is never told to be whole.
#[test]
fn a_checkpoint_with_a_flipped_bit_is_told_as_changed() {
    let (dir, run) = trained();
    let whole = fs::read(run.join("best.safetensors")).unwrap();
    let file = dir.path().join("flipped.safetensors");
    let mut taken = 0;
    for at in (8..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 2;
        fs::write(&file, bytes).unwrap();
        let output = snn(dir.path(), &["evaluate", "flipped.safetensors", "--limit", "5"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            assert!(text.contains("is not as it was saved"), "byte {at}: {text}");
            taken += 1;
        } else {
            assert!(output.status.code() == Some(1) && text.contains("error: "), "byte {at}: {text}");
        }
    }
    assert!(taken > 10, "{taken} were taken");
}

#[test]
fn a_checkpoint_of_the_former_format_is_told_to_be_without_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let file = input("metadata-not-in-checksum/flip078.safetensors");
    let output = snn(dir.path(), &["evaluate", file.to_str().unwrap(), "--limit", "5"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("flip078.safetensors is without a check of all that it holds"), "{text}");
}

#[test]
fn a_run_does_not_go_on_from_a_changed_checkpoint_and_loses_nothing() {
    let (dir, run) = trained();
    let mut bytes = fs::read(run.join("last.safetensors")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(run.join("last.safetensors"), &bytes).unwrap();
    let records = fs::read(run.join("metrics.jsonl")).unwrap();
    let text = error(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("not as it was saved") && text.contains("put an older copy of the file back"), "{text}");
    assert_eq!(fs::read(run.join("metrics.jsonl")).unwrap(), records);
    assert_eq!(fs::read(run.join("last.safetensors")).unwrap(), bytes);
}

#[test]
fn a_run_without_its_last_checkpoint_is_left_as_it_is() {
    let (dir, run) = trained();
    fs::remove_file(run.join("last.safetensors")).unwrap();
    let best = fs::read(run.join("best.safetensors")).unwrap();
    let text = error(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("not its last.safetensors, so it cannot go on"), "{text}");
    assert_eq!(fs::read(run.join("best.safetensors")).unwrap(), best);
}

#[test]
fn best_weights_of_another_run_are_not_tested() {
    let (dir, run) = trained();
    let ron = input("nan-weights-silent/ok.ron");
    let args = ["train", ron.to_str().unwrap(), "--epochs", "1", "--seed", "9", "--out", "other"];
    stdout(&snn(dir.path(), &args));
    fs::copy(dir.path().join("other/best.safetensors"), run.join("best.safetensors")).unwrap();
    let text = error(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("best.safetensors: not a usable checkpoint: it is of another run"), "{text}");
}

#[test]
fn to_train_from_a_checkpoint_says_that_its_weights_are_not_taken() {
    let (dir, _run) = trained();
    let text = stdout(&snn(dir.path(), &["train", "run/best.safetensors", "--epochs", "1", "--out", "second"]));
    assert!(text.contains("from random weights: of run/best.safetensors, the experiment is taken"), "{text}");
    let text = stdout(&snn(dir.path(), &["train", "run", "--epochs", "1", "--out", "third"]));
    assert!(text.contains("to go on with the run that is there: snn train --resume run"), "{text}");
    let json = snn(dir.path(), &["train", "run", "--epochs", "1", "--out", "fourth", "--json"]);
    assert!(String::from_utf8_lossy(&json.stderr).contains("the run starts from random weights"));
}

#[test]
fn a_finished_run_can_be_given_more_epochs() {
    let (dir, run) = trained();
    let text = stdout(&snn(dir.path(), &["train", "--resume", "run", "--epochs", "2"]));
    assert!(text.contains("epoch 2/2") && !text.contains("epoch 1/2"), "{text}");
    let ron = input("nan-weights-silent/ok.ron");
    let args = ["train", ron.to_str().unwrap(), "--epochs", "2", "--out", "whole"];
    stdout(&snn(dir.path(), &args));
    for file in ["experiment.ron", "last.safetensors", "best.safetensors"] {
        let [found, expected] = [&run, &dir.path().join("whole")].map(|folder| fs::read(folder.join(file)).unwrap());
        assert!(found == expected, "{file} differs");
    }
    let text = error(&snn(dir.path(), &["train", "--resume", "run", "--epochs", "1"]));
    assert!(text.contains("--epochs must be at least 2, the epochs that the run has begun, found 1"), "{text}");
}

#[test]
fn weights_of_another_program_are_imported_and_evaluated() {
    let (dir, run) = trained();
    let best = fs::read(run.join("best.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&best).unwrap();
    let bare = |views: Vec<(String, safetensors::tensor::TensorView<'_>)>| {
        safetensors::serialize(views.into_iter().map(|(name, view)| (name.replace("weight.", ""), view)), None).unwrap()
    };
    fs::write(dir.path().join("bare.safetensors"), bare(file.tensors())).unwrap();
    let text = error(&snn(dir.path(), &["evaluate", "bare.safetensors"]));
    assert!(text.contains("no experiment that says which network they are of; with snn import"), "{text}");

    let ron = input("nan-weights-silent/ok.ron");
    let import = ["import", "bare.safetensors", "--experiment", ron.to_str().unwrap()];
    let text = stdout(&snn(dir.path(), &import));
    assert!(text.contains("written to bare-imported.safetensors"), "{text}");
    let accuracy = |file: &str| {
        let output = snn(dir.path(), &["evaluate", file, "--limit", "50", "--json"]);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let record: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        record["loss"].as_f64().unwrap()
    };
    assert_eq!(accuracy("bare-imported.safetensors"), accuracy("run/best.safetensors"));
    let text = error(&snn(dir.path(), &import));
    assert!(text.contains("bare-imported.safetensors: is there already"), "{text}");
    fs::write(dir.path().join("less.safetensors"), bare(file.tensors().split_off(1))).unwrap();
    let text = error(&snn(dir.path(), &["import", "less.safetensors", "--experiment", ron.to_str().unwrap()]));
    assert!(text.contains("expected, missing"), "{text}");
}
