//! Plots as SVG. Colours are those of a light page; the style sheet of the page puts others in their place on a dark one.

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
