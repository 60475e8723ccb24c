//! The transport controls: play, pause, step and scrub through the time steps.

use egui::{RichText, Slider, Ui};

use super::icons::{self, Icon};
use crate::App;

pub(super) fn bar(app: &mut App, ui: &mut Ui) {
    let Some(trial) = app.shown.trial.clone() else {
        ui.label("");
        return;
    };
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        if icons::button(ui, Icon::First, "First step (Home)").clicked() {
            app.inspect.player.seek(0);
        }
        if icons::button(ui, Icon::Back, "One step back (←; with Shift, 10)").clicked() {
            app.inspect.player.step(-1);
        }
        let (icon, name) =
            if app.inspect.player.is_playing() { (Icon::Pause, "Pause (Space)") } else { (Icon::Play, "Play (Space)") };
        if icons::button(ui, icon, name).clicked() {
            app.inspect.player.toggle();
        }
        if icons::button(ui, Icon::Forward, "One step on (→; with Shift, 10)").clicked() {
            app.inspect.player.step(1);
        }
        if icons::button(ui, Icon::Last, "Last step (End)").clicked() {
            app.inspect.player.seek(usize::MAX);
        }
        let last = trial.steps() - 1;
        ui.label(RichText::new(format!("step {:>3} of 0 to {last}", app.inspect.player.t())).monospace());
        let mut t = app.inspect.player.t();
        let width = (ui.available_width() - 330.0).max(80.0);
        ui.spacing_mut().slider_width = width;
        let slider = ui.add(Slider::new(&mut t, 0..=last).show_value(false));
        slider.widget_info(|| egui::WidgetInfo::slider(true, t as f64, "Time step"));
        if slider.changed() {
            app.inspect.player.seek(t);
        }
        let label = ui.label("speed");
        ui.spacing_mut().slider_width = 90.0;
        let speed =
            Slider::new(&mut app.settings.speed, 1.0..=120.0).logarithmic(true).suffix(" steps/s").fixed_decimals(0);
        ui.add(speed).labelled_by(label.id);
        let name = "Save every step as a picture of the window, for a talk";
        if icons::button(ui, Icon::Frames, name).clicked() {
            app.record_frames();
        }
    });
    ui.add_space(2.0);
}
