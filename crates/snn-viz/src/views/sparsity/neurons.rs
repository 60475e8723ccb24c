//! Neurons of the open population: firing rates, and which never fire or nearly always do.

use egui::{Color32, Rangef, RichText, ScrollArea, Ui};
use egui_plot::{AxisHints, Bar, BarChart, GridMark, Plot};
use snn_core::Shape;
use snn_train::activity::{PopulationActivity, RATE_CLASSES};
use snn_train::units::{percent, thousands};

use super::pair::ReportPair;
use super::table;
use crate::export::csv;
use crate::views::{Tab, explain, plots, population};
use crate::{App, OpenNetwork, Palette, Pin};

/// Maximum number of neurons in a list.
const MOST: usize = 100;

pub(super) fn panel(app: &mut App, ui: &mut Ui, subject: &OpenNetwork, pair: &ReportPair) {
    let row = pair.rows().into_iter().find(|row| table::is_open(app, subject, row));
    let Some(row) = row else {
        ui.add_space(4.0);
        let (name, _) = population::describe(subject, app.inspect.selected);
        ui.label(RichText::new(format!("{name} emits nothing; choose a population of the table.")).weak());
        return;
    };
    let populations = pair.populations(&row);
    histogram(app, ui, pair, &row.name, &populations);
    let found = match (row.own, &pair.other) {
        (Some(at), _) => Some((&pair.own, at)),
        (None, Some(other)) => row.other.map(|at| (other, at)),
        (None, None) => None,
    };
    let Some((found, at)) = found else { return };
    let shape = found.measured.report.populations[at].shape;
    let pinned = row.own.and_then(|_| table::place(subject, &row));
    let lists = [
        ("Silent", explain::SILENT, found.measured.silent(at)),
        ("Saturated", explain::SATURATED, found.measured.saturated(at)),
    ];
    let clicked = ui.columns_const(|columns: &mut [Ui; 2]| {
        let lists = columns.iter_mut().zip(&lists);
        let clicked = lists
            .map(|(ui, (title, explanation, neurons))| list(ui, title, explanation, neurons, shape, pinned.is_some()));
        clicked.fold(None, Option::or)
    });
    if let Some((population, neuron)) = pinned.zip(clicked) {
        look_at(app, Pin { population, neuron });
    }
}

/// Opens the inspect tab, with the neuron's population open and the neuron pinned.
fn look_at(app: &mut App, pin: Pin) {
    app.select(Some(pin.population));
    if !app.inspect.pins.contains(&pin) {
        app.toggle_pin(pin);
    }
    app.settings.tab = Tab::Inspect;
}

/// Draws a list of neurons. Returns the clicked one, if they are of the open network.
fn list(
    ui: &mut Ui,
    title: &str,
    explanation: &str,
    neurons: &[usize],
    shape: Shape,
    can_be_opened: bool,
) -> Option<usize> {
    ui.horizontal(|ui| {
        plots::heading(ui, title, explanation);
        let note = format!("{} of {}", thousands(neurons.len()), thousands(shape.len()));
        ui.label(RichText::new(note).weak());
    });
    let mut clicked = None;
    ScrollArea::vertical().id_salt(title).auto_shrink(false).show(ui, |ui| {
        for &neuron in neurons.iter().take(MOST) {
            let place = population::place(shape, neuron);
            if !can_be_opened {
                ui.label(place);
            } else if ui.link(place).on_hover_text("Look at it: opens its population and pins it").clicked() {
                clicked = Some(neuron);
            }
        }
        if neurons.is_empty() {
            ui.label(RichText::new("none").weak());
        }
        if neurons.len() > MOST {
            ui.label(RichText::new(format!("and {} more", thousands(neurons.len() - MOST))).weak());
        }
    });
    clicked
}

/// Draws the histogram of neurons by firing rate.
fn histogram(app: &mut App, ui: &mut Ui, pair: &ReportPair, name: &str, populations: &[Option<&PopulationActivity>]) {
    let palette = Palette::of(ui.visuals());
    let note = format!("{name}, neurons by their rate");
    let save = plots::heading_with_save(ui, "Firing rates", &note, explain::RATES);
    let present: Vec<(&PopulationActivity, Color32, String)> = (populations.iter())
        .zip(pair.sides(palette))
        .zip(pair.names())
        .filter_map(|((population, (_, colour)), name)| population.map(|population| (population, colour, name)))
        .collect();
    let width = 0.8 / present.len() as f64;
    let charts: Vec<BarChart> = present
        .iter()
        .enumerate()
        .map(|(side, (population, colour, name))| {
            let shift = (side as f64 - (present.len() as f64 - 1.0) / 2.0) * width;
            chart(population, shift, width, *colour).name(name)
        })
        .collect();
    let axes = [
        AxisHints::new_x()
            .label("firing rate up to (% of time steps)")
            .formatter(|mark, _| class_name(mark.value))
            .label_spacing(Rangef::new(4.0, 12.0)),
        AxisHints::new_y()
            .label("neurons (%)")
            .formatter(|mark, _| plots::short(mark.value))
            .label_spacing(Rangef::new(12.0, 22.0))
            .min_thickness(42.0),
    ];
    let [x, y] = axes;
    let marks = |_| (0..RATE_CLASSES.len()).map(|class| GridMark { value: class as f64, step_size: 1.0 }).collect();
    let plot = Plot::new("rate histogram")
        .height((0.42 * ui.available_height()).max(140.0))
        .allow_drag(false)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .show_grid([false, true])
        .show_crosshair(false)
        .include_x(-0.6)
        .include_x(RATE_CLASSES.len() as f64 - 0.4)
        .include_y(0.0)
        .set_margin_fraction(egui::vec2(0.0, 0.06))
        .x_grid_spacer(marks)
        .y_grid_spacer(|input| plots::even_marks(input.bounds))
        .custom_x_axes(vec![x])
        .custom_y_axes(vec![y])
        .show(ui, |plot| charts.into_iter().for_each(|chart| plot.bar_chart(chart)));
    if let Some(format) = save {
        let rows = RATE_CLASSES.iter().enumerate().map(|(class, end)| {
            let counts = populations.iter().map(|population| population.map_or(0.0, |it| it.histogram[class] as f64));
            std::iter::once(*end).chain(counts).collect()
        });
        let head = std::iter::once("rate_up_to").chain(["neurons", "neurons_of_the_other"]);
        let head: Vec<&str> = head.take(1 + populations.len()).collect();
        let file = format!("{} {name} rates", pair.own.subject.name);
        app.saving.exporter.save(format, &file, plots::with_axes(ui, plot.response.rect), || csv(head, rows));
    }
}

/// Bars for the fraction of a population's neurons in each firing rate bin.
fn chart(population: &PopulationActivity, shift: f64, width: f64, colour: Color32) -> BarChart {
    let neurons = population.neurons().max(1) as f64;
    let bars = population.histogram.iter().enumerate().map(|(class, &found)| {
        let bar = Bar::new(class as f64 + shift, 100.0 * found as f64 / neurons).width(0.92 * width);
        let range = match class {
            0 => "never spike".to_owned(),
            _ => format!(
                "spike at {} to {} of the steps",
                percent(RATE_CLASSES[class - 1]),
                percent(RATE_CLASSES[class])
            ),
        };
        bar.name(format!("{} neurons {range}", thousands(found))).fill(colour).stroke((0.0, colour))
    });
    let tell = |bar: &Bar, _: &BarChart| bar.name.clone();
    BarChart::new("", bars.collect()).color(colour).element_formatter(Box::new(tell))
}

/// Upper end of a firing rate bin in percent, such as `0.5`.
fn class_name(place: f64) -> String {
    let class = (place >= 0.0 && place.fract() == 0.0).then_some(place as usize);
    class.and_then(|class| RATE_CLASSES.get(class)).map_or_else(String::new, |end| plots::short(100.0 * end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_by_their_ends() {
        assert_eq!([0.0, 1.0, 10.0].map(class_name), ["0", "0.1", "100"]);
        assert_eq!([-1.0, 0.5, 11.0].map(class_name), ["", "", ""]);
    }
}
