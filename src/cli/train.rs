//! `snn train`: starts or resumes a run.

use std::{io::Write as _, path::Path, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;

use crate::{
    cli::{
        arguments::{Common, Overrides},
        display::{Audience, Display},
        interrupt::STOPPED,
        loading::{self, Named},
        memory::{self, Device, RunMemory},
        places, program, terminal,
        text::{self, labelled},
        viewer, words,
    },
    core::{
        Engine, Limit, Splits,
        registry::Registry,
        text::{extents, list},
    },
    models::{Built, Experiment, experiment::Start},
    train::{Inherited, RunFolder, RunOutcome, SAVE_EVERY, TrainingJob, curves::Curves, fit},
    zoo,
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
  snn train --epochs 3 --set training.optimizer.lr=0.01
  snn train --set 'network.layers[4]=Linear(features: 400)'
  snn train --set 'training.optimizer=Adam(lr: 0.001)'
  snn train --resume runs/mnist-lenet-1
  snn train my-net.ron --from zoo:mnist-lenet --set 'training.freeze=[\"conv*\"]'   fine-tuning
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
    /// Use only N training images and N test images, the first ones of each class; those held out shrink in proportion
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Start with the weights of this checkpoint, run folder or zoo:NAME where they have the same names and shapes; others are
    /// drawn (start: From)
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "resume")]
    from: Option<String>,
    /// Folder of the run [default: runs/NAME-1, or the next number that is free]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder from its last checkpoint; with --epochs, to more epochs than it was to have
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
        Some(folder) => {
            places::run(folder)?;
            resume(registry, args, folder, engine.as_ref())?
        }
        None => start(registry, args, engine.as_ref())?,
    };
    let Named { built, .. } = &named;
    let experiment = &built.experiment;
    // A run with a checkpoint resumes from it, so initial weights are not needed.
    let goes_on = resumed.as_ref().map(RunFolder::checkpoint).transpose()?.flatten().is_some();
    let (initial, inherited) = if goes_on {
        (built.network.initial_weights(experiment.training.seed), None)
    } else {
        loading::initial(built)?
    };
    if let Some(inherited) = &inherited {
        warn_of_frozen(built, inherited);
    }
    let job = TrainingJob {
        engine: engine.as_ref(),
        built,
        initial: &initial,
        train: &images.train,
        test: &images.test,
        save_every: SAVE_EVERY,
    };
    // The folder of a new run is created only after all checks, so that a run that cannot start leaves no folder.
    job.check()?;
    let mut folder = match resumed {
        Some(folder) => folder,
        None => new_folder(args, &named)?,
    };
    if args.common.json {
        if let Some(left) = &named.left {
            terminal::say(format_args!("note: the run starts {left}"));
        }
        if let Some(Inherited { taken, misshapen, new, .. }) = &inherited {
            let drawn = misshapen.iter().map(|(name, ..)| name).chain(new);
            terminal::note(format_args!("taken over: {}; as they start: {}", list(taken), list(drawn)));
        }
    } else {
        write!(terminal::stdout(), "\n{}\n", header(&named, engine.as_ref(), &images, folder.path())?)?;
        if let (Some(inherited), Start::From { checkpoint }) = (&inherited, &experiment.start) {
            writeln!(terminal::stdout(), "{}", took(args.from.as_ref().unwrap_or(checkpoint), inherited))?;
        }
        for advice in experiment.advice(built) {
            write!(terminal::stdout(), "{}\n\n", labelled("note", advice))?;
        }
    }
    if args.watch
        && let Err(missing) = viewer::watch(folder.path())
        && !args.common.json
    {
        write!(terminal::stdout(), "{}\n\n", labelled("viewer", missing))?;
    }
    let audience = if args.common.json { Audience::Program } else { Audience::Person };
    let was_finished = Curves::read(folder.path()).is_ok_and(|curves| curves.finished.is_some());
    let mut display = Display::new(experiment.training.batch, audience)?;
    let outcome = fit(&job, &mut folder, &mut display);
    let is_old = was_finished && !display.has_trained();
    let displayed = display.finish();
    let outcome = outcome?;
    if let RunOutcome::Stopped { epoch, update } = &outcome
        && terminal::is_closed()
    {
        bail!(
            "standard output was closed, so the run was stopped {}; go on: {} train --resume {}",
            place(*epoch, *update, experiment.training.epochs),
            program::name(),
            folder.path().display()
        );
    }
    if !args.common.json {
        conclude(&outcome, &folder, experiment.training.epochs, is_old)?;
    }
    displayed?;
    Ok(if matches!(outcome, RunOutcome::Stopped { .. }) { ExitCode::from(STOPPED) } else { ExitCode::SUCCESS })
}

/// Warns of tensors that are frozen but have no trained values.
fn warn_of_frozen(built: &Built, Inherited { misshapen, new, .. }: &Inherited) {
    let is_frozen = |name: &&String| built.network.tensors().iter().any(|t| t.frozen && t.name == **name);
    let names: Vec<&String> = misshapen.iter().map(|(name, ..)| name).chain(new).filter(is_frozen).collect();
    if !names.is_empty() {
        terminal::note(format_args!(
            "{}: frozen, but not taken over, so it stays as it was drawn; leave it out of training.freeze",
            list(names)
        ));
    }
}

/// Describes which tensors were taken from the checkpoint `from`.
fn took(from: &str, inherited: &Inherited) -> String {
    let Inherited { taken, misshapen, new, unused, .. } = inherited;
    let mut rows: Vec<Vec<String>> = taken.iter().map(|name| vec![name.clone(), "taken over".to_owned()]).collect();
    rows.extend(misshapen.iter().map(|(name, here, there)| {
        vec![name.clone(), format!("as it starts: {} there, {} here", extents(there), extents(here))]
    }));
    rows.extend(new.iter().map(|name| vec![name.clone(), "as it starts: not in the checkpoint".to_owned()]));
    rows.extend(unused.iter().map(|name| vec![name.clone(), "left out: not in the network".to_owned()]));
    text::table(&["tensor", &format!("from {from}")], &rows, &[], false)
}

/// An experiment, its images and, when resuming, its folder.
type Begun = (Named, Splits, Option<RunFolder>);

/// Prepares a new run, except for its folder.
fn start(registry: &Registry, args: &TrainArgs, engine: &dyn Engine) -> anyhow::Result<Begun> {
    let mut settings = args.overrides.settings();
    settings.extend(args.seed.map(|seed| ("training.seed".to_owned(), seed.to_string())));
    if let Some(from) = &args.from {
        if settings.iter().any(|(path, _)| path == "start" || path.starts_with("start.")) {
            bail!("--from and --set start both say with which weights to start; give one of them");
        }
        // The path is made absolute, because the run may be resumed from another working directory.
        let is_in_zoo = from.starts_with(zoo::PREFIX);
        let from = if is_in_zoo { from.clone() } else { std::path::absolute(from)?.display().to_string() };
        settings.push(("start".to_owned(), format!("From(checkpoint: {from:?})")));
    }
    let mut named = loading::experiment(registry, args.experiment.as_deref(), &settings)?;
    if args.from.is_some() {
        named.left = None;
    }
    let before = named.built.experiment.training.limit;
    if let Some(limit) = args.limit {
        let all = named.built.data.training_images();
        limit_experiment(&mut named.built.experiment, all, limit)?;
    }
    memory::check(&planned(&named.built, engine)?)?;
    let images = loading::limited_images(&named.built, &args.common, named.built.experiment.training.limit)?;
    if args.limit.is_some() {
        shrink_held_out(&mut named.built.experiment, &images, before);
    }
    Ok((named, images, None))
}

fn new_folder(args: &TrainArgs, named: &Named) -> anyhow::Result<RunFolder> {
    let text = named.built.experiment.to_ron();
    Ok(match &args.out {
        Some(out) => RunFolder::create(out, &text)?,
        None => RunFolder::numbered(Path::new("runs"), &named.name, &text)?,
    })
}

/// Limits an experiment to `limit` of the `all` published images, as `training.limit` does.
fn limit_experiment(experiment: &mut Experiment, all: usize, limit: usize) -> anyhow::Result<()> {
    if limit == 0 {
        bail!("--limit must be at least 1, found 0");
    }
    if limit > all {
        bail!("--limit must be at most {all}, the training images of {}, found {limit}", experiment.data.name);
    }
    experiment.training.limit = Some(match experiment.training.limit {
        Some(Limit::First(_)) => Limit::First(limit),
        _ => Limit::Spread(limit),
    });
    Ok(())
}

/// If a limit reduced the number of images compared to the limit `before`, reduces the number held out for validation
/// in proportion.
fn shrink_held_out(experiment: &mut Experiment, images: &Splits, before: Option<Limit>) {
    let there = images.train.available();
    let (before, now) = (before.map_or(there, |limit| limit.count().min(there)), images.train.len());
    let validation = &mut experiment.training.validation;
    if now < before {
        *validation = validation.with_count((validation.count() as u128 * now as u128 / before as u128) as usize);
    }
}

/// Prepares to resume the run in `folder`.
fn resume(registry: &Registry, args: &TrainArgs, folder: &Path, engine: &dyn Engine) -> anyhow::Result<Begun> {
    let changes = [
        ("an experiment", args.experiment.is_some()),
        ("--set", !args.overrides.set.is_empty()),
        ("--steps", args.overrides.steps.is_some()),
        ("--batch", args.overrides.batch.is_some()),
        ("--seed", args.seed.is_some()),
        ("--limit", args.limit.is_some()),
        ("--out", args.out.is_some()),
    ];
    if let Some((what, _)) = changes.iter().find(|(_, is_given)| *is_given) {
        bail!(
            "a resumed run goes on as it started, so {what} cannot be given with --resume; only --epochs, --data, \
             --engine, --threads, --level, --watch and --json can. To change the experiment, start a new run: snn train {}",
            folder.join("experiment.ron").display()
        );
    }
    let mut folder = RunFolder::resume(folder)?;
    let file = folder.path().join("experiment.ron").display().to_string();
    // Experiments without this field are from versions that always summed gradients.
    let summed = ("training.reduction".to_owned(), "Sum".to_owned());
    let settings = if folder.experiment().contains("reduction:") { Vec::new() } else { vec![summed] };
    let mut built = loading::parse(registry, folder.experiment(), &file, &settings)?;
    memory::check(&planned(&built, engine)?)?;
    if let Some(epochs) = args.overrides.epochs {
        give_epochs(registry, &mut folder, &mut built.experiment, epochs, settings)?;
    }
    let images = loading::limited_images(&built, &args.common, built.experiment.training.limit)?;
    let name = folder.path().file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    let named = Named { built, weights: None, name, origin: file, left: None };
    Ok((named, images, Some(folder)))
}

/// Changes the number of epochs of the run in `folder` to `epochs`, which must not be less than the number it has
/// begun.
fn give_epochs(
    registry: &Registry,
    folder: &mut RunFolder,
    experiment: &mut Experiment,
    epochs: usize,
    mut settings: Vec<(String, String)>,
) -> anyhow::Result<()> {
    let before = experiment.training.epochs;
    let begun = folder
        .checkpoint()?
        .map_or(0, |checkpoint| checkpoint.progress.epoch + usize::from(checkpoint.progress.update > 0));
    if epochs < begun {
        bail!("--epochs must be at least {begun}, the epochs that the run has begun, found {epochs}");
    }
    settings.push(("training.epochs".to_owned(), epochs.to_string()));
    let changed = loading::parse(registry, folder.experiment(), "experiment.ron", &settings)?;
    if epochs != before {
        folder.change(&changed.experiment.to_ron())?;
    }
    *experiment = changed.experiment;
    Ok(())
}

fn header(named: &Named, engine: &dyn Engine, images: &Splits, folder: &Path) -> anyhow::Result<String> {
    let experiment = &named.built.experiment;
    let training = &experiment.training;
    let memory = planned(&named.built, engine)?;
    let learned = images.train.len() - training.validation.count().min(images.train.len());
    let data = format!(
        "{}: {} to learn from, {} held out, {} to test",
        experiment.data.name,
        text::thousands(learned),
        text::thousands(training.validation.count()),
        text::thousands(images.test.len())
    );
    let mut lines = vec![
        (named.name.as_str(), words::network(&named.built.network, experiment.steps), named.origin.clone()),
        ("engine", engine.describe(), String::new()),
        ("data", data, images.folder.display().to_string()),
        ("memory", memory::planned(&memory), format!("batch {}", training.batch)),
        ("run", folder.display().to_string(), format!("seed {}", training.seed)),
    ];
    lines.extend(named.left.clone().map(|left| ("starts", left, String::new())));
    Ok(text::header(&lines))
}

/// The maximum memory of the run.
fn planned(built: &Built, engine: &dyn Engine) -> anyhow::Result<RunMemory> {
    memory::of_training(built, engine, Device::of(engine), built.experiment.training.batch)
}

/// Prints how the run ended, and how to continue. `is_old` means that it had already ended before.
fn conclude(outcome: &RunOutcome, folder: &RunFolder, epochs: usize, is_old: bool) -> anyhow::Result<()> {
    let mut out = terminal::stdout();
    let (folder, program) = (folder.path().display(), program::name());
    match outcome {
        RunOutcome::Finished { best_epoch, test } => {
            let accuracy = console::style(text::percent(test.accuracy)).green().bold();
            let result = format!("test {accuracy}   best epoch {}   {folder}", best_epoch + 1);
            let result = if is_old { format!("before, so there was nothing to do; {result}") } else { result };
            writeln!(out, "\n{}", labelled("done", result))?;
            if is_old {
                let more = format!("more epochs:   {program} train --resume {folder} --epochs {}", 2 * epochs);
                writeln!(out, "{}", labelled("", more))?;
            }
            writeln!(out, "{}", labelled("", format!("look closer:   {program} evaluate {folder}")))?;
            // The viewer `snn-viz` knows only the shipped names. A program with more names needs a viewer of its own.
            if program == "snn" {
                writeln!(out, "{}", labelled("", format!("look inside:   snn-viz {folder}")))?;
            }
            writeln!(out)?;
        }
        RunOutcome::Stopped { epoch, update } => {
            let place = place(*epoch, *update, epochs);
            writeln!(out, "\n{}", labelled("stopped", format!("{place}; saved in {folder}")))?;
            writeln!(out, "{}\n", labelled("", format!("go on:   {program} train --resume {folder}")))?;
        }
    }
    Ok(())
}

/// Describes the position of a run of `epochs` epochs: after `step` updates of `epoch`, which counts from 0.
fn place(epoch: usize, step: usize, epochs: usize) -> String {
    match step {
        _ if epoch >= epochs => format!("after the last epoch, {epochs}, before the test was done"),
        0 if epoch == 0 => "before the first update".to_owned(),
        0 => format!("after epoch {epoch} of {epochs}"),
        step => format!("in epoch {} of {epochs} after update {step}", epoch + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stands_in_an_epoch_that_it_has() {
        assert_eq!(place(1, 0, 1), "after the last epoch, 1, before the test was done");
        assert_eq!(place(0, 7, 1), "in epoch 1 of 1 after update 7");
        assert_eq!(place(2, 0, 3), "after epoch 2 of 3");
        assert_eq!(place(0, 0, 3), "before the first update");
    }
}
