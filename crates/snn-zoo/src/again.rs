//! Reproduction of the start of a training run.

use std::ops::ControlFlow;
use std::time::Duration;

use snn_core::Engine;
use snn_core::registry::Registry;
use snn_models::Built;
use snn_train::{Checkpoint, Event, Observer, RunFolder, TrainingJob, evaluate, fit};

use crate::{First, RecordedUpdate, SampleImages, ZooEntry, ZooError};

/// Number of updates to reproduce.
const UPDATES: usize = 3;

/// The reproduced start of a run, and the recorded one.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// Result computed by this program.
    pub found: First,
    /// Recorded result for the same arithmetic; `None` if none was recorded.
    pub recorded: Option<First>,
}

impl Again {
    /// Whether every number matches the record bit by bit. `None` if nothing was recorded for this arithmetic.
    pub fn is_same(&self) -> Option<bool> {
        self.recorded.as_ref().map(|recorded| *recorded == self.found)
    }
}

/// Repeats the first three training updates of an entry, and evaluates its weights on some test images, using the
/// shipped images. Returns `None` if the observer stops it.
///
/// # Errors
/// [`ZooError`].
pub fn again(
    entry: &ZooEntry,
    engine: &dyn Engine,
    registry: &Registry,
    observer: &mut dyn Observer,
) -> Result<Option<Again>, ZooError> {
    let built = entry.built(registry)?;
    let (sample, checkpoint) = (entry.sample()?, entry.checkpoint()?);
    let found = first(engine, &built, &sample, &checkpoint, observer)?;
    let recorded = entry.record()?.first.into_iter().find(|first| first.arithmetic == engine.arithmetic());
    Ok(found.map(|found| Again { found, recorded }))
}

/// Computes the first updates of an experiment, and evaluates the weights of `checkpoint`, on a sample of images.
///
/// # Errors
/// [`ZooError::Train`]; [`ZooError::Folder`] if a temporary folder cannot be created.
pub fn first(
    engine: &dyn Engine,
    built: &Built,
    sample: &SampleImages,
    checkpoint: &Checkpoint,
    observer: &mut dyn Observer,
) -> Result<Option<First>, ZooError> {
    let dir = tempfile::tempdir()?;
    let mut folder = RunFolder::create(dir.path(), &built.experiment.to_ron())?;
    let job = TrainingJob {
        engine,
        built,
        initial: &built.network.initial_weights(built.experiment.training.seed),
        train: &sample.train,
        test: &sample.test,
        save_every: Duration::MAX,
    };
    let mut updates = Vec::new();
    let mut watch = |event: &Event| {
        if let Event::Update { loss, gradient, rates, .. } = event {
            let rates = rates.iter().map(|(_, rate)| *rate).collect();
            updates.push(RecordedUpdate { loss: *loss, gradient: *gradient, rates });
        }
        // Warnings are not passed on: they would concern images that are not in the sample.
        let goes_on = matches!(event, Event::Warning { .. }) || observer.on_event(event).is_continue();
        if goes_on && updates.len() < UPDATES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    fit(&job, &mut folder, &mut watch)?;
    if updates.len() < UPDATES {
        return Ok(None);
    }
    let weights = checkpoint.weights_for(&built.network)?;
    let all: Vec<u32> = (0..sample.test.len() as u32).collect();
    let test = evaluate(engine, built, &weights, &sample.test, &all, observer)?;
    Ok(test.map(|test| First { arithmetic: engine.arithmetic(), updates, test }))
}
