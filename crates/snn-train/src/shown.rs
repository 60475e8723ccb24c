//! What a batch shows a network.

use snn_core::{Draws, Encoder, Input, Shape, SpikeTrain, Stimulus};
use snn_data::Batch;
use snn_models::Built;

/// A batch in the form in which an engine takes it.
#[derive(Debug)]
pub enum EncodedBatch<'a> {
    /// Images, encoded as the trial runs.
    Images {
        /// Values after normalisation `[N, C, H, W]`.
        pixels: &'a [f32],
        /// Shape of one image.
        shape: Shape,
        /// How they become input.
        encoder: &'a dyn Encoder,
    },
    /// Recordings as spikes `[T, N, ...]`.
    Frames(SpikeTrain),
    /// Recordings as numbers of events `[T, N, ...]`.
    Counts(Vec<f32>),
}

impl<'a> EncodedBatch<'a> {
    /// `batch`, as the experiment that was `built` shows it for `steps` time steps.
    pub fn new(built: &'a Built, steps: usize, batch: &'a Batch) -> Self {
        let shape = built.data.shape();
        match &built.input {
            Input::Images(encoder) => Self::Images { pixels: &batch.pixels, shape, encoder: encoder.as_ref() },
            Input::Recordings(frames) if frames.counts => Self::Counts(frames.count(&batch.recordings, shape, steps)),
            Input::Recordings(frames) => Self::Frames(frames.encode(&batch.recordings, shape, steps)),
        }
    }

    /// What a trial shows, with random words from `draws`.
    pub fn stimulus<'b>(&'b self, draws: Draws<'b>) -> Stimulus<'b> {
        match *self {
            Self::Images { pixels, shape, encoder } => Stimulus::Images { pixels, shape, encoder, draws },
            Self::Frames(ref train) => Stimulus::Spikes(train),
            Self::Counts(ref values) => Stimulus::Numbers(values),
        }
    }
}
