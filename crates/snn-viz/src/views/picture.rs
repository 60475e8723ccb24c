//! The network's input: a test sample or a drawn digit, its input spikes, and the scores beside it.

use egui::{Color32, ColorImage, Pos2, Rect, RichText, Sense, Ui, Vec2, vec2};
use snn_core::{Dataset, Shape};

use super::icons::{self, Icon};
use super::{answer, explain, map, plots};
use crate::mosaic::{Mosaic, fit};
use crate::{App, OpenNetwork, Palette, ViewedTrial};

/// Side length of the image in points.
const SIDE: f32 = 140.0;
/// Radius of the brush, as a fraction of the image's side length.
const BRUSH: f32 = 0.055;

pub(super) fn panel(app: &mut App, ui: &mut Ui) {
    let Some((subject, trial)) = app.subject.clone().zip(app.shown.trial.clone()) else { return };
    ui.add_space(4.0);
    controls(app, ui, &subject);
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(SIDE);
            canvas(app, ui, &subject, &trial);
            input(app, ui, &trial);
        });
        ui.vertical(|ui| answer::bars(app, ui, &subject, &trial));
    });
}

fn controls(app: &mut App, ui: &mut Ui, subject: &OpenNetwork) {
    ui.horizontal(|ui| {
        let samples = subject.samples.as_ref().map_or(0, Dataset::len);
        if samples > 0 && app.shown.drawing.is_none() {
            let mut sample = app.shown.sample;
            let label = ui.label("Image");
            if icons::button(ui, Icon::Back, "Previous image (P)").clicked() {
                sample = sample.saturating_sub(1);
            }
            let field = egui::DragValue::new(&mut sample).range(0..=samples - 1);
            ui.add(field).labelled_by(label.id).on_hover_text(format!("Test image, 0 to {}", samples - 1));
            if icons::button(ui, Icon::Forward, "Next image (N)").clicked() {
                sample += 1;
            }
            if sample != app.shown.sample {
                app.show_sample(sample);
            }
        }
        if subject.can_be_drawn_for()
            && app.shown.drawing.is_none()
            && ui.button("Draw").on_hover_text("Draw an image yourself").clicked()
        {
            app.show_drawing(vec![0; subject.image().len()]);
        }
        if app.shown.drawing.is_some() {
            if ui.button("Clear").clicked() {
                app.show_drawing(vec![0; subject.image().len()]);
            }
            if samples > 0 && ui.button("Done").on_hover_text("Back to the test images").clicked() {
                app.show_sample(app.shown.sample);
            }
        }
        if ui.button("New spikes").on_hover_text("Draw another random input train for this image").clicked() {
            app.draw_anew();
        }
    });
}

/// Draws the image. The user can paint on it while a drawing is shown.
fn canvas(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, trial: &ViewedTrial) {
    let shape = subject.image();
    let (title, name) = if app.shown.drawing.is_some() { ("Drawing", "Canvas") } else { ("Image", "The image") };
    plots::heading(ui, title, explain::INPUT);
    let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    let Some(drawing) = &app.shown.drawing else {
        let texture = app.textures.get(ui.ctx(), "the image", app.shown.version, || picture(&trial.image, shape));
        ui.painter().image(texture, rect, map::WHOLE, Color32::WHITE);
        return;
    };
    // Shows the drawing as the user painted it. The network's input is centred.
    let values = || drawing.iter().map(|&byte| f32::from(byte) / 255.0).collect::<Vec<f32>>();
    let texture = app.textures.get(ui.ctx(), "the drawing", drawing, || picture(&values(), shape));
    ui.painter().image(texture, rect, map::WHOLE, Color32::WHITE);
    if response.is_pointer_button_down_on()
        && let Some(pos) = response.interact_pointer_pos()
    {
        let mut bytes = drawing.clone();
        // A line begins where the button is pressed. The movement of the pointer to that place is not part of it.
        let moved = ui.input(|input| if input.pointer.any_pressed() { Vec2::ZERO } else { input.pointer.delta() });
        let from = pos - moved;
        stroke(&mut bytes, shape, rect, from, pos);
        if bytes != *drawing {
            app.show_drawing(bytes);
        }
    }
}

/// Converts an image to display colours: red, green and blue of three channels; the two polarities of recordings in the
/// spike colours.
fn picture(values: &[f32], shape: Shape) -> ColorImage {
    let at = |channel: usize, pixel: usize| values[channel * shape.pixels() + pixel];
    let byte = |value: f32| (255.0 * value).round() as u8;
    let colour = |pixel: usize| match shape.channels {
        3 => Color32::from_rgb(byte(at(0, pixel)), byte(at(1, pixel)), byte(at(2, pixel))),
        2 => {
            let (on, off) = (at(0, pixel).sqrt(), at(1, pixel).sqrt());
            Color32::from_rgb(byte(on), byte(0.6 * on.max(off)), byte(off))
        }
        _ => Color32::from_gray(byte(at(0, pixel))),
    };
    ColorImage::new([shape.width, shape.height], (0..shape.pixels()).map(colour).collect())
}

/// Paints a line with a round brush that has a soft edge.
fn stroke(bytes: &mut [u8], shape: Shape, rect: Rect, from: Pos2, to: Pos2) {
    let scale = vec2(shape.width as f32, shape.height as f32) / rect.size();
    let (from, to) = ((from - rect.min) * scale, (to - rect.min) * scale);
    let radius = BRUSH * shape.width as f32;
    for row in 0..shape.height {
        for column in 0..shape.width {
            let centre = vec2(column as f32 + 0.5, row as f32 + 0.5);
            let along = (to - from).length_sq();
            let share = if along == 0.0 { 0.0 } else { ((centre - from).dot(to - from) / along).clamp(0.0, 1.0) };
            let distance = (centre - (from + (to - from) * share)).length();
            let ink = (255.0 * (radius + 0.5 - distance).clamp(0.0, 1.0)) as u8;
            let byte = &mut bytes[row * shape.width + column];
            *byte = ink.max(*byte);
        }
    }
}

/// Draws the input spikes at the current time step.
fn input(app: &mut App, ui: &mut Ui, trial: &ViewedTrial) {
    let Some(train) = trial.input_train() else { return };
    plots::heading(ui, "Input spikes", explain::INPUT);
    let t = app.inspect.player.t();
    let palette = Palette::of(ui.visuals());
    let (room, _) = ui.allocate_exact_size(vec2(SIDE, SIDE * 0.6), Sense::hover());
    let mosaic = Mosaic::new(train.shape(), room.width() / room.height());
    let between = ui.visuals().panel_fill;
    let texture = app.textures.get(ui.ctx(), "input spikes", (app.shown.version, t, between), || {
        mosaic.paint(between, |neuron| map::spike_colour(train.get(t, 0, neuron), palette))
    });
    ui.painter().image(texture, fit(room, mosaic.size()), map::WHOLE, Color32::WHITE);
    let fired = RichText::new(format!("{} at this step", trial.counts[0][t])).weak().size(11.0);
    ui.label(fired);
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn a_stroke_leaves_ink_along_its_way_only() {
        let shape = Shape::new(1, 28, 28);
        let mut bytes = vec![0; 784];
        let rect = Rect::from_min_size(pos2(100.0, 50.0), vec2(280.0, 280.0));
        stroke(&mut bytes, shape, rect, pos2(150.0, 100.0), pos2(350.0, 100.0));
        assert_eq!((bytes[5 * 28 + 5], bytes[5 * 28 + 15], bytes[5 * 28 + 24]), (255, 255, 255));
        assert_eq!((bytes[15 * 28 + 15], bytes[5 * 28]), (0, 0));
    }
}
