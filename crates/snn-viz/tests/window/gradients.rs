//! Errors and gradients: those of the reference engine, for any class, as maps and filters.

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use snn_core::reference::Reference;
use snn_core::{Engine as _, Plan};
use snn_viz::{Gradients, Settings, StartupSettings, Tab};

use crate::common::{Viewer, app, can_be_read, click, open, settle};

/// Few steps, as the reference is slow, but enough for spikes to reach the readout.
const STEPS: usize = 10;

fn open_tab() -> Viewer {
    let start = StartupSettings { steps: Some(STEPS), ..StartupSettings::default() };
    let mut viewer = open(start, [1280.0, 800.0], 1.0, Settings { tab: Tab::Gradients, ..Settings::default() });
    settle(&mut viewer);
    viewer
}

fn click_and_settle(viewer: &mut Viewer, name: &str) {
    click(viewer, name);
    settle(viewer);
}

#[test]
fn errors_and_gradients_are_those_of_the_reference() {
    let mut viewer = open_tab();
    let app = app(&mut viewer);
    let (subject, trial, found) = (app.subject().unwrap(), app.trial().unwrap(), app.gradients().unwrap());
    let plan = Plan::new(STEPS, 1).train().record();
    let mut session = Reference.compile(subject.network(), plan).unwrap();
    session.load(&subject.weights).unwrap();
    let pins: Vec<_> = found.pinned.iter().map(|(pin, _)| *pin).collect();
    assert!(!pins.is_empty());
    let expected = Gradients::compute(session.as_mut(), subject, trial, found.label, &pins).unwrap();
    assert_eq!(Some(found.label), trial.label);
    close("loss", &[found.loss as f32], &[expected.loss as f32]);
    for (index, population) in subject.network().populations().iter().enumerate() {
        close(&population.name, &found.errors[index], &expected.errors[index]);
        close(&population.name, &found.sums[index], &expected.sums[index]);
        close(&population.name, &found.corrections[index], &expected.corrections[index]);
    }
    for ((_, found), (_, expected)) in found.pinned.iter().zip(&expected.pinned) {
        close("pinned", found, expected);
    }
    let weights = subject.network().tensors().iter().zip(&found.weights).zip(&expected.weights);
    for ((weight, found), expected) in weights {
        assert!(found.iter().any(|gradient| *gradient != 0.0), "{}", weight.name);
        close(&weight.name, found, expected);
    }
}

/// Within 1e-4 of the largest value.
fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-4 * scale, "{what} {at}: {found} {expected}");
    }
}

#[test]
fn another_class_can_be_taken_for_right() {
    let mut viewer = open_tab();
    let found = app(&mut viewer).gradients().unwrap();
    let (label, loss) = (found.label, found.loss);
    let other = (label + 1) % 10;
    click_and_settle(&mut viewer, "for class");
    assert!(viewer.query_by_label(&format!("{label}, the true one")).is_some());
    click_and_settle(&mut viewer, &other.to_string());
    let found = app(&mut viewer).gradients().unwrap();
    assert_eq!(found.label, other);
    assert!(found.loss > loss, "{} {loss}", found.loss);
    // The next image has a true class again.
    viewer.key_press(Key::N);
    viewer.step();
    settle(&mut viewer);
    let app = app(&mut viewer);
    assert_eq!(Some(app.gradients().unwrap().label), app.trial().unwrap().label);
}

#[test]
fn maps_and_filters_are_those_of_the_open_population() {
    let mut viewer = open_tab();
    for name in ["Errors of conv1", "Leak corrections of conv1", "Filters of conv1", "20, 5x5 each"] {
        assert!(can_be_read(&viewer, name), "{name}");
    }
    click_and_settle(&mut viewer, "Open pool1");
    assert!(can_be_read(&viewer, "This population has no weights of its own."));
    click_and_settle(&mut viewer, "Open input");
    assert!(can_be_read(&viewer, "The input has no error; choose a population."));
    click_and_settle(&mut viewer, "Open fc1");
    click_and_settle(&mut viewer, "Their gradients");
    for name in ["Filters of fc1", "the first 100 of 200, 7x7 each"] {
        assert!(can_be_read(&viewer, name), "{name}");
    }
}

#[test]
fn a_click_on_a_map_pins_the_neuron() {
    let mut viewer = open_tab();
    let before = app(&mut viewer).traces().len();
    // Features stand without gaps, so that there is a neuron in the middle.
    click_and_settle(&mut viewer, "Open fc1");
    click_and_settle(&mut viewer, "Errors of fc1");
    settle(&mut viewer);
    let app = app(&mut viewer);
    let pins: Vec<_> = app.traces().iter().map(|(pin, _)| *pin).collect();
    assert_eq!(pins.len(), before + 1, "{pins:?}");
    assert_eq!(app.gradients().unwrap().pinned.len(), before + 1);
}
