//! The registry of the names that an experiment file can use. Plug-ins can add their own.
//!
//! A [`Registry`] holds a [`Catalog`] for each kind of component. Built-in components are registered in the same way as
//! those of third parties: by a function `plugin(&mut Registry)`. There is no global state: a program creates its
//! registry, adds plug-ins and passes it on.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use snn_core::part::Part;
//! use snn_core::registry::{Registry, RegistryError};
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

use std::fmt::Debug;
use std::sync::Arc;

use crate::dataset::DataSource;
use crate::encoder::Input;
use crate::engine::Engine;
use crate::loss::Loss;
use crate::network::Network;
use crate::neuron::{Gradient, Neuron};
use crate::part::{Part, PartError};
use crate::score::Score;
use crate::shape::Shape;
use crate::surrogate::Surrogate;

pub use catalog::Catalog;

/// The catalogs of all named components.
#[derive(Debug)]
pub struct Registry {
    /// Neurons, such as `Lif`.
    pub neurons: Catalog<Neuron>,
    /// Surrogate gradients, such as `Atan`.
    pub surrogates: Catalog<Surrogate>,
    /// Encoders, such as `Poisson`, or `Frames` for recordings.
    pub encoders: Catalog<Input>,
    /// Scores, such as `Final`.
    pub scores: Catalog<Arc<dyn Score>>,
    /// Losses, such as `SquaredError`.
    pub losses: Catalog<Arc<dyn Loss>>,
    /// Network families, such as `Sequence`.
    pub families: Catalog<Arc<dyn Family>>,
    /// Data sets, such as `Mnist`.
    pub data_sets: Catalog<Arc<dyn DataSource>>,
    /// Engines, such as `cpu`.
    pub engines: Catalog<Arc<dyn Engine>>,
}

impl Registry {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self {
            neurons: Catalog::new("neuron", "neurons").finishing(|neuron, part| neuron.with_part(part.clone())),
            surrogates: Catalog::new("surrogate", "surrogates"),
            encoders: Catalog::new("encoder", "encoders"),
            scores: Catalog::new("score", "scores"),
            losses: Catalog::new("loss", "losses"),
            families: Catalog::new("network", "networks"),
            data_sets: Catalog::new("data set", "data sets"),
            engines: Catalog::new("engine", "engines"),
        }
    }

    /// Returns the registry with the names that `plugin` adds.
    ///
    /// # Errors
    /// [`RegistryError`] if a name is already registered.
    pub fn with(mut self, plugin: impl FnOnce(&mut Self) -> Result<(), RegistryError>) -> Result<Self, RegistryError> {
        plugin(&mut self)?;
        Ok(self)
    }

    /// Creates the surrogate gradient that a neuron's field `gradient` names.
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

/// A network family, such as a sequence of layers, with all fields set. Only the input shape and the number of classes
/// are still open; they depend on the data.
pub trait Family: Debug + Send + Sync {
    /// Builds the network for inputs of shape `input` and `classes` classes.
    ///
    /// # Errors
    /// [`PartError`] with the path of the layer or value that does not fit.
    fn build(&self, input: Shape, classes: usize) -> Result<Network, PartError>;
}

/// The error that a name was registered twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} \"{name}\" is registered already")]
pub struct RegistryError {
    /// Kind of catalog, such as `neuron`.
    pub kind: &'static str,
    /// The name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_cannot_be_read_are_told_in_plain_words() {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        for (text, message) in [
            (
                "Lif(leek: 0.9)",
                "unknown field \"leek\"; known fields: leak, threshold, reset, decay_input, detach_reset, learn_threshold, per, gradient",
            ),
            ("Relu(leak: 0.9)", "unknown field \"leak\"; known fields: none"),
            ("Lif(leak: 0.9, leak: 0.9)", "field \"leak\" is given twice"),
            ("Lif(leak: high)", "leak: must be a number, found high"),
            ("Lif(decay_input: yes)", "decay_input: must be true or false, found yes"),
            ("Lif(gradient: Atan(alpha: (1.0)))", "gradient.alpha: must be a number, found (1.0)"),
            ("Lif(reset: Later)", "reset: unknown reset \"Later\"; known resets: Hard, Soft, SoftAfterLeak, None"),
            (
                "Lif(reset: \"Soft\")",
                "reset: must be a name without quotes, as in Name or Name(field: value), found \"Soft\"",
            ),
            ("Lif(reset: Soft())", "reset: Soft takes no ( )"),
            ("Lif(reset: Hard(0.1))", "reset: values must be named, as in (name: value)"),
            ("Lif(0.9)", "values must be named, as in (name: value)"),
            ("Lif(leak: 0.9 threshold: 1.0)", "a comma is missing after 0.9"),
        ] {
            let error = registry.neurons.make(&mut Part::parse(text).unwrap(), &registry).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
