//! Initial weights that are calibrated: the same whichever way one comes to them.

use serde_json::Value;

use super::*;

/// Small, as a software card is slow.
const NETWORK: [&str; 6] = [
    "--set",
    "network=Sequence(layers: [Conv(channels: 3, kernel: 5, stride: 2), AvgPool(size: 2), Linear(features: 20), Readout(classes: 10)])",
    "--set",
    "training.limit=40",
    "--set",
    "training.validation=8",
];

fn calibrated(dir: &Path, more: &[&str]) -> Value {
    let args = [&["calibrate", "--steps", "10", "--batch", "8", "--json"], &NETWORK[..], more].concat();
    serde_json::from_str::<Value>(&stdout(&snn(dir, &args))).unwrap()
}

#[test]
fn it_is_the_same_on_every_engine_and_for_any_number_of_threads_and_in_a_run() {
    let dir = folder();
    let one = calibrated(dir.path(), &["--threads", "1", "--out", "start.safetensors"]);
    assert_eq!(one["populations"].as_array().unwrap().len(), 3);
    assert_eq!(calibrated(dir.path(), &["--threads", "2"])["populations"], one["populations"]);
    if std::env::var_os("SNN_REQUIRE_GPU").is_some() {
        assert_eq!(calibrated(dir.path(), &["--engine", "gpu"])["populations"], one["populations"]);
    }
    let train =
        ["train", "--steps", "10", "--batch", "8", "--epochs", "1", "--out", "run", "--set", "start=Calibrated()"];
    stdout(&snn(dir.path(), &[&train[..], &NETWORK].concat()));
    let records = fs::read_to_string(dir.path().join("run/metrics.jsonl")).unwrap();
    let record = records.lines().find(|line| line.contains("Calibrated")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(record).unwrap()["populations"], one["populations"]);
    let evaluated = stdout(&snn(dir.path(), &["evaluate", "start.safetensors", "--limit", "10"]));
    assert!(evaluated.contains("calibrated, before any update"), "{evaluated}");
}

#[test]
fn it_is_shown_as_a_table_and_writes_what_it_is_asked_to() {
    let dir = folder();
    let args = [&["calibrate", "--steps", "10", "--batch", "8", "--out", "start.safetensors"], &NETWORK[..]].concat();
    let shown = stdout(&snn(dir.path(), &args));
    for text in [
        "rate before",
        "target",
        "rate after",
        "weights times",
        "conv1",
        "pool1",
        "fc1",
        "written to start.safetensors",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(error(dir.path(), &args).contains("start.safetensors: is there already"));
}
