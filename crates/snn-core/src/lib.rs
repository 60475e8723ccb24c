//! The core of the library: shapes, spike trains, [`Network`], neurons and surrogate gradients, encoders, scores,
//! losses, optimizers, training loops, randomness and the [`registry`] of everything that has a name. The
//! [`mod@reference`] engine specifies what all engines compute; it is slow, dense and meant to be read.
//!
//! This crate does not access files or devices. "The paper" is Lee, Sarwar, Panda, Srinivasan and Roy, *Enabling
//! Spike-based Backpropagation for Training Deep Neural Network Architectures*, Front. Neurosci. 14:119 (2020); its
//! rules are implemented as in the authors' published programs.
//!
//! ```
//! use snn_core::{Engine as _, Map, Network, Neuron, Plan, Projection, Shape, Source, reference::Reference};
//!
//! let mut builder = Network::builder(Shape::new(1, 8, 8));
//! let conv = Map::conv(4, [3, 3], 1, 1);
//! let hidden = builder.add("conv1", Neuron::lif(), vec![Projection::new(Source::Input, conv)])?;
//! builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, Map::Linear { features: 10 })])?;
//! let network = builder.build()?;
//!
//! let session = Reference.compile(&network, Plan::new(20, 2).train())?;
//! assert!(session.memory().total() > 0);
//! # Ok::<(), snn_core::Error>(())
//! ```

// Modules are listed in the order of their layers: each uses only those before it (checked by `tests/tidy` of the
// workspace).

// Numbers, shapes, text.
pub mod text;
mod error;
mod finite;
mod random;
mod real;
pub mod formula;
mod shape;
mod spikes;
mod vectorized;
pub mod part;
// Samples.
mod sampling;
mod dataset;
mod augmentation;
// Neurons.
pub mod surrogate;
pub mod neuron;
// Networks.
mod map;
mod pool;
mod standardisation;
mod network;
mod dropout;
mod penalty;
// Scores and losses.
mod score;
mod loss;
// Engines.
mod encoder;
pub mod optimizer;
mod engine;
mod folding;
// The reference engine, and recomputation from spikes.
pub mod reference;
mod replay;
// Training.
mod training;
// Names.
pub mod registry;
mod builtin;
// Checks of gradients and engines.
pub mod agreement;
#[cfg(feature = "testing")]
pub mod testing;
pub mod prelude;

pub use augmentation::{Augmentation, DrawnAugmentation};
pub use builtin::plugin;
pub use dataset::{AddressEvent, Content, DataSource, Dataset, DatasetKind, Splits};
pub use dropout::dropout_mask;
pub use encoder::{
    Delta, Direct, Encoded, Encoder, Frames, Input, Latency, LatencyCurve, Poisson, PopulationCode, SampleKey, Slices,
};
pub use engine::{
    Activity, Draws, Dropout, Engine, Errors, Learner, Memory, Peak, Plan, Record, Session, Stimulus, Timing, Trial,
};
pub use error::Error;
pub use finite::{LARGEST_WEIGHT, check_finite};
pub use folding::fold_unless_training;
pub use loss::{CountMse, CrossEntropy, Grades, Loss, MembraneMse, PerStep, SquaredError, VanRossum, argmax, grade};
pub use map::{Conv, Map, Window};
pub use network::{
    Builder, Connection, Graph, GroupStatistics, Initial, Join, Network, Norm, NormTensors, Population, Projection,
    Reader, Role, Source, Split, Tensor, Weights,
};
pub use neuron::{Gradient, Neuron, NeuronModel, Trace};
pub use optimizer::{Optimizer, OptimizerState};
pub use penalty::RatePenalty;
pub use pool::{Pool, PoolKind};
pub use random::{Purpose, Stream, philox};
pub use real::{Dual, Real};
pub use registry::Family;
pub use replay::{Replay, Traces};
pub use sampling::{HoldOut, Limit};
pub use score::{Final, Max, Mean, Score, Sum};
pub use shape::Shape;
pub use spikes::SpikeTrain;
pub use standardisation::{gains, standardise, standardise_backward};
pub use surrogate::{Surrogate, SurrogateModel};
pub use training::{Metrics, Recipe, Trainer, TrainingSession};

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
