//! `snn curves`: how a run learned.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::bail;
use console::style;

use crate::{
    cli::{
        CurvesArgs,
        loading::{self, Named},
        text::{self, labelled, percent},
        words,
    },
    core::registry::Registry,
    train::{
        curves::{Curves, Epoch, page},
        write_whole,
    },
};

pub(crate) fn run(registry: &Registry, args: &CurvesArgs) -> anyhow::Result<ExitCode> {
    if !args.run.is_dir() {
        bail!(
            "{}: no folder of a run; give one that snn train has made, such as runs/mnist-lenet-1",
            args.run.display()
        );
    }
    let named = loading::experiment(registry, Some(&args.run.display().to_string()), &[])?;
    let curves = Curves::read(&args.run)?;
    let Named { experiment, built, name, .. } = &named;
    let about = [
        ("network", words::network(&built.network, experiment.steps)),
        ("data", experiment.data.name.clone()),
        ("training", words::training(experiment, built)),
    ];
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&curves)?)?;
        if let Some(file) = &args.html {
            write_whole(file, &page(name, &about, &curves))?;
        }
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
        None => format!("not at its end: {} of {} epochs", curves.epochs.len(), curves.planned),
    };
    writeln!(out, "{}", labelled("result", result))?;
    let file = args.html.clone().unwrap_or_else(|| args.run.join("curves.html"));
    write_whole(&file, &page(name, &about, &curves))?;
    writeln!(out, "{}", labelled("curves", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn epochs(curves: &Curves) -> String {
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
