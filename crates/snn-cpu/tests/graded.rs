//! Neurons that pass on numbers, against the reference: random networks with one such population, whose currents are exact
//! in whatever order they are summed, so that both agree on which of them are above 0.

use proptest::prelude::*;
use snn_core::Engine as _;
use snn_core::neuron::Relu;
use snn_cpu::Cpu;

use snn_core::testing::engines::strategies::{case, config, feed_forward, leak_free};
use snn_core::testing::engines::{DropoutCase, EngineCase};

/// The same case over one step, with one hidden population and small weights.
fn flat(case: EngineCase) -> EngineCase {
    let largest = case.largest.min(4);
    EngineCase { steps: 1, largest, layers: case.layers[..1].to_vec(), emitted_errors: false, ..case }
}

/// Fails unless `found` is what was `expected`, but for the rounding of sums in another order, whose terms are as large as `scale`
/// at least.
fn check(what: &str, found: &[f32], expected: &[f32], scale: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(scale, |largest, x| largest.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * largest, "{what}: {found}, expected {expected} (largest {largest})");
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn numbers_pass_as_in_the_reference(case in case(feed_forward(Just(Relu {}.neuron())), feed_forward(leak_free()))) {
        let case = flat(case);
        let network = case.network();
        let expected = case.expected(&network);
        let ((_, scales), expected) = (expected.scales(&network), expected.outcome);
        for cpu in Cpu::at_every_level(2) {
            let (name, found) = (cpu.describe(), case.outcome(&cpu, &network));
            check(&format!("{name}: output"), &found.activity.output, &expected.activity.output, 1e-3);
            prop_assert_eq!(&found.activity.spikes, &expected.activity.spikes);
            prop_assert_eq!(&found.records[0].membrane, &expected.records[0].membrane);
            for (weight, (found, expected)) in found.gradients.iter().zip(&expected.gradients).enumerate() {
                check(&format!("{name}: gradient {weight}"), found, expected, scales[weight].max(1e-3));
            }
            let undropped = EngineCase { dropout: DropoutCase::Off, ..case.clone() };
            let bits = |threads| undropped.outcome(&Cpu::new(threads), &network).bits();
            prop_assert!(bits(3) == bits(1), "3 threads give other bits than 1");
        }
    }
}
