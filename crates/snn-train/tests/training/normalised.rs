//! Currents that are normalised while a network is trained.

use snn_core::part::Part;
use snn_core::prelude::*;
use snn_core::{Activity, Record, Role};
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
        evaluate(engine, &built, &weights, &DIGITS[1], &all, &mut go_on).unwrap().unwrap()
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
            |event: &Event| matches!(event, Event::Update { epoch: e, update: s, .. } if (*e, *s) == (epoch, step));
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

/// The first 20 test images of CIFAR-10, values in `[0, 1]`, and their classes.
fn cifar() -> Vec<(Vec<f32>, usize)> {
    let bytes = include_bytes!("../../../snn-data/tests/samples/cifar10_test_first20.bin");
    let image =
        |record: &[u8]| (record[1..].iter().map(|byte| f32::from(*byte) / 255.0).collect(), usize::from(record[0]));
    bytes.chunks_exact(1 + 3 * 32 * 32).map(image).collect()
}

#[test]
fn a_folded_network_fires_as_the_kept_means_say_on_genuine_images() {
    const STEPS: usize = 6;
    let text = "ResNet(stem: 8, blocks: [(channels: 8), (channels: 16, stride: 2)], shortcut: SewAdd, pooling: CurrentMean, \
                neuron: Lif(gradient: Atan, leak: 0.9), norm: BatchNorm(group: 10), features: [])";
    let family = registry().families.make(&mut Part::parse(text).unwrap(), &registry()).unwrap();
    let network = family.build(Shape::new(3, 32, 32), 10).unwrap();
    let (cpu, images) = (Cpu::new(2), cifar());
    assert_eq!(images.len(), 20);
    let mut trainer = Trainer::new(&cpu, &network, Plan::new(STEPS, 20), Recipe::default()).unwrap();
    for _ in 0..5 {
        trainer.learn(images.clone()).unwrap();
    }
    let weights = trainer.weights().unwrap().clone();

    let pixels: Vec<f32> = images.iter().flat_map(|(pixels, _)| pixels.clone()).collect();
    let show = |engine: &dyn Engine| -> (Activity, Vec<Record>) {
        let mut session = engine.compile(&network, Plan::new(STEPS, 20).record()).unwrap();
        session.load(&weights).unwrap();
        let trial = Trial { stimulus: Stimulus::Current(&pixels), dropout: Dropout::Off };
        let activity = session.forward(&trial).unwrap();
        (activity, (0..network.populations().len()).map(|index| session.record(index).unwrap()).collect())
    };
    // The reference goes by what is kept, the CPU engine by the weights that it is folded into.
    let ((unfolded, expected), (folded, found)) = (show(&Reference), show(&cpu));
    let (mut spikes, mut flips) = (0, 0);
    for (found, expected) in found.iter().zip(&expected) {
        let (of_found, of_expected) = (&found.spikes, &expected.spikes);
        spikes += of_expected.count();
        for (n, neuron) in (0..20).flat_map(|n| (0..of_expected.shape().len()).map(move |neuron| (n, neuron))) {
            flips += (0..STEPS).filter(|&t| of_found.get(t, n, neuron) != of_expected.get(t, n, neuron)).count() as u64;
        }
    }
    assert!(spikes > 50_000, "{spikes}");
    println!("{flips} of {spikes} spikes differ");
    assert!(flips * 10_000 <= spikes, "{flips} of {spikes} spikes differ");
    if flips == 0 {
        let off = unfolded.output.iter().zip(&folded.output).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{off}");
    }
}
