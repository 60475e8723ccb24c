//! The training loop.

pub(crate) mod learning;
mod start;

use std::time::{Duration, Instant};

use snn_core::{Draws, Dropout, Engine, Errors, Trial, Weights};
use snn_data::{Dataset, Loader};
use snn_models::{Built, Experiment};

use crate::checkpoint::{Best, Checkpoint, Progress, Sums, Tensor};
use crate::evaluate::{Tally, judge};
use crate::optimizer::clip_factor;
use crate::{Evaluation, Event, Health, Observer, RunFolder, Shown, TrainError, evaluate, factor, rates};
use learning::Learning;

/// The usual [`Job::save_every`].
pub const SAVE_EVERY: Duration = Duration::from_mins(1);

/// What is trained, on what, and with what.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What computes.
    pub engine: &'a dyn Engine,
    /// Time steps and training.
    pub experiment: &'a Experiment,
    /// What the names of the experiment stand for.
    pub built: &'a Built,
    /// Weights at the start; not used where a run goes on from a checkpoint.
    pub initial: &'a Weights,
    /// Training images; the last `experiment.training.validation` of them are for validation.
    pub train: &'a Dataset,
    /// Test images.
    pub test: &'a Dataset,
    /// Time after which a checkpoint is due within an epoch. It has no influence on what is computed.
    pub save_every: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All epochs are done.
    Finished {
        /// Epoch of the best weights, from 0.
        best_epoch: usize,
        /// The best weights on the test images.
        test: Evaluation,
    },
    /// The observer broke off; the checkpoint is saved, and the run can be resumed.
    Stopped {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done in it.
        step: usize,
    },
}

/// Trains in `folder` from where its last checkpoint stands, or else from the start, until all epochs are done or
/// `observer` breaks off; then tests the best weights. The weights with the highest validation accuracy are the best,
/// the first of equals; without validation images it is the last ones.
///
/// # Errors
/// [`TrainError::Setup`] and [`TrainError::Mismatch`] if the parts do not fit each other or the checkpoint;
/// [`TrainError::Diverged`] if loss or gradient cease to be finite; [`TrainError::File`]; [`TrainError::Core`].
pub fn fit(job: &Job<'_>, folder: &mut RunFolder, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
    let mut run = Run::start(job, folder, observer)?;
    while run.progress.epoch < job.experiment.training.epochs {
        while run.progress.step < run.loader.batches() && !run.stop {
            run.learn()?;
            if run.saved.elapsed() >= job.save_every {
                run.save()?;
            }
        }
        if run.stop || !run.end_epoch()? {
            return run.stopped();
        }
    }
    if run.stop {
        return run.stopped();
    }
    run.finish()
}

/// A run in the making.
struct Run<'a> {
    job: &'a Job<'a>,
    folder: &'a mut RunFolder,
    observer: &'a mut dyn Observer,
    learning: Learning<'a>,
    loader: Loader<'a>,
    progress: Progress,
    health: Health,
    /// Whether the observer broke off.
    stop: bool,
    saved: Instant,
    epoch_started: Instant,
}

impl Run<'_> {
    /// Learns the next batch: show it, go back through it, update the weights, tell of it.
    fn learn(&mut self) -> Result<(), TrainError> {
        let started = Instant::now();
        let &Job { experiment, built, .. } = self.job;
        let training = &experiment.training;
        let (Progress { epoch, step, .. }, batches) = (self.progress, self.loader.batches());
        let Some(batch) = self.loader.batch(epoch as u32, step) else { return Ok(()) };

        let draws = Draws { seed: training.seed, epoch: epoch as u32, samples: &batch.samples };
        let shown = Shown::new(built, experiment.steps, batch);
        let activity =
            self.learning.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Drawn(draws) })?;
        let judgement = judge(experiment, built, &activity, &batch.labels);
        let mut tally = Tally::default();
        tally.add(&activity, &judgement, &batch.labels);
        self.check_finite("the loss", tally.loss)?;

        let errors = Errors { output: &judgement.grades.d_output, emitted: &judgement.d_emitted };
        let gradient = self.learning.backward(errors)?;
        self.check_finite("the gradient", gradient)?;
        let scale = training.clip.map_or(1.0, |limit| clip_factor(gradient, limit));
        let rate = training.optimizer.rate() * factor(&training.schedule, epoch, step, batches, training.epochs);
        self.learning.update(scale, rate)?;

        self.progress.step += 1;
        self.progress.updates += 1;
        self.progress.sums.add(&tally);
        let step = self.progress.step;
        let rates = rates(&built.network, experiment.steps, tally.images, &tally.spikes);
        let warnings = self.health.observe(&rates);
        self.emit(&Event::Step {
            epoch,
            step,
            loss: (tally.loss / tally.images as f64) as f32,
            accuracy: tally.correct as f32 / tally.images as f32,
            rate,
            gradient: gradient as f32,
            millis: started.elapsed().as_secs_f32() * 1e3,
            rates,
        })?;
        warnings.into_iter().try_for_each(|message| self.emit(&Event::Warning { epoch, step, message }))
    }

    fn check_finite(&self, what: &'static str, value: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let Progress { epoch, step, .. } = self.progress;
        Err(TrainError::Diverged { what, epoch, step: step + 1, checkpoint: self.folder.last() })
    }

    /// Validates, keeps the best weights and saves. False if the observer broke off the validation, which is then done
    /// anew when the run goes on.
    ///
    /// The best weights are saved first: killed in between, the run learns the rest of the epoch anew from the last
    /// checkpoint and saves the same best weights again.
    fn end_epoch(&mut self) -> Result<bool, TrainError> {
        let &Job { engine, experiment, built, train, .. } = self.job;
        let Progress { epoch, images, sums, best, .. } = self.progress;
        let held_out = images..train.len();
        let mut validation = None;
        if !held_out.is_empty() {
            validation = evaluate(engine, experiment, built, self.learning.weights()?, train, held_out, self.observer)?;
            if validation.is_none() {
                return Ok(false);
            }
        }
        let accuracy = validation.as_ref().map(|validation| validation.accuracy);
        let is_best = accuracy.is_none() || best.is_none_or(|best| best.accuracy < accuracy);
        self.progress = Progress { epoch: epoch + 1, step: 0, sums: Sums::default(), ..self.progress };
        if is_best {
            self.progress.best = Some(Best { epoch, accuracy });
            self.checkpoint(Vec::new())?.save(&self.folder.best())?;
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
    fn finish(mut self) -> Result<Outcome, TrainError> {
        let &Job { engine, experiment, built, test, .. } = self.job;
        let best = Checkpoint::load(&self.folder.best())?;
        let weights = best.weights_for(&built.network)?;
        let test = evaluate(engine, experiment, built, &weights, test, 0..test.len(), self.observer)?;
        let Some(test) = test else { return self.stopped() };
        let best_epoch = best.progress.best.map_or(0, |best| best.epoch);
        self.emit(&Event::Finished { best_epoch, test: test.clone() })?;
        Ok(Outcome::Finished { best_epoch, test })
    }

    fn stopped(mut self) -> Result<Outcome, TrainError> {
        self.save()?;
        let Progress { epoch, step, .. } = self.progress;
        Ok(Outcome::Stopped { epoch, step })
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let memories = self.learning.memories()?;
        let checkpoint = self.checkpoint(memories)?;
        self.folder.save_last(&checkpoint)?;
        self.saved = Instant::now();
        let Progress { epoch, step, .. } = self.progress;
        self.notify(&Event::Saved { epoch, step, path: self.folder.last() });
        Ok(())
    }

    /// Where the run stands, with `optimizer` for what the update rule remembers.
    fn checkpoint(&mut self, optimizer: Vec<Tensor>) -> Result<Checkpoint, TrainError> {
        Ok(Checkpoint {
            experiment: self.folder.experiment().to_owned(),
            origin: None,
            progress: self.progress,
            weights: Checkpoint::tensors(&self.job.built.network, self.learning.weights()?),
            optimizer,
        })
    }

    /// Records an event and tells the observer.
    fn emit(&mut self, event: &Event) -> Result<(), TrainError> {
        self.folder.record(event)?;
        self.notify(event);
        Ok(())
    }

    /// Tells the observer alone.
    fn notify(&mut self, event: &Event) {
        self.stop |= self.observer.on_event(event).is_break();
    }
}

impl Sums {
    fn add(&mut self, tally: &Tally) {
        self.images += tally.images as u64;
        self.correct += tally.correct;
        self.spikes += tally.spikes.iter().sum::<u64>();
        self.loss += tally.loss;
    }
}
