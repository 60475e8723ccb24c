//! The meaning of a spiking network: shapes, spike trains, [`Network`], randomness, encoders, losses, and the
//! [`mod@reference`] engine, which is slow, dense and meant to be read as the specification.
//!
//! This crate knows nothing of files and devices. The method is that of Lee, Sarwar, Panda, Srinivasan and Roy,
//! *Enabling Spike-based Backpropagation for Training Deep Neural Network Architectures*, Front. Neurosci. 14:119
//! (2020), as their published programs compute it.
//!
//! ```
//! use snn_core::{Engine as _, Map, Network, Neuron, Plan, Projection, Shape, Source, reference::Reference};
//!
//! let mut builder = Network::builder(Shape::new(1, 8, 8));
//! let conv = Map::Conv { channels: 4, kernel: [3, 3], stride: 1, padding: 1 };
//! let hidden = builder.add("conv1", Neuron::lif(), vec![Projection::new(Source::Input, conv)])?;
//! builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, Map::Linear { features: 10 })])?;
//! let network = builder.build()?;
//!
//! let session = Reference.compile(&network, Plan { steps: 20, batch: 2, train: true, record: false })?;
//! assert!(session.memory().total() > 0);
//! # Ok::<(), snn_core::Error>(())
//! ```

mod dropout;
mod encoder;
mod engine;
mod error;
mod loss;
mod network;
mod neuron;
mod random;
mod shape;
mod spikes;

pub mod reference;

pub use dropout::dropout_mask;
pub use encoder::{Encoder, Fires};
pub use engine::{Activity, Draws, Dropout, Engine, Memory, Plan, Record, Session, Stimulus, Trial};
pub use error::Error;
pub use loss::{SquaredError, argmax};
pub use network::{Builder, Map, Network, Population, Projection, Source, Weight, Weights};
pub use neuron::{Gradient, Neuron, Trace, correction};
pub use random::{Purpose, Stream, philox};
pub use shape::Shape;
pub use spikes::SpikeTrain;
