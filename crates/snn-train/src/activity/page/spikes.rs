//! Page section: spikes and firing rates by population.

use super::{PageNetwork, legend};
use crate::activity::{PopulationActivity, RATE_CLASSES};
use crate::page::html::{self, Cell, escape, figure, table};
use crate::page::plots::{ANN, Bars, CLASSES, Histograms};
use crate::units::{count, percent};

pub(super) fn section(all: &[&PageNetwork<'_>]) -> String {
    let Some((subject, others)) = all.split_first() else { return String::new() };
    let report = subject.report;
    let rate_of = |other: &PageNetwork<'_>, name: &str| {
        other.report.populations.iter().find(|population| population.name == name).map(|population| population.rate)
    };
    // Other networks are shown beside the first only if they have populations of the same names.
    let is_alike = |other: &&&PageNetwork<'_>| report.populations.iter().all(|own| rate_of(other, &own.name).is_some());
    let shown: Vec<(usize, &&PageNetwork<'_>)> =
        [(0, subject)].into_iter().chain((1..).zip(others.iter().filter(is_alike))).collect();
    let rates_of = |name: &str| shown.iter().map(|(_, network)| rate_of(network, name)).collect();
    let colours: Vec<usize> = shown.iter().map(|(colour, _)| *colour).collect();
    let rates = Bars {
        axis: "neurons that fire at a step",
        rows: report.populations.iter().map(|own| (own.name.clone(), rates_of(&own.name))).collect(),
        colours: &colours,
        format: &percent,
    };
    let networks: Vec<&PageNetwork<'_>> = shown.iter().map(|(_, network)| **network).collect();
    let share = |counts: &[u64]| {
        let sum = counts.iter().sum::<u64>().max(1) as f64;
        counts.iter().map(|&count| count as f64 / sum).collect()
    };
    let classes = RATE_CLASSES.iter().map(|end| if *end == 0.0 { "0".to_owned() } else { format!("≤{}", 100.0 * end) });
    let histograms = Histograms {
        axis: "firing rate of a neuron (%)",
        classes: classes.collect(),
        rows: report.populations.iter().map(|own| (own.name.clone(), share(&own.histogram))).collect(),
    };
    let row = |own: &PopulationActivity| {
        let part = |neurons: usize| {
            format!("{} ({})", count(neurons as f64), percent(neurons as f64 / own.neurons().max(1) as f64))
        };
        let spikes = if own.graded { "numbers".to_owned() } else { count(own.spikes) };
        vec![
            Cell::text(&own.name),
            Cell::text(&own.shape.to_string()),
            Cell::number(count(own.neurons() as f64)),
            Cell::number(spikes),
            Cell::number(percent(own.rate)),
            Cell::number(percent(own.sparsity)),
            Cell::number(part(own.silent)),
            Cell::number(if own.graded { "-".to_owned() } else { part(own.saturated) }),
        ]
    };
    let head = ["population", "shape", "neurons", "spikes", "firing rate", "sparsity", "silent", "saturated"];
    let introduction = format!(
        "Means over an inference, one image over all its steps. Silent neurons fired at no step of any image, saturated \
         ones at nearly all: both tell the rest of the network little.{}",
        match others {
            [] => String::new(),
            _ => format!(" Histograms and table are those of {}.", escape(subject.name)),
        }
    );
    let kinds = [(CLASSES[ANN], "silent"), (CLASSES[0], "fire")];
    let figures = [
        figure("Firing rate by population", &legend(&networks), &rates.svg()),
        figure("Share of neurons by firing rate, in percent", &kinds, &histograms.svg()),
    ];
    let table = table(&head, report.populations.iter().map(|own| ("", row(own))));
    html::section("Spikes", &introduction, &figures, &table)
}
