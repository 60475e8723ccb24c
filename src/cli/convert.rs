//! `snn convert`: a spiking network from a trained ANN.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::{
    cli::{
        arguments::Common,
        display::{Audience, Display},
        interrupt::STOPPED,
        loading,
        memory::{self, RunMemory},
        terminal, text,
        text::labelled,
        trained::{CONVERTED, TrainedNetwork, few_steps},
    },
    core::{Engine, Plan, registry::Registry},
    models::Experiment,
    train::{Balance, Checkpoint, Conversion, ConversionTarget, FileCheck, Trained, convert},
};

/// Make a spiking network of a trained ANN, by threshold balancing.
///
/// The ANN is a network of Relu neurons with direct input and one time step, such as the preset mnist-lenet-ann. The
/// spiking network has the same layers with integrate-and-fire neurons and sees Poisson spikes; snn evaluate, infer and
/// activity take it like any other.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn train mnist-lenet-ann                             the ANN
  snn convert runs/mnist-lenet-ann-1                    largest activations become 1 (Diehl et al. 2015)
  snn convert runs/mnist-lenet-ann-1 --share 0.999      all but the largest thousandth (Rueckauer et al. 2017)
  snn convert runs/mnist-lenet-ann-1 --method spike-norm --steps 200     (Sengupta et al. 2019)")]
pub(crate) struct ConvertArgs {
    /// Checkpoint, zoo:NAME, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// How thresholds are found
    #[arg(long, value_enum, default_value_t = Method::DataNorm)]
    method: Method,
    /// Share of the activations that the scale covers, for data-norm [default: 1]
    #[arg(long, value_name = "SHARE")]
    share: Option<f64>,
    /// Time steps each image is shown for
    #[arg(long, value_name = "N", default_value_t = STEPS)]
    steps: usize,
    /// Neuron of the hidden layers, If or Lif with a threshold of 1
    #[arg(long, value_name = "NEURON", default_value = NEURON)]
    neuron: String,
    /// Training images that the thresholds are measured on, the first ones of each class [default: 200, or all if there are fewer]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// File to write [default: converted-METHOD.safetensors, with what was asked for besides in its name, beside the
    /// checkpoint]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

/// Default values.
const STEPS: usize = 100;
const NEURON: &str = "If(reset: Soft)";

/// Batch size for measuring thresholds.
const BATCH: usize = 4;

/// Ways to balance thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// By the largest activation or weight of each population of the ANN
    DataNorm,
    /// By the largest current that spikes cause, population by population
    SpikeNorm,
}

pub(crate) fn run(registry: &Registry, args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    let ann = TrainedNetwork::load(registry, &args.checkpoint, None)?;
    let TrainedNetwork { built, weights, .. } = &ann;
    if ann.checkpoint.origin.as_ref().is_some_and(|origin| origin.starts_with(CONVERTED)) {
        bail!("{}: is a network that was converted already; give the ANN", ann.file());
    }
    let out_file = args.out.clone().unwrap_or_else(|| beside(&ann.path, args));
    if out_file.exists() && out_file.canonicalize().ok() == ann.path.canonicalize().ok() {
        bail!("{}: is the ANN itself; give another file with --out", out_file.display());
    }
    if out_file.exists() && !args.force {
        bail!("{}: is there already; give another file with --out, or --force", out_file.display());
    }
    let engine = loading::engine(registry, &args.common.compute)?;
    let memory = planned(registry, &ann, args, engine.as_ref())?;
    memory::check(&memory)?;
    let images = loading::images(built, &args.common)?;
    let balance = match args.method {
        Method::DataNorm => Balance::DataNorm { share: args.share.unwrap_or(1.0) },
        Method::SpikeNorm if args.share.is_some() => bail!("--share is for data-norm; spike-norm takes the maximum"),
        Method::SpikeNorm => Balance::SpikeNorm,
    };
    let measured_on = args.images.unwrap_or_else(|| images.train.len().min(200));
    let from = Trained { built, weights, data: &images.train, images: measured_on };
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(measured_on, audience)?;
    let target = ConversionTarget { neuron: &args.neuron, steps: args.steps };
    let found = convert(engine.as_ref(), registry, from, balance, target, &mut display);
    display.finish()?;
    let Some(conversion) = found? else { return Ok(ExitCode::from(STOPPED)) };

    let share = args.share.map_or_else(String::new, |share| format!(" of a share of {share}"));
    let origin =
        format!("{CONVERTED} by {}{share} on {measured_on} training images from an ANN", method_name(args.method));
    let converted = Checkpoint {
        experiment: conversion.experiment.to_ron(),
        origin: Some(origin),
        weights: Checkpoint::tensors(&built.network, &conversion.weights),
        optimizer: Vec::new(),
        progress: ann.checkpoint.progress,
        arithmetic: engine.arithmetic(),
        check: FileCheck::Holds,
    };
    converted.save(&out_file)?;
    let mut out = terminal::stdout();
    if args.common.json {
        let thresholds: serde_json::Map<String, serde_json::Value> =
            conversion.thresholds.iter().map(|(name, threshold)| (name.clone(), (*threshold).into())).collect();
        let method = method_name(args.method);
        let record = serde_json::json!({ "checkpoint": out_file, "method": method, "thresholds": thresholds });
        out.json(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = text::header(&[
        ("conversion", ann.progress(), ann.file()),
        ("method", format!("{}, on {} training images", method_name(args.method), from.images), String::new()),
        ("neuron", format!("{}, {} steps", args.neuron, args.steps), String::new()),
        ("memory", memory::planned(&memory), String::new()),
    ]);
    writeln!(out, "\n{header}\n{}", table(&conversion))?;
    if let Some(advice) = few_steps(args.steps) {
        writeln!(out, "{}\n", labelled("note", advice))?;
    }
    let name = out_file.display();
    writeln!(out, "  written to {name}\n  how good it is: snn evaluate {name}")?;
    Ok(ExitCode::SUCCESS)
}

/// The memory of the conversion: trials of the ANN or, with spike-norm, of the spiking network.
fn planned(
    registry: &Registry,
    ann: &TrainedNetwork,
    args: &ConvertArgs,
    engine: &dyn Engine,
) -> anyhow::Result<RunMemory> {
    let TrainedNetwork { built, .. } = ann;
    let experiment = &built.experiment;
    let own = memory::of_trials(built, engine, Plan::new(experiment.steps, BATCH).record(), true)?;
    if args.method == Method::DataNorm {
        return Ok(own);
    }
    let settings = [("network.neuron", args.neuron.as_str()), ("network.pool", &args.neuron)];
    let spiking = Experiment::from_ron(&experiment.to_ron(), "the ANN", &settings, registry);
    // If the spiking network cannot be built, the conversion reports it with a better message.
    let Some(spiking) = spiking.ok().and_then(|spiking| spiking.build(registry).ok()) else { return Ok(own) };
    memory::of_trials(&spiking, engine, Plan::new(args.steps, BATCH), true)
}

/// Default output file, named after the options, so that different conversions get different files.
fn beside(path: &Path, args: &ConvertArgs) -> PathBuf {
    let mut parts = vec!["converted".to_owned(), method_name(args.method).to_owned()];
    parts.extend(args.share.map(|share| format!("share{share}")));
    if args.steps != STEPS {
        parts.push(format!("steps{}", args.steps));
    }
    if args.neuron != NEURON {
        let words = args.neuron.split(|c: char| !c.is_alphanumeric() && c != '.').filter(|word| !word.is_empty());
        parts.extend(words.map(str::to_owned));
    }
    parts.extend(args.images.map(|images| format!("images{images}")));
    path.with_file_name(parts.join("-") + ".safetensors")
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::DataNorm => "data-norm",
        Method::SpikeNorm => "spike-norm",
    }
}

fn table(conversion: &Conversion) -> String {
    let rows: Vec<Vec<String>> =
        conversion.thresholds.iter().map(|(name, threshold)| vec![name.clone(), format!("{threshold:.4}")]).collect();
    text::table(&["population", "threshold"], &rows, &[1], false)
}
