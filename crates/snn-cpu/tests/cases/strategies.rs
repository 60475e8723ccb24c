//! Random networks and trials.

use proptest::prelude::*;
use snn_core::neuron::{Correction, LeakyIntegrator, Lif, PoolIf};
use snn_core::{Gradient, Map, Neuron, Shape, Trace};

use super::{Case, Drop, Layer, OutputErrors, Show};

fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 1..=8_usize, 2 => 9..=70_usize, 1 => prop::sample::select(vec![16, 17, 32, 33, 48, 49, 64, 65])]
}

fn map() -> impl Strategy<Value = Map> {
    let conv = (channels(), [1..=5_usize, 1..=5], 1..=3_usize, 0..=2_usize);
    prop_oneof![
        5 => conv.prop_map(|(channels, kernel, stride, padding)| Map::Conv { channels, kernel, stride, padding }),
        2 => channels().prop_map(|features| Map::Linear { features }),
        2 => (1..=3_usize, 1..=3_usize).prop_map(|(size, stride)| Map::AvgPool { size, stride }),
        1 => (1..=3_usize).prop_map(|stride| Map::Subsample { stride }),
    ]
}

pub(crate) fn leak() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.5, 0.75, 0.9, 0.99, 1.0])
}

pub(crate) fn threshold() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.25, 0.7, 0.75, 1.0, 1.3])
}

/// Neurons that follow the paper's rule, plain ones.
pub(crate) fn gated() -> impl Strategy<Value = Neuron> {
    let trace = prop::sample::select(vec![Trace::AfterDropout, Trace::BeforeDropout]);
    let lif = (leak(), threshold(), trace);
    prop_oneof![
        3 => lif.prop_map(|(leak, threshold, trace)| {
            let lif = Lif { leak, threshold, ..Lif::default() };
            let correction = Some(Correction { leak, trace });
            lif.leak_corrected().with_gradient(Gradient::SpikeGated { threshold, correction })
        }),
        1 => threshold().prop_map(|threshold| PoolIf { threshold }.neuron()),
    ]
}

/// The paper's readout.
pub(crate) fn leak_free() -> impl Strategy<Value = Neuron> {
    (leak(), threshold())
        .prop_map(|(leak, threshold)| LeakyIntegrator { leak, threshold, ..LeakyIntegrator::default() }.leak_free())
}

fn layer(neuron: impl Strategy<Value = Neuron>) -> impl Strategy<Value = Layer> {
    let back = prop_oneof![3 => Just(0), 1 => 0..=3_usize];
    let second = prop::option::of(0..=40_usize);
    let dropout = prop::sample::select(vec![0.0, 0.5, 0.75]);
    (map(), back, second, neuron, dropout).prop_map(|(map, back, second, neuron, dropout)| Layer {
        map,
        back,
        second,
        neuron,
        dropout,
    })
}

/// A network of populations of `neurons` and a last one of `last`, and a trial of it.
pub(crate) fn case(
    neurons: impl Strategy<Value = Neuron>,
    last: impl Strategy<Value = Neuron>,
) -> impl Strategy<Value = Case> {
    let size = (channels(), 1..=9_usize, 1..=9_usize).prop_map(|(c, h, w)| Shape::new(c, h, w));
    let network = (size, prop::collection::vec(layer(neurons), 1..=3), layer(last), 1..=32_u32);
    let steps = prop_oneof![3 => 1..=70_usize, 1 => prop::sample::select(vec![31, 32, 33, 63, 64, 65])];
    let samples = prop_oneof![1 => 1..=2_usize, 1 => 1..=20_usize];
    let sizes = (steps, samples, 0..=3_usize);
    let density = prop::sample::select(vec![0.0, 0.03, 0.2, 0.6, 1.0]);
    let stimulus = prop_oneof![
        2 => (density, any::<bool>()).prop_map(|(density, signed)| Show::Spikes { density, signed }),
        2 => (0.1..2.0_f32, any::<bool>()).prop_map(|(scale, signed)| Show::Poisson { scale, signed }),
        1 => Just(Show::Direct),
        1 => Just(Show::Current),
    ];
    let dropout = prop_oneof![Just(Drop::Off), Just(Drop::Masks), Just(Drop::Drawn)];
    let errors =
        (prop_oneof![Just(OutputErrors::Final), Just(OutputErrors::Some), Just(OutputErrors::All)], any::<bool>());
    let shrink = Just([0, 1, 2]).prop_shuffle();
    (network, sizes, stimulus, dropout, errors, (any::<u64>(), shrink)).prop_map(
        |((input, layers, last, largest), (steps, samples, spare), stimulus, dropout, errors, (seed, shrink))| {
            let (output_errors, emitted_errors) = errors;
            let case = Case {
                input,
                layers,
                last,
                largest,
                steps,
                samples,
                spare,
                stimulus,
                dropout,
                output_errors,
                emitted_errors,
                seed,
                shrink,
            };
            case.within_budget()
        },
    )
}

/// `cases` cases, or as many as `PROPTEST_CASES` says.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases, ..default } }
}
