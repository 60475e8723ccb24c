//! The bar at the top: what is open, and the tabs; messages below it.

use egui::{Align, Color32, Layout, Panel, RichText, TextEdit, ThemePreference, Ui};

use crate::{App, Palette, Tab};

pub(super) fn bar(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        for tab in Tab::ALL {
            ui.selectable_value(&mut app.settings.tab, tab, RichText::new(tab.name()).strong());
        }
        ui.separator();
        if let Some(subject) = &app.subject {
            ui.label(RichText::new(&subject.name).strong());
            let note =
                format!("{}, {} time steps, {}", subject.experiment.data.name, subject.steps(), subject.progress);
            ui.label(RichText::new(note).weak());
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            theme(app, ui);
            open_menu(app, ui);
            if app.worker.is_busy() {
                ui.spinner().on_hover_text("computing");
            }
        });
    });
}

fn theme(app: &mut App, ui: &mut Ui) {
    let (text, next) =
        if ui.visuals().dark_mode { ("Light", ThemePreference::Light) } else { ("Dark", ThemePreference::Dark) };
    let button = ui.button(text).on_hover_text("Change the colours of the window");
    if button.clicked() {
        app.settings.theme = next;
        ui.ctx().set_theme(next);
    }
}

fn open_menu(app: &mut App, ui: &mut Ui) {
    ui.menu_button("Open", |ui| {
        ui.set_min_width(360.0);
        let label = ui.label("Checkpoint (.safetensors) or folder of a run:");
        let field =
            TextEdit::singleline(&mut app.path_field).hint_text("runs/mnist-lenet-1").desired_width(f32::INFINITY);
        let field = ui.add(field).labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        ui.horizontal(|ui| {
            let path = app.path_field.trim().to_owned();
            if ui.add_enabled(!path.is_empty(), egui::Button::new("Open it")).clicked()
                || (is_entered && !path.is_empty())
            {
                app.open(Some(path.into()));
                ui.close();
            }
            if ui.button("Open the shipped LeNet").clicked() {
                app.open(None);
                ui.close();
            }
        });
        ui.label(RichText::new("Files and folders can be dropped on the window, too.").weak());
    });
}

/// What could not be done, and what was.
pub(super) fn messages(app: &mut App, ui: &mut Ui) {
    let palette = Palette::of(ui.visuals());
    let line = |ui: &mut Ui, id: &'static str, text: &mut Option<String>, colour: Color32| {
        let Some(message) = text.clone() else { return };
        Panel::top(id).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                if ui.button("Dismiss").clicked() {
                    *text = None;
                }
                ui.label(RichText::new(message).color(colour));
            });
        });
    };
    line(ui, "fault", &mut app.fault, palette.wrong);
    line(ui, "notice", &mut app.notice, palette.right);
}
