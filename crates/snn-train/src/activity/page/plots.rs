//! Plots as SVG. Colours are those of a light page; the style sheet of the page puts others in their place on a dark one.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text, lines of the grid, and the series: networks one and two, and what they are compared with. Blue, vermilion and
/// grey can be told apart by everybody (Okabe and Ito, *Color universal design*, 2008) and in print.
const TEXT: RGBColor = RGBColor(0x33, 0x3B, 0x45);
const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
pub(super) const SERIES: [RGBColor; 3] =
    [RGBColor(0x00, 0x72, 0xB2), RGBColor(0xD5, 0x5E, 0x00), RGBColor(0x8A, 0x93, 0x9E)];

/// Two units are a pixel, as coordinates are whole.
const WIDTH: u32 = 960;
const FONT: f64 = 25.0;
/// What the crate divides sizes of fonts by.
const FONT_SCALE: f64 = 1.24;
/// Width of a letter, about.
const LETTER: f64 = 0.58 * FONT;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Bars from the left, a group for each row.
pub(super) struct Bars<'a> {
    /// What the bars measure, with its unit.
    pub(super) axis: &'a str,
    /// Label, and the value of each series in it.
    pub(super) rows: Vec<(String, Vec<Option<f64>>)>,
    /// Which colours the series have.
    pub(super) colours: &'a [usize],
    /// A value at the axis and at the end of its bar.
    pub(super) format: &'a dyn Fn(f64) -> String,
}

impl Bars<'_> {
    pub(super) fn svg(&self) -> String {
        let group = 22 + 36 * self.colours.len() as u32;
        svg(group * self.rows.len() as u32 + 96, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let values = || self.rows.iter().flat_map(|(_, values)| values.iter().flatten());
        let largest = values().copied().fold(0.0, f64::max);
        let end = if largest > 0.0 { largest } else { 1.0 };
        let room = values().map(|&value| width(&(self.format)(value))).max().unwrap_or(0) + 12;
        let labels = self.rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0) + 20;
        let count = self.rows.len();
        // The longest bar leaves room for its value.
        let plot = f64::from(WIDTH - (labels + 24).min(WIDTH / 2));
        let end = end * plot / (plot - f64::from(room)).max(plot / 4.0);
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .x_label_area_size(84)
            .y_label_area_size(labels)
            .build_cartesian_2d(0.0..end, 0.0..count as f64)?;
        let mesh_format = |value: &f64| short(&(self.format)(*value));
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(4)
            .x_label_formatter(&mesh_format)
            .x_desc(self.axis)
            .axis_style(GRID)
            .bold_line_style(GRID.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .label_style(font())
            .axis_desc_style(font())
            .draw()?;
        for (index, (label, values)) in self.rows.iter().enumerate() {
            let top = (count - index) as f64 - 0.1;
            let height = 0.8 / values.len().max(1) as f64;
            let name = Text::new(label.clone(), (-16, 0), font().pos(Pos::new(HPos::Right, VPos::Center)));
            chart.draw_series([EmptyElement::at((0.0, top - 0.4)) + name])?;
            for (place, value) in values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let upper = top - height * place as f64;
                let bar = [(0.0, upper), (value, upper - 0.92 * height)];
                chart.draw_series([Rectangle::new(bar, SERIES[self.colours[place]].filled())])?;
                let text = Text::new((self.format)(value), (10, 0), font().pos(Pos::new(HPos::Left, VPos::Center)));
                chart.draw_series([EmptyElement::at((value, upper - 0.46 * height)) + text])?;
            }
        }
        Ok(())
    }
}

/// Lines over a number.
pub(super) struct Lines<'a> {
    /// What runs to the right and up, with units.
    pub(super) axes: [&'a str; 2],
    /// One line a network.
    pub(super) networks: Vec<Line>,
    /// A value at the lower axis.
    pub(super) format: &'a dyn Fn(f64) -> String,
    /// A height that is marked.
    pub(super) level: f64,
}

/// Points to the right and up, of which one may be marked.
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) marked: Option<(f64, f64)>,
}

impl Lines<'_> {
    pub(super) fn svg(&self) -> String {
        svg(520, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let points = || self.networks.iter().flat_map(|line| &line.points);
        let right = points().map(|point| point.0).fold(f64::MIN_POSITIVE, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin_right(36)
            .margin_top(16)
            .x_label_area_size(84)
            .y_label_area_size(124)
            .build_cartesian_2d(0.0..right, 0.0..1.0)?;
        let right_format = |value: &f64| short(&(self.format)(*value));
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&right_format)
            .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .axis_style(GRID)
            .bold_line_style(GRID.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .label_style(font())
            .axis_desc_style(font())
            .draw()?;
        let level = [(0.0, self.level), (right, self.level)];
        chart.draw_series(DashedLineSeries::new(level, 10, 8, TEXT.stroke_width(2)))?;
        for (Line { points, .. }, colour) in self.networks.iter().zip(SERIES) {
            chart.draw_series([PathElement::new(points.clone(), colour.stroke_width(5))])?;
        }
        for (Line { marked, .. }, colour) in self.networks.iter().zip(SERIES) {
            chart.draw_series(marked.iter().map(|&point| Circle::new(point, 11, colour.filled())))?;
        }
        Ok(())
    }
}

/// A small histogram for each row, one below the other, over the same classes.
pub(super) struct Histograms<'a> {
    /// What the classes are of, with its unit.
    pub(super) axis: &'a str,
    /// The classes from left to right.
    pub(super) classes: Vec<String>,
    /// Label, and the share of each class.
    pub(super) rows: Vec<(String, Vec<f64>)>,
}

impl Histograms<'_> {
    pub(super) fn svg(&self) -> String {
        svg(ROW * self.rows.len() as u32 + 96, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let labels = self.rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0) + 20;
        let left = labels as i32;
        let step = f64::from(WIDTH - labels - 24) / self.classes.len() as f64;
        let at = |class: usize| left + (step * class as f64).round() as i32;
        let end = at(self.classes.len());
        let shares = || self.rows.iter().flat_map(|(_, shares)| shares).copied();
        let height = f64::from(ROW - 40) / shares().fold(f64::MIN_POSITIVE, f64::max);
        let centred = |v_pos| font().pos(Pos::new(HPos::Center, v_pos));
        for (index, (label, shares)) in self.rows.iter().enumerate() {
            let base = (ROW * (index as u32 + 1)) as i32;
            let style = font().pos(Pos::new(HPos::Right, VPos::Bottom));
            area.draw(&Text::new(label.clone(), (left - 16, base), style))?;
            for (class, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let top = base - (height * share).round().max(2.0) as i32;
                let colour = if class == 0 { SERIES[2] } else { SERIES[0] };
                area.draw(&Rectangle::new([(at(class) + 3, top), (at(class + 1) - 3, base)], colour.filled()))?;
                if share >= 0.005 {
                    let text = format!("{:.0}", 100.0 * share);
                    area.draw(&Text::new(text, (at(class) + (step / 2.0) as i32, top - 4), centred(VPos::Bottom)))?;
                }
            }
            area.draw(&PathElement::new([(left, base), (end, base)], GRID.stroke_width(2)))?;
        }
        let base = (ROW * self.rows.len() as u32) as i32;
        for (class, text) in self.classes.iter().enumerate() {
            let place = (at(class) + (step / 2.0) as i32, base + 12);
            area.draw(&Text::new(text.clone(), place, centred(VPos::Top)))?;
        }
        area.draw(&Text::new(self.axis.to_owned(), (i32::midpoint(left, end), base + 56), centred(VPos::Top)))
    }
}

/// Height of a small histogram.
const ROW: u32 = 96;

/// Draws on a canvas of this height.
fn svg(height: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        // Text in memory takes whatever is written to it.
        draw(&area).and_then(|()| area.present()).ok();
    }
    text
}

fn font() -> TextStyle<'static> {
    TextStyle::from(("sans-serif", FONT * FONT_SCALE).into_font()).color(&TEXT)
}

/// A number without zeros at its end: `2 M` for `2.00 M`.
fn short(text: &str) -> String {
    let (number, unit) =
        text.split_once(' ').map_or((text, String::new()), |(number, unit)| (number, format!(" {unit}")));
    if number.contains('.') {
        format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
    } else {
        text.to_owned()
    }
}

/// Width of a text, about.
fn width(text: &str) -> u32 {
    (text.chars().count() as f64 * LETTER) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_an_axis_are_short() {
        assert_eq!(["2.00 M", "0.50 µJ", "10.0 %", "50,000", "0"].map(short), ["2 M", "0.5 µJ", "10 %", "50,000", "0"]);
    }

    #[test]
    fn nothing_to_draw_is_drawn_too() {
        let bars = Bars { axis: "none", rows: Vec::new(), colours: &[0], format: &|value| value.to_string() };
        let lines = Lines { axes: ["x", "y"], networks: Vec::new(), format: &|value| value.to_string(), level: -0.5 };
        let histograms = Histograms { axis: "none", classes: vec!["0".to_owned()], rows: Vec::new() };
        for svg in [bars.svg(), lines.svg(), histograms.svg()] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        }
    }
}
