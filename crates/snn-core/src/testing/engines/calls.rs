//! Invalid calls, and the errors that every engine must return for them.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on has failed")]

use crate::encoder::Poisson;
use crate::engine::{Draws, Dropout, Engine, Errors, Plan, Session, Stimulus, Trial};
use crate::error::Error;
use crate::map::Map;
use crate::network::{Network, Projection, Source};
use crate::neuron::LeakyIntegrator;
use crate::neuron::Neuron;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// Networks with two inputs and two classes, each with a trial of two samples that contains one spike. One has the
/// paper's gradient, the other an exact one, so that both kinds of session of an engine are covered.
pub fn small() -> [(Network, SpikeTrain); 2] {
    [Neuron::readout(), LeakyIntegrator::default().neuron()].map(|neuron| {
        let mut builder = Network::builder(Shape::features(2));
        let linear = vec![Projection::new(Source::Input, Map::Linear { features: 2 })];
        builder.add("readout", neuron, linear).unwrap();
        let mut spikes = SpikeTrain::silent(3, 2, Shape::features(2));
        spikes.set(1, 0, 1, 1);
        (builder.build().unwrap(), spikes)
    })
}

fn session(engine: &dyn Engine, network: &Network, train: bool) -> Box<dyn Session> {
    engine.compile(network, Plan { train, ..Plan::new(3, 2) }).unwrap()
}

/// Output errors of 0 at every step.
fn silent() -> Errors<'static> {
    Errors::of_output(&[0.0; 12])
}

fn silence(spikes: &SpikeTrain) -> Trial<'_> {
    Trial { stimulus: Stimulus::Spikes(spikes), dropout: Dropout::Off }
}

/// Makes all invalid calls.
///
/// # Panics
/// If a session accepts one of them, or returns another error.
pub fn all(engine: &dyn Engine) {
    a_backward_pass_needs_a_trial(engine);
    a_trial_needs_weights(engine);
    a_session_does_what_it_was_compiled_for_and_no_more(engine);
    a_record_needs_a_trial_and_a_population(engine);
    what_is_of_the_wrong_size_is_named(engine);
    numbers_need_a_plan_and_a_plan_for_them_takes_spikes(engine);
}

/// Checks that numbers over time are rejected by a session that was not compiled for them, and that a session compiled
/// for them accepts spikes too.
///
/// # Panics
/// If a session accepts the former, or handles the latter wrongly.
pub fn numbers_need_a_plan_and_a_plan_for_them_takes_spikes(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let weights = network.initial_weights(1);
        let run = |plan: Plan, stimulus: Stimulus<'_>| {
            let mut session = engine.compile(&network, plan)?;
            session.load(&weights)?;
            session.forward(&Trial { stimulus, dropout: Dropout::Off })
        };
        let numbers: Vec<f32> = (0..12).map(|i| f32::from(spikes.get(i / 4, i / 2 % 2, i % 2))).collect();
        let error = run(Plan::new(3, 2), Stimulus::Numbers(&numbers)).unwrap_err().to_string();
        assert!(error.starts_with("the session was not compiled for an input of numbers"), "{error}");
        let expected = run(Plan::new(3, 2), Stimulus::Spikes(&spikes)).unwrap().output;
        for stimulus in [Stimulus::Numbers(&numbers), Stimulus::Spikes(&spikes)] {
            assert_eq!(run(Plan::new(3, 2).numbers(), stimulus).unwrap().output, expected);
        }
    }
}

/// Checks that a backward pass without a trial is rejected.
///
/// # Panics
/// If a session accepts it, or returns another error.
pub fn a_backward_pass_needs_a_trial(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let mut session = session(engine, &network, true);
        let missing = Error::Order("no trial to go back through");
        assert_eq!(session.backward(silent(), &mut network.zeros()), Err(missing.clone()));
        session.load(&network.zeros()).unwrap();
        assert_eq!(session.backward(silent(), &mut network.zeros()), Err(missing.clone()));
        session.forward(&silence(&spikes)).unwrap();
        session.backward(silent(), &mut network.zeros()).unwrap();
        session.load(&network.zeros()).unwrap();
        assert_eq!(session.backward(silent(), &mut network.zeros()), Err(missing));
    }
}

/// Checks that a trial before weights are loaded is rejected.
///
/// # Panics
/// If a session accepts it, or returns another error.
pub fn a_trial_needs_weights(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let result = session(engine, &network, true).forward(&silence(&spikes));
        assert_eq!(result.unwrap_err().to_string(), "load weights before the first trial");
    }
}

/// Checks that backward passes and records are rejected by sessions that were not compiled for them.
///
/// # Panics
/// If a session accepts it, or returns another error.
pub fn a_session_does_what_it_was_compiled_for_and_no_more(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let mut session = session(engine, &network, false);
        session.load(&network.zeros()).unwrap();
        session.forward(&silence(&spikes)).unwrap();
        let error = session.backward(silent(), &mut network.zeros()).unwrap_err();
        assert_eq!(error.to_string(), "the session was not compiled for training");
        assert_eq!(session.record(0).unwrap_err().to_string(), "the session was not compiled to record");
    }
}

/// Checks that a record before a trial, or of a population that does not exist, is rejected.
///
/// # Panics
/// If a session accepts it, or returns another error.
pub fn a_record_needs_a_trial_and_a_population(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let mut session = engine.compile(&network, Plan::new(3, 2).record()).unwrap();
        assert_eq!(session.record(0).unwrap_err().to_string(), "no trial to record");
        session.load(&network.zeros()).unwrap();
        session.forward(&silence(&spikes)).unwrap();
        assert_eq!(session.record(0).unwrap().membrane, [0.0; 4]);
        assert_eq!(session.record(1).unwrap_err().to_string(), "population: expected an index of the network, found 1");
    }
}

/// Checks that weights, input, masks and errors of the wrong size are rejected.
///
/// # Panics
/// If a session accepts it, or returns another error.
pub fn what_is_of_the_wrong_size_is_named(engine: &dyn Engine) {
    for (network, spikes) in small() {
        let mut session = session(engine, &network, true);
        let message = |result: Result<(), Error>| result.unwrap_err().to_string();
        assert_eq!(message(session.load(&vec![])), "weights: expected 1 tensors, found 0");
        assert_eq!(
            message(session.load(&vec![vec![0.0; 3]])),
            "weight \"readout\": expected [2, 2] = 4 values, found 3"
        );
        session.load(&network.zeros()).unwrap();

        let mut forward = |trial: Trial<'_>| message(session.forward(&trial).map(|_| ()));
        let train = |steps, samples, features| SpikeTrain::silent(steps, samples, Shape::features(features));
        assert_eq!(forward(silence(&train(4, 2, 2))), "input spikes: expected 2 over 3 steps, found 2 over 4 steps");
        assert_eq!(forward(silence(&train(3, 2, 5))), "input spikes: expected 2 over 3 steps, found 5 over 3 steps");
        assert_eq!(forward(silence(&train(3, 3, 2))), "samples of a trial: expected 1 to 2, found 3");
        assert_eq!(forward(silence(&train(3, 0, 2))), "samples of a trial: expected 1 to 2, found 0");
        let draws = Draws { seed: 1, epoch: 0, samples: &[7] };
        let (shape, encoder) = (Shape::features(2), &Poisson::default());
        let images = Stimulus::Images { pixels: &[0.5; 3], shape, encoder, draws };
        assert_eq!(
            forward(Trial { stimulus: images, dropout: Dropout::Off }),
            "images: expected 1 x 2, found 3 values"
        );
        let spikes = Stimulus::Spikes(&spikes);
        assert_eq!(
            forward(Trial { stimulus: spikes, dropout: Dropout::Masks(&[vec![1.0; 3]]) }),
            "mask of \"readout\": expected 2 x 2 values, or none, found 3"
        );
        assert_eq!(
            forward(Trial { stimulus: spikes, dropout: Dropout::Drawn(draws) }),
            "samples to draw masks for: expected 2, found 1"
        );

        session.forward(&Trial { stimulus: spikes, dropout: Dropout::Off }).unwrap();
        assert_eq!(
            message(session.backward(Errors::of_output(&[0.0; 3]), &mut network.zeros())),
            "errors of the output: expected 12, found 3"
        );
        assert_eq!(
            message(session.backward(Errors { output: &[0.0; 12], emitted: &[0.0; 2] }, &mut network.zeros())),
            "errors of the spike counts: expected 1, found 2"
        );
        session.backward(silent(), &mut network.zeros()).unwrap();
    }
}
