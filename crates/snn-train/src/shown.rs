//! Conversion of a batch to network input.

use snn_core::{Draws, Encoder, Input, Shape, SpikeTrain, Stimulus};
use snn_data::Batch;
use snn_models::Built;

/// A batch in the form that an engine accepts.
#[derive(Debug)]
pub enum EncodedBatch<'a> {
    /// Images, encoded during the trial.
    Images {
        /// Pixel values after normalisation `[N, C, H, W]`.
        pixels: &'a [f32],
        /// Shape of one image.
        shape: Shape,
        /// Encoder from pixels to input.
        encoder: &'a dyn Encoder,
    },
    /// Recordings as spikes `[T, N, ...]`.
    Frames(SpikeTrain),
    /// Recordings as event counts `[T, N, ...]`.
    Counts(Vec<f32>),
}

impl<'a> EncodedBatch<'a> {
    /// Prepares `batch` as input over `steps` time steps, for the experiment that was `built`.
    pub fn new(built: &'a Built, steps: usize, batch: &'a Batch) -> Self {
        let shape = built.data.shape();
        match &built.input {
            Input::Images(encoder) => Self::Images { pixels: &batch.pixels, shape, encoder: encoder.as_ref() },
            Input::Recordings(frames) if frames.counts => Self::Counts(frames.count(&batch.recordings, shape, steps)),
            Input::Recordings(frames) => Self::Frames(frames.encode(&batch.recordings, shape, steps)),
        }
    }

    /// The stimulus of a trial, with random numbers from `draws`.
    pub fn stimulus<'b>(&'b self, draws: Draws<'b>) -> Stimulus<'b> {
        match *self {
            Self::Images { pixels, shape, encoder } => Stimulus::Images { pixels, shape, encoder, draws },
            Self::Frames(ref train) => Stimulus::Spikes(train),
            Self::Counts(ref values) => Stimulus::Numbers(values),
        }
    }
}
