//! The program `snn`: commands and their arguments. Each command has a file of its own.
//!
//! The commands take all names from a [`Registry`]. A program that adds the names of a plug-in looks like this:
//!
//! ```no_run
//! # mod my { pub fn plugin(_: &mut snn::core::registry::Registry) -> Result<(), snn::core::registry::RegistryError> { Ok(()) } }
//! fn main() -> std::process::ExitCode {
//!     snn::cli::main(snn::registry().and_then(|registry| registry.with(my::plugin)))
//! }
//! ```

mod activity;
mod arguments;
mod bench;
mod calibrate;
mod constants;
mod convert;
mod curves;
mod data;
mod devices;
mod display;
mod doctor;
mod driver;
mod evaluate;
mod import;
mod infer;
mod interrupt;
mod limits;
mod list;
mod loading;
mod memory;
mod places;
mod program;
mod reproduce;
mod selftest;
mod show;
mod terminal;
mod text;
mod train;
mod trained;
mod usage;
mod viewer;
mod words;
mod zoo;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::core::registry::{Registry, RegistryError};
use crate::models::ExperimentError;

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
  snn doctor my-net.ron                    why a network of your own does not learn
  snn evaluate runs/mnist-lenet-1          how good it is
  snn evaluate zoo:mnist-lenet             or one that is shipped, as snn zoo lists them
  snn activity runs/mnist-lenet-1          what it costs

On a graphics card:
  snn devices                              which cards there are, and what they can do
  snn train cifar10-vgg9 --engine auto     on the first real card, or on the CPU if there is none
  snn bench --engine auto                  how fast that is";

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::TrainArgs),
    Evaluate(evaluate::EvaluateArgs),
    Infer(infer::InferArgs),
    Convert(convert::ConvertArgs),
    Import(import::ImportArgs),
    Calibrate(calibrate::CalibrateArgs),
    Doctor(doctor::DoctorArgs),
    Activity(activity::ActivityArgs),
    Curves(curves::CurvesArgs),
    Show(show::ShowArgs),
    List(list::ListArgs),
    Presets(list::PresetsArgs),
    Zoo(zoo::ZooArgs),
    Reproduce(reproduce::ReproduceArgs),
    Data(data::DataArgs),
    Selftest(selftest::SelftestArgs),
    Devices(devices::DevicesArgs),
    Bench(bench::BenchArgs),
}

/// Runs the program: parses the command line, runs the command and reports errors, including those of `registry`.
pub fn main(registry: Result<Registry, RegistryError>) -> ExitCode {
    match registry {
        Ok(registry) => run(&registry, std::env::args_os()),
        Err(error) => fail(&error.into()),
    }
}

/// Runs the command line `arguments`, the first of which is the program's name. Writes to standard output and, on
/// errors, to standard error, as the program does. Arguments that cannot be parsed give exit code 2.
pub fn run(registry: &Registry, arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    program::called(arguments.first());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    let result = match cli.command {
        Command::Train(args) => train::run(registry, &args),
        Command::Evaluate(args) => evaluate::run(registry, &args),
        Command::Infer(args) => infer::run(registry, &args),
        Command::Convert(args) => convert::run(registry, &args),
        Command::Import(args) => import::run(registry, &args),
        Command::Calibrate(args) => calibrate::run(registry, &args),
        Command::Doctor(args) => doctor::run(registry, &args),
        Command::Activity(args) => activity::run(registry, &args),
        Command::Curves(args) => curves::run(registry, &args),
        Command::Show(args) => show::run(registry, &args),
        Command::List(args) => list::run(registry, &args),
        Command::Presets(args) => list::presets(registry, &args),
        Command::Zoo(args) => zoo::run(registry, &args),
        Command::Reproduce(args) => reproduce::run(registry, &args),
        Command::Data(args) => data::run(registry, &args),
        Command::Selftest(args) => selftest::run(registry, &args),
        Command::Devices(args) => devices::run(registry, &args),
        Command::Bench(args) => bench::run(registry, &args),
    };
    result.unwrap_or_else(|error| fail(&error))
}

/// Reports an error.
fn fail(error: &anyhow::Error) -> ExitCode {
    terminal::say(report(error));
    for line in driver::lines() {
        terminal::say(console::style(line).dim().for_stderr());
    }
    ExitCode::FAILURE
}

/// Formats `error: ...` with its causes, except for those that a message repeats.
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
