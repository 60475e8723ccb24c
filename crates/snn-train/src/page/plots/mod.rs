//! Plots as SVG. The colours are those of a light page; the page's style sheet replaces them in dark mode.

mod bars;
mod heat_map;
mod histograms;
mod lines;

use plotters::coord::Shift;
use plotters::prelude::*;

pub(crate) use bars::Bars;
pub(crate) use heat_map::HeatMap;
pub(crate) use histograms::Histograms;
pub(crate) use lines::{Line, Lines, accuracy_floor};

/// Colours of text, of grid lines, and of the series: networks one to four, and what they are compared with. They are
/// distinguishable with colour vision deficiency (Okabe and Ito, *Color universal design*, 2008); the first two and
/// grey also in print.
const TEXT: RGBColor = RGBColor(0x33, 0x3B, 0x45);
const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
const SERIES: [RGBColor; 5] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x8A, 0x93, 0x9E),
];
/// CSS classes of the series colours.
pub(crate) const CLASSES: [&str; 5] = ["first", "second", "third", "fourth", "ann"];
/// Index of the series that the others are compared with.
pub(crate) const ANN: usize = 4;

/// Width of a plot. Two units are one pixel, because coordinates are integers.
const WIDTH: u32 = 960;
const FONT: f64 = 25.0;
/// Factor by which the `plotters` crate divides font sizes.
const FONT_SCALE: f64 = 1.24;
/// Approximate width of a letter.
const LETTER: f64 = 0.58 * FONT;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Renders a plot of the given height as SVG text.
fn svg(height: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        // Writing to a string in memory cannot fail.
        draw(&area).and_then(|()| area.present()).ok();
    }
    text
}

fn font() -> TextStyle<'static> {
    TextStyle::from(("sans-serif", FONT * FONT_SCALE).into_font()).color(&TEXT)
}

/// Removes trailing zeros from a number: `2 M` for `2.00 M`.
fn short(text: &str) -> String {
    let (number, unit) =
        text.split_once(' ').map_or((text, String::new()), |(number, unit)| (number, format!(" {unit}")));
    if number.contains('.') {
        format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
    } else {
        text.to_owned()
    }
}

/// Approximate width of a text.
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
