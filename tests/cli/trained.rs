//! What can be done with a trained network: answers, conversion, evaluation, reports.

use std::fs;

use super::{error, folder, snn, stdout, trained};

#[test]
fn answers_come_one_by_one_and_early() {
    let (run, _) = trained();
    let dir = run.path();
    let text = stdout(&snn(dir, &["infer", "run", "--limit", "6"]));
    assert!(text.contains("of 6 right") && text.contains("10, all of them") && text.contains("ms median"), "{text}");
    let text = stdout(&snn(dir, &["infer", "run", "--limit", "6", "--exit", "0.01", "--every", "2", "--batch", "4"]));
    assert!(text.contains("of 10 on average; an answer leads by more than 0.01 at a multiple of 2"), "{text}");
    let json = |args: &[&str]| -> serde_json::Value {
        let args = [&["infer", "run", "--limit", "6", "--json"], args].concat();
        serde_json::from_str(&stdout(&snn(dir, &args))).unwrap()
    };
    let (whole, late) = (json(&[]), json(&["--exit", "1000"]));
    for field in ["accuracy", "spikes", "input_spikes", "steps"] {
        assert_eq!(whole[field], late[field], "an exit that is never taken changes nothing");
    }
    let early = json(&["--exit", "0"]);
    assert!(early["steps"].as_f64().unwrap() < 10.0, "{early}");
    let text = error(dir, &["infer", "run", "--exit", "0.1", "--every", "3"]);
    assert!(text.contains("steps between two looks: must divide the 10 steps of a trial, found 3"), "{text}");
    assert!(error(dir, &["infer", "run", "--exit", "NaN"]).contains("margin of the exit: must be at least 0"));
}

#[test]
fn an_ann_becomes_a_spiking_network() {
    let dir = folder();
    let dir = dir.path();
    let ann = ["train", "mnist-lenet-ann", "--limit", "16", "--batch", "4", "--epochs", "1", "--out", "ann"];
    stdout(&snn(dir, &ann));
    for method in ["data-norm", "spike-norm"] {
        let args = ["convert", "ann", "--method", method, "--steps", "20", "--images", "4"];
        let text = stdout(&snn(dir, &args));
        assert!(text.contains("conv2") && text.contains("If(reset: Soft), 20 steps"), "{text}");
        let converted = format!("ann/converted-{method}-steps20-images4.safetensors");
        let text = stdout(&snn(dir, &["evaluate", &converted, "--limit", "4"]));
        assert!(text.contains("spikes") && text.contains("fc1"), "{text}");
        assert!(error(dir, &args).contains("is there already; give another file with --out, or --force"));
    }
    let args = ["convert", "ann", "--out", "ann/best.safetensors", "--force"];
    assert!(error(dir, &args).contains("ann/best.safetensors: is the ANN itself"));
    let (run, _) = trained();
    let text = error(run.path(), &["convert", "run"]);
    assert!(
        text.contains("the network to convert: must have Relu neurons in all hidden layers, but conv1 has Lif"),
        "{text}"
    );
}

#[test]
fn what_is_trained_can_be_evaluated() {
    let (dir, run) = trained();
    for file in ["experiment.ron", "metrics.jsonl", "last.safetensors", "best.safetensors"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let text = stdout(&snn(dir.path(), &["evaluate", "run", "--limit", "20"]));
    for part in ["accuracy", "of 20 right", "spikes", "conv1", "taken for"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours without a terminal: {text}");
    let json = stdout(&snn(dir.path(), &["evaluate", "run/last.safetensors", "--limit", "20", "--json"]));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((value["images"].as_u64(), value["split"].as_str()), (Some(20), Some("test")));
}

#[test]
fn what_is_trained_can_be_reported_on() {
    let (dir, run) = trained();
    let text = stdout(&snn(dir.path(), &["activity", "run", "--limit", "20", "--energy", "mac=3.2"]));
    for part in
        ["spikes/image", "silent", "Effective_ACs", "by mean fan-out", "3.2 pJ a multiply-accumulate", "early answer"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(fs::read_to_string(run.join("activity-limit20.html")).unwrap().contains("Spike activity of run"));
    let args =
        ["activity", "run/last.safetensors", "--limit", "20", "--json", "--html", "page.html", "--compare", "run"];
    let value: serde_json::Value = serde_json::from_str(&stdout(&snn(dir.path(), &args))).unwrap();
    assert_eq!((value["images"].as_u64(), value["curve"].as_array().unwrap().len()), (Some(20), 10));
    assert_eq!(value["curve"][9]["spikes"], value["spikes"]);
    let networks = value["compared"]["networks"].as_array().unwrap();
    assert_eq!((networks.len(), &networks[0]["reached"]), (2, &networks[1]["reached"]));
    assert!(dir.path().join("page.html").is_file());
    fs::copy(run.join("last.safetensors"), run.join("other.safetensors")).unwrap();
    let args = ["activity", "run/other.safetensors", "--limit", "10", "--steps", "4"];
    let text = stdout(&snn(dir.path(), &args));
    assert!(text.contains("of 4") && text.contains("run/activity-other-limit10-steps4.html"), "{text}");
}

#[test]
fn the_curves_of_a_run_can_be_seen() {
    let (dir, run) = trained();
    let text = stdout(&snn(dir.path(), &["curves", "run"]));
    for part in ["spikes/image", "validation", "best", "test images, weights of epoch", "run/curves.html"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let html = fs::read_to_string(run.join("curves.html")).unwrap();
    assert!(html.contains("Learning of run") && html.matches("<svg ").count() == 4, "{html}");
    let value: serde_json::Value =
        serde_json::from_str(&stdout(&snn(dir.path(), &["curves", "run", "--json"]))).unwrap();
    assert_eq!(value["epochs"][0]["epoch"].as_u64(), Some(1));
    assert!(error(dir.path(), &["curves", "nothing"]).contains("nothing: no folder of a run"));
    fs::write(run.join("metrics.jsonl"), "{}\n").unwrap();
    assert!(error(dir.path(), &["curves", "run"]).contains("run/metrics.jsonl:1: missing field `event`"));
}

#[test]
fn a_report_on_what_is_not_there_is_refused() {
    let (dir, run) = trained();
    let text = error(dir.path(), &["activity", "run", "--limit", "0"]);
    assert!(text.contains("--limit must be at least 1, found 0"), "{text}");
    let text = error(dir.path(), &["activity", "run/experiment.ron"]);
    assert!(text.contains("experiment.ron: not a usable checkpoint"), "{text}");
    let text = error(dir.path(), &["activity", "run", "--limit", "4", "--html", "no/such/page.html"]);
    assert!(text.contains("no/such: there is no such folder for the page"), "{text}");
    let text = error(
        dir.path(),
        &["activity", "run", "--compare", "run", "--compare", "run", "--compare", "run", "--compare", "run"],
    );
    assert!(text.contains("a report compares up to 4 networks, found 5"), "{text}");
    fs::remove_file(run.join("best.safetensors")).unwrap();
    fs::remove_file(run.join("last.safetensors")).unwrap();
    assert!(error(dir.path(), &["activity", "run"]).contains("run: holds no checkpoint"));
    let output = snn(dir.path(), &["activity", "run", "--energy", "ac=-1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("an energy must be at least 0 and finite, found -1"));
}

#[test]
fn both_engines_give_the_same_answers() {
    let (dir, _) = trained();
    let accuracy = |engine: &str| {
        let json = stdout(&snn(dir.path(), &["evaluate", "run", "--limit", "10", "--json", "--engine", engine]));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        value["confusion"].clone()
    };
    assert_eq!(accuracy("cpu"), accuracy("reference"));
}
