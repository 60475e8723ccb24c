//! What a session on the card says to calls that it cannot serve, and what there is no room for.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::neuron::LeakyIntegrator;
use snn_core::registry::{Part, Registry};
use snn_core::{
    Draws, Dropout, Engine as _, Error, Errors, Map, Network, Neuron, Plan, Poisson, Projection, Session, Shape,
    Source, SpikeTrain, Stimulus, Trial,
};
use snn_gpu::{GpuEngine, Options};

/// Two inputs, two classes, and a trial of two samples with a spike in it; with the paper's gradient and without, which is
/// to say for both kinds of session.
fn small() -> [(Network, SpikeTrain); 2] {
    [Neuron::readout(), LeakyIntegrator::default().neuron()].map(|neuron| {
        let mut builder = Network::builder(Shape::features(2));
        let linear = vec![Projection::new(Source::Input, Map::Linear { features: 2 })];
        builder.add("readout", neuron, linear).unwrap();
        let mut spikes = SpikeTrain::silent(3, 2, Shape::features(2));
        spikes.set(1, 0, 1, 1);
        (builder.build().unwrap(), spikes)
    })
}

fn session(gpu: &GpuEngine, network: &Network, train: bool) -> Box<dyn Session> {
    gpu.compile(network, Plan { train, ..Plan::new(3, 2) }).unwrap()
}

/// No error at any step.
fn silent() -> Errors<'static> {
    Errors::of_output(&[0.0; 12])
}

fn silence(spikes: &SpikeTrain) -> Trial<'_> {
    Trial { stimulus: Stimulus::Spikes(spikes), dropout: Dropout::Off }
}

#[test]
fn a_backward_pass_needs_a_trial() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, spikes) in small() {
        let mut session = session(&gpu, &network, true);
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

#[test]
fn a_trial_needs_weights() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, spikes) in small() {
        let result = session(&gpu, &network, true).forward(&silence(&spikes));
        assert_eq!(result.unwrap_err().to_string(), "load weights before the first trial");
    }
}

#[test]
fn a_session_does_what_it_was_compiled_for_and_no_more() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, spikes) in small() {
        let mut session = session(&gpu, &network, false);
        session.load(&network.zeros()).unwrap();
        session.forward(&silence(&spikes)).unwrap();
        let error = session.backward(silent(), &mut network.zeros()).unwrap_err();
        assert_eq!(error.to_string(), "the session was not compiled for training");
        assert_eq!(session.record(0).unwrap_err().to_string(), "the session was not compiled to record");
    }
}

#[test]
fn a_record_needs_a_trial_and_a_population() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, spikes) in small() {
        let mut session = gpu.compile(&network, Plan::new(3, 2).record()).unwrap();
        assert_eq!(session.record(0).unwrap_err().to_string(), "no trial to record");
        session.load(&network.zeros()).unwrap();
        session.forward(&silence(&spikes)).unwrap();
        assert_eq!(session.record(0).unwrap().membrane, [0.0; 4]);
        assert_eq!(session.record(1).unwrap_err().to_string(), "population: expected an index of the network, found 1");
    }
}

#[test]
fn what_is_of_the_wrong_size_is_named() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, spikes) in small() {
        let mut session = session(&gpu, &network, true);
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

#[test]
fn a_plan_of_nothing_or_of_too_much_is_refused() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    for (network, _) in small() {
        let compile = |steps, batch| gpu.compile(&network, Plan::new(steps, batch).train());
        let message = |steps, batch| compile(steps, batch).map(|_| ()).unwrap_err().to_string();
        assert_eq!(message(0, 1), "steps must be at least 1, found 0");
        assert_eq!(message(1, 0), "batch must be at least 1, found 0");
        let long = message(1 << 40, 1);
        assert!(long.starts_with("one sample of 1099511627776 steps needs a buffer of "), "{long}");
        assert!(long.ends_with("MiB; use fewer steps, or --engine cpu"), "{long}");
    }
}

#[test]
fn a_stream_that_does_not_fit_says_what_does() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let [(network, _), _] = small();
    let error = gpu.in_groups_of(3).compile(&network, Plan::new(3, 8).stream()).map(|_| ()).unwrap_err();
    let expected = "trials that go on need all samples in one buffer: a batch of 8 does not fit, 3 does";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_card_that_is_not_there_is_told_with_those_that_are() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let gpu = GpuEngine::new(Options { adapter: Some("abacus".to_owned()), ..Options::default() });
    let [(network, _), _] = small();
    let error = gpu.compile(&network, Plan::new(3, 1)).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("no GPU is called \"abacus\"; there is: 0 "), "{error}");
    assert_eq!(gpu.describe(), format!("gpu, {error}"));
}

#[test]
fn a_card_can_be_chosen_by_number_and_by_a_part_of_its_name() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let name = snn_gpu::adapters()[0].name();
    for adapter in ["0".to_owned(), name[..5].to_uppercase()] {
        let chosen = GpuEngine::new(Options { adapter: Some(adapter), ..Options::default() });
        assert_eq!(chosen.describe(), gpu.describe());
    }
}

#[test]
fn the_engine_has_a_name_and_fields() {
    let registry = Registry::new().with(snn_gpu::plugin).unwrap();
    let make = |text| {
        let mut part = Part::parse(text).unwrap();
        registry.engines.make(&mut part, &registry).map(|engine| (engine.name(), part.to_string()))
    };
    let (name, part) = make("gpu(timed: true)").unwrap();
    assert!(name == "gpu" && part.contains("timed: true"), "{name} {part}");
    assert!(make("gpu(cards: 2)").is_err());
    assert!(make("gpu(adapter: 0, kernels: Tiled)").unwrap().1.contains("adapter: \"0\""));
}

#[test]
fn sums_that_a_software_driver_breaks_off_are_refused_there() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let mut builder = Network::builder(Shape::features(30_000));
    let linear = vec![Projection::new(Source::Input, Map::Linear { features: 2 })];
    builder.add("readout", Neuron::readout(), linear).unwrap();
    let compiled = gpu.compile(&builder.build().unwrap(), Plan::new(3, 2)).map(|_| ());
    if snn_gpu::adapters()[0].is_software() {
        let message = compiled.unwrap_err().to_string();
        assert!(message.starts_with("\"readout\" sums 30000 terms, more than the 20000"), "{message}");
    } else {
        compiled.unwrap();
    }
}

#[test]
fn a_batch_that_finds_no_room_is_told_the_largest_that_does() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let [(network, _), _] = small();
    let limited = |memory| GpuEngine::new(Options { memory: Some(memory), ..Options::default() });
    let compile = |memory, batch| limited(memory).compile(&network, Plan::new(1000, batch).train()).map(|_| ());
    let error = compile(4, 100_000).unwrap_err().to_string();
    assert!(
        error.contains("4 MiB are too few for a batch of 100000") && error.contains("the largest batch that fits is "),
        "{error}"
    );
    let largest: usize = error.split("fits is ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    compile(4, largest).unwrap();
    compile(4, largest + 1).unwrap_err();
    assert!(compile(0, 1).unwrap_err().to_string().contains("not even one sample fits"));
}
