//! Encoders: how an image or a recording becomes the input of a network over time.

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

/// How the samples of a data set become input.
#[derive(Debug, Clone)]
pub enum Input {
    /// Images, by an encoder.
    Images(Arc<dyn Encoder>),
    /// Recordings of events.
    Recordings(Frames),
}

impl Input {
    /// Input by `encoder`.
    pub fn images(encoder: impl Encoder + 'static) -> Self {
        Self::Images(Arc::new(encoder))
    }

    /// What it takes.
    pub fn kind(&self) -> DatasetKind {
        match self {
            Self::Images(_) => DatasetKind::Images,
            Self::Recordings(_) => DatasetKind::Recordings,
        }
    }

    /// Shape of the input for samples of shape `sample`.
    pub fn shape(&self, sample: Shape) -> Shape {
        match self {
            Self::Images(encoder) => encoder.shape(sample),
            Self::Recordings(_) => sample,
        }
    }

    /// Checks that a trial of `steps` time steps is long enough for it to emit anything.
    ///
    /// # Errors
    /// [`PartError`] with the path of the field at fault.
    pub fn check(&self, steps: usize) -> Result<(), PartError> {
        match self {
            Self::Images(encoder) => encoder.check(steps),
            Self::Recordings(_) => Ok(()),
        }
    }

    /// Whether it makes spikes; else it makes numbers.
    pub fn spikes(&self) -> bool {
        match self {
            Self::Images(encoder) => encoder.spikes(),
            Self::Recordings(frames) => !frames.counts,
        }
    }

    /// Whether it makes numbers that differ from step to step: sessions must be compiled for them, see [`Plan::numbers`](crate::engine::Plan::numbers).
    pub fn numbers(&self) -> bool {
        match self {
            Self::Images(encoder) => encoder.numbers(),
            Self::Recordings(frames) => frames.counts,
        }
    }

    /// What it does, in a sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::Images(encoder) => encoder.describe(),
            Self::Recordings(frames) => frames.describe(),
        }
    }
}

/// How an image becomes input.
pub trait Encoder: Debug + Send + Sync {
    /// Shape of the input for images of shape `image`.
    fn shape(&self, image: Shape) -> Shape {
        image
    }

    /// Checks that a trial of `steps` time steps is long enough for it to emit anything.
    ///
    /// # Errors
    /// [`PartError`] with the path of the field at fault.
    fn check(&self, _steps: usize) -> Result<(), PartError> {
        Ok(())
    }

    /// Encodes one image `[C, H, W]` of shape `shape` over `steps` time steps, from the random words of `sample`.
    fn encode(&self, image: &[f32], shape: Shape, steps: usize, sample: SampleKey) -> Encoded;

    /// For an encoder whose spikes are independent draws: the values of the input `[C, H, W]` of an image, each of which
    /// spikes at each step with probability `min(1, |value|)` and its sign, as [`Poisson`] does. Engines may then draw
    /// the spikes themselves. None for all others.
    fn probabilities(&self, _image: &[f32], _shape: Shape) -> Option<Vec<f32>> {
        None
    }

    /// Whether it makes [`Encoded::Spikes`]; else it makes numbers.
    fn spikes(&self) -> bool {
        true
    }

    /// Whether it makes [`Encoded::Numbers`]. One that does must say so: sessions are compiled by it.
    fn numbers(&self) -> bool {
        false
    }

    /// What it does, in a sentence.
    fn describe(&self) -> String;
}

/// Address of the random words of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleKey {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, or any number that tells one pass over the data from another.
    pub epoch: u32,
    /// Index in the data set.
    pub index: u32,
}

/// An encoded image, or several; an encoder makes one, `N = 1`.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoded {
    /// Spikes `[T, N, C, H, W]`.
    Spikes(SpikeTrain),
    /// Numbers `[N, C, H, W]` that are the input at every step.
    Current(Vec<f32>),
    /// Numbers `[T, N, C, H, W]`, others at every step.
    Numbers(Vec<f32>),
}

impl Encoded {
    /// The spikes, if it is spikes.
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
    /// Numbers that are the input at every step.
    fn from(values: Vec<f32>) -> Self {
        Self::Current(values)
    }
}
