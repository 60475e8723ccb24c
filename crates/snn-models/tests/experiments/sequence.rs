//! Layers one after the other become a network.

use snn_core::{Network, Source};
use snn_models::{ExperimentError, presets, summary::Summary, summary::SummaryRow};

use crate::{lenet, registry};

fn network(overrides: &[(&str, &str)]) -> Result<Network, ExperimentError> {
    Ok(lenet(overrides)?.build(&registry())?.network)
}

fn table(network: &Network) -> String {
    let summary = Summary::new(network);
    let lines = summary.rows.iter().map(|row| {
        let SummaryRow { name, maps, neuron, shape, weights, neurons, parameters, fan_in, dense_operations } = row;
        let maps = maps.join(" + ");
        format!(
            "{name} | {maps} | {neuron} {shape} {neurons} | {weights:?} {parameters} | {fan_in} | {dense_operations}\n"
        )
    });
    let Summary { input, neurons, parameters, dense_operations, .. } = summary;
    lines.collect::<String>() + &format!("{input} -> {neurons} | {parameters} | {dense_operations}")
}

#[test]
fn lenet_has_5_784_000_dense_operations_a_step() {
    let lenet = network(&[]).unwrap();
    insta::assert_snapshot!(table(&lenet), @"
    conv1 | conv 5x5, pad 2 | Lif 20x28x28 15680 | [[20, 1, 5, 5]] 500 | 25 | 392000
    pool1 | mean 2x2 | PoolIf 20x14x14 3920 | [] 0 | 0 | 0
    conv2 | conv 5x5, pad 2 | Lif 50x14x14 9800 | [[50, 20, 5, 5]] 25000 | 500 | 4900000
    pool2 | mean 2x2 | PoolIf 50x7x7 2450 | [] 0 | 0 | 0
    fc1 | linear | Lif 200 200 | [[200, 2450]] 490000 | 2450 | 490000
    readout | linear | LeakyIntegrator 10 10 | [[10, 200]] 2000 | 200 | 2000
    1x28x28 -> 32060 | 517500 | 5784000
    ");
    let paper = presets::find("mnist-lenet-paper").unwrap();
    let paper = snn_models::Experiment::from_ron(paper.text, "", &[], &registry()).unwrap();
    assert_eq!(table(&paper.build(&registry()).unwrap().network), table(&lenet));
}

#[test]
fn a_recurrent_layer_feeds_itself_through_a_weight_of_its_own() {
    let network = network(&[("network.layers[0].recurrent", "true"), ("network.layers[4].recurrent", "true")]).unwrap();
    insta::assert_snapshot!(table(&network), @"
    conv1 | conv 5x5, pad 2 + conv 5x5, pad 2, from itself | Lif 20x28x28 15680 | [[20, 1, 5, 5], [20, 20, 5, 5]] 10500 | 525 | 8232000
    pool1 | mean 2x2 | PoolIf 20x14x14 3920 | [] 0 | 0 | 0
    conv2 | conv 5x5, pad 2 | Lif 50x14x14 9800 | [[50, 20, 5, 5]] 25000 | 500 | 4900000
    pool2 | mean 2x2 | PoolIf 50x7x7 2450 | [] 0 | 0 | 0
    fc1 | linear + linear, from itself | Lif 200 200 | [[200, 2450], [200, 200]] 530000 | 2650 | 530000
    readout | linear | LeakyIntegrator 10 10 | [[10, 200]] 2000 | 200 | 2000
    1x28x28 -> 32060 | 567500 | 13664000
    ");
    let names: Vec<&str> = network.tensors().iter().map(|weight| weight.name.as_str()).collect();
    assert_eq!(names, ["conv1", "conv1.recurrent", "conv2", "fc1", "fc1.recurrent", "readout"]);
    assert!(network.graph().is_recurrent(0));
}

#[test]
fn a_recurrent_layer_with_a_stride_keeps_its_own_shape() {
    let layer = "Conv(channels: 4, kernel: 3, stride: 2, padding: 1, recurrent: true)";
    let network = network(&[("network.layers", &format!("[{layer}, Readout(classes: 10)]"))]).unwrap();
    assert_eq!(network.populations()[0].shape, snn_core::Shape::new(4, 14, 14));
}

#[test]
fn populations_are_numbered_by_kind() {
    let network = network(&[]).unwrap();
    let names: Vec<&str> = network.populations().iter().map(|population| population.name.as_str()).collect();
    assert_eq!(names, ["conv1", "pool1", "conv2", "pool2", "fc1", "readout"]);
    assert_eq!(network.populations()[4].inputs[0].sources, [Source::Population(3)]);
    assert_eq!(network.tensors()[2].shape, [200, 2450]);
}

#[test]
fn dropout_is_for_conv_and_linear_layers() {
    let network = network(&[("network.dropout", "0.25")]).unwrap();
    let dropout: Vec<f32> = network.populations().iter().map(|population| population.dropout).collect();
    assert_eq!(dropout, [0.25, 0.0, 0.25, 0.0, 0.25, 0.0]);
}

#[test]
fn a_layer_has_its_own_neuron_if_it_names_one() {
    let own = [("network.layers[2].neuron", "Lif(leak: 0.5)"), ("network.layers[5].neuron", "If(threshold: 2.0)")];
    let network = network(&own).unwrap();
    let plain = |population: &snn_core::Population| population.neuron.as_plain_lif().unwrap();
    let leaks: Vec<f32> = network.populations().iter().map(|population| plain(population).leak).collect();
    assert_eq!(leaks, [0.99, 1.0, 0.5, 1.0, 0.99, 1.0]);
    let readout = &network.populations()[5];
    assert!(readout.neuron.fires() && plain(readout).threshold == 2.0, "a readout may fire");
}

#[test]
fn initial_weights_have_variance_kappa_over_fan_in() {
    let network = network(&[("network.kappa", "3.0")]).unwrap();
    let weights = network.initial_weights(1);
    network.check_weights(&weights).unwrap();
    let variance = weights[2].iter().map(|w| f64::from(w * w)).sum::<f64>() / weights[2].len() as f64;
    assert!((variance * 2450.0 / 3.0 - 1.0).abs() < 0.01, "{variance}");
    assert_ne!(weights[0][0], network.initial_weights(2)[0][0]);
}

#[test]
fn a_layer_that_does_not_fit_is_named() {
    insta::assert_snapshot!(network(&[("network.layers[1].size", "20")]).unwrap_err(), @"
    network.layers[3]: pool2: input 50: height 1 with padding 0 is smaller than the window of 2
      --> mnist-lenet.ron:14:56
       |
    14 |             Conv(channels: 50, kernel: 5, padding: 2), AvgPool(size: 2),    // 14x14 ->  7x7
       |                                                        ^^^^^^^^^^^^^^^^
       |
       = with the override network.layers[1].size=20
    ");
    let large = [("network.layers[4].features", "60000"), ("network.layers[2].channels", "2000")];
    insta::assert_snapshot!(network(&large).unwrap_err(), @"
    network.layers[4]: fc1: 5880000000 weights are more than 2147483648
     |
     = in the override network.layers[4].features=60000
    ");
    let wide = [("network.layers[4]", "Linear(features: 65000, recurrent: true)")];
    insta::assert_snapshot!(network(&wide).unwrap_err(), @"
    network.layers[4]: fc1: 4225000000 weights are more than 2147483648
     |
     = in the override network.layers[4]=Linear(features: 65000, recurrent: true)
    ");
}
