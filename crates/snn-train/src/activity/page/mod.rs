//! The report as one page of HTML with plots: no script, and nothing from elsewhere.

mod html;
mod plots;
mod terms;
mod units;

use html::{Cell, card, escape, facts, figure, table};
use plots::{Bars, Histograms, Lines};
use units::{count, percent};

pub use units::joules;

use super::{ActivityReport, Comparison, CurvePoint, ProjectionActivity, RATE_CLASSES};

/// A network on the page.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What else is to be said of it, such as `("data", "Mnist: 10,000 test images")`.
    pub facts: &'a [(&'a str, String)],
    /// What was measured.
    pub report: &'a ActivityReport,
}

/// The page about `subject`, and how it compares with `other`. Both are held to their best accuracy less `within`, a share
/// such as 0.01.
pub fn page(subject: &Subject<'_>, other: Option<&Subject<'_>>, within: f64) -> String {
    let Subject { name, report, .. } = subject;
    let about =
        other.map_or_else(String::new, |other| format!("<p>Compared with</p>{}", facts(other.name, other.facts)));
    let body = [
        format!("<h1>Spike activity of {}</h1>", escape(name)),
        facts("", subject.facts),
        about,
        cards(report, within),
        firing(subject, other),
        operations(subject, other),
        time(subject, other, within),
        terms::section(report),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Spike activity of {}</title>\n<style>\n{}</style>\n\
         </head>\n<body>\n{}\n</body>\n</html>\n",
        escape(name),
        include_str!("page.css"),
        body.join("\n")
    )
}

fn cards(report: &ActivityReport, within: f64) -> String {
    let ActivityReport { operations, energy, .. } = report;
    let share = percent(operations.effective() / operations.dense.max(1.0));
    let mut cards = vec![
        card(
            "accuracy",
            &percent(report.accuracy),
            &format!("{} images, {} steps each", count(report.images as f64), report.steps),
        ),
        card(
            "spikes an inference",
            &count(report.spikes),
            &format!("{} of neurons and steps are silent", percent(report.activation_sparsity)),
        ),
        card(
            "synaptic operations",
            &count(operations.effective()),
            &format!("{share} of {} with all zeros", count(operations.dense)),
        ),
        card(
            "energy of these",
            &joules(energy.snn),
            &format!("{} for an ANN of this shape, {} as much", joules(energy.ann), times(energy.ann / energy.snn)),
        ),
    ];
    if let Some(point) = report.reach(report.best_accuracy() - within) {
        let note = format!(
            "{} steps and {} of the spikes come within {} points of the best accuracy",
            point.steps,
            percent(point.spikes / report.spikes.max(f64::MIN_POSITIVE)),
            points(within)
        );
        cards.push(card("early answer", &format!("step {}", point.steps), &note));
    }
    format!("<div class=\"cards\">{}</div>", cards.concat())
}

/// `1.0`, of a share of 0.01.
fn points(within: f64) -> String {
    format!("{:.1}", 100.0 * within)
}

/// `4.7 times`.
fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.*} times", usize::from(ratio < 99.5)) } else { "infinitely".to_owned() }
}

fn firing(subject: &Subject<'_>, other: Option<&Subject<'_>>) -> String {
    let report = subject.report;
    let rate_of = |other: &Subject<'_>, name: &str| {
        other.report.populations.iter().find(|population| population.name == name).map(|population| population.rate)
    };
    // A second network is shown beside the first where they have populations of the same names.
    let alike = other.filter(|other| report.populations.iter().all(|own| rate_of(other, &own.name).is_some()));
    let rows = report.populations.iter().map(|own| {
        (own.name.clone(), [Some(own.rate)].into_iter().chain(alike.map(|other| rate_of(other, &own.name))).collect())
    });
    let rates = Bars {
        axis: "neurons that fire at a step",
        rows: rows.collect(),
        colours: &[0, 1][..1 + usize::from(alike.is_some())],
        format: &percent,
    };
    let legend: Vec<(&str, &str)> =
        [("first", subject.name)].into_iter().chain(alike.map(|other| ("second", other.name))).collect();
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
    let row = |own: &super::PopulationActivity| {
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
            Cell::number(part(own.saturated)),
        ]
    };
    let head = ["population", "shape", "neurons", "spikes", "firing rate", "sparsity", "silent", "saturated"];
    [
        "<h2>Spikes</h2><p>Means over an inference, one image over all its steps. Silent neurons fired at no step of any image, saturated ones at nearly all: both tell the rest of the network little.</p><div class=\"figures\">".to_owned(),
        figure("Firing rate by population", &legend[..if alike.is_some() { 2 } else { 0 }], &rates.svg()),
        figure("Share of neurons by firing rate, in percent", &[("third", "silent"), ("first", "fire")], &histograms.svg()),
        "</div>".to_owned(),
        table(&head, report.populations.iter().map(|own| ("", row(own)))),
    ]
    .concat()
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

fn operations(subject: &Subject<'_>, other: Option<&Subject<'_>>) -> String {
    let report = subject.report;
    let weighted = || report.projections.iter().filter(|projection| projection.weighted);
    let twin = |other: &Subject<'_>, own: &ProjectionActivity| {
        let same = |found: &&ProjectionActivity| found.target == own.target && found.source == own.source;
        other.report.projections.iter().find(same).map(|found| found.operations)
    };
    let alike = other.filter(|other| weighted().all(|own| twin(other, own).is_some()));
    let colours: &[usize] = if alike.is_some() { &[0, 1, 2] } else { &[0, 2] };
    let series = |own: &ProjectionActivity, value: &dyn Fn(f64, f64) -> f64| {
        let of = |operations: super::Operations| value(operations.effective_acs, operations.effective_macs);
        let mut values = vec![Some(of(own.operations))];
        values.extend(alike.map(|other| twin(other, own).map(of)));
        values.push(Some(value(0.0, own.synapses as f64)));
        (label(report, own), values)
    };
    let table_of = report.energy.table;
    let energy = |acs, macs| table_of.energy(acs, macs);
    let counts = Bars {
        axis: "operations an inference",
        rows: weighted().map(|own| series(own, &|acs, macs| acs + macs)).collect(),
        colours,
        format: &count,
    };
    let mut total = vec![Some(report.energy.snn)];
    total.extend(
        alike.map(|other| Some(energy(other.report.operations.effective_acs, other.report.operations.effective_macs))),
    );
    total.push(Some(report.energy.ann));
    let energies = Bars {
        axis: "energy an inference",
        rows: weighted().map(|own| series(own, &energy)).chain([("all".to_owned(), total)]).collect(),
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
    let sums = vec![
        Cell::text("all with weights"),
        Cell::text(""),
        Cell::text(""),
        Cell::text(""),
        Cell::number(count(sum.dense)),
        Cell::number(count(sum.effective_acs)),
        Cell::number(count(sum.effective_macs)),
        Cell::number(percent(sum.effective() / sum.dense.max(1.0))),
        Cell::number(count(sum.by_mean_fan_out)),
        Cell::number(count(report.ann_macs as f64)),
    ];
    let head = [
        "into",
        "from",
        "map",
        "mean fan-out",
        "Dense",
        "Effective_ACs",
        "Effective_MACs",
        "of dense",
        "by mean fan-out",
        "ANN MACs",
    ];
    let rows = report.projections.iter().map(row).chain([("sum", sums)]);
    [
        format!("<h2>Synaptic operations</h2><p>Counted with the synapses that each neuron has, fewer at borders. Energy at {} pJ an accumulate and {} pJ a \
         multiply-accumulate. Rows in grey have no weights: their additions are in no sum.</p><div class=\"figures\">", table_of.ac, table_of.mac),
        figure("Operations by layer", &legend, &counts.svg()),
        figure("Energy by layer", &legend, &energies.svg()),
        "</div>".to_owned(),
        table(&head, rows),
    ]
    .concat()
}

fn time(subject: &Subject<'_>, other: Option<&Subject<'_>>, within: f64) -> String {
    let all: Vec<&Subject<'_>> = [subject].into_iter().chain(other).collect();
    let level = other.map_or(subject.report.best_accuracy() - within, |other| {
        Comparison::new(subject.report, other.report, within).accuracy
    });
    let lines = |x: &dyn Fn(&CurvePoint) -> f64| {
        let at = |point: &CurvePoint| (x(point), point.accuracy);
        all.iter()
            .map(|network| (network.report.curve.iter().map(at).collect(), network.report.reach(level).map(at)))
            .collect()
    };
    let steps =
        Lines { axes: ["time steps", "accuracy"], lines: lines(&|point| point.steps as f64), format: &count, level };
    let spikes = Lines {
        axes: ["spikes an image, the input's too", "accuracy"],
        lines: lines(&|point| point.spikes + point.input_spikes),
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
    let what = if other.is_some() {
        "both networks reach it: the lower of their two best accuracies"
    } else {
        "the network reaches it: its best accuracy"
    };
    [
        format!("<h2>Accuracy over time</h2><p>The answers, had each trial ended after that step. The dashed line is {}, where {what} less {} \
         points; the dots are the first steps above it, and the table says what was spent up to there.</p><div class=\"figures\">", percent(level), points(within)),
        figure("Accuracy by time steps", &legend, &steps.svg()),
        figure("Accuracy by spikes", &legend, &spikes.svg()),
        "</div>".to_owned(),
        table(&head, all.iter().map(row)),
    ]
    .concat()
}
