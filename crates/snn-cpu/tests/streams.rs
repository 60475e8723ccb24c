//! Trials that go on where the last one ended, against one long trial of the reference.

use proptest::prelude::*;
use snn_core::reference::Reference;
use snn_core::{Dropout, Map};
use snn_core::{Engine as _, Error, Network, Neuron, Plan, Projection, Shape, Source, SpikeTrain, Stimulus, Trial};
use snn_cpu::Cpu;

use snn_core::testing::engines::strategies::{
    case, config, feed_forward, feeding, firing, last, layer, leak_free, pooled, spike_gated,
};
use snn_core::testing::engines::{DropoutCase, EngineCase, InputCase};

/// A case whose trial can be cut: spikes or a current, and no dropout.
fn cut(case: EngineCase) -> EngineCase {
    let stimulus = match case.stimulus {
        InputCase::Current => InputCase::Current,
        InputCase::Numbers => InputCase::Numbers,
        _ => InputCase::Spikes { density: 0.4, signed: true },
    };
    EngineCase { stimulus, dropout: DropoutCase::Off, ..case }
}

fn check(case: EngineCase, parts: usize) -> Result<(), TestCaseError> {
    let case = cut(case);
    let network = case.network();
    let case = EngineCase { steps: case.steps.div_ceil(parts) * parts, ..case };
    let whole = case.inference(&Reference, &network);
    prop_assume!(whole.output.iter().all(|x| x.is_finite()));
    let rows = whole.output.chunks(case.samples * network.classes());
    let expected: Vec<f32> = rows.flat_map(|row| &row[row.len() - network.classes()..]).copied().collect();
    prop_assert_eq!(&case.streamed(&Reference, &network, parts), &expected, "reference");
    for cpu in Cpu::at_every_level(2) {
        prop_assert_eq!(&case.streamed(&cpu, &network, parts), &expected, "{}", cpu.describe());
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn parts_of_a_trial_make_the_whole(case in case(feed_forward(spike_gated()), feed_forward(leak_free())), parts in 1..12_usize) {
        check(case, parts)?;
    }

    #[test]
    fn parts_make_the_whole_for_joins_pools_and_numbers(
        case in case(pooled(layer(feeding())), pooled(layer(last()))),
        parts in 1..12_usize,
    ) {
        check(case, parts)?;
    }

    #[test]
    fn parts_make_the_whole_for_every_neuron(case in case(layer(firing()), layer(last())), parts in 1..12_usize) {
        check(case, parts)?;
    }
}

#[test]
fn what_cannot_go_on_is_told() {
    let mut builder = Network::builder(Shape::features(1));
    let map = Map::Linear { features: 1 };
    builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
    let network = builder.build().unwrap();
    let spikes = SpikeTrain::silent(2, 2, Shape::features(1));
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
    let cpu = Cpu::new(1);
    let engines: [&dyn snn_core::Engine; 2] = [&Reference, &cpu];
    for engine in engines {
        let mut whole = engine.compile(&network, Plan::new(2, 2)).unwrap();
        whole.load(&vec![vec![1.0]]).unwrap();
        whole.forward(&trial).unwrap();
        let message = |error: Error| error.to_string();
        let refused = "the session was not compiled to go on from trial to trial";
        assert_eq!(message(whole.resume(&trial, &[0, 1]).unwrap_err()), refused);

        let mut stream = engine.compile(&network, Plan::new(2, 2).stream()).unwrap();
        stream.load(&vec![vec![1.0]]).unwrap();
        assert_eq!(message(stream.resume(&trial, &[0, 1]).unwrap_err()), "no trial to go on from");
        stream.forward(&trial).unwrap();
        assert_eq!(
            message(stream.resume(&trial, &[1, 0]).unwrap_err()),
            "samples to go on with: expected 2 of the 2 samples of the last trial in rising order, found [1, 0]"
        );
        stream.resume(&trial, &[0, 1]).unwrap();
        assert!(engine.compile(&network, Plan::new(2, 2).stream().train()).is_err());
    }
}
