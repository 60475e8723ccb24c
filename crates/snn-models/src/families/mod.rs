//! The network families: ways to describe a network in a file, from `LeNet` to a free list of `Populations`.
//!
//! Each family checks its fields and lists its populations. The checks, the error messages and the construction of the
//! [`Network`](snn_core::Network) are shared.

mod chain;
mod pair;
pub(crate) mod populations;
mod resnet;
mod sequence;
mod stack;
mod stages;
mod vgg;

use std::sync::Arc;

use snn_core::part::{Part, PartError, range};
use snn_core::registry::{Registry, RegistryError};
use snn_core::{Conv, Family, Map, Window};

use crate::check::LARGE;

pub use pair::RowsColumns;
pub use populations::{PopulationSpec, Populations, ProjectionSpec};
pub use resnet::{Block, ResNet, Shortcut};
pub use sequence::{Layer, Sequence};
pub(crate) use stages::own_stride;
pub use stages::{NormSpec, PoolSpec, Pooling};
pub use vgg::{LeNet, Vgg};

/// Maximum size of kernels, strides, paddings and pools.
const WINDOW: usize = 1024;

/// Window size and stride of the pools between blocks.
const POOL: usize = 2;

/// Registers the network families `Sequence`, `LeNet`, `Vgg`, `ResNet` and `Populations`.
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

fn ones() -> RowsColumns {
    RowsColumns::both(1)
}

fn zeros() -> RowsColumns {
    RowsColumns::both(0)
}

/// Creates a convolution after checking the ranges of its values. `at` gives the path of a field.
fn conv(conv: Conv, at: &dyn Fn(&str) -> String) -> Result<Map, PartError> {
    range::count(&at("channels"), conv.channels, LARGE)?;
    range::count(&at("groups"), conv.groups, LARGE)?;
    let Window { size, stride, padding, dilation } = conv.window;
    for (name, least, pair) in
        [("kernel", 1, size), ("stride", 1, stride), ("padding", 0, padding), ("dilation", 1, dilation)]
    {
        let is_in_range = pair.iter().all(|number| (least..=WINDOW).contains(number));
        range::require(is_in_range, &at(name), format!("{least} to {WINDOW}"), &RowsColumns(pair))?;
    }
    let groups = conv.channels.is_multiple_of(conv.groups);
    range::require(groups, &at("groups"), format!("a divisor of the {} channels", conv.channels), &conv.groups)?;
    Ok(conv.into())
}

/// The paper's output neuron.
fn integrator() -> Part {
    Part { name: "LeakyIntegrator".to_owned(), fields: "(gradient: LeakFree)".to_owned() }
}
