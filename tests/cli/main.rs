//! The command-line program, as a user meets it: what it says, and how it exits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod calibration;
mod doctor;
mod explained;
mod mistakes;
mod runs;
mod trained;
mod zoo;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A training run of two steps.
const SHORT: [&str; 9] = ["train", "--limit", "8", "--batch", "4", "--epochs", "1", "--steps", "10"];

/// Runs `snn` in `dir`; the data are those of the repository.
fn snn(dir: &Path, args: &[&str]) -> Output {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.current_dir(dir).args(args).env("SNN_DATA", data).output().unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the program says when it fails with exit code 1.
fn error(dir: &Path, args: &[&str]) -> String {
    let output = snn(dir, args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

/// The error for a file with `from` replaced by `to` in the default preset.
fn file_error(from: &str, to: &str) -> String {
    let dir = folder();
    let preset = stdout(&snn(dir.path(), &["presets", "mnist-lenet"]));
    assert!(preset.contains(from), "{from}");
    fs::write(dir.path().join("my-net.ron"), preset.replacen(from, to, 1)).unwrap();
    error(dir.path(), &["train", "my-net.ron"])
}

/// A finished short run in `run`.
fn trained() -> (TempDir, PathBuf) {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--out", "run"]].concat()));
    assert!(text.contains("epoch 1/1") && text.contains("done "), "{text}");
    let run = dir.path().join("run");
    (dir, run)
}
