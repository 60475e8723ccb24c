//! Loads experiments, engines and data named on the command line.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, anyhow, bail};

use crate::{
    cli::{
        arguments::{Common, Compute, Level, Overrides},
        driver, places,
    },
    core::{Engine, Limit, Splits, Weights, part::Part, registry::Registry},
    data::{kind_of_file, read_text},
    models::{Built, Experiment, experiment::Start, presets},
    train::{Checkpoint, Inherited, inherit},
    zoo::PREFIX,
};

/// An experiment and its origin.
pub(crate) struct Named {
    pub(crate) built: Built,
    /// Weights, if the experiment is from a checkpoint.
    pub(crate) weights: Option<Weights>,
    /// Short name, used to name run folders.
    pub(crate) name: String,
    /// File, or `preset`.
    pub(crate) origin: String,
    /// Note on what a new run does not use of `origin`, such as trained weights, and how to resume instead.
    pub(crate) left: Option<String>,
}

/// Reads the preset, RON file, checkpoint or run folder called `name`, with `settings` applied.
pub(crate) fn experiment(
    registry: &Registry,
    name: Option<&str>,
    settings: &[(String, String)],
) -> anyhow::Result<Named> {
    let name = name.unwrap_or(presets::all()[0].name);
    let path = Path::new(name);
    let stem = || path.file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let (mut checkpoint, mut left) = (None, None);
    let (text, file, name, origin) = match path.extension().and_then(|extension| extension.to_str()) {
        _ if path.is_dir() => {
            let file = path.join("experiment.ron");
            if !file.exists() {
                let error = anyhow!("{}: holds no run: there is no experiment.ron in it", path.display());
                return Err(places::with_runs(error, &file));
            }
            let origin = file.display().to_string();
            left = path.join("last.safetensors").exists().then(|| {
                format!(
                    "from random weights; to go on with the run that is there: snn train --resume {}",
                    path.display()
                )
            });
            (read(&file)?, origin.clone(), stem(), origin)
        }
        _ if name.starts_with(PREFIX) => {
            let checkpoint = checkpoint.insert(places::load(path)?.0);
            let stem = name.trim_start_matches(PREFIX).to_owned();
            left = Some(format!("from random weights: of {name}, the experiment is taken and the weights are not"));
            (checkpoint.experiment.clone(), name.to_owned(), stem, name.to_owned())
        }
        Some("ron") => (read(path)?, name.to_owned(), stem(), name.to_owned()),
        Some("safetensors") => {
            let checkpoint = checkpoint.insert(Checkpoint::load(path)?);
            places::tell(path, checkpoint.check);
            left = Some(format!(
                "from random weights: of {name}, the experiment is taken and the weights are not; to go on with a run: snn \
                 train --resume RUN_FOLDER"
            ));
            (checkpoint.experiment.clone(), name.to_owned(), stem(), name.to_owned())
        }
        _ => {
            let preset = places::preset(path, name)?;
            (preset.text.to_owned(), preset.file_name(), name.to_owned(), "preset".to_owned())
        }
    };
    let built = parse(registry, &text, &file, settings)?;
    // Settings may have changed the network, so that the checkpoint's weights no longer match.
    let weights = match checkpoint {
        Some(checkpoint) if settings.is_empty() => Some(checkpoint.weights_for(&built.network)?),
        Some(checkpoint) => checkpoint.weights_for(&built.network).ok(),
        None => None,
    };
    Ok(Named { built, weights, name, origin, left })
}

/// The initial weights of a run, before any calibration, and what was inherited from another checkpoint, if the
/// experiment asks for that.
pub(crate) fn initial(built: &Built) -> anyhow::Result<(Weights, Option<Inherited>)> {
    let drawn = built.network.initial_weights(built.experiment.training.seed);
    let Start::From { checkpoint } = &built.experiment.start else { return Ok((drawn, None)) };
    let taken = places::load(Path::new(checkpoint)).and_then(|(found, _)| Ok(inherit(built, &found, drawn)?));
    let inherited = taken.with_context(|| format!("start: From(checkpoint: {checkpoint:?})"))?;
    Ok((inherited.weights.clone(), Some(inherited)))
}

/// Maximum size of an experiment in bytes: ten times that of one with 20,000 layers.
const LARGEST: usize = 4 << 20;

/// Reads the text of an experiment file.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    if let Some(kind) = kind_of_file(path) {
        bail!("{}: is no experiment but {kind}{}", path.display(), places::way_in(path, kind));
    }
    let text = read_text(path, LARGEST).with_context(|| format!("{}: cannot read the experiment", path.display()));
    text.map_err(|error| places::with_runs(error, path))
}

/// Parses an experiment in RON.
pub(crate) fn parse(
    registry: &Registry,
    text: &str,
    file: &str,
    settings: &[(String, String)],
) -> anyhow::Result<Built> {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    Ok(Experiment::from_ron(text, file, &settings, registry)?.build(registry)?)
}

impl Overrides {
    /// All settings, in the order in which they are applied.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = self.set.clone();
        for (path, value) in [("steps", self.steps), ("training.epochs", self.epochs), ("training.batch", self.batch)] {
            settings.extend(value.map(|value| (path.to_owned(), value.to_string())));
        }
        settings
    }
}

/// Creates the engine named on the command line.
pub(crate) fn engine(registry: &Registry, compute: &Compute) -> anyhow::Result<Arc<dyn Engine>> {
    // The optimizer uses rayon's global pool. Building it fails only if it exists already, which is fine.
    rayon::ThreadPoolBuilder::new().num_threads(compute.threads).build_global().ok();
    let name = match compute.level.map(Level::field) {
        None => compute.engine.clone(),
        Some(level) if compute.engine == "cpu" => format!("cpu(threads: {}, level: {level})", compute.threads),
        Some(level) => bail!(
            "--level is for --engine cpu, and --engine {} was given; an engine with fields takes it as one, as in --engine \
             'cpu(level: {level})'",
            compute.engine
        ),
    };
    let engine = named_engine(registry, &name, compute.threads);
    let engine = engine.with_context(|| format!("--engine {}", compute.engine))?;
    // Describing a GPU opens it. Do this here, where the driver's output is captured.
    driver::apart(|| engine.describe());
    Ok(engine)
}

/// Creates the engine called `name`, which may have fields, such as `cpu(threads: 2)`. Without fields, an engine that has
/// threads uses `threads` of them, unless that is 0.
pub(crate) fn named_engine(registry: &Registry, name: &str, threads: usize) -> anyhow::Result<Arc<dyn Engine>> {
    let mut part = Part::parse(name)?;
    if part.fields.is_empty() && threads > 0 {
        let mut whole = Part::new(part.name.clone());
        let is_known = registry.engines.make(&mut whole, registry).is_ok();
        if is_known && whole.set("threads", &threads.to_string()) {
            part = whole;
        }
    }
    registry.engines.make(&mut part, registry).map_err(|error| {
        let mut whole = Part::new(part.name);
        match registry.engines.make(&mut whole, registry) {
            Ok(_) => anyhow!("{error}; for example: {whole}"),
            Err(_) => match engine_meant(&whole.name) {
                Some(engine) => anyhow!("{error}; write {engine}"),
                None => error.into(),
            },
        }
    })
}

/// The engine meant by a GPU vendor, a graphics API, or a name in capitals.
fn engine_meant(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "cpu" => Some("cpu"),
        "auto" => Some("auto"),
        "gpu" => Some("gpu"),
        "cuda" | "rocm" | "vulkan" | "metal" | "dx12" | "wgpu" | "nvidia" | "amd" | "intel" => {
            Some("gpu for a card of any maker, see snn devices")
        }
        _ => None,
    }
}

/// Loads the images of an experiment.
pub(crate) fn images(built: &Built, common: &Common) -> anyhow::Result<Splits> {
    built.data.load(common.data.as_deref()).map_err(anyhow::Error::from_boxed)
}

/// Loads the images of an experiment, limited by `limit` if given.
pub(crate) fn limited_images(built: &Built, common: &Common, limit: Option<Limit>) -> anyhow::Result<Splits> {
    let folder = common.data.as_deref();
    match limit {
        Some(limit) => built.data.load_limited(folder, limit),
        None => built.data.load(folder),
    }
    .map_err(anyhow::Error::from_boxed)
}
