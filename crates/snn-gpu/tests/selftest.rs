//! The checks that a user's card is put to.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::registry::Registry;
use snn_gpu::selftest::{run, subjects};

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap()
}

#[test]
fn the_first_card_passes_every_check() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let mut told = 0;
    let checks = run(&gpu, &registry(), &mut |_| told += 1).unwrap();
    assert_eq!(told, checks.len());
    let failed: Vec<_> = checks.iter().filter(|check| !check.is_passed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for check in &checks {
        assert!(
            check.spikes > 100 || ["Relu", "Identity"].contains(&&*check.name),
            "{check:?}: hardly a spike to compare"
        );
    }
}

#[test]
fn every_name_is_tried() {
    let registry = registry();
    let subjects = subjects(&registry).unwrap();
    let is_tried = |kind: &str, name: &str| subjects.iter().any(|subject| subject.kind == kind && subject.name == name);
    assert!(registry.neurons.names().all(|name| is_tried("neuron", name)));
    assert!(registry.surrogates.names().all(|name| is_tried("surrogate", name)));
}
