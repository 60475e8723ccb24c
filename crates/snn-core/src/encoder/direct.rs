//! Direct input.

use serde::{Deserialize, Serialize};

use super::{Encoded, Encoder, SampleKey};
use crate::shape::Shape;

/// Direct input, or constant current: every step gets the image itself, `scale · x`. The first population turns it into
/// spikes.
///
/// # Equals
/// `image.repeat(T)` elsewhere; `ConstantCurrentLIFEncoder` of Norse is this and a population of `Lif`.
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
