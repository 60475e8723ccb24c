//! Plots of a training run over its epochs.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use egui::{Color32, Id, RichText, Ui};
use egui_plot::{GridMark, HoverPosition, Line, Plot, PlotPoint, PlotPoints, Points};

use super::plots;
use crate::export::{Exporter, csv};

/// A chart of one or more quantities of the same unit, over epochs.
pub(super) struct Chart {
    /// Heading.
    pub(super) title: &'static str,
    /// Explanation, shown when hovering over the heading.
    pub(super) explanation: &'static str,
    /// Label of the vertical axis, with the unit.
    pub(super) unit: &'static str,
    pub(super) scale: Scale,
    pub(super) curves: Vec<Curve>,
}

/// Scale of the vertical axis of a chart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Logarithmic. Values that are not positive are drawn at the lowest value shown.
    Log,
    /// From 0 to the highest value.
    FromZero,
    /// From the lowest to the highest value, but at most to 100.
    Percent,
}

/// A line of a chart.
pub(super) struct Curve {
    pub(super) name: String,
    /// Epoch and value.
    pub(super) points: Vec<[f64; 2]>,
    pub(super) colour: Color32,
    pub(super) look: Look,
}

/// Style of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Thin and pale, for single updates. Outliers may be cut off, and the line has no name.
    Faint,
    /// A plain line.
    Strong,
    /// A line with a dot at each point, unless there are many points; for epochs.
    Dotted,
}

impl Chart {
    /// Draws the chart so that it fills `ui`, over all epochs. Saves it under the name of the run on request.
    pub(super) fn show(self, ui: &mut Ui, run: &str, exporter: &mut Exporter) {
        let save = ui
            .horizontal(|ui| {
                plots::heading(ui, self.title, self.explanation);
                ui.spacing_mut().item_spacing.x = 7.0;
                self.names(ui);
                let right = egui::Layout::right_to_left(egui::Align::Center);
                ui.with_layout(right, |ui| plots::save_menu(ui, self.title)).inner
            })
            .inner;
        let (scale, unit) = (self.scale, self.unit);
        let plot = Plot::new(self.title)
            .height(ui.available_height())
            .allow_drag(false)
            .allow_scroll(false)
            .allow_zoom([true, false])
            .boxed_zoom_pointer_button(egui::PointerButton::Primary)
            .show_crosshair(false)
            .set_margin_fraction(egui::vec2(0.01, 0.0))
            .include_x(0.0)
            .link_axis(Id::unique("epochs"), [true, false])
            .x_axis_label("epoch")
            .x_axis_formatter(|mark, _| plots::short(mark.value))
            .y_axis_label(unit)
            .y_axis_min_width(60.0)
            .y_axis_formatter(move |mark, _| match scale {
                Scale::Log if mark.step_size < 0.2 => String::new(),
                Scale::Log => plots::short(10_f64.powf(mark.value)),
                _ => plots::short(mark.value),
            })
            .label_formatter(move |hover| label(hover, unit, scale));
        let plot = if scale == Scale::Log { plot.y_grid_spacer(|input| decades(input.bounds)) } else { plot };
        let scaled: Vec<Vec<[f64; 2]>> = self.curves.iter().map(|curve| scaled(&curve.points, scale)).collect();
        let looks: Vec<Look> = self.curves.iter().map(|curve| curve.look).collect();
        let ends = self.curves.iter().map(|curve| (curve.name.clone(), curve.colour, curve.look));
        let lines: Vec<_> = ends.zip(scaled).collect();
        let response = plot.show(ui, move |plot| {
            let all = f64::NEG_INFINITY..=f64::INFINITY;
            let visible = if plot.auto_bounds().x { all } else { plot.plot_bounds().range_x() };
            let values = lines.iter().map(|(_, points)| points.as_slice()).zip(looks);
            if let Some(range) = upright_range(values, &visible, scale) {
                plot.set_plot_bounds_y(range);
            }
            for ((name, colour, look), points) in lines {
                let (colour, width) = match look {
                    Look::Faint => (colour.gamma_multiply(0.4), 1.0),
                    Look::Strong | Look::Dotted => (colour, 1.8),
                };
                if look == Look::Dotted && points.len() <= MOST_DOTS {
                    let dots = PlotPoints::from(points.clone());
                    plot.points(Points::new("", dots).color(colour).radius(2.5).allow_hover(false));
                }
                let line = Line::new(name, PlotPoints::from(points)).color(colour).width(width);
                // A band in place of a jagged line would look speckled.
                plot.line(line.allow_hover(look != Look::Faint).allow_band(look != Look::Faint));
            }
        });
        if let Some(format) = save {
            let title = self.title.to_lowercase();
            exporter.save(
                format,
                &format!("{run} {title}"),
                super::plots::with_axes(ui, response.response.rect),
                || self.table(),
            );
        }
    }

    /// Draws the names of the lines in their colours, as far as there is room. The others are shown on hover.
    fn names(&self, ui: &mut Ui) {
        let mut named = self.curves.iter().filter(|curve| curve.look != Look::Faint && !curve.name.is_empty());
        let room = ui.max_rect().right() - 60.0;
        for curve in named.by_ref() {
            if ui.cursor().left() + 7.0 * curve.name.len() as f32 > room {
                ui.label(RichText::new("...").weak()).on_hover_text("Point at a line for its name.");
                break;
            }
            ui.label(RichText::new(&curve.name).size(11.5).color(curve.colour));
        }
    }

    /// All lines as CSV: a row for each epoch at which any line has a point.
    fn table(&self) -> String {
        let mut rows: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (column, curve) in self.curves.iter().enumerate() {
            for [epoch, value] in &curve.points {
                // Epochs are not negative, so the order of their bits is the order of their values.
                let row = rows.entry(epoch.to_bits()).or_insert_with(|| vec![f64::NAN; self.curves.len()]);
                row[column] = *value;
            }
        }
        let names: Vec<String> = self.curves.iter().map(|curve| curve.name.replace([' ', ','], "_")).collect();
        let head = std::iter::once("epoch").chain(names.iter().map(String::as_str));
        csv(head, rows.into_iter().map(|(epoch, row)| std::iter::once(f64::from_bits(epoch)).chain(row).collect()))
    }
}

/// Maximum number of points for which dots are drawn.
const MOST_DOTS: usize = 40;

/// The lowest value on a logarithmic axis.
const LOWEST: f64 = 1e-6;

fn scaled(points: &[[f64; 2]], scale: Scale) -> Vec<[f64; 2]> {
    let height = |value: f64| if scale == Scale::Log { value.max(LOWEST).log10() } else { value };
    points.iter().map(|[epoch, value]| [*epoch, height(*value)]).collect()
}

/// Label with name, value and epoch of the point under the pointer.
fn label(hover: &HoverPosition<'_>, unit: &str, scale: Scale) -> Option<String> {
    let HoverPosition::NearDataPoint { plot_name, position: PlotPoint { x, y }, .. } = hover else { return None };
    let value = plots::short(if scale == Scale::Log { 10_f64.powf(*y) } else { *y });
    let name = if plot_name.is_empty() { String::new() } else { format!("{plot_name}\n") };
    Some(format!("{name}{value} {unit}\nepoch {x:.2}"))
}

/// Range of the vertical axis for the `visible` epochs: the full range of strong lines, and the range of faint ones
/// without the outermost hundredth at either end, plus a margin.
fn upright_range<'a>(
    curves: impl Iterator<Item = (&'a [[f64; 2]], Look)>,
    visible: &RangeInclusive<f64>,
    scale: Scale,
) -> Option<RangeInclusive<f64>> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (points, look) in curves {
        let shown = points.iter().filter(|[epoch, _]| visible.contains(epoch));
        let mut values: Vec<f64> = shown.map(|[_, value]| *value).collect();
        values.sort_by(f64::total_cmp);
        let outliers = if look == Look::Faint { values.len().div_ceil(100) } else { 0 };
        let inner = values.get(outliers..values.len().saturating_sub(outliers)).filter(|inner| !inner.is_empty());
        let inner = inner.unwrap_or(&values);
        if let (Some(first), Some(last)) = (inner.first(), inner.last()) {
            (low, high) = (low.min(*first), high.max(*last));
        }
    }
    if low > high {
        return None;
    }
    Some(match scale {
        Scale::Log => {
            let room = (0.06 * (high - low)).max(0.05);
            low - room..=high + room
        }
        Scale::FromZero => 0.0..=(1.06 * high).max(1e-9),
        Scale::Percent => {
            let low = low.min(high - 0.5);
            // The margin keeps a line at 100 from being cut in half.
            (low - 0.06 * (high - low)).max(0.0)..=(high + 0.06 * (high - low)).min(100.0 + 0.02 * (high - low))
        }
    })
}

/// Marks of a logarithmic axis: the powers of ten, and the digits between them. Each is labelled if few are visible.
fn decades((low, high): (f64, f64)) -> Vec<GridMark> {
    let is_close = high - low < 0.8;
    let powers = (low.floor() as i32)..=(high.ceil() as i32);
    let marks = powers.flat_map(|power| (1..10).map(move |digit| (power, digit)));
    let marks = marks.map(|(power, digit)| GridMark {
        value: f64::from(power) + f64::from(digit).log10(),
        step_size: match digit {
            1 => 1.0,
            2 | 5 => 0.3,
            _ if is_close => 0.25,
            _ => 0.1,
        },
    });
    marks.filter(|mark| (low..=high).contains(&mark.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, points: &[[f64; 2]], look: Look) -> Curve {
        Curve { name: name.to_owned(), points: points.to_vec(), colour: Color32::RED, look }
    }

    #[test]
    fn lines_share_the_rows_of_a_table() {
        let updates = curve("update", &[[0.5, 3.0], [1.0, 2.0]], Look::Faint);
        let epochs = curve("epoch mean", &[[1.0, 2.5]], Look::Dotted);
        let chart =
            Chart { title: "Loss", explanation: "", unit: "", scale: Scale::Log, curves: vec![updates, epochs] };
        assert_eq!(chart.table(), "epoch,update,epoch_mean\n0.5,3,NaN\n1,2,2.5\n");
    }

    #[test]
    fn outliers_of_single_updates_do_not_set_the_range() {
        let updates: Vec<[f64; 2]> = (0..200).map(|k| [f64::from(k), if k == 7 { 1e6 } else { 10.0 }]).collect();
        let range = |visible| upright_range([(&updates[..], Look::Faint)].into_iter(), &visible, Scale::FromZero);
        assert_eq!(range(0.0..=200.0), Some(0.0..=1.06 * 10.0));
        let strong = upright_range([(&updates[..], Look::Strong)].into_iter(), &(0.0..=200.0), Scale::FromZero);
        assert_eq!(strong, Some(0.0..=1.06 * 1e6));
        assert_eq!(range(500.0..=600.0), None);
    }

    #[test]
    fn shares_end_at_a_hundred() {
        let range = |points: &[[f64; 2]]| {
            let range = upright_range([(points, Look::Strong)].into_iter(), &(0.0..=9.0), Scale::Percent).unwrap();
            (*range.start(), *range.end())
        };
        assert_eq!(range(&[[1.0, 50.0], [2.0, 100.0]]), (47.0, 101.0));
        assert_eq!(range(&[[1.0, 0.0], [2.0, 50.0]]), (0.0, 53.0));
        let (low, high) = range(&[[1.0, 100.0]]);
        assert!(low < 100.0 && 100.0 < high);
    }

    #[test]
    fn a_logarithmic_axis_is_marked_at_its_decades() {
        let marks = decades((-2.1, 0.1));
        let strong: Vec<f64> = marks.iter().filter(|mark| mark.step_size >= 1.0).map(|mark| mark.value).collect();
        assert_eq!(strong, [-2.0, -1.0, 0.0]);
        assert_eq!(scaled(&[[1.0, 0.0], [2.0, 100.0]], Scale::Log), [[1.0, -6.0], [2.0, 2.0]]);
    }
}
