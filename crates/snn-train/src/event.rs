//! Events that a training run reports to its observer. The recorded ones make up `metrics.jsonl`.

use std::ops::{ControlFlow, RangeInclusive};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Calibrated, Evaluation};

/// Schema version of the records, given by [`Event::Started`].
pub(crate) const SCHEMA: u32 = 2;

/// Schema versions that can be read.
pub const SCHEMAS: RangeInclusive<u32> = 1..=SCHEMA;

/// An event of a training run. `epoch` counts from 0; `update` is the number of batches done in that epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// A run starts, or resumes from `epoch` and `update`. The first record of `metrics.jsonl`.
    Started {
        /// Schema version of the records, the last of [`SCHEMAS`].
        schema: u32,
        /// Description of the engine.
        engine: String,
        /// Memory of the training session, in bytes.
        bytes: usize,
        /// Number of trainable parameters.
        parameters: usize,
        /// Number of training images.
        images: usize,
        /// Number of validation images.
        validation: usize,
        /// Number of test images.
        test: usize,
        /// Number of epochs of the whole run.
        epochs: usize,
        /// Number of updates per epoch, one per batch.
        #[serde(alias = "steps")]
        updates: usize,
        /// Current epoch, from 0.
        epoch: usize,
        /// Number of batches done in the epoch.
        #[serde(alias = "step")]
        update: usize,
        /// Name of the training program, whose registry may have names that other programs lack; `None` in older
        /// records.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<String>,
    },
    /// Progress of a calibration. Not recorded.
    Calibrating {
        /// Number of populations done.
        done: usize,
        /// Number of populations of the network.
        populations: usize,
    },
    /// The initial weights were calibrated, before the first update.
    Calibrated {
        /// Results, population by population.
        populations: Vec<Calibrated>,
    },
    /// The weights were updated from one batch.
    #[serde(alias = "Step")] // its name in records of version 0.1
    Update {
        /// Epoch, from 0.
        epoch: usize,
        /// Number of batches done in the epoch.
        #[serde(alias = "step")]
        update: usize,
        /// Mean loss per image, including the firing rate penalty.
        loss: f32,
        /// Accuracy on the batch before the update: fraction of images classified correctly.
        accuracy: f32,
        /// Learning rate.
        #[serde(alias = "rate")]
        lr: f32,
        /// Gradient norm, before clipping.
        gradient: f32,
        /// Duration in milliseconds.
        millis: f32,
        /// Name and firing rate (spikes per neuron and time step) of each population that fires.
        rates: Vec<(String, f32)>,
    },
    /// Progress of an evaluation. Not recorded.
    Evaluating {
        /// Number of images done.
        done: usize,
        /// Number of images in this evaluation.
        images: usize,
    },
    /// An epoch is complete.
    Epoch {
        /// Epoch, from 0.
        epoch: usize,
        /// Mean loss per training image, while the weights changed.
        loss: f64,
        /// Accuracy on the training images, while the weights changed.
        accuracy: f64,
        /// Mean loss per validation image; `None` without validation images.
        validation_loss: Option<f64>,
        /// Accuracy on the validation images.
        validation_accuracy: Option<f64>,
        /// Whether these weights are the best so far, and therefore saved in `best.safetensors`.
        best: bool,
        /// Spikes of all populations, per training image.
        spikes: f64,
        /// Duration in seconds, including validation. If the run was resumed within the epoch, only the part since
        /// then.
        seconds: f64,
    },
    /// A checkpoint was written. Not recorded.
    Saved {
        /// Epoch, from 0.
        epoch: usize,
        /// Number of batches done in the epoch.
        #[serde(alias = "step")]
        update: usize,
        /// The file.
        path: PathBuf,
    },
    /// A warning for the user.
    Warning {
        /// Epoch, from 0.
        epoch: usize,
        /// Number of batches done in the epoch.
        #[serde(alias = "step")]
        update: usize,
        /// Description of the problem, and advice.
        message: String,
    },
    /// All epochs are done, and the best weights have been tested.
    Finished {
        /// Epoch of the best weights, from 0.
        best_epoch: usize,
        /// Evaluation of the best weights on the test images.
        test: Evaluation,
    },
}

impl Event {
    /// Position (epoch, batches done) after which the event occurs; [`Event::Finished`] comes after all others.
    pub(crate) fn position(&self) -> (usize, usize) {
        match *self {
            Self::Update { epoch, update, .. }
            | Self::Saved { epoch, update, .. }
            | Self::Warning { epoch, update, .. } => (epoch, update),
            Self::Epoch { epoch, .. } => (epoch + 1, 0),
            Self::Started { .. } | Self::Calibrating { .. } | Self::Calibrated { .. } | Self::Evaluating { .. } => {
                (0, 0)
            }
            Self::Finished { .. } => (usize::MAX, usize::MAX),
        }
    }
}

/// Receives the events of a run. Implemented for closures of matching type.
pub trait Observer {
    /// Handles an event. Returning [`ControlFlow::Break`] stops the run after the current update, and a checkpoint is
    /// saved.
    fn on_event(&mut self, event: &Event) -> ControlFlow<()>;
}

impl<F: FnMut(&Event) -> ControlFlow<()>> Observer for F {
    fn on_event(&mut self, event: &Event) -> ControlFlow<()> {
        self(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_one_line_of_json_and_comes_back_as_it_was() {
        let update = Event::Update {
            epoch: 1,
            update: 2,
            loss: 0.1,
            accuracy: 0.5,
            lr: 1e-3,
            gradient: 3.0,
            millis: 4.5,
            rates: vec![("conv1".to_owned(), 0.25)],
        };
        let line = serde_json::to_string(&update).unwrap();
        assert_eq!(
            line,
            r#"{"event":"Update","epoch":1,"update":2,"loss":0.1,"accuracy":0.5,"lr":0.001,"gradient":3.0,"millis":4.5,"rates":[["conv1",0.25]]}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), update);
        let of_before = line.replace("Update", "Step").replace("update", "step").replace("\"lr\"", "\"rate\"");
        assert_eq!(serde_json::from_str::<Event>(&of_before).unwrap(), update, "records of version 0.1");
    }
}
