//! Proptest strategies for random networks and trials.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::map::{Conv, Map};
use crate::network::Join;
use crate::neuron::{Correction, LeakyIntegrator, Lif, PoolIf};
use crate::neuron::{Gradient, Neuron, Trace};
use crate::part::Part;
use crate::pool::{Pool, PoolKind};
use crate::registry::Registry;
use crate::shape::Shape;
use proptest::prelude::*;

use super::{DropoutCase, EngineCase, InputCase, LayerCase, OutputErrors, StagesCase};

fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 1..=8_usize, 2 => 9..=70_usize, 1 => prop::sample::select(vec![16, 17, 32, 33, 48, 49, 64, 65])]
}

fn map() -> impl Strategy<Value = Map> {
    let conv = (channels(), [1..=5_usize, 1..=5], 1..=3_usize, 0..=2_usize);
    // Strides, paddings and dilations that differ by axis; groups are used if they divide the channels.
    let uneven = (
        channels(),
        [1..=4_usize, 1..=4],
        [1..=3_usize, 1..=3],
        [0..=2_usize, 0..=2],
        [1..=3_usize, 1..=3],
        1..=4_usize,
    );
    prop_oneof![
        5 => conv.prop_map(|(channels, kernel, stride, padding)| Map::conv(channels, kernel, stride, padding)),
        3 => uneven.prop_map(|(channels, kernel, stride, padding, dilation, groups)| {
            Conv::new(channels, kernel).stride(stride).padding(padding).dilation(dilation).groups(groups).into()
        }),
        2 => channels().prop_map(|features| Map::Linear { features }),
        2 => (1..=3_usize, 1..=3_usize).prop_map(|(size, stride)| Map::AvgPool { size, stride }),
        1 => (1..=3_usize).prop_map(|stride| Map::Subsample { stride }),
    ]
}

/// Common leaks.
pub fn leak() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.5, 0.75, 0.9, 0.99, 1.0])
}

/// Common thresholds.
pub fn threshold() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.25, 0.7, 0.75, 1.0, 1.3])
}

/// Leaky integrate-and-fire and pooling neurons with the paper's rule.
pub fn spike_gated() -> impl Strategy<Value = Neuron> {
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
pub fn leak_free() -> impl Strategy<Value = Neuron> {
    (leak(), threshold()).prop_map(|(leak, threshold)| {
        LeakyIntegrator { leak, divisor: threshold, ..LeakyIntegrator::default() }.leak_free()
    })
}

/// Constants of neurons as a file spells them: leak, threshold, reset and surrogate.
fn constants() -> impl Strategy<Value = (f32, f32, &'static str, &'static str)> {
    let reset = prop::sample::select(vec!["Hard()", "Hard(to: -0.25)", "Soft", "None"]);
    let surrogate = prop::sample::select(vec![
        "Atan",
        "Sigmoid(alpha: 2.0)",
        "Triangular",
        "Boxcar",
        "FastSigmoid",
        "Gaussian",
        "StraightThrough",
    ]);
    (leak(), threshold(), reset, surrogate)
}

/// The neuron that `text` names.
fn named(text: &str) -> Neuron {
    let registry = Registry::new().with(crate::builtin::plugin).unwrap();
    let mut part = Part::parse(text).unwrap();
    registry.neurons.make(&mut part, &registry).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Firing neurons of every kind.
pub fn firing() -> impl Strategy<Value = Neuron> {
    let common = |(_, threshold, reset, surrogate): (f32, f32, &str, &str), detach: bool| {
        format!("threshold: {threshold}, reset: {reset}, gradient: {surrogate}, detach_reset: {detach}")
    };
    let kind = prop::sample::select(vec![
        "Lif(leak: 0.9, decay_input: true, ",
        "Lif(leak: LEAK, ",
        "Lif(leak: LEAK, ",
        "If(",
        "Plif(leak: 0.75, ",
        "Plif(leak: 0.5, decay_input: true, ",
        "Plif(leak: 0.75, learn_threshold: true, per: Channel, ",
        "Lif(leak: LEAK, learn_threshold: true, per: Neuron, ",
        "CubaLif(leak: LEAK, synapse_leak: 0.5, ",
        "Alif(leak: LEAK, adaptation: 0.5, adaptation_leak: 0.75, ",
        "Alif(leak: LEAK, learn_threshold: true, per: Channel, ",
        "Qif(",
        "Eif(",
    ]);
    let named = (kind, constants(), any::<bool>()).prop_map(move |(kind, constants, detach)| {
        named(&format!("{}{})", kind.replace("LEAK", &constants.0.to_string()), common(constants, detach)))
    });
    prop_oneof![8 => named, 1 => Just("Izhikevich").prop_map(self::named), 2 => spike_gated()]
}

/// Neurons of every kind that other populations can read, with spikes or numbers.
pub fn feeding() -> impl Strategy<Value = Neuron> {
    let plain = prop::sample::select(vec!["Relay", "Identity", "Relu"]).prop_map(named);
    prop_oneof![4 => firing(), 2 => plain]
}

/// Operations of a projection besides its map.
fn stages() -> impl Strategy<Value = StagesCase> {
    let kind = prop::sample::select(vec![PoolKind::Max, PoolKind::Mean]);
    let pool =
        (kind, 1..=3_usize, 1..=3_usize).prop_map(|(kind, size, stride)| Pool::new(kind, size).with_stride(stride));
    let join = (prop::sample::select(Join::OF_TWO.to_vec()), 0..=40_usize);
    (prop::option::weighted(0.4, pool), any::<bool>(), prop::option::weighted(0.3, join))
        .prop_map(|(pool, is_normalised, join)| StagesCase { pool, is_normalised, join })
}

/// Layers that also join, pool and normalise.
pub fn staged(layer: impl Strategy<Value = LayerCase>) -> impl Strategy<Value = LayerCase> {
    (layer, stages()).prop_map(|(layer, stages)| LayerCase { stages, ..layer })
}

/// Layers that also join and pool, for comparing streams. Normalisations are excluded, because they are folded into
/// weights on only one side of that comparison.
pub fn pooled(layer: impl Strategy<Value = LayerCase>) -> impl Strategy<Value = LayerCase> {
    staged(layer).prop_map(|layer| {
        let stages = StagesCase { is_normalised: false, ..layer.stages };
        LayerCase { stages, ..layer }
    })
}

/// Neurons of the last population: all kinds that do not fire, and some that do.
pub fn last() -> impl Strategy<Value = Neuron> {
    let integrator = (leak(), threshold(), any::<bool>()).prop_map(|(leak, threshold, decay_input)| {
        LeakyIntegrator { leak, divisor: threshold, decay_input, ..LeakyIntegrator::default() }.neuron()
    });
    prop_oneof![integrator, Just("CubaIntegrator(leak: 0.9, synapse_leak: 0.5)").prop_map(named), leak_free(), firing()]
}

/// Layers without recurrent projections.
pub fn feed_forward(neuron: impl Strategy<Value = Neuron>) -> impl Strategy<Value = LayerCase> {
    layer(neuron).prop_map(|layer| LayerCase { own: None, ..layer })
}

/// Layers of every kind, without joins, pools of a current and normalisations.
pub fn layer(neuron: impl Strategy<Value = Neuron>) -> impl Strategy<Value = LayerCase> {
    let back = prop_oneof![3 => Just(0), 1 => 0..=3_usize];
    let second = prop::option::of(0..=40_usize);
    let own = prop::option::weighted(0.3, 0..=40_usize);
    let dropout = prop::sample::select(vec![0.0, 0.5, 0.75]);
    let also = prop::option::weighted(0.3, (0..=40_usize, any::<bool>()));
    let plain = (map(), back, second, neuron, own, dropout);
    (plain, any::<bool>(), also).prop_map(|((map, back, second, neuron, own, dropout), bias, also)| LayerCase {
        map,
        back,
        bias,
        also,
        second,
        stages: StagesCase::default(),
        neuron,
        own,
        dropout,
    })
}

/// Strategy for a case: a network of one to three `layers` and the layer `last`, and a trial.
pub fn case(
    layers: impl Strategy<Value = LayerCase>,
    last: impl Strategy<Value = LayerCase>,
) -> impl Strategy<Value = EngineCase> {
    let size = (channels(), 1..=9_usize, 1..=9_usize).prop_map(|(c, h, w)| Shape::new(c, h, w));
    let network = (size, prop::collection::vec(layers, 1..=3), last, 1..=32_u32);
    let steps = prop_oneof![3 => 1..=70_usize, 1 => prop::sample::select(vec![31, 32, 33, 63, 64, 65])];
    let samples = prop_oneof![1 => 1..=2_usize, 1 => 1..=20_usize];
    let sizes = (steps, samples, 0..=3_usize);
    let density = prop::sample::select(vec![0.0, 0.03, 0.2, 0.6, 1.0]);
    let stimulus = prop_oneof![
        2 => (density, any::<bool>()).prop_map(|(density, signed)| InputCase::Spikes { density, signed }),
        2 => (0.1..2.0_f32, any::<bool>()).prop_map(|(scale, signed)| InputCase::Poisson { scale, signed }),
        1 => Just(InputCase::Direct),
        1 => Just(InputCase::Current),
        1 => Just(InputCase::Numbers),
    ];
    let dropout = prop_oneof![Just(DropoutCase::Off), Just(DropoutCase::Masks), Just(DropoutCase::Drawn)];
    let errors =
        (prop_oneof![Just(OutputErrors::Final), Just(OutputErrors::Some), Just(OutputErrors::All)], any::<bool>());
    let shrink = Just([0, 1, 2]).prop_shuffle();
    let frozen = prop_oneof![2 => Just(0), 1 => any::<u32>(), 1 => Just(7)];
    (network, sizes, stimulus, dropout, errors, (any::<u64>(), shrink, frozen, 1..=8_usize)).prop_map(
        |(
            (input, layers, last, largest),
            (steps, samples, spare),
            stimulus,
            dropout,
            errors,
            (seed, shrink, frozen, group),
        )| {
            let (output_errors, emitted_errors) = errors;
            let case = EngineCase {
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
                chunk: None,
                seed,
                shrink,
                frozen,
                group,
            };
            case.within_budget()
        },
    )
}

/// Configuration for `cases` cases, or for as many as `PROPTEST_CASES` says.
pub fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases, ..default } }
}
