//! The top bar: the open network and the tabs. Messages are shown over the window.

use egui::{Align, Align2, Area, Color32, Frame, Id, Layout, Order, RichText, TextEdit, ThemePreference, Ui, vec2};

use crate::{App, Palette, Tab};

pub(super) fn bar(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        for tab in Tab::ALL {
            ui.selectable_value(&mut app.settings.tab, tab, RichText::new(tab.name()).strong());
        }
        ui.separator();
        if let Some(subject) = &app.subject {
            ui.label(RichText::new(&subject.name).strong());
            let steps = match subject.steps() {
                steps if steps == subject.trained_steps => format!("{steps} time steps"),
                steps => format!("{steps} time steps (trained on {})", subject.trained_steps),
            };
            let note = format!("{}, {steps}, {}", subject.built.experiment.data.name, subject.progress);
            ui.label(RichText::new(note).weak());
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            theme(app, ui);
            open_menu(app, ui);
            if app.subject.as_ref().is_some_and(|subject| subject.is_outdated())
                && ui.button("Reload").on_hover_text("The checkpoint was written anew since it was opened").clicked()
            {
                app.open_network(app.header.opened.clone());
            }
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
        let field = TextEdit::singleline(&mut app.header.path_field)
            .hint_text("runs/mnist-lenet-1")
            .desired_width(f32::INFINITY);
        let field = ui.add(field).labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        ui.horizontal(|ui| {
            let path = app.header.path_field.trim().to_owned();
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

/// Draws error messages and notes about saved files.
pub(super) fn messages(app: &mut App, ui: &mut Ui) {
    let palette = Palette::of(ui.visuals());
    let line = |ui: &mut Ui, text: &mut Option<String>, colour: Color32| {
        let Some(message) = text.clone() else { return };
        ui.horizontal_wrapped(|ui| {
            if ui.button("Dismiss").clicked() {
                *text = None;
            }
            ui.label(RichText::new(message).color(colour));
        });
    };
    if app.header.fault.is_none() && app.header.notice.is_none() {
        return;
    }
    // The messages are drawn over the rest of the window, so that nothing moves.
    let area =
        Area::new(Id::unique("messages")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -48.0));
    area.show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_max_width(760.0);
            line(ui, &mut app.header.fault, palette.wrong);
            line(ui, &mut app.header.notice, palette.right);
        });
    });
}
