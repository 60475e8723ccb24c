//! Cases about records of runs.

use std::fs;

use crate::{error, input, snn};

/// What `snn curves` says of a run with these records.
fn refused(records: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::copy(input("nan-weights-silent/ok.ron"), run.join("experiment.ron")).unwrap();
    fs::write(run.join("metrics.jsonl"), records).unwrap();
    let text = error(&snn(dir.path(), &["curves", "run"]));
    assert!(!run.join("curves.html").exists());
    text
}

const STARTED: &str = r#"{"event":"Started","schema":1,"engine":"cpu","bytes":1,"parameters":1,"images":224,"validation":32,"test":256,"epochs":2,"steps":7,"epoch":0,"step":0}"#;
const STEP: &str = r#"{"event":"Step","epoch":0,"step":1,"loss":1.0,"accuracy":0.1,"rate":0.1,"gradient":1.0,"millis":1.0,"rates":[["conv1",0.1],["fc1",0.1]]}"#;

#[test]
fn records_that_do_not_fit_each_other_are_told_with_their_line() {
    let fewer = STEP.replace("\"step\":1", "\"step\":2").replace(",[\"fc1\",0.1]", "");
    for (line, reason) in [
        (fewer.as_str(), "holds the firing rates of other populations than the updates before it"),
        (STARTED, "starts a second run"),
        (STEP, "does not come after the update or epoch that was recorded before it"),
        ("{}", "missing field"),
        ("\u{1b}[2J", "expected value"),
    ] {
        let text = refused(&format!("{STARTED}\n{STEP}\n{line}\n"));
        assert!(text.contains("metrics.jsonl:3: ") && text.contains(reason), "{line}: {text}");
    }
}

#[test]
fn a_loss_that_was_not_finite_is_told_in_words() {
    let text = refused(&format!("{STARTED}\n{}\n", STEP.replace("\"loss\":1.0", "\"loss\":null")));
    assert!(text.contains("metrics.jsonl:2: holds null in place of a number, which was not finite"), "{text}");
}

#[test]
fn records_of_another_version_are_not_guessed_at() {
    let text = refused(&format!("{}\n{STEP}\n", STARTED.replace("\"schema\":1", "\"schema\":99")));
    assert!(text.contains("metrics.jsonl:1: is of version 99 of the records"), "{text}");
}
