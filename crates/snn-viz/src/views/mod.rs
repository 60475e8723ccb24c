//! The views of the window. Each part is a function that draws into a [`Ui`] and changes the [`App`] on user input.

mod answer;
mod attach;
mod chart;
mod explain;
mod gradients;
mod icons;
mod map;
mod picture;
mod plots;
mod population;
mod raster;
mod sparsity;
mod top;
mod traces;
mod training;
mod transport;

use std::time::Duration;

use egui::{CentralPanel, Context, Key, Panel, Ui};

use crate::{App, Tab};

pub use raster::Raster;

impl App {
    /// Draws one frame.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.take_answers();
        self.saving.exporter.tick(ui.ctx());
        for done in self.saving.exporter.done() {
            match done {
                Ok(path) => self.header.notice = Some(format!("saved {}", path.display())),
                Err(error) => self.header.fault = Some(error.to_string()),
            }
        }
        if let Some(file) = ui.input(|input| input.raw.dropped_files.first().cloned()) {
            self.open(Some(file.path().to_owned()));
        }
        self.inspect.player.advance(f64::from(ui.input(|input| input.unstable_dt)), self.settings.speed);
        keys(self, ui);
        let due = self.saving.recording.clone().filter(|_| !self.worker.is_busy());
        if let Some((_, t)) = &due {
            self.inspect.player.seek(*t);
        }
        self.ask_for_what_is_shown();
        window(self, ui);
        self.fit_plots &= self.shown.trial.is_none();
        if let Some((folder, t)) = due {
            self.record_frame(ui.ctx(), folder, t);
        }
        if let Some(seconds) = self.inspect.player.until_next(self.settings.speed) {
            ui.ctx().request_repaint_after(Duration::from_secs_f64(seconds));
        }
    }

    /// Saves the frame of time step `t` that was just drawn, and moves to the next step.
    fn record_frame(&mut self, context: &Context, folder: String, t: usize) {
        self.saving.exporter.frame(context, &folder, &format!("{t:04}.png"));
        let steps = self.shown.trial.as_ref().map_or(0, |trial| trial.steps());
        self.saving.recording = (t + 1 < steps).then_some((folder, t + 1));
        context.request_repaint();
    }
}

/// Draws the whole window.
fn window(app: &mut App, ui: &mut Ui) {
    Panel::top("top").show_separator_line(false).show(ui, |ui| top::bar(app, ui));
    top::messages(app, ui);
    match app.settings.tab {
        Tab::Inspect => inspect(app, ui),
        Tab::Sparsity => sparsity::tab(app, ui),
        Tab::Gradients => gradients::tab(app, ui),
        Tab::Training => drop(CentralPanel::default().show(ui, |ui| training::panel(app, ui))),
    }
}

/// Draws the inspect tab: network, population, input and answer, with the transport controls below.
fn inspect(app: &mut App, ui: &mut Ui) {
    Panel::bottom("transport").show(ui, |ui| transport::bar(app, ui));
    map::panel(app, ui);
    Panel::right("answer").default_size(372.0).size_range(280.0..=640.0).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        picture::panel(app, ui);
        answer::plot(app, ui);
        traces::plot(app, ui);
    });
    CentralPanel::default().show(ui, |ui| {
        population::panel(app, ui);
        raster::plot(app, ui);
    });
}

/// Handles keyboard shortcuts, unless text is being typed.
fn keys(app: &mut App, ui: &mut Ui) {
    if ui.ctx().memory(|memory| memory.focused().is_some()) || app.shown.trial.is_none() {
        return;
    }
    let is_pressed = |key: Key| ui.input(|input| input.key_pressed(key) && input.modifiers.is_none());
    let jump = if ui.input(|input| input.modifiers.shift_only()) { 10 } else { 1 };
    let is_pressed_with_shift = |key: Key| ui.input(|input| input.key_pressed(key) && !input.modifiers.command);
    if is_pressed(Key::Space) {
        app.inspect.player.toggle();
    }
    if is_pressed_with_shift(Key::ArrowRight) {
        app.inspect.player.step(jump);
    }
    if is_pressed_with_shift(Key::ArrowLeft) {
        app.inspect.player.step(-jump);
    }
    if is_pressed(Key::Home) {
        app.inspect.player.seek(0);
    }
    if is_pressed(Key::End) {
        app.inspect.player.seek(usize::MAX);
    }
    if is_pressed(Key::PageDown) || is_pressed(Key::N) {
        app.show_sample(app.shown.sample + 1);
    }
    if is_pressed(Key::PageUp) || is_pressed(Key::P) {
        app.show_sample(app.shown.sample.saturating_sub(1));
    }
    let populations = app.subject.as_ref().map_or(0, |subject| subject.network().populations().len());
    if is_pressed(Key::ArrowDown) {
        app.select(Some(app.inspect.selected.map_or(0, |at| at + 1).min(populations.saturating_sub(1))));
    }
    if is_pressed(Key::ArrowUp) {
        app.select(app.inspect.selected.and_then(|at| at.checked_sub(1)));
    }
}
