//! The event-driven path against the reference: random networks of the paper's neurons and random trials, at every level of
//! vector instructions, with events and with matrix products.

use proptest::prelude::*;
use snn_core::neuron::Lif;
use snn_core::{Engine as _, Map, Neuron, Shape};
use snn_cpu::Cpu;

use snn_core::testing::engines::strategies::{case, config, feed_forward, leak_free, spike_gated};
use snn_core::testing::engines::{DropoutCase, EngineCase, InputCase, LayerCase, OutputErrors, StagesCase};

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn every_network_does_what_the_reference_does(case in case(feed_forward(spike_gated()), feed_forward(leak_free())), threads in 1..=3_usize) {
        let network = case.network();
        let expected = case.expected(&network);
        for cpu in Cpu::at_every_level(threads) {
            let name = cpu.describe();
            expected.check(&name, &network, &case.outcome(&cpu, &network));
            let dense = case.outcome(&cpu.dense_above(0.0), &network);
            expected.check(&format!("{name}, dense"), &network, &dense);
        }
    }
}

#[test]
fn a_network_of_many_neurons_goes_through_short_rounds() {
    let lif = |leak| Lif { leak, threshold: 0.25, ..Lif::default() }.leak_corrected();
    let layer = |map, neuron| {
        let (second, own, stages) = (None, None, StagesCase::default());
        LayerCase { map, back: 0, bias: false, also: None, second, stages, neuron, own, dropout: 0.0 }
    };
    let case = EngineCase {
        input: Shape::new(1, 520, 520),
        layers: vec![layer(Map::Subsample { stride: 1 }, lif(0.9)), layer(Map::conv(3, [2, 2], 40, 0), lif(0.99))],
        last: layer(Map::Linear { features: 3 }, Neuron::readout()),
        largest: 32,
        steps: 2,
        samples: 9,
        spare: 0,
        stimulus: InputCase::Spikes { density: 0.6, signed: true },
        dropout: DropoutCase::Off,
        output_errors: OutputErrors::Final,
        emitted_errors: false,
        chunk: None,
        seed: 1,
        shrink: [0, 1, 2],
        frozen: 0,
        group: 1,
    };
    let network = case.network();
    let expected = case.expected(&network);
    assert!(expected.outcome.gradients.iter().all(|gradient| gradient.iter().any(|x| *x != 0.0)));
    expected.check("cpu", &network, &case.outcome(&Cpu::new(2), &network));
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn the_number_of_threads_changes_no_bit(case in case(feed_forward(spike_gated()), feed_forward(leak_free())), is_dense in any::<bool>()) {
        let network = case.network();
        let bits = |threads| {
            let cpu = Cpu::new(threads);
            let cpu = if is_dense { cpu.dense_above(0.0) } else { cpu };
            case.outcome(&cpu, &network).bits()
        };
        let one = bits(1);
        if !is_dense {
            let cpu = Cpu::new(2);
            prop_assert!(case.gradients(&cpu, &network) == case.outcome(&cpu, &network).gradients, "a record matters");
        }
        prop_assert!(bits(2) == one, "2 threads give other bits than 1");
        prop_assert!(bits(3) == one, "3 threads give other bits than 1");
    }
}
