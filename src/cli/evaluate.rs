//! `snn evaluate`: accuracy and cost of a trained network.

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Context as _;
use clap::Args;
use console::style;

use crate::{
    cli::{
        arguments::{Common, Selection},
        constants,
        display::{Audience, Display},
        interrupt::STOPPED,
        loading, memory, terminal,
        text::{self, labelled},
        trained::TrainedNetwork,
    },
    core::{Network, Plan, registry::Registry},
    train::{Evaluation, evaluate, remarks_on},
};

/// Measure a trained network: accuracy, loss, errors by class, spikes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn evaluate runs/mnist-lenet-1                       its best checkpoint, on the test images
  snn evaluate runs/mnist-lenet-1/last.safetensors --split validation
  snn evaluate runs/mnist-lenet-1 --steps 20            with less time to decide")]
pub(crate) struct EvaluateArgs {
    /// Checkpoint, zoo:NAME, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(registry: &Registry, args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let network = TrainedNetwork::load(registry, &args.checkpoint, args.steps)?;
    let TrainedNetwork { built, weights, .. } = &network;
    let experiment = &built.experiment;
    let engine = loading::engine(registry, &args.common.compute)?;
    let plan = Plan::new(experiment.steps, experiment.training.batch);
    let memory = memory::checked(built, engine.as_ref(), plan, &args.selection)?;
    let images = network.images(&args.selection, &args.common)?;
    let (data, chosen) = network.select(&images, &args.selection)?;

    let (started, n) = (Instant::now(), chosen.len());
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(experiment.training.batch, audience)?;
    let found = evaluate(engine.as_ref(), built, weights, data, &chosen, &mut display);
    let seconds = started.elapsed().as_secs_f64();
    display.finish()?;
    let Some(evaluation) = found.with_context(|| network.file())? else { return Ok(ExitCode::from(STOPPED)) };

    let mut out = terminal::stdout();
    if args.common.json {
        let mut record = serde_json::to_value(&evaluation)?;
        record["checkpoint"] = network.file().into();
        record["split"] = args.selection.split.name().into();
        record["steps"] = experiment.steps.into();
        record["seconds"] = seconds.into();
        out.json(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let what = format!("{}: {} {} images", experiment.data.name, text::thousands(n), args.selection.split.name());
    let header = text::header(&[
        ("evaluation", network.progress(), network.file()),
        ("engine", engine.describe(), String::new()),
        ("data", what, images.folder.display().to_string()),
        ("memory", memory::planned(&memory), String::new()),
    ]);
    writeln!(out, "\n{header}\n{}", figures(&evaluation, seconds))?;
    if let Some(advice) = network.advice() {
        writeln!(out, "{}\n", labelled("note", advice))?;
    }
    writeln!(out, "{}", layers(&built.network, &evaluation, experiment.steps))?;
    if let Some(table) = constants::table(&built.network, Some(weights)) {
        writeln!(out, "{table}")?;
    }
    writeln!(out, "{}", classes(&evaluation))?;
    for remark in remarks_on(args.selection.split.name(), data, &chosen).iter().chain(data.notes()) {
        writeln!(out, "{}", labelled("note", remark))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn figures(evaluation: &Evaluation, seconds: f64) -> String {
    let Evaluation { images, loss, accuracy, confusion, input_spikes, spikes, .. } = evaluation;
    let right: u64 = confusion.iter().enumerate().map(|(class, row)| row[class]).sum();
    let accuracy = style(text::percent(*accuracy)).green().bold();
    [
        labelled("accuracy", format!("{accuracy}   {} of {} right", text::thousands(right), text::thousands(*images))),
        labelled("loss", format!("{loss:.4} an image")),
        labelled("spikes", text::spikes(*spikes, *input_spikes)),
        labelled("speed", format!("{} images/s", text::thousands((*images as f64 / seconds).round() as u64))),
    ]
    .join("\n")
        + "\n"
}

/// A table of firing rates by population.
fn layers(network: &Network, evaluation: &Evaluation, steps: usize) -> String {
    let input = network.input();
    let input_rate = evaluation.input_spikes.map(|spikes| ("input", spikes / (input.len() * steps) as f64));
    let shape = |name: &str| {
        let found = network.populations().iter().find(|population| population.name == name);
        found.map_or(input, |population| population.shape)
    };
    let rates = evaluation.rates.iter().map(|(name, rate)| (name.as_str(), f64::from(*rate)));
    let rates: Vec<(&str, f64)> = input_rate.into_iter().chain(rates).collect();
    let highest = rates.iter().map(|(_, rate)| *rate).fold(f64::MIN_POSITIVE, f64::max);
    let row = |&(name, rate): &(&str, f64)| {
        let bar = "━".repeat((20.0 * rate / highest).round() as usize);
        let spikes = rate * (shape(name).len() * steps) as f64;
        vec![
            name.to_owned(),
            shape(name).to_string(),
            text::thousands(spikes.round() as u64),
            format!("{:.2} %", 100.0 * rate),
            bar,
        ]
    };
    let rows: Vec<Vec<String>> = rates.iter().map(row).collect();
    text::table(&["population", "shape", "spikes/image", "rate", ""], &rows, &[2, 3], false)
}

/// A table of recall and precision of each class, with its most frequent confusion.
fn classes(evaluation: &Evaluation) -> String {
    let confusion = &evaluation.confusion;
    let share = |part: u64, whole: u64| {
        if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
    };
    let row = |(class, answers): (usize, &Vec<u64>)| {
        let (right, images) = (answers[class], answers.iter().sum::<u64>());
        let answered: u64 = confusion.iter().map(|answers| answers[class]).sum();
        let mut wrong: Vec<(usize, u64)> =
            answers.iter().copied().enumerate().filter(|&(k, n)| k != class && n > 0).collect();
        wrong.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
        let wrong: Vec<String> = wrong.iter().take(3).map(|(k, n)| format!("{k} ({n})")).collect();
        vec![class.to_string(), text::thousands(images), share(right, images), share(right, answered), wrong.join(", ")]
    };
    let rows: Vec<Vec<String>> = confusion.iter().enumerate().map(row).collect();
    text::table(&["class", "images", "recall", "precision", "taken for"], &rows, &[1, 2, 3], false)
}
