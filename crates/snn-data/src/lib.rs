//! Data sets that check what they read, and a loader whose batches depend on nothing but the seed, the epoch and the
//! batch's index.
//!
//! ```
//! use snn_core::Shape;
//! use snn_data::{Dataset, Loader};
//!
//! let dataset = Dataset::new(Shape::new(1, 1, 2), 2, vec![0, 255, 51, 0], vec![0, 1])?;
//! let mut loader = Loader::in_order(&dataset, 0..2, 1);
//! let batch = loader.batch(0, 1).ok_or("two batches")?;
//! assert_eq!((&batch.pixels[..], &batch.labels[..], &batch.samples[..]), (&[0.2, 0.0][..], &[1][..], &[1][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod folder;
mod loader;

pub mod cifar10;
pub mod idx;
pub mod mnist;

use std::sync::Arc;

use snn_core::registry::{Registry, RegistryError, range};

pub use cifar10::Cifar10;
pub use error::DataError;
pub use folder::Place;
pub use loader::{Batch, Loader};
pub use mnist::Mnist;
pub use snn_core::{DataSet, Dataset, Splits};

/// Adds the data sets `Mnist` and `Cifar10`.
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.data_sets.add("Mnist", |mnist: &mut Mnist, _| Ok(Arc::new(*mnist) as Arc<dyn DataSet>))?;
    registry.data_sets.add("Cifar10", |cifar10: &mut Cifar10, _| {
        let (mean, deviation): ([f32; 3], [f32; 3]) = (cifar10.mean.into(), cifar10.deviation.into());
        mean.iter().try_for_each(|&mean| range::finite("mean", mean))?;
        deviation.iter().try_for_each(|&deviation| range::positive("deviation", deviation))?;
        Ok(Arc::new(*cifar10) as Arc<dyn DataSet>)
    })
}
