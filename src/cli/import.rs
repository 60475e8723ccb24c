//! `snn import`: makes a checkpoint from weights that another program wrote.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;

use crate::{
    cli::{
        loading::{self, Named},
        terminal, text, words,
    },
    core::{Limit, registry::Registry},
    train::{Checkpoint, Imported, Progress},
};

/// Make a checkpoint of weights that another program wrote.
///
/// The weights are a safetensors file of floats of any precision, with a tensor for each weight of the network, in the shapes
/// that snn show lists and under the names of the populations: conv1, or weight.conv1. The checkpoint can be evaluated,
/// looked into and measured like one that was trained here.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn show my-net.ron                                         the weights that are wanted, with their shapes
  snn import weights.safetensors --experiment my-net.ron      writes weights-imported.safetensors
  snn import pruned.safetensors --experiment runs/mnist-lenet-1 --out pruned-lenet.safetensors
  snn evaluate weights-imported.safetensors")]
pub(crate) struct ImportArgs {
    /// The weights, a safetensors file
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,
    /// The experiment that the weights are for: preset, RON file, checkpoint or run folder
    #[arg(long, value_name = "PRESET|FILE.ron|RUN_FOLDER")]
    experiment: String,
    /// File to write [default: WEIGHTS-imported.safetensors, beside the weights]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(registry: &Registry, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let file = args.out.clone().unwrap_or_else(|| beside(&args.weights));
    if file.exists() && file.canonicalize().ok() == args.weights.canonicalize().ok() {
        bail!("{}: is the file of the weights itself; give another file with --out", file.display());
    }
    if file.exists() && !args.force {
        bail!("{}: is there already; give another file with --out, or --force", file.display());
    }
    let named = loading::experiment(registry, Some(&args.experiment), &[])?;
    let Named { built, .. } = &named;
    let experiment = &built.experiment;
    let Imported { weights, left_out } = Checkpoint::import(&args.weights, &built.network)?;
    let training = &experiment.training;
    let images =
        training.limit.map_or(built.data.training_images(), Limit::count).saturating_sub(training.validation.count());
    let checkpoint = Checkpoint {
        origin: Some(format!("imported from {}", args.weights.display())),
        progress: Progress { seed: training.seed, images, ..Progress::default() },
        ..Checkpoint::of_weights(experiment.to_ron(), weights)
    };
    checkpoint.save(&file)?;

    let mut out = terminal::stdout();
    if args.json {
        let names: Vec<&str> = checkpoint.weights.iter().map(|tensor| tensor.name.as_str()).collect();
        let record = serde_json::json!({ "checkpoint": file, "weights": names, "left_out": left_out });
        out.json(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = text::header(&[
        ("import", args.weights.display().to_string(), String::new()),
        ("network", words::network(&built.network, experiment.steps), named.origin.clone()),
    ]);
    writeln!(out, "\n{header}\n{}", table(&checkpoint))?;
    if !left_out.is_empty() {
        writeln!(out, "  left out: {} tensors of an optimizer, such as {}", left_out.len(), left_out[0])?;
    }
    let name = file.display();
    writeln!(out, "  written to {name}\n  how good it is: snn evaluate {name}")?;
    Ok(ExitCode::SUCCESS)
}

fn beside(weights: &Path) -> PathBuf {
    let stem = weights.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    weights.with_file_name(format!("{stem}-imported.safetensors"))
}

/// A table of the weights with shape, mean and standard deviation, to check whether their scale is as expected.
fn table(checkpoint: &Checkpoint) -> String {
    let rows = checkpoint.weights.iter().map(|tensor| {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        let n = tensor.values.len() as f64;
        let mean = tensor.values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let variance = tensor.values.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n;
        vec![tensor.name.clone(), shape.join("x"), format!("{mean:.4}"), format!("{:.4}", variance.sqrt())]
    });
    text::table(&["weight", "shape", "mean", "deviation"], &rows.collect::<Vec<_>>(), &[2, 3], false)
}
