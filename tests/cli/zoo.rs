//! Trained networks that are shipped.

use serde_json::Value;

use super::*;

#[test]
fn the_zoo_lists_its_networks_and_their_logs() {
    let dir = folder();
    let all = stdout(&snn(dir.path(), &["zoo"]));
    for text in ["network", "training", "mnist-lenet", "517,500"] {
        assert!(all.contains(text), "{text}: {all}");
    }
    let one = stdout(&snn(dir.path(), &["zoo", "mnist-lenet"]));
    for text in ["zoo:mnist-lenet", "validation", "best", "of 10,000 test images"] {
        assert!(one.contains(text), "{text}: {one}");
    }
    let json: Value = serde_json::from_str(&stdout(&snn(dir.path(), &["zoo", "mnist-lenet", "--json"]))).unwrap();
    assert_eq!(json["curves"]["epochs"].as_array().unwrap().len(), 25);
    let message = error(dir.path(), &["zoo", "mnist-lent"]);
    assert!(message.contains("zoo:mnist-lent: there is no such network; the zoo has mnist-lenet"), "{message}");
}

#[test]
fn a_network_of_the_zoo_is_a_checkpoint() {
    let dir = folder();
    for command in [
        &["evaluate", "zoo:mnist-lenet", "--limit", "20"][..],
        &["infer", "zoo:mnist-lenet", "--limit", "20"],
        &["activity", "zoo:mnist-lenet", "--limit", "20"],
        &["show", "zoo:mnist-lenet"],
        &["doctor", "zoo:mnist-lenet"],
    ] {
        let shown = stdout(&snn(dir.path(), command));
        assert!(shown.contains("mnist-lenet"), "{command:?}: {shown}");
    }
    let message = error(dir.path(), &["evaluate", "zoo:none"]);
    assert!(message.contains("zoo:none: there is no such network"), "{message}");
}

#[test]
fn the_start_of_its_training_is_the_same_again() {
    let dir = folder();
    let quick = ["reproduce", "mnist-lenet", "--quick", "--level", "portable"];
    let shown = stdout(&snn(dir.path(), &quick));
    assert!(shown.contains("of 100 test images and 3 updates, as recorded, to the last bit"), "{shown}");
    let json: Value = serde_json::from_str(&stdout(&snn(dir.path(), &[&quick[..], &["--json"]].concat()))).unwrap();
    assert_eq!((&json["same"], &json["good"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(json["found"], json["recorded"]);
}
