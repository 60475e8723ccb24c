//! `snn selftest`, as a program reads it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::process::{Command, Output};

use serde_json::Value;

fn selftest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snn")).arg("selftest").args(args).output().unwrap()
}

#[test]
fn the_first_card_passes_and_the_program_says_so() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let output = selftest(&["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["passed"], true, "{record}");
    let checks = record["checks"].as_array().unwrap();
    assert!(checks.len() > 30 && checks.iter().all(|check| check["failure"].is_null()), "{record}");
}

#[test]
fn what_is_no_gpu_cannot_be_checked() {
    let output = selftest(&["--engine", "cpu"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("only the engine gpu can be checked"), "{message}");
}

#[test]
fn a_card_that_is_not_there_is_told_with_those_that_are() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let output = selftest(&["--engine", "gpu(adapter: \"abacus\")"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("no GPU is called \"abacus\"; there is: 0 "), "{message}");
}
