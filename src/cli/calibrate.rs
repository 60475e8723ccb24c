//! `snn calibrate`: initial weights at which every population fires.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        arguments::{Common, Overrides},
        display::{Audience, Display, calibration},
        interrupt::STOPPED,
        loading::{self, Named},
        memory, terminal, text, words,
    },
    core::{Plan, registry::Registry},
    models::experiment::Start,
    train::{Calibrated, Checkpoint, Progress, calibrate},
};

/// Look at how often each population fires before training, and scale its weights so that it does.
///
/// Shows training images to the network as its weights are drawn, population by population, and scales the weights of each to
/// a firing rate that follows from its depth. It is what a run does whose experiment asks for a calibrated start; if it does
/// not, the defaults are taken. The book says which these are, in the chapter on experiments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn calibrate cifar10-vgg9                                rates as drawn, and as calibrated
  snn calibrate my-net.ron --set 'start=Calibrated(first: 0.1, last: 0.05)'
  snn calibrate my-net.ron --out start.safetensors          the weights, to be looked into: snn-viz start.safetensors
  snn train my-net.ron --set 'start=Calibrated()'           a run that starts from them")]
pub(crate) struct CalibrateArgs {
    /// Experiment: a preset or a RON file [default: mnist-lenet]
    #[arg(value_name = "PRESET|FILE.ron")]
    experiment: Option<String>,
    /// Checkpoint to write, with the calibrated weights
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    common: Common,
}

/// The JSON output.
#[derive(Debug, Serialize)]
struct CalibrateJson<'a> {
    populations: &'a [Calibrated],
    checkpoint: Option<&'a Path>,
}

pub(crate) fn run(registry: &Registry, args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    if let Some(file) = args.out.as_ref().filter(|file| file.exists() && !args.force) {
        bail!("{}: is there already; give another file with --out, or --force", file.display());
    }
    let engine = loading::engine(registry, &args.common.compute)?;
    let named = loading::experiment(registry, args.experiment.as_deref(), &args.overrides.settings())?;
    let Named { mut built, name, origin, .. } = named;
    let (mut weights, _) = loading::initial(&built)?;
    if !matches!(built.experiment.start, Start::Calibrated { .. }) {
        built.experiment.start = Start::calibrated();
    }
    let experiment = &built.experiment;
    let training = &experiment.training;
    let plan = Plan::new(experiment.steps, training.batch);
    let memory = memory::of_trials(&built, engine.as_ref(), plan, true)?;
    memory::check(&memory)?;
    let images = loading::limited_images(&built, &args.common, training.limit)?;
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(training.batch, audience)?;
    let found = calibrate(engine.as_ref(), &built, &images.train, &mut weights, &mut display);
    display.finish()?;
    let Some(populations) = found? else { return Ok(ExitCode::from(STOPPED)) };

    if let Some(file) = &args.out {
        let learned = images.train.len().saturating_sub(training.validation.count());
        let checkpoint = Checkpoint {
            origin: Some("calibrated".to_owned()),
            progress: Progress { seed: training.seed, images: learned, ..Progress::default() },
            arithmetic: engine.arithmetic(),
            ..Checkpoint::of_weights(experiment.to_ron(), Checkpoint::tensors(&built.network, &weights))
        };
        checkpoint.save(file)?;
    }
    let mut out = terminal::stdout();
    if args.common.json {
        out.json(&CalibrateJson { populations: &populations, checkpoint: args.out.as_deref() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = text::header(&[
        (name.as_str(), words::network(&built.network, experiment.steps), origin),
        ("engine", engine.describe(), String::new()),
        ("memory", memory::planned(&memory), String::new()),
    ]);
    writeln!(out, "\n{header}\n{}", calibration(&populations))?;
    if let Some(file) = &args.out {
        let name = file.display();
        writeln!(out, "  written to {name}\n  look inside: snn-viz {name}")?;
    }
    Ok(ExitCode::SUCCESS)
}
