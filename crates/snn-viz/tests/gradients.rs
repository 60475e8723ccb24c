//! The tab on gradients, driven by the names of its widgets.

#![allow(missing_docs, reason = "a test has no users")]

mod window;

use snn_core::reference::Reference;
use snn_core::{Engine as _, Plan};
use snn_viz::{Gradients, Settings, Start, Subject, Tab, registry};
use window::Window;

/// Few steps, as the reference is slow, but enough for spikes to reach the readout.
const STEPS: usize = 10;

fn open_tab() -> Window {
    let start = Start { steps: Some(STEPS), ..Start::default() };
    Window::open(start, Settings { tab: Tab::Gradients, ..Settings::default() })
}

#[test]
fn errors_and_gradients_are_those_of_the_reference() {
    let window = open_tab();
    let (app, found) = (window.app(), window.app().gradients().unwrap());
    let subject: &Subject = app.subject().unwrap();
    let trial = app.trial().unwrap();
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
    for (weight, (found, expected)) in
        subject.network().weights().iter().zip(found.weights.iter().zip(&expected.weights))
    {
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
    let mut window = open_tab();
    let (label, loss) = (window.app().gradients().unwrap().label, window.app().gradients().unwrap().loss);
    assert!(window.says(&format!("{label}, the true one")));
    let other = (label + 1) % 10;
    window.click("for class");
    window.click(&other.to_string());
    let found = window.app().gradients().unwrap();
    assert_eq!(found.label, other);
    assert!(found.loss > loss, "{} {loss}", found.loss);
    // The next image has a true class again.
    window.press(egui::Key::N);
    assert_eq!(Some(window.app().gradients().unwrap().label), window.app().trial().unwrap().label);
}

#[test]
fn filters_turn_into_their_gradients() {
    let mut window = open_tab();
    for name in ["Errors of conv1", "Leak corrections of conv1", "Filters of conv1"] {
        assert!(window.says(name), "{name}");
    }
    window.click("Open pool1");
    assert!(window.says("This population has no weights of its own."));
    window.click("Open input");
    assert!(window.says("The input has no error; choose a population."));
    window.click("Open conv2");
    window.click("Their gradients");
    assert!(window.says("Filters of conv2"));
}
