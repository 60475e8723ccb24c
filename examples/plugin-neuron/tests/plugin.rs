//! The plug-in's names work like those that are built in: in RON, on every engine, and in the proofs.

use snn::core::registry::{Part, Registry};
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
