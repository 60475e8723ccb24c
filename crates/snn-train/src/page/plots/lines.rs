//! Line plots.

use std::ops::Range;

use plotters::prelude::*;

use super::{Area, Drawn, GRID, SERIES, TEXT, font, short, svg};

/// A line plot over a numeric axis.
pub(crate) struct Lines<'a> {
    /// Labels of the horizontal and the vertical axis, with units.
    pub(crate) axes: [&'a str; 2],
    pub(crate) series: Vec<Line>,
    /// Formatters of values at each axis.
    pub(crate) formats: [&'a dyn Fn(f64) -> String; 2],
    /// Range of the vertical axis; if empty, from 0 to above the highest point. Points outside are clamped to its ends.
    pub(crate) span: Range<f64>,
    /// Height of a horizontal marker line.
    pub(crate) level: Option<f64>,
}

/// A line through points (x, y), one of which may be marked.
pub(crate) struct Line {
    /// Colour index.
    pub(crate) colour: usize,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) marked: Option<(f64, f64)>,
}

/// Lower end of an accuracy axis for curves with these best accuracies. If all are high, the low range is left out.
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
