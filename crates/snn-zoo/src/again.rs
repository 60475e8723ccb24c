//! The start of a training, done again.

use std::ops::ControlFlow;
use std::time::Duration;

use snn_core::Engine;
use snn_core::registry::Registry;
use snn_models::{Built, Experiment};
use snn_train::{Checkpoint, Event, Observer, RunFolder, TrainingJob, evaluate, fit};

use crate::{First, RecordedUpdate, SampleImages, ZooEntry, ZooError};

/// Updates that are done again.
const UPDATES: usize = 3;

/// What was found, beside what was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// What this program computes.
    pub found: First,
    /// What was recorded for the same arithmetic; none if it was never tried with it.
    pub recorded: Option<First>,
}

impl Again {
    /// Whether every number has the bits that were recorded. None if nothing was recorded for this arithmetic.
    pub fn is_same(&self) -> Option<bool> {
        self.recorded.as_ref().map(|recorded| *recorded == self.found)
    }
}

/// Starts the training of an entry again, for three updates, and shows its weights some test images, on the images that are
/// shipped. None if the observer broke off.
///
/// # Errors
/// [`ZooError`].
pub fn again(
    entry: &ZooEntry,
    engine: &dyn Engine,
    registry: &Registry,
    observer: &mut dyn Observer,
) -> Result<Option<Again>, ZooError> {
    let (experiment, built) = entry.experiment(registry)?;
    let (sample, checkpoint) = (entry.sample()?, entry.checkpoint()?);
    let found = first(engine, (&experiment, &built), &sample, &checkpoint, observer)?;
    let recorded = entry.record()?.first.into_iter().find(|first| first.arithmetic == engine.arithmetic());
    Ok(found.map(|found| Again { found, recorded }))
}

/// The first updates of an experiment, and what the weights of `checkpoint` do, on a sample.
///
/// # Errors
/// [`ZooError::Train`]; [`ZooError::Folder`] if no temporary folder can be made.
pub fn first(
    engine: &dyn Engine,
    (experiment, built): (&Experiment, &Built),
    sample: &SampleImages,
    checkpoint: &Checkpoint,
    observer: &mut dyn Observer,
) -> Result<Option<First>, ZooError> {
    let dir = tempfile::tempdir()?;
    let mut folder = RunFolder::create(dir.path(), &experiment.to_ron())?;
    let job = TrainingJob {
        engine,
        experiment,
        built,
        initial: &built.network.initial_weights(experiment.training.seed),
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
        // Warnings speak of images that are not in the sample.
        let goes_on = matches!(event, Event::Warning { .. }) || observer.on_event(event).is_continue();
        if goes_on && updates.len() < UPDATES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    fit(&job, &mut folder, &mut watch)?;
    if updates.len() < UPDATES {
        return Ok(None);
    }
    let weights = checkpoint.weights_for(&built.network)?;
    let all: Vec<u32> = (0..sample.test.len() as u32).collect();
    let test = evaluate(engine, experiment, built, &weights, &sample.test, &all, observer)?;
    Ok(test.map(|test| First { arithmetic: engine.arithmetic(), updates, test }))
}
