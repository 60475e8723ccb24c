//! Runs as programs read them, and how they go on.

use std::{fs, path::Path, process::Command};

use super::{SHORT, error, folder, snn, stdout, trained};

#[test]
fn events_are_lines_of_json() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--json"]].concat()));
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "Started");
    assert_eq!(events[events.len() - 1]["event"], "Finished");
    assert_eq!(events.iter().filter(|event| event["event"] == "Update").count(), 2);
    assert!(dir.path().join("runs/mnist-lenet-1/last.safetensors").is_file());
}

#[test]
fn a_run_without_a_viewer_goes_on_and_says_how_to_get_one() {
    let dir = folder();
    let alone = dir.path().join("snn");
    fs::copy(env!("CARGO_BIN_EXE_snn"), &alone).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut command = Command::new(alone);
    command.current_dir(dir.path()).args(SHORT).arg("--watch").env("SNN_DATA", data).env("PATH", dir.path());
    command.env("DISPLAY", ":0");
    let text = stdout(&command.output().unwrap());
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("there is no snn-viz beside this program or on the PATH"), "{text}");
    assert!(words.contains("cargo build --release -p snn-viz"), "{text}");
    assert!(words.contains("look inside: snn-viz runs/mnist-lenet-1"), "{text}");
}

#[test]
fn a_finished_run_can_be_resumed_and_does_nothing() {
    let (dir, run) = trained();
    let before = fs::read(run.join("last.safetensors")).unwrap();
    let text = stdout(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("done "), "{text}");
    assert_eq!(fs::read(run.join("last.safetensors")).unwrap(), before);
}

#[test]
fn a_resumed_run_cannot_be_changed() {
    let (dir, _) = trained();
    let text = error(dir.path(), &["train", "--resume", "run", "--batch", "5"]);
    assert!(text.contains("--batch cannot be given with --resume"), "{text}");
    assert!(text.contains("snn train run/experiment.ron"), "{text}");
}

#[test]
fn a_folder_without_a_run_cannot_be_resumed() {
    let text = error(folder().path(), &["train", "--resume", "."]);
    assert!(text.contains("holds no run"), "{text}");
}

#[test]
fn a_corrupted_checkpoint_is_refused() {
    let (dir, run) = trained();
    for file in ["last.safetensors", "best.safetensors"] {
        let whole = fs::read(run.join(file)).unwrap();
        fs::write(run.join(file), &whole[..whole.len() / 2]).unwrap();
    }
    for args in [["evaluate", "run", "--json"], ["train", "--resume", "run"], ["show", "run/last.safetensors", "--ron"]]
    {
        let text = error(dir.path(), &args);
        assert!(text.contains(".safetensors: not a usable checkpoint: "), "{text}");
    }
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let (dir, run) = trained();
    let experiment = fs::read_to_string(run.join("experiment.ron")).unwrap();
    fs::write(run.join("experiment.ron"), experiment.replace("features: 200", "features: 300")).unwrap();
    let text = error(dir.path(), &["train", "--resume", "run"]);
    assert!(text.contains("does not fit") && text.contains("fc1"), "{text}");
}

#[test]
fn a_run_can_start_from_the_weights_of_another() {
    let dir = folder();
    let first = [&SHORT[..], &["--out", "first"]].concat();
    stdout(&snn(dir.path(), &first));
    let tuned = [&SHORT[..], &["--out", "tuned", "--from", "first", "--set", "training.freeze=[\"conv*\"]"]].concat();
    let shown = stdout(&snn(dir.path(), &tuned));
    for text in ["from first", "taken over"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let explained = stdout(&snn(dir.path(), &["show", "tuned"]));
    assert!(explained.contains("conv* frozen"), "{explained}");
    let load = |run: &str| snn::train::Checkpoint::load(&dir.path().join(run).join("best.safetensors")).unwrap();
    let (first, tuned) = (load("first"), load("tuned"));
    assert_eq!(first.weights[0].name, "conv1");
    assert_eq!(first.weights[0].values, tuned.weights[0].values, "frozen");
    assert_ne!(first.weights.last().unwrap().values, tuned.weights.last().unwrap().values, "trained on");
    let network = "network=LeNet(channels: [3], kernel: 3, features: [])";
    let wide = [&SHORT[..], &["--out", "wide", "--from", "first", "--set", network]].concat();
    let refused = snn(dir.path(), &wide);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && message.contains("none of its weights fits the network"), "{message}");
    assert!(!dir.path().join("wide").exists());

    // A run that has a checkpoint goes on without what it started from, and from another folder.
    std::fs::remove_dir_all(dir.path().join("first")).unwrap();
    let elsewhere = folder();
    let run = dir.path().join("tuned").display().to_string();
    stdout(&snn(elsewhere.path(), &["train", "--resume", &run, "--epochs", "2"]));
    let both = [&SHORT[..], &["--from", "tuned", "--set", "start=Drawn"]].concat();
    let message = String::from_utf8(snn(dir.path(), &both).stderr).unwrap();
    assert!(message.contains("--from and --set start both say"), "{message}");
    let json = [
        &SHORT[..],
        &[
            "--out",
            "json",
            "--from",
            "tuned",
            "--json",
            "--set",
            "network.layers=[Linear(features: 4), Readout(classes: 10)]",
        ],
    ];
    let message = String::from_utf8(snn(dir.path(), &json.concat()).stderr).unwrap();
    assert!(message.contains("none of its weights fits"), "{message}");
    let doctor = snn(dir.path(), &["doctor", "tuned/experiment.ron"]);
    let message = String::from_utf8(doctor.stderr).unwrap();
    assert!(message.contains("start: From(checkpoint: "), "what is gone is told: {message}");
}
