//! The plug-in's names work like those that are built in: in RON, on every engine, and in the proofs.

use snn::core::part::Part;
use snn::core::registry::Registry;
use snn::core::{Dropout, Errors, Plan, Stimulus, Trial, grade};
use snn::models::Experiment;
use snn_core::testing;

fn registry() -> Registry {
    snn::registry().and_then(|registry| registry.with(plugin_neuron::plugin)).expect("all names differ")
}

#[test]
fn its_gradients_are_proven() {
    let variants = ["Resonate(omega: 1.2, gradient: Atan)", "Parabola(width: 0.3)"];
    if let Err(failure) = testing::prove(&registry(), &variants) {
        panic!("{failure}");
    }
}

#[test]
fn its_names_are_known_and_its_ranges_are_checked() {
    let registry = registry();
    let mut part = Part::parse("Resonate(leak: 0.5)").unwrap();
    registry.neurons.make(&mut part, &registry).unwrap();
    assert_eq!(part.to_string(), "Resonate(leak: 0.5, omega: 0.5, threshold: 1.0, gradient: Parabola(width: 1.0))");
    let mut wrong = Part::parse("Resonate(gradient: Parabola(width: 0.0))").unwrap();
    let error = registry.neurons.make(&mut wrong, &registry).unwrap_err();
    assert_eq!(error.to_string(), "gradient.width: must be greater than 0, found 0");
}

#[test]
fn a_name_cannot_be_taken_twice() {
    let error = registry().with(plugin_neuron::plugin).unwrap_err();
    assert_eq!(error.to_string(), "the neuron \"Resonate\" is registered already");
}

#[test]
fn it_learns_from_ron_alike_on_both_engines() {
    let registry = registry();
    let small = [("network.layers[0].channels", "3"), ("network.layers[2].channels", "4"), ("network.kappa", "20")];
    let experiment = Experiment::from_ron(include_str!("../resonate.ron"), "resonate.ron", &small, &registry).unwrap();
    let built = experiment.build(&registry).unwrap();
    let network = &built.network;
    let images: Vec<f32> = (0..2 * 28 * 28).map(|i| ((i * 37 % 101) as f32 / 100.0).powi(3)).collect();
    let trial = Trial { stimulus: Stimulus::Current(&images), dropout: Dropout::Off };
    let [one, other] = ["reference", "cpu"].map(|name| {
        let engine = registry.engines.make(&mut Part::new(name), &registry).unwrap();
        let mut session = engine.compile(network, Plan::new(experiment.steps, 2).train()).unwrap();
        session.load(&network.initial_weights(1)).unwrap();
        let activity = session.forward(&trial).unwrap();
        let grades = grade(&*built.loss, &*built.score, &activity.output, &[3, 7], network.classes());
        let mut gradients = network.zeros();
        session.backward(Errors::of_output(&grades.d_output), &mut gradients).unwrap();
        (activity.spikes, gradients)
    });
    assert!(one.0[0] > 0, "no spikes");
    assert_eq!(one.0, other.0);
    for (weight, (one, other)) in one.1.iter().zip(&other.1).enumerate() {
        let largest = one.iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
        let furthest = one.iter().zip(other).fold(0.0_f32, |furthest, (a, b)| furthest.max((a - b).abs()));
        assert!(largest > 0.0 && furthest <= 1e-4 * largest, "weight {weight}: {furthest} of {largest}");
    }
}
