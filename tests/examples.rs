//! The examples: what they make can be used as they say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::process::Command;

#[path = "../examples/own_network.rs"]
#[allow(dead_code, reason = "the test goes around main")]
mod own_network;

#[test]
fn a_network_that_was_built_in_rust_is_saved_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let accuracy = own_network::run(Some(&data), 1280, &folder.path().join("own.safetensors")).unwrap();
    assert!(accuracy > 0.4, "{accuracy}");
    let snn = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
        let output = command.args(args).current_dir(folder.path()).env("SNN_DATA", &data).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let data = data.to_str().unwrap();
    let told = snn(&["evaluate", "own.safetensors", "--data", data, "--limit", "1000", "--json"]);
    let told: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert!(told["accuracy"].as_f64().unwrap() > 0.7, "{told}");
    let shown = snn(&["show", "own.safetensors"]);
    assert!(shown.contains("first + second") && shown.contains("Plif"), "{shown}");
}
