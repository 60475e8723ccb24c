//! CIFAR-10 in its binary version.

use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_core::{DataSet, Dataset, Shape, Splits};

use crate::DataError;
use crate::folder::Place;
use crate::source::Source;

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
/// Records of each file.
const RECORDS: usize = 10_000;

/// Where the files are.
pub(crate) static PLACE: Place = Place {
    data_set: "CIFAR-10",
    name: "Cifar10",
    folder: "cifar10",
    within: &["", "cifar-10-batches-bin"],
    files: &FILES,
    is_unmistakable: true,
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

    fn files(&self) -> Vec<String> {
        FILES.map(str::to_owned).to_vec()
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        self.load_first(folder, usize::MAX)
    }

    fn load_first(&self, folder: Option<&Path>, samples: usize) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let folder = PLACE.find(folder)?;
        let (mean, deviation): ([f32; 3], [f32; 3]) = (self.mean.into(), self.deviation.into());
        let read = |names: &[&str]| -> Result<Dataset, Box<dyn Error + Send + Sync>> {
            Ok(read(&folder, names, samples)?.normalised(&mean, &deviation)?)
        };
        Ok(Splits { train: read(&FILES[..5])?, test: read(&FILES[5..])?, folder: folder.clone() })
    }
}

/// The first `samples` records of the files called `names`, one file after the other; none is opened that is not needed.
fn read(folder: &Path, names: &[&str], samples: usize) -> Result<Dataset, DataError> {
    let samples = samples.clamp(1, names.len() * RECORDS);
    let (mut images, mut labels) = (Vec::with_capacity(samples * SHAPE.len()), Vec::with_capacity(samples));
    for name in &names[..samples.div_ceil(RECORDS)] {
        let path = PLACE.file(folder, name)?;
        let expected = (RECORDS * RECORD) as u64;
        let bytes = Source::open(&path)?.up_to(expected + 1)?;
        let found = bytes.len() as u64;
        if found < expected {
            return Err(DataError::Truncated { path, expected, found });
        }
        if found > expected {
            return Err(DataError::Trailing { path, expected });
        }
        let left = samples - labels.len();
        parse(&path, &bytes[..left.min(RECORDS) * RECORD], &mut images, &mut labels)?;
    }
    Ok(Dataset::new(SHAPE, CLASSES.len(), images, labels)?)
}

/// Appends the records of `bytes`, those of the file at `path`; what is left after the last whole one is ignored.
fn parse(path: &Path, bytes: &[u8], images: &mut Vec<u8>, labels: &mut Vec<u8>) -> Result<(), DataError> {
    for (index, [label, image @ ..]) in bytes.as_chunks::<RECORD>().0.iter().enumerate() {
        if usize::from(*label) >= CLASSES.len() {
            let reason = format!(
                "label {label} of image {index}, labels of CIFAR-10 are 0 to 9; this is not the binary version, or it is \
                 damaged: download it again"
            );
            return Err(DataError::Content { what: path.display().to_string(), reason });
        }
        labels.push(*label);
        images.extend_from_slice(image);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use snn_core::Content;
    use tempfile::TempDir;

    use super::*;

    /// The first 20 images of the test set.
    const SAMPLE: &[u8] = include_bytes!("../tests/samples/cifar10_test_first20.bin");

    /// A folder with batches of black images, of which all but the last are never filled.
    fn folder() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in FILES {
            fs::File::create(dir.path().join(name)).unwrap().set_len((RECORDS * RECORD) as u64).unwrap();
        }
        dir
    }

    fn message(dir: &TempDir) -> String {
        let error = Cifar10::default().load(Some(dir.path())).unwrap_err().to_string();
        error.replace(dir.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn genuine_images_are_read() {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        parse(Path::new("file"), SAMPLE, &mut images, &mut labels).unwrap();
        let dataset = Dataset::new(SHAPE, CLASSES.len(), images, labels).unwrap();
        let named: Vec<&str> = dataset.labels().iter().map(|&label| CLASSES[usize::from(label)]).collect();
        assert_eq!(named[..6], ["cat", "ship", "ship", "airplane", "frog", "frog"]);
        let Content::Image(image) = dataset.content(1) else { panic!("CIFAR-10 holds images") };
        // The ship on its blue sea: the pixel in the upper left corner is nearly white.
        assert_eq!([0, 1, 2].map(|channel| image[SHAPE.index(channel, 0, 0)]), [235, 235, 235]);
    }

    #[test]
    fn whole_batches_are_read_from_either_folder() {
        let dir = folder();
        let read = Cifar10::default().load(Some(dir.path())).unwrap();
        assert_eq!((read.train.len(), read.test.len()), (50_000, 10_000));
        assert_eq!(read.train.values(2)[0], -0.4465 / 0.5534);

        let inner = dir.path().join("cifar-10-batches-bin");
        fs::create_dir(&inner).unwrap();
        for name in FILES {
            fs::rename(dir.path().join(name), inner.join(name)).unwrap();
        }
        assert_eq!(PLACE.find(Some(dir.path())).unwrap(), dir.path());
        assert_eq!(PLACE.file(dir.path(), FILES[0]).unwrap(), inner.join(FILES[0]));
    }

    #[test]
    fn a_batch_of_the_wrong_size_is_refused() {
        let dir = folder();
        let resize =
            |len: u64| fs::OpenOptions::new().write(true).open(dir.path().join(FILES[3])).unwrap().set_len(len);
        resize(30_729_999).unwrap();
        let truncated =
            "DIR/data_batch_4.bin: truncated, 30730000 bytes expected, 30729999 found; download the file again";
        assert_eq!(message(&dir), truncated);
        resize(30_730_001).unwrap();
        assert!(
            message(&dir).starts_with("DIR/data_batch_4.bin: goes on after its last value, 30730000 bytes expected")
        );
        resize(0).unwrap();
        assert!(message(&dir).contains("0 found"));
    }

    #[test]
    fn no_more_is_read_than_is_asked_for() {
        let dir = folder();
        fs::remove_file(dir.path().join(FILES[2])).unwrap();
        let read = Cifar10::default().load_first(Some(dir.path()), 10_001).unwrap();
        assert_eq!((read.train.len(), read.test.len(), read.train.bytes()), (10_001, 10_000, 10_001 * 3072));
        assert!(Cifar10::default().load_first(Some(dir.path()), 20_001).is_err());
    }

    #[test]
    fn a_missing_batch_is_named() {
        let dir = folder();
        fs::remove_file(dir.path().join(FILES[2])).unwrap();
        let expected =
            "DIR: holds no data_batch_3.bin, neither by itself nor in cifar-10-batches-bin; it can be had from ";
        assert!(message(&dir).starts_with(expected), "{}", message(&dir));
    }

    #[test]
    fn a_label_beyond_9_is_shown() {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let mut bytes = SAMPLE.to_vec();
        bytes[3 * RECORD] = 10;
        let error = parse(Path::new("DIR/x.bin"), &bytes, &mut images, &mut labels).unwrap_err().to_string();
        assert!(error.starts_with("DIR/x.bin: label 10 of image 3, labels of CIFAR-10 are 0 to 9"), "{error}");
    }
}
