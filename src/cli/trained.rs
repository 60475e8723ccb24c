//! Trained networks, and the images to try them on, as the command line names them.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::{
    cli::{
        arguments::{Selection, Split},
        loading, text,
    },
    core::{Dataset, Splits, Weights, registry::Registry},
    models::{Built, Experiment},
    train::Checkpoint,
};

/// A checkpoint and what it stands for.
pub(crate) struct TrainedNetwork {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) experiment: Experiment,
    pub(crate) built: Built,
    pub(crate) weights: Weights,
}

impl TrainedNetwork {
    /// Loads the checkpoint that `path` names, itself or the best one of a run folder, to be shown images for `steps` time
    /// steps, or for as many as it was trained on.
    pub(crate) fn load(registry: &Registry, path: &Path, steps: Option<usize>) -> anyhow::Result<Self> {
        let path = checkpoint_file(path)?;
        let checkpoint = Checkpoint::load(&path)?;
        let settings = steps.map(|steps| ("steps".to_owned(), steps.to_string()));
        let file = path.display().to_string();
        let (experiment, built) = loading::parse(registry, &checkpoint.experiment, &file, settings.as_slice())?;
        let weights = checkpoint.weights_for(&built.network)?;
        Ok(Self { path, checkpoint, experiment, built, weights })
    }

    /// The checkpoint's file.
    pub(crate) fn file(&self) -> String {
        self.path.display().to_string()
    }

    /// Where the weights are from, and how far the training had come.
    pub(crate) fn progress(&self) -> String {
        let progress = &self.checkpoint.progress;
        let images = text::thousands(progress.images);
        let origin = self.checkpoint.origin.as_ref().map_or_else(String::new, |origin| format!("{origin}, "));
        let trained = match progress.step {
            0 if progress.epoch == 1 => format!("after 1 epoch of {images} images"),
            0 => format!("after {} epochs of {images} images", progress.epoch),
            step => format!("in epoch {} of {images} images, after update {step}", progress.epoch + 1),
        };
        origin + &trained
    }

    /// What to say of a converted network that is shown images for too short a time.
    pub(crate) fn advice(&self) -> Option<String> {
        let is_converted = self.checkpoint.origin.as_ref().is_some_and(|origin| origin.starts_with(CONVERTED));
        if is_converted { few_steps(self.experiment.steps) } else { None }
    }

    /// The images that were selected. A run that was limited to fewer images learned from and held out only those.
    pub(crate) fn select<'a>(
        &self,
        images: &'a Splits,
        selection: &Selection,
    ) -> anyhow::Result<(&'a Dataset, Range<usize>)> {
        let learned = self.checkpoint.progress.images.min(images.train.len());
        let held_out = self.experiment.training.validation;
        let (data, range) = match selection.split {
            Split::Test => (&images.test, 0..images.test.len()),
            Split::Train => (&images.train, 0..learned),
            Split::Validation => (&images.train, learned..(learned + held_out).min(images.train.len())),
        };
        if selection.limit == Some(0) {
            bail!("--limit must be at least 1, found 0");
        }
        let end = selection.limit.map_or(range.end, |limit| range.end.min(range.start.saturating_add(limit)));
        if range.start == end {
            bail!("no images to show: the run has {} {} images", range.len(), selection.split.name());
        }
        Ok((data, range.start..end))
    }
}

/// How the origin of a converted network starts.
pub(crate) const CONVERTED: &str = "converted";

/// Fewest steps over which the firing rates of a converted network are close to activations.
const ENOUGH_STEPS: usize = 50;

/// What to say of a converted network that is shown images for `steps` time steps, if they are few.
pub(crate) fn few_steps(steps: usize) -> Option<String> {
    let rates = if steps == 1 { "0 or 1".to_owned() } else { format!("a multiple of 1/{steps}") };
    (steps < ENOUGH_STEPS).then(|| {
        format!(
            "a converted network answers by firing rates, and over {steps} time step{} each is {rates}; small activations              are lost, and deep layers hardly fire. Give it at least {ENOUGH_STEPS}, better 100 or more: --steps 100",
            if steps == 1 { "" } else { "s" }
        )
    })
}

/// The checkpoint that `path` names: itself, or the best one of a run folder.
fn checkpoint_file(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found =
        ["best.safetensors", "last.safetensors"].map(|name| path.join(name)).into_iter().find(|file| file.is_file());
    found.with_context(|| {
        format!("{}: holds no checkpoint, neither best.safetensors nor last.safetensors", path.display())
    })
}

impl Split {
    /// What such images are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Train => "training",
        }
    }
}
