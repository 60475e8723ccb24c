//! Currents that are normalised while a network is trained.

use snn_core::Role;
use snn_cpu::Cpu;

use super::*;

const NETWORK: &str = "Sequence(neuron: Lif(gradient: Atan), norm: BatchNorm(group: 7), layers: [
    Conv(channels: 4, kernel: 5, stride: 2, pool: Max(size: 2)), Linear(features: 16), Readout(classes: 10)])";

fn normalised() -> Experiment {
    with(&[("network", NETWORK)])
}

/// Trains on the CPU engine; what the run leaves.
fn run_on(cpu: &Cpu, folder: &mut RunFolder, observer: &mut dyn Observer) -> Left {
    train_on(cpu, &normalised(), folder, false, observer).unwrap();
    result(folder)
}

#[test]
fn means_and_variances_are_kept_along_and_answers_are_by_them() {
    let (_dir, mut folder) = new_run();
    train(&normalised(), &mut folder, false, &mut go_on).unwrap();
    let last = Checkpoint::load(&folder.last()).unwrap();
    let built = normalised().build(&registry()).unwrap();
    let weights = last.weights_for(&built.network).unwrap();
    let initial = built.network.initial_weights(1);
    for ((tensor, values), begun) in built.network.tensors().iter().zip(&weights).zip(&initial) {
        assert_ne!(values, begun, "{} has moved", tensor.name);
    }
    let names: Vec<&str> = last.weights.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names[..5], ["conv1", "conv1.scale", "conv1.shift", "conv1.mean", "conv1.variance"]);
    let evaluation = |engine: &dyn Engine| {
        let all: Vec<u32> = (0..32).collect();
        evaluate(engine, &normalised(), &built, &weights, &DIGITS[1], &all, &mut go_on).unwrap().unwrap()
    };
    // The reference goes by what is kept, the CPU engine by the weights that it is folded into.
    let (unfolded, folded) = (evaluation(&Reference), evaluation(&Cpu::new(2)));
    assert_eq!(unfolded.accuracy, folded.accuracy);
    assert!((unfolded.loss - folded.loss).abs() < 1e-4, "{} and {}", unfolded.loss, folded.loss);
}

#[test]
fn threads_and_samples_at_a_time_change_no_byte() {
    let (_dir, mut folder) = new_run();
    let whole = run_on(&Cpu::new(1), &mut folder, &mut go_on);
    let one = |threads: usize, groups: usize| {
        let (_dir, mut folder) = new_run();
        run_on(&Cpu::new(threads).groups_at_once(groups), &mut folder, &mut go_on)
    };
    for (threads, groups) in [(2, 1), (3, 2), (2, 5)] {
        let (last, best, _) = one(threads, groups); // the records tell of the threads and of memory
        assert!((&last, &best) == (&whole.0, &whole.1), "{threads} threads, {groups} groups at a time");
    }
}

#[test]
fn it_goes_on_to_the_same_bits() {
    let (_dir, mut folder) = new_run();
    let whole = run_on(&Cpu::new(2), &mut folder, &mut go_on);
    for (epoch, step) in [(0, 1), (1, 3), (2, 4)] {
        let (_dir, mut folder) = new_run();
        let is_there =
            |event: &Event| matches!(event, Event::Step { epoch: e, step: s, .. } if (*e, *s) == (epoch, step));
        train_on(&Cpu::new(2), &normalised(), &mut folder, false, &mut stop_at(is_there)).unwrap();
        assert!(run_on(&Cpu::new(2), &mut folder, &mut go_on) == whole, "epoch {epoch}, step {step}");
    }
}

#[test]
fn groups_must_divide_the_batch_and_calibration_has_nothing_to_do() {
    let message = |overrides: &[(&str, &str)]| {
        let all = [&[("network", NETWORK)], overrides].concat();
        let read = Experiment::from_ron(EXPERIMENT, "", &all, &registry());
        read.and_then(|experiment| experiment.build(&registry())).unwrap_err().to_string()
    };
    let text = message(&[("training.batch", "16")]);
    let expected =
        "training.batch must be a multiple of 7, as currents are normalised over groups of 7 samples, found 16";
    assert!(text.contains(expected), "{text}");
    let text = message(&[("start", "Calibrated()")]);
    assert!(text.contains("a network that normalises its currents needs no calibration"), "{text}");
    let text = message(&[("network.neuron", "Lif")]);
    assert!(text.contains("the paper's rule goes by spikes alone") && text.contains("standardise: true"), "{text}");
}

#[test]
fn frozen_means_stay() {
    let frozen = with(&[("network", NETWORK), ("training.freeze", "[\"conv1*\"]")]);
    let (_dir, mut folder) = new_run();
    train(&frozen, &mut folder, false, &mut go_on).unwrap();
    let last = Checkpoint::load(&folder.last()).unwrap();
    let built = frozen.build(&registry()).unwrap();
    let initial = built.network.initial_weights(1);
    for ((tensor, found), begun) in built.network.tensors().iter().zip(&last.weights).zip(&initial) {
        assert_eq!(found.values == *begun, tensor.name.starts_with("conv1"), "{}", tensor.name);
    }
    assert!(built.network.tensors().iter().any(|tensor| tensor.role == Role::Running && !tensor.frozen));
}
