//! What a session says to calls that it cannot serve.

use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{Engine as _, Map, Network, Neuron, Plan, Projection, Shape, Source};
use snn_cpu::Cpu;

use snn_core::testing::engines::calls::{self, small};

#[test]
fn a_backward_pass_needs_a_trial() {
    calls::a_backward_pass_needs_a_trial(&Cpu::new(1));
}

#[test]
fn a_trial_needs_weights() {
    calls::a_trial_needs_weights(&Cpu::new(1));
}

#[test]
fn a_session_does_what_it_was_compiled_for_and_no_more() {
    calls::a_session_does_what_it_was_compiled_for_and_no_more(&Cpu::new(1));
}

#[test]
fn a_record_needs_a_trial_and_a_population() {
    calls::a_record_needs_a_trial_and_a_population(&Cpu::new(1));
}

#[test]
fn what_is_of_the_wrong_size_is_named() {
    calls::what_is_of_the_wrong_size_is_named(&Cpu::new(1));
}

#[test]
fn a_plan_of_nothing_or_of_too_many_steps_is_refused() {
    for (network, _) in small() {
        let compile = |steps, batch| Cpu::new(1).compile(&network, Plan::new(steps, batch).train());
        let message = |steps, batch| compile(steps, batch).map(|_| ()).unwrap_err().to_string();
        assert_eq!(message(0, 1), "steps must be at least 1, found 0");
        assert_eq!(message(1, 0), "batch must be at least 1, found 0");
        assert_eq!(message(65_537, 1), "steps must be at most 65536 on the cpu engine, found 65537");
    }
}

#[test]
fn the_engine_has_a_name_and_fields() {
    let registry = Registry::new().with(snn_cpu::plugin).unwrap();
    let make = |text| {
        let mut part = Part::parse(text).unwrap();
        registry.engines.make(&mut part, &registry).map(|engine| (engine.describe(), part.to_string()))
    };
    let (description, part) = make("cpu(threads: 2)").unwrap();
    assert!(description.starts_with("cpu, 2 threads"), "{description}");
    assert_eq!(part, "cpu(threads: 2, level: Best, dense_above: 0.9)");
    let error = make("cpu(dense_above: 2.0)").map(|_| ()).unwrap_err();
    assert_eq!(error.path, "dense_above");
}

#[test]
fn memory_beyond_what_can_be_counted_is_told() {
    let mut builder = Network::builder(Shape::new(1, 30_000, 30_000));
    let relay = vec![Projection::new(Source::Input, Map::Subsample { stride: 1 })];
    let hidden = builder.add("hidden", Neuron::lif(), relay).unwrap();
    builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, Map::Linear { features: 2 })]).unwrap();
    let network = builder.build().unwrap();
    let memory = |steps, batch| Cpu::new(1).memory(&network, Plan::new(steps, batch).train());
    assert!(memory(100, 100).unwrap().total() > 1_000_000_000_000);
    let error = memory(65_536, 65_536).unwrap_err().to_string();
    assert!(error.starts_with("a trial must be shorter, or of fewer samples"), "{error}");
}

#[test]
fn numbers_need_a_plan_and_a_plan_for_them_takes_spikes() {
    calls::numbers_need_a_plan_and_a_plan_for_them_takes_spikes(&Cpu::new(1));
}
