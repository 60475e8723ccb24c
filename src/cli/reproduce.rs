//! `snn reproduce`: trains a shipped network again.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use console::style;

use crate::{
    cli::{
        arguments::Common,
        display::{Audience, Display},
        interrupt::STOPPED,
        loading, memory, program, terminal,
        text::{self, labelled, percent},
    },
    core::{Engine, Splits, registry::Registry},
    models::Built,
    train::{
        Evaluation, RunFolder, RunOutcome, SAVE_EVERY, TrainingJob,
        curves::{Curves, Epoch},
        evaluate, fit,
    },
    zoo::{self, Again, ZooEntry, ZooRecord, again},
};

/// Train a shipped network again, and compare it with the log of its training.
///
/// With the vector instructions that it was trained with, every epoch has the same bits; with others, sums round in another
/// order, and the log is that of a run like it. With --quick, only the first three updates are done, on images that are
/// shipped, and compared bit for bit with what was recorded for the same instructions; then the shipped weights are shown test
/// images: those that are shipped or, with --data, all. Exits with 1 if something differs that should not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn reproduce mnist-lenet --quick                in seconds, without any data
  snn reproduce mnist-lenet --quick --data DIR     and the figure that was recorded, on all test images
  snn reproduce mnist-lenet                        the whole training; Ctrl-C and the same again go on with it")]
pub(crate) struct ReproduceArgs {
    /// Network, as snn zoo lists them
    #[arg(value_name = "NAME")]
    name: String,
    /// Only the first updates, and the shipped weights
    #[arg(long)]
    quick: bool,
    /// Folder of the run [default: runs/NAME-again]
    #[arg(long, value_name = "DIR", conflicts_with = "quick")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Maximum difference of the best validation accuracy if rounding differs.
const MOST: f64 = 0.01;

pub(crate) fn run(registry: &Registry, args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
    let entry = zoo::find(&args.name)?;
    let engine = loading::engine(registry, &args.common.compute)?;
    let built = entry.built(registry)?;
    let batch = built.experiment.training.batch;
    memory::check(&memory::of_training(&built, engine.as_ref(), memory::Device::of(engine.as_ref()), batch)?)?;
    let subject = Subject { entry, built, engine: engine.as_ref() };
    if args.quick { subject.quick(registry, args) } else { subject.whole(args) }
}

struct Subject<'a> {
    entry: &'static ZooEntry,
    built: Built,
    engine: &'a dyn Engine,
}

impl Subject<'_> {
    fn display(&self, args: &ReproduceArgs) -> anyhow::Result<Display> {
        let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
        Display::new(self.built.experiment.training.batch, audience)
    }

    fn quick(&self, registry: &Registry, args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
        let mut display = self.display(args)?;
        let found = again(self.entry, self.engine, registry, &mut Hushed(&mut display));
        let tested = if args.common.data.is_some() { Some(self.test(args, &mut display)) } else { None };
        display.finish()?;
        let Some(again) = found? else { return Ok(ExitCode::from(STOPPED)) };
        let record = self.entry.record()?;
        let mut is_good = again.is_same() != Some(false);
        let mut lines = vec![told(&again)];
        if let Some(tested) = tested {
            let Some(test) = tested? else { return Ok(ExitCode::from(STOPPED)) };
            let (same, line) = judged(&record, &test, self.engine.arithmetic() == record.arithmetic);
            is_good &= same;
            lines.push(line);
        }
        let mut out = terminal::stdout();
        if args.common.json {
            out.json(&serde_json::json!({
                "found": again.found, "recorded": again.recorded, "same": again.is_same(), "good": is_good,
            }))?;
        } else {
            writeln!(out, "\n{}", labelled(self.entry.name, self.engine.describe()))?;
            for line in lines {
                writeln!(out, "{}", labelled("", line))?;
            }
            writeln!(out)?;
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Evaluates the shipped weights on all test images.
    fn test(&self, args: &ReproduceArgs, display: &mut Display) -> anyhow::Result<Option<Evaluation>> {
        let images = self.images(args)?;
        let weights = self.entry.checkpoint()?.weights_for(&self.built.network)?;
        let all: Vec<u32> = (0..images.test.len() as u32).collect();
        Ok(evaluate(self.engine, &self.built, &weights, &images.test, &all, display)?)
    }

    fn images(&self, args: &ReproduceArgs) -> anyhow::Result<Splits> {
        loading::limited_images(&self.built, &args.common, self.built.experiment.training.limit)
    }

    fn whole(&self, args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
        let images = self.images(args)?;
        let path = args.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(format!("{}-again", self.entry.name)));
        let text = self.built.experiment.to_ron();
        let mut folder = if path.join("experiment.ron").is_file() {
            RunFolder::resume(&path)?
        } else {
            RunFolder::create(&path, &text)?
        };
        if folder.experiment() != text {
            bail!(
                "{}: is a run of another experiment than {}; give --out another folder",
                path.display(),
                self.entry.name
            );
        }
        let job = TrainingJob {
            engine: self.engine,
            built: &self.built,
            initial: &self.built.network.initial_weights(self.built.experiment.training.seed),
            train: &images.train,
            test: &images.test,
            save_every: SAVE_EVERY,
        };
        let mut display = self.display(args)?;
        let outcome = fit(&job, &mut folder, &mut display);
        display.finish()?;
        let mut out = terminal::stdout();
        if matches!(outcome?, RunOutcome::Stopped { .. }) {
            let again = format!("{} reproduce {} --out {}", program::name(), self.entry.name, path.display());
            writeln!(out, "\n{}\n", labelled("stopped", format!("saved in {}; go on: {again}", path.display())))?;
            return Ok(ExitCode::from(STOPPED));
        }
        let (record, found) = (self.entry.record()?, Curves::read(&path)?);
        let is_same = found
            .epochs
            .iter()
            .zip(&record.curves.epochs)
            .all(|(found, recorded)| timeless(found) == timeless(recorded));
        let must_be_same = self.engine.arithmetic() == record.arithmetic;
        let best = |curves: &Curves| curves.best().and_then(|best| best.validation_accuracy).unwrap_or_default();
        let is_good = is_same || (!must_be_same && (best(&found) - best(&record.curves)).abs() <= MOST);
        if args.common.json {
            out.json(
                &serde_json::json!({ "found": found, "recorded": record.curves, "same": is_same, "good": is_good }),
            )?;
        } else {
            writeln!(out, "\n{}", compared(&found, &record.curves))?;
            let verdict = match (is_same, is_good) {
                (true, _) => "every epoch is the same as in the log, to the last bit".to_owned(),
                (false, true) => format!(
                    "a run like the one in the log, which was computed by \"{}\", and this one by \"{}\"",
                    record.arithmetic,
                    self.engine.arithmetic()
                ),
                (false, false) => "NOT the run in the log".to_owned(),
            };
            writeln!(out, "{}\n", labelled("reproduced", verdict))?;
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The epoch with its duration set to 0.
fn timeless(epoch: &Epoch) -> Epoch {
    Epoch { seconds: 0.0, ..epoch.clone() }
}

fn compared(found: &Curves, recorded: &Curves) -> String {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), percent);
    let row = |(found, recorded): (&Epoch, &Epoch)| {
        vec![
            found.epoch.to_string(),
            percent(recorded.accuracy),
            percent(found.accuracy),
            optional(recorded.validation_accuracy),
            optional(found.validation_accuracy),
        ]
    };
    let rows: Vec<Vec<String>> = found.epochs.iter().zip(&recorded.epochs).map(row).collect();
    text::table(&["epoch", "training, log", "now", "validation, log", "now"], &rows, &[0, 1, 2, 3, 4], false)
}

/// Describes the comparison of the first updates.
fn told(again: &Again) -> String {
    let updates = again.found.updates.len();
    match again.is_same() {
        Some(true) => {
            format!("{} and {updates} updates, as recorded, to the last bit", images(&again.found.test))
        }
        Some(false) => {
            let recorded = again.recorded.as_ref();
            let pairs = recorded.map(|recorded| again.found.updates.iter().zip(&recorded.updates).enumerate());
            let first = pairs.and_then(|mut pairs| pairs.find(|(_, (found, recorded))| found != recorded));
            let place = first.map_or_else(
                || "the answers of the shipped weights".to_owned(),
                |(index, (found, recorded))| {
                    format!("update {}: a loss of {}, {} was recorded", index + 1, found.loss, recorded.loss)
                },
            );
            style(format!("NOT as recorded: {place}")).red().to_string()
        }
        None => format!(
            "{} and {updates} updates done; nothing is recorded for \"{}\", --level portable compares",
            images(&again.found.test),
            again.found.arithmetic
        ),
    }
}

fn images(test: &Evaluation) -> String {
    format!("{} of {} test images", percent(test.accuracy), text::thousands(test.images))
}

/// Whether the shipped weights give the recorded accuracy; within a thousandth if rounding differs.
fn judged(record: &ZooRecord, test: &Evaluation, must_be_same: bool) -> (bool, String) {
    let off = (test.accuracy - record.test.accuracy).abs();
    let is_good = off == 0.0 || (off <= 0.001 && !must_be_same);
    let line = format!("{}; {} was recorded", images(test), percent(record.test.accuracy));
    (is_good, if is_good { line } else { style(line).red().to_string() })
}

/// An observer that shows only the progress of evaluations and calibrations. It hides the run used for the comparison.
struct Hushed<'a>(&'a mut Display);

impl crate::train::Observer for Hushed<'_> {
    fn on_event(&mut self, event: &crate::train::Event) -> std::ops::ControlFlow<()> {
        use crate::train::Event;
        match event {
            Event::Evaluating { .. } | Event::Calibrating { .. } => self.0.on_event(event),
            _ => std::ops::ControlFlow::Continue(()),
        }
    }
}
