//! Maps of a population: the summed error and the leak correction of each neuron.

use std::hash::Hash;

use egui::{Color32, Rect, Response, RichText, Sense, Stroke, StrokeKind, Ui, vec2};
use snn_core::Shape;

use super::super::{explain, icons, map, plots, population};
use crate::export::csv;
use crate::mosaic::{Mosaic, fit};
use crate::{App, Gradients, OpenNetwork, Palette, Pin};

pub(super) fn panel(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients, index: usize) {
    let (name, shape) = population::describe(subject, Some(index));
    let height = 0.46 * ui.available_height();
    let corrections = &found.corrections[index];
    if corrections.is_empty() {
        errors(app, ui, subject, &found.sums[index], (index, &name, shape), height);
        return;
    }
    ui.columns_const(|[left, right]| {
        errors(app, left, subject, &found.sums[index], (index, &name, shape), height);
        leaks(app, right, subject, corrections, (index, &name, shape), height);
    });
}

/// Draws the sum over time of the error of each neuron.
fn errors(
    app: &mut App,
    ui: &mut Ui,
    subject: &OpenNetwork,
    sums: &[f32],
    (index, name, shape): (usize, &str, Shape),
    height: f32,
) {
    let palette = Palette::of(ui.visuals());
    let save = plots::heading_with_save(ui, "Summed error", "Σ d(t)", explain::SUMMED_ERROR);
    let largest = sums.iter().fold(0.0, |most: f32, sum| most.max(sum.abs()));
    let scale = largest.max(f32::MIN_POSITIVE);
    signed_scale(ui, largest);
    let map = NeuronMap { name: format!("Errors of {name}"), shape, height: height - 48.0 };
    let rect = map.show(
        app,
        ui,
        index,
        |neuron| palette.signed(strength(sums[neuron] / scale)),
        |neuron| format!("Σ d(t) = {}", plots::short(f64::from(sums[neuron]))),
    );
    if let Some(format) = save {
        app.saving.exporter.save(format, &format!("{} {name} errors", subject.name), rect, || table(sums, shape));
    }
}

/// Draws the leak correction of each neuron, on a scale from the smallest to the largest.
fn leaks(
    app: &mut App,
    ui: &mut Ui,
    subject: &OpenNetwork,
    corrections: &[f32],
    (index, name, shape): (usize, &str, Shape),
    height: f32,
) {
    let palette = Palette::of(ui.visuals());
    let save = plots::heading_with_save(ui, "Leak correction", "C", explain::LEAK_CORRECTION);
    // Silent neurons have 0, and all others are near 1. The scale covers only the others.
    let others = corrections.iter().copied().filter(|c| *c > 0.0);
    let (least, most) = others.fold((f32::INFINITY, 0.0_f32), |(a, b), c| (a.min(c), b.max(c)));
    let least = if least < most { least } else { 0.0 };
    let share = |c: f32| if c > 0.0 { 0.15 + 0.85 * (c - least) / (most - least).max(f32::MIN_POSITIVE) } else { 0.0 };
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{least:.4}")).size(10.5).weak());
        icons::band(ui, |place| palette.level(0.15 + 0.85 * place));
        ui.label(RichText::new(format!("{most:.4}")).size(10.5).weak());
        ui.label(RichText::new("no colour: silent, 0").size(10.5).weak());
    });
    let map = NeuronMap { name: format!("Leak corrections of {name}"), shape, height: height - 48.0 };
    let rect = map.show(
        app,
        ui,
        index,
        |neuron| palette.level(share(corrections[neuron])),
        |neuron| format!("C = {:.5}", corrections[neuron]),
    );
    if let Some(format) = save {
        let file = format!("{} {name} leak corrections", subject.name);
        app.saving.exporter.save(format, &file, rect, || table(corrections, shape));
    }
}

/// Colour intensity for a fraction of the largest value: its square root, so that small values are distinguishable.
pub(super) fn strength(share: f32) -> f32 {
    share.abs().sqrt().copysign(share)
}

/// Draws the colour scale of signed numbers, with the values at its ends.
pub(super) fn signed_scale(ui: &mut Ui, largest: f32) {
    let palette = Palette::of(ui.visuals());
    let end = plots::short(f64::from(largest));
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("-{end}")).size(10.5).weak());
        icons::band(ui, |place| palette.signed(strength(2.0 * place - 1.0)));
        ui.label(RichText::new(end).size(10.5).weak());
    });
}

/// A map of the neurons of a population.
struct NeuronMap {
    name: String,
    shape: Shape,
    height: f32,
}

impl NeuronMap {
    /// Draws the map, describes the neuron under the pointer, and pins it on click.
    fn show(
        &self,
        app: &mut App,
        ui: &mut Ui,
        population: usize,
        colour: impl Fn(usize) -> Color32,
        tell: impl Fn(usize) -> String,
    ) -> Rect {
        let room = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), self.height.max(60.0)));
        let mosaic = Mosaic::new(self.shape, room.width() / room.height());
        let used = vec2(room.width(), fit(room, mosaic.size()).height());
        ui.allocate_exact_size(used, Sense::hover());
        let (rect, response) = picture(app, ui, (&self.name, ()), room, mosaic, colour);
        for (pin, colour) in app.inspect.pins.iter().zip(population::pin_colours(Palette::of(ui.visuals()))) {
            if pin.population == population {
                let around = mosaic.rect_of(rect, pin.neuron).expand(2.0);
                ui.painter().rect_stroke(around, 1.0, Stroke::new(2.0, colour), StrokeKind::Outside);
            }
        }
        if let Some(neuron) = response.hover_pos().and_then(|pos| mosaic.neuron_at(rect, pos)) {
            let text = format!("{}\n{}", population::place(self.shape, neuron), tell(neuron));
            if response.on_hover_text_at_pointer(text).clicked() {
                app.toggle_pin(Pin { population, neuron });
            }
        }
        rect
    }
}

/// Draws a mosaic called `name` centred in `room`. `what` distinguishes it from others of this trial.
pub(super) fn picture(
    app: &mut App,
    ui: &mut Ui,
    (name, what): (&str, impl Hash),
    room: Rect,
    mosaic: Mosaic,
    colour: impl Fn(usize) -> Color32,
) -> (Rect, Response) {
    let rect = fit(room, mosaic.size());
    let between = ui.visuals().panel_fill;
    let what = (app.shown.version, between, mosaic.size(), what);
    let texture = app.textures.get(ui.ctx(), name, what, || mosaic.paint(between, colour));
    ui.painter().image(texture, rect, map::WHOLE, Color32::WHITE);
    let response = ui.interact(rect, ui.scope_id().with(("picture", name)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    (rect, response)
}

fn table(values: &[f32], shape: Shape) -> String {
    let row = |(neuron, value): (usize, &f32)| {
        let (channel, pixel) = (neuron / shape.pixels(), neuron % shape.pixels());
        vec![channel as f64, (pixel / shape.width) as f64, (pixel % shape.width) as f64, f64::from(*value)]
    };
    csv(["channel", "row", "column", "value"], values.iter().enumerate().map(row))
}
