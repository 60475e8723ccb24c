//! Networks that are written down and built again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::surrogate::Atan;
use snn_core::{Conv, Gradient, Map, Network, Neuron, Norm, Pool, Population, Projection, Shape, Source};
use snn_models::{Experiment, presets, to_part};

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap().with(snn_data::plugin).unwrap().with(snn_models::plugin).unwrap()
}

fn build(part: &Part, input: Shape, classes: usize) -> Network {
    let registry = registry();
    let family = registry.families.make(&mut part.clone(), &registry).unwrap_or_else(|error| panic!("{part}: {error}"));
    family.build(input, classes).unwrap_or_else(|error| panic!("{part}: {error}"))
}

/// All that a population does, in words.
fn told(population: &Population) -> String {
    let Population { name, shape, neuron, parameters, dropout, inputs } = population;
    let inputs: Vec<String> = inputs
        .iter()
        .map(|p| {
            let by = (p.weight, p.bias, p.norm);
            // A mean of a current that is a source's is a map of that source.
            let (map, pool) = match (p.map, p.pool) {
                (Map::IDENTITY, Some(pool)) if pool == Pool::mean(pool.size).with_stride(pool.stride) => {
                    (Map::AvgPool { size: pool.size, stride: pool.stride }, None)
                }
                both => both,
            };
            format!("{:?} {:?} {map:?} {pool:?} {by:?}", p.sources, p.join)
        })
        .collect();
    format!("{name} {shape} {} {:?} {parameters:?} {dropout} {inputs:?}", neuron.equations(), neuron.gradient())
}

fn check(name: &str, network: &Network) {
    let part = to_part(network).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = build(&part, network.input(), network.classes());
    let all = |network: &Network| network.populations().iter().map(told).collect::<Vec<String>>();
    assert_eq!(all(&again), all(network), "{name}: {part}");
    assert_eq!((again.tensors(), again.graph()), (network.tensors(), network.graph()), "{name}: {part}");
    if network.parameters() < 200_000 {
        assert_eq!(again.initial_weights(1), network.initial_weights(1), "{name}");
    }
}

#[test]
fn the_networks_of_all_presets_are_the_same_once_written_down() {
    let registry = registry();
    let changes: [&[(&str, &str)]; 4] = [
        &[],
        &[("network.bias", "true"), ("network.standardise", "true")],
        &[("network.neuron", "Plif(gradient: Atan, per: Channel, learn_threshold: true)"), ("network.dropout", "0.1")],
        &[("network.neuron", "Lif(gradient: Boxcar)"), ("network.norm", "BatchNorm(group: 4, scale: 0.5)")],
    ];
    let mut tried = 0;
    for preset in presets::all() {
        for overrides in changes {
            let experiment = Experiment::from_ron(preset.text, &preset.file_name(), overrides, &registry);
            let Ok(built) = experiment.and_then(|experiment| experiment.build(&registry)) else { continue };
            check(preset.name, &built.network);
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn residual_networks_of_every_kind_are_the_same_once_written_down() {
    for shortcut in ["Conv", "SewAdd", "SewAnd", "SewAndNot", "Membrane"] {
        // Numbers cannot be joined.
        let all = ["Neurons", "Max", "CurrentMax", "CurrentMean", "Mean"];
        for pooling in &all[..if shortcut.starts_with("SewAnd") { 4 } else { 5 }] {
            let text = format!(
                "ResNet(stem: 4, blocks: [(channels: 4), (channels: 8, stride: 2)], shortcut: {shortcut}, pooling: \
                 {pooling}, neuron: Lif(gradient: Atan), norm: BatchNorm(group: 4), features: [])"
            );
            let network = build(&Part::parse(&text).unwrap(), Shape::new(3, 16, 16), 10);
            check(&text, &network);
        }
    }
}

#[test]
fn a_network_that_was_built_in_rust_is_the_same_once_written_down() {
    let lif = || Neuron::lif().with_gradient(Gradient::surrogate(Atan { alpha: 3.0 }));
    let mut builder = Network::builder(Shape::new(2, 9, 9));
    builder.kappa(3.0).unwrap();
    let conv: Map = Conv::new(4, [3, 2]).stride([2, 1]).padding([1, 0]).dilation([1, 2]).groups(2).into();
    let staged = Projection::new(Source::Input, conv).with_pool(Pool::max(3).with_stride(1)).with_norm(Norm::new(2));
    let a = builder.add_with_dropout("a", lif(), 0.25, vec![staged]).unwrap();
    let pooled = Projection::new(a, Map::IDENTITY).with_pool(Pool::mean(2).with_stride(1));
    let b = builder.add("b", lif(), vec![pooled, Projection::new(builder.recurrent_source(), Map::IDENTITY)]).unwrap();
    let same = Map::conv(3, [1, 1], 1, 0);
    let shared = vec![
        Projection::new(b, same).with_bias(),
        Projection::new(vec![b, b], same).named("c"),
        Projection::new(builder.recurrent_source(), same),
        Projection::and_not(b, b).with_pool(Pool::max(1)),
    ];
    let error = builder.clone().add("c", lif(), shared.clone()).unwrap_err().to_string();
    assert!(error.contains("its inputs differ in shape"), "{error}");
    let c = builder.add("c", lif(), shared[..3].to_vec()).unwrap();
    let joined = Projection::and_not(c, c).with_pool(Pool::max(2));
    let d = builder.add("d", lif(), vec![joined]).unwrap();
    builder.add("out", Neuron::readout(), vec![Projection::new(d, Map::Linear { features: 3 })]).unwrap();
    check("by hand", &builder.build().unwrap());
}

#[test]
fn what_a_file_cannot_say_is_told() {
    let atan = || Gradient::surrogate(Atan::default());
    let own = Neuron::new("Own", snn_core::neuron::Lif::default(), atan());
    let linear = |source| vec![Projection::new(source, Map::Linear { features: 3 })];
    let message = |name: &str, neuron: Neuron, input: Projection| {
        let mut builder = Network::builder(Shape::new(1, 4, 4));
        let hidden = builder.add(name, neuron, vec![input]).unwrap();
        builder.add("out", Neuron::readout(), linear(hidden)).unwrap();
        to_part(&builder.build().unwrap()).unwrap_err().to_string()
    };
    let input = || Projection::new(Source::Input, Map::IDENTITY);
    assert_eq!(
        message("a", own, input()),
        "population \"a\": a file has no word for its neuron, Own; make it by a registry, or give it one by Neuron::with_part"
    );
    assert_eq!(
        message("a b", Neuron::lif(), input()),
        "population \"a b\": a file names populations by letters, digits and _, and none of them \"input\""
    );
    assert_eq!(
        message("a", Neuron::lif(), input().with_bias()),
        "population \"a\": a file adds a bias to convolutions and linear maps alone"
    );
    assert_eq!(
        message("a", Neuron::lif(), Projection::new(Source::Input, Map::conv(1, [1, 1], 1, 0)).named("first weight")),
        "population \"a\": a file names weights by letters, digits, _ and ., found \"first weight\""
    );
    let pooled = Projection::new(Source::Input, Map::Subsample { stride: 2 }).with_pool(Pool::max(2));
    assert_eq!(
        message("a", Neuron::lif(), pooled),
        "population \"a\": a file pools the currents of convolutions and of single sources alone"
    );
}
