//! Encoders: convert an image or an event recording to the input of a network over time.

mod delta;
mod direct;
mod frames;
mod latency;
mod poisson;
mod population;

use std::fmt::Debug;
use std::sync::Arc;

use crate::dataset::DatasetKind;
use crate::part::PartError;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

pub use delta::Delta;
pub use direct::Direct;
pub use frames::{Frames, Slices};
pub use latency::{Latency, LatencyCurve};
pub use poisson::Poisson;
pub use population::PopulationCode;

/// How the samples of a data set are converted to network input.
#[derive(Debug, Clone)]
pub enum Input {
    /// Images, converted by an encoder.
    Images(Arc<dyn Encoder>),
    /// Event recordings, cut into frames.
    Recordings(Frames),
}

impl Input {
    /// Creates input from images by `encoder`.
    pub fn images(encoder: impl Encoder + 'static) -> Self {
        Self::Images(Arc::new(encoder))
    }

    /// The kind of data set that this input is made from.
    pub fn kind(&self) -> DatasetKind {
        match self {
            Self::Images(_) => DatasetKind::Images,
            Self::Recordings(_) => DatasetKind::Recordings,
        }
    }

    /// Shape of the network input for samples of the given shape.
    pub fn shape(&self, sample: Shape) -> Shape {
        match self {
            Self::Images(encoder) => encoder.shape(sample),
            Self::Recordings(_) => sample,
        }
    }

    /// Checks that a trial of `steps` time steps is long enough for the encoder to emit anything.
    ///
    /// # Errors
    /// [`PartError`] with the path of the field at fault.
    pub fn check(&self, steps: usize) -> Result<(), PartError> {
        match self {
            Self::Images(encoder) => encoder.check(steps),
            Self::Recordings(_) => Ok(()),
        }
    }

    /// Whether the input consists of spikes; otherwise of numbers.
    pub fn spikes(&self) -> bool {
        match self {
            Self::Images(encoder) => encoder.spikes(),
            Self::Recordings(frames) => !frames.counts,
        }
    }

    /// Whether the input consists of numbers that differ from step to step. Sessions must be compiled for this, see
    /// [`Plan::numbers`](crate::engine::Plan::numbers).
    pub fn numbers(&self) -> bool {
        match self {
            Self::Images(encoder) => encoder.numbers(),
            Self::Recordings(frames) => frames.counts,
        }
    }

    /// A one-sentence description.
    pub fn describe(&self) -> String {
        match self {
            Self::Images(encoder) => encoder.describe(),
            Self::Recordings(frames) => frames.describe(),
        }
    }
}

/// Converts an image to network input.
pub trait Encoder: Debug + Send + Sync {
    /// Shape of the network input for samples of the given shape.
    fn shape(&self, image: Shape) -> Shape {
        image
    }

    /// Checks that a trial of `steps` time steps is long enough for the encoder to emit anything.
    ///
    /// # Errors
    /// [`PartError`] with the path of the field at fault.
    fn check(&self, _steps: usize) -> Result<(), PartError> {
        Ok(())
    }

    /// Encodes one image `[C, H, W]` of shape `shape` over `steps` time steps, with the random words addressed by
    /// `sample`.
    fn encode(&self, image: &[f32], shape: Shape, steps: usize, sample: SampleKey) -> Encoded;

    /// The signed firing probabilities, for an encoder whose spikes are drawn independently. The result has the shape
    /// of the input: each value spikes at each step with probability `min(1, |value|)` and with its sign, as in
    /// [`Poisson`]. Engines may then draw the spikes themselves. `None` for all other encoders.
    fn probabilities(&self, _image: &[f32], _shape: Shape) -> Option<Vec<f32>> {
        None
    }

    /// Whether the encoder produces [`Encoded::Spikes`]; otherwise it produces numbers.
    fn spikes(&self) -> bool {
        true
    }

    /// Whether the encoder produces [`Encoded::Numbers`]. Must be overridden by encoders that do, because sessions are
    /// compiled for it.
    fn numbers(&self) -> bool {
        false
    }

    /// A one-sentence description.
    fn describe(&self) -> String;
}

/// Identifies the random words of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleKey {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, or any other number that identifies a pass over the data.
    pub epoch: u32,
    /// Index in the data set.
    pub index: u32,
}

/// One or more encoded images. An encoder produces one, `N = 1`.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoded {
    /// Spikes `[T, N, C, H, W]`.
    Spikes(SpikeTrain),
    /// Numbers `[N, C, H, W]`, the same input at every step.
    Current(Vec<f32>),
    /// Numbers `[T, N, C, H, W]`, which differ from step to step.
    Numbers(Vec<f32>),
}

impl Encoded {
    /// The spikes; `None` if the input consists of numbers.
    pub fn spikes(&self) -> Option<&SpikeTrain> {
        if let Self::Spikes(train) = self { Some(train) } else { None }
    }
}

impl From<SpikeTrain> for Encoded {
    fn from(train: SpikeTrain) -> Self {
        Self::Spikes(train)
    }
}

impl From<Vec<f32>> for Encoded {
    /// Uses the numbers as the input at every step.
    fn from(values: Vec<f32>) -> Self {
        Self::Current(values)
    }
}
