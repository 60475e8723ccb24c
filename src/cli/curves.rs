//! `snn curves`: how a run learned.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use console::style;

use crate::{
    cli::{
        loading::{self, Named},
        places, terminal,
        text::{self, labelled, percent},
        words,
    },
    core::registry::Registry,
    train::{
        curves::{Curves, Epoch, page},
        write_whole,
    },
};

/// Show how a run learned, or is learning: accuracy, loss, firing rates, gradient.
///
/// Prints a line for each epoch and writes a page with plots, curves.html, that needs nothing else and can be printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn curves runs/mnist-lenet-1
  snn curves runs/mnist-lenet-1 --html lenet.html
  snn curves runs/mnist-lenet-1 --json | jq '.epochs[].validation_accuracy'")]
pub(crate) struct CurvesArgs {
    /// Folder of the run
    #[arg(value_name = "RUN_FOLDER")]
    run: PathBuf,
    /// File for the page [default: curves.html in the folder of the run; none with --json]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(registry: &Registry, args: &CurvesArgs) -> anyhow::Result<ExitCode> {
    if !args.run.is_dir() {
        bail!(
            "{}: no folder of a run; give one that snn train has made, such as runs/mnist-lenet-1",
            args.run.display()
        );
    }
    let named = loading::experiment(registry, Some(&args.run.display().to_string()), &[])?;
    let curves = Curves::read(&args.run)?;
    let Named { built, name, .. } = &named;
    let experiment = &built.experiment;
    let about = [
        ("network", words::network(&built.network, experiment.steps)),
        ("data", experiment.data.name.clone()),
        ("training", words::training(built)),
    ];
    // The page is written before the table, so that it exists even if the reader of the table stops early.
    let file = args.html.clone().or_else(|| (!args.json).then(|| args.run.join("curves.html")));
    args.html.as_deref().map_or(Ok(()), |file| places::output(file, "--html", "a page"))?;
    if let Some(file) = &file {
        write_whole(file, &page(name, &about, &curves))?;
    }
    let mut out = terminal::stdout();
    if args.json {
        out.json(&curves)?;
        return Ok(ExitCode::SUCCESS);
    }
    let line = |(label, text): &(&'static str, String)| (*label, text.clone(), String::new());
    let first = ("run", name.clone(), args.run.display().to_string());
    let lines: Vec<_> = [first].into_iter().chain(about.iter().map(line)).collect();
    writeln!(out, "\n{}\n{}", text::header(&lines), epochs(&curves))?;
    for warning in &curves.warnings {
        writeln!(out, "{}", labelled("warning", warning))?;
    }
    let result = match &curves.finished {
        Some(finished) => {
            let accuracy = style(percent(finished.test.accuracy)).green().bold();
            format!(
                "{accuracy} of {} test images, weights of epoch {}",
                text::thousands(finished.test.images),
                finished.best_epoch
            )
        }
        None => format!("not at its end: {} of {}", curves.epochs.len(), text::counted(curves.planned, "epoch")),
    };
    writeln!(out, "{}", labelled("result", result))?;
    if let Some(file) = file {
        writeln!(out, "{}", labelled("curves", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn epochs(curves: &Curves) -> String {
    let best = curves.best().map(|best| best.epoch);
    let loss = |value: f64| format!("{value:.4}");
    let optional = |value: Option<f64>, format: fn(f64) -> String| value.map_or("-".to_owned(), format);
    let row = |epoch: &Epoch| {
        vec![
            epoch.epoch.to_string(),
            percent(epoch.accuracy),
            loss(epoch.loss),
            optional(epoch.validation_accuracy, percent),
            optional(epoch.validation_loss, loss),
            text::thousands(epoch.spikes.round() as u64),
            text::duration(epoch.seconds),
            if Some(epoch.epoch) == best { "best".to_owned() } else { String::new() },
        ]
    };
    let head = ["epoch", "training", "loss", "validation", "loss", "spikes/image", "time", ""];
    let rows: Vec<Vec<String>> = curves.epochs.iter().map(row).collect();
    text::table(&head, &rows, &[0, 1, 2, 3, 4, 5, 6], false)
}
