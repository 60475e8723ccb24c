//! `snn infer`: latency and early exit of a trained network.

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::bail;
use clap::Args;
use console::style;

use crate::{
    cli::{
        arguments::{Common, Selection, batch},
        display::{Audience, Display},
        interrupt::STOPPED,
        loading, memory, places, terminal,
        text::{self, labelled},
        trained::TrainedNetwork,
    },
    core::{Plan, registry::Registry},
    train::{Exit, Inference, InferenceOptions, RecordingFiles, infer, record},
};

/// Answer images one by one, as a device would: latency, and early exit.
///
/// With --exit an image is answered as soon as the best class leads by a margin, in the units of the scores:
/// with the score and the loss of the preset mnist-lenet, scores go from 0 to 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn infer runs/mnist-lenet-1                          one image at a time, all steps
  snn infer runs/mnist-lenet-1 --exit 0.3               until one class leads by 0.3
  snn infer runs/mnist-lenet-1 --exit 0.3 --every 2     looked at every 2 steps
  snn infer runs/mnist-lenet-1 --batch 16 --limit 1600
  snn infer runs/mnist-lenet-1 --limit 100 --scores scores.csv --spikes spikes.npz")]
pub(crate) struct InferArgs {
    /// Checkpoint, zoo:NAME, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// Images that are answered together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = batch)]
    batch: usize,
    /// Answer as soon as the best class leads by this much
    #[arg(long, value_name = "MARGIN")]
    exit: Option<f32>,
    /// Time steps between two looks at the scores, a divisor of them all [default: about a fifth of them]
    #[arg(long, value_name = "N", requires = "exit")]
    every: Option<usize>,
    /// CSV file to write: index, class, answer and scores of each image; with --json, scores are printed too
    #[arg(long, value_name = "FILE.csv", conflicts_with = "exit")]
    scores: Option<PathBuf>,
    /// NPZ file to write, for numpy.load: every spike of the input and of each population, with labels and scores
    #[arg(long, value_name = "FILE.npz", conflicts_with = "exit")]
    spikes: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for at most [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(registry: &Registry, args: &InferArgs) -> anyhow::Result<ExitCode> {
    for (file, flag, what) in [(&args.scores, "--scores", "a table"), (&args.spikes, "--spikes", "spikes")] {
        file.as_deref().map_or(Ok(()), |file| places::output(file, flag, what))?;
    }
    if let Some(file) = args.scores.as_ref().filter(|file| args.spikes.as_ref() == Some(file)) {
        bail!(
            "{}: --scores and --spikes must name two files, as one would take the place of the other",
            file.display()
        );
    }
    let network = TrainedNetwork::load(registry, &args.checkpoint, args.steps)?;
    let TrainedNetwork { built, weights, .. } = &network;
    let experiment = &built.experiment;
    let engine = loading::engine(registry, &args.common.compute)?;
    let steps = experiment.steps;
    let every = args.every.unwrap_or_else(|| fifth(steps));
    let plan = Plan::new(if args.exit.is_some() { every } else { steps }, args.batch);
    let plan = Plan { stream: args.exit.is_some(), record: args.spikes.is_some(), ..plan };
    let memory = memory::checked(built, engine.as_ref(), plan, &args.selection)?;
    let images = network.images(&args.selection, &args.common)?;
    let (data, chosen) = network.select(&images, &args.selection)?;
    let batch = args.batch.min(chosen.len());
    let exit = args.exit.map(|margin| Exit { margin, every });

    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(batch, audience)?;
    let options = InferenceOptions { batch, exit };
    let found = infer(engine.as_ref(), built, weights, data, &chosen, options, &mut display);
    let files = RecordingFiles { scores: args.scores.clone(), spikes: args.spikes.clone() };
    let is_recorded = files != RecordingFiles::default();
    // Recorded separately from the timed inference, because recording is slower.
    let recorded = match &found {
        Ok(Some(_)) if is_recorded => {
            record(engine.as_ref(), built, weights, data, &chosen, batch, &files, &mut display)
        }
        _ => Ok(Some(Vec::new())),
    };
    display.finish()?;
    let (Some(inference), Some(scores)) = (found?, recorded?) else { return Ok(ExitCode::from(STOPPED)) };

    let mut out = terminal::stdout();
    if args.common.json {
        let mut record = serde_json::json!({
            "checkpoint": network.file(), "split": args.selection.split.name(), "images": inference.answers.len(), "batch": batch,
            "exit": exit, "accuracy": inference.accuracy(), "steps": inference.steps(), "of_steps": steps,
            "spikes": per_image(&inference, inference.spikes), "input_spikes": inference.input_spikes.map(|spikes| per_image(&inference, spikes)),
            "latency_ms": { "median": millis(inference.latency(0.5)), "p95": millis(inference.latency(0.95)) },
            "answers": inference.answers,
        });
        for (answer, scores) in record["answers"].as_array_mut().into_iter().flatten().zip(scores) {
            answer["scores"] = scores.into();
        }
        out.json(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let n = text::thousands(inference.answers.len());
    let what = format!("{}: {n} {} images", experiment.data.name, args.selection.split.name());
    let header = text::header(&[
        ("inference", network.progress(), network.file()),
        ("engine", engine.describe(), String::new()),
        ("data", what, images.folder.display().to_string()),
        ("memory", memory::planned(&memory), String::new()),
    ]);
    writeln!(out, "\n{header}\n{}", figures(&inference, steps, batch, exit))?;
    if let Some(advice) = network.advice() {
        writeln!(out, "{}\n", labelled("note", advice))?;
    }
    if exit.is_some() {
        writeln!(out, "{}", table(&inference, every))?;
    }
    for (label, file) in [("scores", &args.scores), ("spikes", &args.spikes)] {
        if let Some(file) = file {
            writeln!(out, "{}", labelled(label, file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The largest divisor of `steps` that is at most a fifth of them, or 1. Each stretch has a fixed cost, so short
/// stretches cost more time than early exit saves.
fn fifth(steps: usize) -> usize {
    (1..=(steps / 5).max(1)).rev().find(|every| steps.is_multiple_of(*every)).unwrap_or(1)
}

fn per_image(inference: &Inference, sum: u64) -> f64 {
    sum as f64 / inference.answers.len() as f64
}

fn millis(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

fn figures(inference: &Inference, steps: usize, batch: usize, exit: Option<Exit>) -> String {
    let right = inference.answers.iter().filter(|answer| answer.correct).count();
    let accuracy = style(text::percent(inference.accuracy())).green().bold();
    let together = if batch == 1 { "an image by itself".to_owned() } else { format!("{batch} images together") };
    let (median, slow) = (millis(inference.latency(0.5)), millis(inference.latency(0.95)));
    let looked = match exit {
        Some(Exit { margin, every }) => format!(
            "{:.1} of {steps} on average; an answer leads by more than {margin} at a multiple of {every}",
            inference.steps()
        ),
        None => format!("{steps}, all of them"),
    };
    let (right, all) = (text::thousands(right), text::thousands(inference.answers.len()));
    [
        labelled("accuracy", format!("{accuracy}   {right} of {all} right")),
        labelled("time steps", looked),
        labelled(
            "spikes",
            text::spikes(
                per_image(inference, inference.spikes),
                inference.input_spikes.map(|spikes| per_image(inference, spikes)),
            ),
        ),
        labelled("latency", format!("{median:.2} ms median, {slow:.2} ms at most for 95 %, {together}")),
    ]
    .join("\n")
        + "\n"
}

/// A table of how many images were answered after how many time steps, and the accuracy.
fn table(inference: &Inference, every: usize) -> String {
    let most = inference.answers.iter().map(|answer| answer.steps).max().unwrap_or(0);
    let at = |steps: usize| inference.answers.iter().filter(move |answer| answer.steps == steps);
    let counts: Vec<(usize, usize)> =
        (every..=most).step_by(every).map(|steps| (steps, at(steps).count())).filter(|&(_, n)| n > 0).collect();
    let highest = counts.iter().map(|&(_, n)| n).max().unwrap_or(1);
    let row = |&(steps, n): &(usize, usize)| {
        let right = at(steps).filter(|answer| answer.correct).count() as f64 / n as f64;
        let bar = "━".repeat((30.0 * n as f64 / highest as f64).round() as usize);
        vec![steps.to_string(), text::thousands(n), text::percent(right), bar]
    };
    let rows: Vec<Vec<String>> = counts.iter().map(row).collect();
    text::table(&["steps", "images", "right", ""], &rows, &[0, 1, 2], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_divides_the_steps() {
        assert_eq!([100, 50, 40, 8, 7, 60, 97].map(fifth), [20, 10, 8, 1, 1, 12, 1]);
    }
}
