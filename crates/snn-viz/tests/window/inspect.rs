//! One inference: opened, played, scrubbed, drawn; and what is shown is what the reference engine computes.

use std::fs;
use std::time::{Duration, SystemTime};

use egui::{Key, pos2};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::Queryable as _;
use snn_core::reference::Reference;
use snn_core::{Dropout, Encoded, Engine as _, Plan, Stimulus, Trial};
use snn_viz::{MapKind, Pin, Raster, Settings, StartupSettings};

use crate::common::{app, can_be_read, click, open, settle, viewer};

/// The shipped network over a few steps.
fn short(steps: usize) -> StartupSettings {
    StartupSettings { steps: Some(steps), ..StartupSettings::default() }
}

#[test]
fn the_first_start_shows_the_shipped_network_at_work() {
    let mut viewer = viewer(StartupSettings::default());
    assert_eq!(app(&mut viewer).fault(), None);
    assert!(can_be_read(&viewer, "mnist-lenet"));
    let trial = app(&mut viewer).trial().unwrap().clone();
    assert_eq!((trial.label, trial.answer(trial.steps() - 1)), (Some(7), 7), "the first test image is a 7");
    for population in ["input", "conv1", "pool1", "conv2", "pool2", "fc1", "readout"] {
        assert!(can_be_read(&viewer, &format!("Open {population}")), "{population}");
    }
}

#[test]
fn time_is_played_stepped_and_scrubbed() {
    let mut viewer = viewer(short(20));
    click(&mut viewer, "First step (Home)");
    assert_eq!(app(&mut viewer).t(), 0);
    click(&mut viewer, "One step on (→; with Shift, 10)");
    assert_eq!(app(&mut viewer).t(), 1);
    click(&mut viewer, "Play (Space)");
    viewer.run_steps(200); // of a sixtieth of a second or more
    assert_eq!(app(&mut viewer).t(), 19);
    assert!(can_be_read(&viewer, "Play"), "it stops at the end");
    viewer.get_by_label("Time step").set_value_accesskit(7.0);
    viewer.run_steps(2);
    assert_eq!(app(&mut viewer).t(), 7);
    viewer.key_press(Key::ArrowLeft);
    viewer.run_steps(2);
    assert_eq!(app(&mut viewer).t(), 6);
    viewer.key_press(Key::End);
    viewer.run_steps(2);
    assert_eq!(app(&mut viewer).t(), 19);
}

#[test]
fn a_neuron_that_is_clicked_is_pinned_and_its_trace_shown() {
    let mut viewer = viewer(short(8));
    click(&mut viewer, "Open fc1");
    settle(&mut viewer);
    assert_eq!(app(&mut viewer).selected(), Some(4));
    let middle = viewer.get_by_label("Neurons of fc1").rect().center();
    for pressed in [true, false] {
        let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
        viewer.event(egui::Event::PointerMoved(middle));
        viewer.event(egui::Event::PointerButton { pos: middle, button, pressed, modifiers });
        viewer.step();
    }
    settle(&mut viewer);
    let pins: Vec<Pin> = app(&mut viewer).traces().iter().map(|(pin, _)| *pin).collect();
    assert_eq!((pins.len(), pins[1].population), (2, 4));
    let name = format!("fc1, neuron {}", pins[1].neuron);
    assert!(can_be_read(&viewer, &name), "{name}");
}

#[test]
fn the_next_image_is_shown_and_spikes_are_drawn_anew() {
    let mut viewer = viewer(short(8));
    let first = app(&mut viewer).trial().unwrap().clone();
    click(&mut viewer, "New spikes");
    settle(&mut viewer);
    let again = app(&mut viewer).trial().unwrap().clone();
    assert_eq!((again.label, again.draw), (first.label, 1));
    assert_ne!(again.input, first.input);
    click(&mut viewer, "Next image (N)");
    settle(&mut viewer);
    assert_eq!(app(&mut viewer).trial().unwrap().label, Some(2), "the second test image is a 2");
}

#[test]
fn a_digit_that_is_drawn_is_recognised() {
    let mut viewer = viewer(short(30));
    click(&mut viewer, "Draw");
    settle(&mut viewer);
    let rect = viewer.get_by_label("Canvas").rect();
    // A stroke from the top to the bottom, a little to the left: a 1.
    let at = |share: f32| {
        pos2(rect.left() + rect.width() * (0.54 - 0.08 * share), rect.top() + rect.height() * (0.18 + 0.64 * share))
    };
    viewer.drag_at(at(0.0));
    viewer.step();
    for k in 1..=20 {
        viewer.hover_at(at(k as f32 / 20.0));
        viewer.step();
    }
    viewer.drop_at(at(1.0));
    settle(&mut viewer);
    let trial = app(&mut viewer).trial().unwrap().clone();
    assert_eq!((trial.label, trial.answer(trial.steps() - 1)), (None, 1));
    click(&mut viewer, "Done");
    settle(&mut viewer);
    assert_eq!(app(&mut viewer).trial().unwrap().label, Some(7));
}

#[test]
fn membranes_and_raster_are_those_of_the_reference_engine() {
    const STEPS: usize = 6;
    let mut viewer = viewer(short(STEPS));
    click(&mut viewer, "Open conv2");
    settle(&mut viewer);
    let app = app(&mut viewer);
    let (subject, trial) = (app.subject().unwrap().clone(), app.trial().unwrap().clone());
    let Encoded::Spikes(input) = &trial.input else { panic!("the shipped network reads spikes") };
    let (network, neurons) = (subject.network(), 50 * 14 * 14);
    for steps in 1..=STEPS {
        let mut session = Reference.compile(network, Plan::new(steps, 1).record()).unwrap();
        session.load(&subject.weights).unwrap();
        let part = input.part(0..steps, &[0]);
        session.forward(&Trial { stimulus: Stimulus::Spikes(&part), dropout: Dropout::Off }).unwrap();
        let record = session.record(2).unwrap();
        // What the map shows is the membrane before the reset; after it, it is leak times that, or 0 after a spike.
        let shown = app.membranes().unwrap().at(steps - 1).unwrap();
        let raster = Raster::new(&trial.trains[2], 0, neurons);
        let mut in_row = vec![0.0; raster.size[0]];
        for (neuron, &v) in shown.iter().enumerate() {
            let fired = record.spikes.get(steps - 1, 0, neuron);
            let expected = if fired == 1 { 0.0 } else { 0.99 * v };
            assert!((record.membrane[neuron] - expected).abs() < 1e-5, "step {steps}, neuron {neuron}");
            assert_eq!(i8::from(v > 1.0), fired, "step {steps}, neuron {neuron}");
            in_row[neuron / raster.neurons_a_row] += f32::from(fired) / raster.neurons_a_row as f32;
        }
        let column: Vec<f32> = (0..raster.size[0]).map(|row| raster.density[row * STEPS + steps - 1]).collect();
        assert!(column.iter().zip(&in_row).all(|(a, b)| (a - b).abs() < 1e-6), "step {steps}");
        let (pin, traces) = &app.traces()[0];
        assert_eq!(pin.population, 0);
        let after = session.record(0).unwrap().membrane[pin.neuron];
        assert!((traces.membrane[steps - 1] - after).abs() < 1e-5, "step {steps}");
    }
}

#[test]
fn what_cannot_be_opened_is_said_in_words_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let shipped =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../snn-zoo/zoo/mnist-lenet/weights.safetensors")).unwrap();
    let truncated = folder.path().join("truncated.safetensors");
    fs::write(&truncated, &shipped[..shipped.len() / 2]).unwrap();
    let newer = folder.path().join("newer.safetensors");
    let (from, to) = (br#""schema":"2""#, br#""schema":"9""#);
    let at = shipped.windows(from.len()).position(|window| window == from).unwrap();
    fs::write(&newer, [&shipped[..at], to, &shipped[at + from.len()..]].concat()).unwrap();
    let begun = folder.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join("experiment.ron"), "()").unwrap();
    let expected = [
        (truncated, "truncated"),
        (newer, "schema version \"9\" is not supported"),
        (begun, "holds no checkpoint yet"),
        (folder.path().to_owned(), "holds no run"),
        (folder.path().join("nothing"), "there is no such file or folder"),
    ];
    let mut viewer = viewer(short(4));
    for (path, message) in expected {
        click(&mut viewer, "Open");
        let field = viewer.get_by_label("Checkpoint (.safetensors) or folder of a run:");
        field.set_text_value_accesskit(&path.display().to_string());
        viewer.run_steps(2);
        click(&mut viewer, "Open it");
        settle(&mut viewer);
        assert!(can_be_read(&viewer, message), "{message}: {:?}", app(&mut viewer).fault());
        assert!(can_be_read(&viewer, &path.display().to_string()), "{}", path.display());
        assert!(app(&mut viewer).trial().is_some(), "what was open stays open");
        click(&mut viewer, "Dismiss");
        assert!(!can_be_read(&viewer, message), "{message}");
    }
}

#[test]
fn a_checkpoint_that_was_written_anew_can_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../snn-zoo/zoo/mnist-lenet/weights.safetensors"), &file).unwrap();
    let mut viewer = viewer(StartupSettings { path: Some(file.clone()), ..short(4) });
    assert!(viewer.query_by_label("Reload").is_none());
    let later = SystemTime::now() + Duration::from_mins(1);
    fs::File::options().append(true).open(&file).unwrap().set_modified(later).unwrap();
    viewer.run_steps(2);
    click(&mut viewer, "Reload");
    settle(&mut viewer);
    assert!(viewer.query_by_label("Reload").is_none() && app(&mut viewer).trial().is_some());
}

#[test]
fn nothing_is_answered_before_anything_fired() {
    let mut viewer = viewer(short(20));
    click(&mut viewer, "First step (Home)");
    assert!(can_be_read(&viewer, "none yet") && !can_be_read(&viewer, "wrong"));
    viewer.key_press(Key::End);
    viewer.run_steps(2);
    assert!(!can_be_read(&viewer, "none yet") && can_be_read(&viewer, "right"));
}

#[test]
fn without_images_one_can_still_draw() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut viewer = viewer(StartupSettings { data: Some(nowhere.path().to_owned()), ..short(4) });
    assert!(can_be_read(&viewer, "no images to show, but they can be drawn"));
    assert!(viewer.query_by_label("Canvas").is_some() && app(&mut viewer).trial().is_some());
}

#[test]
fn numbers_are_saved_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut viewer = viewer(StartupSettings { exports: Some(folder.path().to_owned()), ..short(4) });
    click(&mut viewer, "Save membranes");
    click(&mut viewer, "Save numbers (CSV)");
    settle(&mut viewer);
    assert!(can_be_read(&viewer, "saved"), "{:?}", app(&mut viewer).fault());
    let text = fs::read_to_string(folder.path().join("mnist-lenet-image-0-membranes.csv")).unwrap();
    let (pin, traces) = app(&mut viewer).traces()[0].clone();
    let first = format!("conv1,{},0,{},{}", pin.neuron, traces.current[0], traces.charged[0]);
    assert!(text.lines().nth(1).is_some_and(|line| line.starts_with(&first)), "{first} in\n{text}");
    assert_eq!(text.lines().count(), 5);
}

/// Whether there is a software card: pictures are compared as one paints them, for no two others paint alike.
fn has_software_card() -> bool {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.iter().any(|adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu)
}

/// Pictures of the window at half its size, in both themes and with two kinds of map.
#[test]
fn the_window_looks_as_it_did() {
    if !has_software_card() {
        assert!(std::env::var_os("SNN_REQUIRE_GPU").is_none(), "there is no software card to paint pictures with");
        eprintln!("skipped: there is no software card to paint pictures with (on Debian: mesa-vulkan-drivers)");
        return;
    }
    let mut results = SnapshotResults::new();
    for (theme, map, name) in [
        (egui::ThemePreference::Dark, MapKind::Membranes, "inspect-dark"),
        (egui::ThemePreference::Light, MapKind::Counts, "inspect-light"),
    ] {
        let settings = Settings { theme, map, ..Settings::default() };
        let mut viewer = open(short(20), [1280.0, 800.0], 0.5, settings);
        viewer.snapshot(name);
        results.extend_harness(&mut viewer);
    }
}

#[test]
fn a_network_of_the_zoo_is_opened_by_its_name() {
    let open = |name: &str| {
        let viewer = viewer(StartupSettings { path: Some(name.into()), ..short(4) });
        (can_be_read(&viewer, "mnist-lenet"), can_be_read(&viewer, "there is no such network; the zoo has mnist-lenet"))
    };
    assert!(open("zoo:mnist-lenet").0);
    assert!(open("zoo:lenet").1);
}
