//! The gradients tab: a backward pass through the shown trial, with errors of neurons and gradients of weights.

mod errors;
mod filters;
mod maps;
mod spread;

use egui::{CentralPanel, ComboBox, Panel, RichText, Ui};

use super::{explain, map, plots, population, transport};
use crate::{App, Gradients, OpenNetwork, Palette};

pub(super) fn tab(app: &mut App, ui: &mut Ui) {
    Panel::bottom("transport").show(ui, |ui| transport::bar(app, ui));
    map::panel(app, ui);
    let found = app.backward.gradients.clone();
    let Some((subject, found)) = app.subject.clone().zip(found) else {
        let text = if app.worker.is_busy() { "going back through the trial" } else { "there is no gradient to show" };
        CentralPanel::default().show(ui, |ui| ui.centered_and_justified(|ui| ui.label(text)));
        return;
    };
    Panel::right("errors").default_size(392.0).size_range(300.0..=640.0).show(ui, |ui| {
        errors::over_time(app, ui, &subject, &found);
        errors::of_pins(app, ui, &subject, &found);
        spread::panel(app, ui, &subject, &found);
    });
    CentralPanel::default().show(ui, |ui| {
        header(app, ui, &subject, &found);
        ui.add_space(4.0);
        let Some(index) = app.inspect.selected else {
            ui.label(RichText::new("The input has no error; choose a population.").weak());
            return;
        };
        maps::panel(app, ui, &subject, &found, index);
        ui.add_space(4.0);
        filters::panel(app, ui, &subject, &found, index);
    });
}

/// Draws the loss, and the class for which it is computed.
fn header(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients) {
    ui.horizontal(|ui| {
        population::title(ui, subject, app.inspect.selected);
        ui.separator();
        plots::heading(ui, "Loss", explain::LOSS);
        ui.label(RichText::new(plots::short(found.loss)).strong().color(Palette::of(ui.visuals()).membrane));
        let label = ui.label("for class").on_hover_text(explain::LOSS_LABEL);
        let name = |class: usize| {
            let is_true = app.shown.trial.as_ref().is_some_and(|trial| trial.label == Some(class));
            format!("{}{}", subject.class_name(class), if is_true { ", the true one" } else { "" })
        };
        let mut chosen = found.label;
        let classes = subject.network().classes();
        let choice = ComboBox::from_id_salt("right class").selected_text(name(chosen)).width(120.0);
        let choice = choice.show_ui(ui, |ui| {
            for class in 0..classes {
                ui.selectable_value(&mut chosen, class, name(class));
            }
        });
        choice.response.labelled_by(label.id);
        if chosen != found.label {
            app.backward.gradient_label = Some(chosen);
        }
    });
}
