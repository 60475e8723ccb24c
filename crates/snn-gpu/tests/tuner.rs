//! Which kernels are the quickest is measured once, remembered in a file, and makes no difference to what is computed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use snn_core::{
    Activity, Dropout, Engine as _, Errors, Map, Network, Neuron, Plan, Projection, Shape, Source, SpikeTrain,
    Stimulus, Trial, Weights, neuron::Lif, surrogate::Atan,
};
use snn_gpu::{GpuEngine, GpuOptions, KernelChoice};

/// Populations of both kinds of gradient: one with the paper's, one with a surrogate, a residual one that sums two
/// projections.
fn network() -> Network {
    let mut builder = Network::builder(Shape::new(2, 5, 5));
    let conv = |channels| Map::conv(channels, [3, 3], 1, 1);
    let read = |source, map| Projection::new(source, map);
    let first = builder.add("first", Neuron::lif(), vec![read(Source::Input, conv(6))]).unwrap();
    let second = builder.add("second", Neuron::lif(), vec![read(first, conv(6))]).unwrap();
    let sum = vec![read(second, conv(6)), read(first, Map::Subsample { stride: 1 })];
    let third = builder.add("third", Lif::default().surrogate(Atan::default()), sum).unwrap();
    builder.add("readout", Neuron::readout(), vec![read(third, Map::Linear { features: 3 })]).unwrap();
    builder.build().unwrap()
}

/// What a trial and its backward pass give on an engine that measures and remembers in `file`, or that has plain kernels.
fn run(network: &Network, kernels: KernelChoice, file: &Path) -> (Activity, Weights) {
    let (steps, samples) = (40, 3);
    let mut spikes = SpikeTrain::silent(steps, samples, network.input());
    for at in (0..steps * samples * network.input().len()).filter(|at| at * 7919 % 11 < 3) {
        spikes.set(at % steps, at / steps % samples, at / steps / samples, 1);
    }
    let gpu = GpuEngine::new(GpuOptions { kernels, ..GpuOptions::default() }).remembering_in(file);
    let mut session = gpu.compile(network, Plan::new(steps, samples).train()).unwrap();
    session.load(&network.initial_weights(1)).unwrap();
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
    let activity = session.forward(&trial).unwrap();
    let errors: Vec<f32> = (0..activity.output.len()).map(|i| (i % 5) as f32 / 5.0 - 0.3).collect();
    let mut gradients = Weights::new();
    session.backward(Errors::of_output(&errors), &mut gradients).unwrap();
    (activity, gradients)
}

#[test]
fn what_is_measured_is_remembered_and_changes_nothing() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache/kernels.ron");
    let network = network();
    let plain = run(&network, KernelChoice::Plain, &file);
    assert!(!file.exists(), "plain kernels are no choice that has to be remembered");

    let measured = run(&network, KernelChoice::Measured, &file);
    assert_eq!(measured.0, plain.0, "all forms add up currents in the same order");
    for (found, expected) in measured.1.iter().zip(&plain.1) {
        let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * largest));
    }
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("forward:").count(), 4, "{text}");

    let again = run(&network, KernelChoice::Measured, &file);
    assert_eq!(again, measured, "what is remembered is not measured again, so that results stay the same to the bit");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_file_that_cannot_be_read_is_written_anew() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kernels.ron");
    fs::write(&file, "{ \"half").unwrap();
    run(&network(), KernelChoice::Measured, &file);
    assert!(fs::read_to_string(&file).unwrap().contains("gradient:"));
}
