//! What a run tells those who watch it. The same records make up `metrics.jsonl`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Calibrated, Evaluation};

/// Version of the records, given by [`Event::Started`].
pub const SCHEMA: u32 = 1;

/// Something that happened in a run. `epoch` counts from 0; `step` is the number of batches done in that epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// A run starts, or goes on from `epoch` and `step`. The first record of `metrics.jsonl`.
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
        /// Batches of an epoch.
        steps: usize,
        /// Where the run stands.
        epoch: usize,
        /// Where the run stands.
        step: usize,
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
    Step {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done.
        step: usize,
        /// Mean loss per image, the penalty on firing rates included.
        loss: f32,
        /// Share of the images answered correctly before the update.
        accuracy: f32,
        /// Learning rate.
        rate: f32,
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
        step: usize,
        /// The file.
        path: PathBuf,
    },
    /// Something that a person should look at.
    Warning {
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done.
        step: usize,
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
            Self::Step { epoch, step, .. } | Self::Saved { epoch, step, .. } | Self::Warning { epoch, step, .. } => {
                (epoch, step)
            }
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
    /// Takes notice of an event. [`ControlFlow::Break`] stops the run after the present step, with a checkpoint saved.
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
    fn a_step_is_one_line_of_json_and_comes_back_as_it_was() {
        let step = Event::Step {
            epoch: 1,
            step: 2,
            loss: 0.1,
            accuracy: 0.5,
            rate: 1e-3,
            gradient: 3.0,
            millis: 4.5,
            rates: vec![("conv1".to_owned(), 0.25)],
        };
        let line = serde_json::to_string(&step).unwrap();
        assert_eq!(
            line,
            r#"{"event":"Step","epoch":1,"step":2,"loss":0.1,"accuracy":0.5,"rate":0.001,"gradient":3.0,"millis":4.5,"rates":[["conv1",0.25]]}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), step);
    }
}
