//! The form whose weights have 16 bits: what it rounds, that it does nothing else to a network, and what it says where the
//! program or the card lacks it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::reference::Reference;
use snn_core::{
    Activity, Draws, Dropout, Engine, Errors, Map, Network, Neuron, Plan, Projection, Shape, Source, SpikeTrain,
    Stimulus, Trial, Weights,
};
use snn_gpu::{GpuEngine, GpuOptions, KernelChoice, adapters};

const STEPS: usize = 33;
const SAMPLES: usize = 3;

fn engine(kernels: KernelChoice) -> GpuEngine {
    GpuEngine::new(GpuOptions { kernels, ..GpuOptions::default() })
}

/// The engine, if it can be had on the first card. If not, that the message says why.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn cooperative() -> Option<GpuEngine> {
    snn_gpu::testing::engine()?;
    let engine = engine(KernelChoice::Cooperative);
    let missing = if !cfg!(feature = "cooperative") {
        "that this program was built without: build it with --features cooperative"
    } else if adapters()[0].matrix_edge.is_none() {
        "which this card does not offer; take another form, such as kernels: Tiled"
    } else {
        engine.open().unwrap();
        return Some(engine);
    };
    let message = engine.open().unwrap_err().to_string();
    assert!(message.contains(missing), "{message}");
    eprintln!("skipped: {message}");
    None
}

/// Spikes of either sign, some of them for a whole trial.
fn spikes(shape: Shape) -> SpikeTrain {
    let mut spikes = SpikeTrain::silent(STEPS, SAMPLES, shape);
    for at in (0..STEPS * SAMPLES * shape.len()).filter(|at| at * 7919 % 31 < 4) {
        let sign = if at % 5 == 0 { -1 } else { 1 };
        spikes.set(at % STEPS, at / STEPS % SAMPLES, at / STEPS / SAMPLES, sign);
    }
    spikes
}

fn run(network: &Network, engine: &dyn Engine, weights: &Weights, dropout: Dropout<'_>) -> (Activity, Weights) {
    let spikes = spikes(network.input());
    let mut session = engine.compile(network, Plan::new(STEPS, SAMPLES).train()).unwrap();
    session.load(weights).unwrap();
    let activity = session.forward(&Trial { stimulus: Stimulus::Spikes(&spikes), dropout }).unwrap();
    let errors: Vec<f32> = (0..activity.output.len()).map(|i| (i % 5) as f32 / 5.0 - 0.3).collect();
    let mut gradients = Weights::new();
    session.backward(Errors::of_output(&errors), &mut gradients).unwrap();
    (activity, gradients)
}

/// Convolutions of more channels than a tile has columns, with strides and margins, two projections to one population,
/// dropout, and linear maps.
fn network() -> Network {
    let mut builder = Network::builder(Shape::new(3, 11, 11));
    let conv = |channels, kernel, stride| Map::conv(channels, [kernel, kernel], stride, kernel / 2);
    let from = |source, map| vec![Projection::new(source, map)];
    let first = builder.add("first", Neuron::lif(), from(Source::Input, conv(70, 3, 1))).unwrap();
    let mut both = from(first, conv(9, 3, 2));
    both.push(Projection::new(Source::Input, conv(9, 1, 2)).named("direct"));
    let both = builder.add_with_dropout("both", Neuron::lif(), 0.5, both).unwrap();
    let linear = builder.add("linear", Neuron::lif(), from(both, Map::Linear { features: 20 })).unwrap();
    builder.add("readout", Neuron::readout(), from(linear, Map::Linear { features: 3 })).unwrap();
    builder.build().unwrap()
}

/// Where weights have few bits nothing is rounded, and all sums are exact: spikes and gradients are those of another form, to
/// the bit.
#[test]
fn weights_of_few_bits_give_the_same_spikes() {
    let Some(cooperative) = cooperative() else { return };
    let network = network();
    let few_bits = |weights: &Vec<f32>| weights.iter().map(|w| (w * 256.0).round() / 64.0).collect();
    let weights: Weights = network.initial_weights(1).iter().map(few_bits).collect();
    let draws = Draws { seed: 1, epoch: 2, samples: &[0, 1, 2] };
    for dropout in [Dropout::Off, Dropout::Drawn(draws)] {
        let expected = run(&network, &engine(KernelChoice::Tiled), &weights, dropout);
        let fired = &expected.0.spikes[..3];
        assert!(fired.iter().all(|spikes| *spikes > 100), "{fired:?}");
        assert_eq!(run(&network, &cooperative, &weights, dropout), expected);
    }
}

/// The nearest number of 16 bits, and of two the even one.
fn half(x: f32) -> f32 {
    let x = f64::from(x);
    let unit = 2.0_f64.powi((x.abs().log2().floor() as i32).max(-14) - 10);
    ((x / unit).round_ties_even() * unit) as f32
}

/// Currents are those of weights rounded to 16 bits, summed in single precision.
#[test]
fn weights_are_rounded_to_the_nearest_number_of_16_bits() {
    assert_eq!([1.000_488_3, 1.001_464_8, 1e-7, 0.1].map(half), [1.0, 1.001_953_1, 1.192_092_9e-7, 0.099_975_586]);
    let Some(cooperative) = cooperative() else { return };
    let mut builder = Network::builder(Shape::new(3, 11, 11));
    let linear = vec![Projection::new(Source::Input, Map::Linear { features: 10 })];
    builder.add("readout", Neuron::readout(), linear).unwrap();
    let network = builder.build().unwrap();
    for scale in [1.0, 1e-4, 1e-6] {
        let scaled = |weights: &Vec<f32>| weights.iter().map(|w| scale * w).collect();
        let weights: Weights = network.initial_weights(1).iter().map(scaled).collect();
        let rounded = weights.iter().map(|weights| weights.iter().map(|w| half(*w)).collect()).collect();
        let output = |engine: &dyn Engine, weights| run(&network, engine, weights, Dropout::Off).0.output;
        let found = output(&cooperative, &weights);
        let off = |expected: &[f32]| {
            let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            found.iter().zip(expected).fold(0.0_f32, |off, (a, b)| off.max((a - b).abs())) / largest
        };
        let (of_rounded, of_exact) = (off(&output(&Reference, &rounded)), off(&output(&Reference, &weights)));
        assert!(of_rounded < 2e-6, "{scale}: off by {of_rounded}");
        assert!(of_exact > 1e-5, "{scale}: weights were not rounded, off by {of_exact}");
    }
}
