//! Weights that are updated on the card against those that the host updates by the card's gradients.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::surrogate::Atan;
use snn_core::{
    Conv, Dropout, Engine as _, Errors, Gradient, Map, Network, Neuron, Norm, Optimizer, OptimizerState, Plan,
    Projection, Role, Shape, Source, Stimulus, Trial, Weights,
};

const SAMPLES: usize = 5;

/// A normalised convolution in groups of channels, a depthwise one with a bias, and a readout; the first weight is frozen if
/// `freezes`.
fn network(freezes: bool) -> Network {
    let lif = || Neuron::lif().with_gradient(Gradient::surrogate(Atan::default()));
    let mut builder = Network::builder(Shape::new(4, 6, 6));
    let grouped = Projection::new(Source::Input, Conv::new(6, [3, 3]).padding([1, 1]).groups(2).into());
    let first = builder.add("grouped", lif(), vec![grouped.with_norm(Norm::new(2))]).unwrap();
    let depthwise = Projection::new(first, Conv::new(6, [3, 3]).groups(6).into()).with_bias();
    let second = builder.add("depthwise", lif(), vec![depthwise]).unwrap();
    let linear = vec![Projection::new(second, Map::Linear { features: 3 })];
    builder.add("readout", Neuron::readout(), linear).unwrap();
    let network = builder.build().unwrap();
    let frozen: Vec<bool> = (0..network.tensors().len()).map(|index| freezes && index == 0).collect();
    network.freeze(&frozen)
}

fn largest_difference(a: &Weights, b: &Weights) -> f32 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn updates_on_the_card_are_those_of_the_host() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let rule = Optimizer::Sgd { lr: 0.05, momentum: 0.9, weight_decay: 0.01, nesterov: false };
    for freezes in [false, true] {
        let network = network(freezes);
        let mut session = gpu.compile(&network, Plan::new(6, SAMPLES).train()).unwrap();
        let mut weights = network.initial_weights(1);
        let first = weights.clone();
        session.load(&weights).unwrap();
        let learner = session.learner().unwrap();
        learner.set_optimizer(rule, &[network.zeros()]).unwrap();
        assert_eq!(learner.gradients().unwrap_err().to_string(), "no gradients of the last trial");
        let mut optimizer = OptimizerState::new(rule, &network);
        for update in 1..=3 {
            let pixels: Vec<f32> =
                (0..SAMPLES * network.input().len()).map(|i| ((i * i + update * i) % 11) as f32 / 5.0).collect();
            let trial = Trial { stimulus: Stimulus::Current(&pixels), dropout: Dropout::Off };
            let activity = session.forward(&trial).unwrap();
            assert_eq!(activity.statistics.len(), 3, "groups of 2, 2 and 1 samples");
            let d_output: Vec<f32> = (0..activity.output.len()).map(|i| (i % 5) as f32 - 2.0).collect();
            let learner = session.learner().unwrap();
            let norm = learner.backward(Errors::of_output(&d_output)).unwrap();
            let gradients = learner.gradients().unwrap();
            assert!((norm / snn_core::optimizer::norm(&gradients) - 1.0).abs() < 1e-5, "{norm}");
            assert_eq!(gradients[0].iter().all(|gradient| *gradient == 0.0), freezes);
            optimizer.update(&mut weights, &gradients, 0.05);
            activity.statistics.iter().for_each(|group| group.update_running(&mut weights));
            learner.update(1.0, 0.05, update as u64).unwrap();
            let found = learner.weights().unwrap();
            assert!(largest_difference(&found, &weights) < 1e-6, "{update}");
            for (index, tensor) in network.tensors().iter().enumerate() {
                if tensor.role == Role::Running {
                    assert_eq!(found[index], weights[index], "{}", tensor.name);
                    assert_ne!(found[index], first[index], "{}", tensor.name);
                }
            }
        }
        assert_eq!(weights[0] == first[0], freezes);
    }
}
