//! The training loop.

mod start;

pub use start::remarks_on;

use std::time::{Duration, Instant};

use snn_core::optimizer::clip_factor;
use snn_core::{Draws, Dropout, Engine, Error, Errors, TrainingSession, Trial, Weights};
use snn_data::{Dataset, Loader};
use snn_models::Built;

use crate::checkpoint::{Best, Checkpoint, FileCheck, NamedTensor, Progress, Sums};
use crate::evaluate::{EvaluationSums, judge};
use crate::{EncodedBatch, Evaluation, Event, Health, Observer, RunFolder, TrainError, evaluate, factor, rates};

/// Default for [`TrainingJob::save_every`].
pub const SAVE_EVERY: Duration = Duration::from_mins(1);

/// A loss of this many times that of the first batch counts as divergence.
const RUNAWAY: f64 = 1e6;

/// The inputs of a training run.
#[derive(Clone, Copy)]
pub struct TrainingJob<'a> {
    /// The engine to compute on.
    pub engine: &'a dyn Engine,
    /// The experiment, with the network and the components built from it.
    pub built: &'a Built,
    /// Initial weights; ignored if the run resumes from a checkpoint.
    pub initial: &'a Weights,
    /// Training images. Those that the experiment's `training.validation` selects are held out for validation.
    pub train: &'a Dataset,
    /// Test images.
    pub test: &'a Dataset,
    /// Interval between checkpoints within an epoch. Does not affect the results.
    pub save_every: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOutcome {
    /// All epochs are done.
    Finished {
        /// Epoch of the best weights, from 0.
        best_epoch: usize,
        /// Evaluation of the best weights on the test images.
        test: Evaluation,
    },
    /// The observer stopped the run. The checkpoint is saved, and the run can be resumed.
    Stopped {
        /// Epoch, from 0.
        epoch: usize,
        /// Number of batches done in the epoch.
        update: usize,
    },
}

/// Trains in `folder` until all epochs are done or `observer` stops the run; then tests the best weights. Starts from
/// the folder's last checkpoint, if there is one. The best weights are those with the highest validation accuracy, the
/// first of equals; without validation images, the last ones.
///
/// # Errors
/// [`TrainError::Setup`] and [`TrainError::Mismatch`] if the parts do not match each other or the checkpoint;
/// [`TrainError::Diverged`] if loss or gradient become non-finite or far too large; [`TrainError::File`];
/// [`TrainError::Core`].
pub fn fit(
    job: &TrainingJob<'_>,
    folder: &mut RunFolder,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, TrainError> {
    let mut run = ActiveRun::start(job, folder, observer)?;
    run.run_on().map_err(|error| run.as_divergence(error)).inspect_err(|error| run.record_end(error))
}

/// State of a run in progress.
struct ActiveRun<'a> {
    job: &'a TrainingJob<'a>,
    folder: &'a mut RunFolder,
    observer: &'a mut dyn Observer,
    learning: TrainingSession,
    loader: Loader<'a>,
    /// Indices of the training images held out for validation.
    held_out: Vec<u32>,
    progress: Progress,
    health: Health,
    /// Whether the observer asked to stop.
    stop: bool,
    saved: Instant,
    epoch_started: Instant,
}

impl ActiveRun<'_> {
    fn run_on(&mut self) -> Result<RunOutcome, TrainError> {
        while self.progress.epoch < self.job.built.experiment.training.epochs {
            while self.progress.update < self.loader.batches() && !self.stop {
                self.learn()?;
                if self.saved.elapsed() >= self.job.save_every {
                    self.save()?;
                }
            }
            if self.stop || !self.end_epoch()? {
                return self.stopped();
            }
        }
        if self.stop { self.stopped() } else { self.finish() }
    }

    /// Trains on the next batch: forward pass, backward pass, weight update, event.
    fn learn(&mut self) -> Result<(), TrainError> {
        let started = Instant::now();
        let &TrainingJob { built, .. } = self.job;
        let training = &built.experiment.training;
        let (Progress { epoch, update, .. }, batches) = (self.progress, self.loader.batches());
        let Some(batch) = self.loader.batch(epoch as u32, update) else { return Ok(()) };

        let draws = Draws { seed: training.seed, epoch: epoch as u32, samples: &batch.samples };
        let shown = EncodedBatch::new(built, built.experiment.steps, batch);
        let dropout = if epoch < training.dropout_from { Dropout::Off } else { Dropout::Drawn(draws) };
        let activity = self.learning.forward(&Trial { stimulus: shown.stimulus(draws), dropout })?;
        let judgement = judge(built, &activity, &batch.labels, Some(epoch));
        let mut tally = EvaluationSums::default();
        tally.add(&activity, &judgement, &batch.labels);
        let loss = (tally.loss / tally.images as f64) as f32;
        self.check_loss("loss", f64::from(loss))?;

        let errors = Errors { output: &judgement.grades.d_output, emitted: &judgement.d_emitted };
        let gradient = self.learning.backward(errors)?;
        if !(gradient as f32).is_finite() {
            return Err(TrainError::NotFinite("the gradient is not finite".to_owned()));
        }
        let scale = training.clip.map_or(1.0, |limit| clip_factor(gradient, limit));
        let lr =
            training.optimizer.learning_rate() * factor(&training.schedule, epoch, update, batches, training.epochs);
        self.learning.update(scale, lr)?;

        self.progress.update += 1;
        self.progress.updates += 1;
        self.progress.sums.add(&tally);
        let update = self.progress.update;
        let rates = rates(&built.network, built.experiment.steps, tally.images, &tally.spikes);
        let warnings = self.health.observe(f64::from(loss), &rates);
        self.emit(&Event::Update {
            epoch,
            update,
            loss,
            accuracy: tally.correct as f32 / tally.images as f32,
            lr,
            gradient: gradient as f32,
            millis: started.elapsed().as_secs_f32() * 1e3,
            rates,
        })?;
        warnings.into_iter().try_for_each(|message| self.emit(&Event::Warning { epoch, update, message }))
    }

    /// Checks that a mean loss is finite and at most a million times that of the first batch. A larger one shows that
    /// weights diverge, even if they are still finite.
    fn check_loss(&mut self, what: &str, loss: f64) -> Result<(), TrainError> {
        let first = &mut self.progress.first_loss;
        if *first == 0.0 && loss > 0.0 && loss.is_finite() {
            *first = loss;
        }
        if !loss.is_finite() {
            Err(TrainError::NotFinite(format!("the {what} is not finite")))
        } else if loss > RUNAWAY * *first {
            Err(TrainError::NotFinite(format!("the {what} has grown from {first:.3e} to {loss:.3e}")))
        } else {
            Ok(())
        }
    }

    /// Converts errors about non-finite or runaway numbers to a divergence at the current batch.
    fn as_divergence(&self, error: TrainError) -> TrainError {
        let Progress { epoch, update, updates, .. } = self.progress;
        let (reason, has_learned) = match error {
            TrainError::Core(error @ Error::NotFinite { .. }) => (error.to_string(), true),
            TrainError::NotFinite(reason) => (reason, updates > 0),
            other => return other,
        };
        let last = self.job.built.experiment.training.epochs - 1;
        let update = if epoch > last { self.loader.batches() } else { self.loader.batches().min(update + 1) };
        let checkpoint = self.folder.last();
        TrainError::Diverged { reason, epoch: epoch.min(last), update, has_learned, checkpoint }
    }

    /// Records a warning if the run ends by diverging, for later readers of the records.
    fn record_end(&mut self, error: &TrainError) {
        if matches!(error, TrainError::Diverged { .. }) {
            let Progress { epoch, update, .. } = self.progress;
            // The caller gets the error itself, so a failure to record it is ignored.
            self.folder.record(&Event::Warning { epoch, update, message: error.to_string() }).ok();
        }
    }

    /// Ends an epoch: validates, keeps the best weights and saves. Returns false if the observer stopped the
    /// validation, which is repeated when the run resumes.
    ///
    /// The best weights are saved first. If the process is killed between the two saves, the run repeats the rest of
    /// the epoch from the last checkpoint and saves the same best weights again.
    fn end_epoch(&mut self) -> Result<bool, TrainError> {
        let &TrainingJob { engine, built, train, .. } = self.job;
        let Progress { epoch, sums, best, .. } = self.progress;
        let held_out = &self.held_out;
        let mut validation = None;
        if !held_out.is_empty() {
            let weights = self.learning.inference_weights()?;
            validation = evaluate(engine, built, &weights, train, held_out, self.observer)
                .map_err(|error| on("validation", error))?;
            let Some(validation) = &validation else { return Ok(false) };
            self.check_loss("validation loss", validation.loss)?;
        }
        let accuracy = validation.as_ref().map(|validation| validation.accuracy);
        let is_best = accuracy.is_none() || best.is_none_or(|best| best.accuracy < accuracy);
        self.progress = Progress { epoch: epoch + 1, update: 0, sums: Sums::default(), ..self.progress };
        if is_best {
            self.progress.best = Some(Best { epoch, accuracy });
            let weights = self.learning.inference_weights()?;
            self.checkpoint(&weights, Vec::new()).save(&self.folder.best())?;
        }
        self.emit(&Event::Epoch {
            epoch,
            loss: sums.loss / sums.images as f64,
            accuracy: sums.correct as f64 / sums.images as f64,
            validation_loss: validation.map(|validation| validation.loss),
            validation_accuracy: accuracy,
            best: is_best,
            spikes: sums.spikes as f64 / sums.images as f64,
            seconds: self.epoch_started.elapsed().as_secs_f64(),
        })?;
        self.epoch_started = Instant::now();
        self.save()?;
        Ok(true)
    }

    /// Tests the best weights.
    fn finish(&mut self) -> Result<RunOutcome, TrainError> {
        let &TrainingJob { engine, built, test, .. } = self.job;
        let best = self.best(true)?;
        if best.experiment != self.folder.experiment() {
            let Progress { epoch, update, .. } = self.progress;
            let message = "best.safetensors was saved for another experiment than the one in experiment.ron".to_owned();
            self.notify(&Event::Warning { epoch, update, message });
        }
        let weights = best.weights_for(&built.network)?;
        let all: Vec<u32> = (0..test.len() as u32).collect();
        let test = evaluate(engine, built, &weights, test, &all, self.observer).map_err(|error| on("test", error))?;
        let Some(test) = test else { return self.stopped() };
        self.check_loss("test loss", test.loss)?;
        let best_epoch = best.progress.best.map_or(0, |best| best.epoch);
        self.emit(&Event::Finished { best_epoch, test: test.clone() })?;
        Ok(RunOutcome::Finished { best_epoch, test })
    }

    /// Loads `best.safetensors` and checks that it holds the best weights of this run. Before the end of the run, the
    /// file may be from an epoch that the last checkpoint does not include. That epoch is then repeated.
    fn best(&self, is_end: bool) -> Result<Checkpoint, TrainError> {
        let refuse = |reason| Err(TrainError::Checkpoint { path: self.folder.best(), reason });
        let Progress { seed, images, best, .. } = self.progress;
        if !self.folder.best().exists() {
            return refuse(
                "it is gone, and the best weights of the run with it; put it back, or copy last.safetensors to this name: \
                 the last weights then count as the best so far"
                    .to_owned(),
            );
        }
        let found = Checkpoint::load(&self.folder.best())?;
        if let Some(caution) = found.check.caution() {
            return refuse(format!("{caution}; it is not tested. The last weights of the run are in last.safetensors"));
        }
        let is_ahead = !is_end && found.progress.best.map(|best| best.epoch) > best.map(|best| best.epoch);
        let is_own = (found.progress.seed, found.progress.images) == (seed, images);
        if !(is_own && (is_ahead || found.progress.best == best)) {
            return refuse(
                "it is of another run, so it is not tested; put the run's own file back. The last weights of the run are in \
                 last.safetensors"
                    .to_owned(),
            );
        }
        Ok(found)
    }

    fn stopped(&mut self) -> Result<RunOutcome, TrainError> {
        // A calibration that was stopped leaves no checkpoint, so that it is repeated when the run resumes.
        if self.folder.last().exists() {
            self.save()?;
        }
        let Progress { epoch, update, .. } = self.progress;
        Ok(RunOutcome::Stopped { epoch, update })
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let remembered = self.learning.optimizer_state()?;
        let (network, rule) = (&self.job.built.network, self.job.built.experiment.training.optimizer);
        let state = Checkpoint::optimizer_tensors(network, rule, self.learning.keeps_average(), &remembered);
        let weights = self.learning.weights()?.clone();
        let checkpoint = self.checkpoint(&weights, state);
        self.folder.save_last(&checkpoint)?;
        self.saved = Instant::now();
        let Progress { epoch, update, .. } = self.progress;
        self.notify(&Event::Saved { epoch, update, path: self.folder.last() });
        Ok(())
    }

    /// A checkpoint of the current state, with the given optimizer state.
    fn checkpoint(&self, weights: &Weights, optimizer: Vec<NamedTensor>) -> Checkpoint {
        Checkpoint {
            experiment: self.folder.experiment().to_owned(),
            origin: None,
            progress: self.progress,
            weights: Checkpoint::tensors(&self.job.built.network, weights),
            optimizer,
            arithmetic: self.job.engine.arithmetic(),
            check: FileCheck::Holds,
        }
    }

    /// Records an event and notifies the observer.
    fn emit(&mut self, event: &Event) -> Result<(), TrainError> {
        self.folder.record(event)?;
        self.notify(event);
        Ok(())
    }

    /// Notifies the observer without recording the event.
    fn notify(&mut self, event: &Event) {
        self.stop |= self.observer.on_event(event).is_break();
    }
}

/// Adds the name of the image set to an error of an evaluation.
fn on(images: &str, error: TrainError) -> TrainError {
    match error {
        TrainError::NotFinite(reason) => TrainError::NotFinite(format!("{reason}, on the {images} images")),
        other => other,
    }
}

impl Sums {
    fn add(&mut self, tally: &EvaluationSums) {
        self.images += tally.images as u64;
        self.correct += tally.correct;
        self.spikes += tally.spikes.iter().sum::<u64>();
        self.loss += tally.loss;
    }
}
