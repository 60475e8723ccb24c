//! Networks of rectified linear units and what becomes of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;

use snn_core::reference::Reference;
use snn_core::registry::Registry;
use snn_core::{Dataset, Dropout, Engine as _, Plan, Shape, SpikeTrain, Stimulus, Trial, Weights};
use snn_models::Experiment;
use snn_train::{Balance, Conversion, ConversionTarget, Event, TrainError, Trained, convert};

const SHAPE: Shape = Shape::new(1, 28, 28);
const EXPERIMENT: &str = "(
    data: Mnist,
    input: Direct,
    steps: 1,
    network: Sequence(
        neuron: Relu, pool: Relu,
        layers: [
            Conv(channels: 2, kernel: 3, padding: 1), AvgPool(size: 2), Linear(features: 5),
            Readout(classes: 10, neuron: LeakyIntegrator(leak: 1.0)),
        ],
    ),
    loss: CrossEntropy,
    training: (epochs: 1, batch: 4, optimizer: Sgd(lr: 0.1), validation: 0),
)";

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap().with(snn_data::plugin).unwrap().with(snn_models::plugin).unwrap()
}

/// Six images, each a white bar somewhere: values that spike at every step or never.
fn bars() -> Dataset {
    let pixel = |n: usize, i: usize| if (i / 28 + 3 * n) % 11 < 3 { 255 } else { 0 };
    let images = (0..6).flat_map(|n| (0..784).map(move |i| pixel(n, i))).collect();
    Dataset::new(SHAPE, 10, images, vec![0; 6]).unwrap()
}

fn converted(overrides: &[(&str, &str)], balance: Balance) -> Result<(Experiment, Weights, Conversion), TrainError> {
    converted_to("If(reset: Soft)", overrides, balance)
}

fn converted_to(
    neuron: &str,
    overrides: &[(&str, &str)],
    balance: Balance,
) -> Result<(Experiment, Weights, Conversion), TrainError> {
    let registry = registry();
    let experiment = Experiment::from_ron(EXPERIMENT, "", overrides, &registry).unwrap();
    let built = experiment.build(&registry).unwrap();
    let mut weights = built.network.initial_weights(3);
    for norm in built.network.norms() {
        // As training leaves them behind.
        let begun = [(norm.tensors.mean, 0.1), (norm.tensors.variance, 2.0), (norm.tensors.shift, 0.25)];
        for (tensor, value) in begun {
            weights[tensor].fill(value);
        }
    }
    let data = bars();
    let trained = Trained { built: &built, weights: &weights, data: &data, images: 6 };
    let mut go_on = |_: &Event| ControlFlow::Continue(());
    let found = convert(&Reference, &registry, trained, balance, ConversionTarget { neuron, steps: 200 }, &mut go_on)?;
    Ok((experiment, weights, found.unwrap()))
}

/// The output of a network for image `n` over so many steps of the same spikes.
fn output(experiment: &Experiment, weights: &Weights, n: usize, steps: usize) -> Vec<f32> {
    let network = experiment.build(&registry()).unwrap().network;
    let mut session = Reference.compile(&network, Plan::new(steps, 1)).unwrap();
    session.load(weights).unwrap();
    let data = bars();
    let snn_core::Content::Image(image) = data.content(n) else { panic!("bars are images") };
    let mut train = SpikeTrain::silent(steps, 1, SHAPE);
    for (i, _) in image.iter().enumerate().filter(|(_, pixel)| **pixel > 0) {
        (0..steps).for_each(|t| train.set(t, 0, i, 1));
    }
    let activity = session.forward(&Trial { stimulus: Stimulus::Spikes(&train), dropout: Dropout::Off }).unwrap();
    activity.output[(steps - 1) * 10..].iter().map(|y| y / steps as f32).collect()
}

/// With input that does not change, firing rates are the activations of the trained network over its largest ones, but for
/// what is left on membranes and for spikes that came before others that would have held them back: so outputs point the
/// same way.
#[test]
fn rates_are_activations() {
    let norm = [("network.norm", "BatchNorm(group: 4)")];
    for (balance, overrides) in [
        (Balance::DataNorm { share: 1.0 }, &[][..]),
        (Balance::SpikeNorm, &[]),
        (Balance::DataNorm { share: 1.0 }, &norm), // of biases, which normalisations become, spike-norm knows nothing
    ] {
        let (experiment, weights, conversion) = converted(overrides, balance).unwrap();
        assert_eq!(conversion.experiment.steps, 200);
        assert!(conversion.thresholds.iter().map(|(name, _)| name.as_str()).eq(["conv1", "fc1"]));
        for n in 0..6 {
            let expected = output(&experiment, &weights, n, 1);
            let found = output(&conversion.experiment, &conversion.weights, n, 200);
            let product: f32 = expected.iter().zip(&found).map(|(a, b)| a * b).sum();
            let norm = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>().sqrt();
            let cosine = product / (norm(&expected) * norm(&found));
            assert!(cosine > 0.97, "{balance:?}, image {n}: {cosine}; {expected:?} {found:?}");
        }
    }
}

#[test]
fn data_norm_makes_the_largest_activation_1() {
    let (_, weights, conversion) = converted(&[], Balance::DataNorm { share: 1.0 }).unwrap();
    let [conv, fc] = [0, 1].map(|index| conversion.thresholds[index].1);
    let factor = |weight: usize| conversion.weights[weight][0] / weights[weight][0];
    assert!((factor(0) * conv - 1.0).abs() < 1e-5, "the input has gain 1");
    assert!((factor(1) * fc / conv - 1.0).abs() < 1e-5, "the pool has the gain of the convolution");
    assert!((factor(2) / fc - 1.0).abs() < 1e-5, "the readout keeps its scale");
    let (_, _, robust) = converted(&[], Balance::DataNorm { share: 0.9 }).unwrap();
    assert!(robust.thresholds[0].1 < conv);
}

#[test]
fn a_weight_above_all_activations_sets_the_scale() {
    let (_, weights, conversion) =
        converted(&[("input", "Direct(scale: 1e-3)")], Balance::DataNorm { share: 1.0 }).unwrap();
    let largest = |weight: usize| weights[weight].iter().copied().fold(0.0, f32::max);
    assert_eq!(conversion.thresholds.iter().map(|(_, scale)| *scale).collect::<Vec<_>>(), [largest(0), largest(1)]);
}

#[test]
fn a_pool_of_the_input_keeps_the_scale_of_spikes() {
    let layers = "[AvgPool(size: 2), Linear(features: 5), Readout(classes: 10, neuron: LeakyIntegrator(leak: 1.0))]";
    let settings = [("network.layers", layers), ("input", "Direct(scale: 0.5)")];
    let (_, weights, conversion) = converted(&settings, Balance::DataNorm { share: 1.0 }).unwrap();
    let (name, scale) = &conversion.thresholds[0];
    assert_eq!(name, "fc1");
    assert!((conversion.weights[0][0] * scale / weights[0][0] - 1.0).abs() < 1e-5);
}

#[test]
fn what_cannot_be_converted_is_told() {
    let message = |overrides: &[(&str, &str)], balance| converted(overrides, balance).unwrap_err().to_string();
    let norm = Balance::DataNorm { share: 1.0 };
    assert_eq!(
        message(&[("network.neuron", "Lif")], norm),
        "the network to convert: must have Relu neurons in all hidden layers, but conv1 has Lif"
    );
    assert_eq!(message(&[("steps", "2")], norm), "the network to convert: must have been trained with steps: 1, not 2");
    assert_eq!(message(&[("input", "Poisson")], norm), "the network to convert: must have direct input, not Poisson");
    assert_eq!(
        message(&[], Balance::DataNorm { share: 0.0 }),
        "share of the activations: must be greater than 0 and at most 1, found 0"
    );
    let to = |neuron, overrides: &[(&str, &str)]| converted_to(neuron, overrides, norm).unwrap_err().to_string();
    assert_eq!(to("Plif", &[]), "neuron of the hidden layers: must be If or Lif, not Plif");
    assert_eq!(
        to("If(threshold: 2.0)", &[]),
        "neuron of the hidden layers: must have a threshold of 1, as weights are scaled in its place, not If(threshold: 2.0)"
    );
    let own = "[Linear(features: 5, neuron: Relu), Readout(classes: 10, neuron: LeakyIntegrator(leak: 1.0))]";
    assert_eq!(
        to("If", &[("network.layers", own)]),
        "neuron of the hidden layers: fc1 has a neuron of its own in the experiment, Relu; train a network whose layers \
         name none"
    );
    let list = "Populations(populations: [
        (name: \"fc1\", neuron: Relu, inputs: [Linear(from: \"input\", features: 5)]),
        (name: \"out\", neuron: LeakyIntegrator, inputs: [Linear(from: \"fc1\", features: 10)]),
    ])";
    assert_eq!(
        to("If", &[("network", list)]),
        "the network to convert: must be a LeNet, Vgg, ResNet or Sequence, whose neurons can be changed all at once"
    );
}
