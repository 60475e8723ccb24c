//! Whatever is registered works from an experiment file: it is explained, and trains alike on both engines. The names
//! come from the registry, so a new one is covered without an edit here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use snn::core::part::Part;
use snn::core::registry::{Catalog, Registry};
use snn::core::{DatasetKind, Splits};
use snn::models::Experiment;
use snn::train::{Checkpoint, Event, RunFolder, SAVE_EVERY, TrainingJob, fit};

/// 12 images in 3 batches, 4 held out.
const EXPERIMENT: &str = "(
    data: Mnist,
    input: Poisson(scale: 0.8),
    steps: 6,
    network: Sequence(
        neuron: Lif(gradient: Atan),
        pool: If(threshold: 0.5),
        kappa: 4.0,
        layers: [
            Conv(channels: 3, kernel: 5, stride: 3), AvgPool(size: 2),
            Linear(features: 12),
            Readout(classes: 10),
        ],
    ),
    training: (
        epochs: 1,
        batch: 4,
        optimizer: Sgd(lr: 0.1, momentum: 0.5),
        clip: 1.0,
        validation: 4,
        limit: 16,
    ),
)";

/// Variances of initial weights: some neurons need much more current than others to fire at all.
const KAPPAS: [&str; 4] = ["4", "100", "1e4", "1e6"];

/// A membrane that lies on the threshold may be rounded across it by one engine and not by the other. Such a run
/// compares nothing, and the next seed is taken.
const SEEDS: [&str; 3] = ["1", "2", "3"];

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| snn::registry().unwrap());

static DIGITS: LazyLock<Splits> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let mut digits = snn::data::mnist::load(&folder).unwrap();
    digits.train.truncate(16);
    digits.test.truncate(4);
    digits
});

type Overrides<'a> = &'a [(&'a str, &'a str)];

fn experiment(overrides: Overrides<'_>) -> Experiment {
    Experiment::from_ron(EXPERIMENT, "", overrides, &REGISTRY).unwrap_or_else(|error| panic!("{overrides:?}: {error}"))
}

/// What a run gave: loss, gradient and firing rates of each step, and the weights after the last one.
#[derive(Debug)]
struct Run {
    losses: Vec<f32>,
    gradients: Vec<f32>,
    rates: Vec<Vec<(String, f32)>>,
    weights: Vec<Vec<f32>>,
}

fn train(experiment: &Experiment, engine: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = RunFolder::create(&dir.path().join("run"), &experiment.to_ron()).unwrap();
    let built = experiment.build(&REGISTRY).unwrap();
    let engine = REGISTRY.engines.make(&mut Part::new(engine), &REGISTRY).unwrap();
    let job = TrainingJob {
        engine: engine.as_ref(),
        built: &built,
        initial: &built.network.initial_weights(experiment.training.seed),
        train: &DIGITS.train,
        test: &DIGITS.test,
        save_every: SAVE_EVERY,
    };
    let mut run = Run { losses: Vec::new(), gradients: Vec::new(), rates: Vec::new(), weights: Vec::new() };
    let mut observer = |event: &Event| {
        if let Event::Update { loss, gradient, rates, .. } = event {
            run.losses.push(*loss);
            run.gradients.push(*gradient);
            run.rates.push(rates.clone());
        }
        ControlFlow::Continue(())
    };
    fit(&job, &mut folder, &mut observer).unwrap_or_else(|error| panic!("{}\n{error}", experiment.to_ron()));
    run.weights = Checkpoint::load(&folder.last()).unwrap().weights_for(&built.network).unwrap();
    run
}

/// Whether all values are equal but for rounding, measured against the largest of them.
fn are_close(one: &[f32], other: &[f32]) -> bool {
    let largest = one.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    one.len() == other.len() && std::iter::zip(one, other).all(|(a, b)| (a - b).abs() <= 1e-5 * largest)
}

/// Trains on both engines, and expects the same of them.
fn trains_alike(overrides: Overrides<'_>) {
    for seed in SEEDS {
        let experiment = experiment(&[overrides, &[("training.seed", seed)]].concat());
        let [one, other] = ["reference", "cpu"].map(|engine| train(&experiment, engine));
        assert!(
            one.losses.len() == 3 && one.gradients.iter().all(|gradient| *gradient > 0.0),
            "{overrides:?}: {one:?}"
        );
        if one.rates != other.rates {
            continue;
        }
        assert!(are_close(&one.losses, &other.losses), "{overrides:?}: {:?} {:?}", one.losses, other.losses);
        assert!(
            are_close(&one.gradients, &other.gradients),
            "{overrides:?}: {:?} {:?}",
            one.gradients,
            other.gradients
        );
        for (tensor, (one, other)) in one.weights.iter().zip(&other.weights).enumerate() {
            assert!(are_close(one, other), "{overrides:?}: weight {tensor}");
        }
        return;
    }
    panic!("{overrides:?}: the engines count different spikes, whatever the seed");
}

/// `snn show` explains the experiment, and says each of `parts`.
fn is_explained(overrides: Overrides<'_>, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("experiment.ron");
    std::fs::write(&file, experiment(overrides).to_ron()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snn")).arg("show").arg(&file).output().unwrap();
    assert!(output.status.success(), "{overrides:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in parts {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

fn names<T>(catalog: &Catalog<T>) -> Vec<String> {
    catalog.names().map(str::to_owned).collect()
}

#[test]
fn every_neuron() {
    for name in names(&REGISTRY.neurons) {
        let neuron = REGISTRY.neurons.make(&mut Part::new(&name), &REGISTRY).unwrap();
        let equations = neuron.equations();
        let parts = [name.as_str(), equations.split("  ").next().unwrap()];
        if !neuron.fires() {
            let readout = [("network.layers[3].neuron", name.as_str())];
            let (network, pool) = (("network.neuron", name.as_str()), ("network.pool", name.as_str()));
            let ann = [("steps", "1"), ("input", "Direct"), network, pool];
            let overrides = if neuron.is_readout() { &readout } else { &ann[..] };
            is_explained(overrides, &parts);
            trains_alike(overrides);
            continue;
        }
        let overrides = KAPPAS.map(|kappa| [("network.neuron", name.as_str()), ("network.kappa", kappa)]);
        let fires = |overrides: &&[(&str, &str); 2]| {
            let run = train(&experiment(*overrides), "reference");
            run.rates[0].iter().all(|(_, rate)| *rate > 0.01)
        };
        let firing = overrides.iter().find(fires);
        let overrides = firing.unwrap_or_else(|| panic!("{name} does not fire, whatever its input"));
        is_explained(overrides, &parts);
        trains_alike(overrides);
    }
}

#[test]
fn every_surrogate() {
    for name in names(&REGISTRY.surrogates) {
        let surrogate = REGISTRY.surrogates.make(&mut Part::new(&name), &REGISTRY).unwrap().to_string();
        for detach in ["false", "true"] {
            let overrides = [("network.neuron.gradient", name.as_str()), ("network.neuron.detach_reset", detach)];
            is_explained(&overrides, &[&surrogate]);
            trains_alike(&overrides);
        }
    }
}

#[test]
fn every_encoder() {
    for name in names(&REGISTRY.encoders) {
        let encoder = REGISTRY.encoders.make(&mut Part::new(&name), &REGISTRY).unwrap();
        if encoder.kind() == DatasetKind::Recordings {
            continue; // the recordings have tests of their own
        }
        is_explained(&[("input", &name)], &[&encoder.describe()]);
        trains_alike(&[("input", &name)]);
    }
}

#[test]
fn every_score() {
    for name in names(&REGISTRY.scores) {
        let score = REGISTRY.scores.make(&mut Part::new(&name), &REGISTRY).unwrap();
        for neuron in ["LeakyIntegrator", "Lif(gradient: Atan)"] {
            let overrides = [("score", name.as_str()), ("network.layers[3].neuron", neuron)];
            is_explained(&overrides, &[&score.equation()]);
            trains_alike(&overrides);
        }
    }
}

#[test]
fn every_loss() {
    for name in names(&REGISTRY.losses) {
        let loss = REGISTRY.losses.make(&mut Part::new(&name), &REGISTRY).unwrap();
        let counts_spikes = ["CountMse", "VanRossum"].contains(&name.as_str());
        let membrane = (!counts_spikes).then_some("LeakyIntegrator");
        for neuron in membrane.into_iter().chain(["Lif(gradient: Atan)"]) {
            let overrides = [("loss", name.as_str()), ("score", "Mean"), ("network.layers[3].neuron", neuron)];
            is_explained(&overrides, &[&loss.equation()]);
            trains_alike(&overrides);
        }
    }
}

/// What no name stands for: recurrence, dropout, the penalty on firing rates, chunks.
#[test]
fn every_other_choice() {
    trains_alike(&[("network.layers[0].recurrent", "true"), ("network.layers[2].recurrent", "true")]);
    trains_alike(&[("network.dropout", "0.25")]);
    let penalty = [("rates", "(target: 0.3, weight: 20.0)")];
    is_explained(&penalty, &["20 (r - 0.3)²"]);
    trains_alike(&penalty);
    trains_alike(&[("training.chunk", "2")]);
    trains_alike(&[("training.chunk", "4"), ("network.layers[2].recurrent", "true"), ("network.neuron", "Alif")]);
}
