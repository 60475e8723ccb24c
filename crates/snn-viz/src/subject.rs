//! What is looked at: a trained network, and the samples to show it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use snn_core::registry::Registry;
use snn_core::{Dataset, DatasetKind, Network, Role, Shape, Weights};
use snn_models::{Built, Experiment};
use snn_train::Checkpoint;

use crate::ViewError;

/// The network that is opened unless another is named.
const SHIPPED: &str = "mnist-lenet";

/// A trained network, and the samples to show it.
#[derive(Debug)]
pub struct OpenNetwork {
    /// Short name, such as `mnist-lenet-1/best`.
    pub name: String,
    /// How far its training had come, in words.
    pub progress: String,
    /// The experiment that trained it.
    pub experiment: Experiment,
    /// What the experiment's names stand for.
    pub built: Built,
    /// Time steps that it was trained on.
    pub trained_steps: usize,
    /// Its weights.
    pub weights: Weights,
    /// Test samples; where they cannot be read, why.
    pub samples: Result<Dataset, String>,
    /// Its file, and when that was written; none for the network that is shipped.
    file: Option<(PathBuf, SystemTime)>,
}

impl OpenNetwork {
    /// Opens the checkpoint at `path`, the best one of the run in the folder `path`, or the network of the zoo that it names, as
    /// in `zoo:mnist-lenet`, which is also opened without `path`. It comes with the test samples of its data set, from the folder
    /// `data` or where they are usually found, to be shown for `steps` time steps, or for as many as it was trained on. Without
    /// samples, drawn images can be shown.
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
        // Normalisations are shown as what they are once training is done: a part of weights and biases. Those that cannot be
        // go by what is kept, in the view of gradients too.
        let weights = built.network.fold(&checkpoint.weights_for(&built.network)?);
        let folded = built.network.folded();
        let kept: Vec<bool> =
            folded.tensors().iter().map(|tensor| tensor.frozen || tensor.role == Role::Running).collect();
        built.network = folded.freeze(&kept);
        let samples = built.data.load(data).map(|splits| splits.test).map_err(|error| error.to_string());
        let (name, progress) = (short_name(&file), progress(&checkpoint));
        let written = path.filter(|_| zoo.is_none()).and_then(|_| fs::metadata(&file).ok()?.modified().ok());
        let file = written.map(|written| (file, written));
        Ok(Self { name, progress, experiment, built, trained_steps, weights, samples, file })
    }

    /// Whether its file was written anew since it was opened.
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
        self.experiment.steps
    }

    /// Shape of an image or of the sensor.
    pub fn image(&self) -> Shape {
        self.built.data.shape()
    }

    /// Whether images can be drawn for it: it takes grey images.
    pub fn can_be_drawn_for(&self) -> bool {
        self.built.data.kind() == DatasetKind::Images && self.image().channels == 1
    }

    /// Name of a class.
    pub fn class_name(&self, class: usize) -> String {
        self.built.data.class_name(class)
    }
}

/// `mnist-lenet-1/best`: the folder, if it has one, and the file.
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

/// The checkpoint that `path` names: itself, or the best one of a run folder.
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
