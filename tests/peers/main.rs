//! Neurons, surrogates, losses and encoders against what snnTorch, SpikingJelly and Norse compute, from the vectors in
//! `tests/golden/peers` (its README says what they are, its `check.py` how each is computed).
//!
//! What is ours for what is theirs stands in `tables.rs`. Every case of the files is compared, or listed there as not
//! equal with the reason. SpikingJelly fires at the threshold, too, and not only above it as we do: no membrane of the
//! vectors comes within 1e-3 of it.

#![allow(clippy::unwrap_used, reason = "a case that cannot be read fails the test")]
#![allow(clippy::print_stdout, reason = "the largest deviations are worth knowing")]

mod networks;
mod neurons;
mod tables;
mod vectors;

use neurons::{Meaning, Trial};
use snn_core::neuron::PEERS;
use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{Encoded, Input, Neuron, PopulationCode, SampleKey, Shape};
use tables::{DEFAULTS, ENCODERS, LOSSES, NOT_EQUAL, SURROGATES};
use vectors::{Case, Deviations, LIBRARIES, filled, library};

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap()
}

fn neuron(part: &str) -> Neuron {
    let registry = registry();
    registry.neurons.make(&mut Part::parse(part).unwrap(), &registry).unwrap_or_else(|error| panic!("{part}: {error}"))
}

/// The cases of a kind that are equal, of all libraries.
fn cases(kind: &str) -> Vec<Case> {
    let all = LIBRARIES.iter().flat_map(|name| library(name));
    all.filter(|case| case.kind() == kind && !is_listed(case)).collect()
}

fn is_listed(case: &Case) -> bool {
    NOT_EQUAL.iter().any(|(library, names, _)| *library == case.library && names.contains(&case.name.as_str()))
}

/// The row of a table that is about a case.
fn row<'a, R>(table: &'a [R], case: &Case, is_about: impl Fn(&R) -> bool) -> &'a R {
    table.iter().find(|row| is_about(row)).unwrap_or_else(|| panic!("{case}: no row says what this is here"))
}

#[test]
fn every_case_that_is_listed_as_not_equal_exists() {
    for (name, cases, _) in NOT_EQUAL {
        let found = library(name);
        for listed in *cases {
            assert!(found.iter().any(|case| case.name == *listed), "{name} has no case {listed}");
        }
    }
}

#[test]
fn neurons_have_the_spikes_the_membranes_and_the_gradients_of_the_peers() {
    let mut deviations = Deviations::default();
    for case in cases("neuron") {
        let meaning = Meaning::of(&case);
        Trial::new(&case, neuron(&meaning.part), &meaning).compare(&["s", "sm"], &mut deviations);
    }
    deviations.check();
}

#[test]
fn presets_are_the_peers_with_their_defaults() {
    let mut deviations = Deviations::default();
    for peer in PEERS {
        let (_, library_name, case) = DEFAULTS
            .iter()
            .find(|(name, ..)| *name == peer.name)
            .unwrap_or_else(|| panic!("{} is untested", peer.name));
        let case = library(library_name).into_iter().find(|found| found.name == *case).unwrap();
        Trial::new(&case, neuron(peer.part), &Meaning::of(&case)).compare(&["s", "sm"], &mut deviations);
    }
    deviations.check();
}

#[test]
fn surrogates_have_the_slopes_of_the_peers() {
    let (registry, mut deviations) = (registry(), Deviations::default());
    for case in cases("surrogate") {
        let part = tables::surrogate(&case);
        let surrogate = registry.surrogates.make(&mut Part::parse(part).unwrap(), &registry).unwrap();
        let slopes: Vec<f64> = case.common("x").iter().map(|x| surrogate.grad(*x)).collect();
        deviations.add(&case, "slope", &slopes, &case.tensor("slope"));
        if let Some(forward) = case.text("neuron") {
            let forward = case.sibling(forward);
            let meaning = Meaning::with_gradient(&forward, part);
            let trial = Trial::new(&forward, neuron(&meaning.part), &meaning);
            deviations.add(&case, "grad_s.input", &trial.backward(0.0).input, &case.tensor("grad_s.input"));
        }
    }
    assert!(SURROGATES.len() > 20);
    deviations.check();
}

#[test]
fn losses_have_the_values_and_the_gradients_of_the_peers() {
    let (registry, mut deviations) = (registry(), Deviations::default());
    for case in cases("loss") {
        let (_, loss, readout) = row(LOSSES, &case, |(function, ..)| case.text("function") == Some(*function));
        let targets: Vec<usize> = serde_json::from_value(case.info["targets"].clone()).unwrap();
        let (data, samples) = (case.tensor("data"), targets.len());
        let classes = case.shape("data")[2];
        let steps = data.len() / samples / classes;
        let loss = filled(loss, &tables::loss_constants(&case, steps));
        let loss = registry.losses.make(&mut Part::parse(&loss).unwrap(), &registry).unwrap();
        let readout = registry.scores.make(&mut Part::new(*readout), &registry).unwrap();
        let (mut value, mut grad) = (0.0, vec![0.0; data.len()]);
        for (n, &class) in targets.iter().enumerate() {
            let at = |t: usize| (t * samples + n) * classes..(t * samples + n + 1) * classes;
            let own: Vec<f64> = (0..steps).flat_map(|t| data[at(t)].to_vec()).collect();
            let (loss, d_own) = loss.evaluate(&own, classes, class, &*readout);
            // The losses of a batch are summed here and averaged there.
            value += loss / samples as f64;
            for (t, d) in d_own.chunks_exact(classes).enumerate() {
                grad[at(t)].copy_from_slice(&d.iter().map(|d| d / samples as f64).collect::<Vec<_>>());
            }
        }
        deviations.add(&case, "loss", &[value], &case.tensor("loss"));
        deviations.add(&case, "grad", &grad, &case.tensor("grad"));
    }
    deviations.check();
}

#[test]
fn encoders_emit_the_spikes_of_the_peers() {
    let registry = registry();
    for case in cases("encoder").iter().filter(|case| case.text("function") != Some("PopSpikeEncoderDeterministic")) {
        let (_, part) = row(ENCODERS, case, |(function, _)| case.text("function") == Some(*function));
        let part = filled(part, &tables::encoder_constants(case));
        let input = registry.encoders.make(&mut Part::parse(&part).unwrap(), &registry).unwrap();
        let Input::Images(encoder) = input else { panic!("{case}: takes no image") };
        let image: Vec<f32> = case.tensor("input").iter().map(|x| *x as f32).collect();
        let (shape, steps) = (Shape::features(image.len()), case.shape("output")[0]);
        let sample = SampleKey { seed: 0, epoch: 0, index: 0 };
        let Encoded::Spikes(train) = encoder.encode(&image, shape, steps, sample) else { panic!("{case}: no spikes") };
        let found: Vec<f64> =
            (0..steps * image.len()).map(|i| f64::from(train.get(i / image.len(), 0, i % image.len()))).collect();
        assert_eq!(found, case.tensor("output"), "{case}");
    }
}

/// `PopSpikeEncoderDeterministic` is the activity of our population code as a current into integrate-and-fire neurons.
#[test]
fn a_population_code_has_the_activity_of_the_peer() {
    let case = library("spikingjelly").into_iter().find(|case| case.name == "population").unwrap();
    let number = |key: &str| case.number(key).unwrap();
    let range: [f32; 2] = serde_json::from_value(case.info["mean_range"].clone()).unwrap();
    let code = PopulationCode {
        neurons: number("pop_dim") as usize,
        low: range[0],
        high: range[1],
        width: Some(number("std") as f32),
    };
    let input = case.tensor("input");
    let activity: Vec<f64> = input.iter().flat_map(|x| code.activity(*x as f32)).map(f64::from).collect();
    let mut deviations = Deviations::default();
    deviations.add(&case, "activity", &activity, &case.tensor("activity"));
    deviations.check();

    let neuron = neuron(&format!("If(threshold: {:?}, reset: Soft)", number("v_threshold") as f32));
    let (mut state, mut spikes) = (neuron.rest(activity.len()), vec![0.0; activity.len()]);
    let output = case.tensor("output");
    for expected in output.chunks_exact(activity.len()) {
        neuron.step(&[], &mut state, &activity, &mut spikes);
        assert_eq!(spikes, expected);
    }
}
