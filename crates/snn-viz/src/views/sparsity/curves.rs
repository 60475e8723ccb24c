//! Plots over time steps: accuracy after each step, and operations at each step.

use egui::{Color32, Rangef, Rect, Ui};
use egui_plot::{AxisHints, Corner, Legend, Line, Plot, PlotPoints};

use super::pair::ReportPair;
use crate::export::csv;
use crate::views::{explain, plots};
use crate::{App, NetworkMeasurement, Palette};

pub(super) fn panel(app: &mut App, ui: &mut Ui, pair: &ReportPair) {
    let half = (ui.available_height() - ui.spacing().item_spacing.y) / 2.0 - 24.0;
    let save = plots::heading_with_save(ui, "Accuracy", "had the trial ended there", explain::ACCURACY_OVER_TIME);
    let percent =
        |found: &NetworkMeasurement| found.measured.report.curve.iter().map(|point| 100.0 * point.accuracy).collect();
    let rect = plot(ui, "accuracy plot", "right (%)", half, pair, percent);
    if let Some(format) = save {
        app.saving.exporter.save(format, &file(pair, "accuracy"), rect, || table(pair, "right_percent", percent));
    }
    let save = plots::heading_with_save(ui, "Operations", "at each step", explain::OPERATIONS_OVER_TIME);
    let shares = |found: &NetworkMeasurement| {
        let report = &found.measured.report;
        let dense = report.operations.dense / report.steps.max(1) as f64;
        let spent = report.curve.iter().map(|point| point.effective_acs + point.effective_macs);
        let before = std::iter::once(0.0).chain(spent.clone());
        spent.zip(before).map(|(now, before)| 100.0 * (now - before) / dense.max(1.0)).collect()
    };
    let rect = plot(ui, "operations plot", "of dense (%)", half, pair, shares);
    if let Some(format) = save {
        app.saving
            .exporter
            .save(format, &file(pair, "operations by step"), rect, || table(pair, "percent_of_dense", shares));
    }
}

fn plot(
    ui: &mut Ui,
    id: &'static str,
    upright: &str,
    height: f32,
    pair: &ReportPair,
    values: impl Fn(&NetworkMeasurement) -> Vec<f64>,
) -> Rect {
    let palette = Palette::of(ui.visuals());
    let lines: Vec<(String, Color32, Vec<[f64; 2]>)> = (pair.sides(palette).into_iter())
        .zip(pair.names())
        .map(|((found, colour), name)| {
            let points = values(found).into_iter().enumerate().map(|(at, value)| [(at + 1) as f64, value]);
            (name, colour, points.collect())
        })
        .collect();
    let steps = lines.iter().map(|(.., points)| points.len()).max().unwrap_or(1);
    let x = AxisHints::new_x().label("time steps").formatter(plots::whole).label_spacing(Rangef::new(24.0, 44.0));
    let y = AxisHints::new_y()
        .label(upright)
        .formatter(|mark, _| tick(mark.value))
        .label_spacing(Rangef::new(14.0, 24.0))
        .min_thickness(42.0);
    let mut plot = Plot::new(id)
        .height(height.max(70.0))
        .allow_drag(false)
        .allow_scroll(false)
        .show_crosshair(false)
        .set_margin_fraction(egui::vec2(0.0, 0.06))
        .include_x(1.0)
        .include_x(steps as f64)
        .include_y(0.0)
        .y_grid_spacer(|input| plots::even_marks(input.bounds))
        .custom_x_axes(vec![x])
        .custom_y_axes(vec![y]);
    if lines.len() > 1 {
        plot = plot
            .legend(Legend::default().position(Corner::RightBottom).background_alpha(0.6).follow_insertion_order(true));
    }
    let shown = plot.show(ui, |plot| {
        for (name, colour, points) in lines {
            plot.line(Line::new(name, PlotPoints::from(points)).color(colour).width(2.0).allow_band(false));
        }
    });
    plots::with_axes(ui, shown.response.rect)
}

/// Formats a number at an axis.
fn tick(value: f64) -> String {
    let units = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (unit, letter) = units.into_iter().find(|(unit, _)| value.abs() >= *unit).unwrap_or((1.0, ""));
    plots::short(value / unit) + letter
}

fn file(pair: &ReportPair, what: &str) -> String {
    format!("{} {what}", pair.own.subject.name)
}

fn table(pair: &ReportPair, what: &str, values: impl Fn(&NetworkMeasurement) -> Vec<f64>) -> String {
    let other = format!("{what}_of_the_other");
    let curves: Vec<Vec<f64>> = std::iter::once(&pair.own).chain(&pair.other).map(|found| values(found)).collect();
    let steps = curves.iter().map(Vec::len).max().unwrap_or(0);
    let head = ["time_steps", what, &other].into_iter().take(1 + curves.len());
    let row = |step: usize| {
        let values = curves.iter().map(|curve| curve.get(step).copied().unwrap_or(f64::NAN));
        std::iter::once((step + 1) as f64).chain(values).collect()
    };
    csv(head, (0..steps).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        assert_eq!([0.0, 50.0, 2e3, 1.5e6, 4e9].map(tick), ["0", "50", "2 k", "1.5 M", "4 G"]);
    }
}
