//! CIFAR-10 in its binary version.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_core::{DataSet, Dataset, Shape, Splits};

use crate::DataError;
use crate::folder::Place;

/// Files of the training set, then that of the test set.
pub const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const SHAPE: Shape = Shape::new(3, 32, 32);
/// Bytes of a record: the label, then the image `[C, H, W]`.
const RECORD: usize = 1 + SHAPE.len();

/// Where the files are.
pub(crate) static PLACE: Place = Place {
    data_set: "CIFAR-10",
    folder: "cifar10",
    within: &["", "cifar-10-batches-bin"],
    files: &FILES,
    origin: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
};

/// Photographs of ten kinds of things, by Krizhevsky: 32x32 pixels of 3 channels, 50,000 training and 10,000 test images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cifar10 {
    /// Subtracted from each channel (red, green, blue), whose values are 0 to 1.
    pub mean: (f32, f32, f32),
    /// What each channel is then divided by. The defaults, of the paper's program, keep values in -1 to 1.
    pub deviation: (f32, f32, f32),
}

impl Default for Cifar10 {
    fn default() -> Self {
        Self { mean: (0.4914, 0.4822, 0.4465), deviation: (0.557, 0.549, 0.5534) }
    }
}

impl DataSet for Cifar10 {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES.len()
    }

    fn class_name(&self, class: usize) -> String {
        CLASSES.get(class).map_or_else(|| class.to_string(), ToString::to_string)
    }

    fn training_images(&self) -> usize {
        50_000
    }

    fn test_images(&self) -> usize {
        10_000
    }

    fn describe(&self) -> String {
        "photographs, 32x32 pixels of three channels, 10 classes, 50,000 training and 10,000 test images".to_owned()
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let folder = PLACE.find(folder)?;
        let (mean, deviation): ([f32; 3], [f32; 3]) = (self.mean.into(), self.deviation.into());
        let read = |names: &[&str]| -> Result<Dataset, Box<dyn Error + Send + Sync>> {
            Ok(read(&folder, names)?.normalised(&mean, &deviation)?)
        };
        Ok(Splits { train: read(&FILES[..5])?, test: read(&FILES[5..])?, folder: folder.clone() })
    }
}

/// The records of the files called `names`, one file after the other.
fn read(folder: &Path, names: &[&str]) -> Result<Dataset, DataError> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for name in names {
        let path = PLACE.file(folder, name)?;
        let bytes = fs::read(&path).map_err(|source| DataError::Read { path: path.clone(), source })?;
        let content = |reason| DataError::Content { what: path.display().to_string(), reason };
        let (records, rest) = bytes.as_chunks::<RECORD>();
        if records.is_empty() || !rest.is_empty() {
            let reason = format!(
                "{} bytes are no whole number of records of {RECORD} bytes each; download the file again",
                bytes.len()
            );
            return Err(content(reason));
        }
        for (index, [label, image @ ..]) in records.iter().enumerate() {
            if usize::from(*label) >= CLASSES.len() {
                return Err(content(format!("label {label} of image {index}, labels of CIFAR-10 are 0 to 9")));
            }
            labels.push(*label);
            images.extend_from_slice(image);
        }
    }
    Ok(Dataset::new(SHAPE, CLASSES.len(), images, labels)?)
}
