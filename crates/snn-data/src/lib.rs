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
mod loader;

pub mod idx;
pub mod mnist;

use std::sync::Arc;

use snn_core::registry::{Registry, RegistryError};

pub use error::DataError;
pub use loader::{Batch, Loader};
pub use mnist::Mnist;
pub use snn_core::{DataSet, Dataset, Splits};

/// Adds the data set `Mnist`.
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.data_sets.add("Mnist", |mnist: &mut Mnist, _| Ok(Arc::new(*mnist) as Arc<dyn DataSet>))
}
