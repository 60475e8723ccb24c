//! What a network is shown: spikes with their signs, fields in their places, several samples at a time.

use snn_core::reference::Reference;
use snn_core::{
    Dropout, Encoded, Encoder, Engine as _, Map, Network, Neuron, Plan, Poisson, PopulationCode, Projection, SampleKey,
    Shape, Source, SpikeTrain, Stimulus, Trial,
};

const SAMPLE: SampleKey = SampleKey { seed: 1, epoch: 0, index: 0 };

#[test]
fn poisson_spikes_have_the_sign_of_their_value_in_short_trials_and_long_ones() {
    for steps in [1, 2, 3, 7, 40] {
        let encoded = Poisson { scale: 1.0 }.encode(&[1.0, -1.0, 0.0], Shape::features(3), steps, SAMPLE);
        let Encoded::Spikes(train) = encoded else { panic!("no spikes") };
        let shown = |t| [0, 1, 2].map(|i| train.get(t, 0, i));
        assert!((0..steps).all(|t| shown(t) == [1, -1, 0]), "{steps} steps");
    }
    let spike = |x, word| Poisson { scale: 0.5 }.spike(x, word);
    assert_eq!((spike(1.0, (1 << 31) - 1), spike(-1.0, (1 << 31) - 1), spike(1.0, 1 << 31)), (1, -1, 0));
}

#[test]
fn a_population_code_has_a_channel_for_each_field_of_a_channel() {
    let code = PopulationCode { neurons: 3, ..PopulationCode::default() };
    assert_eq!(code.shape(Shape::new(4, 5, 6)), Shape::new(12, 5, 6));
}

#[test]
fn each_sample_sees_its_own_spikes() {
    // Two inputs that go to a readout neuron by the weights 1 and 10, at one step.
    let mut builder = Network::builder(Shape::features(2));
    let inputs = vec![Projection::new(Source::Input, Map::Linear { features: 1 })];
    builder.add("readout", Neuron::readout(), inputs).expect("a valid population");
    let network = builder.build().expect("a valid network");
    let mut session = Reference.compile(&network, Plan::new(1, 3)).expect("a valid plan");
    session.load(&vec![vec![1.0, 10.0]]).expect("weights that fit");

    let mut spikes = SpikeTrain::silent(1, 3, Shape::features(2));
    spikes.set(0, 0, 1, 1);
    spikes.set(0, 1, 0, -1);
    spikes.set(0, 2, 0, 1);
    spikes.set(0, 2, 1, 1);
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
    let output = session.forward(&trial).expect("a valid trial").output;
    assert_eq!(output, [10.0, -1.0, 11.0].map(|current| 0.99 * current));
}

#[test]
fn an_average_pool_of_nine_equal_inputs_passes_them_on() {
    let mut builder = Network::builder(Shape::new(1, 3, 3));
    let inputs = vec![Projection::new(Source::Input, Map::AvgPool { size: 3, stride: 1 })];
    builder.add("readout", Neuron::readout(), inputs).expect("a valid population");
    let network = builder.build().expect("a valid network");
    let mut session = Reference.compile(&network, Plan::new(1, 1)).expect("a valid plan");
    session.load(&Vec::new()).expect("no weights");
    let trial = Trial { stimulus: Stimulus::Current(&[1.0; 9]), dropout: Dropout::Off };
    let output = session.forward(&trial).expect("a valid trial").output;
    assert!((output[0] - 0.99).abs() < 1e-6, "{output:?}");
}
