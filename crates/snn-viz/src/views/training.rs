//! The training tab: the state of a run, its alarms, and its curves.

use std::time::SystemTime;

use egui::{Color32, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2};
use snn_train::units;

use super::attach;
use super::chart::{Chart, Curve, Look, Scale};
use crate::follow::{Follower, History, RunState, Series};
use crate::{App, Palette, Tab};

/// Maximum number of points of a line that shows the trend of updates.
const STRETCHES: usize = 150;

/// Maximum number of points of a pale line that shows the scatter of updates.
const PALE_STRETCHES: usize = 500;

/// Draws the tab: the attached run, or a choice of runs.
pub(super) fn panel(app: &mut App, ui: &mut Ui) {
    let Some(mut follower) = app.follower.take() else { return attach::page(app, ui) };
    if let Some(again) = follower.look() {
        ui.ctx().request_repaint_after(again);
    }
    let palette = Palette::of(ui.visuals());
    let goes_on = status(app, ui, &follower, &palette);
    alarms(ui, &follower, &palette);
    let start = follower.history().start.is_some() && follower.history().foreign.is_none();
    if start {
        grid(app, ui, &follower, &palette);
    }
    app.follower = app.follower.take().or(Some(follower)).filter(|_| goes_on);
}

/// Draws the status line. Returns whether the run stays attached.
fn status(app: &mut App, ui: &mut Ui, follower: &Follower, palette: &Palette) -> bool {
    let state = follower.state(SystemTime::now());
    let history = follower.history();
    let colour = match state {
        RunState::Running | RunState::Finished => palette.right,
        RunState::Stopped | RunState::Foreign => palette.wrong,
        RunState::Waiting => palette.membrane,
    };
    let mut stays = true;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        ui.label(RichText::new(follower.name()).strong()).on_hover_text(follower.folder().display().to_string());
        ui.label(RichText::new(state.name()).color(colour));
        for (what, value) in figures(history) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                ui.label(RichText::new(what).weak());
                ui.label(value);
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            stays = !ui.button("Detach").on_hover_text("Choose another run.").clicked();
            let tip = "Open the best network so far in the other tabs.";
            if follower.has_checkpoint() && ui.button("Open its network").on_hover_text(tip).clicked() {
                app.open_network(Some(follower.folder().to_owned()));
                app.settings.tab = Tab::Inspect;
            }
            if let Some(start) = &history.start {
                ui.label(RichText::new(&start.engine).weak()).on_hover_text("What the run is computed on.");
            }
        });
    });
    stays
}

/// Figures of the run, as label and value.
fn figures(history: &History) -> Vec<(&'static str, String)> {
    let Some(start) = &history.start else { return Vec::new() };
    let (done, step) = history.position;
    let epoch = if done < start.epochs && step > 0 { done + 1 } else { done.max(1) };
    let mut figures = vec![("epoch", format!("{epoch} of {}", start.epochs))];
    figures.extend(history.images_per_second().map(|speed| ("images/s", units::count(speed))));
    figures.extend(history.seconds_per_epoch().map(|seconds| ("per epoch", units::duration(seconds))));
    let best = history.best.map(|(share, epoch)| format!("{} (epoch {epoch})", units::percent(share)));
    figures.extend(best.map(|text| ("best validation", text)));
    figures.extend(history.finished.as_ref().map(|(_, test)| ("test", units::percent(test.accuracy))));
    figures
}

/// Draws the alarms, in at most a few lines.
fn alarms(ui: &mut Ui, follower: &Follower, palette: &Palette) {
    let alarms = follower.alarms();
    if !alarms.is_empty() {
        ScrollArea::vertical().id_salt("alarms").max_height(70.0).show(ui, |ui| {
            for alarm in alarms {
                ui.label(RichText::new(alarm).color(palette.wrong));
            }
        });
    }
    ui.add_space(4.0);
}

/// Draws six charts that fill the window.
fn grid(app: &mut App, ui: &mut Ui, follower: &Follower, palette: &Palette) {
    const GAP: egui::Vec2 = vec2(14.0, 10.0);
    let whole = ui.available_rect_before_wrap();
    let size = (whole.size() - GAP * vec2(2.0, 1.0)) / vec2(3.0, 2.0);
    let run = follower.name();
    for (index, chart) in charts(follower.history(), palette).into_iter().enumerate() {
        let place = vec2((index % 3) as f32, (index / 3) as f32);
        let cell = Rect::from_min_size(whole.min + place * (size + GAP), size.max(vec2(60.0, 60.0)));
        ui.scope_builder(UiBuilder::new().max_rect(cell).id_salt(chart.title), |ui| {
            chart.show(ui, &run, &mut app.saving.exporter);
        });
    }
}

fn charts(history: &History, palette: &Palette) -> [Chart; 6] {
    let epochs = &history.epochs;
    let (first, second) = (palette.membrane, palette.spike);
    let both = |updates: &Series, training: &Series, validation: &Series, factor: f64| {
        vec![
            curve("update", times(&updates.stretches(PALE_STRETCHES), factor), first, Look::Faint),
            curve("training", times(training.points(), factor), first, Look::Dotted),
            curve("validation", times(validation.points(), factor), second, Look::Dotted),
        ]
    };
    let smoothed = |series: &Series| {
        let mean = curve("mean", series.stretches(STRETCHES), first, Look::Strong);
        vec![curve("update", series.stretches(PALE_STRETCHES), first, Look::Faint), mean]
    };
    let last = history.populations.len().saturating_sub(1).max(1) as f32;
    let rates = history.populations.iter().enumerate().map(|(index, (name, series))| {
        let points = times(&series.stretches(STRETCHES), 100.0);
        curve(name, points, depth(palette, index as f32 / last), Look::Strong)
    });
    [
        Chart {
            title: "Loss",
            explanation: LOSS,
            unit: "loss per image",
            scale: Scale::Log,
            curves: both(&history.loss, &epochs.loss, &epochs.validation_loss, 1.0),
        },
        Chart {
            title: "Accuracy",
            explanation: ACCURACY,
            unit: "right (%)",
            scale: Scale::Percent,
            curves: both(&history.accuracy, &epochs.accuracy, &epochs.validation_accuracy, 100.0),
        },
        Chart {
            title: "Firing rates",
            explanation: RATES,
            unit: "spikes per neuron and step (%)",
            scale: Scale::Log,
            curves: rates.collect(),
        },
        Chart {
            title: "Learning rate",
            explanation: RATE,
            unit: "learning rate",
            scale: Scale::FromZero,
            curves: vec![curve("", history.rate.points().to_vec(), first, Look::Strong)],
        },
        Chart {
            title: "Gradient norm",
            explanation: GRADIENT,
            unit: "norm",
            scale: Scale::Log,
            curves: smoothed(&history.gradient),
        },
        Chart {
            title: "Speed",
            explanation: SPEED,
            unit: "images per second",
            scale: Scale::FromZero,
            curves: smoothed(&history.speed),
        },
    ]
}

fn curve(name: &str, points: Vec<[f64; 2]>, colour: Color32, look: Look) -> Curve {
    Curve { name: name.to_owned(), points, colour, look }
}

fn times(points: &[[f64; 2]], factor: f64) -> Vec<[f64; 2]> {
    points.iter().map(|[epoch, value]| [*epoch, factor * value]).collect()
}

/// Colour of a population by its depth, from 0 at the input to 1 at the output.
fn depth(palette: &Palette, place: f32) -> Color32 {
    if place < 0.5 {
        palette.membrane.lerp_to_gamma(palette.other, 2.0 * place)
    } else {
        palette.other.lerp_to_gamma(palette.spike, 2.0 * place - 1.0)
    }
}

const LOSS: &str = "Loss per image, the penalty on firing rates included. Pale: updates, before the weights change; where there are \
    many, a few of them. Dots: means over an epoch.\nDrag to zoom in, double click to see all.";
const ACCURACY: &str = "Share of the images answered correctly. Pale: updates, before the weights change; where there are many, \
    a few of them. Dots: means over an epoch; training images are met while the weights change, validation images at its end.";
const RATES: &str = "Firing rate of each population: its spikes over neurons, time steps and images. Below 0.001 % it is \
    silent, above 90 % saturated; either way little is learned through it.";
const RATE: &str = "Learning rate, as the schedule gives it.";
const GRADIENT: &str = "Norm of the gradient of the mean loss, before clipping.";
const SPEED: &str = "Training images learned from in a second, validation not counted.";
