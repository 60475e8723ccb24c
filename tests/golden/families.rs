//! The networks of the cases, spelled as experiments spell them.

use snn::core::part::Part;
use snn_core::reference::Reference;
use snn_core::{Network, Shape};
use snn_cpu::Cpu;

use crate::{Case, cases, further_folder, number, own_folder, shape};

/// Cases that a family can spell, and how it does.
const SPELLED: [(&str, &str); 4] = [
    ("c3_lenet_small", "LeNet(channels: [4, 8], features: [20])"),
    ("c4_vgg_dropout_small", "Vgg(blocks: [[4, 4], [8, 8], [8, 8, 8]], features: [16])"),
    (
        "c5_resnet_dropout_small",
        "ResNet(
            neuron: Lif(gradient: LeakCorrected(trace: BeforeDropout)),
            stem: 4,
            blocks: [(channels: 6), (channels: 8, stride: 2), (channels: 10), (channels: 10, stride: 2)],
            features: [16],
        )",
    ),
    (
        "c6_leak09_T50",
        "Vgg(
            neuron: Lif(leak: 0.9),
            blocks: [[4, 4]],
            features: [12],
            readout: LeakyIntegrator(leak: 0.9, gradient: LeakFree),
        )",
    ),
];

#[test]
fn families_spell_the_networks_of_the_cases() {
    for (name, text) in SPELLED {
        let own = cases(&own_folder(), |descriptor| descriptor["name"] == name);
        let [case] = &own[..] else { panic!("{} cases are called {name}", own.len()) };
        check(case, text);
    }
}

#[test]
fn populations_spell_the_network_of_every_case() {
    let folders = [own_folder()].into_iter().chain(further_folder());
    for case in folders.flat_map(|folder| cases(&folder, |descriptor| descriptor.get("nodes").is_some())) {
        let network = check(&case, &populations(&case));
        let names = |network: &Network| network.tensors().iter().map(|weight| weight.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&network), names(&case.network()));
    }
}

/// Checks that the family that `text` spells gives the network of the case, and the case with it.
fn check(case: &Case, text: &str) -> Network {
    let registry = snn::registry().unwrap();
    let mut part = Part::parse(text).unwrap();
    let family = registry.families.make(&mut part, &registry).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (input, classes) = (shape(&case.descriptor["input_shape"]), number(&case.descriptor["num_classes"]));
    let network = family.build(input, classes).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(form(&network), form(&case.network()), "{text}");
    case.check_network(&network, &Reference);
    case.check_network(&network, &Cpu::new(2));
    network
}

/// All of a network but its names and dropout, of which cases have masks.
fn form(network: &Network) -> Vec<String> {
    let population = |index: usize| {
        let population = &network.populations()[index];
        let Shape { channels, height, width } = population.shape;
        let neuron = &population.neuron;
        let neuron = format!("{} {} {:?}", neuron.name(), neuron.equations(), neuron.gradient());
        let inputs = population.inputs.iter().map(|input| {
            let weight = input.weight.map(|weight| (weight, network.tensors()[weight].shape.clone()));
            format!("{:?} {:?} {weight:?}", input.sources, input.map)
        });
        format!("{neuron} {channels}x{height}x{width}: {}", inputs.collect::<Vec<_>>().join(" + "))
    };
    (0..network.populations().len()).map(population).collect()
}

/// The network of a case as `Populations`, with the names of the case.
fn populations(case: &Case) -> String {
    let leak = &case.descriptor["leak"];
    let trace = match case.descriptor["mask_order"].as_str().unwrap() {
        "mask_then_trace" => "AfterDropout",
        _ => "BeforeDropout",
    };
    let nodes = case.descriptor["nodes"].as_array().unwrap().iter().map(|node| {
        let threshold = &node["threshold"];
        let neuron = match node["type"].as_str().unwrap() {
            "lif" => format!("Lif(leak: {leak}, threshold: {threshold}, gradient: LeakCorrected(trace: {trace}))"),
            "pool_if" => format!("PoolIf(threshold: {threshold})"),
            _ => format!("LeakyIntegrator(leak: {leak}, divisor: {threshold}, gradient: LeakFree)"),
        };
        let inputs = node["inputs"].as_array().unwrap().iter().map(|input| {
            let (from, weight) = (&input["from"], &input["weight"]);
            let extent = |axis: usize| &case.descriptor["weight_shapes"][weight.as_str().unwrap()][axis];
            match (input["op"].as_str().unwrap(), &input["kernel"], &input["stride"]) {
                ("conv", _, stride) => format!(
                    "Conv(from: {from}, channels: {}, kernel: {}, stride: {stride}, padding: {}, weight: {weight})",
                    extent(0),
                    extent(2),
                    input["padding"]
                ),
                ("linear", ..) => format!("Linear(from: {from}, features: {}, weight: {weight})", extent(0)),
                (_, kernel, stride) if number(kernel) == 1 => format!("Subsample(from: {from}, stride: {stride})"),
                (_, size, _) => format!("AvgPool(from: {from}, size: {size})"),
            }
        });
        let inputs = inputs.collect::<Vec<_>>().join(", ");
        format!("(name: {}, neuron: {neuron}, inputs: [{inputs}])", node["name"])
    });
    format!("Populations(populations: [{}])", nodes.collect::<Vec<_>>().join(", "))
}
