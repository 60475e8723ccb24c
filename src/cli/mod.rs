//! The program `snn`: commands and their arguments. Each command has a file of its own.
//!
//! The commands take all names from a [`Registry`]. The program with the names of a plug-in is
//!
//! ```no_run
//! # mod my { pub fn plugin(_: &mut snn::core::registry::Registry) -> Result<(), snn::core::registry::RegistryError> { Ok(()) } }
//! fn main() -> std::process::ExitCode {
//!     snn::cli::main(snn::registry().and_then(|registry| registry.with(my::plugin)))
//! }
//! ```

mod activity;
mod bench;
mod constants;
mod convert;
mod curves;
mod data;
mod devices;
mod display;
mod evaluate;
mod infer;
mod interrupt;
mod list;
mod loading;
mod memory;
mod selftest;
mod show;
mod text;
mod train;
mod trained;
mod words;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::core::registry::{Registry, RegistryError};
use crate::models::ExperimentError;
use crate::train::activity::EnergyTable;

/// Train deep spiking neural networks from spikes.
#[derive(Debug, Parser)]
#[command(name = "snn", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Start here:
  snn presets                              what is there to train
  snn show mnist-lenet                     what it is made of, layer by layer
  snn list neurons                         what else it could be made of
  snn train mnist-lenet --limit 1000       a first run, in a minute or so
  snn evaluate runs/mnist-lenet-1          how good it is
  snn activity runs/mnist-lenet-1          what it costs

On a graphics card:
  snn devices                              which cards there are, and what they can do
  snn train cifar10-vgg9 --engine auto     on the first real card, or on the CPU if there is none
  snn bench --engine auto                  how fast that is";

#[derive(Debug, Subcommand)]
enum Command {
    Train(TrainArgs),
    Evaluate(EvaluateArgs),
    Infer(InferArgs),
    Convert(ConvertArgs),
    Activity(ActivityArgs),
    Curves(CurvesArgs),
    Show(ShowArgs),
    List(ListArgs),
    Presets(PresetsArgs),
    Data(data::DataArgs),
    Selftest(selftest::SelftestArgs),
    Devices(DevicesArgs),
    Bench(BenchArgs),
}

/// Most threads that can be asked for; far more than help.
const MOST_THREADS: usize = 1024;

fn batch(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&batch| batch > 0).ok_or_else(|| "a whole number of at least 1".to_owned())
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads <= MOST_THREADS => Ok(threads),
        _ => Err(format!("a whole number up to {MOST_THREADS}, or 0 for one a core")),
    }
}

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
  snn train --json | jq 'select(.event == \"Epoch\").validation_accuracy'")]
struct TrainArgs {
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
    #[command(flatten)]
    common: Common,
}

/// Measure a trained network: accuracy, loss, errors by class, spikes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn evaluate runs/mnist-lenet-1                       its best checkpoint, on the test images
  snn evaluate runs/mnist-lenet-1/last.safetensors --split validation
  snn evaluate runs/mnist-lenet-1 --steps 20            with less time to decide")]
struct EvaluateArgs {
    /// Checkpoint, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

/// Answer images one by one, as a device would: latency, and early exit.
///
/// With --exit an image is answered as soon as the best class leads by a margin, in the units of the readout's scores:
/// with the readout and the loss of the preset mnist-lenet, scores go from 0 to 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn infer runs/mnist-lenet-1                          one image at a time, all steps
  snn infer runs/mnist-lenet-1 --exit 0.3               until one class leads by 0.3
  snn infer runs/mnist-lenet-1 --exit 0.3 --every 2     looked at every 2 steps
  snn infer runs/mnist-lenet-1 --batch 16 --limit 1600")]
struct InferArgs {
    /// Checkpoint, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// Images that are answered together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = batch)]
    batch: usize,
    /// Answer as soon as the best class leads by this much
    #[arg(long, value_name = "MARGIN")]
    exit: Option<f32>,
    /// Time steps between two looks at the scores, a divisor of them all [default: about a fifth of them]
    #[arg(long, value_name = "N", requires = "exit")]
    every: Option<usize>,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for at most [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

/// Make a spiking network of a trained ANN, by threshold balancing.
///
/// The ANN is a network of Relu neurons with direct input and one time step, such as the preset mnist-lenet-ann. The
/// spiking network has the same layers with integrate-and-fire neurons and sees Poisson spikes; snn evaluate, infer and
/// activity take it like any other.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn train mnist-lenet-ann                             the ANN
  snn convert runs/mnist-lenet-ann-1                    largest activations become 1 (Diehl et al. 2015)
  snn convert runs/mnist-lenet-ann-1 --share 0.999      all but the largest thousandth (Rueckauer et al. 2017)
  snn convert runs/mnist-lenet-ann-1 --method spike-norm --steps 200     (Sengupta et al. 2019)")]
struct ConvertArgs {
    /// Checkpoint, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// How thresholds are found
    #[arg(long, value_enum, default_value_t = Method::DataNorm)]
    method: Method,
    /// Share of the activations that the scale covers, for data-norm [default: 1]
    #[arg(long, value_name = "SHARE")]
    share: Option<f64>,
    /// Time steps each image is shown for
    #[arg(long, value_name = "N", default_value_t = 100)]
    steps: usize,
    /// Neuron of the hidden layers, If or Lif with a threshold of 1
    #[arg(long, value_name = "NEURON", default_value = "If(reset: Soft)")]
    neuron: String,
    /// Training images that the thresholds are measured on, the first ones [default: 200, or all if there are fewer]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// File to write [default: converted-METHOD.safetensors, beside the checkpoint]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

/// Ways to balance thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// By the largest activation or weight of each population of the ANN
    DataNorm,
    /// By the largest current that spikes cause, population by population
    SpikeNorm,
}

/// Report what a trained network spends on an image: spikes, synaptic operations, energy, time steps.
///
/// Prints tables and writes a page with plots, activity.html, that needs nothing else and can be printed. Operations are
/// counted as NeuroBench does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn activity runs/mnist-lenet-1                            its best checkpoint, on the test images
  snn activity runs/mnist-lenet-1 --limit 1000 --html lenet.html
  snn activity runs/mnist-lenet-1 --energy ac=0.1,mac=3.2    picojoules of another process
  snn activity runs/mnist-lenet-1 --compare runs/mnist-lenet-direct-1
  snn activity runs/mnist-lenet-1 --compare runs/mnist-lenet-ann-1/converted-data-norm.safetensors
  snn activity runs/mnist-lenet-1 --json | jq .operations")]
struct ActivityArgs {
    /// Checkpoint, or run folder, of which the best checkpoint is taken
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    checkpoint: PathBuf,
    /// Another network, shown beside the first at the same accuracy; may be given several times
    #[arg(long, value_name = "CHECKPOINT|RUN_FOLDER")]
    compare: Vec<PathBuf>,
    /// Percentage points below the best accuracy at which an answer is good enough
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, value_parser = points)]
    within: f64,
    /// Picojoules of an accumulate and of a multiply-accumulate
    #[arg(long, value_name = "ac=PJ,mac=PJ", default_value = "ac=0.9,mac=4.6")]
    energy: EnergyTable,
    /// File for the page [default: activity.html in the folder of the run, or beside the checkpoint under its name; none
    /// with --json]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Time steps each image is shown for [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    common: Common,
}

/// Show how a run learned, or is learning: accuracy, loss, firing rates, gradient.
///
/// Prints a line for each epoch and writes a page with plots, curves.html, that needs nothing else and can be printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn curves runs/mnist-lenet-1
  snn curves runs/mnist-lenet-1 --html lenet.html
  snn curves runs/mnist-lenet-1 --json | jq '.epochs[].validation_accuracy'")]
struct CurvesArgs {
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

/// List the graphics cards that can compute, and what they can do.
///
/// Any card that Vulkan, Metal or DX12 reach serves, as does a software driver, slowly. --engine gpu takes the first one,
/// --engine auto the first that is not software. Without any card the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn devices
  snn train --engine gpu                                the first card of the list
  snn train --engine 'gpu(adapter: 1)'                  the one of number 1
  snn train --engine 'gpu(adapter: \"nvidia\")'           the first whose name has this in it
  snn devices --json | jq '.[].largest_buffer'")]
struct DevicesArgs {
    /// Print JSON for other programs: an empty list if there is no card
    #[arg(long)]
    json: bool,
}

/// Measure how fast networks train and answer on an engine. Needs no data: the images are random.
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
struct BenchArgs {
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

fn points(text: &str) -> Result<f64, String> {
    let points = text.parse().ok().filter(|points| (0.0..=100.0).contains(points));
    points.ok_or_else(|| "a number from 0 to 100".to_owned())
}

/// Explain an experiment: layers, equations, training, memory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn show                                         the preset mnist-lenet
  snn show my-net.ron --batch 256                  what changes, and whether it fits
  snn show runs/mnist-lenet-1                      what a run trains")]
struct ShowArgs {
    /// Preset, RON file, checkpoint or run folder [default: mnist-lenet]
    #[arg(value_name = "PRESET|FILE.ron|CHECKPOINT|RUN_FOLDER")]
    experiment: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print the experiment as RON with all defaults and overrides written out, and nothing else
    #[arg(long)]
    ron: bool,
    /// Threads of the engine [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = threads)]
    threads: usize,
}

/// List what an experiment can use: neurons, layers, optimizers and all else that has a name.
#[derive(Debug, Args)]
#[command(after_help = "\
Kinds:
  networks, layers, shortcuts, projections, neurons, resets, gradients, surrogates, encoders, readouts, losses,
  data-sets, optimizers, schedules, augmentations, engines

Examples:
  snn list                 all names
  snn list neurons         equations and gradients
  snn list Lif             its fields, and what it is called in other libraries
  snn list optimizers      update rules, to paste")]
struct ListArgs {
    /// Kind to list, or name to explain
    #[arg(value_name = "KIND|NAME")]
    what: Option<String>,
    /// One of the kind, to explain
    name: Option<String>,
}

/// Kinds of things that `snn list` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Networks,
    Layers,
    Shortcuts,
    Projections,
    Neurons,
    Resets,
    Gradients,
    Surrogates,
    Encoders,
    Readouts,
    Losses,
    DataSets,
    Optimizers,
    Schedules,
    Augmentations,
    Engines,
}

/// List the experiments that are shipped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn presets
  snn presets --print mnist-lenet > my-net.ron     a file to change at will")]
struct PresetsArgs {
    /// Print the RON text of one of them
    #[arg(long, value_name = "NAME")]
    print: Option<String>,
}

/// Changes to the experiment.
#[derive(Debug, Args)]
struct Overrides {
    /// Set any value of the experiment, in RON; may be given several times
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Time steps each image is shown for (steps)
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Passes over the training images (training.epochs)
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Images of one update of the weights (training.batch)
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
}

/// Images that a trained network is tried on.
#[derive(Debug, Args)]
struct Selection {
    /// Images to show
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Use only the first N images
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Where and how to run.
#[derive(Debug, Args)]
struct Common {
    /// Folder with the data set [default: where snn data list finds it]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    /// Print JSON for other programs, nothing else
    #[arg(long)]
    json: bool,
}

/// What to compute on.
#[derive(Debug, Args)]
struct Compute {
    /// What to compute on: cpu; gpu, a graphics card; or auto, a card that is not software if there is one, else the CPU.
    /// snn list engines and snn devices show what there is
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    engine: String,
    /// Threads of the CPU; results do not depend on it [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = threads)]
    threads: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    /// Images the training never sees
    Test,
    /// Training images held out to choose the best checkpoint
    Validation,
    /// Images the training learns from
    Train,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, such as training.epochs=3")?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}

/// The whole program: parses the command line, runs the command and reports its errors, those of `registry` among them.
pub fn main(registry: Result<Registry, RegistryError>) -> ExitCode {
    match registry {
        Ok(registry) => run(&registry, std::env::args_os()),
        Err(error) => fail(&error.into()),
    }
}

/// Runs the command line `arguments`, of which the first is the name of the program. Like the program it writes to
/// standard output and, if something is wrong, to standard error.
///
/// Arguments that cannot be parsed, and `--help`, end the process.
pub fn run(registry: &Registry, arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let result = match Cli::parse_from(arguments).command {
        Command::Train(args) => train::run(registry, &args),
        Command::Evaluate(args) => evaluate::run(registry, &args),
        Command::Infer(args) => infer::run(registry, &args),
        Command::Convert(args) => convert::run(registry, &args),
        Command::Activity(args) => activity::run(registry, &args),
        Command::Curves(args) => curves::run(registry, &args),
        Command::Show(args) => show::run(registry, &args),
        Command::List(args) => list::run(registry, &args),
        Command::Presets(args) => list::presets(registry, &args),
        Command::Data(args) => data::run(registry, &args),
        Command::Selftest(args) => selftest::run(registry, &args),
        Command::Devices(args) => devices::run(registry, &args),
        Command::Bench(args) => bench::run(registry, &args),
    };
    result.unwrap_or_else(|error| fail(&error))
}

/// Reports an error.
fn fail(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS; // whoever read the output, such as `head`, has enough
    }
    // If stderr is gone as well there is nobody to tell.
    writeln!(io::stderr(), "{}", report(error)).ok();
    ExitCode::FAILURE
}

/// `error: ...` with its causes; those that a message repeats already are left out.
fn report(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<ExperimentError>() {
        return error.render(console::colors_enabled_stderr());
    }
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    format!("{} {text}", console::style("error:").red().bold().for_stderr())
}
