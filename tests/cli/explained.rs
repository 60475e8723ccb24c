//! What is shown and listed: experiments, names, presets.

use std::fs;

use super::{SHORT, error, folder, snn, stdout};

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
    let row = shown.lines().find(|line| line.starts_with("  cpu ")).unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let [_, parts @ .., total, _] = &cells[..] else { panic!("{shown}") };
    let line = trained.lines().find(|line| line.contains(" planned (")).unwrap();
    assert!(line.contains(&format!("{total} planned (")), "{total} in {line}");
    let stated: Vec<&str> = line.split(['(', ')']).nth(1).unwrap().split(", ").collect();
    assert_eq!(stated.len(), parts.len(), "{row} and {line}");
    for (stated, part) in stated.iter().zip(parts) {
        assert!(stated.ends_with(part), "{part} in {line}");
    }
}

#[test]
fn trained_constants_are_shown_before_and_after() {
    let dir = folder();
    let args =
        [&SHORT[..], &["--set", "network.neuron=Plif", "--set", "training.optimizer=Adam(lr: 0.1)", "--out", "run"]];
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
    for kind in ["layers", "resets", "surrogates", "encoders", "scores", "losses", "networks", "data-sets", "engines"] {
        assert!(stdout(&snn(dir.path(), &["list", kind])).lines().count() >= 3, "{kind}");
    }
    let text = stdout(&snn(dir.path(), &["list", "optimizers"]));
    for part in ["  Sgd(lr: 0.003, momentum: 0.9, weight_decay: 0.0005, nesterov: false)\n", "w -= lr m", "AdamW("] {
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
    let meant = "gpu for a card of any maker, see snn devices";
    for (engine, meant) in [("cuda", meant), ("Vulkan", meant), ("GPU", "gpu"), ("Auto", "auto")] {
        let text = error(folder().path(), &["train", "--engine", engine]);
        assert!(text.ends_with(&format!("known engines: reference, cpu, gpu, auto; write {meant}\n")), "{text}");
    }
    let text = error(folder().path(), &["train", "--engine", "gpu("]);
    assert_eq!(text, "error: --engine gpu(: the bracket after gpu is not closed, as in gpu(field: value)\n");
    let text = error(folder().path(), &["train", "--engine", "gpu(kernels: \"Fused\")"]);
    assert!(
        text.contains("kernels: must be a name without quotes, as in Name or Name(field: value), found \"Fused\"; "),
        "{text}"
    );
}

#[test]
fn an_engine_may_have_fields() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--engine", "cpu(threads: 1)"]].concat()));
    assert!(text.contains("cpu, 1 thread, "), "{text}");
    for (engine, reason) in [
        ("cpu(thread: 1)", "unknown field \"thread\"; known fields: threads, level, dense_above"),
        ("cpu(threads: all)", "threads: must be a whole number that is not negative, found all"),
        ("cpu(2)", "values must be named, as in (name: value)"),
        ("cpu(dense_above: 2.0)", "dense_above: must be at least 0 and at most 1, found 2"),
    ] {
        let text = error(dir.path(), &["train", "--engine", engine]);
        let example = "for example: cpu(threads: 0, level: Best, dense_above: 0.9)";
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
