//! Runs of the program on a graphics card: they learn as on the CPU, go on from one to the other, and end with the same
//! bytes when they are killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod runs;

use serde_json::Value;

use runs::Place;

/// The preset mnist-lenet with fewer channels, as a software card is slow: two epochs of 5 batches and a validation, each
/// followed by a checkpoint.
const TRAIN: [&str; 21] = [
    "train",
    "mnist-lenet",
    "--limit",
    "40",
    "--epochs",
    "2",
    "--batch",
    "8",
    "--steps",
    "8",
    "--json",
    "--set",
    "network.layers[0]=Conv(channels: 3, kernel: 5, padding: 2)",
    "--set",
    "network.layers[2]=Conv(channels: 6, kernel: 5, padding: 2)",
    "--set",
    "network.layers[4]=Linear(features: 30)",
    "--set",
    "network.kappa=20.0",
    "--set",
    "training.optimizer=Sgd(lr: 0.005)",
];

/// The preset as it is, for a few updates.
const LENET: [&str; 14] = [
    "train",
    "mnist-lenet",
    "--set",
    "training.limit=32",
    "--epochs",
    "1",
    "--batch",
    "8",
    "--steps",
    "8",
    "--set",
    "training.validation=8",
    "--json",
    "--engine",
];

/// Events until the checkpoint of the first epoch: those before it, 5 batches, validation, the epoch itself, its checkpoint.
const FIRST_EPOCH: usize = 2 + 5 + 3;

/// Losses of two engines may be this far apart, as a share.
const CLOSE: f64 = 1e-3;

/// Arguments of a run in `folder` on `engine`.
fn run_on<'a>(engine: &'a str, folder: &'a str) -> Vec<&'a str> {
    [&TRAIN[..], &["--engine", engine, "--out", folder]].concat()
}

fn resume_on<'a>(engine: &'a str, folder: &'a str) -> Vec<&'a str> {
    vec!["train", "--resume", folder, "--json", "--engine", engine]
}

fn losses(events: &[Value]) -> Vec<f64> {
    events.iter().filter(|event| event["event"] == "Update").map(|event| event["loss"].as_f64().unwrap()).collect()
}

fn are_close(one: &[f64], other: &[f64]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() <= CLOSE * b.abs())
}

#[test]
fn a_run_learns_as_on_the_cpu_and_goes_on_there_and_back() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let place = Place::new();
    let on_cpu = losses(&place.finish(&run_on("cpu", "cpu")));
    let on_gpu = losses(&place.finish(&run_on("gpu", "gpu")));
    assert!(are_close(&on_gpu, &on_cpu), "{on_gpu:?}\n{on_cpu:?}");

    for (first, then) in [("gpu", "cpu"), ("cpu", "gpu")] {
        // A run may be over before it is killed.
        let mut folders = (0..20).map(|try_| format!("{first} then {then} {try_}"));
        let folder = folders.find(|folder| place.kill_after(FIRST_EPOCH + 1, &run_on(first, folder))).unwrap();
        let events = place.finish(&resume_on(then, &folder));
        assert_eq!(events.last().unwrap()["event"], "Finished", "{folder}");
        let rest = losses(&events);
        assert!(!rest.is_empty() && rest.len() < on_cpu.len(), "{folder}: {rest:?}");
        let expected = &on_cpu[on_cpu.len() - rest.len()..];
        assert!(are_close(&rest, expected), "{folder}: {rest:?}\n{expected:?}");
    }
}

#[test]
fn the_lenet_of_the_preset_learns_as_on_the_cpu() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let place = Place::new();
    let [on_cpu, on_gpu] =
        ["cpu", "gpu"].map(|engine| losses(&place.finish(&[&LENET[..], &[engine, "--out", engine]].concat())));
    assert_eq!(on_cpu.len(), 3, "{on_cpu:?}");
    assert!(are_close(&on_gpu, &on_cpu), "{on_gpu:?}\n{on_cpu:?}");
}

#[test]
fn a_normalised_run_learns_as_on_the_cpu_and_goes_on_there() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let place = Place::new();
    let normalised = ["--set", "network.norm=BatchNorm(group: 4)", "--set", "network.neuron=Lif(gradient: Atan)"];
    let run_on = |engine, folder| [&run_on(engine, folder)[..], &normalised].concat();
    let [on_cpu, on_gpu] = ["cpu", "gpu"].map(|engine| losses(&place.finish(&run_on(engine, engine))));
    assert!(are_close(&on_gpu, &on_cpu), "{on_gpu:?}\n{on_cpu:?}");
    assert!(place.kill_after(FIRST_EPOCH + 1, &run_on("gpu", "killed")), "it was killed too late");
    let rest = losses(&place.finish(&resume_on("cpu", "killed")));
    let expected = &on_cpu[on_cpu.len() - rest.len()..];
    assert!(!rest.is_empty() && are_close(&rest, expected), "{rest:?}\n{expected:?}");
}

#[test]
fn a_run_that_is_killed_ends_with_the_same_bytes() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let place = Place::new();
    place.finish(&run_on("gpu", "whole"));
    assert!(place.kill_after(FIRST_EPOCH + 2, &run_on("gpu", "killed")), "it was killed too late");
    place.finish(&resume_on("gpu", "killed"));
    let [whole, killed] = ["whole", "killed"].map(|folder| place.result(folder));
    assert!(whole.0 == killed.0, "last.safetensors differs");
    assert!(whole.1 == killed.1, "best.safetensors differs");
    assert_eq!(whole.2, killed.2, "metrics.jsonl differs");
}
