//! Ten networks that do not learn, each for a reason of its own, and one that does.

use snn_train::doctor::{Examination, Finding, Patient, examine};

use super::*;

/// A network in which every population fires.
const SOUND: &str = "(
    data: Mnist,
    input: Poisson(scale: 0.5),
    steps: 24,
    network: Sequence(kappa: 6.0, layers: [
        Conv(channels: 8, kernel: 5, stride: 2), AvgPool(size: 2), Linear(features: 40), Readout(classes: 10),
    ]),
    training: (epochs: 100, batch: 16, optimizer: Sgd(lr: 0.03), validation: Last(16)),
)";

/// A branch of its own, around which the spikes pass.
const BRANCHED: &str = "Populations(kappa: 6.0, populations: [
    (name: \"stem\", inputs: [Conv(from: \"input\", channels: 4, kernel: 5, stride: 4)]),
    (name: \"branch\", neuron: Lif(threshold: 40.0), inputs: [Conv(from: \"stem\", channels: 4, kernel: 3, padding: 1)]),
    (name: \"join\", inputs: [Conv(from: \"branch\", channels: 4, kernel: 3, padding: 1), Subsample(from: \"stem\", stride: 1)]),
    (name: \"out\", neuron: LeakyIntegrator(gradient: LeakFree), inputs: [Linear(from: \"join\", features: 10)]),
])";

fn sound(overrides: &[(&str, &str)]) -> Experiment {
    Experiment::from_ron(SOUND, "", overrides, &registry()).unwrap()
}

fn examined(experiment: &Experiment) -> Examination {
    let registry = registry();
    let built = experiment.build(&registry).unwrap();
    let patient = Patient {
        engine: &Reference,
        registry: &registry,
        built: &built,
        initial: None,
        checkpoint: None,
        train: &DIGITS[0],
    };
    examine(&patient, &mut go_on).unwrap().unwrap()
}

/// Checks that the doctor names what was done to a sound network, and that nothing is wrong any more after the changes that it
/// asks for.
fn heals(broken: &[(&str, &str)], problem: &str, path: &str) -> Vec<Finding> {
    let experiment = sound(broken);
    let findings = examined(&experiment).findings;
    assert!(findings.len() == 1 && findings[0].problem.contains(problem), "{problem}: {findings:#?}");
    let change = findings[0].change.as_ref().unwrap();
    assert_eq!(change.path, path, "{findings:#?}");
    let changes = [(change.path.as_str(), change.value.as_str())];
    let healed = Experiment::from_ron(&experiment.to_ron(), "", &changes, &registry()).unwrap();
    assert_eq!(examined(&healed).findings, [], "after {change:?}");
    findings
}

#[test]
fn nothing_is_wrong_with_a_sound_network() {
    let examination = examined(&sound(&[]));
    assert_eq!(examination.findings, []);
    assert_eq!(examination.images, 32);
    let names: Vec<&str> = examination.populations.iter().map(|vitals| vitals.population.as_str()).collect();
    assert_eq!(names, ["conv1", "pool1", "fc1", "readout"]);
    for vitals in &examination.populations[..3] {
        assert!(vitals.rate.unwrap() > 0.01 && vitals.errors > 0.05, "{vitals:?}");
        assert!(vitals.membrane.unwrap() > 0.05 && vitals.membrane.unwrap() <= 1.0, "{vitals:?}");
        assert!(vitals.weights.iter().all(|weight| weight.gradient > 0.0 && weight.update > 0.0), "{vitals:?}");
    }
    assert_eq!((examination.populations[3].rate, examination.populations[3].membrane), (None, None));
}

#[test]
fn weights_that_are_too_small_are_calibrated() {
    heals(&[("network.kappa", "0.001")], "conv1 never fires: its weights are too small", "start");
}

#[test]
fn a_threshold_that_is_too_high_is_lowered() {
    let problem = "conv1 never fires: its threshold of 60.0 is too high";
    let findings = heals(&[("network.neuron.threshold", "60.0")], problem, "network.neuron.threshold");
    let Finding { population, change, outcome, .. } = &findings[0];
    assert_eq!(population.as_deref(), Some("conv1"));
    let ron = &change.as_ref().unwrap().ron;
    assert!(ron.starts_with("neuron: Lif(") && ron.contains("threshold: 1.0"), "{ron}");
    assert!(outcome.as_ref().unwrap().starts_with("tried: the firing rate of conv1 goes from 0"), "{outcome:?}");
}

#[test]
fn a_leak_that_is_too_short_is_lengthened() {
    let broken = [("network.neuron.leak", "0.02"), ("network.kappa", "1.0"), ("input.scale", "0.2"), ("steps", "60")];
    heals(&broken, "its membranes forget too fast, as a leak of 0.02", "network.neuron.leak");
}

#[test]
fn a_dropout_that_is_too_strong_is_weakened() {
    let problem = "dropout is too strong: 95 % of the neurons of conv1, fc1";
    heals(&[("network.dropout", "0.95")], problem, "network.dropout");
}

#[test]
fn a_learning_rate_that_is_too_high_is_lowered() {
    heals(&[("training.optimizer.lr", "3.0")], "the learning rate is too high", "training.optimizer.lr");
}

#[test]
fn a_learning_rate_that_is_too_low_is_raised() {
    heals(&[("training.optimizer.lr", "1e-8")], "the learning rate is too low", "training.optimizer.lr");
}

#[test]
fn a_rate_is_not_blamed_for_what_another_setting_does() {
    let decay = ("training.optimizer.weight_decay", "1000.0");
    heals(&[decay], "weight_decay (1000.0) is far too large: one update", "training.optimizer.weight_decay");
    heals(&[("training.clip", "1e-9")], "clip (1e-9) is far too small: an update", "training.clip");
    let numbers = [
        ("input", "Direct"),
        ("steps", "1"),
        ("network.neuron", "Relu"),
        ("network.pool", "Relu"),
        ("network.kappa", "1e-6"),
        ("training.optimizer", "Adam(lr: 0.001)"),
    ];
    heals(&numbers, "kappa (1e-6) is far too small: one update", "network.kappa");
}

#[test]
fn a_rate_beyond_all_measure_is_mended_too() {
    heals(&[("training.optimizer.lr", "1e30")], "the learning rate is too high: one update", "training.optimizer.lr");
}

#[test]
fn a_schedule_counts() {
    let steps = "Steps(at: [1], factor: 1e-9)";
    let findings = examined(&sound(&[("training.schedule", steps), ("training.optimizer.lr", "0.0003")])).findings;
    assert!(findings[0].problem.contains("the learning rate is too low"), "{findings:#?}");
}

#[test]
fn what_is_frozen_need_not_learn() {
    assert_eq!(examined(&sound(&[("training.freeze", "[\"conv1\"]")])).findings, []);
}

#[test]
fn a_run_of_few_updates_is_said_to_be_one() {
    let findings = examined(&sound(&[("training.epochs", "1"), ("training.optimizer.lr", "0.005")])).findings;
    assert!(findings.len() == 1 && findings[0].problem.contains("too few updates"), "{findings:#?}");
}

#[test]
fn layers_that_no_gradient_reaches_are_named() {
    let narrow = "Lif(threshold: 1.0, gradient: Triangular(width: 1e-4))";
    let findings = examined(&sound(&[("network.neuron", narrow)])).findings;
    assert!(findings[0].problem.contains("the gradient vanishes on the way back to"), "{findings:#?}");
}

#[test]
fn an_input_that_is_scaled_wrong_is_scaled_right() {
    heals(
        &[("input.scale", "0.001")],
        "the input is scaled wrong by a scale of 0.001: its neurons fire",
        "input.scale",
    );
    heals(&[("input.scale", "100.0")], "the input is scaled wrong by a scale of 100.0", "input.scale");
}

#[test]
fn a_dead_pool_is_woken() {
    let problem = "pool1 never fires: its threshold of 50.0 is too high";
    heals(&[("network.pool.threshold", "50.0")], problem, "network.pool.threshold");
}

#[test]
fn a_branch_that_never_fires_is_told_from_a_network_that_does_not() {
    let problem = "the branch through branch never gets through: it never fires: its threshold of 40.0 is too high";
    let findings = heals(&[("network", BRANCHED)], problem, "network.populations[1].neuron.threshold");
    assert!(findings[0].problem.ends_with("what it feeds hears its other inputs alone"), "{findings:?}");
}

#[test]
fn steps_that_are_too_few_are_more() {
    let broken = [("steps", "1"), ("input.scale", "0.3")];
    heals(&broken, "time steps are too few", "steps");
}

#[test]
fn several_faults_are_found_one_after_the_other() {
    let broken = [("network.neuron.threshold", "60.0"), ("network.pool.threshold", "50.0"), ("input.scale", "0.001")];
    let findings = examined(&sound(&broken)).findings;
    let paths: Vec<&str> = findings.iter().filter_map(|finding| Some(finding.change.as_ref()?.path.as_str())).collect();
    assert_eq!(paths, ["input.scale", "network.neuron.threshold", "network.pool.threshold"], "{findings:#?}");
}

#[test]
fn trained_weights_are_looked_at_as_they_are() {
    let (_dir, mut folder) = new_run();
    train(&with(&[]), &mut folder, false, &mut go_on).unwrap();
    let checkpoint = Checkpoint::load(&folder.last()).unwrap();
    let (experiment, registry) = (with(&[]), registry());
    let built = experiment.build(&registry).unwrap();
    let of = |checkpoint: &Checkpoint| {
        let patient = Patient {
            engine: &Reference,
            registry: &registry,
            built: &built,
            initial: None,
            checkpoint: Some(checkpoint),
            train: &DIGITS[0],
        };
        examine(&patient, &mut go_on).unwrap().unwrap()
    };
    let norm = |values: &[f32]| values.iter().map(|w| w * w).sum::<f32>().sqrt();
    let found = of(&checkpoint).populations[0].weights[0].norm;
    assert!((found - norm(&checkpoint.weights[0].values)).abs() < 1e-4 * found, "{found}");

    // Weights that training has driven far below zero do not wake by themselves.
    let mut silent = checkpoint.clone();
    silent.weights[0].values.iter_mut().for_each(|w| *w = -1.0);
    let findings = of(&silent).findings;
    assert!(findings[0].problem.starts_with("fc1 never fires: no setting was found"), "{findings:#?}");
    assert!(findings[0].change.as_ref().unwrap().ron == "start: Calibrated()", "{findings:#?}");
}
