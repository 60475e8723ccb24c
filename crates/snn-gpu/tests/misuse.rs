//! What a session on the card says to calls that it cannot serve, and what there is no room for.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use snn_core::part::Part;
use snn_core::reference::Reference;
use snn_core::registry::Registry;
use snn_core::surrogate::Atan;
use snn_core::{
    Dropout, Engine, Gradient, Map, Network, Neuron, Norm, Plan, Projection, Shape, Source, Stimulus, Trial,
};
use snn_gpu::{GpuEngine, GpuOptions};

use snn_core::testing::engines::calls::{self, small};

#[test]
fn a_backward_pass_needs_a_trial() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::a_backward_pass_needs_a_trial(&gpu);
}

#[test]
fn a_trial_needs_weights() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::a_trial_needs_weights(&gpu);
}

#[test]
fn a_session_does_what_it_was_compiled_for_and_no_more() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::a_session_does_what_it_was_compiled_for_and_no_more(&gpu);
}

#[test]
fn a_record_needs_a_trial_and_a_population() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::a_record_needs_a_trial_and_a_population(&gpu);
}

#[test]
fn what_is_of_the_wrong_size_is_named() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::what_is_of_the_wrong_size_is_named(&gpu);
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
    let gpu = GpuEngine::new(GpuOptions { adapter: Some("abacus".to_owned()), ..GpuOptions::default() });
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
        let chosen = GpuEngine::new(GpuOptions { adapter: Some(adapter), ..GpuOptions::default() });
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
    let limited = |memory| GpuEngine::new(GpuOptions { memory: Some(memory), ..GpuOptions::default() });
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

/// A convolution that is normalised over groups of two samples, and a readout.
fn normalised() -> Network {
    let lif = Neuron::lif().with_gradient(Gradient::surrogate(Atan::default()));
    let mut builder = Network::builder(Shape::new(2, 5, 5));
    let conv = Projection::new(Source::Input, Map::conv(3, [3, 3], 1, 1)).with_norm(Norm::new(2));
    let hidden = builder.add("conv1", lif, vec![conv]).unwrap();
    let linear = vec![Projection::new(hidden, Map::Linear { features: 2 })];
    builder.add("readout", Neuron::readout(), linear).unwrap();
    builder.build().unwrap()
}

#[test]
fn a_normalised_network_is_folded_unless_it_is_trained() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let network = normalised();
    let pixels: Vec<f32> = (0..100).map(|i| (i % 7) as f32 / 4.0).collect();
    let trial = Trial { stimulus: Stimulus::Current(&pixels), dropout: Dropout::Off };
    let run = |engine: &dyn Engine| {
        let mut session = engine.compile(&network, Plan::new(4, 2)).unwrap();
        assert_eq!(session.memory(), engine.memory(&network, Plan::new(4, 2)).unwrap());
        session.load(&network.initial_weights(1)).unwrap();
        session.forward(&trial).unwrap()
    };
    let (found, expected) = (run(&gpu), run(&Reference));
    assert!(expected.spikes[0] > 0);
    assert_eq!(found.spikes, expected.spikes);
    assert!(found.output.iter().zip(&expected.output).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn samples_that_are_normalised_together_run_together() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    let memory = |group| gpu.clone().in_groups_of(group).memory(&normalised(), Plan::new(4, 6).train()).unwrap();
    assert_eq!(memory(1), memory(2), "a group of two is not cut");
    assert!(memory(2).total() < memory(6).total());
    let plan = Plan::new(30_000, 6).train();
    let error = gpu.compile(&normalised(), plan).map(|_| ()).unwrap_err().to_string();
    if snn_gpu::adapters()[0].is_software() {
        assert!(error.starts_with("\"conv1\" sums 60000 terms, more than the 20000"), "{error}");
    }
}

#[test]
fn numbers_need_a_plan_and_a_plan_for_them_takes_spikes() {
    let Some(gpu) = snn_gpu::testing::engine() else { return };
    calls::numbers_need_a_plan_and_a_plan_for_them_takes_spikes(&gpu);
}
