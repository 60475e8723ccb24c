//! Heat maps.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn, GRID, SERIES, font, short, svg, width};

/// A heat map: a row of cells for each label, darker for larger values, over a numeric axis.
pub(crate) struct HeatMap<'a> {
    /// Label of the horizontal axis, with its unit.
    pub(crate) axis: &'a str,
    /// End of the horizontal axis.
    pub(crate) end: f64,
    /// For each row, its label and its values from left to right. The last value is also printed at the right.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
    /// Formatters of numbers at the axis, and of the values printed at the right.
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
                // The square root makes small values distinguishable from zero.
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
