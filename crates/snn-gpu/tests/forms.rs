//! All forms of kernels compute the same, in sums so long that a driver might break off a loop.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::reference::Reference;
use snn_core::{
    Activity, Dropout, Engine, Errors, Map, Network, Neuron, Plan, Projection, Shape, Source, SpikeTrain, Stimulus,
    Trial, Weights,
};
use snn_gpu::{GpuEngine, GpuOptions, KernelChoice};

const STEPS: usize = 33;
const SAMPLES: usize = 2;

/// A convolution of 144 pixels, and a linear map of 576 inputs.
fn network() -> Network {
    let mut builder = Network::builder(Shape::new(3, 12, 12));
    let conv = |channels, kernel| Map::conv(channels, [kernel, kernel], 1, kernel / 2);
    let first = builder.add("first", Neuron::lif(), vec![Projection::new(Source::Input, conv(4, 3))]).unwrap();
    let sum = vec![Projection::new(first, conv(4, 3)), Projection::new(Source::Input, conv(4, 1)).named("direct")];
    let sum = builder.add("sum", Neuron::lif(), sum).unwrap();
    let second =
        builder.add("second", Neuron::lif(), vec![Projection::new(sum, Map::Linear { features: 20 })]).unwrap();
    builder.add("readout", Neuron::readout(), vec![Projection::new(second, Map::Linear { features: 3 })]).unwrap();
    builder.build().unwrap()
}

fn run(network: &Network, engine: &dyn Engine) -> (Activity, Weights) {
    let mut spikes = SpikeTrain::silent(STEPS, SAMPLES, network.input());
    for at in (0..STEPS * SAMPLES * network.input().len()).filter(|at| at * 7919 % 31 < 2) {
        let sign = if at % 5 == 0 { -1 } else { 1 };
        spikes.set(at % STEPS, at / STEPS % SAMPLES, at / STEPS / SAMPLES, sign);
    }
    let mut session = engine.compile(network, Plan::new(STEPS, SAMPLES).train()).unwrap();
    let strong = |weights: &Vec<f32>| weights.iter().map(|w| 4.0 * w).collect();
    session.load(&network.initial_weights(1).iter().map(strong).collect()).unwrap();
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
    let activity = session.forward(&trial).unwrap();
    let errors: Vec<f32> = (0..activity.output.len()).map(|i| (i % 5) as f32 / 5.0 - 0.3).collect();
    let mut gradients = Weights::new();
    session.backward(Errors::of_output(&errors), &mut gradients).unwrap();
    (activity, gradients)
}

#[test]
fn all_forms_give_what_the_reference_gives() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let network = network();
    let expected = run(&network, &Reference);
    assert!(expected.0.spikes[..2].iter().all(|spikes| *spikes > 100), "{:?}", expected.0.spikes);
    let mut first = None;
    for kernels in KernelChoice::FORMS {
        let found = run(&network, &GpuEngine::new(GpuOptions { kernels, ..GpuOptions::default() }));
        assert_eq!(found.0.spikes, expected.0.spikes, "{kernels:?}");
        let first = first.get_or_insert(found.0.clone());
        assert_eq!(found.0, *first, "{kernels:?}: all forms add up currents in the same order");
        for (weight, (found, expected)) in network.tensors().iter().zip(found.1.iter().zip(&expected.1)) {
            let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let off = found.iter().zip(expected).fold(0.0_f32, |off, (a, b)| off.max((a - b).abs()));
            assert!(off <= 1e-5 * largest, "{kernels:?}: {} is off by {off} of {largest}", weight.name);
        }
    }
}
