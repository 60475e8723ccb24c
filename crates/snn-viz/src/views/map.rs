//! The network as a column of populations, each with name, shape, firing rate and an image of its spikes.

use egui::{Panel, Rect, RichText, ScrollArea, Sense, Ui, pos2, vec2};
use snn_core::{Shape, SpikeTrain};
use snn_train::units::percent;

use super::explain;
use crate::mosaic::{Mosaic, fit};
use crate::{App, Palette, ViewedTrial};

/// Height of an image.
const HEIGHT: f32 = 58.0;

/// Draws the panel on the left.
pub(super) fn panel(app: &mut App, ui: &mut Ui) {
    Panel::left("network").default_size(232.0).size_range(170.0..=420.0).show(ui, |ui| {
        ui.set_min_width(ui.available_width()); // without this, the panel shrinks while it is empty
        list(app, ui);
    });
}

fn list(app: &mut App, ui: &mut Ui) {
    let Some((subject, trial)) = app.subject.clone().zip(app.shown.trial.clone()) else { return };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let network = subject.network();
        entry(app, ui, &trial, None, "input", network.input(), trial.input_train());
        for (index, population) in network.populations().iter().enumerate() {
            let train = population.neuron.fires().then(|| &trial.trains[index]);
            entry(app, ui, &trial, Some(index), &population.name, population.shape, train);
        }
    });
}

/// Draws the entry of a population or of the input. `train` is missing if it emits numbers.
fn entry(
    app: &mut App,
    ui: &mut Ui,
    trial: &ViewedTrial,
    index: Option<usize>,
    name: &str,
    shape: Shape,
    train: Option<&SpikeTrain>,
) {
    let (palette, t) = (Palette::of(ui.visuals()), app.inspect.player.t());
    let is_open = app.inspect.selected == index;
    let frame = egui::Frame::new().inner_margin(5.0).corner_radius(4.0);
    let frame = if is_open {
        frame.fill(ui.visuals().faint_bg_color).stroke((1.0, palette.membrane))
    } else {
        frame.stroke((1.0, egui::Color32::TRANSPARENT))
    };
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let fired = trial.counts[index.map_or(0, |index| index + 1)][t];
        let rate = f64::from(fired) / shape.len().max(1) as f64;
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).strong());
            ui.label(RichText::new(shape.to_string()).weak().size(11.0));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let text = if train.is_some() { percent(rate) } else { "numbers".to_owned() };
                ui.label(RichText::new(text).monospace().size(11.0)).on_hover_text(explain::RATE);
            });
        });
        let Some(train) = train else { return };
        bar(ui, rate as f32, palette);
        thumbnail(app, ui, name, train, palette);
    });
    let response = ui.interact(inner.response.rect, ui.scope_id().with(("population", name)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_open, format!("Open {name}")));
    if response.clicked() {
        app.select(index);
    }
}

/// Draws the firing rate as a bar.
fn bar(ui: &mut Ui, rate: f32, palette: Palette) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, palette.ground);
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * rate.clamp(0.0, 1.0), rect.height()));
    ui.painter().rect_filled(filled, 2.0, palette.spike);
}

/// Draws the spikes at the current time step.
fn thumbnail(app: &mut App, ui: &mut Ui, name: &str, train: &SpikeTrain, palette: Palette) {
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    if !ui.is_rect_visible(room) {
        return;
    }
    let mosaic = Mosaic::new(train.shape(), room.width() / room.height());
    let rect = fit(room, mosaic.size());
    let (t, between) = (app.inspect.player.t(), ui.visuals().panel_fill);
    let what = (app.shown.version, t, between, mosaic.size(), rect.width() as u32);
    let texture = app.textures.get(ui.ctx(), name, what, || {
        let image = mosaic.paint(between, |neuron| spike_colour(train.get(t, 0, neuron), palette));
        shrink(image, rect.width(), palette)
    });
    ui.painter().image(texture, rect, WHOLE, egui::Color32::WHITE);
}

/// The whole texture, in texture coordinates.
pub(super) const WHOLE: Rect = Rect { min: egui::Pos2::ZERO, max: pos2(1.0, 1.0) };

pub(super) fn spike_colour(spike: i8, palette: Palette) -> egui::Color32 {
    match spike {
        0 => palette.ground,
        1 => palette.spike,
        _ => palette.other,
    }
}

/// Shrinks a larger image to about `points` wide. A pixel that covers several shows a spike if any of them does.
fn shrink(image: egui::ColorImage, points: f32, palette: Palette) -> egui::ColorImage {
    let [width, height] = image.size;
    let factor = (width as f32 / points.max(1.0)).ceil() as usize;
    if factor <= 1 {
        return image;
    }
    let small = [width.div_ceil(factor), height.div_ceil(factor)];
    let mut shrunk = egui::ColorImage::filled(small, palette.ground);
    for (y, row) in image.pixels.chunks(width).enumerate() {
        let into = &mut shrunk.pixels[y / factor * small[0]..][..small[0]];
        for (pixels, into) in row.chunks(factor).zip(into) {
            let spike = pixels.iter().find(|pixel| [palette.spike, palette.other].contains(pixel));
            *into = spike.copied().unwrap_or(*into);
        }
    }
    shrunk
}

#[cfg(test)]
mod tests {
    use egui::{Color32, ColorImage, Visuals};

    use super::*;

    #[test]
    fn no_spike_is_lost_where_a_picture_shrinks() {
        let palette = Palette::of(&Visuals::dark());
        let mut image = ColorImage::filled([200, 50], Color32::BLUE);
        for at in [0, 199, 200 * 49 + 77] {
            image.pixels[at] = palette.spike;
        }
        let shrunk = shrink(image.clone(), 64.0, palette);
        assert_eq!(shrunk.size, [50, 13]);
        assert_eq!(shrunk.pixels.iter().filter(|pixel| **pixel == palette.spike).count(), 3);
        assert_eq!(shrink(image.clone(), 200.0, palette), image);
    }
}
