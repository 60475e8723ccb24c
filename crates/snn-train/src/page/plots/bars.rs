//! Horizontal bar charts.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn, GRID, SERIES, WIDTH, font, short, svg, width};

/// A horizontal bar chart, with a group of bars for each row.
pub(crate) struct Bars<'a> {
    /// Axis label: the quantity, with its unit.
    pub(crate) axis: &'a str,
    /// For each row, its label and the value of each series.
    pub(crate) rows: Vec<(String, Vec<Option<f64>>)>,
    /// Colour indices of the series.
    pub(crate) colours: &'a [usize],
    /// Formats a value at the axis and at the end of its bar.
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
        // The axis is extended so that the longest bar leaves room for its value.
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
