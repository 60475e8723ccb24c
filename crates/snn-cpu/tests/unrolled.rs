//! Backpropagation through time against the reference: random networks of all neurons and gradients, recurrent ones too,
//! and random trials, at every level of vector instructions, in chunks and whole.

use proptest::prelude::*;
use snn_core::{Engine as _, Map, Network};
use snn_cpu::Cpu;

use snn_core::testing::engines::strategies::{case, config, feeding, firing, last, layer, staged};
use snn_core::testing::engines::{EngineCase, InputCase};

/// Whether engines sum up currents in one order once normalisations are parts of weights, which single precision rounds: those of
/// convolutions, and of linear maps from single pixels.
fn is_exact_once_folded(network: &Network) -> bool {
    let mut all = network.populations().iter().flat_map(|population| &population.inputs);
    all.all(|input| {
        let is_wide = input.sources.iter().any(|source| network.shape(*source).pixels() > 1);
        input.norm.is_none() || !matches!(input.map, Map::Linear { .. }) || !is_wide
    })
}

/// The same case with chunks of one word, and of all steps.
fn chunked(case: &EngineCase) -> [EngineCase; 2] {
    [32, case.steps].map(|chunk| EngineCase { chunk: Some(chunk), ..case.clone() })
}

// ANCHOR: proof
#[test]
fn the_public_proof_of_an_engine_holds() {
    snn_core::testing::engines::prove(&Cpu::new(2), 20).unwrap();
}
// ANCHOR_END: proof

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn every_network_does_what_the_reference_does(case in case(layer(firing()), layer(last())), threads in 1..=3_usize) {
        let network = case.network();
        let expected = case.expected(&network);
        prop_assume!(expected.is_finite());
        for cpu in Cpu::at_every_level(threads) {
            prop_assert_eq!(&case.inference(&cpu, &network), &expected.outcome.activity);
            for case in chunked(&case) {
                let name = format!("{}, chunks of {:?}", cpu.describe(), case.chunk);
                expected.check(&name, &network, &case.outcome(&cpu, &network));
            }
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn what_joins_pools_normalises_and_passes_on_numbers_does_what_the_reference_does(
        case in case(staged(layer(feeding())), staged(layer(last()))),
        threads in 1..=3_usize,
    ) {
        let network = case.network();
        let expected = case.expected(&network);
        prop_assume!(expected.is_finite());
        for cpu in Cpu::at_every_level(threads) {
            let name = format!("{}, chunks of {:?}", cpu.describe(), case.chunk);
            expected.check(&name, &network, &case.outcome(&cpu, &network));
            // A current that is the same at every step is summed up by itself, before it meets a bias.
            let is_current = matches!(case.stimulus, InputCase::Direct | InputCase::Current);
            if is_exact_once_folded(&network) && !is_current {
                prop_assert_eq!(&case.inference(&cpu, &network), &case.folded_inference(&network));
            }
        }
        let bits = |threads| case.outcome(&Cpu::new(threads), &network).bits();
        prop_assert!(bits(2) == bits(1), "2 threads give other bits than 1");
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn the_number_of_threads_changes_no_bit(case in case(layer(firing()), layer(last()))) {
        let network = case.network();
        for case in chunked(&case) {
            let bits = |threads| case.outcome(&Cpu::new(threads), &network).bits();
            prop_assert!(bits(3) == bits(1), "3 threads give other bits than 1");
            let cpu = Cpu::new(2);
            let gradients = case.outcome(&cpu, &network).gradients;
            let is_finite = gradients.iter().flatten().all(|g| g.is_finite());
            prop_assert!(!is_finite || case.gradients(&cpu, &network) == gradients, "a record matters");
        }
    }
}
