//! The sparsity tab, measured over a set of images: sparsity of each population, silent and saturated neurons, and
//! synaptic operations.

mod curves;
mod neurons;
mod operations;
mod pair;
mod table;

use std::sync::Arc;

use egui::{Button, CentralPanel, DragValue, Panel, RichText, ScrollArea, TextEdit, Ui};
use snn_train::units::{count, percent, thousands};

use self::pair::ReportPair;
use super::explain;
use crate::sparsity::MeasurementSlot;
use crate::{App, NetworkMeasurement, OpenNetwork, Palette};

pub(super) fn tab(app: &mut App, ui: &mut Ui) {
    let Some(subject) = app.subject.clone() else {
        let text = if app.worker.is_busy() { "opening" } else { "nothing is open" };
        CentralPanel::default().show(ui, |ui| ui.centered_and_justified(|ui| ui.label(text)));
        return;
    };
    Panel::top("sparsity controls").show(ui, |ui| controls(app, ui, &subject));
    let Some(pair) = ReportPair::of(&app.sparsity) else {
        CentralPanel::default().show(ui, |ui| ui.centered_and_justified(|ui| ui.label(waiting(&app.sparsity.own))));
        return;
    };
    Panel::top("sparsity summary").show(ui, |ui| summary(ui, &pair));
    Panel::right("sparsity neurons").default_size(384.0).size_range(300.0..=560.0).show(ui, |ui| {
        neurons::panel(app, ui, &subject, &pair);
    });
    CentralPanel::default().show(ui, |ui| {
        let height = (0.52 * ui.available_height()).max(120.0);
        let table = ScrollArea::vertical().id_salt("populations").max_height(height).auto_shrink([false, true]);
        table.show(ui, |ui| table::show(app, ui, &subject, &pair));
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.x = 20.0;
        ui.columns_const(|[left, right]| {
            for side in [&mut *left, &mut *right] {
                side.spacing_mut().item_spacing.x = 8.0;
            }
            operations::panel(app, left, &pair);
            curves::panel(app, right, &pair);
        });
    });
}

/// The text shown while there are no results.
fn waiting(slot: &MeasurementSlot) -> String {
    match slot {
        MeasurementSlot::Failed(reason) => reason.clone(),
        MeasurementSlot::Stopped => "The measurement was stopped; Measure starts it again.".to_owned(),
        _ => "measuring".to_owned(),
    }
}

/// Draws the controls: number of images, and network to compare with.
fn controls(app: &mut App, ui: &mut Ui, subject: &Arc<OpenNetwork>) {
    ui.add_space(2.0);
    let samples = subject.samples.as_ref().map_or(1, snn_core::Dataset::len).max(1);
    ui.horizontal(|ui| {
        let label = ui.label("Test images");
        let field = DragValue::new(&mut app.settings.images).range(1..=samples);
        ui.add(field).labelled_by(label.id).on_hover_text("The first so many test images are shown to the network");
        if ui.button("Measure").on_hover_text("Show them again").clicked() {
            app.sparsity.measure(subject, app.settings.images);
        }
        ui.separator();
        let label = ui.label("Compare with");
        let field = TextEdit::singleline(&mut app.sparsity.path).hint_text("runs/mnist-lenet-1").desired_width(260.0);
        let field = ui.add(field).labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let has_path = !app.sparsity.path.trim().is_empty();
        let explanation =
            "Checkpoint (.safetensors) or folder of a run, measured on as many images of its own test set";
        let is_clicked = ui.add_enabled(has_path, Button::new("Compare")).on_hover_text(explanation).clicked();
        if is_clicked || (is_entered && has_path) {
            app.sparsity.compare(app.start.data.clone(), app.settings.images);
        }
        if !matches!(app.sparsity.other, MeasurementSlot::Empty) && ui.button("Stop comparing").clicked() {
            app.sparsity.stop_comparing();
        }
        // Drawn last, so that nothing moves when the progress appears or disappears.
        progress(ui, "", &mut app.sparsity.own);
        progress(ui, "the other: ", &mut app.sparsity.other);
    });
    if let MeasurementSlot::Failed(reason) = &app.sparsity.other {
        ui.label(RichText::new(reason).color(Palette::of(ui.visuals()).wrong));
    }
    ui.add_space(2.0);
}

/// Draws the progress of a measurement, with a button to stop it.
fn progress(ui: &mut Ui, of: &str, slot: &mut MeasurementSlot) {
    let MeasurementSlot::Running(measurement) = slot else { return };
    let (done, images) = measurement.progress();
    ui.spinner();
    let text = if images == 0 { "opening".to_owned() } else { format!("{done} of {images} images") };
    ui.label(format!("{of}{text}"));
    if ui.button("Stop").clicked() {
        measurement.stop();
    }
}

/// Draws the summary of each network on one line.
fn summary(ui: &mut Ui, pair: &ReportPair) {
    ui.add_space(4.0);
    ui.columns_const(|tiles: &mut [Ui; 4]| {
        let [accuracy, spikes, operations, share] = tiles;
        tile(accuracy, pair, "Accuracy", explain::ACCURACY, |found| {
            let report = &found.measured.report;
            let note = format!("on {} images, {} time steps", thousands(report.images), report.steps);
            (percent(report.accuracy), note)
        });
        tile(spikes, pair, "Spikes an image", explain::SPIKES_AN_IMAGE, |found| {
            let report = &found.measured.report;
            (count(report.spikes), format!("{} of neurons and steps silent", percent(report.activation_sparsity)))
        });
        tile(operations, pair, "Synaptic operations an image", explain::OPERATIONS, |found| {
            let operations = &found.measured.report.operations;
            (count(operations.effective()), format!("of {} dense ones", count(operations.dense)))
        });
        tile(share, pair, "Share of dense operations", explain::SHARE, |found| {
            let report = &found.measured.report;
            let neurons = report.populations.iter().skip(1).map(|population| population.silent).sum::<usize>();
            (percent(dense_share(found)), format!("{} neurons never spike", thousands(neurons)))
        });
    });
    ui.add_space(4.0);
    if pair.other.is_some() {
        ui.horizontal(|ui| pair.legend(ui));
        ui.add_space(2.0);
    }
}

/// Effective operations as a fraction of dense operations.
fn dense_share(found: &NetworkMeasurement) -> f64 {
    let operations = &found.measured.report.operations;
    operations.effective() / operations.dense.max(1.0)
}

fn tile(
    ui: &mut Ui,
    pair: &ReportPair,
    title: &str,
    explanation: &str,
    figure: impl Fn(&NetworkMeasurement) -> (String, String),
) {
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.label(RichText::new(title).weak()).on_hover_text(explanation);
    let sides = pair.sides(Palette::of(ui.visuals()));
    for (found, colour) in &sides {
        let (number, note) = figure(found);
        ui.horizontal(|ui| {
            let number = RichText::new(number).size(20.0).strong();
            ui.label(if sides.len() > 1 { number.color(*colour) } else { number });
            ui.label(RichText::new(note).weak().size(11.0));
        });
    }
}
