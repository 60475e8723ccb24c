//! Page section: synaptic operations and their energy, by layer.

use super::PageNetwork;
use crate::activity::{ActivityReport, Operations, ProjectionActivity};
use crate::page::html::{self, Cell, escape, figure, table};
use crate::page::plots::{ANN, Bars, CLASSES};
use crate::units::{count, joules, percent};

pub(super) fn section(all: &[&PageNetwork<'_>]) -> String {
    let Some((subject, others)) = all.split_first() else { return String::new() };
    let report = subject.report;
    let weighted = || report.projections.iter().enumerate().filter(|(_, projection)| projection.weighted);
    // Other networks get bars beside the first only if they have the same layers.
    let is_alike = |other: &&&PageNetwork<'_>| {
        let layers = |report: &ActivityReport| -> Vec<(String, String, String)> {
            let layer = |it: &ProjectionActivity| (it.target.clone(), it.source.clone(), it.map.clone());
            report.projections.iter().map(layer).collect()
        };
        layers(other.report) == layers(report)
    };
    let shown: Vec<(usize, &&PageNetwork<'_>)> =
        [(0, subject)].into_iter().chain((1..).zip(others.iter().filter(is_alike))).collect();
    let colours: Vec<usize> = shown.iter().map(|(colour, _)| *colour).chain([ANN]).collect();
    let series = |(index, own): (usize, &ProjectionActivity), value: &dyn Fn(f64, f64) -> f64| {
        let of = |operations: Operations| Some(value(operations.effective_acs, operations.effective_macs));
        let mut values: Vec<Option<f64>> =
            shown.iter().map(|(_, network)| of(network.report.projections[index].operations)).collect();
        values.push(Some(value(0.0, own.synapses as f64)));
        (label(report, own), values)
    };
    let energies_of = report.energy.table;
    let energy = |acs, macs| energies_of.energy(acs, macs);
    let counts = Bars {
        axis: "operations an inference",
        rows: weighted().map(|own| series(own, &|acs, macs| acs + macs)).collect(),
        colours: &colours,
        format: &count,
    };
    let totals = shown.iter().map(|(_, network)| Some(network.report.energy.own));
    let totals = totals.chain([Some(report.energy.ann)]).collect();
    let energies = Bars {
        axis: "energy an inference",
        rows: weighted().map(|own| series(own, &energy)).chain([("all".to_owned(), totals)]).collect(),
        colours: &colours,
        format: &joules,
    };
    let legend: Vec<(&str, &str)> = (shown.iter().map(|(colour, network)| (CLASSES[*colour], network.name)))
        .chain([(CLASSES[ANN], "ANN of the same shape, one pass")])
        .collect();
    let row = |own: &ProjectionActivity| {
        let of = own.operations;
        let number = |value: f64| Cell::number(if value == 0.0 { "-".to_owned() } else { count(value) });
        let cells = vec![
            Cell::text(&own.target),
            Cell::text(&own.source),
            Cell::text(&own.map),
            Cell::number(format!("{:.1}", own.fan_out)),
            number(of.dense),
            number(of.effective_acs),
            number(of.effective_macs),
            Cell::number(percent(of.effective() / of.dense.max(1.0))),
            number(of.by_mean_fan_out),
            number(if own.weighted { own.synapses as f64 } else { 0.0 }),
        ];
        (if own.weighted { "" } else { "aside" }, cells)
    };
    let sum = report.operations;
    let mut sums: Vec<Cell> = ["all with weights", "", "", ""].into_iter().map(Cell::text).collect();
    sums.extend([sum.dense, sum.effective_acs, sum.effective_macs].map(|value| Cell::number(count(value))));
    sums.push(Cell::number(percent(sum.effective() / sum.dense.max(1.0))));
    sums.extend([sum.by_mean_fan_out, report.ann_macs as f64].map(|value| Cell::number(count(value))));
    let head = ["into", "from", "map", "mean fan-out", "Dense", "Effective_ACs", "Effective_MACs", "of dense"];
    let head = [&head[..], &["by mean fan-out", "ANN MACs"]].concat();
    let table = table(&head, report.projections.iter().map(row).chain([("sum", sums)]));
    let introduction = format!(
        "Counted with the synapses that each neuron has, fewer at borders. Energy at {} pJ an accumulate and {} pJ a \
         multiply-accumulate. Rows in grey have no weights: their additions are in no sum.{}",
        energies_of.ac,
        energies_of.mac,
        if others.is_empty() { String::new() } else { format!(" The table is that of {}.", escape(subject.name)) }
    );
    let figures =
        [figure("Operations by layer", &legend, &counts.svg()), figure("Energy by layer", &legend, &energies.svg())];
    html::section("Synaptic operations", &introduction, &figures, &table)
}

/// Label of a projection: its target, and its source too if the target has several.
fn label(report: &ActivityReport, projection: &ProjectionActivity) -> String {
    let inputs = report.projections.iter().filter(|other| other.target == projection.target && other.weighted);
    if inputs.count() > 1 {
        let source = if projection.source == projection.target { "itself" } else { &projection.source };
        format!("{} from {source}", projection.target)
    } else {
        projection.target.clone()
    }
}
