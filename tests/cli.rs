//! The command-line program, as a user meets it: what it says, and how it exits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A training run of two steps.
const SHORT: [&str; 9] = ["train", "--limit", "8", "--batch", "4", "--epochs", "1", "--steps", "10"];

/// Runs `snn` in `dir`; the data are those of the repository.
fn snn(dir: &Path, args: &[&str]) -> Output {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.current_dir(dir).args(args).env("SNN_DATA", data).output().unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the program says when it fails with exit code 1.
fn error(dir: &Path, args: &[&str]) -> String {
    let output = snn(dir, args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

/// The error for a file with `from` replaced by `to` in the default preset.
fn file_error(from: &str, to: &str) -> String {
    let dir = folder();
    let preset = stdout(&snn(dir.path(), &["presets", "--print", "mnist-lenet"]));
    assert!(preset.contains(from), "{from}");
    fs::write(dir.path().join("my-net.ron"), preset.replacen(from, to, 1)).unwrap();
    error(dir.path(), &["train", "my-net.ron"])
}

/// A finished short run in `run`.
fn trained() -> (TempDir, PathBuf) {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--out", "run"]].concat()));
    assert!(text.contains("epoch 1/1") && text.contains("done "), "{text}");
    let run = dir.path().join("run");
    (dir, run)
}

#[test]
fn an_unknown_preset_lists_the_known_ones() {
    let text = error(folder().path(), &["train", "mnist-lent"]);
    assert!(text.contains("unknown preset \"mnist-lent\""), "{text}");
    assert!(text.contains("did you mean mnist-lenet?"), "{text}");
    assert!(text.contains("known presets: mnist-lenet, mnist-lenet-paper"), "{text}");
}

#[test]
fn a_misspelt_field_is_shown_in_its_line() {
    let text = file_error("epochs: ", "epoch: ");
    assert!(text.contains("unknown field \"epoch\" in training"), "{text}");
    assert!(text.contains("--> my-net.ron:"), "{text}");
    assert!(text.contains("^^^^^ did you mean epochs?"), "{text}");
    assert!(text.contains("known fields: epochs, batch, optimizer"), "{text}");
}

#[test]
fn an_unknown_neuron_is_shown_in_its_line() {
    let text = file_error("Lif(leak", "Lief(leak");
    assert!(text.contains("unknown neuron \"Lief\" in network.neuron"), "{text}");
    assert!(text.contains("^^^^ did you mean Lif?"), "{text}");
}

#[test]
fn a_batch_of_zero_is_refused() {
    let text = error(folder().path(), &["train", "--batch", "0"]);
    assert!(text.contains("training.batch must be at least 1, found 0"), "{text}");
}

#[test]
fn a_limit_of_zero_is_refused() {
    let text = error(folder().path(), &["train", "--limit", "0"]);
    assert_eq!(text, "error: --limit must be at least 1, found 0\n");
}

#[test]
fn a_layer_that_does_not_fit_is_named() {
    let text = error(folder().path(), &["show", "--set", "network.layers[1].size=40"]);
    assert!(text.contains("network.layers[1]: pool1: input 20x28x28: height 28"), "{text}");
}

#[test]
fn an_override_of_an_unknown_field_lists_the_known_ones() {
    let text = error(folder().path(), &["show", "--set", "training.epoch=3"]);
    assert!(text.contains("did you mean epochs?"), "{text}");
    assert!(text.contains("in the override training.epoch=3"), "{text}");
}

#[test]
fn a_missing_file_is_named() {
    let text = error(folder().path(), &["train", "nowhere.ron"]);
    assert!(text.starts_with("error: nowhere.ron: cannot read the experiment: "), "{text}");
}

#[test]
fn a_missing_data_folder_says_what_to_download() {
    let dir = folder();
    let text = error(dir.path(), &["train", "--data", "no/such/folder"]);
    assert!(text.contains("MNIST not found") && text.contains("no/such/folder"), "{text}");
    assert!(text.contains("train-images-idx3-ubyte"), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a run that cannot start leaves no folder");
}

#[test]
fn truncated_data_are_reported() {
    let dir = folder();
    let header = [0_u8, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3];
    fs::write(dir.path().join("train-images-idx3-ubyte"), header).unwrap();
    let text = error(dir.path(), &["train", "--data", "."]);
    assert!(text.contains("train-images-idx3-ubyte: truncated"), "{text}");
    assert!(text.contains("download the file again"), "{text}");
}

#[test]
fn a_run_folder_below_a_file_cannot_be_made() {
    let dir = folder();
    fs::write(dir.path().join("file"), "").unwrap();
    let text = error(dir.path(), &["train", "--limit", "8", "--out", "file/run"]);
    assert!(text.starts_with("error: file/run: cannot "), "{text}");
}

#[test]
fn a_run_is_not_overwritten() {
    let (dir, _) = trained();
    let text = error(dir.path(), &["train", "--limit", "8", "--out", "run"]);
    assert!(text.contains("run: holds a run already"), "{text}");
}

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
        let converted = format!("ann/converted-{method}.safetensors");
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
    assert!(fs::read_to_string(run.join("activity.html")).unwrap().contains("Spike activity of run"));
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
    assert!(text.contains("of 4") && text.contains("run/activity-other.html"), "{text}");
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

#[test]
fn events_are_lines_of_json() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--json"]].concat()));
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "Started");
    assert_eq!(events[events.len() - 1]["event"], "Finished");
    assert_eq!(events.iter().filter(|event| event["event"] == "Step").count(), 2);
    assert!(dir.path().join("runs/mnist-lenet-1/last.safetensors").is_file());
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
fn an_experiment_is_explained() {
    let text = stdout(&snn(folder().path(), &["show"]));
    for part in ["5,784,000", "517,500", "charge v = V + I", "Sgd", "largest batch in 8 GB"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn each_neuron_is_shown_with_its_gradient_and_its_populations() {
    let text = stdout(&snn(folder().path(), &["show", "--set", "network.layers[4].neuron=Plif"]));
    let row = |name: &str| {
        let row = text.lines().find(|line| line.trim_start().starts_with(name));
        row.unwrap().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).take(4).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(row("conv1"), "conv1 | conv 5x5, pad 2 | Lif | LeakCorrected");
    assert_eq!(row("fc1"), "fc1 | linear | Plif | Atan");
    for part in ["Lif in conv1, conv2\n", "Plif in fc1\n", "LeakyIntegrator in readout\n"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn show_and_train_state_the_same_memory() {
    let dir = folder();
    let shown = stdout(&snn(
        dir.path(),
        &[&["show", "--set", "training.validation=4"], &SHORT[3..], &["--set", "training.limit=8"]].concat(),
    ));
    let trained = stdout(&snn(
        dir.path(),
        &[&SHORT[..], &["--set", "training.validation=4"], &["--set", "training.limit=8"]].concat(),
    ));
    let row: Vec<&str> = shown.lines().find(|line| line.starts_with("  cpu ")).unwrap().split("  ").collect();
    let cells: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
    let [_, training, evaluation, data, weights, outputs, total, _] = cells[..] else { panic!("{shown}") };
    let line = format!(
        "{total} planned (training {training}, evaluation {evaluation}, data {data}, weights and optimizer {weights}, outputs {outputs})"
    );
    assert!(trained.contains(&line), "{line} in {trained}");
}

#[test]
fn trained_constants_are_shown_before_and_after() {
    let dir = folder();
    let args =
        [&SHORT[..], &["--set", "network.neuron=Plif", "--set", "training.optimizer=Adam(rate: 0.1)", "--out", "run"]];
    stdout(&snn(dir.path(), &args.concat()));
    let row = |args: &[&str]| {
        let text = stdout(&snn(dir.path(), args));
        let row = text.lines().find(|line| line.contains("conv1 ") && line.contains(" leak ")).map(str::to_owned);
        row.unwrap_or_else(|| panic!("{text}")).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let shown = row(&["show", "run/last.safetensors"]);
    assert_eq!(shown[..3], ["conv1", "leak", "0.5000"]);
    assert_ne!(shown[3], "0.5000");
    assert_eq!(row(&["evaluate", "run/last.safetensors", "--limit", "4"]), shown);
    assert_eq!(row(&["show", "--set", "network.neuron=Plif"]).len(), 3);
}

#[test]
fn what_is_shown_can_be_changed_on_the_way() {
    let args = ["show", "--batch", "7", "--epochs", "3", "--set", "network.neuron.gradient=Atan(alpha: 3.0) // steep"];
    let text = stdout(&snn(folder().path(), &args));
    for part in ["3 epochs of 55,000 images in batches of 7", "the slope of a spike is Atan(alpha: 3.0)", "batch 7"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn names_are_listed_and_explained() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &["list"]));
    for part in ["Lif, If, ", "Atan, ", "Poisson, Direct", "Final, Mean", "SquaredError", "Sequence", "Mnist", "cpu"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for part in ["Conv, AvgPool", "Hard, Soft", "LeakCorrected, ", "Sgd, Adam", "Constant, Steps", "None, Shift"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = stdout(&snn(dir.path(), &["list", "neurons"]));
    for part in ["  Lif\n", "charge v = V + I", "gradient LeakCorrected\n", "a bare Lif has the paper's"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for kind in ["layers", "resets", "surrogates", "encoders", "readouts", "losses", "networks", "data-sets", "engines"]
    {
        assert!(stdout(&snn(dir.path(), &["list", kind])).lines().count() >= 3, "{kind}");
    }
    let text = stdout(&snn(dir.path(), &["list", "optimizers"]));
    for part in ["  Sgd(rate: 0.003, momentum: 0.9, weight_decay: 0.0005)\n", "w -= rate m", "AdamW("] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn one_name_is_explained() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &["list", "neurons", "Lif"]));
    for part in ["  Lif(leak: 0.99, ", "leak-corrected: ", "snntorch-leaky: "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(stdout(&snn(dir.path(), &["list", "lif"])), text);
    assert!(stdout(&snn(dir.path(), &["list", "Plif"])).contains("trains leak"));
    assert!(stdout(&snn(dir.path(), &["list", "Cosine"])).contains("schedules\n  Cosine(floor: 0.0, warmup: 0.0)"));
    let text = error(dir.path(), &["list", "neurons", "Lief"]);
    assert!(text.starts_with("error: none of the neurons is called \"Lief\"; known: Lif, If, "), "{text}");
    let text = error(dir.path(), &["list", "nuerons"]);
    assert!(text.contains("nothing to list is called \"nuerons\"") && text.contains("networks, layers, "), "{text}");
}

#[test]
fn an_unknown_engine_lists_the_known_ones() {
    let text = error(folder().path(), &["train", "--engine", "abacus"]);
    assert_eq!(text, "error: --engine abacus: unknown engine \"abacus\"; known engines: reference, cpu, gpu, auto\n");
}

#[test]
fn an_engine_may_have_fields() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--engine", "cpu(threads: 1)"]].concat()));
    assert!(text.contains("cpu, 1 thread, "), "{text}");
    for (engine, reason) in [
        ("cpu(thread: 1)", "thread: unknown field; known fields: threads, dense_above"),
        ("cpu(threads: all)", "threads: must be a whole number of at least 0"),
        ("cpu(2)", "values must be named, as in (name: value)"),
        ("cpu(dense_above: 2.0)", "dense_above: must be at least 0 and at most 1, found 2"),
    ] {
        let text = error(dir.path(), &["train", "--engine", engine]);
        let example = "for example: cpu(threads: 0, dense_above: 0.9)";
        assert_eq!(text, format!("error: --engine {engine}: {reason}; {example}\n"));
    }
}

#[test]
fn a_resolved_experiment_can_be_shown_again() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &["show", "--set", "training.clip=2", "--ron"]));
    assert!(text.contains("clip: 2.0"), "{text}");
    fs::write(dir.path().join("again.ron"), &text).unwrap();
    assert_eq!(stdout(&snn(dir.path(), &["show", "again.ron", "--ron"])), text);
}

#[test]
fn presets_are_listed() {
    let text = stdout(&snn(folder().path(), &["presets"]));
    assert!(text.contains("mnist-lenet-paper"), "{text}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = text.lines().map(words).collect();
    let heading = lines.iter().position(|line| *line == ["CIFAR-10"]).unwrap();
    assert_eq!(lines[heading + 1][..4], ["cifar10-vgg9", "5,938,880", "100", "150"]);
}

#[test]
fn a_shortcut_has_a_line_of_its_own_in_the_layer_table() {
    let text = stdout(&snn(folder().path(), &["show", "cifar10-resnet11"]));
    let lines: Vec<&str> = text.lines().collect();
    let below = |name: &str| {
        let row = lines.iter().position(|line| line.trim_start().starts_with(name)).unwrap();
        lines[row + 1].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(below("block2_2"), "+ conv 1x1, stride 2, from block1_2 256x128x1x1");
    assert_eq!(below("block4_2"), "+ subsample, stride 2, from block3_2");
}
