//! What a run tells those who watch it. The same records make up `metrics.jsonl`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Calibrated, Evaluation};

/// Version of the records, given by [`Event::Started`].
pub const SCHEMA: u32 = 2;

/// Something that happened in a run. `epoch` counts from 0; `update` is the number of batches done in that epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// A run starts, or goes on from `epoch` and `update`. The first record of `metrics.jsonl`.
    Started {
        /// Version of the records, [`SCHEMA`].
        schema: u32,
        /// What the run is computed on, in words.
        engine: String,
        /// Memory of the training session in bytes.
        bytes: usize,
        /// Trainable values.
        parameters: usize,
        /// Training images.
        images: usize,
        /// Validation images.
        validation: usize,
        /// Test images.
        test: usize,
        /// Epochs of the whole run.
        epochs: usize,
        /// Updates of an epoch, one a batch.
        #[serde(alias = "steps")]
        updates: usize,
        /// Where the run stands.
        epoch: usize,
        /// Where the run stands.
        #[serde(alias = "step")]
        update: usize,
        /// Name of the program that trains, which may know names that others do not; none in older records.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<String>,
    },
    /// The weights of a population were calibrated. Not recorded.
    Calibrating {
        /// Populations done.
        done: usize,
        /// Populations of the network.
        populations: usize,
    },
    /// The initial weights were calibrated, before the first update.
    Calibrated {
        /// What was done, population by population.
        populations: Vec<Calibrated>,
    },
    /// One batch was learned.
    #[serde(alias = "Step")] // its name in records of version 0.1
    Update {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done.
        #[serde(alias = "step")]
        update: usize,
        /// Mean loss per image, the penalty on firing rates included.
        loss: f32,
        /// Share of the images answered correctly before the update.
        accuracy: f32,
        /// Learning rate.
        #[serde(alias = "rate")]
        lr: f32,
        /// Norm of the gradient before clipping.
        gradient: f32,
        /// Duration in milliseconds.
        millis: f32,
        /// Name and firing rate (spikes per neuron and time step) of each population that fires.
        rates: Vec<(String, f32)>,
    },
    /// Images were evaluated. Not recorded.
    Evaluating {
        /// Images done.
        done: usize,
        /// Images of this evaluation.
        images: usize,
    },
    /// An epoch is complete.
    Epoch {
        /// Epoch, from 0.
        epoch: usize,
        /// Mean loss per training image, while the weights changed.
        loss: f64,
        /// Share of the training images answered correctly, while the weights changed.
        accuracy: f64,
        /// Mean loss per validation image; none without validation images.
        validation_loss: Option<f64>,
        /// Share of the validation images answered correctly.
        validation_accuracy: Option<f64>,
        /// Whether these weights are the best so far, and now in `best.safetensors`.
        best: bool,
        /// Spikes of all populations per training image.
        spikes: f64,
        /// Duration in seconds, validation included, of the part since the start or the last resumption.
        seconds: f64,
    },
    /// A checkpoint was written. Not recorded.
    Saved {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done.
        #[serde(alias = "step")]
        update: usize,
        /// The file.
        path: PathBuf,
    },
    /// Something that a person should look at.
    Warning {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done.
        #[serde(alias = "step")]
        update: usize,
        /// What it is, and what to try.
        message: String,
    },
    /// All epochs are done, and the best weights have been tested.
    Finished {
        /// Epoch of the best weights, from 0.
        best_epoch: usize,
        /// The best weights on the test images.
        test: Evaluation,
    },
}

impl Event {
    /// Epoch and batches done after which the event comes; [`Event::Finished`] comes after all others.
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

/// Someone who watches a run. Any closure of the right form is one.
pub trait Observer {
    /// Takes notice of an event. [`ControlFlow::Break`] stops the run after the present update, with a checkpoint saved.
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
