//! What is wrong with a network, and how it is told.

use serde_json::Value;

use super::*;

const NETWORK: [&str; 8] = [
    "--steps",
    "20",
    "--batch",
    "8",
    "--set",
    "network=Sequence(kappa: 6.0, layers: [Conv(channels: 4, kernel: 5, stride: 2), AvgPool(size: 2), Linear(features: 20), Readout(classes: 10)])",
    "--set",
    "training.limit=200",
];

fn doctor(dir: &Path, more: &[&str]) -> std::process::Output {
    snn(dir, &[&["doctor", "--set", "training.validation=40"], &NETWORK[..], more].concat())
}

#[test]
fn a_network_that_is_well_is_said_to_be() {
    let dir = folder();
    let shown = stdout(&doctor(dir.path(), &[]));
    for text in ["population", "membrane", "get error", "conv1", "pool1", "fc1", "readout", "every population fires"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn what_is_wrong_is_told_with_the_change_that_mends_it_and_gives_3() {
    let dir = folder();
    let found = doctor(dir.path(), &["--set", "network.pool.threshold=50.0"]);
    assert_eq!(found.status.code(), Some(3));
    let shown = String::from_utf8(found.stdout).unwrap();
    for text in [
        "pool1 never fires: its threshold of 50.0 is too high",
        "tried: the firing rate of pool1 goes from 0 % to",
        "pool: PoolIf(threshold: 0.75),",
        "--set network.pool.threshold=0.75",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let more = ["--set", "network.pool.threshold=50.0", "--json"];
    let json: Value = serde_json::from_slice(&doctor(dir.path(), &more).stdout).unwrap();
    assert_eq!(json["findings"][0]["change"]["path"], "network.pool.threshold");
    assert_eq!(json["populations"].as_array().unwrap().len(), 4);
}

#[test]
fn a_run_is_looked_at_with_its_weights_and_its_records() {
    let dir = folder();
    let train = ["train", "--epochs", "1", "--out", "run"];
    let more = ["--set", "training.validation=40", "--set", "network.neuron.threshold=1e6"];
    stdout(&snn(dir.path(), &[&train[..], &NETWORK, &more].concat()));
    let found = snn(dir.path(), &["doctor", "run"]);
    let shown = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.status.code(), Some(3), "{shown}");
    for text in ["after 20 updates", "conv1 never fires: its threshold of 1000000.0 is too high"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let json: Value = serde_json::from_slice(&snn(dir.path(), &["doctor", "run", "--json"]).stdout).unwrap();
    let record = json["records"][0].as_str().unwrap();
    assert!(record.starts_with("population \"conv1\" has been silent for 20 updates"), "{record}");
}
