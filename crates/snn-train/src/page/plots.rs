//! Plots as SVG. Colours are those of a light page; the style sheet of the page puts others in their place on a dark one.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text, lines of the grid, and the series: networks one to four, and what they are compared with. They can be told apart
/// by everybody (Okabe and Ito, *Color universal design*, 2008), the first two and grey in print too.
const TEXT: RGBColor = RGBColor(0x33, 0x3B, 0x45);
const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
const SERIES: [RGBColor; 5] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x8A, 0x93, 0x9E),
];
/// Classes of the style sheet with their colours.
pub(crate) const CLASSES: [&str; 5] = ["first", "second", "third", "fourth", "ann"];
/// Which of them is what the others are compared with.
pub(crate) const ANN: usize = 4;

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
pub(crate) struct Bars<'a> {
    /// What the bars measure, with its unit.
    pub(crate) axis: &'a str,
    /// Label, and the value of each series in it.
    pub(crate) rows: Vec<(String, Vec<Option<f64>>)>,
    /// Which colours the series have.
    pub(crate) colours: &'a [usize],
    /// A value at the axis and at the end of its bar.
    pub(crate) format: &'a dyn Fn(f64) -> String,
}

impl Bars<'_> {
    pub(crate) fn svg(&self) -> String {
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
pub(crate) struct Lines<'a> {
    /// What runs to the right and up, with units.
    pub(crate) axes: [&'a str; 2],
    pub(crate) series: Vec<Line>,
    /// A value at each axis.
    pub(crate) formats: [&'a dyn Fn(f64) -> String; 2],
    /// What the upward axis shows; up to above the highest point, if this is empty. Points beyond lie at its ends.
    pub(crate) span: Range<f64>,
    /// A height that is marked.
    pub(crate) level: Option<f64>,
}

/// Points to the right and up, of which one may be marked.
pub(crate) struct Line {
    /// Which colour it has.
    pub(crate) colour: usize,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) marked: Option<(f64, f64)>,
}

/// Where an axis of accuracies begins, if the curves have these best ones: where all are high, what lies far below them is
/// left out.
pub(crate) fn accuracy_floor(best: impl Iterator<Item = f64>) -> f64 {
    if best.fold(1.0, f64::min) >= 0.9 { 0.8 } else { 0.0 }
}

impl Lines<'_> {
    pub(crate) fn svg(&self) -> String {
        svg(520, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let points = || self.series.iter().flat_map(|line| &line.points);
        let right = points().map(|point| point.0).fold(f64::MIN_POSITIVE, f64::max);
        let highest = points().map(|point| 1.05 * point.1).filter(|y| y.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let span = if self.span.is_empty() { 0.0..highest } else { self.span.clone() };
        let within = |&(x, y): &(f64, f64)| (x, y.clamp(span.start, span.end));
        let mut chart = ChartBuilder::on(area)
            .margin_right(36)
            .margin_top(16)
            .x_label_area_size(84)
            .y_label_area_size(124)
            .build_cartesian_2d(0.0..right, span.clone())?;
        let [x_format, y_format] = self.formats;
        let x_format = |value: &f64| short(&x_format(*value));
        let y_format = |value: &f64| short(&y_format(*value));
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&x_format)
            .y_label_formatter(&y_format)
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .axis_style(GRID)
            .bold_line_style(GRID.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .label_style(font())
            .axis_desc_style(font())
            .draw()?;
        if let Some(level) = self.level {
            let level = [(0.0, level), (right, level)].iter().map(within).collect::<Vec<_>>();
            chart.draw_series(DashedLineSeries::new(level, 10, 8, TEXT.stroke_width(2)))?;
        }
        for Line { points, colour, .. } in &self.series {
            let points: Vec<(f64, f64)> = points.iter().map(within).collect();
            chart.draw_series([PathElement::new(points, SERIES[*colour].stroke_width(5))])?;
        }
        for Line { marked, colour, .. } in &self.series {
            chart
                .draw_series(marked.iter().map(within).map(|point| Circle::new(point, 11, SERIES[*colour].filled())))?;
        }
        Ok(())
    }
}

/// A row of fields for each label, the darker the larger their value, over a number.
pub(crate) struct HeatMap<'a> {
    /// What runs to the right, with its unit.
    pub(crate) axis: &'a str,
    /// Where it ends.
    pub(crate) end: f64,
    /// Label, and the values from left to right, of which the last one stands at the right.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
    /// A number at the axis, and a value at the right.
    pub(crate) formats: [&'a dyn Fn(f64) -> String; 2],
}

impl HeatMap<'_> {
    pub(crate) fn svg(&self) -> String {
        svg(40 * self.rows.len() as u32 + 100, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let [axis_format, value_format] = self.formats;
        let labels = self.rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0) + 20;
        let last = |values: &[f64]| values.last().map_or_else(String::new, |&value| value_format(value));
        let room = self.rows.iter().map(|(_, values)| width(&last(values))).max().unwrap_or(0) + 24;
        let largest = self.rows.iter().flat_map(|(_, values)| values).copied().fold(f64::MIN_POSITIVE, f64::max);
        let count = self.rows.len();
        let end = self.end.max(f64::MIN_POSITIVE);
        let mut chart = ChartBuilder::on(area)
            .margin_right(room)
            .margin_top(16)
            .x_label_area_size(84)
            .y_label_area_size(labels)
            .build_cartesian_2d(0.0..end, 0.0..count as f64)?;
        let axis_format = |value: &f64| short(&axis_format(*value));
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_y_axis()
            .x_labels(6)
            .x_label_formatter(&axis_format)
            .x_desc(self.axis)
            .axis_style(GRID)
            .label_style(font())
            .axis_desc_style(font())
            .draw()?;
        for (index, (label, values)) in self.rows.iter().enumerate() {
            let base = (count - index - 1) as f64;
            let beside = |x, offset, place, text| {
                EmptyElement::at((x, base + 0.5))
                    + Text::new(text, (offset, 0), font().pos(Pos::new(place, VPos::Center)))
            };
            chart.draw_series([beside(0.0, -16, HPos::Right, label.clone())])?;
            chart.draw_series([beside(end, 16, HPos::Left, last(values))])?;
            let step = end / values.len().max(1) as f64;
            for (place, value) in values.iter().enumerate() {
                // The root tells small values apart from none.
                let colour = SERIES[0].mix((value.max(0.0) / largest).sqrt());
                let left = step * place as f64;
                chart.draw_series([Rectangle::new(
                    [(left, base + 0.06), (left + step, base + 0.94)],
                    colour.filled(),
                )])?;
            }
        }
        Ok(())
    }
}

/// A small histogram for each row, one below the other, over the same classes.
pub(crate) struct Histograms<'a> {
    /// What the classes are of, with its unit.
    pub(crate) axis: &'a str,
    /// The classes from left to right.
    pub(crate) classes: Vec<String>,
    /// Label, and the share of each class.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
}

impl Histograms<'_> {
    pub(crate) fn svg(&self) -> String {
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
                let colour = if class == 0 { SERIES[ANN] } else { SERIES[0] };
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
        let formats: [&dyn Fn(f64) -> String; 2] = [&|value| value.to_string(), &|value| value.to_string()];
        let lines = Lines { axes: ["x", "y"], series: Vec::new(), formats, span: 0.0..0.0, level: Some(-0.5) };
        let heat_map = HeatMap { axis: "none", end: 0.0, rows: Vec::new(), formats };
        let histograms = Histograms { axis: "none", classes: vec!["0".to_owned()], rows: Vec::new() };
        for svg in [bars.svg(), lines.svg(), heat_map.svg(), histograms.svg()] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        }
    }
}
