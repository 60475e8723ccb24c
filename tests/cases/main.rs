//! Inputs on which the program once did wrong, each with what is right. The inputs are in `inputs`, the tests in a file for
//! each part of the program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod data;
mod experiments;
mod numbers;
mod processes;
mod records;
mod runs;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A file or folder in `inputs`.
fn input(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inputs").join(name)
}

/// The program, to be run in `dir`; the data are those of the repository.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.current_dir(dir).env("SNN_DATA", Path::new(env!("CARGO_MANIFEST_DIR")).join("data"));
    command
}

/// Runs `snn` in `dir`.
fn snn(dir: &Path, args: &[&str]) -> Output {
    program(dir).args(args).output().unwrap()
}

/// What the program says when it succeeds.
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the program says when it fails with exit code 1.
fn error(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}
