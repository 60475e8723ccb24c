//! Resolves presets, files and runs named on the command line, and explains what was found instead of what was meant.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{anyhow, bail};

use crate::{
    cli::{program, terminal},
    data::kind_of_file,
    models::presets::{self, Preset},
    train::{Checkpoint, FileCheck},
    zoo::{self, ZooEntry},
};

/// Maximum number of runs that are listed.
const MOST_RUNS: usize = 8;

/// Default folder of runs.
const RUNS: &str = "runs";

/// Finds the preset called `name`. If `name` looks like a path, the error says what is wrong with it.
pub(crate) fn preset(path: &Path, name: &str) -> anyhow::Result<&'static Preset> {
    let looks_like_a_path = path.components().count() > 1 || path.extension().is_some() || path.exists();
    match presets::find(name) {
        Ok(preset) => Ok(preset),
        Err(_) if path.exists() => {
            let kind = kind_of_file(path);
            let is = kind.map_or_else(|| "is no experiment".to_owned(), |kind| format!("is no experiment but {kind}"));
            bail!("{name}: {is}{}", way_in(path, kind.unwrap_or_default()))
        }
        Err(_) if looks_like_a_path => {
            let error = anyhow!(
                "{name}: there is no such file or folder; an experiment is a preset (snn presets lists them) or a file \
                 whose name ends in .ron"
            );
            Err(with_runs(error, path))
        }
        Err(error) => Err(error.into()),
    }
}

/// Advice on a file of another kind, to follow a description of what it is.
pub(crate) fn way_in(path: &Path, kind: &str) -> String {
    let hint = if kind.contains("safetensors") {
        "; a checkpoint has a name that ends in .safetensors, and snn import takes weights of other programs"
    } else if is_model(path, kind) {
        "; save its weights as safetensors, describe its network in a file .ron, and snn import puts both together"
    } else if ["npz", "npy", "png", "jpg", "jpeg", "csv", "h5", "hdf5", "aedat", "mat"]
        .contains(&extension(path).as_str())
    {
        "; an experiment is a file .ron, and names its data: snn data list shows what there is"
    } else {
        "; an experiment is a preset (snn presets lists them) or a file whose name ends in .ron (snn presets mnist-lenet > \
         my-net.ron makes one to change)"
    };
    hint.to_owned()
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether a file contains a network of another program.
fn is_model(path: &Path, kind: &str) -> bool {
    ["nir", "onnx", "pth", "pt", "ckpt", "pkl", "bin", "pb", "tflite"].contains(&extension(path).as_str())
        || ["PyTorch", "ONNX", "pickle", "NIR"].iter().any(|mark| kind.contains(mark))
}

/// Checks that `what` may be written to `path`, given by the option `flag`: the path must not be a checkpoint, an
/// experiment, the records of a run, or anything other than a regular file.
pub(crate) fn output(path: &Path, flag: &str, what: &str) -> anyhow::Result<()> {
    if ["safetensors", "ron", "jsonl"].contains(&extension(path).as_str()) {
        bail!(
            "{}: is a name of a checkpoint, an experiment or the records of a run, and {what} would take its place; give \
             {flag} another name",
            path.display()
        );
    }
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        bail!("{}: is no file, and {what} would take its place; give {flag} another name", path.display());
    }
    Ok(())
}

/// The checkpoint file at `path`: the file itself, or the best checkpoint of a run folder.
fn checkpoint(path: &Path) -> anyhow::Result<PathBuf> {
    run(path)?;
    if !path.is_dir() {
        if let Some(kind) = kind_of_file(path).filter(|kind| !kind.contains("safetensors")) {
            bail!("{}: is no checkpoint but {kind}{}", path.display(), way_in(path, kind));
        }
        return Ok(path.to_owned());
    }
    let files = ["best.safetensors", "last.safetensors"].map(|name| path.join(name));
    let found = files.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| {
        let error = anyhow!("{}: holds no checkpoint, neither best.safetensors nor last.safetensors", path.display());
        with_runs(error, &path.join("run"))
    })
}

/// The zoo entry that `path` names, as in `zoo:mnist-lenet`; `None` if it names a file or folder.
pub(crate) fn entry(path: &Path) -> anyhow::Result<Option<&'static ZooEntry>> {
    let name = path.to_str().filter(|name| name.starts_with(zoo::PREFIX));
    Ok(name.map(zoo::find).transpose()?)
}

/// Prints a warning to standard error if the checkpoint at `path` is not as it was saved.
pub(crate) fn tell(path: &Path, check: FileCheck) {
    if let Some(caution) = check.caution() {
        terminal::note(format_args!("{} is {caution}", path.display()));
    }
}

/// Loads the checkpoint that `path` names: a zoo entry, a file, or the best checkpoint of a run folder. Also returns
/// its path or name.
pub(crate) fn load(path: &Path) -> anyhow::Result<(Checkpoint, PathBuf)> {
    if let Some(entry) = entry(path)? {
        return Ok((entry.checkpoint()?, path.to_owned()));
    }
    let path = checkpoint(path)?;
    let checkpoint = Checkpoint::load(&path)?;
    tell(&path, checkpoint.check);
    Ok((checkpoint, path))
}

/// Checks that `path`, which should be a run or a checkpoint, exists.
pub(crate) fn run(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let name = path.display().to_string();
    let error = if presets::find(&name).is_ok() {
        let program = program::name();
        anyhow!("{name}: is a preset, and not a network that was trained; train it first: {program} train {name}")
    } else {
        anyhow!("{name}: there is no such file or folder")
    };
    Err(with_runs(error, path))
}

/// Adds to the error the runs beside `path`, or else those in the default folder.
pub(crate) fn with_runs(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let beside = path.parent().map(runs).unwrap_or_default();
    let found = if beside.is_empty() { runs(Path::new(RUNS)) } else { beside };
    if found.is_empty() {
        return error;
    }
    let mut names: Vec<String> = found.iter().take(MOST_RUNS).map(|run| run.display().to_string()).collect();
    if found.len() > MOST_RUNS {
        names.push(format!("{} others", found.len() - MOST_RUNS));
    }
    anyhow!("{error:#}\nruns that are there: {}", names.join(", "))
}

/// Run folders in `folder`, sorted.
fn runs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut runs: Vec<PathBuf> = paths.filter(|path| path.join("experiment.ron").is_file()).collect();
    runs.sort();
    runs
}
