//! Direct encoding.

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey};
use crate::shape::Shape;

/// Direct encoding, or constant current: the input at every step is the image itself, `scale · x`. The first population
/// converts it to spikes.
///
/// # Equals
/// `image.repeat(T)` in PyTorch code. `ConstantCurrentLIFEncoder` of Norse is this encoder followed by a population of
/// `Lif`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Direct {
    /// Factor on the values, greater than 0.
    pub scale: f32,
}

impl Default for Direct {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Encoder for Direct {
    fn encode(&self, image: &[f32], _shape: Shape, _steps: usize, _sample: SampleKey) -> Encoded {
        Encoded::Current(image.iter().map(|x| self.scale * x).collect())
    }

    fn spikes(&self) -> bool {
        false
    }

    fn describe(&self) -> String {
        format!("direct: the image itself, times {}, at every step", self.scale)
    }
}
