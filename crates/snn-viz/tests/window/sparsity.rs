//! What a network spends: the engine's figures, its silent neurons, and another network beside it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use snn_train::Checkpoint;
use snn_train::units::{count, percent, thousands};
use snn_viz::{Measurement, NetworkMeasurement, OpenNetwork, Settings, StartupSettings, Tab, registry};

use crate::common::{Viewer, app, can_be_read, click, open, settle};

/// Images that are shown.
const IMAGES: usize = 8;
/// Time steps of each, for the open network.
const STEPS: usize = 6;

fn open_tab() -> Viewer {
    let start = StartupSettings { steps: Some(STEPS), ..StartupSettings::default() };
    let settings = Settings { images: IMAGES, ..Settings::default() };
    let mut viewer = open(start, [1280.0, 800.0], 1.0, settings);
    click_and_settle(&mut viewer, "Sparsity");
    viewer
}

fn click_and_settle(viewer: &mut Viewer, name: &str) {
    click(viewer, name);
    settle(viewer);
}

/// Clicks the row whose words start with `start`.
fn click_row(viewer: &mut Viewer, start: &str) {
    let is_meant =
        |node: &egui_kittest::kittest::AccessKitNode<'_>| node.label().is_some_and(|label| label.starts_with(start));
    viewer.get_by(is_meant).scroll_to_me();
    viewer.run_steps(2);
    viewer.get_by(is_meant).click();
    settle(viewer);
}

/// Sets another network beside the open one.
fn compare(viewer: &mut Viewer, path: &Path) {
    viewer.get_by_label("Compare with").focus();
    viewer.step();
    viewer.get_by_label("Compare with").type_text(&path.display().to_string());
    viewer.step();
    click_and_settle(viewer, "Compare");
}

fn shipped() -> OpenNetwork {
    OpenNetwork::open(&registry().unwrap(), None, None, Some(STEPS)).unwrap()
}

/// What the engine finds.
fn measured() -> NetworkMeasurement {
    let measurement = Measurement::start(|| Ok(Arc::new(shipped())), IMAGES, || {});
    measurement.wait();
    measurement.take().unwrap().unwrap()
}

/// A checkpoint of the experiment `text` with weights drawn at random.
fn save_untrained(text: &str, path: &Path) -> OpenNetwork {
    let registry = registry().unwrap();
    let experiment = snn_models::Experiment::from_ron(text, "", &[], &registry).unwrap();
    let network = experiment.build(&registry).unwrap().network;
    let weights = Checkpoint::tensors(&network, &network.initial_weights(5));
    Checkpoint::of_weights(text.to_owned(), weights).save(path).unwrap();
    OpenNetwork::open(&registry, Some(path), None, None).unwrap()
}

const SMALL: &str = "(data: Mnist, steps: 6, network: Sequence(layers: [
    Conv(channels: 4, kernel: 5, stride: 2), Linear(features: 9), Linear(features: 7),
    Readout(classes: 10)]), training: (epochs: 1, batch: 4, optimizer: Sgd(lr: 0.1)))";

#[test]
fn the_figures_are_those_of_the_engine() {
    let viewer = open_tab();
    let report = measured().measured.report;
    assert!(can_be_read(&viewer, &percent(report.accuracy)));
    assert!(can_be_read(&viewer, &format!("on {IMAGES} images, {STEPS} time steps")));
    assert!(can_be_read(&viewer, &count(report.operations.effective())));
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
        assert!(can_be_read(&viewer, &row), "{row}");
    }
    for projection in &report.projections {
        let operations = &projection.operations;
        let (effective, dense) = (count(operations.effective()), count(operations.dense));
        let told =
            format!("{} to {}, {}: {effective} of {dense}", projection.source, projection.target, projection.map);
        assert!(can_be_read(&viewer, &told), "{told}");
    }
}

#[test]
fn a_silent_neuron_is_opened_and_pinned() {
    let mut viewer = open_tab();
    let found = measured();
    let (at, silent) = (1..found.measured.neurons.len())
        .map(|at| (at, found.measured.silent(at)))
        .find(|(_, silent)| !silent.is_empty())
        .unwrap();
    let population = &found.measured.report.populations[at];
    let name = format!("{}: {} spikes", population.name, count(population.spikes));
    click_row(&mut viewer, &name);
    assert!(can_be_read(&viewer, &format!("{} of {}", thousands(silent.len()), thousands(population.neurons()))));
    click_and_settle(&mut viewer, &place(population.shape, silent[0]));
    let app = app(&mut viewer);
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
    let mut viewer = open_tab();
    compare(&mut viewer, &path);
    let subject = Arc::clone(&other);
    let measurement = Measurement::start(move || Ok(subject), IMAGES, || {});
    measurement.wait();
    let report = measurement.take().unwrap().unwrap().measured.report;
    assert!(can_be_read(&viewer, &other.name), "the legend names it");
    for name in ["conv1", "fc1", "fc2"] {
        let population = report.populations.iter().find(|population| population.name == name).unwrap();
        let second = format!("the other: {} spikes an image", count(population.spikes));
        assert!(can_be_read(&viewer, &second), "{second}");
    }
    assert!(can_be_read(&viewer, "fc2: not there; the other"));
    click_row(&mut viewer, "fc2: not there");
    assert!(can_be_read(&viewer, "fc2, neurons by their rate"));
    click_and_settle(&mut viewer, "Stop comparing");
    assert!(!can_be_read(&viewer, "the other"));
}

#[test]
fn what_cannot_be_compared_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing.safetensors");
    let mut viewer = open_tab();
    compare(&mut viewer, &missing);
    assert!(can_be_read(&viewer, "there is no such file or folder"));
    click_and_settle(&mut viewer, "Stop comparing");
    assert!(!can_be_read(&viewer, "there is no such file or folder"));

    let path = folder.path().join("small.safetensors");
    save_untrained(SMALL, &path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&missing, &bytes[..bytes.len() / 2]).unwrap();
    click_and_settle(&mut viewer, "Compare");
    assert!(can_be_read(&viewer, &missing.display().to_string()), "the truncated file is named");
}
