//! Cases about experiment files, and the memory that they ask for.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use super::{error, input, program, snn, stdout};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn show(file: &Path) -> Output {
    snn(file.parent().unwrap(), &["show", file.to_str().unwrap()])
}

/// An experiment of one image a step whose network is `network`.
fn experiment(network: &str) -> String {
    format!(
        "(data: Mnist, steps: 4, network: {network}, \
         training: (epochs: 1, batch: 1, optimizer: Sgd(lr: 0.1), limit: 2, validation: 1))"
    )
}

/// Runs the program in `dir` with at most so many kibibytes of address space.
#[cfg(target_os = "linux")]
fn limited(dir: &Path, kibibytes: usize, args: &[&str]) -> Output {
    let found = program(dir);
    let script = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(found.get_program()).args(args).current_dir(dir);
    shell.envs(found.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap()
}

#[test]
fn comments_are_passed_over_wherever_they_stand() {
    for file in fs::read_dir(input("comments")).unwrap() {
        stdout(&show(&file.unwrap().path()));
    }
}

#[test]
fn some_is_what_it_holds() {
    let dir = folder();
    let network = "Some(Sequence(layers: Some([Readout(classes: 10)])))";
    fs::write(dir.path().join("a.ron"), experiment(network).replace("Mnist", "Some(Some(Mnist))")).unwrap();
    stdout(&snn(dir.path(), &["show", "a.ron"]));
}

#[test]
fn mistakes_in_the_text_are_told_where_they_are() {
    let dir = folder();
    let told = |text: &str| {
        fs::write(dir.path().join("a.ron"), text).unwrap();
        error(&snn(dir.path(), &["show", "a.ron"]))
    };
    let good = experiment("Sequence(layers: [Readout(classes: 10)])");
    let comma = told(&good.replace("Mnist,", "Mnist\n"));
    assert!(comma.starts_with("error: a comma is missing after Mnist\n --> a.ron:1:8\n"), "{comma}");
    let attribute = told(&format!("#![enable(x\n{good}"));
    assert!(attribute.contains("this attribute is not closed") && attribute.contains("a.ron:1:1"), "{attribute}");
    let name = told(&good.replace("Mnist,", "Mnist 3,"));
    assert!(name.contains("a comma is missing after Mnist"), "{name}");
}

#[test]
fn messages_are_short_however_long_a_name_is() {
    let dir = folder();
    let good = experiment("Sequence(layers: [Readout(classes: 10)])");
    let (name, number) = ("x".repeat(1_000_000), "9".repeat(1_000_000));
    for text in [
        name.clone(),
        good.replace("Mnist", &name),
        good.replace("steps", &name),
        good.replace("Sequence", &name),
        good.replace("classes", &name),
        good.replace("classes: 10", &format!("classes: {number}")),
        good.replace("lr: 0.1", &format!("lr: -{number}")),
        good.replace("Readout", &name),
        good.replace("Mnist", &format!("\"{name}\"")),
    ] {
        fs::write(dir.path().join("a.ron"), text).unwrap();
        let message = error(&snn(dir.path(), &["show", "a.ron"]));
        assert!(message.len() < 3000, "{} bytes: {}", message.len(), &message[..1000]);
    }
}

#[test]
fn what_is_no_experiment_is_refused_at_once() {
    let dir = folder();
    fs::File::create(dir.path().join("large.ron")).unwrap().set_len(1 << 40).unwrap();
    let large = error(&snn(dir.path(), &["show", "large.ron"]));
    assert!(large.contains("larger than 4194304 bytes"), "{large}");
    let pipe = dir.path().join("pipe.ron");
    if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        let message = error(&snn(dir.path(), &["show", "pipe.ron"]));
        assert!(message.contains("a device or a pipe"), "{message}");
    }
}

#[test]
fn time_grows_with_the_number_of_layers() {
    let dir = folder();
    let layers = "Linear(features: 1), ".repeat(20_000);
    let text = experiment(&format!("Sequence(layers: [{layers}Readout(classes: 10)])"));
    fs::write(dir.path().join("deep.ron"), text).unwrap();
    let started = Instant::now();
    stdout(&snn(dir.path(), &["show", "deep.ron"]));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn memory_is_stated_without_being_taken() {
    let started = Instant::now();
    let dir = folder();
    let text = stdout(&snn(dir.path(), &["show", "--steps", "65536", "--batch", "65536"]));
    assert!(text.contains("less than 65536"), "{text}");
    assert!(text.lines().any(|line| line.trim_start().starts_with("gpu ") && line.contains("TB")), "{text}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_run_that_goes_on_is_checked_as_a_new_one() {
    let dir = folder();
    fs::copy(input("resume-no-memory-check/experiment.ron"), dir.path().join("experiment.ron")).unwrap();
    let started = error(&snn(dir.path(), &["train", "experiment.ron"]));
    assert!(started.contains("would take up to") && started.contains("a smaller batch"), "{started}");
    for args in [["train", "--resume", "."].as_slice(), &["bench", "experiment.ron"]] {
        error(&snn(dir.path(), args));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn limits_of_the_process_count() {
    let dir = folder();
    let args = ["train", "mnist-lenet", "--limit", "640", "--batch", "512", "--epochs", "1", "--out", "run"];
    let message = error(&limited(dir.path(), 300_000, &args));
    assert!(message.contains("address space") && message.contains("ulimit -v"), "{message}");
    assert!(!dir.path().join("run").exists());
    let bench = error(&limited(dir.path(), 300_000, &["bench", "mnist-lenet", "--batch", "4096"]));
    assert!(bench.contains("ulimit -v"), "{bench}");
    let short = ["train", "--limit", "8", "--batch", "4", "--epochs", "1", "--steps", "4", "--out", "run"];
    stdout(&snn(dir.path(), &short));
    for command in ["evaluate", "infer", "activity"] {
        let message = error(&limited(dir.path(), 300_000, &[command, "run", "--steps", "65536"]));
        assert!(message.contains("would take up to"), "{command}: {message}");
    }
}

#[test]
fn pools_that_spike_in_an_ann_are_told() {
    let advice = "network.pool: pool1, pool2 spike (PoolIf) between layers that pass on numbers (Relu)";
    let text = stdout(&show(&input("relu-if-pool/net.ron")));
    assert!(text.contains(advice) && text.contains("write pool: Relu"), "{text}");
    let dir = folder();
    let file = input("relu-if-pool/net.ron");
    let args = ["train", file.to_str().unwrap(), "--limit", "8", "--batch", "4", "--epochs", "1", "--out", "run"];
    let text = stdout(&snn(dir.path(), &args));
    assert!(text.contains("note") && text.contains("pool1, pool2 spike"), "{text}");
    let text = stdout(&snn(dir.path(), &["show", "mnist-lenet-ann"]));
    assert!(!text.contains("spike (PoolIf)"), "{text}");
}

#[test]
fn a_conversion_at_few_steps_is_told() {
    let dir = folder();
    let train = ["train", "mnist-lenet-ann", "--limit", "64", "--batch", "4", "--epochs", "1", "--out", "run"];
    stdout(&snn(dir.path(), &train));
    let text = stdout(&snn(dir.path(), &["convert", "run", "--images", "8", "--out", "spiking.safetensors"]));
    assert!(!text.contains("small activations"), "{text}");
    let evaluate =
        |steps: &str| stdout(&snn(dir.path(), &["evaluate", "spiking.safetensors", "--limit", "4", "--steps", steps]));
    assert!(evaluate("5").contains("over 5 time steps each is a multiple of 1/5"));
    assert!(!evaluate("60").contains("small activations"));
    let text = stdout(&snn(dir.path(), &["convert", "run", "--images", "8", "--steps", "4", "--force"]));
    assert!(text.contains("a multiple of 1/4"), "{text}");
}
