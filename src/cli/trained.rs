//! Loads trained networks named on the command line, and images to run them on.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::{
    cli::{
        arguments::{Common, Selection, Split},
        loading, places, program, terminal, text,
    },
    core::{Dataset, Limit, Splits, Weights, registry::Registry},
    models::{Built, ExperimentError},
    train::{Checkpoint, program_of},
};

/// A checkpoint, with the experiment and network built from it.
pub(crate) struct TrainedNetwork {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) built: Built,
    pub(crate) weights: Weights,
}

impl TrainedNetwork {
    /// Loads the checkpoint that `path` names: the file itself, or the best one of a run folder. The network is run for
    /// `steps` time steps, by default the number it was trained on.
    pub(crate) fn load(registry: &Registry, path: &Path, steps: Option<usize>) -> anyhow::Result<Self> {
        let run = path.join("experiment.ron");
        let (checkpoint, path) = places::load(path)?;
        let settings = steps.map(|steps| ("steps".to_owned(), steps.to_string()));
        if loading::read(&run).is_ok_and(|text| text != checkpoint.experiment) {
            terminal::note(format_args!("{} is of another experiment than {}", path.display(), run.display()));
        }
        let file = format!("the experiment in {}", path.display());
        let parsed = loading::parse(registry, &checkpoint.experiment, &file, settings.as_slice());
        let built = parsed.map_err(|error| of_another_program(error, &path))?;
        let weights = checkpoint.weights_for(&built.network)?;
        Ok(Self { path, checkpoint, built, weights })
    }

    /// Path of the checkpoint file, as text.
    pub(crate) fn file(&self) -> String {
        self.path.display().to_string()
    }

    /// Describes the origin of the weights and the progress of training.
    pub(crate) fn progress(&self) -> String {
        let progress = &self.checkpoint.progress;
        let images = text::thousands(progress.images);
        let origin = self.checkpoint.origin.as_ref().map_or_else(String::new, |origin| format!("{origin}, "));
        let trained = match progress.update {
            0 if progress.updates == 0 => "before any update".to_owned(),
            0 => format!("after {} of {images} images", text::counted(progress.epoch, "epoch")),
            update => format!("in epoch {} of {images} images, after update {update}", progress.epoch + 1),
        };
        origin + &trained
    }

    /// A warning if this is a converted network that runs for too few time steps.
    pub(crate) fn advice(&self) -> Option<String> {
        let is_converted = self.checkpoint.origin.as_ref().is_some_and(|origin| origin.starts_with(CONVERTED));
        if is_converted { few_steps(self.built.experiment.steps) } else { None }
    }

    /// Loads the images to select from: all of them for `test`, otherwise those that the run was limited to.
    pub(crate) fn images(&self, selection: &Selection, common: &Common) -> anyhow::Result<Splits> {
        let limit = self.built.experiment.training.limit.filter(|_| selection.split != Split::Test);
        loading::limited_images(&self.built, common, limit)
    }

    /// The data set and the indices of the selected images. Training and validation images are split as in the run.
    pub(crate) fn select<'a>(
        &self,
        images: &'a Splits,
        selection: &Selection,
    ) -> anyhow::Result<(&'a Dataset, Vec<u32>)> {
        let halves = || self.built.experiment.training.validation.split(images.train.labels());
        let (data, mut chosen) = match selection.split {
            Split::Test => (&images.test, (0..images.test.len() as u32).collect()),
            Split::Train => (&images.train, halves()[0].clone()),
            Split::Validation => (&images.train, halves()[1].clone()),
        };
        if selection.limit == Some(0) {
            bail!("--limit must be at least 1, found 0");
        }
        if let Some(limit) = selection.limit {
            let labels: Vec<u8> = chosen.iter().map(|&image| data.labels()[image as usize]).collect();
            chosen = Limit::Spread(limit).samples(&labels).iter().map(|&place| chosen[place as usize]).collect();
        }
        if chosen.is_empty() {
            bail!("no images to show: the run has 0 {} images", selection.split.name());
        }
        Ok((data, chosen))
    }
}

/// Prefix of the origin of a converted network.
pub(crate) const CONVERTED: &str = "converted";

/// Minimum number of time steps for the firing rates of a converted network to be close to activations.
const ENOUGH_STEPS: usize = 50;

/// A warning about running a converted network for `steps` time steps, if they are few.
pub(crate) fn few_steps(steps: usize) -> Option<String> {
    let rates = if steps == 1 { "0 or 1".to_owned() } else { format!("a multiple of 1/{steps}") };
    (steps < ENOUGH_STEPS).then(|| {
        format!(
            "a converted network answers by firing rates, and over {steps} time step{} each is {rates}; small activations are lost, and deep layers hardly fire. Give it at least {ENOUGH_STEPS}, better 100 or more: --steps 100",
            if steps == 1 { "" } else { "s" }
        )
    })
}

/// Adds to the error the program that made the run of the checkpoint at `path`, if it was another program, which may
/// know more names.
fn of_another_program(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let name = path.parent().and_then(program_of);
    let Some(name) = name.filter(|name| name != program::name()) else { return error };
    match error.downcast::<ExperimentError>() {
        Ok(ExperimentError::Text(mut diagnosis)) => {
            diagnosis.notes.push(format!("this run was made with the program {name}, which may know it; use that one"));
            ExperimentError::Text(diagnosis).into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

impl Split {
    /// Name of the images of this split.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Train => "training",
        }
    }
}
