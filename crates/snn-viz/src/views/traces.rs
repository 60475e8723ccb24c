//! Plots of the membrane potentials of the pinned neurons over time.

use egui::{RichText, Ui};
use egui_plot::{Line, LineStyle, MarkerShape, PlotPoints, Points};
use snn_core::Traces;

use super::icons::{self, Icon};
use super::{explain, plots, population};
use crate::{App, OpenNetwork, Palette, Pin};

pub(super) fn plot(app: &mut App, ui: &mut Ui) {
    let Some(subject) = app.subject.clone() else { return };
    let palette = Palette::of(ui.visuals());
    let save = plots::heading_with_save(ui, "Membranes", "of the pinned neurons", explain::TRACES);
    let colours = population::pin_colours(palette);
    let mut removed = None;
    for (pin, colour) in app.inspect.pins.clone().into_iter().zip(colours) {
        let (name, shape) = population::describe(&subject, Some(pin.population));
        ui.horizontal(|ui| {
            icons::swatch(ui, colour);
            if ui
                .link(format!("{name}, {}", population::place(shape, pin.neuron)))
                .on_hover_text("Open its population")
                .clicked()
            {
                app.select(Some(pin.population));
            }
            if icons::button(ui, Icon::Close, "Take the pin away").clicked() {
                removed = Some(pin);
            }
        });
    }
    if let Some(pin) = removed {
        app.toggle_pin(pin);
    }
    if app.inspect.pins.is_empty() {
        ui.label(RichText::new("Click neurons of the large map to pin them.").weak());
        return;
    }
    let fires = |population: usize| subject.network().populations()[population].neuron.fires();
    let lines: Vec<_> = (app.inspect.traces.iter())
        .zip(colours)
        .map(|((pin, traces), colour)| {
            (membrane(traces), threshold(traces, fires(pin.population)), spikes(traces, fires(pin.population)), colour)
        })
        .collect();
    let height = (ui.available_height() - 6.0).max(80.0);
    let plot = plots::over_time(app, ui, "traces plot", height, plots::Upright::of("potential v"), move |plot| {
        for (membrane, threshold, spikes, colour) in lines {
            plot.line(Line::new("v", PlotPoints::from(membrane)).color(colour).width(1.5).allow_band(false));
            plot.line(
                Line::new("threshold", PlotPoints::from(threshold))
                    .color(palette.faint)
                    .style(LineStyle::dashed_loose()),
            );
            let marks = Points::new("spike", PlotPoints::from(spikes)).color(palette.spike).radius(4.0);
            plot.points(marks.shape(MarkerShape::Down));
        }
    });
    if let Some(format) = save {
        let traces = app.inspect.traces.clone();
        let file = app.file_name("membranes");
        app.saving.exporter.save(format, &file, plots::with_axes(ui, plot.response.rect), || table(&subject, &traces));
    }
}

/// The membrane potential within each time step: up with the input, then down by reset and leak.
fn membrane(traces: &Traces) -> Vec<[f64; 2]> {
    let steps = traces.charged.iter().zip(&traces.membrane).enumerate();
    let both = |(t, (&charged, &after)): (usize, (&f32, &f32))| {
        [[t as f64 + 0.5, f64::from(charged)], [t as f64 + 0.5, f64::from(after)]]
    };
    std::iter::once([0.0, 0.0]).chain(steps.flat_map(both)).collect()
}

/// The threshold over time; empty for a neuron that does not fire.
fn threshold(traces: &Traces, fires: bool) -> Vec<[f64; 2]> {
    let steps = traces.charged.iter().zip(&traces.margin).enumerate().filter(|_| fires);
    steps.map(|(t, (charged, margin))| [t as f64 + 0.5, f64::from(charged - margin)]).collect()
}

/// The points at which the neuron fired.
fn spikes(traces: &Traces, fires: bool) -> Vec<[f64; 2]> {
    let steps = traces.charged.iter().zip(&traces.margin).enumerate();
    let fired = steps.filter(|(_, (_, margin))| fires && **margin > 0.0);
    fired.map(|(t, (charged, _))| [t as f64 + 0.5, f64::from(*charged)]).collect()
}

fn table(subject: &OpenNetwork, traces: &[(Pin, Traces)]) -> String {
    let head = "population,neuron,time_step,current,membrane,margin,spike,membrane_after\n".to_owned();
    let rows = traces.iter().flat_map(|(pin, traces)| {
        let population = &subject.network().populations()[pin.population];
        (0..traces.charged.len()).map(move |t| {
            let (current, charged, margin, after) =
                (traces.current[t], traces.charged[t], traces.margin[t], traces.membrane[t]);
            let spike = u8::from(population.neuron.fires() && margin > 0.0);
            format!("{},{},{t},{current},{charged},{margin},{spike},{after}\n", population.name, pin.neuron)
        })
    });
    std::iter::once(head).chain(rows).collect()
}
