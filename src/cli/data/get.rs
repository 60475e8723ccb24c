//! `snn data get`.

use std::{env, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow};
use console::style;
use indicatif::{ProgressBar, ProgressStyle};

use super::{GetArgs, named};
use crate::{
    cli::{
        terminal,
        text::{self, labelled},
    },
    core::registry::Registry,
    data::{
        DatasetFiles,
        fetch::{FetchProgress, fetch},
        published::Published,
    },
};

pub(crate) fn run(registry: &Registry, args: &GetArgs) -> anyhow::Result<ExitCode> {
    let named = named(registry, &args.name)?;
    let published =
        named.published.ok_or_else(|| anyhow!("{}: nothing is known of where it can be downloaded", named.name))?;
    let folder = match &args.to {
        Some(folder) => folder.clone(),
        None => own_folder(published)?,
    };
    let mut out = terminal::stdout();
    let Published { place, licence, .. } = published;
    writeln!(out, "\n  {}   {}", style(place.data_set).bold(), style(format!("licence: {licence}")).dim())?;

    let bar = terminal::bar(Some(0), true);
    let known = "  {prefix:.dim} {bar:25.cyan/black.bright} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    let known = ProgressStyle::with_template(known)?.progress_chars("━╸━");
    let unknown = ProgressStyle::with_template("  {prefix:.dim} {wide_msg}")?;
    let width = published.downloads.iter().map(|download| download.name.len()).max().unwrap_or(0);
    let mut failure = None;
    let mut say = |bar: &ProgressBar, name: &str, what: &str| {
        let line = format!("  {}  {what}", style(format!("{name:width$}")).dim());
        if let Err(error) = bar.suspend(|| writeln!(out, "{line}")) {
            failure.get_or_insert(error);
        }
    };
    let mut is_known = None;
    let result = fetch(published, &folder, args.from.as_deref(), &mut |progress| match progress {
        FetchProgress::Present(download) => say(&bar, download.name, "is there already"),
        FetchProgress::Downloading { download, done, total } => {
            if is_known != Some(total.is_some()) {
                is_known = Some(total.is_some());
                bar.set_style(if total.is_some() { known.clone() } else { unknown.clone() });
                bar.reset_eta();
            }
            bar.set_prefix(download.name);
            bar.set_length(total.unwrap_or(0));
            bar.set_position(done);
            if total.is_none() {
                bar.set_message(text::bytes(done as usize));
            }
        }
        FetchProgress::Comparing(download) => {
            is_known = None;
            bar.set_style(unknown.clone());
            bar.set_prefix(download.name);
            bar.set_message("comparing with the published checksum");
        }
        FetchProgress::Unpacking { download, files } => {
            bar.set_prefix(download.name);
            bar.set_message(format!("unpacking, {} files", text::thousands(files)));
        }
        FetchProgress::Finished(download) => say(&bar, download.name, "downloaded, as published"),
    });
    bar.finish_and_clear();
    result?;
    failure.map_or(Ok(()), Err)?;
    writeln!(out, "\n{}", labelled("folder", folder.display()))?;
    writeln!(out, "{}\n", labelled("look closer", format!("snn data show {}", named.name)))?;
    Ok(ExitCode::SUCCESS)
}

/// The data set's folder in the user's data folder.
fn own_folder(published: &Published) -> anyhow::Result<PathBuf> {
    let root = env::var_os("SNN_DATA").map(PathBuf::from).or_else(DatasetFiles::cache);
    let root = root.context("this system has no folder for caches; name a folder with --to")?;
    Ok(root.join(published.place.folder))
}
