//! Accuracy over time steps and over spikes, and the cost of reaching a given accuracy.

use super::{PageNetwork, legend};
use crate::activity::{Comparison, CurvePoint};
use crate::page::html::{self, Cell, figure, table};
use crate::page::plots::{Line, Lines, accuracy_floor};
use crate::units::{count, joules, percent, points};

pub(super) fn section(all: &[&PageNetwork<'_>], within: f64) -> String {
    if all.iter().all(|network| network.report.steps == 1) {
        return String::new();
    }
    let Comparison { accuracy: level, reached } = Comparison::new(all.iter().map(|network| network.report), within);
    let bottom = accuracy_floor(all.iter().map(|network| network.report.best_accuracy()));
    // A network without spikes appears in the plot over time steps, but not in the plot over spikes.
    let lines = |is_shown: &dyn Fn(&PageNetwork<'_>) -> bool, x: &dyn Fn(&CurvePoint) -> f64| {
        let at = |point: &CurvePoint| (x(point), point.accuracy);
        let networks = all.iter().zip(&reached).enumerate().filter(|(_, (network, _))| is_shown(network));
        let line = |(colour, (network, reached)): (usize, (&&PageNetwork<'_>, &Option<CurvePoint>))| Line {
            colour,
            points: network.report.curve.iter().map(at).collect(),
            marked: reached.as_ref().map(at),
        };
        networks.map(line).collect()
    };
    let plot = |axis, series| {
        let formats: [&dyn Fn(f64) -> String; 2] = [&count, &|share| format!("{:.0} %", 100.0 * share)];
        Lines { axes: [axis, "accuracy"], series, formats, span: bottom..1.0, level: Some(level) }.svg()
    };
    let steps = plot("time steps", lines(&|_| true, &|point| point.steps as f64));
    let spikes = plot(
        "spikes an image, the input's too",
        lines(&|network| network.report.is_spiking(), &|point| point.spikes + point.input_spikes),
    );
    let legend = legend(all);
    let row = |(network, reached): (&&PageNetwork<'_>, &Option<CurvePoint>)| {
        let report = network.report;
        let best = report.best_accuracy();
        let mut cells =
            vec![Cell::text(network.name), Cell::number(percent(report.accuracy)), Cell::number(percent(best))];
        let spiking = |spikes: f64| Cell::number(if report.is_spiking() { count(spikes) } else { "-".to_owned() });
        match reached {
            None => cells.extend((0..5).map(|_| Cell::number("-".to_owned()))),
            Some(point) => cells.extend([
                Cell::number(format!("{} of {}", point.steps, report.steps)),
                spiking(point.spikes),
                spiking(point.input_spikes),
                Cell::number(count(point.effective_acs + point.effective_macs)),
                Cell::number(joules(report.energy_at(point))),
            ]),
        }
        ("", cells)
    };
    let head =
        ["network", "accuracy at the end", "best accuracy", "steps", "spikes", "input spikes", "operations", "energy"];
    let what = if all.len() > 1 { "the lowest of the best accuracies" } else { "the best accuracy" };
    let introduction = format!(
        "The answers, had each trial ended after that step. The dashed line is {what} less {}, {}; the dots are \
         where it is reached, and the table says what was spent up to there.",
        points(within),
        percent(level)
    );
    let figures = [figure("Accuracy by time steps", &legend, &steps), figure("Accuracy by spikes", &legend, &spikes)];
    html::section("Accuracy over time", &introduction, &figures, &table(&head, all.iter().zip(&reached).map(row)))
}
