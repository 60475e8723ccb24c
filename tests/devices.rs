//! Cards and engines as a user meets them: `snn devices`, `snn bench`, and the engines `gpu` and `auto`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use snn::gpu::{adapters, testing};

/// A bench that takes seconds on any engine.
const SHORT: [&str; 9] = ["bench", "mnist-lenet", "--steps", "4", "--batch", "2", "--repeat", "2", "--json"];

fn snn(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.current_dir(dir.path()).args(args).env("SNN_DATA", data).envs(environment.iter().copied()).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = snn(args, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn parsed(args: &[&str]) -> Value {
    serde_json::from_str(&stdout(args)).unwrap()
}

/// Environments in which Vulkan finds no driver.
const WITHOUT_DRIVERS: [(&str, &str); 2] =
    [("VK_DRIVER_FILES", "/no/such/file"), ("VK_ICD_FILENAMES", "/no/such/file")];

/// What the program says on standard output and on standard error where no card is found; none where one is found in other
/// ways than Vulkan.
fn without_cards(args: &[&str], code: i32) -> Option<(String, String)> {
    let listed = snn(&["devices", "--json"], &WITHOUT_DRIVERS);
    if listed.stdout != b"[]\n" {
        return None;
    }
    let output = snn(args, &WITHOUT_DRIVERS);
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    Some((out, err))
}

#[test]
fn devices_are_listed_with_what_they_can_do() {
    if testing::engine().is_none() {
        return;
    }
    let list = parsed(&["devices", "--json"]);
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), adapters().len());
    for (index, card) in list.iter().enumerate() {
        assert_eq!((&card["index"], &card["default"]), (&index.into(), &(index == 0).into()), "{card}");
        assert!(card["largest_buffer"].as_u64().unwrap() >= 128 << 20, "{card}");
        assert!(["discrete", "integrated", "virtual", "software", "other"].contains(&card["kind"].as_str().unwrap()));
        assert!(card["timestamps"].is_boolean() && card["cooperative_matrices"].is_array(), "{card}");
        assert!(card["vgg9_images_at_once"].as_u64().is_none_or(|images| images > 0), "{card}");
    }
    let text = stdout(&["devices"]);
    for part in [list[0]["name"].as_str().unwrap(), "<- --engine gpu", "buffers", "timestamps", "subgroups"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn without_a_card_the_list_is_empty_and_says_what_to_install() {
    let Some((out, err)) = without_cards(&["devices"], 1) else { return };
    assert_eq!(out, "");
    assert!(err.starts_with("error: no GPU was found: install a Vulkan driver"), "{err}");
}

#[test]
fn without_a_card_the_engine_gpu_says_what_to_do() {
    let Some((out, err)) = without_cards(&["train", "--engine", "gpu", "--limit", "8", "--batch", "4"], 1) else {
        return;
    };
    assert_eq!(out, "");
    assert!(err.contains("no GPU was found") && err.contains("--engine cpu"), "{err}");
}

#[test]
fn without_a_card_auto_is_the_cpu_and_says_why() {
    let args = [&SHORT[..], &["--infer", "--engine", "auto", "--threads", "1"]].concat();
    let Some((out, _)) = without_cards(&args, 0) else { return };
    let record: Value = serde_json::from_str(&out).unwrap();
    let engine = record["engine"].as_str().unwrap();
    assert!(engine.starts_with("cpu, 1 thread, ") && engine.ends_with("(auto: no GPU was found)"), "{engine}");
}

#[test]
fn auto_trains_on_what_there_is() {
    let args = ["train", "--engine", "auto", "--threads", "1", "--limit", "8", "--batch", "4", "--epochs", "1"];
    let text = stdout(&[&args[..], &["--steps", "4", "--json"]].concat());
    let started: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let engine = started["engine"].as_str().unwrap();
    let has_card = adapters().first().is_some_and(|card| !card.is_software());
    assert!(engine.starts_with(if has_card { "gpu, " } else { "cpu, 1 thread, " }), "{engine}");
    assert!(engine.contains("(auto: "), "{engine}");
}

#[test]
fn every_engine_is_listed() {
    let text = stdout(&["list", "engines"]);
    for name in ["reference", "cpu(", "gpu(", "auto(threads: 0)"] {
        assert!(text.contains(&format!("\n  {name}")), "{name} in {text}");
    }
}

#[test]
fn a_card_that_is_not_there_is_answered_with_those_that_are() {
    if testing::engine().is_none() {
        return;
    }
    let output = snn(&["bench", "mnist-lenet", "--engine", "gpu(adapter: \"abacus\")"], &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let known = format!("no GPU is called \"abacus\"; there is: 0 {}", adapters()[0].name());
    assert!(text.starts_with("error: ") && text.contains(&known), "{text}");
}

/// Checks what a bench says of training and inference.
fn check(record: &Value) {
    let networks = record["networks"].as_array().unwrap();
    let works: Vec<&str> = networks.iter().map(|network| network["work"].as_str().unwrap()).collect();
    assert_eq!(works, ["training", "inference"]);
    for network in networks {
        let number = |name: &str| network[name].as_f64().unwrap();
        assert_eq!((number("batch"), number("steps"), number("repeats")), (2.0, 4.0, 2.0), "{network}");
        let (median, best) =
            (network["millis"]["median"].as_f64().unwrap(), network["millis"]["best"].as_f64().unwrap());
        assert!(0.0 < best && best <= median, "{network}");
        assert!((number("images_per_second") * median / 2000.0 - 1.0).abs() < 1e-6, "{network}");
        assert!(number("input_spikes") > 0.0 && number("bytes") > 0.0, "{network}");
    }
    let operations = |network: &Value| network["multiply_adds"].as_f64().unwrap();
    assert_eq!(operations(&networks[0]), 3.0 * operations(&networks[1]));
}

#[test]
fn a_bench_of_the_cpu_has_no_peak_and_no_kernels() {
    let record = parsed(&SHORT);
    check(&record);
    assert!(record["engine"].as_str().unwrap().starts_with("cpu, "), "{record}");
    assert!(record["peak"].is_null() && record["networks"][0]["share_of_peak"].is_null(), "{record}");
    // conv1 28x28x20x25, conv2 14x14x50x500, linear 2450x200 and 200x10; two images, four steps.
    let dense = 28 * 28 * 20 * 25 + 14 * 14 * 50 * 500 + 2450 * 200 + 200 * 10;
    assert_eq!(record["networks"][1]["multiply_adds"].as_f64(), Some(f64::from(dense * 2 * 4)));
}

#[test]
fn a_bench_of_a_card_measures_it_and_times_its_kernels() {
    if testing::engine().is_none() {
        return;
    }
    let record = parsed(&[&SHORT[..], &["--engine", "gpu(timed: true)"]].concat());
    check(&record);
    assert!(record["peak"]["multiply_adds"].as_f64().unwrap() > 1e8, "{record}");
    assert!(record["peak"]["bandwidth"].as_f64().unwrap() > 1e8, "{record}");
    assert!(record["networks"][0]["share_of_peak"].as_f64().unwrap() > 0.0, "{record}");
    if adapters()[0].has_timestamps() {
        let kernels = record["networks"][0]["kernels"].as_array().unwrap();
        let shares: Vec<f64> = kernels.iter().map(|kernel| kernel["share"].as_f64().unwrap()).collect();
        assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{shares:?}");
    }
}

#[test]
fn a_bench_of_recordings_needs_none() {
    let record =
        parsed(&["bench", "nmnist-lenet-fast", "--steps", "4", "--batch", "2", "--repeat", "1", "--infer", "--json"]);
    assert!(record["networks"][0]["input_spikes"].as_f64().unwrap() > 0.0, "{record}");
}
