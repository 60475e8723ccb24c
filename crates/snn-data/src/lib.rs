//! Readers of data sets, which validate the files that they read, and a loader of batches. A batch depends only on the
//! seed, the epoch and the index of the batch.
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

mod checksum;
mod error;
mod folder;
mod kind;
mod loader;
mod reading;
mod source;

pub mod cifar10;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod idx;
pub mod mat;
pub mod mnist;
pub mod nmnist;
pub mod published;
#[cfg(feature = "sheet")]
pub mod sheet;
pub mod svhn;

use std::sync::Arc;

use snn_core::part::{PartError, range};
use snn_core::registry::{Registry, RegistryError};

pub use cifar10::Cifar10;
pub use error::DataError;
pub use folder::DatasetFiles;
pub use kind::{HEAD, kind_of, kind_of_file};
pub use loader::{Batch, Loader};
pub use mnist::{FashionMnist, Mnist};
pub use nmnist::{Nmnist, OffSensor};
pub use reading::{open_file, read_file, read_text};
pub use snn_core::{DataSource, Dataset, HoldOut, Limit, Splits};
pub use svhn::Svhn;

/// The hint in error messages for users with data of their own.
pub(crate) const OWN_DATA: &str =
    "Data of your own, or another data set, are read by a plug-in (see the chapter on plug-ins in the book)";

/// Adds the data sets `Mnist`, `FashionMnist`, `Cifar10`, `Svhn` and `Nmnist` to the registry.
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.data_sets.add("Mnist", |mnist: &mut Mnist, _| Ok(Arc::new(*mnist) as Arc<dyn DataSource>))?;
    registry
        .data_sets
        .add("FashionMnist", |fashion: &mut FashionMnist, _| Ok(Arc::new(*fashion) as Arc<dyn DataSource>))?;
    registry.data_sets.add("Cifar10", |cifar10: &mut Cifar10, _| {
        check_normalisation(cifar10.mean, cifar10.deviation)?;
        Ok(Arc::new(*cifar10) as Arc<dyn DataSource>)
    })?;
    registry.data_sets.add("Svhn", |svhn: &mut Svhn, _| {
        check_normalisation(svhn.mean, svhn.deviation)?;
        if let Some(held_out) = svhn.held_out {
            range::count("held_out", held_out.count(), svhn::IMAGES[0] - 1)?;
        }
        Ok(Arc::new(svhn.clone()) as Arc<dyn DataSource>)
    })?;
    registry.data_sets.add("Nmnist", |nmnist: &mut Nmnist, _| Ok(Arc::new(*nmnist) as Arc<dyn DataSource>))
}

fn check_normalisation(mean: (f32, f32, f32), deviation: (f32, f32, f32)) -> Result<(), PartError> {
    <[f32; 3]>::from(mean).into_iter().try_for_each(|mean| range::finite("mean", mean))?;
    <[f32; 3]>::from(deviation).into_iter().try_for_each(|deviation| range::positive("deviation", deviation))
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
