//! The network being viewed, and the samples to show it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use snn_core::registry::Registry;
use snn_core::{Dataset, DatasetKind, Network, Role, Shape, Weights};
use snn_models::{Built, Experiment};
use snn_train::Checkpoint;

use crate::ViewError;

/// The network that is opened by default.
const SHIPPED: &str = "mnist-lenet";

/// A trained network, with the samples to show it.
#[derive(Debug)]
pub struct OpenNetwork {
    /// Short name, such as `mnist-lenet-1/best`.
    pub name: String,
    /// Description of its training progress.
    pub progress: String,
    /// The network and data description built from the experiment.
    pub built: Built,
    /// Number of time steps that it was trained on.
    pub trained_steps: usize,
    /// Its weights.
    pub weights: Weights,
    /// Test samples, or the reason why they cannot be read.
    pub samples: Result<Dataset, String>,
    /// Path and modification time of its file; `None` for the shipped network.
    file: Option<(PathBuf, SystemTime)>,
}

impl OpenNetwork {
    /// Opens a network with the test samples of its data set. `path` is a checkpoint, a run folder, of which the best
    /// checkpoint is opened, or a network of the zoo such as `zoo:mnist-lenet`, which is also the default. The samples
    /// are from the folder `data` or the default locations. `steps` is the number of time steps per trial, by default
    /// the number it was trained on. Without samples, only drawn images can be shown.
    ///
    /// # Errors
    /// [`ViewError`] if there is no checkpoint, if it cannot be read, or if its network does not spike.
    pub fn open(
        registry: &Registry,
        path: Option<&Path>,
        data: Option<&Path>,
        steps: Option<usize>,
    ) -> Result<Self, ViewError> {
        let zoo = match path {
            None => Some(SHIPPED),
            Some(path) => path.to_str().filter(|name| name.starts_with(snn_zoo::PREFIX)),
        };
        let (file, checkpoint) = match (zoo, path) {
            (None, Some(path)) => {
                let file = checkpoint_file(path)?;
                let checkpoint = Checkpoint::load(&file)?;
                (file, checkpoint)
            }
            (name, _) => {
                let entry = snn_zoo::find(name.unwrap_or(SHIPPED))?;
                (PathBuf::from(entry.name), entry.checkpoint()?)
            }
        };
        let name = file.display().to_string();
        let mut experiment = Experiment::from_ron(&checkpoint.experiment, &name, &[], registry)?;
        let trained_steps = experiment.steps;
        if let Some(steps) = steps {
            experiment.steps = steps;
        }
        let mut built = experiment.build(registry)?;
        let populations = built.network.populations();
        if let Some(graded) = populations.first().filter(|_| !populations.iter().any(|p| p.neuron.fires())) {
            return Err(ViewError::NoSpikes(graded.name.clone()));
        }
        // Normalisations are folded into weights and biases, as they act after training. Those that cannot be folded
        // use the kept mean and variance, also in the gradients view.
        let weights = built.network.fold(&checkpoint.weights_for(&built.network)?);
        let folded = built.network.folded();
        let kept: Vec<bool> =
            folded.tensors().iter().map(|tensor| tensor.frozen || tensor.role == Role::Running).collect();
        built.network = folded.freeze(&kept);
        let samples = built.data.load(data).map(|splits| splits.test).map_err(|error| error.to_string());
        let (name, progress) = (short_name(&file), progress(&checkpoint));
        let written = path.filter(|_| zoo.is_none()).and_then(|_| fs::metadata(&file).ok()?.modified().ok());
        let file = written.map(|written| (file, written));
        Ok(Self { name, progress, built, trained_steps, weights, samples, file })
    }

    /// Whether its file has changed since it was opened.
    pub fn is_outdated(&self) -> bool {
        let written = |file: &Path| fs::metadata(file).ok()?.modified().ok();
        self.file.as_ref().is_some_and(|(file, then)| written(file).is_some_and(|now| now > *then))
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.built.network
    }

    /// Time steps of a trial.
    pub fn steps(&self) -> usize {
        self.built.experiment.steps
    }

    /// Shape of an image, or of the event camera's sensor.
    pub fn image(&self) -> Shape {
        self.built.data.shape()
    }

    /// Whether the user can draw images for it: it must accept grey images.
    pub fn can_be_drawn_for(&self) -> bool {
        self.built.data.kind() == DatasetKind::Images && self.image().channels == 1
    }

    /// Name of a class.
    pub fn class_name(&self, class: usize) -> String {
        self.built.data.class_name(class)
    }
}

/// Short name such as `mnist-lenet-1/best`: the folder, if any, and the file name without extension.
fn short_name(file: &Path) -> String {
    let text = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    let (folder, stem) = (text(file.parent().and_then(Path::file_name)), text(file.file_stem()));
    if folder.is_empty() { stem } else { format!("{folder}/{stem}") }
}

fn progress(checkpoint: &Checkpoint) -> String {
    let progress = &checkpoint.progress;
    let trained = match (progress.epoch, progress.update) {
        (1, 0) => "after 1 epoch".to_owned(),
        (epoch, 0) => format!("after {epoch} epochs"),
        (epoch, update) => format!("in epoch {}, after update {update}", epoch + 1),
    };
    let parts = [checkpoint.origin.as_deref(), Some(trained.as_str()), checkpoint.check.short()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The checkpoint file at `path`: the file itself, or the best checkpoint of a run folder.
fn checkpoint_file(path: &Path) -> Result<PathBuf, ViewError> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        return Err(ViewError::Missing(path.to_owned()));
    }
    let mut files = ["best.safetensors", "last.safetensors"].map(|name| path.join(name)).into_iter();
    if let Some(file) = files.find(|file| file.is_file()) {
        return Ok(file);
    }
    let has_run = path.join("experiment.ron").is_file();
    Err(if has_run { ViewError::NoCheckpoint(path.to_owned()) } else { ViewError::NoRun(path.to_owned()) })
}
