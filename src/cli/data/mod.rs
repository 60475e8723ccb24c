//! `snn data`: data sets on disk. Each subcommand has a file of its own.

mod check;
mod get;
mod list;
mod show;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use crate::{
    core::{DataSource, part::Part, registry::Registry},
    data::published::{self, Published},
    models::elsewhere,
};

/// Find, download, check and look at data sets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn data list                                       what there is, and what is here
  snn data get Cifar10                                download it
  snn data check Cifar10                              whether every byte is right
  snn data show Cifar10 --augment 'Shift(pixels: 4, flip: true)'

Data sets are kept in the folder that the environment variable SNN_DATA names, or else in this user's cache.")]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// List data sets: what they hold, and where they are
    List,
    Get(GetArgs),
    Check(CheckArgs),
    Show(ShowArgs),
}

/// Download a data set.
///
/// A download that was stopped goes on where it was. Files are compared with the published checksums, and get their names
/// only then.
#[derive(Debug, Args)]
struct GetArgs {
    /// Data set; snn data list shows all
    #[arg(value_name = "NAME")]
    name: String,
    /// Folder for its files [default: its own folder where snn keeps data sets]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Another source: a URL below which the published files lie under their own names
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

/// Read all of a data set, and compare its files with what is published.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Data set; with fields if need be, such as 'Cifar10(mean: (0.5, 0.5, 0.5))'
    #[arg(value_name = "NAME")]
    name: String,
    /// Folder with its files [default: where snn data list finds it]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Draw samples of each class, and what augmentation makes of them.
///
/// Below the first samples of each class stand the same as training sees them in its first epochs. Recordings are drawn
/// over time: red where it grew brighter, blue where it grew darker.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn data show Mnist
  snn data show Cifar10 --augment 'Shift(pixels: 4, flip: true)' --epochs 4 --out sheet.png")]
struct ShowArgs {
    /// Data set; with fields if need be, such as 'Cifar10(mean: (0.5, 0.5, 0.5))'
    #[arg(value_name = "NAME")]
    name: String,
    /// Augmentation of the training samples, written as in training.augmentation
    #[arg(long, value_name = "RON", default_value = "None")]
    augment: String,
    /// Epochs of which the changes are drawn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    epochs: u32,
    /// Seed of the run (training.seed)
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// PNG file to write [default: NAME.png]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder with its files [default: where snn data list finds it]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(registry: &Registry, args: &DataArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        DataCommand::List => list::run(registry),
        DataCommand::Get(args) => get::run(registry, args),
        DataCommand::Check(args) => check::run(registry, args),
        DataCommand::Show(args) => show::run(registry, args),
    }
}

/// A data set named on the command line.
struct Named {
    /// Its name in the registry.
    name: String,
    data: Arc<dyn DataSource>,
    /// Published files; `None` for data sets of a plug-in.
    published: Option<&'static Published>,
}

/// Finds the data set called `text`, in upper or lower case and possibly with fields.
fn named(registry: &Registry, text: &str) -> anyhow::Result<Named> {
    let mut part = Part::parse(text)?;
    let published = published::find(&part.name);
    let is_called = |known: &&str| {
        known.eq_ignore_ascii_case(&part.name) || published.is_some_and(|published| published.place.name == *known)
    };
    let Some(name) = registry.data_sets.names().find(is_called).map(str::to_owned) else {
        let known = registry.data_sets.names().collect::<Vec<_>>().join(", ");
        let here = elsewhere::meaning(&part.name).map_or_else(String::new, |here| format!("; {here}"));
        bail!("no data set is called \"{}\"{here}; known: {known}", part.name);
    };
    part.name.clone_from(&name);
    let data = registry.data_sets.make(&mut part, registry).map_err(|error| anyhow!("{name}: {error}"))?;
    let published = published::find(&name);
    Ok(Named { name, data, published })
}
