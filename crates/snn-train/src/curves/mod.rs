//! Learning curves: the records of a run as curves, and a page that shows them.

mod page;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::records::{RecordOrder, Records, check_numbers};
use crate::run_folder::METRICS;
use crate::{Evaluation, Event, TrainError};

pub use page::page;

/// Maximum number of stretches that the updates of a run are divided into.
pub const STRETCHES: usize = 120;

/// The learning curves of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Curves {
    /// Number of training images.
    pub images: usize,
    /// Planned number of epochs.
    pub planned: usize,
    /// Names of the populations that fire.
    pub populations: Vec<String>,
    /// The updates so far, averaged over at most [`STRETCHES`] stretches of about equal length.
    pub stretches: Vec<Stretch>,
    /// The completed epochs.
    pub epochs: Vec<Epoch>,
    /// Result of the best weights on the test images, once the run has finished.
    pub finished: Option<Finished>,
    /// Warnings that were recorded.
    pub warnings: Vec<String>,
}

/// Means over consecutive updates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stretch {
    /// End of the stretch, in epochs since the start of the run.
    pub end: f64,
    /// Mean loss per image, before each update.
    pub loss: f64,
    /// Accuracy (fraction of images classified correctly), before each update.
    pub accuracy: f64,
    /// Gradient norm, before clipping.
    pub gradient: f64,
    /// Firing rate (spikes per neuron and time step), for each of [`Curves::populations`].
    pub rates: Vec<f64>,
}

/// Results of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss per training image, while the weights changed.
    pub loss: f64,
    /// Accuracy on the training images, while the weights changed.
    pub accuracy: f64,
    /// Mean loss per validation image; `None` without validation images.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation images.
    pub validation_accuracy: Option<f64>,
    /// Spikes of all populations per training image.
    pub spikes: f64,
    /// Duration in seconds, including validation. If the run was resumed within the epoch, only the part since then.
    pub seconds: f64,
}

/// Final result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finished {
    /// Epoch of the best weights, from 1.
    pub best_epoch: usize,
    /// Evaluation of the best weights on the test images.
    pub test: Evaluation,
}

impl Curves {
    /// Reads the records of the run in `folder`, which may still be in progress.
    ///
    /// # Errors
    /// [`TrainError::File`]; [`TrainError::Record`] if a line is not a valid record or does not fit those before it, or
    /// if no update is recorded.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let mut records = Records::open(&folder.join(METRICS))?;
        let (mut events, mut sequence) = (Vec::new(), RecordOrder::default());
        while let Some((event, _)) = records.following()? {
            let checked =
                event.and_then(|event| sequence.check(&event).and_then(|()| check_numbers(&event)).map(|()| event));
            events.push(checked.map_err(|reason| records.fault(reason))?);
        }
        Self::of(&events).ok_or_else(|| records.fault("no update has been recorded yet".to_owned()))
    }

    /// Builds the curves from `events` in their recorded order; `None` without a start and an update.
    fn of(events: &[Event]) -> Option<Self> {
        let (images, planned, per_epoch) = events.iter().find_map(|event| match *event {
            Event::Started { images, epochs, updates, .. } => Some((images, epochs, updates.max(1))),
            _ => None,
        })?;
        let updates: Vec<UpdatePoint<'_>> =
            events.iter().filter_map(|event| UpdatePoint::of(event, per_epoch)).collect();
        let populations = updates.first()?.rates.iter().map(|(name, _)| name.clone()).collect();
        let each = updates.len().div_ceil(STRETCHES);
        let mut curves = Self {
            images,
            planned,
            populations,
            stretches: updates.chunks(each).map(Stretch::over).collect(),
            epochs: Vec::new(),
            finished: None,
            warnings: Vec::new(),
        };
        for event in events {
            match event.clone() {
                Event::Epoch {
                    epoch,
                    loss,
                    accuracy,
                    validation_loss,
                    validation_accuracy,
                    spikes,
                    seconds,
                    best: _,
                } => curves.epochs.push(Epoch {
                    epoch: epoch + 1,
                    loss,
                    accuracy,
                    validation_loss,
                    validation_accuracy,
                    spikes,
                    seconds,
                }),
                Event::Finished { best_epoch, test } => {
                    curves.finished = Some(Finished { best_epoch: best_epoch + 1, test });
                }
                Event::Warning { message, .. } => curves.warnings.push(message),
                _ => {}
            }
        }
        Some(curves)
    }

    /// The epoch with the best validation accuracy; the first of equals.
    pub fn best(&self) -> Option<&Epoch> {
        let better = |best: &Epoch, epoch: &Epoch| epoch.validation_accuracy > best.validation_accuracy;
        let judged = self.epochs.iter().filter(|epoch| epoch.validation_accuracy.is_some());
        judged.reduce(|best, epoch| if better(best, epoch) { epoch } else { best })
    }
}

/// Metrics of one weight update.
struct UpdatePoint<'a> {
    /// Position in epochs since the start of the run.
    end: f64,
    loss: f32,
    accuracy: f32,
    gradient: f32,
    rates: &'a [(String, f32)],
}

impl<'a> UpdatePoint<'a> {
    fn of(event: &'a Event, per_epoch: usize) -> Option<Self> {
        let Event::Update { epoch, update, loss, accuracy, gradient, ref rates, .. } = *event else { return None };
        let end = epoch as f64 + update as f64 / per_epoch as f64;
        Some(Self { end, loss, accuracy, gradient, rates })
    }
}

impl Stretch {
    /// The means over `updates`, which must not be empty.
    fn over(updates: &[UpdatePoint<'_>]) -> Self {
        let mean = |value: &dyn Fn(&UpdatePoint<'_>) -> Option<f32>| {
            let sum: f64 = updates.iter().filter_map(value).map(f64::from).sum();
            sum / updates.len() as f64
        };
        let populations = updates.first().map_or(0, |update| update.rates.len());
        Self {
            end: updates.last().map_or(0.0, |update| update.end),
            loss: mean(&|update| Some(update.loss)),
            accuracy: mean(&|update| Some(update.accuracy)),
            gradient: mean(&|update| Some(update.gradient)),
            rates: (0..populations)
                .map(|index| mean(&|update| update.rates.get(index).map(|(_, rate)| *rate)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn started(steps: usize) -> Event {
        Event::Started {
            schema: 2,
            engine: "cpu".to_owned(),
            bytes: 1,
            parameters: 1,
            images: 100,
            validation: 10,
            test: 10,
            epochs: 2,
            updates: steps,
            epoch: 0,
            update: 0,
            program: None,
        }
    }

    fn update(epoch: usize, update: usize, loss: f32) -> Event {
        let rates = vec![("conv1".to_owned(), loss / 10.0), ("fc1".to_owned(), 0.5)];
        Event::Update { epoch, update, loss, accuracy: 1.0 - loss, lr: 0.1, gradient: 2.0 * loss, millis: 1.0, rates }
    }

    fn epoch(epoch: usize, validation_accuracy: f64) -> Event {
        Event::Epoch {
            epoch,
            loss: 0.5,
            accuracy: 0.6,
            validation_loss: Some(0.4),
            validation_accuracy: Some(validation_accuracy),
            best: true,
            spikes: 12.0,
            seconds: 3.0,
        }
    }

    fn lines(events: &[Event]) -> String {
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    #[test]
    fn stretches_are_means_of_updates_in_a_row() {
        let steps = 2 * STRETCHES - 1; // the last stretch has one update
        let updates = (1..=steps).map(|k| update(0, k, k as f32 / 512.0));
        let events: Vec<Event> = [started(steps)].into_iter().chain(updates).collect();
        let curves = Curves::of(&events).unwrap();
        assert_eq!(curves.populations, ["conv1", "fc1"]);
        assert_eq!(curves.stretches.len(), STRETCHES);
        let (first, last) = (&curves.stretches[0], &curves.stretches[STRETCHES - 1]);
        assert_eq!((first.end, first.loss, first.gradient), (2.0 / steps as f64, 1.5 / 512.0, 3.0 / 512.0));
        assert_eq!(first.rates[1], 0.5);
        assert_eq!((last.end, last.loss), (1.0, steps as f64 / 512.0));
    }

    #[test]
    fn the_first_of_the_best_epochs_is_the_best() {
        let events = [started(1), update(0, 1, 0.5), epoch(0, 0.7), epoch(1, 0.9), epoch(2, 0.9), epoch(3, 0.8)];
        let curves = Curves::of(&events).unwrap();
        assert_eq!(curves.best().map(|best| best.epoch), Some(2));
        assert_eq!(curves.epochs.len(), 4);
        assert_eq!(curves.finished, None);
    }

    #[test]
    fn records_are_read_while_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(folder.path().join(METRICS), text).unwrap();
        let message = || Curves::read(folder.path()).unwrap_err().to_string();
        let at = folder.path().join(METRICS);
        assert!(message().starts_with(&format!("{}: cannot read the metrics", at.display())), "{}", message());
        write("");
        assert_eq!(message(), format!("{}:1: no update has been recorded yet", at.display()));
        let whole = lines(&[started(4), update(0, 1, 0.5), epoch(0, 0.5)]);
        write(&whole[..whole.len() - 10]);
        let curves = Curves::read(folder.path()).unwrap();
        assert_eq!((curves.stretches.len(), curves.epochs.len()), (1, 0));
        write(&whole);
        assert_eq!(Curves::read(folder.path()).unwrap().epochs.len(), 1);
        write(&lines(&[started(4), update(0, 1, 0.5), update(0, 1, 0.5)]));
        assert!(message().ends_with(":3: does not come after the update or epoch that was recorded before it"));
        write(&lines(&[started(4), update(0, 1, 0.5), started(4)]));
        assert!(message().ends_with(":3: starts a second run; a file holds the records of one"));
        write(&lines(&[update(0, 1, 0.5)]));
        assert!(message().ends_with(":1: comes before the record of how the run started"));
        write(&lines(&[started(4)]).replace("\"schema\":2", "\"schema\":99"));
        assert!(message().ends_with(":1: is of version 99 of the records, and this program reads versions up to 2"));
        write(&lines(&[started(4), update(0, 1, 0.5), update(0, 2, 0.5)]).replace(",[\"fc1\",0.5]]", "]"));
        assert_eq!(Curves::read(folder.path()).unwrap().populations, ["conv1"]);
        let fewer = lines(&[update(0, 2, 0.5)]).replace(",[\"fc1\",0.5]]", "]");
        write(&(lines(&[started(4), update(0, 1, 0.5)]) + &fewer));
        assert!(message().ends_with(":3: holds the firing rates of other populations than the updates before it"));
        write(&whole.replace("\"loss\":0.5", "\"loss\":null"));
        assert!(message().ends_with(":2: holds null in place of a number, which was not finite: the run had diverged"));
        write(&whole.replace("\"Update\"", "\"Stop\""));
        assert!(message().starts_with(&format!("{}:2: unknown variant `Stop`", at.display())), "{}", message());
    }
}
