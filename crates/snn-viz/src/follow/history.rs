//! Summary of the records of a run, in bounded memory.

use std::collections::VecDeque;

use snn_train::{EVENT_SCHEMAS, Evaluation, Event, Health, RecordOrder};

use super::series::Series;

/// Number of latest updates whose durations are averaged.
const LATEST: usize = 50;

/// Maximum number of messages of a kind that are kept.
const MOST_MESSAGES: usize = 20;

/// Metrics of a run according to its records so far.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Data of the run's start; `None` before the first record.
    pub start: Option<Beginning>,
    /// Schema version of the records, if it is not the supported one.
    pub foreign: Option<u32>,
    /// Number of complete epochs, and of updates in the current one.
    pub position: (usize, usize),
    /// Loss per image, at each update.
    pub loss: Series,
    /// Accuracy on the training batch, at each update.
    pub accuracy: Series,
    /// Learning rate, at each update.
    pub rate: Series,
    /// Gradient norm before clipping, at each update.
    pub gradient: Series,
    /// Training speed in images per second, at each update.
    pub speed: Series,
    /// Name and firing rate (spikes per neuron and time step) of each population that fires.
    pub populations: Vec<(String, Series)>,
    /// Means over each epoch, on the training and the validation images.
    pub epochs: Epochs,
    /// Best validation accuracy, and its epoch, from 1.
    pub best: Option<(f64, usize)>,
    /// Duration of the latest complete epoch, in seconds.
    pub seconds: Option<f64>,
    /// The epoch of the best weights, from 1, and their evaluation on the test images; `None` before the end.
    pub finished: Option<(usize, Evaluation)>,
    /// The warnings recorded by the run, with their positions.
    pub warnings: Messages,
    health: Health,
    /// Durations of the latest updates in milliseconds.
    millis: VecDeque<f64>,
    sequence: RecordOrder,
}

/// Data of the start of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Description of the engine.
    pub engine: String,
    /// Number of training images.
    pub images: usize,
    /// Number of epochs of the whole run.
    pub epochs: usize,
    /// Number of updates per epoch.
    pub updates: usize,
    /// Number of images in one evaluation, for validation or for the final test; the larger of the two.
    pub evaluated: usize,
}

/// Means over each epoch.
#[derive(Debug, Clone, Default)]
pub struct Epochs {
    /// Loss per training image, while the weights changed.
    pub loss: Series,
    /// Accuracy on the training images, while the weights changed.
    pub accuracy: Series,
    /// Loss per validation image.
    pub validation_loss: Series,
    /// Accuracy on the validation images.
    pub validation_accuracy: Series,
}

/// The first messages of a kind, and the number of further ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// The first messages.
    pub first: Vec<String>,
    /// Number of further messages.
    pub further: usize,
}

impl Messages {
    /// Adds a message.
    pub(super) fn push(&mut self, message: String) {
        if self.first.len() < MOST_MESSAGES {
            self.first.push(message);
        } else {
            self.further += 1;
        }
    }
}

impl History {
    /// Processes the next record.
    ///
    /// # Errors
    /// A sentence that says why it cannot be shown.
    pub(super) fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Started { schema, .. } if !EVENT_SCHEMAS.contains(&schema) => {
                self.foreign = Some(schema);
                return Ok(());
            }
            _ => self.sequence.check(&event)?,
        }
        match event {
            Event::Started { engine, images, validation, test, epochs, updates, .. } => {
                let evaluated = validation.max(test);
                self.start = Some(Beginning { engine, images, epochs, updates: updates.max(1), evaluated });
            }
            Event::Update { epoch, update, loss, accuracy, lr, gradient, millis, rates } => {
                let Some(start) = &self.start else {
                    return Err("comes before the record of how the run started".to_owned());
                };
                let at = epoch as f64 + update as f64 / start.updates as f64;
                self.position = (epoch, update);
                // The last batch of an epoch is smaller. Its size is not recorded, so its speed is unknown.
                let speed = if update < start.updates { images_per_second(start, f64::from(millis)) } else { f64::NAN };
                let values = [
                    (&mut self.loss, f64::from(loss)),
                    (&mut self.accuracy, f64::from(accuracy)),
                    (&mut self.rate, f64::from(lr)),
                    (&mut self.gradient, f64::from(gradient)),
                    (&mut self.speed, speed),
                ];
                for (series, value) in values {
                    series.push(at, value);
                }
                if self.populations.is_empty() {
                    self.populations = rates.iter().map(|(name, _)| (name.clone(), Series::default())).collect();
                }
                for ((_, series), (_, rate)) in self.populations.iter_mut().zip(&rates) {
                    series.push(at, f64::from(*rate));
                }
                self.health.observe(f64::from(loss), &rates);
                if self.millis.len() == LATEST {
                    self.millis.pop_front();
                }
                self.millis.push_back(f64::from(millis));
            }
            Event::Epoch { epoch, loss, accuracy, validation_loss, validation_accuracy, seconds, .. } => {
                let at = (epoch + 1) as f64;
                self.position = (epoch + 1, 0);
                self.seconds = Some(seconds);
                self.epochs.loss.push(at, loss);
                self.epochs.accuracy.push(at, accuracy);
                self.epochs.validation_loss.push(at, validation_loss.unwrap_or(f64::NAN));
                self.epochs.validation_accuracy.push(at, validation_accuracy.unwrap_or(f64::NAN));
                let is_better = |share: &f64| self.best.is_none_or(|(best, _)| *share > best);
                self.best = validation_accuracy.filter(is_better).map(|share| (share, epoch + 1)).or(self.best);
            }
            Event::Warning { epoch, update, message } => {
                self.warnings.push(format!("in epoch {}, after update {update}: {message}", epoch + 1));
            }
            Event::Finished { best_epoch, test } => self.finished = Some((best_epoch + 1, test)),
            _ => {}
        }
        Ok(())
    }

    /// Mean duration of the latest updates in milliseconds; `None` before the first.
    fn millis(&self) -> Option<f64> {
        let sum: f64 = self.millis.iter().sum();
        (sum > 0.0).then(|| sum / self.millis.len() as f64)
    }

    /// Training speed in images per second, over the latest updates.
    pub fn images_per_second(&self) -> Option<f64> {
        self.start.as_ref().zip(self.millis()).map(|(start, millis)| images_per_second(start, millis))
    }

    /// Duration of an epoch in seconds: that of the latest complete one, or before that, an estimate from the latest
    /// updates.
    pub fn seconds_per_epoch(&self) -> Option<f64> {
        let expected = || Some(self.start.as_ref()?.updates as f64 * self.millis()? / 1000.0);
        self.seconds.or_else(expected)
    }

    /// Upper estimate of the duration of an evaluation in seconds, during which nothing is recorded. Evaluation is not
    /// slower per image than training.
    pub(super) fn seconds_of_evaluation(&self) -> f64 {
        let evaluated = self.start.as_ref().map_or(0, |start| start.evaluated);
        self.images_per_second().map_or(0.0, |speed| evaluated as f64 / speed)
    }

    /// Alarms: current problems, then warnings recorded by the run.
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = self.health.alarms();
        // A warning about a problem that still exists is omitted, since the alarm has the latest figures.
        let start = |alarm: &str| alarm.split(" to ").next().unwrap_or_default().to_owned();
        let is_new = |warning: &&String| !alarms.iter().any(|alarm| warning.contains(&start(alarm)));
        let warnings: Vec<String> = self.warnings.first.iter().filter(is_new).cloned().collect();
        alarms.extend(warnings);
        if self.warnings.further > 0 {
            alarms.push(format!("{} more warnings are in metrics.jsonl", self.warnings.further));
        }
        alarms
    }
}

fn images_per_second(start: &Beginning, millis: f64) -> f64 {
    start.images as f64 / start.updates as f64 / millis * 1000.0
}
