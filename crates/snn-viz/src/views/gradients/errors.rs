//! Plots of errors over time, of all populations and of the pinned neurons.

use egui::{RichText, Ui};
use egui_plot::{Line, PlotPoint, PlotPoints, Text};

use super::super::{explain, icons, plots, population};
use crate::export::csv;
use crate::{App, Gradients, OpenNetwork, Palette};

/// Maximum number of populations whose names are drawn beside their lines. If there are more, only the open one is
/// named.
const MOST_NAMES: usize = 10;

/// Plots the mean error of every population on a logarithmic scale; the open one is highlighted.
pub(super) fn over_time(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients) {
    let palette = Palette::of(ui.visuals());
    let selected = app.inspect.selected;
    let note = selected.map_or_else(String::new, |index| {
        format!("mean over neurons; strong: {}", subject.network().populations()[index].name)
    });
    let save = plots::heading_with_save(ui, "Error", &note, explain::ERROR_OVER_TIME);
    let names: Vec<String> = subject.network().populations().iter().map(|population| population.name.clone()).collect();
    let lines: Vec<(String, bool, Vec<[f64; 2]>)> = (names.iter().cloned())
        .zip(&found.errors)
        .enumerate()
        .map(|(index, (name, errors))| (name, selected == Some(index), logarithms(errors)))
        .collect();
    let highest = lines.iter().flat_map(|(_, _, points)| points).fold(f64::NEG_INFINITY, |most, [_, y]| most.max(*y));
    let (text_colour, names_in_all) = (ui.visuals().text_color(), lines.len());
    let height = (0.27 * ui.available_height()).max(90.0);
    let upright = plots::Upright::of("log10 mean |d(t)|");
    let plot = plots::over_time(app, ui, "errors plot", height, upright, move |plot| {
        // Each name is drawn at a different time step, so that names of close lines do not overlap.
        for (index, (name, is_open, points)) in lines.into_iter().enumerate() {
            let (colour, width) =
                if is_open { (palette.membrane, 2.5) } else { (palette.faint.gamma_multiply(0.8), 1.0) };
            let place = points.get((points.len() * index + points.len() / 2) / names_in_all).copied();
            let place = place.filter(|_| is_open || names_in_all <= MOST_NAMES);
            plot.line(Line::new(name.clone(), PlotPoints::from(points)).color(colour).width(width).allow_band(false));
            if let Some(place) = place {
                let label = RichText::new(name).size(10.5).color(if is_open { palette.membrane } else { text_colour });
                // The name is above its line, except for the highest line, which has no room above it.
                let anchor =
                    if place[1] > highest - 0.3 { egui::Align2::CENTER_TOP } else { egui::Align2::CENTER_BOTTOM };
                let text = Text::new("", PlotPoint::from(place), label).anchor(anchor);
                plot.text(text.allow_hover(false));
            }
        }
    });
    if let Some(format) = save {
        let head = std::iter::once("time_step").chain(names.iter().map(String::as_str));
        let steps = found.errors.first().map_or(0, Vec::len);
        let row = |t: usize| {
            std::iter::once(t as f64).chain(found.errors.iter().map(|errors| f64::from(errors[t]))).collect()
        };
        app.saving.exporter.save(
            format,
            &format!("{} errors", subject.name),
            plots::with_axes(ui, plot.response.rect),
            || csv(head, (0..steps).map(row)),
        );
    }
}

/// Decimal logarithms of the errors; time steps without an error are left out.
fn logarithms(errors: &[f32]) -> Vec<[f64; 2]> {
    let positive = errors.iter().enumerate().filter(|(_, error)| **error > 0.0);
    positive.map(|(t, error)| [t as f64 + 0.5, f64::from(*error).log10()]).collect()
}

/// Plots the error of each pinned neuron.
pub(super) fn of_pins(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients) {
    let palette = Palette::of(ui.visuals());
    let save = plots::heading_with_save(ui, "Error of pinned neurons", "d(t)", explain::ERROR);
    if found.pinned.is_empty() {
        ui.label(RichText::new("Click neurons of the map to pin them.").weak());
        return;
    }
    let colours = population::pin_colours(palette);
    let colour = |pin| app.inspect.pins.iter().position(|other| *other == pin).map_or(palette.faint, |at| colours[at]);
    let lines: Vec<_> = (found.pinned.iter())
        .map(|(pin, errors)| {
            let (name, shape) = population::describe(subject, Some(pin.population));
            let points = errors.iter().enumerate().map(|(t, error)| [t as f64 + 0.5, f64::from(*error)]);
            (format!("{name}, {}", population::place(shape, pin.neuron)), colour(*pin), points.collect::<Vec<_>>())
        })
        .collect();
    for (name, colour, _) in &lines {
        ui.horizontal(|ui| {
            icons::swatch(ui, *colour);
            ui.label(RichText::new(name).size(11.0));
        });
    }
    let height = (0.3 * ui.available_height()).max(90.0);
    let plot = plots::over_time(app, ui, "pinned errors plot", height, plots::Upright::of("error d(t)"), move |plot| {
        for (name, colour, points) in lines {
            plot.line(Line::new(name, PlotPoints::from(points)).color(colour).width(1.5).allow_band(false));
        }
    });
    if let Some(format) = save {
        let rows = found.pinned.iter().flat_map(|(pin, errors)| {
            let place = [pin.population as f64, pin.neuron as f64];
            errors.iter().enumerate().map(move |(t, error)| vec![place[0], place[1], t as f64, f64::from(*error)])
        });
        let file = format!("{} errors of neurons", subject.name);
        app.saving.exporter.save(format, &file, plots::with_axes(ui, plot.response.rect), || {
            csv(["population", "neuron", "time_step", "d"], rows)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_error_are_left_out() {
        assert_eq!(logarithms(&[0.01, 0.0, 1.0]), [[0.5, f64::from(0.01_f32).log10()], [2.5, 0.0]]);
    }
}
