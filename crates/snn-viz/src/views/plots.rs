//! Elements that all plots share.

use std::ops::RangeInclusive;

use egui::{Id, Rangef, Rect, Response, RichText, Ui, vec2};
use egui_plot::{AxisHints, GridMark, Plot, PlotResponse, PlotUi, VLine};

use super::icons::{self, Icon};
use crate::export::Format;
use crate::{App, Palette};

/// Draws a heading, with an explanation shown on hover.
pub(super) fn heading(ui: &mut Ui, title: &str, explanation: &str) -> Response {
    ui.label(RichText::new(title).strong()).on_hover_text(explanation)
}

/// Draws a heading with a menu to save the content below it. Returns the chosen format.
pub(super) fn heading_with_save(ui: &mut Ui, title: &str, note: &str, explanation: &str) -> Option<Format> {
    ui.horizontal(|ui| {
        heading(ui, title, explanation);
        ui.label(RichText::new(note).weak());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| save_menu(ui, title)).inner
    })
    .inner
}

pub(super) fn save_menu(ui: &mut Ui, title: &str) -> Option<Format> {
    let mut chosen = None;
    let button = icons::button(ui, Icon::More, &format!("Save {}", title.to_lowercase()));
    egui::Popup::menu(&button).show(|ui| {
        if ui.button("Save picture (PNG)").clicked() {
            chosen = Some(Format::Png);
        }
        if ui.button("Save numbers (CSV)").clicked() {
            chosen = Some(Format::Csv);
        }
    });
    chosen
}

/// The vertical axis of a plot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upright {
    /// Label with the unit.
    pub(super) label: &'static str,
    /// Whether it counts rows of an image downwards from 0. Plot values are then negative, and labels omit the sign.
    pub(super) is_downward: bool,
}

impl Upright {
    /// An axis whose values increase upwards.
    pub(super) fn of(label: &'static str) -> Self {
        Self { label, is_downward: false }
    }
}

/// Draws a plot over time steps, with the playhead, which moves on click or drag. Zooming one such plot zooms all of
/// them.
pub(super) fn over_time<'a>(
    app: &mut App,
    ui: &mut Ui,
    name: &'static str,
    height: f32,
    upright: Upright,
    build: impl FnOnce(&mut PlotUi<'a>) + 'a,
) -> PlotResponse<()> {
    let (steps, t) = (app.shown.trial.as_ref().map_or(1, |trial| trial.steps()), app.inspect.player.t());
    let palette = Palette::of(ui.visuals());
    let mut plot = Plot::new(name);
    if app.fit_plots {
        plot = plot.reset();
    }
    let plot = plot
        .height(height)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(true)
        .show_crosshair(false)
        .show_grid(!upright.is_downward)
        .set_margin_fraction(egui::vec2(0.0, 0.06))
        .include_x(0.0)
        .include_x(steps as f64)
        .y_axis_label(upright.label)
        .y_axis_formatter(move |mark, range| {
            if upright.is_downward {
                whole(GridMark { value: mark.value.abs(), ..mark }, range)
            } else {
                short(mark.value)
            }
        })
        .y_axis_min_width(42.0)
        .custom_x_axes(vec![
            AxisHints::new_x().label("time step").formatter(whole).label_spacing(Rangef::new(24.0, 44.0)),
        ])
        .link_axis(Id::unique("time"), [true, false])
        .show(ui, move |plot| {
            build(plot);
            plot.vline(VLine::new("", t as f64 + 0.5).color(palette.faint).width(1.0).allow_hover(false));
        });
    let response = &plot.response;
    if (response.clicked() || response.dragged_by(egui::PointerButton::Primary))
        && let Some(pos) = response.interact_pointer_pos()
    {
        let x = plot.transform.value_from_position(pos).x;
        app.inspect.player.seek(x.max(0.0) as usize);
    }
    plot
}

/// About five marks at equal distances of 1, 2 or 5 times a power of ten, all of the same kind.
pub(super) fn even_marks((low, high): (f64, f64)) -> Vec<GridMark> {
    let least = (high - low) / 6.0;
    if !(least.is_finite() && least > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(least);
    let places = (low / step).ceil() as i64..=(high / step).floor() as i64;
    places.map(|place| GridMark { value: place as f64 * step, step_size: step }).collect()
}

/// The area of a plot with its axes and heading, for screenshots.
pub(super) fn with_axes(ui: &Ui, inside: Rect) -> Rect {
    Rect::from_min_max(inside.min - vec2(66.0, 26.0), inside.max + vec2(8.0, 36.0)).intersect(ui.max_rect().expand(4.0))
}

/// Axis labels at integers only.
pub(super) fn whole(mark: GridMark, _range: &RangeInclusive<f64>) -> String {
    if mark.value.fract() == 0.0 { format!("{}", mark.value) } else { String::new() }
}

/// Formats a number with three digits, as short as possible: `0.0123`, `-1.5`, `4.2e-5`.
pub(super) fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", snn_train::units::significant(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_at_round_numbers() {
        let values =
            |low: f64, high: f64| -> Vec<f64> { even_marks((low, high)).iter().map(|mark| mark.value).collect() };
        assert_eq!(values(-3.0, 104.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(values(0.0, 6.1e6), [0.0, 2e6, 4e6, 6e6]);
        assert_eq!(values(1.0, 1.0), Vec::<f64>::new());
        assert_eq!(values(f64::NAN, 1.0), Vec::<f64>::new());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, -1.5, 0.0123, 4.2e-5, -1e-4].map(short), ["0", "-1.5", "0.0123", "4.2e-5", "-1e-4"]);
    }
}
