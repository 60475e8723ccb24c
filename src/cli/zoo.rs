//! `snn zoo`: lists the shipped trained networks.

use std::{io::Write as _, process::ExitCode};

use clap::Args;
use console::style;
use serde::Serialize;

use crate::{
    cli::{curves, terminal, text, words},
    core::registry::Registry,
    zoo::{self, ZooEntry, ZooRecord},
};

/// List the trained networks that are shipped, or show how one was trained.
///
/// Wherever a checkpoint is asked for, zoo:NAME is one of them. Each was trained from its preset by this program; snn reproduce
/// does so again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn zoo
  snn zoo mnist-lenet                      its log, epoch by epoch
  snn evaluate zoo:mnist-lenet
  snn activity zoo:mnist-lenet --limit 1000
  snn reproduce mnist-lenet --quick        does this computer compute the same?")]
pub(crate) struct ZooArgs {
    /// Network to show
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

/// The JSON output for each network.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    bytes: usize,
    #[serde(flatten)]
    record: ZooRecord,
}

pub(crate) fn run(registry: &Registry, args: &ZooArgs) -> anyhow::Result<ExitCode> {
    let mut out = terminal::stdout();
    let entries = match &args.name {
        Some(name) => vec![zoo::find(name)?],
        None => zoo::all().iter().collect(),
    };
    if args.json {
        for entry in entries {
            out.json(&Listed { name: entry.name, bytes: entry.bytes(), record: entry.record()? })?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.name.is_some() {
        let entry = entries[0];
        let record = entry.record()?;
        let built = entry.built(registry)?;
        let experiment = &built.experiment;
        let header = text::header(&[
            (entry.name, words::network(&built.network, experiment.steps), format!("zoo:{}", entry.name)),
            ("training", words::training(&built), String::new()),
            ("machine", record.machine.clone(), record.arithmetic.clone()),
            ("result", result(&record), String::new()),
        ]);
        writeln!(out, "\n{header}\n{}", curves::epochs(&record.curves))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |entry: &&ZooEntry| -> anyhow::Result<Vec<String>> {
        let record = entry.record()?;
        let built = entry.built(registry)?;
        let experiment = &built.experiment;
        Ok(vec![
            entry.name.to_owned(),
            text::percent(record.test.accuracy),
            text::thousands(built.network.parameters()),
            experiment.steps.to_string(),
            record.curves.epochs.len().to_string(),
            text::duration(seconds(&record)),
            text::bytes(entry.bytes()),
        ])
    };
    let rows = entries.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    let head = ["network", "test", "parameters", "steps", "epochs", "training", "size"];
    writeln!(out, "\n{}", text::table(&head, &rows, &[1, 2, 3, 4, 5, 6], false))?;
    let hint = "snn zoo NAME shows how one was trained, snn reproduce NAME trains it again; zoo:NAME is a checkpoint, as in snn \
                evaluate zoo:mnist-lenet";
    writeln!(out, "{}\n", style(text::wrapped(hint, 2, 2)).dim())?;
    Ok(ExitCode::SUCCESS)
}

/// Describes the results of the shipped weights.
fn result(record: &ZooRecord) -> String {
    let best = record.curves.best().map_or_else(String::new, |best| format!(", weights of epoch {}", best.epoch));
    format!("{} of {} test images{best}", text::percent(record.test.accuracy), text::thousands(record.test.images))
}

/// Duration of the training, in seconds.
fn seconds(record: &ZooRecord) -> f64 {
    record.curves.epochs.iter().map(|epoch| epoch.seconds).sum()
}
