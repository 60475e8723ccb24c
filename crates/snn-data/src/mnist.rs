//! MNIST: where its files are, and what they must hold.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use snn_core::{DataSet, Dataset, Shape, Splits};

use crate::DataError;
use crate::folder::Place;
use crate::idx::{self, Idx};

/// Names of the four files, without `.gz`.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// md5 of each file after decompression.
const CHECKSUMS: [&str; 4] = [
    "6bbc9ace898e44ae57da46a324031adb",
    "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea",
    "27ae3e4e09519cfbb04c329615203637",
];

/// Where the files are.
pub(crate) static PLACE: Place = Place {
    data_set: "MNIST",
    folder: "mnist",
    within: &["", "MNIST/raw"],
    files: &FILES,
    origin: "https://ossci-datasets.s3.amazonaws.com/mnist/",
};

const SHAPE: Shape = Shape::new(1, 28, 28);
const CLASSES: usize = 10;

/// The handwritten digits of `LeCun`, Cortes and Burges: 28x28 pixels, 10 classes, 60,000 training and 10,000 test
/// images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mnist {}

impl DataSet for Mnist {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn training_images(&self) -> usize {
        60_000
    }

    fn test_images(&self) -> usize {
        10_000
    }

    fn describe(&self) -> String {
        "handwritten digits, 28x28 pixels of one channel, 10 classes, 60,000 training and 10,000 test images".to_owned()
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(load(&PLACE.find(folder)?)?)
    }
}

/// Reads the four files in `dir` or `dir/MNIST/raw`, each with or without `.gz`, and checks all that can be checked:
/// format, sizes, labels and md5.
///
/// # Errors
/// Every [`DataError`] but [`DataError::NotFound`].
pub fn load(dir: &Path) -> Result<Splits, DataError> {
    Ok(Splits { train: load_part(dir, 0)?, test: load_part(dir, 2)?, folder: dir.to_owned() })
}

/// Reads images and labels, from the file at `first` in [`FILES`] and the one after it.
fn load_part(dir: &Path, first: usize) -> Result<Dataset, DataError> {
    let (images_path, images, images_md5) = read(dir, first, idx::IMAGES)?;
    let (labels_path, labels, labels_md5) = read(dir, first + 1, idx::LABELS)?;

    let content = |path: &Path, reason| Err(DataError::Content { what: path.display().to_string(), reason });
    let (n_images, size) = (images.extents[0], &images.extents[1..]);
    if size != [SHAPE.height, SHAPE.width] {
        return content(&images_path, format!("images are {}x{}, those of MNIST are 28x28", size[0], size[1]));
    }
    if labels.values.len() != n_images {
        let reason = format!("{} labels for the {n_images} images of {}", labels.values.len(), images_path.display());
        return content(&labels_path, reason);
    }
    if let Some(i) = labels.values.iter().position(|&label| usize::from(label) >= CLASSES) {
        return content(&labels_path, format!("label {} of image {i}, labels of MNIST are 0 to 9", labels.values[i]));
    }
    for (path, found, expected) in
        [(images_path, images_md5, CHECKSUMS[first]), (labels_path, labels_md5, CHECKSUMS[first + 1])]
    {
        if found != expected {
            return Err(DataError::Checksum { path, expected, found });
        }
    }
    Ok(Dataset::new(SHAPE, CLASSES, images.values, labels.values)?)
}

/// Path, content and md5 of one of [`FILES`].
fn read(dir: &Path, file: usize, magic: u32) -> Result<(PathBuf, Idx, String), DataError> {
    let name = FILES[file];
    let path = PLACE.file(dir, name)?;
    let bytes = idx::bytes(&path)?;
    let digest = Md5::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    });
    let idx = idx::parse(&path, bytes, magic)?;
    Ok((path, idx, digest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use snn_core::Content;

    use super::*;

    const TEST: usize = 2;

    fn real() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist")
    }

    /// Decompressed bytes of images and labels of the test set.
    fn bytes() -> [Vec<u8>; 2] {
        [TEST, TEST + 1].map(|file| idx::bytes(&real().join(format!("{}.gz", FILES[file]))).unwrap())
    }

    /// The message for a test set of these bytes, with `DIR` for the directory.
    fn message(images: &[u8], labels: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILES[TEST]), images).unwrap();
        fs::write(dir.path().join(FILES[TEST + 1]), labels).unwrap();
        let error = load_part(dir.path(), TEST).unwrap_err();
        error.to_string().replace(dir.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn the_real_files_are_read() {
        let mnist = Mnist {}.load(Some(&real())).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len(), mnist.folder), (60_000, 10_000, real()));
        assert_eq!(mnist.train.labels()[..5], [5, 0, 4, 1, 9]);
        let Content::Image(image) = mnist.test.content(0) else { panic!("MNIST holds images") };
        assert_eq!(image.iter().map(|&pixel| u32::from(pixel)).sum::<u32>(), 18_454);
    }

    #[test]
    fn the_torchvision_layout_without_gzip_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let raw = dir.path().join("MNIST/raw");
        fs::create_dir_all(&raw).unwrap();
        for (file, bytes) in [TEST, TEST + 1].into_iter().zip(bytes()) {
            fs::write(raw.join(FILES[file]), bytes).unwrap();
        }
        assert_eq!(load_part(dir.path(), TEST).unwrap(), load_part(&real(), TEST).unwrap());
        assert_eq!(PLACE.find(Some(dir.path())).unwrap(), dir.path());
    }

    #[test]
    fn one_changed_pixel_fails_the_checksum() {
        let [mut images, labels] = bytes();
        images[1000] ^= 1;
        let message = message(&images, &labels);
        assert!(message.starts_with("DIR/t10k-images-idx3-ubyte: md5 of the decompressed bytes is "), "{message}");
        assert!(message.ends_with(", expected 2646ac647ad5339dbf082846283269ea; download the file again"), "{message}");
    }

    #[test]
    fn counts_of_images_and_labels_must_agree() {
        let [images, labels] = bytes();
        let fewer = [&labels[..4], &9_999u32.to_be_bytes(), &labels[8..10_007]].concat();
        assert_eq!(
            message(&images, &fewer),
            "DIR/t10k-labels-idx1-ubyte: 9999 labels for the 10000 images of DIR/t10k-images-idx3-ubyte"
        );
    }

    #[test]
    fn labels_end_at_9() {
        let [images, mut labels] = bytes();
        labels[8 + 3] = 10;
        assert_eq!(
            message(&images, &labels),
            "DIR/t10k-labels-idx1-ubyte: label 10 of image 3, labels of MNIST are 0 to 9"
        );
    }

    #[test]
    fn images_are_28_by_28() {
        let [mut images, labels] = bytes();
        images[8..16].copy_from_slice(&[0, 0, 0, 14, 0, 0, 0, 56]);
        assert_eq!(message(&images, &labels), "DIR/t10k-images-idx3-ubyte: images are 14x56, those of MNIST are 28x28");
    }

    #[test]
    fn a_missing_file_is_named_with_its_source() {
        let dir = tempfile::tempdir().unwrap();
        let message = load_part(dir.path(), TEST).unwrap_err().to_string();
        assert_eq!(
            message.replace(dir.path().to_str().unwrap(), "DIR"),
            "DIR: holds no t10k-images-idx3-ubyte, neither by itself nor in MNIST/raw; it can be had from \
             https://ossci-datasets.s3.amazonaws.com/mnist/"
        );
    }

    #[test]
    fn damaged_gzip_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let name = format!("{}.gz", FILES[TEST + 1]);
        let whole = fs::read(real().join(&name)).unwrap();
        let mut flipped = whole.clone();
        flipped[2000] ^= 0x55;
        for damaged in [&whole[..4000], &flipped] {
            fs::write(dir.path().join(&name), damaged).unwrap();
            let message = read(dir.path(), TEST + 1, idx::LABELS).unwrap_err().to_string();
            let message = message.replace(dir.path().to_str().unwrap(), "DIR");
            assert!(message.starts_with("DIR/t10k-labels-idx1-ubyte.gz: the gzip data is corrupted ("), "{message}");
            assert!(message.ends_with("); download the file again"), "{message}");
        }
    }

    #[test]
    fn what_is_not_found_lists_where_it_was_looked_for() {
        let message = PLACE.find(Some(Path::new("no/such/dir"))).unwrap_err().to_string();
        assert_eq!(
            message,
            "MNIST not found; looked in\n  no/such/dir\nPut its files (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
             t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte) into one of these, for example from \
             https://ossci-datasets.s3.amazonaws.com/mnist/, or name their folder with --data"
        );
    }
}
