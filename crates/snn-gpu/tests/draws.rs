//! What is drawn on the card is what the host draws, to the bit, and the same seed gives the same bits every time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{
    Activity, Draws, Dropout, Encoded, Encoder as _, Engine as _, Errors, Map, Network, Neuron, Plan, Poisson,
    Projection, Record, Shape, Source, SpikeTrain, Stimulus, Trial, Weights, dropout_mask,
};
use snn_gpu::GpuEngine;

const STEPS: usize = 50;

/// Index in the data set of each sample.
const SAMPLES: [u32; 3] = [59_999, 0, 7];

const DRAWS: Draws<'static> = Draws { seed: 1 << 40 | 3, epoch: 5, samples: &SAMPLES };

const ENCODER: Poisson = Poisson { scale: 0.6 };

/// 27 inputs and 10 hidden neurons, neither a multiple of the four numbers that are drawn together.
fn network() -> Network {
    let registry = Registry::new().with(snn_core::plugin).unwrap();
    let mut part = Part::parse("Lif(leak: 0.9, gradient: Atan)").unwrap();
    let neuron = registry.neurons.make(&mut part, &registry).unwrap();
    let mut builder = Network::builder(Shape::new(3, 3, 3));
    let linear = |source, features| vec![Projection::new(source, Map::Linear { features })];
    let first = builder.add_with_dropout("first", neuron, 0.3, linear(Source::Input, 10)).unwrap();
    let second = builder.add_with_dropout("second", Neuron::lif(), 0.5, linear(first, 6)).unwrap();
    builder.add("readout", Neuron::readout(), linear(second, 4)).unwrap();
    builder.build().unwrap()
}

/// Between -1 and 1.
fn pixels() -> Vec<f32> {
    (0..SAMPLES.len() * 27).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

fn images(pixels: &[f32]) -> Stimulus<'_> {
    Stimulus::Images { pixels, shape: Shape::new(3, 3, 3), encoder: &ENCODER, draws: DRAWS }
}

type Outcome = (Activity, Vec<Record>, Weights);

fn outcome(gpu: &GpuEngine, trial: &Trial<'_>) -> Outcome {
    let network = network();
    let weights = network.initial_weights(3).into_iter().map(|weight| weight.iter().map(|w| 2.0 * w + 0.1).collect());
    let mut session = gpu.compile(&network, Plan::new(STEPS, 4).train().record()).unwrap();
    session.load(&weights.collect()).unwrap();
    let activity = session.forward(trial).unwrap();
    let d_output: Vec<f32> = (0..activity.output.len()).map(|i| (i % 13) as f32 - 6.0).collect();
    let mut gradients = Weights::new();
    session.backward(Errors::of_output(&d_output), &mut gradients).unwrap();
    assert!(gradients.iter().flatten().any(|gradient| *gradient != 0.0));
    (activity, (0..3).map(|population| session.record(population).unwrap()).collect(), gradients)
}

#[test]
fn spikes_that_the_card_draws_are_those_that_the_host_draws() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let pixels = pixels();
    let encode = |(n, image)| match ENCODER.encode(image, Shape::new(3, 3, 3), STEPS, DRAWS.sample(n)) {
        Encoded::Spikes(train) => train,
        Encoded::Current(_) | snn_core::Encoded::Numbers(_) => panic!("not spikes"),
    };
    let trains: Vec<SpikeTrain> = pixels.chunks(27).enumerate().map(encode).collect();
    let spikes = SpikeTrain::join(&trains);
    let drawn = outcome(&gpu, &Trial { stimulus: images(&pixels), dropout: Dropout::Off });
    let given = outcome(&gpu, &Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off });
    assert!(drawn.0.input_spikes > 100);
    assert_eq!(drawn, given);
}

#[test]
fn masks_that_the_card_draws_are_those_that_the_host_draws() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let (network, pixels) = (network(), pixels());
    let mask = |(index, population)| {
        let of_sample = |&sample: &u32| dropout_mask(population, index, DRAWS.seed, DRAWS.epoch, sample);
        if population.dropout > 0.0 { SAMPLES.iter().flat_map(of_sample).collect() } else { Vec::new() }
    };
    let masks: Vec<Vec<f32>> = network.populations().iter().enumerate().map(mask).collect();
    assert!(masks[0].contains(&0.0) && masks[0].contains(&(1.0 / 0.7)));
    let drawn = outcome(&gpu, &Trial { stimulus: images(&pixels), dropout: Dropout::Drawn(DRAWS) });
    let given = outcome(&gpu, &Trial { stimulus: images(&pixels), dropout: Dropout::Masks(&masks) });
    assert_eq!(drawn, given);
    assert_ne!(drawn, outcome(&gpu, &Trial { stimulus: images(&pixels), dropout: Dropout::Off }));
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let pixels = pixels();
    let trial = Trial { stimulus: images(&pixels), dropout: Dropout::Drawn(DRAWS) };
    let first = outcome(&gpu, &trial);
    assert_eq!(first, outcome(&gpu, &trial));
    let Some(again) = snn_gpu::testing::engine() else { return };
    assert_eq!(first, outcome(&again, &trial), "on the same card, opened again");
}

#[test]
fn a_session_can_go_from_one_kind_of_input_to_another_and_back() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let (network, pixels) = (network(), pixels());
    let mut session = gpu.compile(&network, Plan::new(STEPS, 4)).unwrap();
    session.load(&network.initial_weights(3)).unwrap();
    let mut spikes = SpikeTrain::silent(STEPS, 1, network.input());
    spikes.set(4, 0, 2, 1);
    let drawn = Trial { stimulus: images(&pixels), dropout: Dropout::Drawn(DRAWS) };
    let others = [Stimulus::Spikes(&spikes), Stimulus::Current(&pixels[..27])];
    let first = session.forward(&drawn).unwrap();
    for stimulus in others {
        session.forward(&Trial { stimulus, dropout: Dropout::Off }).unwrap();
        assert_eq!(first, session.forward(&drawn).unwrap());
    }
}
