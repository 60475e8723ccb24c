//! What belongs to a run: nothing takes its place, and what was changed or lost is told before time is spent on it.

use std::{fs, path::Path, process::Stdio};

use super::{error, program, snn, stdout};

/// A run of two updates with validation, in `dir/name`.
fn trained(dir: &Path, name: &str, more: &[&str]) {
    let args = ["train", "--limit", "60", "--batch", "30", "--epochs", "1", "--steps", "5", "--out", name];
    stdout(&snn(dir, &[&args[..], &["--set", "training.validation=20"], more].concat()));
}

fn notes(dir: &Path, args: &[&str]) -> String {
    let output = snn(dir, args);
    stdout(&output);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_a_command_writes_does_not_take_the_place_of_a_run() {
    let dir = tempfile::tempdir().unwrap();
    trained(dir.path(), "run", &[]);
    fs::create_dir(dir.path().join("there")).unwrap();
    let files = ["run/last.safetensors", "run/best.safetensors", "run/experiment.ron", "run/metrics.jsonl", "there"];
    let content = |file: &str| fs::read(dir.path().join(file)).ok();
    let before = files.map(content);
    for file in files {
        for command in [
            &["infer", "run", "--limit", "4", "--scores", file][..],
            &["infer", "run", "--limit", "4", "--spikes", file],
            &["activity", "run", "--limit", "4", "--html", file],
            &["curves", "run", "--html", file],
        ] {
            let text = error(&snn(dir.path(), command));
            assert!(text.contains(&format!("{file}: is ")) && text.contains("would take its place"), "{text}");
        }
    }
    assert!(files.map(content) == before);
    let text = error(&snn(dir.path(), &["infer", "run", "--limit", "4", "--scores", "a", "--spikes", "a"]));
    assert!(text.contains("a: --scores and --spikes must name two files"), "{text}");
    assert!(!dir.path().join("a").exists());
}

#[test]
fn a_changed_experiment_is_told_with_more_epochs_too() {
    let dir = tempfile::tempdir().unwrap();
    trained(dir.path(), "run", &[]);
    let file = dir.path().join("run/experiment.ron");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("lr: 0.003", "lr: 0.03")).unwrap();
    let shown = stdout(&snn(dir.path(), &["train", "--resume", "run", "--epochs", "2"]));
    assert!(shown.contains("experiment.ron was changed since the checkpoint was saved"), "{shown}");
}

#[test]
fn best_weights_that_are_gone_are_told_before_training() {
    let dir = tempfile::tempdir().unwrap();
    trained(dir.path(), "run", &[]);
    let [best, last] = ["run/best.safetensors", "run/last.safetensors"].map(|file| dir.path().join(file));
    fs::remove_file(&best).unwrap();
    let before = fs::read(&last).unwrap();
    let text = error(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("run/best.safetensors: not a usable checkpoint: it is gone"), "{text}");
    assert!(fs::read(&last).unwrap() == before);
    // As the message advises.
    fs::copy(&last, &best).unwrap();
    stdout(&snn(dir.path(), &["train", "--resume", "run", "--epochs", "2"]));
}

#[test]
fn best_weights_of_another_experiment_are_told_when_they_are_evaluated() {
    let dir = tempfile::tempdir().unwrap();
    trained(dir.path(), "run", &[]);
    trained(dir.path(), "other", &["--set", "network.neuron.leak=0.5"]);
    assert_eq!(notes(dir.path(), &["evaluate", "run", "--limit", "4"]), "");
    fs::copy(dir.path().join("other/best.safetensors"), dir.path().join("run/best.safetensors")).unwrap();
    let text = notes(dir.path(), &["evaluate", "run", "--limit", "4"]);
    assert_eq!(text, "note: run/best.safetensors is of another experiment than run/experiment.ron\n");
}

#[test]
fn numbers_of_images_are_told_as_they_must_be() {
    let dir = tempfile::tempdir().unwrap();
    let said = |setting: &str| error(&snn(dir.path(), &["show", "mnist-lenet", "--set", setting]));
    for (setting, expected) in [
        ("training.limit=Last(5)", "expected a number, or First(number), found Last(5)"),
        ("training.validation=First(5)", "expected a number, or Last(number), found First(5)"),
        ("training.seed=18446744073709551616", "must be a whole number of at most 18446744073709551615"),
        ("training.epochs=-1", "must be a whole number that is not negative"),
    ] {
        let text = said(setting);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_folder_without_a_run_is_said_to_be_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let text = error(&snn(dir.path(), &["train", "empty"]));
    assert!(text.starts_with("error: empty: holds no run: there is no experiment.ron in it"), "{text}");
}

#[test]
fn a_calibration_of_what_never_fires_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["train", "mnist-lenet-ann", "--limit", "60", "--set", "start=Calibrated()", "--out", "run"];
    let text = error(&snn(dir.path(), &args));
    assert!(text.contains("no population with weights fires, so there is nothing to calibrate"), "{text}");
}

#[test]
fn data_may_lie_one_folder_down() {
    let dir = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").display().to_string();
    let output = program(dir.path()).env_remove("SNN_DATA").args(["data", "check", "Mnist", "--data", &data]).output();
    assert!(stdout(&output.unwrap()).contains("Mnist"));
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program(dir.path()).args(["list", "neurons"]).stdout(Stdio::from(full)).output().unwrap();
    let text = error(&output);
    assert_eq!(text, "error: standard output cannot be written: No space left on device (os error 28)\n");
}
