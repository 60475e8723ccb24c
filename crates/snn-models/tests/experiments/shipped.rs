//! The shipped experiments are what they say they are.

use snn_core::Limit;
use snn_models::{Experiment, presets, summary::Summary};

use crate::registry;

fn preset(name: &str) -> Experiment {
    let preset = presets::find(name).unwrap();
    Experiment::from_ron(preset.text, &preset.file_name(), &[], &registry()).unwrap_or_else(|error| panic!("{error}"))
}

/// The network of a preset: name, maps, shape and weights of each population.
fn table(name: &str) -> String {
    let summary = Summary::new(&preset(name).build(&registry()).unwrap().network);
    let rows = summary.rows.iter().map(|row| {
        let weights = row.weights.iter().map(|shape| format!("{shape:?}"));
        let weights = weights.collect::<Vec<_>>().join(" + ");
        let line = format!("{} | {} | {} | {weights}", row.name, row.maps.join(" + "), row.shape);
        format!("{}\n", line.trim_end())
    });
    format!("{name}: {}\n{}{} parameters\n", summary.input, rows.collect::<String>(), summary.parameters)
}

#[test]
fn the_networks_of_the_publication_are_its_own() {
    insta::assert_snapshot!(table("cifar10-vgg9"), @"
    cifar10-vgg9: 3x32x32
    conv1_1 | conv 3x3, pad 1 | 64x32x32 | [64, 3, 3, 3]
    conv1_2 | conv 3x3, pad 1 | 64x32x32 | [64, 64, 3, 3]
    pool1 | mean 2x2 | 64x16x16 |
    conv2_1 | conv 3x3, pad 1 | 128x16x16 | [128, 64, 3, 3]
    conv2_2 | conv 3x3, pad 1 | 128x16x16 | [128, 128, 3, 3]
    pool2 | mean 2x2 | 128x8x8 |
    conv3_1 | conv 3x3, pad 1 | 256x8x8 | [256, 128, 3, 3]
    conv3_2 | conv 3x3, pad 1 | 256x8x8 | [256, 256, 3, 3]
    conv3_3 | conv 3x3, pad 1 | 256x8x8 | [256, 256, 3, 3]
    pool3 | mean 2x2 | 256x4x4 |
    fc1 | linear | 1024 | [1024, 4096]
    readout | linear | 10 | [10, 1024]
    5938880 parameters
    ");
    insta::assert_snapshot!(table("cifar10-resnet11"), @"
    cifar10-resnet11: 3x32x32
    stem | conv 3x3, pad 1 | 64x32x32 | [64, 3, 3, 3]
    pool1 | mean 2x2 | 64x16x16 |
    block1_1 | conv 3x3, pad 1 | 128x16x16 | [128, 64, 3, 3]
    block1_2 | conv 3x3, pad 1 + conv 1x1, from pool1 | 128x16x16 | [128, 128, 3, 3] + [128, 64, 1, 1]
    block2_1 | conv 3x3, pad 1 | 256x16x16 | [256, 128, 3, 3]
    block2_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block1_2 | 256x8x8 | [256, 256, 3, 3] + [256, 128, 1, 1]
    block3_1 | conv 3x3, pad 1 | 512x8x8 | [512, 256, 3, 3]
    block3_2 | conv 3x3, pad 1 + conv 1x1, from block2_2 | 512x8x8 | [512, 512, 3, 3] + [512, 256, 1, 1]
    block4_1 | conv 3x3, pad 1 | 512x8x8 | [512, 512, 3, 3]
    block4_2 | conv 3x3, stride 2, pad 1 + subsample, stride 2, from block3_2 | 512x4x4 | [512, 512, 3, 3]
    fc1 | linear | 1024 | [1024, 8192]
    readout | linear | 10 | [10, 1024]
    17936064 parameters
    ");
}

#[test]
fn the_networks_that_are_a_choice_of_ours_are_what_we_chose() {
    for name in ["cifar10-resnet9", "svhn-vgg7", "svhn-resnet7", "nmnist-lenet"] {
        let text = presets::find(name).unwrap().text;
        assert!(text.contains("our choice") || text.contains("Our choice"), "{name} does not say so");
    }
    insta::assert_snapshot!(table("nmnist-lenet"), @"
    nmnist-lenet: 2x34x34
    conv1 | conv 5x5, pad 2 | 20x34x34 | [20, 2, 5, 5]
    pool1 | mean 2x2 | 20x17x17 |
    conv2 | conv 5x5, pad 2 | 50x17x17 | [50, 20, 5, 5]
    pool2 | mean 2x2 | 50x8x8 |
    fc1 | linear | 200 | [200, 3200]
    readout | linear | 10 | [10, 200]
    668000 parameters
    ");
    insta::assert_snapshot!(table("svhn-vgg7"), @"
    svhn-vgg7: 3x32x32
    conv1_1 | conv 3x3, pad 1 | 64x32x32 | [64, 3, 3, 3]
    conv1_2 | conv 3x3, pad 1 | 64x32x32 | [64, 64, 3, 3]
    pool1 | mean 2x2 | 64x16x16 |
    conv2_1 | conv 3x3, pad 1 | 128x16x16 | [128, 64, 3, 3]
    conv2_2 | conv 3x3, pad 1 | 128x16x16 | [128, 128, 3, 3]
    pool2 | mean 2x2 | 128x8x8 |
    conv3_1 | conv 3x3, pad 1 | 256x8x8 | [256, 128, 3, 3]
    pool3 | mean 2x2 | 256x4x4 |
    fc1 | linear | 1024 | [1024, 4096]
    readout | linear | 10 | [10, 1024]
    4759232 parameters
    ");
    insta::assert_snapshot!(table("svhn-resnet7"), @"
    svhn-resnet7: 3x32x32
    stem | conv 3x3, pad 1 | 64x32x32 | [64, 3, 3, 3]
    pool1 | mean 2x2 | 64x16x16 |
    block1_1 | conv 3x3, pad 1 | 128x16x16 | [128, 64, 3, 3]
    block1_2 | conv 3x3, pad 1 + conv 1x1, from pool1 | 128x16x16 | [128, 128, 3, 3] + [128, 64, 1, 1]
    block2_1 | conv 3x3, pad 1 | 256x16x16 | [256, 128, 3, 3]
    block2_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block1_2 | 256x8x8 | [256, 256, 3, 3] + [256, 128, 1, 1]
    fc1 | linear | 1024 | [1024, 16384]
    readout | linear | 10 | [10, 1024]
    17936064 parameters
    ");
    insta::assert_snapshot!(table("cifar10-resnet9"), @"
    cifar10-resnet9: 3x32x32
    stem | conv 3x3, pad 1 | 64x32x32 | [64, 3, 3, 3]
    pool1 | mean 2x2 | 64x16x16 |
    block1_1 | conv 3x3, pad 1 | 128x16x16 | [128, 64, 3, 3]
    block1_2 | conv 3x3, pad 1 + conv 1x1, from pool1 | 128x16x16 | [128, 128, 3, 3] + [128, 64, 1, 1]
    block2_1 | conv 3x3, pad 1 | 256x16x16 | [256, 128, 3, 3]
    block2_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block1_2 | 256x8x8 | [256, 256, 3, 3] + [256, 128, 1, 1]
    block3_1 | conv 3x3, pad 1 | 512x8x8 | [512, 256, 3, 3]
    block3_2 | conv 3x3, stride 2, pad 1 + conv 1x1, stride 2, from block2_2 | 512x4x4 | [512, 512, 3, 3] + [512, 256, 1, 1]
    fc1 | linear | 1024 | [1024, 8192]
    readout | linear | 10 | [10, 1024]
    13217472 parameters
    ");
}

#[test]
fn fast_networks_have_the_layers_of_the_others() {
    for name in presets::all().iter().map(|preset| preset.name) {
        let Some(whole) = name.strip_suffix("-fast") else { continue };
        let layers = |name: &str| {
            let summary = Summary::new(&preset(name).build(&registry()).unwrap().network);
            summary.rows.into_iter().map(|row| (row.name, row.maps)).collect::<Vec<_>>()
        };
        assert_eq!(layers(name), layers(whole));
    }
    insta::assert_snapshot!(table("cifar10-vgg9-fast"), @"
    cifar10-vgg9-fast: 3x32x32
    conv1_1 | conv 3x3, pad 1 | 32x32x32 | [32, 3, 3, 3]
    conv1_2 | conv 3x3, pad 1 | 32x32x32 | [32, 32, 3, 3]
    pool1 | mean 2x2 | 32x16x16 |
    conv2_1 | conv 3x3, pad 1 | 64x16x16 | [64, 32, 3, 3]
    conv2_2 | conv 3x3, pad 1 | 64x16x16 | [64, 64, 3, 3]
    pool2 | mean 2x2 | 64x8x8 |
    conv3_1 | conv 3x3, pad 1 | 128x8x8 | [128, 64, 3, 3]
    conv3_2 | conv 3x3, pad 1 | 128x8x8 | [128, 128, 3, 3]
    conv3_3 | conv 3x3, pad 1 | 128x8x8 | [128, 128, 3, 3]
    pool3 | mean 2x2 | 128x4x4 |
    fc1 | linear | 256 | [256, 2048]
    readout | linear | 10 | [10, 256]
    960864 parameters
    ");
}

#[test]
fn fast_presets_ask_for_a_hundredth_of_the_work() {
    let work = |name: &str| {
        let experiment = preset(name);
        let built = experiment.build(&registry()).unwrap();
        let training = &experiment.training;
        let images = training.limit.map_or(built.data.training_images(), Limit::count) - training.validation.count();
        let operations = Summary::new(&built.network).dense_operations as f64;
        operations * (experiment.steps * training.epochs * images) as f64
    };
    for name in presets::all().iter().map(|preset| preset.name) {
        if let Some(whole) = name.strip_suffix("-fast") {
            assert!(work(name) < 0.01 * work(whole), "{name}: {} of {}", work(name), work(whole));
        }
    }
}

#[test]
fn presets_of_one_data_set_stand_together_under_their_names() {
    let all = presets::all();
    for (index, preset) in all.iter().enumerate() {
        let first = all.iter().position(|other| other.data == preset.data).unwrap();
        assert!(all[first..index].iter().all(|other| other.data == preset.data), "{}", preset.name);
        let plain: String = preset.data.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        assert!(preset.name.starts_with(&format!("{plain}-")), "{}", preset.name);
    }
}
