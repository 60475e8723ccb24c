//! Accuracy over time, and what it takes to get there.

use super::html::{self, Cell, figure, table};
use super::plots::{Line, Lines};
use super::units::{count, joules, percent};
use super::{Subject, points};
use crate::activity::{Comparison, CurvePoint};

pub(super) fn section(subject: &Subject<'_>, other: Option<&Subject<'_>>, within: f64) -> String {
    let all: Vec<&Subject<'_>> = [subject].into_iter().chain(other).collect();
    let level = other.map_or(subject.report.best_accuracy() - within, |other| {
        Comparison::new(subject.report, other.report, within).accuracy
    });
    let lines = |x: &dyn Fn(&CurvePoint) -> f64| {
        let at = |point: &CurvePoint| (x(point), point.accuracy);
        all.iter()
            .map(|Subject { report, .. }| Line {
                points: report.curve.iter().map(at).collect(),
                marked: report.reach(level).map(at),
            })
            .collect()
    };
    let steps =
        Lines { axes: ["time steps", "accuracy"], networks: lines(&|point| point.steps as f64), format: &count, level };
    let spikes = Lines {
        axes: ["spikes an image, the input's too", "accuracy"],
        networks: lines(&|point| point.spikes + point.input_spikes),
        format: &count,
        level,
    };
    let legend: Vec<(&str, &str)> = if other.is_some() {
        ["first", "second"].into_iter().zip(all.iter().map(|network| network.name)).collect()
    } else {
        Vec::new()
    };
    let row = |network: &&Subject<'_>| {
        let report = network.report;
        let best = report.best_accuracy();
        let mut cells =
            vec![Cell::text(network.name), Cell::number(percent(report.accuracy)), Cell::number(percent(best))];
        match report.reach(level) {
            None => cells.extend((0..5).map(|_| Cell::number("-".to_owned()))),
            Some(point) => cells.extend([
                Cell::number(format!("{} of {}", point.steps, report.steps)),
                Cell::number(count(point.spikes)),
                Cell::number(count(point.input_spikes)),
                Cell::number(count(point.effective_acs + point.effective_macs)),
                Cell::number(joules(report.energy_at(point))),
            ]),
        }
        ("", cells)
    };
    let head =
        ["network", "accuracy at the end", "best accuracy", "steps", "spikes", "input spikes", "operations", "energy"];
    let what = if other.is_some() { "the lower of the two best accuracies" } else { "the best accuracy" };
    let introduction = format!(
        "The answers, had each trial ended after that step. The dashed line is {what} less {} points, {}; the dots are \
         where it is reached, and the table says what was spent up to there.",
        points(within),
        percent(level)
    );
    let figures =
        [figure("Accuracy by time steps", &legend, &steps.svg()), figure("Accuracy by spikes", &legend, &spikes.svg())];
    html::section("Accuracy over time", &introduction, &figures, &table(&head, all.iter().map(row)))
}
