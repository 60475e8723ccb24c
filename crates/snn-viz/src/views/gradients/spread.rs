//! Histograms of the weights of the open population, and of their gradients.

use egui::{Rangef, RichText, Ui};
use egui_plot::{AxisHints, Bar, BarChart, Plot};
use snn_train::units::{percent, thousands};

use super::super::{explain, plots};
use super::filters::Filters;
use crate::export::csv;
use crate::statistics::Statistics;
use crate::{App, Gradients, OpenNetwork, Palette};

pub(super) fn panel(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, found: &Gradients) {
    let Some(filters) = app.inspect.selected.and_then(|index| Filters::of(subject.network(), index)) else {
        plots::heading(ui, "Weights", explain::WEIGHTS);
        ui.label(RichText::new("This population has no weights of its own.").weak());
        return;
    };
    let palette = Palette::of(ui.visuals());
    let height = (ui.available_height() / 2.0 - 44.0).max(60.0);
    let [weights, gradients] = &found.spread[filters.weight];
    let parts = [
        ("Weights", "weight", explain::WEIGHTS, weights, palette.spike),
        ("Gradients", "dL/dW", explain::WEIGHT_GRADIENT, gradients, palette.membrane),
    ];
    for (title, axis, explanation, statistics, colour) in parts {
        let save = plots::heading_with_save(ui, title, &note(statistics), explanation);
        let rect = histogram(ui, title, axis, statistics, colour, height);
        if let Some(format) = save {
            let name = &subject.network().tensors()[filters.weight].name;
            let rows = statistics.histogram.iter().enumerate();
            let rows = rows.map(|(class, found)| vec![statistics.middle(class), *found as f64]);
            let file = format!("{} {name} {title}", subject.name);
            app.saving.exporter.save(format, &file, rect, || csv([axis, "number"], rows));
        }
    }
}

/// Describes mean, deviation and zeros.
fn note(statistics: &Statistics) -> String {
    let Statistics { mean, deviation, zeros, .. } = statistics;
    format!("mean {}, std {}, {} zero", plots::short(*mean), plots::short(*deviation), percent(*zeros))
}

fn histogram(
    ui: &mut Ui,
    id: &str,
    axis: &str,
    statistics: &Statistics,
    colour: egui::Color32,
    height: f32,
) -> egui::Rect {
    let width = statistics.width();
    let bars = statistics.histogram.iter().enumerate().map(|(class, &found)| {
        let middle = statistics.middle(class);
        let range = [middle - width / 2.0, middle + width / 2.0].map(plots::short);
        let name = format!("{} of {} to {}", thousands(found), range[0], range[1]);
        Bar::new(middle, found as f64).width(width).name(name).fill(colour).stroke((0.0, colour))
    });
    let chart = BarChart::new(axis, bars.collect())
        .color(colour)
        .element_formatter(Box::new(|bar: &Bar, _: &BarChart| bar.name.clone()));
    let x = AxisHints::new_x()
        .label(axis)
        .formatter(|mark, _| plots::short(mark.value))
        .label_spacing(Rangef::new(26.0, 48.0));
    let y = AxisHints::new_y()
        .label("count")
        .formatter(|mark, _| plots::short(mark.value))
        .label_spacing(Rangef::new(12.0, 22.0))
        .min_thickness(42.0);
    let plot = Plot::new(id)
        .height(height)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .show_crosshair(false)
        .include_y(0.0)
        .x_grid_spacer(|input| plots::even_marks(input.bounds))
        .y_grid_spacer(|input| plots::even_marks(input.bounds))
        .set_margin_fraction(egui::vec2(0.01, 0.06))
        .custom_x_axes(vec![x])
        .custom_y_axes(vec![y])
        .show(ui, |plot| plot.bar_chart(chart));
    plots::with_axes(ui, plot.response.rect)
}
