//! `snn bench`: how fast networks train and answer on an engine.

mod report;

use std::{io::Write as _, ops::ControlFlow, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    cli::{
        arguments::Compute,
        arguments::batch,
        loading::{self, Named},
        memory::{self, Device},
        terminal,
    },
    core::{Dataset, Engine, Limit, Peak, Plan, registry::Registry},
    train::{Throughput, TimedWork, throughput},
};

/// Measure how fast networks train and answer on an engine.
///
/// On the first training images of the data set, if it is here; if not, on made-up ones that are about as sparse.
///
/// A step is one batch: forward pass, loss, backward pass and update of the weights, or the forward pass alone. The first
/// step is not timed. Multiply-adds are those of the same network computed densely, which ignores that most spikes are 0:
/// those of all weights, times images, times time steps, and three times as many for training (currents, errors,
/// gradients). An engine that skips zeros can thus come out above the peak of its device.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn bench                                             mnist-lenet and cifar10-vgg9 on the CPU
  snn bench --engine auto                               on a real card, if there is one
  snn bench cifar10-resnet11 --batch 32 --train         one network, training alone
  snn bench --engine 'gpu(timed: true)'                 where the time goes, kernel by kernel
  snn bench my-net.ron --steps 4 --batch 2 --repeat 3   small and quick
  snn bench --json | jq '.networks[].images_per_second'")]
pub(crate) struct BenchArgs {
    /// Presets or RON files [default: mnist-lenet cifar10-vgg9]
    #[arg(value_name = "PRESET|FILE.ron")]
    experiments: Vec<String>,
    /// Images of a step [default: training.batch of each]
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    /// Time steps each image is shown for [default: those of each]
    #[arg(long, value_name = "N", value_parser = batch)]
    steps: Option<usize>,
    /// Measure training alone
    #[arg(long, conflicts_with = "infer")]
    train: bool,
    /// Measure inference alone
    #[arg(long)]
    infer: bool,
    /// Steps to time [default: 3 to 50, until 5 seconds are over]
    #[arg(long, value_name = "N", value_parser = batch)]
    repeat: Option<usize>,
    #[command(flatten)]
    compute: Compute,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

/// Networks that are measured by default.
const USUAL: [&str; 2] = ["mnist-lenet", "cifar10-vgg9"];

/// Minimum and maximum number of timed steps unless a number is given, and the milliseconds after which timing stops.
const FEWEST: usize = 3;
const MOST: usize = 50;
const ENOUGH: f64 = 5000.0;

/// Measurements of one network.
struct Measured {
    named: Named,
    /// Description of the images shown.
    images: String,
    results: Vec<Throughput>,
}

pub(crate) fn run(registry: &Registry, args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let engine = loading::engine(registry, &args.compute)?;
    let usual: Vec<String> = USUAL.map(str::to_owned).to_vec();
    let experiments = if args.experiments.is_empty() { &usual } else { &args.experiments };
    let mut settings = Vec::new();
    for (path, value) in [("steps", args.steps), ("training.batch", args.batch)] {
        settings.extend(value.map(|value| (path.to_owned(), value.to_string())));
    }
    // All names are resolved first, so that a misspelt one is reported before anything is measured.
    let named = experiments.iter().map(|name| loading::experiment(registry, Some(name), &settings));
    let named: Vec<Named> = named.collect::<anyhow::Result<_>>()?;
    for named in &named {
        let (experiment, built) = (&named.built.experiment, &named.built);
        let (batch, device) = (experiment.training.batch, Device::of(engine.as_ref()));
        let plan = Plan::new(experiment.steps, batch);
        let needs = if args.infer {
            memory::of_trials(built, engine.as_ref(), plan, false)
        } else {
            memory::of_training(built, engine.as_ref(), device, batch)
        };
        needs.and_then(|needs| memory::check(&needs)).with_context(|| named.name.clone())?;
    }
    let bar = Bar::new(args.json)?;
    // The peak is measured first, so that a missing device is reported at once.
    bar.say("peak of the device");
    let peak = engine.peak()?;
    let mut measured = Vec::new();
    for named in named {
        let batch = named.built.experiment.training.batch;
        let data = named.built.data.load_limited(None, Limit::Spread(batch)).ok().map(|splits| splits.train);
        let data = data.filter(|data| data.len() >= batch);
        let images = match &data {
            Some(_) => format!("the first training images of {}", named.built.experiment.data.name),
            None => format!("made-up images, as {} is not here", named.built.experiment.data.name),
        };
        let results = measure(args, engine.as_ref(), &named, data.as_ref(), &bar)?;
        measured.push(Measured { named, images, results });
    }
    bar.0.finish_and_clear();
    let mut out = terminal::stdout();
    if args.json {
        out.json(&record(engine.as_ref(), peak, &measured))?;
    } else {
        write!(out, "{}", report::text(engine.as_ref(), peak, &measured))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures one network.
fn measure(
    args: &BenchArgs,
    engine: &dyn Engine,
    named: &Named,
    data: Option<&Dataset>,
    bar: &Bar,
) -> anyhow::Result<Vec<Throughput>> {
    let works = match (args.train, args.infer) {
        (true, _) => vec![TimedWork::Training],
        (_, true) => vec![TimedWork::Inference],
        _ => vec![TimedWork::Training, TimedWork::Inference],
    };
    let measure = |work: TimedWork| {
        bar.say(&format!("{}, {}: warming up", named.name, work.name()));
        let mut watch = |millis: &[f64]| {
            let is_enough = match args.repeat {
                Some(repeat) => millis.len() >= repeat,
                None => millis.len() >= MOST || (millis.len() >= FEWEST && millis.iter().sum::<f64>() >= ENOUGH),
            };
            bar.say(&format!("{}, {}: {} steps timed", named.name, work.name(), millis.len()));
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        throughput(engine, &named.built, work, data, &mut watch)
            .with_context(|| format!("{}, {}", named.name, work.name()))
    };
    works.into_iter().map(measure).collect()
}

/// A spinner on a terminal. It leaves nothing behind.
struct Bar(ProgressBar);

impl Bar {
    fn new(json: bool) -> anyhow::Result<Self> {
        let bar = terminal::bar(None, !json);
        bar.set_style(ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:.dim}")?);
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Ok(Self(bar))
    }

    fn say(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }
}

/// Fraction of the peak performance, if that is known.
fn share(result: &Throughput, peak: Option<Peak>) -> Option<f64> {
    peak.map(|peak| result.multiply_adds_per_second() / peak.multiply_adds)
}

fn record(engine: &dyn Engine, peak: Option<Peak>, measured: &[Measured]) -> Value {
    let kernels = |result: &Throughput| -> Vec<Value> {
        let kernel = |(timing, share): report::KernelRow<'_>| json!({ "name": timing.name, "runs": timing.runs, "millis": timing.nanos / 1e6, "share": share });
        report::widest_first(&result.timings).into_iter().map(kernel).collect()
    };
    let network = |Measured { named, images, results }: &Measured| -> Vec<Value> {
        let result = |result: &Throughput| {
            json!({
                "network": named.name, "shown": images, "work": result.work.name(), "batch": result.batch, "steps": named.built.experiment.steps,
                "parameters": named.built.network.parameters(),
                "repeats": result.millis.len(), "millis": { "median": result.median(), "best": result.best() },
                "images_per_second": result.images_per_second(), "multiply_adds": result.multiply_adds,
                "multiply_adds_per_second": result.multiply_adds_per_second(), "share_of_peak": share(result, peak),
                "bytes": result.memory.total(), "spikes": result.spikes, "input_spikes": result.input_spikes,
                "kernels": kernels(result),
            })
        };
        results.iter().map(result).collect()
    };
    let peak = peak.map(|peak| json!({ "multiply_adds": peak.multiply_adds, "bandwidth": peak.bandwidth }));
    let networks: Vec<Value> = measured.iter().flat_map(network).collect();
    json!({ "engine": engine.describe(), "peak": peak, "networks": networks })
}
