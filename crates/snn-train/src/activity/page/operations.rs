//! Synaptic operations and their energy, layer by layer.

use super::Subject;
use super::html::{self, Cell, figure, table};
use super::plots::Bars;
use super::units::{count, joules, percent};
use crate::activity::{ActivityReport, Operations, ProjectionActivity};

pub(super) fn section(subject: &Subject<'_>, other: Option<&Subject<'_>>) -> String {
    let report = subject.report;
    let weighted = || report.projections.iter().filter(|projection| projection.weighted);
    let twin = |other: &Subject<'_>, own: &ProjectionActivity| {
        let same = |found: &&ProjectionActivity| found.target == own.target && found.source == own.source;
        other.report.projections.iter().find(same).map(|found| found.operations)
    };
    let alike = other.filter(|other| weighted().all(|own| twin(other, own).is_some()));
    let colours: &[usize] = if alike.is_some() { &[0, 1, 2] } else { &[0, 2] };
    let series = |own: &ProjectionActivity, value: &dyn Fn(f64, f64) -> f64| {
        let of = |operations: Operations| value(operations.effective_acs, operations.effective_macs);
        let mut values = vec![Some(of(own.operations))];
        values.extend(alike.map(|other| twin(other, own).map(of)));
        values.push(Some(value(0.0, own.synapses as f64)));
        (label(report, own), values)
    };
    let energies_of = report.energy.table;
    let energy = |acs, macs| energies_of.energy(acs, macs);
    let counts = Bars {
        axis: "operations an inference",
        rows: weighted().map(|own| series(own, &|acs, macs| acs + macs)).collect(),
        colours,
        format: &count,
    };
    let totals = [Some(report.energy.snn)].into_iter().chain(alike.map(|other| Some(other.report.energy.snn)));
    let totals = totals.chain([Some(report.energy.ann)]).collect();
    let energies = Bars {
        axis: "energy an inference",
        rows: weighted().map(|own| series(own, &energy)).chain([("all".to_owned(), totals)]).collect(),
        colours,
        format: &joules,
    };
    let legend: Vec<(&str, &str)> = [("first", if alike.is_some() { subject.name } else { "spiking" })]
        .into_iter()
        .chain(alike.map(|other| ("second", other.name)))
        .chain([("third", "ANN of the same shape, one pass")])
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
        other.map_or_else(String::new, |_| format!(" The table is that of {}.", subject.name))
    );
    let figures =
        [figure("Operations by layer", &legend, &counts.svg()), figure("Energy by layer", &legend, &energies.svg())];
    html::section("Synaptic operations", &introduction, &figures, &table)
}

/// Target of a projection, and its source where the target has several.
fn label(report: &ActivityReport, projection: &ProjectionActivity) -> String {
    let inputs = report.projections.iter().filter(|other| other.target == projection.target && other.weighted);
    if inputs.count() > 1 {
        let source = if projection.source == projection.target { "itself" } else { &projection.source };
        format!("{} from {source}", projection.target)
    } else {
        projection.target.clone()
    }
}
