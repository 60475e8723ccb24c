//! Names for everything that an experiment is made of, open to third parties.
//!
//! A [`Registry`] holds a [`Catalog`] for each kind of thing. Whatever is shipped enters by the door that is open to
//! all: a function `plugin(&mut Registry)`. There is no global state: a program makes its registry, adds plug-ins, and
//! passes it on.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use snn_core::registry::{Part, Registry, RegistryError};
//! use snn_core::{Real, Surrogate, SurrogateModel};
//!
//! /// A surrogate of one's own: `grad = e^(-x²)`.
//! #[derive(Debug, Clone, Default, Serialize, Deserialize)]
//! struct Bell {}
//!
//! impl SurrogateModel for Bell {
//!     fn primitive<F: Real>(&self, x: F) -> F {
//!         x.erf() * 0.886_226_9.into() // √π / 2
//!     }
//!     fn grad<F: Real>(&self, x: F) -> F {
//!         (-(x * x)).exp()
//!     }
//!     fn equation(&self) -> String {
//!         "exp(-x²)".to_owned()
//!     }
//! }
//!
//! fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
//!     registry.surrogates.add("Bell", |bell: &mut Bell, _| Ok(Surrogate::new(bell.clone())))
//! }
//!
//! let registry = Registry::new().with(snn_core::plugin)?.with(plugin)?;
//! let mut part = Part::parse("Lif(leak: 0.9, gradient: Bell)")?;
//! let neuron = registry.neurons.make(&mut part, &registry)?;
//! assert_eq!(neuron.name(), "Lif");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
mod error;
mod node;
mod part;
mod path;
mod plain;
pub mod range;
mod reader;
mod scanner;
mod text;
mod value;

use std::sync::Arc;

use crate::{DataSet, Engine, Family, Gradient, Input, Loss, Neuron, Readout, Surrogate};

pub use catalog::Catalog;
pub use error::{Fault, IN_BRACKETS, PartError, RegistryError};
pub use node::{Field, Node, NodeContent};
pub use part::Part;
pub use path::{Path, Segment};
pub use scanner::Unreadable;
pub(crate) use text::as_written;
pub use text::{from_ron, options};

/// Catalogs of all kinds of things that have names.
#[derive(Debug)]
pub struct Registry {
    /// Neurons, such as `Lif`.
    pub neurons: Catalog<Neuron>,
    /// Surrogate gradients, such as `Atan`.
    pub surrogates: Catalog<Surrogate>,
    /// Encoders, such as `Poisson`, or `Frames` for recordings.
    pub encoders: Catalog<Input>,
    /// Readouts, such as `Final`.
    pub readouts: Catalog<Arc<dyn Readout>>,
    /// Losses, such as `SquaredError`.
    pub losses: Catalog<Arc<dyn Loss>>,
    /// Network families, such as `Sequence`.
    pub families: Catalog<Arc<dyn Family>>,
    /// Data sets, such as `Mnist`.
    pub data_sets: Catalog<Arc<dyn DataSet>>,
    /// Engines, such as `cpu`.
    pub engines: Catalog<Arc<dyn Engine>>,
}

impl Registry {
    /// A registry without names.
    pub fn new() -> Self {
        Self {
            neurons: Catalog::new("neuron", "neurons").finishing(|neuron, part| neuron.with_part(part.clone())),
            surrogates: Catalog::new("surrogate", "surrogates"),
            encoders: Catalog::new("encoder", "encoders"),
            readouts: Catalog::new("readout", "readouts"),
            losses: Catalog::new("loss", "losses"),
            families: Catalog::new("network", "networks"),
            data_sets: Catalog::new("data set", "data sets"),
            engines: Catalog::new("engine", "engines"),
        }
    }

    /// The registry with what `plugin` adds.
    ///
    /// # Errors
    /// [`RegistryError`] if a name is taken.
    pub fn with(mut self, plugin: impl FnOnce(&mut Self) -> Result<(), RegistryError>) -> Result<Self, RegistryError> {
        plugin(&mut self)?;
        Ok(self)
    }

    /// The surrogate gradient that a neuron's field `gradient` names.
    ///
    /// # Errors
    /// [`PartError`] with the path `gradient`.
    pub fn gradient(&self, part: &mut Part, detach_reset: bool) -> Result<Gradient, PartError> {
        let surrogate = self.surrogates.make(part, self).map_err(|error| error.within("gradient"))?;
        Ok(Gradient::Surrogate { surrogate, detach_reset })
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
