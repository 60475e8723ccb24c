//! What most programs need: `use snn_core::prelude::*;`.

pub use crate::neuron::{LeakyIntegrator, Lif};
pub use crate::registry::{Part, Registry};
pub use crate::surrogate::{Atan, FastSigmoid, Sigmoid};
pub use crate::{
    CrossEntropy, Dropout, Encoded, Encoder, Engine, Error, Errors, Gradient, Map, Network, Neuron, Norm, Optimizer,
    Plan, Pool, Projection, Purpose, Readout, Recipe, Score, Session, Shape, Source, SpikeTrain, Stimulus, Stream,
    Trainer, Trial, UpdateRule, Weights,
};
