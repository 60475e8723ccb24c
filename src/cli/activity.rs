//! `snn activity`: spikes, operations, energy and early answers of a trained network.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use console::style;

use crate::{
    cli::{
        arguments::{Common, Selection, Split},
        display::{Audience, Display},
        interrupt::STOPPED,
        loading, memory, places, terminal,
        text::{self, labelled, percent},
        trained::TrainedNetwork,
        words,
    },
    core::{Engine, Plan, Splits, registry::Registry},
    train::{
        activity::{
            ActivityReport, Comparison, CurvePoint, EnergyTable, MOST_NETWORKS, Operations, PageNetwork,
            PopulationActivity, ProjectionActivity, measure, page,
        },
        units::{joules, points},
        write_whole,
    },
};

/// Report what a trained network spends on an image: spikes, synaptic operations, energy, time steps.
///
/// Prints tables and writes a page with plots, activity.html, that needs nothing else and can be printed. Operations are
/// counted as NeuroBench does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn activity runs/mnist-lenet-1                            its best checkpoint, on the test images
  snn activity runs/mnist-lenet-1 --limit 1000 --html lenet.html
  snn activity runs/mnist-lenet-1 --energy ac=0.1,mac=3.2    picojoules of another process
  snn activity runs/mnist-lenet-1 --compare runs/mnist-lenet-direct-1
  snn activity runs/mnist-lenet-1 --compare runs/mnist-lenet-ann-1/converted-data-norm.safetensors
  snn activity runs/mnist-lenet-1 --json | jq .operations")]
pub(crate) struct ActivityArgs {
    /// Checkpoint, zoo:NAME, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// Another network, shown beside the first at the same accuracy; may be given several times
    #[arg(long, value_name = "CHECKPOINT|RUN_FOLDER")]
    compare: Vec<PathBuf>,
    /// Percentage points below the best accuracy at which an answer is good enough
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, value_parser = percentage_points)]
    within: f64,
    /// Picojoules of an accumulate and of a multiply-accumulate
    #[arg(long, value_name = "ac=PJ,mac=PJ", default_value = "ac=0.9,mac=4.6")]
    energy: EnergyTable,
    /// File for the page [default: activity.html, with what was asked for in its name, in the folder of the run, or beside
    /// the checkpoint under its name; none with --json]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

fn percentage_points(text: &str) -> Result<f64, String> {
    let points = text.parse().ok().filter(|points| (0.0..=100.0).contains(points));
    points.ok_or_else(|| "a number from 0 to 100".to_owned())
}

/// Terminal width, in columns, that the full table of operations needs.
const WIDE: usize = 118;

pub(crate) fn run(registry: &Registry, args: &ActivityArgs) -> anyhow::Result<ExitCode> {
    let engine = loading::engine(registry, &args.common.compute)?;
    let within = args.within / 100.0;
    // With --json, the page is written only if --html asks for it.
    let page_file = (args.html.clone()).or_else(|| (!args.common.json).then(|| page_file(args)));
    args.html.as_deref().map_or(Ok(()), |file| places::output(file, "--html", "a page"))?;
    if let Some(folder) = page_file.as_deref().and_then(Path::parent)
        && !folder.as_os_str().is_empty()
        && !folder.is_dir()
    {
        bail!("{}: there is no such folder for the page; make it, or name another with --html", folder.display());
    }
    let (networks, images) = networks(registry, args, engine.as_ref())?;
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(1, audience)?;
    let found: anyhow::Result<Option<Vec<Measured>>> =
        networks.into_iter().map(|network| measured(network, &images, args, engine.as_ref(), &mut display)).collect();
    display.finish()?;
    let Some(all) = found? else { return Ok(ExitCode::from(STOPPED)) };
    let Some((own, others)) = all.split_first() else { return Ok(ExitCode::SUCCESS) };

    // The page is written before the tables, so that it exists even if the reader of the tables stops early.
    if let Some(file) = &page_file {
        let others: Vec<PageNetwork<'_>> = others.iter().map(Measured::subject).collect();
        write_whole(file, &page(&own.subject(), &others, within))?;
    }
    let mut out = terminal::stdout();
    if args.common.json {
        out.json(&record(args, &all, within)?)?;
    } else {
        let memory = ("memory", own.memory.clone());
        let lines: Vec<(&str, String, String)> = (own.facts.iter().chain([&memory]).enumerate())
            .map(|(index, (label, text))| {
                (*label, text.clone(), if index == 0 { own.file.clone() } else { String::new() })
            })
            .collect();
        writeln!(out, "\n{}\n{}", text::header(&lines), populations(&own.report))?;
        writeln!(out, "{}\n{}", operations(&own.report), summary(&own.report, within))?;
        if !others.is_empty() {
            writeln!(out, "\n{}", comparison(&all, within))?;
        }
    }
    if let Some(file) = page_file.filter(|_| !args.common.json) {
        writeln!(out, "{}", labelled("report", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The checkpoint and those to compare it with, each with a name, and the images that are shown to all of them.
fn networks(
    registry: &Registry,
    args: &ActivityArgs,
    engine: &dyn Engine,
) -> anyhow::Result<(Vec<(String, TrainedNetwork)>, Splits)> {
    if args.compare.len() >= MOST_NETWORKS {
        bail!("a report compares up to {MOST_NETWORKS} networks, found {}", 1 + args.compare.len());
    }
    let load = |path: &PathBuf| {
        let network = TrainedNetwork::load(registry, path, args.steps)?;
        let plan = Plan::new(network.built.experiment.steps, network.built.experiment.training.batch).record();
        memory::checked(&network.built, engine, plan, &args.selection)?;
        anyhow::Ok((name(&network.path), network))
    };
    let own = load(&args.checkpoint)?;
    let images = own.1.images(&args.selection, &args.common)?;
    let shown = |network: &TrainedNetwork| {
        let (_, range) = network.select(&images, &args.selection)?;
        anyhow::Ok((network.built.experiment.data.to_string(), range))
    };
    let first = shown(&own.1)?;
    let mut all = vec![own];
    for path in &args.compare {
        let other = load(path)?;
        let found = shown(&other.1)?;
        if found != first {
            let split = args.selection.split.name();
            let images = |(data, chosen): &(String, Vec<u32>)| {
                let [first, last] = [chosen.first(), chosen.last()];
                let [first, last] =
                    [first, last].map(|image| text::thousands(image.map_or(0, |image| *image as usize + 1)));
                format!("{} {split} images, {first} to {last}, of {data}", text::thousands(chosen.len()))
            };
            bail!(
                "networks can be compared on the same images only: {} would see {}, {} {}",
                all[0].1.file(),
                images(&first),
                other.1.file(),
                images(&found)
            );
        }
        all.push(other);
    }
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    for (name, network) in &mut all {
        if names.iter().filter(|other| *other == name).count() > 1 {
            *name = network.file();
        }
    }
    Ok((all, images))
}

/// Measures a network. Returns `None` if the user stops it.
fn measured(
    (name, network): (String, TrainedNetwork),
    images: &Splits,
    args: &ActivityArgs,
    engine: &dyn Engine,
    display: &mut Display,
) -> anyhow::Result<Option<Measured>> {
    let TrainedNetwork { built, weights, .. } = &network;
    let experiment = &built.experiment;
    let (data, chosen) = network.select(images, &args.selection)?;
    let found = measure(engine, built, weights, data, &chosen, display)?;
    let Some(report) = found.map(|found| found.report) else { return Ok(None) };
    let (shown, split) = (text::thousands(report.images), args.selection.split.name());
    let facts = vec![
        ("trained", network.progress()),
        ("network", words::network(&built.network, experiment.steps)),
        ("data", format!("{}: {shown} {split} images", experiment.data.name)),
        ("input", built.input.describe()),
    ];
    let plan = Plan::new(experiment.steps, experiment.training.batch).record();
    let memory = memory::planned(&memory::checked(built, engine, plan, &args.selection)?);
    let facts = facts.into_iter().chain(network.advice().map(|advice| ("note", advice))).collect();
    Ok(Some(Measured { name, file: network.file(), facts, memory, report: report.priced(args.energy) }))
}

/// A network with its measurement.
struct Measured {
    name: String,
    file: String,
    facts: Vec<(&'static str, String)>,
    memory: String,
    report: ActivityReport,
}

impl Measured {
    fn subject(&self) -> PageNetwork<'_> {
        PageNetwork { name: &self.name, facts: &self.facts, report: &self.report }
    }
}

/// Whether a checkpoint is named like those of a run.
fn is_of_run(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "best" || stem == "last")
}

/// Short name of a checkpoint: the folder of its run, or the file's own name.
fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name);
    let name = folder.filter(|_| is_of_run(path)).or(path.file_stem()).unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Default path of the page: in the folder of the run, or beside the checkpoint. The name contains the options used, so
/// that a quick measurement does not overwrite a long one.
fn page_file(args: &ActivityArgs) -> PathBuf {
    let checkpoint = &args.checkpoint;
    let mut asked = String::new();
    if args.selection.split != Split::Test {
        asked.extend(["-", args.selection.split.name()]);
    }
    for (what, value) in [("limit", args.selection.limit), ("steps", args.steps)] {
        asked += &value.map_or_else(String::new, |value| format!("-{what}{value}"));
    }
    for other in &args.compare {
        asked.extend(["-vs-", &name(other)]);
    }
    if checkpoint.is_dir() {
        return checkpoint.join(format!("activity{asked}.html"));
    }
    match checkpoint.file_stem() {
        Some(stem) if !is_of_run(checkpoint) => {
            checkpoint.with_file_name(format!("activity-{}{asked}.html", stem.to_string_lossy()))
        }
        _ => checkpoint.with_file_name(format!("activity{asked}.html")),
    }
}

fn record(args: &ActivityArgs, measured: &[Measured], within: f64) -> anyhow::Result<serde_json::Value> {
    let own = &measured[0];
    let mut record = serde_json::to_value(&own.report)?;
    record["checkpoint"] = own.file.clone().into();
    record["split"] = args.selection.split.name().into();
    record["within"] = within.into();
    record["reached"] = serde_json::to_value(own.report.reach(own.report.best_accuracy() - within))?;
    if measured.len() > 1 {
        let Comparison { accuracy, reached } = Comparison::new(measured.iter().map(|it| &it.report), within);
        let network = |(it, reached): (&Measured, &Option<CurvePoint>)| serde_json::json!({ "checkpoint": it.file, "report": it.report, "reached": reached });
        let networks: Vec<_> = measured.iter().zip(&reached).map(network).collect();
        record["compared"] = serde_json::json!({ "accuracy": accuracy, "networks": networks });
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
            if population.graded { "-".to_owned() } else { part(population.saturated) },
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
    let times =
        energy.ratio().map_or_else(String::new, |ratio| format!(", {} times as much", text::significant(ratio)));
    let mut lines = vec![
        labelled(
            "accuracy",
            format!("{} of {} images", style(percent(report.accuracy)).green().bold(), text::thousands(report.images)),
        ),
        labelled(
            "energy",
            format!(
                "{}; ANN of the same shape {}{times} ({table})",
                style(joules(energy.own)).bold(),
                joules(energy.ann),
            ),
        ),
    ];
    let best = report.best_accuracy();
    if let Some(point) = report.reach(best - within).filter(|_| report.steps > 1) {
        let share = |part: f64, of: f64| percent(part / of.max(f64::MIN_POSITIVE));
        lines.push(labelled(
            "early answer",
            format!(
                "within {} of the best accuracy, {}, at step {} of {}, with {} of the spikes and {} of the energy",
                points(within),
                percent(best),
                style(point.steps).bold(),
                report.steps,
                share(point.spikes, report.spikes),
                share(report.energy_at(point), energy.own)
            ),
        ));
    }
    lines.join("\n")
}

/// Text that compares networks at the same accuracy.
fn comparison(measured: &[Measured], within: f64) -> String {
    let Comparison { accuracy, reached } = Comparison::new(measured.iter().map(|it| &it.report), within);
    let row = |(Measured { name, report, .. }, reached): (&Measured, &Option<CurvePoint>)| {
        let spiking = |spikes: f64| if report.is_spiking() { whole(spikes) } else { "-".to_owned() };
        let mut row = vec![name.clone(), percent(report.best_accuracy())];
        match reached {
            None => row.push("never".to_owned()),
            Some(point) => row.extend([
                format!("{} of {}", point.steps, report.steps),
                spiking(point.spikes),
                spiking(point.input_spikes),
                whole(point.effective_acs + point.effective_macs),
                joules(report.energy_at(point)),
            ]),
        }
        row
    };
    let at = format!("steps to {}", percent(accuracy));
    let head = ["network", "best accuracy", &at, "spikes", "input spikes", "operations", "energy"];
    let rows: Vec<Vec<String>> = measured.iter().zip(&reached).map(row).collect();
    text::table(&head, &rows, &[1, 2, 3, 4, 5, 6], false)
}
