//! The tab on sparsity, driven by the names of its widgets.

#![allow(missing_docs, reason = "a test has no users")]

mod window;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use snn_train::units::{count, percent, thousands};
use snn_train::{Checkpoint, Progress};
use snn_viz::{Finding, Measurement, Settings, Start, Subject, Tab, registry};
use window::Window;

/// Images that are shown.
const IMAGES: usize = 8;
/// Time steps of each, for the open network.
const STEPS: usize = 6;

fn open_tab() -> Window {
    let settings = Settings { images: IMAGES, ..Settings::default() };
    let mut window = Window::open(Start { steps: Some(STEPS), ..Start::default() }, settings);
    window.click("Sparsity");
    window
}

fn shipped() -> Subject {
    Subject::open(&registry().unwrap(), None, None, Some(STEPS)).unwrap()
}

/// What the engine finds.
fn measured() -> Finding {
    let measurement = Measurement::start(|| Ok(Arc::new(shipped())), IMAGES, || {});
    measurement.wait();
    measurement.take().unwrap().unwrap()
}

/// A checkpoint of the experiment `text` with weights drawn at random.
fn save_untrained(text: &str, path: &Path) -> Subject {
    let registry = registry().unwrap();
    let experiment = snn_models::Experiment::from_ron(text, "", &[], &registry).unwrap();
    let network = experiment.build(&registry).unwrap().network;
    let weights = Checkpoint::tensors(&network, &network.initial_weights(5));
    let checkpoint = Checkpoint {
        experiment: text.to_owned(),
        origin: None,
        progress: Progress::default(),
        weights,
        optimizer: Vec::new(),
    };
    checkpoint.save(path).unwrap();
    Subject::open(&registry, Some(path), None, None).unwrap()
}

const SMALL: &str = "(data: Mnist, steps: 6, network: Sequence(layers: [
    Conv(channels: 4, kernel: 5, stride: 2), Linear(features: 9), Linear(features: 7),
    Readout(classes: 10)]), training: (epochs: 1, batch: 4, optimizer: Sgd(rate: 0.1)))";

#[test]
fn the_figures_are_those_of_the_engine() {
    let window = open_tab();
    let report = measured().measured.report;
    assert!(window.says(&percent(report.accuracy)));
    assert!(window.says(&format!("on {IMAGES} images, {STEPS} time steps")));
    assert!(window.says(&count(report.operations.effective())));
    for population in &report.populations {
        let row = format!(
            "{}: {} spikes an image, rate {}, {} of {} neurons silent, {} saturated",
            population.name,
            count(population.spikes),
            percent(population.rate),
            thousands(population.silent),
            thousands(population.neurons()),
            thousands(population.saturated)
        );
        assert!(window.says(&row), "{row}");
    }
    for projection in &report.projections {
        let operations = &projection.operations;
        let (effective, dense) = (count(operations.effective()), count(operations.dense));
        let told =
            format!("{} to {}, {}: {effective} of {dense}", projection.source, projection.target, projection.map);
        assert!(window.says(&told), "{told}");
    }
}

#[test]
fn a_silent_neuron_is_opened_and_pinned() {
    let mut window = open_tab();
    let found = measured();
    let (at, silent) = (1..found.measured.neurons.len())
        .map(|at| (at, found.measured.silent(at)))
        .find(|(_, silent)| !silent.is_empty())
        .unwrap();
    let population = &found.measured.report.populations[at];
    let name = format!("{}: {} spikes", population.name, count(population.spikes));
    window.click_start(&name);
    assert!(window.says(&format!("{} of {}", thousands(silent.len()), thousands(population.neurons()))));
    window.click(&place(population.shape, silent[0]));
    let app = window.app();
    assert_eq!(app.settings.tab, Tab::Inspect);
    let network = found.subject.network();
    let index = network.populations().iter().position(|other| other.name == population.name);
    assert_eq!(app.selected(), index);
    let pinned: Vec<_> = app.traces().iter().map(|(pin, _)| (Some(pin.population), pin.neuron)).collect();
    assert!(pinned.contains(&(index, silent[0])), "{pinned:?}");
}

fn place(shape: snn_core::Shape, neuron: usize) -> String {
    if shape.pixels() == 1 {
        return format!("neuron {neuron}");
    }
    let (channel, pixel) = (neuron / shape.pixels(), neuron % shape.pixels());
    format!("channel {channel}, row {}, column {}", pixel / shape.width, pixel % shape.width)
}

#[test]
fn another_network_is_set_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let other = Arc::new(save_untrained(SMALL, &path));
    let mut window = open_tab();
    window.enter("Compare with", &path.display().to_string());
    window.click("Compare");
    let subject = Arc::clone(&other);
    let measurement = Measurement::start(move || Ok(subject), IMAGES, || {});
    measurement.wait();
    let report = measurement.take().unwrap().unwrap().measured.report;
    assert!(window.says(&other.name), "the legend names it");
    for name in ["conv1", "fc1", "fc2"] {
        let population = report.populations.iter().find(|population| population.name == name).unwrap();
        let second = format!("the other: {} spikes an image", count(population.spikes));
        assert!(window.says(&second), "{second}");
    }
    assert!(window.says("fc2: not there; the other"));
    window.click_start("fc2: not there");
    assert!(window.says("fc2, neurons by their rate"));
    window.click("Stop comparing");
    assert!(!window.says("the other"));
}

#[test]
fn what_cannot_be_compared_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing.safetensors");
    let mut window = open_tab();
    window.enter("Compare with", &missing.display().to_string());
    window.click("Compare");
    assert!(window.says("there is no such file or folder"));
    window.click("Stop comparing");
    assert!(!window.says("there is no such file or folder"));

    let path = folder.path().join("small.safetensors");
    save_untrained(SMALL, &path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&missing, &bytes[..bytes.len() / 2]).unwrap();
    window.click("Compare");
    assert!(window.says(&missing.display().to_string()), "the truncated file is named");
}
