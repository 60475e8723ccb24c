//! Start of a run, from scratch or from a checkpoint.

use std::time::Instant;

use snn_core::{DatasetKind, HoldOut, Plan, TrainingSession};
use snn_data::{Dataset, Loader};
use snn_models::experiment::Start;

use super::{ActiveRun, TrainingJob};
use crate::checkpoint::Progress;
use crate::evaluate::check_data;
use crate::event::SCHEMA;
use crate::{Event, Health, Observer, RunFolder, TrainError, calibrate};

impl<'a> ActiveRun<'a> {
    /// Checks the job, compiles the network, and loads the checkpoint if there is one.
    pub(super) fn start(
        job: &'a TrainingJob<'a>,
        folder: &'a mut RunFolder,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let &TrainingJob { engine, built, train, .. } = job;
        let network = &built.network;
        let training = &built.experiment.training;
        job.check()?;
        let [learned, held_out] = training.validation.split(train.labels());
        let images = learned.len();
        let batch = training.batch.min(images);
        let plan = Plan { chunk: training.chunk, ..built.input.plan(built.experiment.steps, batch).train() };
        let mut run = Self {
            job,
            learning: TrainingSession::new(
                engine.compile(network, plan)?,
                network,
                training.optimizer,
                training.average,
                job.initial,
            )?,
            loader: Loader::shuffled(train, learned, batch, training.seed, training.augmentation),
            held_out,
            progress: Progress { seed: training.seed, images, ..Progress::default() },
            health: Health::default(),
            stop: false,
            saved: Instant::now(),
            epoch_started: Instant::now(),
            folder,
            observer,
        };
        run.take_up()?;
        Ok(run)
    }

    /// Restores the state from the folder's checkpoint, or saves a first checkpoint if there is none.
    fn take_up(&mut self) -> Result<(), TrainError> {
        let checkpoint = self.folder.checkpoint()?;
        if let Some(checkpoint) = &checkpoint {
            if let Some(caution) = checkpoint.check.caution() {
                let reason = format!(
                    "{caution}. A run goes on only from a checkpoint that is as it was saved, since it promises the same \
                     bits; start a new run, or put an older copy of the file back"
                );
                return Err(TrainError::Checkpoint { path: self.folder.last(), reason });
            }
            self.check_progress(&checkpoint.progress)?;
            self.progress = checkpoint.progress;
            let (network, rule) = (&self.job.built.network, self.job.built.experiment.training.optimizer);
            checkpoint.restore(&mut self.learning, network, rule)?;
            if self.progress.best.is_some() {
                self.best(false)?; // report a missing file before hours of training
            }
        }
        let Progress { epoch, update, .. } = self.progress;
        let recorded = self.folder.rewind(checkpoint.as_ref().map(|_| (epoch, update)), &mut self.health)?;

        let started = self.started();
        if recorded {
            self.notify(&started);
        } else {
            self.emit(&started)?;
        }
        let warn = |message: String| Event::Warning { epoch, update, message };
        let Some(checkpoint) = checkpoint else {
            if self.held_out.is_empty() {
                let message = "there are no validation images: the last weights count as the best";
                self.emit(&warn(message.to_owned()))?;
            }
            for message in self.job.remarks() {
                self.emit(&warn(message))?;
            }
            return if self.calibrate()? { self.save() } else { Ok(()) };
        };
        if checkpoint.experiment != self.folder.experiment() {
            self.notify(&warn(
                "experiment.ron was changed since the checkpoint was saved: this run will not be what either \
                 experiment gives from the start"
                    .to_owned(),
            ));
        }
        let (before, now) = (&checkpoint.arithmetic, self.job.engine.arithmetic());
        if *before != now {
            self.notify(&warn(format!(
                "the run was computed by \"{before}\" so far and goes on by \"{now}\": its weights will not have the bits \
                 that either gives from the start to the end"
            )));
        }
        Ok(())
    }

    /// Calibrates the initial weights, if the experiment asks for it. Returns false if the calibration was stopped.
    fn calibrate(&mut self) -> Result<bool, TrainError> {
        let &TrainingJob { engine, built, train, initial, .. } = self.job;
        if !matches!(built.experiment.start, Start::Calibrated { .. }) {
            return Ok(true);
        }
        let mut weights = initial.clone();
        let found = calibrate(engine, built, train, &mut weights, self.observer)?;
        let Some(populations) = found else {
            self.stop = true;
            return Ok(false);
        };
        self.learning.begin(weights)?;
        self.emit(&Event::Calibrated { populations })?;
        Ok(true)
    }

    fn check_progress(&self, found: &Progress) -> Result<(), TrainError> {
        let fail = |reason| Err(TrainError::Setup { what: self.folder.last().display().to_string(), reason });
        let Progress { seed, images, .. } = self.progress;
        if found.images != images {
            return fail(format!(
                "the run was trained on {} images, now there are {images}; resume it with the same data and limit",
                found.images
            ));
        }
        if found.seed != seed {
            return fail(format!(
                "the run has seed {}, the experiment {seed}; resume it with its own seed",
                found.seed
            ));
        }
        let batches = self.loader.batches();
        if found.update > batches {
            return fail(format!(
                "the run stands at batch {} of an epoch, and an epoch has {batches}; resume it with its own batch size",
                found.update
            ));
        }
        let shown = images.min(found.update * self.job.built.experiment.training.batch) as u64;
        if found.sums.images != shown {
            return fail(format!(
                "the run stands at batch {}, after {shown} images of the epoch, but has counted {}; resume it with its \
                 own batch size",
                found.update, found.sums.images
            ));
        }
        let epochs = self.job.built.experiment.training.epochs;
        if found.epoch > epochs {
            return fail(format!("the run has done {} epochs, and the experiment has {epochs}", found.epoch));
        }
        Ok(())
    }

    fn started(&self) -> Event {
        let TrainingJob { engine, built, test, .. } = self.job;
        Event::Started {
            schema: SCHEMA,
            engine: engine.describe(),
            bytes: self.learning.memory().total(),
            parameters: built.network.parameters(),
            images: self.progress.images,
            validation: self.held_out.len(),
            test: test.len(),
            epochs: built.experiment.training.epochs,
            updates: self.loader.batches(),
            epoch: self.progress.epoch,
            update: self.progress.update,
            program: program(),
        }
    }
}

/// Name of the running program.
fn program() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// Remarks on the given `samples` of `data`, the `name` images: classes without any of them, and the number of
/// recordings without events.
pub fn remarks_on(name: &str, data: &Dataset, samples: &[u32]) -> Vec<String> {
    let missing: Vec<String> = data.missing_classes(samples).iter().map(ToString::to_string).collect();
    let (what, blank) = (if data.kind() == DatasetKind::Images { "image" } else { "recording" }, data.blank(samples));
    let classes = match missing.as_slice() {
        [] => None,
        [class] => Some(format!("class {class} has no {name} {what}")),
        [first @ .., last] => Some(format!("classes {} and {last} have no {name} {what}", first.join(", "))),
    };
    let blank = (blank > 0).then(|| format!("{blank} of {} {name} recordings hold no event", samples.len()));
    classes.into_iter().chain(blank).collect()
}

impl TrainingJob<'_> {
    /// Remarks on the data before training: classes without images, recordings without events, and remarks of the data
    /// set's reader.
    pub(super) fn remarks(&self) -> Vec<String> {
        let &TrainingJob { built, train, test, .. } = self;
        let [learned, held_out] = built.experiment.training.validation.split(train.labels());
        let all: Vec<u32> = (0..test.len() as u32).collect();
        let parts = [("training", train, learned), ("validation", train, held_out), ("test", test, all)];
        let parts = parts.iter().filter(|(_, _, samples)| !samples.is_empty());
        let of_part = parts.flat_map(|(name, data, samples)| remarks_on(name, data, samples));
        let of_part = of_part.map(|remark| match built.experiment.training.validation {
            HoldOut::Last(count) if remark.contains("validation image") => {
                format!(
                    "{remark}, as training.validation takes the last ones; {count} would spread them over the classes"
                )
            }
            _ => remark,
        });
        of_part.chain(train.notes().iter().chain(test.notes()).cloned()).collect()
    }

    /// Checks the preconditions of the run, such as that there are training images. [`fit`](crate::fit) calls this too.
    /// Calling it earlier avoids creating a folder for a run that cannot start.
    ///
    /// # Errors
    /// A [`TrainError`] that says what does not match, and what would.
    pub fn check(&self) -> Result<(), TrainError> {
        let training = &self.built.experiment.training;
        for (what, count) in [("training.epochs", training.epochs), ("training.batch", training.batch)] {
            if count == 0 || count >= u32::MAX as usize {
                return Err(TrainError::setup(what, format!("must be 1 to {}, found {count}", u32::MAX - 1)));
            }
        }
        let images = self.train.len();
        if training.validation.count() >= images {
            let reason = format!(
                "{} of {images} training images leave none to learn; hold out fewer, for example with --set \
                 training.validation={}",
                training.validation.count(),
                images / 10
            );
            return Err(TrainError::setup("training.validation", reason));
        }
        if self.test.is_empty() {
            return Err(TrainError::setup("test images", "at least 1 expected, found 0".to_owned()));
        }
        check_data(self.built, self.train)?;
        check_data(self.built, self.test)?;
        Ok(self.built.network.check_weights(self.initial)?)
    }
}
