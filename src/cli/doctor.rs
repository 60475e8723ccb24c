//! `snn doctor`: why a network does not learn, and what to change.

use std::{io::Write as _, path::Path, process::ExitCode};

use clap::Args;
use console::style;
use serde::Serialize;

use crate::{
    cli::{
        arguments::{Common, Overrides},
        display::{Audience, Display},
        interrupt::STOPPED,
        loading::{self, Named},
        memory, places, terminal,
        text::{self, labelled},
        words,
    },
    core::{Plan, registry::Registry},
    train::{
        Checkpoint, Health,
        doctor::{Examination, Finding, Patient, Vitals, examine},
    },
};

/// Find out why a network does not learn, and which setting to change.
///
/// Shows training images to the network, with the weights that a run would start with or with trained ones, and measures each
/// population: how often it fires, how near its membranes come to the threshold, how much error reaches it, how far an update
/// moves its weights. Where something is wrong, it changes the settings that could be at fault, one at a time, and shows the
/// images again; what helps is printed, to be pasted. Exits with 3 if something is wrong with the network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn doctor my-net.ron                       before any training
  snn doctor cifar10-vgg9 --steps 10          would it still fire?
  snn doctor runs/my-net-1                    a run, going on or over: its last weights and its records
  snn doctor runs/my-net-1/best.safetensors   a checkpoint")]
pub(crate) struct DoctorArgs {
    /// Preset, RON file, run folder or checkpoint [default: mnist-lenet]
    #[arg(value_name = "EXPERIMENT|RUN|CHECKPOINT")]
    subject: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    common: Common,
}

/// Exit code if something is wrong with the network.
const UNWELL: u8 = 3;

/// If the RON text of a change is longer than this number of characters, only the setting is printed.
const LONGEST: usize = 120;

/// Settings that affect the initial weights.
const OF_THE_START: [&str; 3] = ["start", "network.kappa", "training.seed"];

/// The JSON output.
#[derive(Debug, Serialize)]
struct DoctorJson<'a> {
    #[serde(flatten)]
    examination: &'a Examination,
    /// Alarms from the records of a run.
    records: &'a [String],
}

pub(crate) fn run(registry: &Registry, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let engine = loading::engine(registry, &args.common.compute)?;
    let named = loading::experiment(registry, args.subject.as_deref(), &args.overrides.settings())?;
    let Named { built, name, origin, .. } = &named;
    let experiment = &built.experiment;
    let training = &experiment.training;
    let plan = Plan { chunk: training.chunk, ..built.input.plan(experiment.steps, training.batch).train().record() };
    let memory = memory::of_trials(built, engine.as_ref(), plan, true)?;
    memory::check(&memory)?;
    let path = args.subject.as_deref().map(Path::new);
    let checkpoint = path.map_or(Ok(None), checkpoint)?;
    let settings = args.overrides.settings();
    let starts = |path: &&str| OF_THE_START.iter().any(|of| path == of || path.starts_with(&format!("{of}.")));
    if let Some(setting) = settings.iter().map(|(path, _)| path.as_str()).find(starts).filter(|_| checkpoint.is_some())
    {
        terminal::note(format_args!(
            "{setting} decides how weights are drawn, and changes nothing about the trained weights that are looked at; for \
             what a new run would start with, give the experiment.ron of the run"
        ));
    }
    let records = path.filter(|path| path.join("metrics.jsonl").is_file()).map(Health::of_run).transpose()?;
    let records = records.map(|health| health.alarms()).unwrap_or_default();
    let images = loading::limited_images(built, &args.common, training.limit)?;
    let (initial, _) = match &checkpoint {
        Some(_) => (built.network.initial_weights(training.seed), None),
        None => loading::initial(built)?,
    };
    let patient = Patient {
        initial: Some(&initial),
        engine: engine.as_ref(),
        registry,
        built,
        checkpoint: checkpoint.as_ref(),
        train: &images.train,
    };
    let audience = if args.common.json { Audience::Nobody } else { Audience::Person };
    let mut display = Display::new(training.batch, audience)?;
    let examined = examine(&patient, &mut display);
    display.finish()?;
    let Some(examination) = examined? else { return Ok(ExitCode::from(STOPPED)) };

    let mut out = terminal::stdout();
    let is_well = examination.findings.is_empty() && records.is_empty();
    if args.common.json {
        out.json(&DoctorJson { examination: &examination, records: &records })?;
    } else {
        let weights = match &checkpoint {
            Some(checkpoint) => format!("after {}", text::counted(checkpoint.progress.updates as usize, "update")),
            None => "as a run would start".to_owned(),
        };
        let header = text::header(&[
            (name.as_str(), words::network(&built.network, experiment.steps), origin.clone()),
            ("engine", engine.describe(), String::new()),
            ("weights", weights, String::new()),
            ("shown", format!("{} training images, without dropout", examination.images), String::new()),
        ]);
        writeln!(out, "\n{header}\n{}", table(&examination))?;
        // If a finding concerns the same population, it says more than the record.
        let is_explained = |record: &str| {
            let mut names = examination.findings.iter().filter_map(|finding| finding.population.as_ref());
            names.any(|name| record.starts_with(&format!("population \"{name}\"")))
        };
        for record in records.iter().filter(|record| !is_explained(record)) {
            writeln!(out, "{}", labelled("records", record))?;
        }
        for (index, finding) in examination.findings.iter().enumerate() {
            write!(out, "{}", told(index + 1, finding))?;
        }
        if is_well {
            let fires = examination.populations.iter().any(|vitals| vitals.rate.is_some());
            let fires = if fires { "every population fires, receives error" } else { "every layer receives error" };
            writeln!(out, "{}\n", labelled("well", format!("{fires} and can learn")))?;
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(UNWELL) })
}

/// The trained weights of a checkpoint, or of the checkpoint that a run would resume from.
fn checkpoint(path: &Path) -> anyhow::Result<Option<Checkpoint>> {
    if places::entry(path)?.is_some() {
        return Ok(Some(places::load(path)?.0));
    }
    let last = path.join("last.safetensors");
    let is_checkpoint = path.extension().is_some_and(|extension| extension == "safetensors");
    let file = if is_checkpoint { path } else { &last };
    Ok(if file.is_file() { Some(Checkpoint::load(file)?) } else { None })
}

fn table(examination: &Examination) -> String {
    let share = |share: Option<f32>| share.map_or("-".to_owned(), |share| text::percent(share.into()));
    let rate = |rate: Option<f32>| rate.map_or("-".to_owned(), |rate| format!("{:.2} %", 100.0 * rate));
    let ratio = |ratio: f32| if ratio == 0.0 { "0".to_owned() } else { format!("{ratio:.0e}") };
    let input = vec!["input".to_owned(), rate(examination.input)];
    let blank = |mut row: Vec<String>| {
        row.resize(8, String::new());
        row
    };
    let row = |vitals: &Vitals| {
        let largest = |of: &dyn Fn(&crate::train::doctor::Learning) -> f32| {
            let shares = vitals.weights.iter().filter(|weight| weight.norm > 0.0).map(of);
            shares.fold(None, |largest: Option<f32>, share| Some(largest.map_or(share, |largest| largest.max(share))))
        };
        let of = |share: Option<f32>| share.map_or("-".to_owned(), ratio);
        vec![
            vitals.population.clone(),
            rate(vitals.rate),
            share(vitals.silent),
            share(vitals.saturated),
            vitals.membrane.map_or("-".to_owned(), |level| format!("{level:.2}")),
            share(Some(vitals.errors)),
            of(largest(&|weight| weight.gradient / weight.norm)),
            of(largest(&|weight| weight.share())),
        ]
    };
    let head = ["population", "rate", "silent", "saturated", "membrane", "get error", "gradient", "update"];
    let rows: Vec<Vec<String>> = [blank(input)].into_iter().chain(examination.populations.iter().map(row)).collect();
    text::table(&head, &rows, &[1, 2, 3, 4, 5, 6, 7], false)
}

fn told(number: usize, finding: &Finding) -> String {
    let mut lines = vec![labelled(&format!("wrong {number}"), style(&finding.problem).yellow())];
    lines.extend(finding.outcome.as_ref().map(|outcome| labelled("", outcome)));
    if let Some(change) = &finding.change {
        let (ron, set) =
            (text::one_line(&change.ron), format!("--set {}", quoted(&format!("{}={}", change.path, change.value))));
        if ron.chars().count() > LONGEST {
            lines.push(labelled("change", set));
        } else {
            lines.extend([labelled("change", format!("{ron},")), labelled("or", set)]);
        }
    }
    lines.push("\n".to_owned());
    lines.join("\n")
}

/// Quotes an argument for a shell if necessary.
fn quoted(argument: &str) -> String {
    if argument.contains(['(', '[', ' ']) { format!("'{argument}'") } else { argument.to_owned() }
}
