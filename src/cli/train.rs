//! `snn train`: start a run, or go on with one.

use std::{
    io::{self, Write as _},
    path::Path,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;

use crate::{
    cli::{
        arguments::{Common, Overrides},
        display::{Audience, Display},
        interrupt::STOPPED,
        loading::{self, Named},
        memory::{self, Device, RunMemory},
        text::{self, labelled},
        viewer, words,
    },
    core::{Engine, Splits, registry::Registry},
    models::{Built, Experiment},
    train::{Job, Outcome, RunFolder, SAVE_EVERY, fit},
};

/// Train a network.
///
/// The experiment is a preset or a RON file; it says everything about network, data and training. A run writes a
/// folder with the experiment as it was resolved, one line of metrics an update, and checkpoints. It can be stopped at any
/// moment, with Ctrl-C or worse, and resumed with the same result as if it had not been.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn train                                          the preset mnist-lenet
  snn train my-net.ron --out runs/first              your own experiment
  snn train --epochs 3 --set training.optimizer.rate=0.01
  snn train --set 'network.layers[4]=Linear(features: 400)'
  snn train --set 'training.optimizer=Adam(rate: 0.001)'
  snn train --resume runs/mnist-lenet-1
  snn train --watch                                  with its curves in a window
  snn train --json | jq 'select(.event == \"Epoch\").validation_accuracy'")]
pub(crate) struct TrainArgs {
    /// Preset or RON file [default: mnist-lenet]
    #[arg(value_name = "PRESET|FILE.ron")]
    experiment: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
    /// Seed of everything random (training.seed)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Use only the first N training images and the first N test images; those held out shrink in proportion
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Folder of the run [default: runs/NAME-1, or the next number that is free]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder from its last checkpoint
    #[arg(long, value_name = "RUN_FOLDER")]
    resume: Option<PathBuf>,
    /// Open the viewer, snn-viz, on the run
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(registry: &Registry, args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let engine = loading::engine(registry, &args.common.compute)?;
    let (named, images, resumed) = match &args.resume {
        Some(folder) => resume(registry, args, folder, engine.as_ref())?,
        None => start(registry, args, engine.as_ref())?,
    };
    let Named { experiment, built, .. } = &named;
    let job = Job {
        engine: engine.as_ref(),
        experiment,
        built,
        initial: &built.network.initial_weights(experiment.training.seed),
        train: &images.train,
        test: &images.test,
        save_every: SAVE_EVERY,
    };
    // The folder of a new run comes after all that can be wrong, so that a run which cannot start leaves none.
    job.check()?;
    let mut folder = match resumed {
        Some(folder) => folder,
        None => new_folder(args, &named)?,
    };
    if !args.common.json {
        write!(io::stdout(), "\n{}\n", header(&named, engine.as_ref(), &images, folder.path())?)?;
        for advice in experiment.advice(built) {
            write!(io::stdout(), "{}\n\n", labelled("note", advice))?;
        }
    }
    if args.watch
        && let Err(missing) = viewer::watch(folder.path())
        && !args.common.json
    {
        write!(io::stdout(), "{}\n\n", labelled("viewer", missing))?;
    }
    let audience = if args.common.json { Audience::Program } else { Audience::Person };
    let mut display = Display::new(experiment.training.batch, audience)?;
    let outcome = fit(&job, &mut folder, &mut display);
    let displayed = display.finish();
    let code = conclude(&outcome?, folder.path(), args.common.json)?;
    displayed?;
    Ok(code)
}

/// An experiment, its images and, if it goes on, its folder.
type Start = (Named, Splits, Option<RunFolder>);

/// Everything of a new run but its folder.
fn start(registry: &Registry, args: &TrainArgs, engine: &dyn Engine) -> anyhow::Result<Start> {
    let mut settings = args.overrides.settings();
    settings.extend(args.seed.map(|seed| ("training.seed".to_owned(), seed.to_string())));
    let mut named = loading::experiment(registry, args.experiment.as_deref(), &settings)?;
    if let Some(limit) = args.limit {
        limit_experiment(&mut named.experiment, named.built.data.training_images(), limit)?;
    }
    memory::check(&planned(&named.experiment, &named.built, engine)?)?;
    let images = loading::first_images(&named.built, &args.common, named.experiment.training.limit)?;
    Ok((named, images, None))
}

fn new_folder(args: &TrainArgs, named: &Named) -> anyhow::Result<RunFolder> {
    let text = named.experiment.to_ron();
    Ok(match &args.out {
        Some(out) => RunFolder::create(out, &text)?,
        None => RunFolder::numbered(Path::new("runs"), &named.name, &text)?,
    })
}

/// Limits an experiment to the first `limit` of `all` images, as `training.limit` does; if that makes them fewer, those held
/// out for validation shrink in proportion.
fn limit_experiment(experiment: &mut Experiment, all: usize, limit: usize) -> anyhow::Result<()> {
    if limit == 0 {
        bail!("--limit must be at least 1, found 0");
    }
    if limit > all {
        bail!("--limit must be at most {all}, the training images of {}, found {limit}", experiment.data.name);
    }
    let training = &mut experiment.training;
    let before = training.limit.unwrap_or(all);
    if limit < before {
        training.validation = training.validation * limit / before;
    }
    training.limit = Some(limit);
    Ok(())
}

/// Everything of the run in `folder`, as far as it has come.
fn resume(registry: &Registry, args: &TrainArgs, folder: &Path, engine: &dyn Engine) -> anyhow::Result<Start> {
    let changes = [
        ("an experiment", args.experiment.is_some()),
        ("--set", !args.overrides.set.is_empty()),
        ("--steps", args.overrides.steps.is_some()),
        ("--epochs", args.overrides.epochs.is_some()),
        ("--batch", args.overrides.batch.is_some()),
        ("--seed", args.seed.is_some()),
        ("--limit", args.limit.is_some()),
        ("--out", args.out.is_some()),
    ];
    if let Some((what, _)) = changes.iter().find(|(_, is_given)| *is_given) {
        bail!(
            "a resumed run goes on as it started, so {what} cannot be given with --resume; only --data, --engine, \
             --threads, --watch and --json can. To change the experiment, start a new run: snn train {}",
            folder.join("experiment.ron").display()
        );
    }
    let folder = RunFolder::resume(folder)?;
    let file = folder.path().join("experiment.ron").display().to_string();
    let (experiment, built) = loading::parse(registry, folder.experiment(), &file, &[])?;
    memory::check(&planned(&experiment, &built, engine)?)?;
    let images = loading::first_images(&built, &args.common, experiment.training.limit)?;
    let name = folder.path().file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok((Named { experiment, built, weights: None, name, origin: file }, images, Some(folder)))
}

fn header(named: &Named, engine: &dyn Engine, images: &Splits, folder: &Path) -> anyhow::Result<String> {
    let experiment = &named.experiment;
    let training = &experiment.training;
    let memory = planned(experiment, &named.built, engine)?;
    let learned = images.train.len() - training.validation.min(images.train.len());
    let data = format!(
        "{}: {} to learn from, {} held out, {} to test",
        experiment.data.name,
        text::thousands(learned),
        text::thousands(training.validation),
        text::thousands(images.test.len())
    );
    Ok(text::header(&[
        (&named.name, words::network(&named.built.network, experiment.steps), named.origin.clone()),
        ("engine", engine.describe(), String::new()),
        ("data", data, images.folder.display().to_string()),
        ("memory", memory::planned(&memory), format!("batch {}", training.batch)),
        ("run", folder.display().to_string(), format!("seed {}", training.seed)),
    ]))
}

/// The memory that the run takes at most.
fn planned(experiment: &Experiment, built: &Built, engine: &dyn Engine) -> anyhow::Result<RunMemory> {
    memory::of_training(experiment, built, engine, Device::of(engine), experiment.training.batch)
}

fn conclude(outcome: &Outcome, folder: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let folder = folder.display();
    match outcome {
        Outcome::Finished { .. } | Outcome::Stopped { .. } if json => {}
        Outcome::Finished { best_epoch, test } => {
            let accuracy = console::style(text::percent(test.accuracy)).green().bold();
            writeln!(
                out,
                "\n{}",
                labelled("done", format!("test {accuracy}   best epoch {}   {folder}", best_epoch + 1))
            )?;
            writeln!(out, "{}", labelled("", format!("look closer:   snn evaluate {folder}")))?;
            writeln!(out, "{}\n", labelled("", format!("look inside:   snn-viz {folder}")))?;
        }
        Outcome::Stopped { epoch, step } => {
            writeln!(
                out,
                "\n{}",
                labelled("stopped", format!("in epoch {} after update {step}; saved in {folder}", epoch + 1))
            )?;
            writeln!(out, "{}\n", labelled("", format!("go on:   snn train --resume {folder}")))?;
        }
    }
    Ok(if matches!(outcome, Outcome::Stopped { .. }) { ExitCode::from(STOPPED) } else { ExitCode::SUCCESS })
}
