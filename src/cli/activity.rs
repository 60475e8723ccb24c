//! `snn activity`: what a trained network spends on an image.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use console::style;

use crate::{
    cli::{
        ActivityArgs,
        display::{Audience, Display},
        interrupt::STOPPED,
        loading,
        text::{self, labelled, percent},
        trained::TrainedNetwork,
        words,
    },
    core::{Engine, registry::Registry},
    train::activity::{
        ActivityReport, Comparison, Operations, PopulationActivity, ProjectionActivity, Subject, joules, measure, page,
    },
};

/// Columns of a terminal that the table of operations needs as a whole.
const WIDE: usize = 118;

pub(crate) fn run(registry: &Registry, args: &ActivityArgs) -> anyhow::Result<ExitCode> {
    let engine = loading::engine(registry, &args.common)?;
    let within = args.within / 100.0;
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(1, audience)?;
    let found = both(registry, args, engine.as_ref(), &mut display);
    display.finish()?;
    let Some((own, other)) = found? else { return Ok(ExitCode::from(STOPPED)) };
    if let Some(other) = &other
        && (other.data != own.data || other.report.images != own.report.images)
    {
        let [a, b] =
            [&own, other].map(|it| format!("{} on {} of {}", it.file, text::thousands(it.report.images), it.data));
        bail!("networks can be compared on the same images only, not {a} and {b}");
    }
    let subject = own.subject();
    let html = page(&subject, other.as_ref().map(Measured::subject).as_ref(), within);
    let report = page_file(args);
    fs::write(&report, html).with_context(|| format!("{}: cannot write the page", report.display()))?;

    let mut out = io::stdout().lock();
    if args.common.json {
        writeln!(out, "{}", record(args, &own, other.as_ref(), within)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines: Vec<(&str, String, String)> = (subject.facts.iter().enumerate())
        .map(|(index, (label, text))| (*label, text.clone(), if index == 0 { own.file.clone() } else { String::new() }))
        .collect();
    writeln!(out, "\n{}\n{}", text::header(&lines), populations(&own.report))?;
    writeln!(out, "{}\n{}", operations(&own.report), summary(&own.report, within))?;
    if let Some(other) = &other {
        writeln!(out, "\n{}", comparison(&own, other, within))?;
    }
    writeln!(out, "{}", labelled("report", report.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// A network, measured.
struct Measured {
    name: String,
    file: String,
    /// Data set and split.
    data: String,
    facts: Vec<(&'static str, String)>,
    report: ActivityReport,
}

impl Measured {
    fn subject(&self) -> Subject<'_> {
        Subject { name: &self.name, facts: &self.facts, report: &self.report }
    }
}

/// Measures the checkpoint, and the one to compare it with; none if the user broke off.
fn both(
    registry: &Registry,
    args: &ActivityArgs,
    engine: &dyn Engine,
    display: &mut Display,
) -> anyhow::Result<Option<(Measured, Option<Measured>)>> {
    let Some(own) = measured(registry, args, &args.checkpoint, engine, display)? else { return Ok(None) };
    let Some(path) = &args.compare else { return Ok(Some((own, None))) };
    let other = measured(registry, args, path, engine, display)?;
    Ok(other.map(|other| (own, Some(other))))
}

/// Measures the checkpoint at `path`; none if the user broke off.
fn measured(
    registry: &Registry,
    args: &ActivityArgs,
    path: &Path,
    engine: &dyn Engine,
    display: &mut Display,
) -> anyhow::Result<Option<Measured>> {
    let network = TrainedNetwork::load(registry, path, None)?;
    let TrainedNetwork { experiment, built, weights, .. } = &network;
    let images = loading::images(built, &args.common)?;
    let (data, range) = network.select(&images, &args.selection)?;
    let found = measure(engine, experiment, built, weights, data, range, display)?;
    let Some(report) = found else { return Ok(None) };
    let data = format!("{}: {} images", experiment.data.name, args.selection.split.name());
    let facts = vec![
        ("trained", network.progress()),
        ("network", words::network(&built.network, experiment.steps)),
        (
            "data",
            format!(
                "{}: {} {} images",
                experiment.data.name,
                text::thousands(report.images),
                args.selection.split.name()
            ),
        ),
        ("input", built.input.describe()),
    ];
    Ok(Some(Measured {
        name: name(&network.path),
        file: network.file(),
        data,
        facts,
        report: report.priced(args.energy),
    }))
}

/// A checkpoint in short: the folder of its run, or its own name.
fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name);
    let is_run = path.file_stem().is_some_and(|stem| stem == "best" || stem == "last");
    let name = folder.filter(|_| is_run).or(path.file_stem()).unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Where the page goes: into the folder of the run, or beside the checkpoint.
fn page_file(args: &ActivityArgs) -> PathBuf {
    args.html.clone().unwrap_or_else(|| {
        let folder = if args.checkpoint.is_dir() { Some(&*args.checkpoint) } else { args.checkpoint.parent() };
        folder.unwrap_or(Path::new("")).join("activity.html")
    })
}

fn record(
    args: &ActivityArgs,
    own: &Measured,
    other: Option<&Measured>,
    within: f64,
) -> anyhow::Result<serde_json::Value> {
    let mut record = serde_json::to_value(&own.report)?;
    record["checkpoint"] = own.file.clone().into();
    record["split"] = args.selection.split.name().into();
    record["within"] = within.into();
    record["reached"] = serde_json::to_value(own.report.reach(own.report.best_accuracy() - within))?;
    if let Some(other) = other {
        let comparison = Comparison::new(&own.report, &other.report, within);
        record["compared"] = serde_json::json!({
            "checkpoint": other.file, "report": other.report, "comparison": comparison,
        });
    }
    Ok(record)
}

fn whole(count: f64) -> String {
    text::thousands(count.round() as u64)
}

fn populations(report: &ActivityReport) -> String {
    let row = |population: &PopulationActivity| {
        let part = |count: usize| {
            if count == 0 { "-".to_owned() } else { percent(count as f64 / population.neurons().max(1) as f64) }
        };
        vec![
            population.name.clone(),
            population.shape.to_string(),
            if population.graded { "numbers".to_owned() } else { whole(population.spikes) },
            format!("{:.2} %", 100.0 * population.rate),
            format!("{:.2} %", 100.0 * population.sparsity),
            part(population.silent),
            part(population.saturated),
        ]
    };
    let head = ["population", "shape", "spikes/image", "rate", "sparsity", "silent", "saturated"];
    let mut rows: Vec<Vec<String>> = report.populations.iter().map(row).collect();
    let sparsity = report.activation_sparsity;
    let mean = |share: f64| format!("{:.2} %", 100.0 * share);
    rows.push(vec!["without input".into(), String::new(), whole(report.spikes), mean(1.0 - sparsity), mean(sparsity)]);
    text::table(&head, &rows, &[2, 3, 4, 5, 6], true)
}

fn operations(report: &ActivityReport) -> String {
    let count = |value: f64| if value == 0.0 { "-".to_owned() } else { whole(value) };
    let share = |of: &Operations| format!("{:.2} %", 100.0 * of.effective() / of.dense.max(1.0));
    let row = |projection: &ProjectionActivity| {
        let of = projection.operations;
        let (source, map) = (&projection.source, &projection.map);
        vec![
            projection.target.clone(),
            if *source == projection.target { "itself".to_owned() } else { source.clone() },
            if projection.weighted { map.clone() } else { format!("{map} (no weights)") },
            format!("{:.1}", projection.fan_out),
            count(of.dense),
            count(of.effective_acs),
            count(of.effective_macs),
            share(&of),
            count(of.by_mean_fan_out),
        ]
    };
    let head = [
        "into",
        "from",
        "map",
        "mean fan-out",
        "Dense/image",
        "Effective_ACs",
        "Effective_MACs",
        "of dense",
        "by mean fan-out",
    ];
    let mut rows: Vec<Vec<String>> = report.projections.iter().map(row).collect();
    let sum = report.operations;
    let blank = String::new();
    rows.push(vec![
        "with weights".into(),
        blank.clone(),
        blank.clone(),
        blank,
        count(sum.dense),
        count(sum.effective_acs),
        count(sum.effective_macs),
        share(&sum),
        count(sum.by_mean_fan_out),
    ]);
    if text::columns() >= WIDE {
        return text::table(&head, &rows, &[3, 4, 5, 6, 7, 8], true);
    }
    let narrow = [0, 1, 4, 5, 6, 7];
    let rows: Vec<Vec<String>> = rows.iter().map(|row| narrow.map(|column| row[column].clone()).to_vec()).collect();
    text::table(&narrow.map(|column| head[column]), &rows, &[2, 3, 4, 5], true)
}

fn summary(report: &ActivityReport, within: f64) -> String {
    let energy = &report.energy;
    let table = format!("{} pJ an accumulate, {} pJ a multiply-accumulate", energy.table.ac, energy.table.mac);
    let ratio = energy.snn / energy.ann.max(f64::MIN_POSITIVE);
    let mut lines = vec![
        labelled(
            "accuracy",
            format!("{} of {} images", style(percent(report.accuracy)).green().bold(), text::thousands(report.images)),
        ),
        labelled(
            "energy",
            format!(
                "{}; ANN of the same shape {}, {} times as much ({table})",
                style(joules(energy.snn)).bold(),
                joules(energy.ann),
                text::significant(1.0 / ratio)
            ),
        ),
    ];
    let best = report.best_accuracy();
    if let Some(point) = report.reach(best - within).filter(|_| report.steps > 1) {
        let share = |part: f64, of: f64| percent(part / of.max(f64::MIN_POSITIVE));
        lines.push(labelled(
            "early answer",
            format!(
                "within {:.1} points of the best accuracy, {}, at step {} of {}, with {} of the spikes and {} of the \
                 energy",
                100.0 * within,
                percent(best),
                style(point.steps).bold(),
                report.steps,
                share(point.spikes, report.spikes),
                share(report.energy_at(point), energy.snn)
            ),
        ));
    }
    lines.join("\n")
}

/// Two networks at the same accuracy.
fn comparison(own: &Measured, other: &Measured, within: f64) -> String {
    let comparison = Comparison::new(&own.report, &other.report, within);
    let row = |measured: &Measured| {
        let report = &measured.report;
        let mut row = vec![measured.name.clone(), percent(report.best_accuracy())];
        match report.reach(comparison.accuracy) {
            None => row.push("never".to_owned()),
            Some(point) => row.extend([
                format!("{} of {}", point.steps, report.steps),
                whole(point.spikes),
                whole(point.input_spikes),
                whole(point.effective_acs + point.effective_macs),
                joules(report.energy_at(point)),
            ]),
        }
        row
    };
    let at = format!("steps to {}", percent(comparison.accuracy));
    let head = ["network", "best accuracy", &at, "spikes", "input spikes", "operations", "energy"];
    text::table(&head, &[row(own), row(other)], &[1, 2, 3, 4, 5, 6], false)
}
