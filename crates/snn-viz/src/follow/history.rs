//! What the records of a run amount to, in bounded memory.

use std::collections::VecDeque;

use snn_train::{EVENT_SCHEMA, Evaluation, Event, Health, RecordOrder};

use super::series::Series;

/// Updates whose durations are averaged.
const LATEST: usize = 50;

/// Most messages of a kind that are kept.
const MOST_MESSAGES: usize = 20;

/// What the records of a run say so far.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// How it started; none before the first record.
    pub start: Option<Beginning>,
    /// Version of the records, if it is not the one that can be read.
    pub foreign: Option<u32>,
    /// Complete epochs, and updates of the one that is going on.
    pub position: (usize, usize),
    /// Loss per image, at each update.
    pub loss: Series,
    /// Share of the images answered correctly, at each update.
    pub accuracy: Series,
    /// Learning rate.
    pub rate: Series,
    /// Norm of the gradient before clipping.
    pub gradient: Series,
    /// Images learned from in a second.
    pub speed: Series,
    /// Name and firing rate (spikes per neuron and time step) of each population that fires.
    pub populations: Vec<(String, Series)>,
    /// Means over each epoch, on the training and the validation images.
    pub epochs: Epochs,
    /// Best share of the validation images answered correctly, and its epoch, from 1.
    pub best: Option<(f64, usize)>,
    /// Duration of the latest complete epoch, in seconds.
    pub seconds: Option<f64>,
    /// The epoch of the best weights, from 1, and these on the test images; none before the end.
    pub finished: Option<(usize, Evaluation)>,
    /// The run's own warnings, and where they came.
    pub warnings: Messages,
    health: Health,
    /// Durations of the latest updates in milliseconds.
    millis: VecDeque<f64>,
    sequence: RecordOrder,
}

/// How a run started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// What it is computed on, in words.
    pub engine: String,
    /// Training images.
    pub images: usize,
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Updates of an epoch.
    pub updates: usize,
    /// Images that are evaluated at once: for validation or, at the end, for the test.
    pub evaluated: usize,
}

/// Means over each epoch.
#[derive(Debug, Clone, Default)]
pub struct Epochs {
    /// Loss per training image, while the weights changed.
    pub loss: Series,
    /// Share of the training images answered correctly, while the weights changed.
    pub accuracy: Series,
    /// Loss per validation image.
    pub validation_loss: Series,
    /// Share of the validation images answered correctly.
    pub validation_accuracy: Series,
}

/// The first messages of a kind, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// The first of them.
    pub first: Vec<String>,
    /// How many more there were.
    pub further: usize,
}

impl Messages {
    /// Takes in a message.
    pub(super) fn push(&mut self, message: String) {
        if self.first.len() < MOST_MESSAGES {
            self.first.push(message);
        } else {
            self.further += 1;
        }
    }
}

impl History {
    /// Takes in the next record.
    ///
    /// # Errors
    /// A sentence: why it cannot be shown.
    pub(super) fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Started { schema, .. } if schema != EVENT_SCHEMA => {
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
                // The last batch of an epoch is smaller, by how much is not recorded.
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

    /// Mean duration of the latest updates in milliseconds; none before the first one.
    fn millis(&self) -> Option<f64> {
        let sum: f64 = self.millis.iter().sum();
        (sum > 0.0).then(|| sum / self.millis.len() as f64)
    }

    /// Images learned from in a second, over the latest updates.
    pub fn images_per_second(&self) -> Option<f64> {
        self.start.as_ref().zip(self.millis()).map(|(start, millis)| images_per_second(start, millis))
    }

    /// Duration of an epoch in seconds: of the latest complete one or, before, what the latest updates let expect.
    pub fn seconds_per_epoch(&self) -> Option<f64> {
        let expected = || Some(self.start.as_ref()?.updates as f64 * self.millis()? / 1000.0);
        self.seconds.or_else(expected)
    }

    /// Seconds that an evaluation takes at most, during which nothing is recorded: its images are not slower than those
    /// learned from.
    pub(super) fn seconds_of_evaluation(&self) -> f64 {
        let evaluated = self.start.as_ref().map_or(0, |start| start.evaluated);
        self.images_per_second().map_or(0.0, |speed| evaluated as f64 / speed)
    }

    /// What a person should look at: what is wrong at present, then the run's own warnings.
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = self.health.alarms();
        // What is still so is said once, with the latest figures.
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
