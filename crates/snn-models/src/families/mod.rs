//! The network families: ways to spell a network in a file, from `LeNet` to a free list of `Populations`.
//!
//! Each reads its fields, checks them, and lists populations, so that all share checks, messages and the way to a
//! [`Network`](snn_core::Network).

mod chain;
mod populations;
mod resnet;
mod sequence;
mod stack;
mod vgg;

use std::sync::Arc;

use snn_core::Family;
use snn_core::registry::{Part, Registry, RegistryError};

pub use populations::{Population, Populations, Projection};
pub use resnet::{Block, ResNet, Shortcut};
pub use sequence::{Layer, Sequence};
pub use vgg::{LeNet, Vgg};

/// Largest kernels, strides, paddings and pools.
const WINDOW: usize = 1024;

/// Adds the network families `Sequence`, `LeNet`, `Vgg`, `ResNet` and `Populations`.
///
/// # Errors
/// [`RegistryError`] if a name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    let families = &mut registry.families;
    families.add("Sequence", |it: &mut Sequence, registry| Ok(Arc::new(it.make(registry)?) as Arc<dyn Family>))?;
    families.add("LeNet", |it: &mut LeNet, registry| Ok(Arc::new(it.make(registry)?) as Arc<dyn Family>))?;
    families.add("Vgg", |it: &mut Vgg, registry| Ok(Arc::new(it.make(registry)?) as Arc<dyn Family>))?;
    families.add("ResNet", |it: &mut ResNet, registry| Ok(Arc::new(it.make(registry)?) as Arc<dyn Family>))?;
    families.add("Populations", |it: &mut Populations, registry| Ok(Arc::new(it.make(registry)?) as Arc<dyn Family>))
}

fn one() -> usize {
    1
}

/// The paper's output neuron.
fn integrator() -> Part {
    Part { name: "LeakyIntegrator".to_owned(), fields: "(gradient: LeakFree)".to_owned() }
}
