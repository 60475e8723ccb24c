//! Trials on the card that go on where the last one ended, against one long trial.

use proptest::prelude::*;
use snn_core::reference::Reference;
use snn_core::{
    Dropout, Engine as _, Error, Map, Network, Neuron, Plan, Projection, Shape, Source, SpikeTrain, Stimulus, Trial,
};

use snn_core::testing::engines::strategies::{case, config, feeding, firing, last, layer, pooled};
use snn_core::testing::engines::{DropoutCase, EngineCase, InputCase};

/// Share of the largest output by which rounding may move it, on a card that fuses products and sums.
const ROUNDING: f32 = 1e-4;

/// A case whose trial can be cut: spikes or a current, and no dropout.
fn cut(case: EngineCase, parts: usize) -> EngineCase {
    let stimulus = match case.stimulus {
        InputCase::Current => InputCase::Current,
        InputCase::Numbers => InputCase::Numbers,
        _ => InputCase::Spikes { density: 0.4, signed: true },
    };
    EngineCase { stimulus, dropout: DropoutCase::Off, steps: case.steps.div_ceil(parts) * parts, ..case }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 10, ..config(12) })]

    #[test]
    fn parts_of_a_trial_make_the_whole(
        case in case(prop_oneof![layer(firing()), pooled(layer(feeding()))], layer(last())),
        parts in 1..12_usize,
    ) {
        let Some(gpu) = snn_gpu::testing::engine() else { return Ok(()) };
        let case = cut(case, parts);
        let network = case.network();
        let of_last = |output: &[f32]| -> Vec<f32> {
            let rows = output.chunks(case.samples * network.classes());
            rows.flat_map(|row| &row[row.len() - network.classes()..]).copied().collect()
        };
        let whole = case.inference(&gpu, &network);
        prop_assume!(whole.output.iter().all(|x| x.is_finite()));
        let streamed = case.streamed(&gpu, &network, parts);
        // The same kernels in the same order, whether a trial is cut or not.
        prop_assert_eq!(&streamed, &of_last(&whole.output));
        let reference = case.inference(&Reference, &network);
        if reference.spikes == whole.spikes {
            let expected = of_last(&reference.output);
            let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= ROUNDING * largest;
            prop_assert!(streamed.iter().zip(&expected).all(is_close), "{streamed:?}\n{expected:?}");
        }
    }
}

#[test]
fn what_cannot_go_on_is_told() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let mut builder = Network::builder(Shape::features(1));
    let map = Map::Linear { features: 1 };
    builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
    let network = builder.build().unwrap();
    let spikes = SpikeTrain::silent(2, 2, Shape::features(1));
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
    let mut whole = gpu.compile(&network, Plan::new(2, 2)).unwrap();
    whole.load(&vec![vec![1.0]]).unwrap();
    whole.forward(&trial).unwrap();
    let message = |error: Error| error.to_string();
    let refused = "the session was not compiled to go on from trial to trial";
    assert_eq!(message(whole.resume(&trial, &[0, 1]).unwrap_err()), refused);

    let mut stream = gpu.compile(&network, Plan::new(2, 2).stream()).unwrap();
    stream.load(&vec![vec![1.0]]).unwrap();
    assert_eq!(message(stream.resume(&trial, &[0, 1]).unwrap_err()), "no trial to go on from");
    stream.forward(&trial).unwrap();
    assert_eq!(
        message(stream.resume(&trial, &[1, 0]).unwrap_err()),
        "samples to go on with: expected 2 of the 2 samples of the last trial in rising order, found [1, 0]"
    );
    stream.resume(&trial, &[0, 1]).unwrap();
    assert!(gpu.compile(&network, Plan::new(2, 2).stream().train()).is_err());
}
