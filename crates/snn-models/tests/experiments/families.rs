//! `LeNet`, `Vgg` and `ResNet` become networks, and wrong values are refused where they stand.

use snn_core::{Network, Source};
use snn_models::{ExperimentError, summary::Summary};

use crate::{abridged, lenet, registry};

pub(crate) fn network(text: &str) -> Result<Network, ExperimentError> {
    Ok(lenet(&[("network", text)])?.build(&registry())?.network)
}

/// Name, maps and shape of each population, and the names of its weights.
pub(crate) fn table(network: &Network) -> String {
    let rows = Summary::new(network).rows.into_iter().zip(network.populations()).map(|(row, population)| {
        let weights = population.inputs.iter().filter_map(|input| input.weight);
        let names: Vec<&str> = weights.map(|weight| network.tensors()[weight].name.as_str()).collect();
        format!(
            "{} | {} | {} | {} | {}\n",
            row.name,
            row.maps.join(" + "),
            row.shape,
            names.join(" + "),
            population.dropout
        )
    });
    rows.collect()
}

/// The first line of the message for each of `texts`, which must not be networks.
pub(crate) fn errors(texts: &[&str]) -> String {
    let lines = texts.iter().map(|text| {
        let error = network(text).expect_err(text).to_string();
        error.lines().next().unwrap_or_default().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn lenet_is_the_sequence_of_the_same_layers() {
    let sequence = lenet(&[]).unwrap().build(&registry()).unwrap().network;
    let family = network("LeNet").unwrap();
    assert_eq!(table(&family), table(&sequence));
    assert_eq!(family.tensors(), sequence.tensors());
    assert_eq!(family.initial_weights(1), sequence.initial_weights(1));
}

#[test]
fn vgg_numbers_convolutions_by_block() {
    let vgg = network("Vgg(kernel: 5, blocks: [[4, 5], [6]], features: [8, 7])").unwrap();
    insta::assert_snapshot!(table(&vgg), @"
    conv1_1 | conv 5x5, pad 2 | 4x28x28 | conv1_1 | 0.2
    conv1_2 | conv 5x5, pad 2 | 5x28x28 | conv1_2 | 0.2
    pool1 | mean 2x2 | 5x14x14 |  | 0
    conv2_1 | conv 5x5, pad 2 | 6x14x14 | conv2_1 | 0.2
    pool2 | mean 2x2 | 6x7x7 |  | 0
    fc1 | linear | 8 | fc1 | 0.2
    fc2 | linear | 7 | fc2 | 0.2
    readout | linear | 10 | readout | 0
    ");
    let bare = network("Vgg(blocks: [[4]], features: [])").unwrap();
    assert_eq!(bare.tensors()[1].shape, [10, 4 * 14 * 14], "a network may have no linear layer but the readout");
}

#[test]
fn a_residual_block_sums_its_second_convolution_and_the_shortcut() {
    let blocks = "blocks: [(channels: 4), (channels: 6, stride: 2), (channels: 6), (channels: 6, stride: 3)]";
    let resnet = network(&format!("ResNet(stem: 4, {blocks}, features: [8])")).unwrap();
    insta::assert_snapshot!(table(&resnet), @"
    stem | conv 3x3, pad 1 | 4x28x28 | stem | 0.25
    pool1 | mean 2x2 | 4x14x14 |  | 0
    block1_1 | conv 3x3, pad 1 | 4x14x14 | block1_1 | 0.25
    block1_2 | conv 3x3, pad 1 + identity, from pool1 | 4x14x14 | block1_2 | 0.25
    block2_1 | conv 3x3, pad 1 | 6x14x14 | block2_1 | 0.25
    block2_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block1_2 | 6x7x7 | block2_2 + block2_2.shortcut | 0.25
    block3_1 | conv 3x3, pad 1 | 6x7x7 | block3_1 | 0.25
    block3_2 | conv 3x3, pad 1 + identity, from block2_2 | 6x7x7 | block3_2 | 0.25
    block4_1 | conv 3x3, pad 1 | 6x7x7 | block4_1 | 0.25
    block4_2 | conv 3x3, stride 3, pad 1 + subsample, stride 3, from block3_2 | 6x3x3 | block4_2 | 0.25
    fc1 | linear | 8 | fc1 | 0.25
    readout | linear | 10 | readout | 0
    ");
    let sources = |index: usize| resnet.connections(index).map(|(connection, _)| connection.source);
    assert_eq!(sources(3).collect::<Vec<_>>(), [Source::Population(2), Source::Population(1)]);
    let conv = network(&format!("ResNet(stem: 4, {blocks}, shortcut: Conv, features: [8])")).unwrap();
    insta::assert_snapshot!(table(&conv), @"
    stem | conv 3x3, pad 1 | 4x28x28 | stem | 0.25
    pool1 | mean 2x2 | 4x14x14 |  | 0
    block1_1 | conv 3x3, pad 1 | 4x14x14 | block1_1 | 0.25
    block1_2 | conv 3x3, pad 1 + conv 1x1, from pool1 | 4x14x14 | block1_2 + block1_2.shortcut | 0.25
    block2_1 | conv 3x3, pad 1 | 6x14x14 | block2_1 | 0.25
    block2_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block1_2 | 6x7x7 | block2_2 + block2_2.shortcut | 0.25
    block3_1 | conv 3x3, pad 1 | 6x7x7 | block3_1 | 0.25
    block3_2 | conv 3x3, pad 1 + conv 1x1, from block2_2 | 6x7x7 | block3_2 + block3_2.shortcut | 0.25
    block4_1 | conv 3x3, pad 1 | 6x7x7 | block4_1 | 0.25
    block4_2 | conv 3x3, stride 3, pad 1 + conv 1x1, stride 3, from block3_2 | 6x3x3 | block4_2 + block4_2.shortcut | 0.25
    fc1 | linear | 8 | fc1 | 0.25
    readout | linear | 10 | readout | 0
    ");
    network("ResNet(stem: 4, blocks: [(channels: 4, stride: 2)], shortcut: Subsample, features: [])").unwrap();
}

#[test]
fn a_sew_resnet_adds_spikes_to_spikes() {
    let text = "ResNet(bias: true, dropout: 0.0, stem: 4, blocks: [(channels: 4), (channels: 4), (channels: 6, stride: 2)], \
                shortcut: SewAdd, features: [])";
    insta::assert_snapshot!(table(&network(text).unwrap()), @"
    stem | conv 3x3, pad 1, bias | 4x28x28 | stem | 0
    pool1 | mean 2x2 | 4x14x14 |  | 0
    block1_1 | conv 3x3, pad 1, bias | 4x14x14 | block1_1 | 0
    block1_2 | conv 3x3, pad 1, bias | 4x14x14 | block1_2 | 0
    block2_1 | conv 3x3, pad 1, bias, from block1_2 + pool1 | 4x14x14 | block2_1 | 0
    block2_2 | conv 3x3, pad 1, bias | 4x14x14 | block2_2 | 0
    block3_1 | conv 3x3, pad 1, bias, from block2_2 + block1_2 + pool1 | 6x14x14 | block3_1 | 0
    block3_2 | conv 3x3, stride 2, pad 1, bias | 6x7x7 | block3_2 | 0
    block3_shortcut | conv 1x1, stride 2, bias, from block2_2 + block1_2 + pool1 | 6x7x7 | block3_shortcut | 0
    readout | linear, bias, from block3_2 + block3_shortcut | 10 | readout | 0
    ");
}

#[test]
fn values_of_blocks_have_ranges() {
    insta::assert_snapshot!(errors(&[
        "LeNet(neuron: LeakyIntegrator)",
        "LeNet(pool: PoolIf(threshold: 0))",
        "LeNet(dropout: 1)",
        "LeNet(kappa: 0)",
        "LeNet(kernel: 4)",
        "LeNet(kernel: 0)",
        "LeNet(kernel: 2001)",
        "LeNet(channels: [])",
        "LeNet(channels: [20, 0])",
        "LeNet(channels: 20)",
        "LeNet(channels: [2, 2, 2, 2, 2])",
        "LeNet(features: [0])",
        "LeNet(features: [99999])",
        "LeNet(features: [60000, 60000])",
        "LeNet(readout: Lief)",
        "LeNet(readout: LeakyIntegrator(leak: 2))",
        "LeNet(stem: 3)",
        "Vgg(blocks: [])",
        "Vgg(blocks: [[64], []])",
        "Vgg(blocks: [64, 64])",
        "Vgg(blocks: [[64, -1]])",
        "Vgg(blocks: [[64, 70000]])",
        "Vgg(kernel: 2)",
        "Vgg(blocks: [[2], [2], [2], [2], [2]])",
        "ResNet(stem: 0)",
        "ResNet(blocks: [])",
        "ResNet(blocks: [128])",
        "ResNet(blocks: [(128)])",
        "ResNet(blocks: [(stride: 2)])",
        "ResNet(blocks: [(channels: 128, strides: 2)])",
        "ResNet(blocks: [(channels: 128, stride: 0)])",
        "ResNet(blocks: [(channels: 128), (channels: 0)])",
        "ResNet(shortcut: Subsample)",
        "ResNet(shortcut: Identity)",
        "ResNet(shortcut: Auto())",
    ]), @r#"
    network.neuron must be a neuron that passes on spikes or numbers to others, as all layers but the Readout need, found LeakyIntegrator
    network.pool.threshold must be greater than 0, found 0
    network.dropout must be at least 0 and less than 1, found 1
    network.kappa must be greater than 0, found 0
    network.kernel must be odd, so that height and width are kept, found 4
    network.kernel must be at least 1, found 0
    network.kernel must be at most 1024, found 2001
    network.channels must be a list of at least one convolution, found none
    network.channels[1] must be at least 1, found 0
    network.channels must be a list in [ ], found 20
    network.channels[4]: pool5: input 2: height 1 with padding 0 is smaller than the window of 2
    network.features[0] must be at least 1, found 0
    network.features[0] must be at most 65536, found 99999
    network.features[1]: fc2: 3600000000 weights are more than 2147483648
    unknown neuron "Lief" in network.readout
    network.readout.leak must be greater than 0 and at most 1, found 2
    unknown field "stem" in network
    network.blocks must be a list of at least one block, found none
    network.blocks[1] must be a list of channels, one for each convolution, found none
    network.blocks[0] must be a list in [ ], found 64
    network.blocks[0][1] must be a whole number that is not negative, found -1
    network.blocks[0][1] must be at most 65536, found 70000
    network.kernel must be odd, so that height and width are kept, found 2
    network.blocks[4]: pool5: input 2: height 1 with padding 0 is smaller than the window of 2
    network.stem must be at least 1, found 0
    network.blocks must be a list of at least one block, found none
    network.blocks[0] must be values in ( ), found 128
    the values of network.blocks[0] must be named
    missing field "channels" in network.blocks[0]
    unknown field "strides" in network.blocks[0]
    network.blocks[0].stride must be at least 1, found 0
    network.blocks[1].channels must be at least 1, found 0
    network.blocks[0].channels must be 64, as before the block, since the shortcut is Subsample (try Auto), found 128
    unknown shortcut "Identity" in network.shortcut
    Auto takes no ( ) in network.shortcut
    "#);
}

#[test]
fn mistakes_are_shown_in_their_line_with_what_would_be_right() {
    let text = |network: &str| {
        let text = snn_models::presets::all()[0].text;
        let (start, end) = (text.find("network: ").unwrap(), text.find("    loss: ").unwrap());
        format!("{}network: {network},\n{}", &text[..start], &text[end..])
    };
    let message = |network: &str| {
        let error = snn_models::Experiment::from_ron(&text(network), "my-net.ron", &[], &registry()).unwrap_err();
        abridged(&error)
    };
    insta::assert_snapshot!(message("ResNet(stem: 8, blocks: [(channels: 8), (channels: 16, stride: 0)])"), @"
    network.blocks[1].stride must be at least 1, found 0
     --> my-net.ron:7:77
      |
    7 |     network: ResNet(stem: 8, blocks: [(channels: 8), (channels: 16, stride: 0)]),
      |                                                                             ^
    ");
    insta::assert_snapshot!(message("ResNet(stem: 8, blocks: [8, 16])"), @"
    network.blocks[0] must be values in ( ), found 8
     --> my-net.ron:7:39
      |
    7 |     network: ResNet(stem: 8, blocks: [8, 16]),
      |                                       ^ write (channels: 256, stride: 2)
    ");
    insta::assert_snapshot!(message("ResNet(stem: 8, blocks: [(8), (16, 2)])"), @"
    the values of network.blocks[0] must be named
     --> my-net.ron:7:39
      |
    7 |     network: ResNet(stem: 8, blocks: [(8), (16, 2)]),
      |                                       ^^^ write (channels: 8)
      |
      = known fields: channels, stride
    ");
    insta::assert_snapshot!(message("ResNet(stem: 8, blocks: [(stride: 2)])"), @r#"
    missing field "channels" in network.blocks[0]
     --> my-net.ron:7:39
      |
    7 |     network: ResNet(stem: 8, blocks: [(stride: 2)]),
      |                                       ^^^^^^^^^^^ add channels: ...
      |
      = for example: (channels: 256, stride: 2)
    "#);
    insta::assert_snapshot!(message("ResNet(stem: 8, shortcut: Convolution)"), @"
    unknown shortcut \"Convolution\" in network.shortcut
     --> my-net.ron:7:40
      |
    7 |     network: ResNet(stem: 8, shortcut: Convolution),
      |                                        ^^^^^^^^^^^
      |
      = known shortcuts: Auto, Conv, Subsample, ...
    ");
    insta::assert_snapshot!(message("Vgg(blocks: [[8, 8], [8, 8], [8], [8], [8]])"), @"
    network.blocks[4]: pool5: input 8: height 1 with padding 0 is smaller than the window of 2
     --> my-net.ron:7:53
      |
    7 |     network: Vgg(blocks: [[8, 8], [8, 8], [8], [8], [8]]),
      |                                                     ^^^
    ");
    insta::assert_snapshot!(message("Vgg(blocks: [8, 8])"), @"
    network.blocks[0] must be a list in [ ], found 8
     --> my-net.ron:7:27
      |
    7 |     network: Vgg(blocks: [8, 8]),
      |                           ^
    ");
    let populations = |inputs: &str| {
        format!(
            "Populations(populations: [\n        (name: \"fc1\", inputs: [Linear(from: \"input\", features: 50)]),\n        \
             (name: \"out\", inputs: [{inputs}]),\n    ])"
        )
    };
    insta::assert_snapshot!(message(&populations("Linear(from: \"fc2\", features: 10)")), @r#"
    unknown source "fc2" in network.populations[1].inputs[0].from
     --> my-net.ron:9:45
      |
    9 |         (name: "out", inputs: [Linear(from: "fc2", features: 10)]),
      |                                             ^^^^^ did you mean fc1?
      |
      = known sources: input, fc1, out
    "#);
    insta::assert_snapshot!(message(&populations("Linear(features: 10)")), @"
    missing field \"from\" in network.populations[1].inputs[0]
     --> my-net.ron:9:32
      |
    9 |         (name: \"out\", inputs: [Linear(features: 10)]),
      |                                ^^^^^^ add from: ...
      |
      = for example: Linear(from: \"input\", features: 200, bias: false)
    ");
    insta::assert_snapshot!(message(&populations("Linear(from: \"fc1\", features: 12)")), @r#"
    network.populations[1]: out: it has 12 neurons, but the data set has 10 classes
     --> my-net.ron:9:9
      |
    9 |         (name: "out", inputs: [Linear(from: "fc1", features: 12)]),
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(message(&populations("Linear(\"fc1\", 10)")), @"
    the values of Linear in network.populations[1].inputs[0] must be named
     --> my-net.ron:9:32
      |
    9 |         (name: \"out\", inputs: [Linear(\"fc1\", 10)]),
      |                                ^^^^^^^^^^^^^^^^^ write Linear(from: \"fc1\", features: 10)
      |
      = known fields: from, features, bias, norm, weight
    ");
    insta::assert_snapshot!(message("Populations(populations: [\"fc1\"])"), @r#"
    network.populations[0] must be values in ( ), found "fc1"
     --> my-net.ron:7:40
      |
    7 |     network: Populations(populations: ["fc1"]),
      |                                        ^^^^^ write (name: "fc1", inputs: [Linear(from: "input", features: 100)])
    "#);
    insta::assert_snapshot!(message("LeNet(channels: [20, 50], fetures: [200])"), @"
    unknown field \"fetures\" in network
     --> my-net.ron:7:40
      |
    7 |     network: LeNet(channels: [20, 50], fetures: [200]),
      |                                        ^^^^^^^ did you mean features?
      |
      = known fields: neuron, pool, pooling, dropout, kappa, standardise, bias, norm, kernel, channels, features, readout
    ");
}

#[test]
fn a_convolution_can_differ_by_axis_be_dilated_and_depthwise() {
    let text = "Sequence(layers: [
        Conv(channels: 4, kernel: (3, 5), stride: (2, 1), padding: (1, 2)),
        Conv(channels: 4, kernel: 3, dilation: 2, groups: 4),
        Readout(classes: 10)])";
    insta::assert_snapshot!(table(&network(text).unwrap()), @"
    conv1 | conv 3x5, stride 2x1, pad 1x2 | 4x14x28 | conv1 | 0
    conv2 | conv 3x3, dilation 2, 4 groups | 4x10x24 | conv2 | 0
    readout | linear | 10 | readout | 0
    ");
    let texts = [
        "kernel: (3, 0)",
        "kernel: (3, 4, 5)",
        "kernel: 2.5",
        "kernel: -1",
        "kernel: 3, groups: 3",
        "kernel: 3, dilation: 0",
    ];
    let texts = texts.map(|field| format!("Sequence(layers: [Conv(channels: 4, {field}), Readout(classes: 10)])"));
    insta::assert_snapshot!(errors(&texts.each_ref().map(String::as_str)), @"
    network.layers[0].kernel must be 1 to 1024, found (3, 0)
    network.layers[0].kernel must be a whole number, or two as in (3, 5), for rows and columns, found (3, 4, 5)
    network.layers[0].kernel must be a whole number, or two as in (3, 5), for rows and columns, found 2.5
    network.layers[0].kernel must be a whole number, or two as in (3, 5), for rows and columns, found -1
    network.layers[0].groups must be a divisor of the 4 channels, found 3
    network.layers[0].dilation must be 1 to 1024, found 0
    ");
    let message =
        network("Sequence(layers: [Conv(channels: 4, kernel: 3, groups: 2), Readout(classes: 10)])").unwrap_err();
    assert!(message.to_string().contains("1 input channels cannot be cut into 2 groups"), "{message}");
}
