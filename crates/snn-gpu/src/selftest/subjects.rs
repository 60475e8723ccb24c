//! The subjects of the checks: every registered name that has kernels of its own, and every way of connecting
//! populations.

use snn_core::neuron::{LeakyIntegrator, Lif, Per, Plif, Relay};
use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{Conv, Error, Gradient, Join, Map, Network, Neuron, Norm, Pool, Projection, Shape, Source};

use super::case::{SelftestCase, Show};

/// One subject of a check.
#[derive(Debug, Clone)]
pub struct SelftestSubject {
    /// The kind of subject, such as `neuron`.
    pub kind: &'static str,
    /// The name of the subject.
    pub name: String,
    pub(super) case: SelftestCase,
    /// Maximum number of samples that run at the same time.
    pub(super) group: Option<usize>,
}

/// Returns all subjects, with the neurons and surrogates in `registry`.
///
/// # Errors
/// Errors of networks and names, if a plug-in's neuron cannot be made without fields.
pub fn subjects(registry: &Registry) -> Result<Vec<SelftestSubject>, Error> {
    let mut subjects = Vec::new();
    let mut add = |kind, name: &str, case: SelftestCase| {
        subjects.push(SelftestSubject { kind, name: name.to_owned(), case, group: None });
    };
    let names: Vec<&str> = registry.neurons.names().collect();
    for name in names {
        let neuron = registry.neurons.make(&mut Part::new(name), registry).map_err(|error| told(&error))?;
        add("neuron", name, SelftestCase::new(flat(neuron, 0.0)?));
    }
    for name in registry.surrogates.names() {
        let surrogate = registry.surrogates.make(&mut Part::new(name), registry).map_err(|error| told(&error))?;
        add(
            "surrogate",
            name,
            SelftestCase::new(flat(lif(Gradient::Surrogate { surrogate, detach_reset: false }), 0.0)?),
        );
    }
    let surrogate = snn_core::Surrogate::new(snn_core::surrogate::Atan::default());
    let spiking = |detach_reset| lif(Gradient::Surrogate { surrogate: surrogate.clone(), detach_reset });
    add("gradient", "detached from the reset", SelftestCase::new(flat(spiking(true), 0.0)?));
    let emitted = SelftestCase { emitted: true, ..SelftestCase::new(flat(spiking(false), 0.0)?) };
    add("gradient", "of spike counts", emitted.clone());
    add(
        "gradient",
        "of spike counts, leak-corrected",
        SelftestCase { network: flat(Neuron::lif(), 0.5)?, dropout: true, ..emitted },
    );
    for (name, per) in [("of each channel", Per::Channel), ("of each neuron", Per::Neuron)] {
        let plif = Plif { learn_threshold: true, per, ..Plif::default() };
        let neuron =
            Neuron::new("Plif", plif, Gradient::Surrogate { surrogate: surrogate.clone(), detach_reset: false });
        add("trained constants", name, SelftestCase::new(deep(&neuron, Map::AvgPool { size: 2, stride: 2 }, None)?));
    }
    for (name, map) in maps() {
        add("map", name, SelftestCase::new(deep(&spiking(false), map, None)?));
    }
    for (name, neuron) in [("surrogate gradients", spiking(false)), ("the paper's rule", Neuron::lif())] {
        add("bias, summed sources, shared weight", name, SelftestCase::new(joined(&neuron)?));
    }
    for (name, stage) in stages() {
        let network = staged(&spiking(false), stage)?;
        add("stage", name, SelftestCase { dropout: stage == StageSubject::Norm, ..SelftestCase::new(network) });
    }
    let conv = Map::conv(4, [3, 3], 1, 1);
    for (name, own) in [("convolution", conv), ("linear", Map::Linear { features: 4 })] {
        let first = if name == "linear" { own } else { Map::Subsample { stride: 1 } };
        add("recurrence", name, SelftestCase::new(deep(&spiking(false), first, Some(own))?));
    }
    add("dropout", "drawn", SelftestCase { dropout: true, ..SelftestCase::new(flat(spiking(false), 0.5)?) });
    for (name, show) in [("Poisson", Show::Poisson), ("Direct", Show::Direct)] {
        add("encoder", name, SelftestCase { show, ..SelftestCase::new(flat(spiking(false), 0.0)?) });
    }
    let own = Some(conv);
    let recurrent = SelftestCase::new(deep(&spiking(false), Map::Subsample { stride: 1 }, own)?);
    add("trial", "that goes on", SelftestCase { stream: true, ..recurrent });
    let mut in_groups = |name: &str, case: SelftestCase| {
        subjects.push(SelftestSubject { kind: "trial", name: name.to_owned(), case, group: Some(2) });
    };
    in_groups("in groups of samples", SelftestCase { dropout: true, ..SelftestCase::new(flat(spiking(false), 0.5)?) });
    in_groups("normalised, in groups of samples", SelftestCase::new(staged(&spiking(false), StageSubject::Norm)?));
    Ok(subjects)
}

/// What the tested projection does besides its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StageSubject {
    Norm,
    Max,
    Mean,
    MaxAndNorm,
    Join(Join),
    MaxOfSpikes,
}

fn stages() -> Vec<(&'static str, StageSubject)> {
    let mut stages = vec![
        ("normalisation", StageSubject::Norm),
        ("pool of a current, largest", StageSubject::Max),
        ("pool of a current, mean", StageSubject::Mean),
        ("normalisation behind a pool", StageSubject::MaxAndNorm),
        ("pool of spikes, largest", StageSubject::MaxOfSpikes),
    ];
    stages.extend(Join::OF_TWO.map(|join| (join.name(), StageSubject::Join(join))));
    stages
}

fn maps() -> [(&'static str, Map); 8] {
    let conv = |kernel, stride, padding| Map::conv(5, kernel, stride, padding);
    [
        ("convolution", conv([3, 3], 1, 1)),
        ("convolution with a stride", conv([3, 2], 2, 1)),
        ("convolution, dilated, other strides by axis", Conv::new(5, [2, 3]).dilation([2, 1]).stride([1, 2]).into()),
        ("convolution, depthwise", Conv::new(4, [3, 3]).padding([1, 1]).groups(4).into()),
        ("linear", Map::Linear { features: 20 }),
        ("average pool", Map::AvgPool { size: 2, stride: 2 }),
        ("average pool that overlaps", Map::AvgPool { size: 3, stride: 2 }),
        ("subsample", Map::Subsample { stride: 2 }),
    ]
}

fn lif(gradient: Gradient) -> Neuron {
    Neuron::new("Lif", Lif { leak: 0.9, threshold: 0.7, ..Lif::default() }, gradient)
}

fn readout() -> Neuron {
    LeakyIntegrator { leak: 0.95, ..LeakyIntegrator::default() }.neuron()
}

/// A network with one hidden population of `neuron` and a readout. If `neuron` can only be the readout, it is the
/// readout.
fn flat(neuron: Neuron, dropout: f32) -> Result<Network, Error> {
    let mut builder = Network::builder(Shape::features(18));
    let input = vec![Projection::new(Source::Input, Map::Linear { features: 24 })];
    let surrogate = snn_core::Surrogate::new(snn_core::surrogate::Atan::default());
    let (hidden, last) = if neuron.is_readout() {
        (lif(Gradient::Surrogate { surrogate, detach_reset: false }), neuron)
    } else {
        (neuron, readout())
    };
    let hidden = builder.add_with_dropout("hidden", hidden, dropout, input)?;
    builder.add("readout", last, vec![Projection::new(hidden, Map::Linear { features: 4 })])?;
    builder.build()
}

/// A network with two hidden populations of `neuron`. The second is fed by `map` and, if given, by its own spikes
/// through `own`.
fn deep(neuron: &Neuron, map: Map, own: Option<Map>) -> Result<Network, Error> {
    let mut builder = Network::builder(Shape::new(2, 6, 6));
    let conv = Map::conv(4, [3, 3], 1, 0);
    let first = builder.add("first", neuron.clone(), vec![Projection::new(Source::Input, conv)])?;
    let itself = builder.recurrent_source();
    let own = own.map(|own| Projection::new(itself, own));
    let inputs = [Projection::new(first, map)].into_iter().chain(own).collect();
    let second = builder.add("second", neuron.clone(), inputs)?;
    builder.add("readout", readout(), vec![Projection::new(second, Map::Linear { features: 4 })])?;
    builder.build()
}

/// A network of populations with biases. One population reads the sum of two others, and reads the last of them again
/// through the same weight.
fn joined(neuron: &Neuron) -> Result<Network, Error> {
    let mut builder = Network::builder(Shape::new(2, 6, 6));
    let conv = |channels| Map::conv(channels, [3, 3], 1, 1);
    let input = vec![Projection::new(Source::Input, conv(4)).with_bias()];
    let first = builder.add("first", neuron.clone(), input)?;
    let second = builder.add("second", neuron.clone(), vec![Projection::new(first, conv(4)).with_bias()])?;
    let sum = Projection::new(vec![first, second], conv(3)).named("joined").with_bias();
    let joined = builder.add("joined", neuron.clone(), vec![sum, Projection::new(second, conv(3)).named("joined")])?;
    builder.add("readout", readout(), vec![Projection::new(joined, Map::Linear { features: 4 }).with_bias()])?;
    builder.build()
}

/// A network with two hidden populations of `neuron`, and a third population that reads them through `stage`.
fn staged(neuron: &Neuron, stage: StageSubject) -> Result<Network, Error> {
    let mut builder = Network::builder(Shape::new(2, 6, 6));
    let conv = Map::conv(4, [3, 3], 1, 1);
    let first = vec![Projection::new(Source::Input, conv)];
    let first = builder.add_with_dropout("first", neuron.clone(), 0.25, first)?;
    let second = builder.add("second", neuron.clone(), vec![Projection::new(first, conv)])?;
    let mapped = Projection::new(second, conv);
    let input = match stage {
        StageSubject::Norm => mapped.with_norm(Norm::new(2)),
        StageSubject::Max => mapped.with_pool(Pool::max(2)),
        StageSubject::Mean => mapped.with_pool(Pool::mean(2)),
        StageSubject::MaxAndNorm => mapped.with_pool(Pool::max(3).with_stride(2)).with_norm(Norm::new(2)),
        StageSubject::Join(join) => Projection::joined(join, first, second),
        StageSubject::MaxOfSpikes => Projection::new(second, Map::IDENTITY).with_pool(Pool::max(2)),
    };
    let is_of_spikes = matches!(stage, StageSubject::Join(_) | StageSubject::MaxOfSpikes);
    let neuron = if is_of_spikes { Relay {}.neuron() } else { neuron.clone() };
    let third = builder.add("third", neuron, vec![input])?;
    builder.add("readout", readout(), vec![Projection::new(third, Map::Linear { features: 4 })])?;
    builder.build()
}

fn told(error: &snn_core::part::PartError) -> Error {
    Error::Network(error.to_string())
}
