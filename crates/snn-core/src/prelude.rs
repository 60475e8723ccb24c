//! What most programs need: `use snn_core::prelude::*;`.

pub use crate::encoder::{Encoded, Encoder};
pub use crate::engine::{Dropout, Engine, Errors, Plan, Session, Stimulus, Trial};
pub use crate::error::Error;
pub use crate::loss::CrossEntropy;
pub use crate::map::Map;
pub use crate::network::{Network, Norm, Projection, Source, Weights};
pub use crate::neuron::{Gradient, LeakyIntegrator, Lif, Neuron};
pub use crate::optimizer::{Optimizer, OptimizerState};
pub use crate::part::Part;
pub use crate::pool::Pool;
pub use crate::random::{Purpose, Stream};
pub use crate::registry::Registry;
pub use crate::score::Score;
pub use crate::shape::Shape;
pub use crate::spikes::SpikeTrain;
pub use crate::surrogate::{Atan, FastSigmoid, Sigmoid};
pub use crate::training::{Metrics, Recipe, Trainer};
