//! Experiments, engines and data as the command line names them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use snn::{
    core::Engine,
    data::{Dataset, Mnist, mnist},
    models::{Experiment, experiment::Data, presets},
    train::Checkpoint,
};

use crate::cli::{Common, EngineName, Overrides};

/// An experiment and where it is from.
pub(crate) struct Named {
    pub(crate) experiment: Experiment,
    /// Short name, after which run folders are called.
    pub(crate) name: String,
    /// File, or `preset`.
    pub(crate) origin: String,
}

/// Reads the preset, RON file, checkpoint or run folder called `name`, with `settings` applied.
pub(crate) fn experiment(name: Option<&str>, settings: &[(String, String)]) -> anyhow::Result<Named> {
    let name = name.unwrap_or(presets::all()[0].name);
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let stem = || path.file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    if path.is_dir() {
        return read(&path.join("experiment.ron"), stem(), settings);
    }
    match extension {
        Some("ron") => read(path, stem(), settings),
        Some("safetensors") => {
            let text = Checkpoint::load(path)?.experiment;
            Ok(Named { experiment: parse(&text, name, settings)?, name: stem(), origin: name.to_owned() })
        }
        _ => {
            let preset = presets::find(name)?;
            let experiment = parse(preset.text, &preset.file_name(), settings)?;
            Ok(Named { experiment, name: name.to_owned(), origin: "preset".to_owned() })
        }
    }
}

fn read(path: &Path, name: String, settings: &[(String, String)]) -> anyhow::Result<Named> {
    let origin = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("{origin}: cannot read the experiment"))?;
    Ok(Named { experiment: parse(&text, &origin, settings)?, name, origin })
}

/// Reads RON text.
pub(crate) fn parse(text: &str, file: &str, settings: &[(String, String)]) -> anyhow::Result<Experiment> {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    Ok(Experiment::from_ron(text, file, &settings)?)
}

impl Overrides {
    /// All settings, in the order in which they apply.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = self.set.clone();
        settings.extend(self.steps.map(|steps| ("steps".to_owned(), steps.to_string())));
        settings
    }

    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.steps.is_none()
    }
}

/// The engine that the command line asks for.
pub(crate) fn engine(name: EngineName, threads: usize) -> anyhow::Result<Box<dyn Engine>> {
    // The optimizer works in the common pool. It fails only if the pool is there already, and then it serves as it is.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().ok();
    let name = name.name();
    snn::engines::find(name, threads).with_context(|| format!("this program has no engine \"{name}\""))
}

/// A data set in memory.
pub(crate) struct Images {
    /// Training images, those held out for validation last.
    pub(crate) train: Dataset,
    pub(crate) test: Dataset,
    /// Where they were read.
    pub(crate) folder: PathBuf,
}

/// Loads the images of an experiment.
pub(crate) fn images(experiment: &Experiment, common: &Common) -> anyhow::Result<Images> {
    match experiment.data {
        Data::Mnist => {
            let folder = mnist::find(common.data.as_deref())?;
            let Mnist { train, test } = Mnist::load(&folder)?;
            Ok(Images { train, test, folder })
        }
    }
}

impl Images {
    /// Keeps the first `limit` training images and as many test images, or all.
    pub(crate) fn limit(&mut self, limit: Option<usize>) {
        if let Some(limit) = limit {
            self.train.truncate(limit);
            self.test.truncate(limit);
        }
    }
}
