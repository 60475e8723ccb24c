//! Small histograms, stacked vertically.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{ANN, Area, Drawn, GRID, SERIES, WIDTH, font, svg, width};

/// Small histograms over the same bins, one for each row, stacked vertically.
pub(crate) struct Histograms<'a> {
    /// Axis label: the binned quantity, with its unit.
    pub(crate) axis: &'a str,
    /// Labels of the bins from left to right.
    pub(crate) classes: Vec<String>,
    /// For each row, its label and the fraction in each bin.
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

/// Height of one histogram.
const ROW: u32 = 96;
