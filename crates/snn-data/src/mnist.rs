//! MNIST and Fashion-MNIST: four idx files each.

use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_core::{DataSet, Dataset, Shape, Splits};

use crate::DataError;
use crate::folder::Place;
use crate::idx::{self, IdxFile};

/// Names of the four files, without `.gz`.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Images in the training and in the test files.
const IMAGES: [usize; 2] = [60_000, 10_000];
const SHAPE: Shape = Shape::new(1, 28, 28);
const CLASSES: usize = 10;

/// Where the files of MNIST are.
pub(crate) static PLACE: Place = Place {
    data_set: "MNIST",
    name: "Mnist",
    folder: "mnist",
    within: &["", "MNIST/raw"],
    files: &FILES,
    is_unmistakable: false,
    origin: "https://ossci-datasets.s3.amazonaws.com/mnist/",
};

/// Where the files of Fashion-MNIST are.
pub(crate) static FASHION_PLACE: Place = Place {
    data_set: "Fashion-MNIST",
    name: "FashionMnist",
    folder: "fashion-mnist",
    within: &["", "FashionMNIST/raw"],
    files: &FILES,
    is_unmistakable: false,
    origin: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
};

/// md5 of each file of MNIST after decompression.
pub(crate) const CHECKSUMS: [&str; 4] = [
    "6bbc9ace898e44ae57da46a324031adb",
    "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea",
    "27ae3e4e09519cfbb04c329615203637",
];

const MNIST: Files = Files { place: &PLACE, checksums: Some(CHECKSUMS) };

const FASHION_MNIST: Files = Files { place: &FASHION_PLACE, checksums: None };

/// What Fashion-MNIST shows.
const CLOTHES: [&str; CLASSES] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// The handwritten digits of `LeCun`, Cortes and Burges: 28x28 pixels, 10 classes, 60,000 training and 10,000 test
/// images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mnist {}

/// Clothes, shoes and bags, photographed by Zalando and brought into the form of MNIST by Xiao, Rasul and Vollgraf: 28x28
/// pixels, 10 classes, 60,000 training and 10,000 test images. Of these files only the checksums before decompression are
/// published, so reading them checks sizes and labels; `snn data get` compares the checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FashionMnist {}

impl DataSet for Mnist {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn training_images(&self) -> usize {
        IMAGES[0]
    }

    fn test_images(&self) -> usize {
        IMAGES[1]
    }

    fn describe(&self) -> String {
        "handwritten digits, 28x28 pixels of one channel, 10 classes, 60,000 training and 10,000 test images".to_owned()
    }

    fn files(&self) -> Vec<String> {
        FILES.map(str::to_owned).to_vec()
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(load(&PLACE.find(folder)?)?)
    }
}

impl DataSet for FashionMnist {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn class_name(&self, class: usize) -> String {
        CLOTHES.get(class).map_or_else(|| class.to_string(), ToString::to_string)
    }

    fn training_images(&self) -> usize {
        IMAGES[0]
    }

    fn test_images(&self) -> usize {
        IMAGES[1]
    }

    fn describe(&self) -> String {
        "clothes, 28x28 pixels of one channel, 10 classes, 60,000 training and 10,000 test images".to_owned()
    }

    fn files(&self) -> Vec<String> {
        FILES.map(str::to_owned).to_vec()
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(FASHION_MNIST.load(&FASHION_PLACE.find(folder)?)?)
    }
}

/// Reads the four files of MNIST in `dir` or `dir/MNIST/raw`, each with or without `.gz`, and checks all that can be
/// checked: format, sizes, labels and md5.
///
/// # Errors
/// Every [`DataError`] but [`DataError::NotFound`].
pub fn load(dir: &Path) -> Result<Splits, DataError> {
    MNIST.load(dir)
}

/// The four files of a data set of this family.
#[derive(Debug, Clone, Copy)]
struct Files {
    place: &'static Place,
    /// md5 of each file after decompression, if published.
    checksums: Option<[&'static str; 4]>,
}

impl Files {
    fn load(self, dir: &Path) -> Result<Splits, DataError> {
        Ok(Splits { train: self.part(dir, 0)?, test: self.part(dir, 1)?, folder: dir.to_owned() })
    }

    /// Reads images and labels of the training set (0) or the test set (1).
    fn part(self, dir: &Path, part: usize) -> Result<Dataset, DataError> {
        let Place { data_set, name, .. } = *self.place;
        let content = |path: &Path, reason| DataError::Content { what: path.display().to_string(), reason };

        let images = self.open(dir, 2 * part, idx::IMAGES)?;
        let (images_path, count) = (images.path().to_owned(), images.extents()[0]);
        let [height, width] = [1, 2].map(|extent| images.extents()[extent]);
        if [height, width] != [SHAPE.height, SHAPE.width] {
            let reason = format!(
                "images are {height}x{width}, those of {data_set} are 28x28; snn data get {name} downloads them"
            );
            return Err(content(&images_path, reason));
        }
        let wrong_count = || {
            let reason = format!("{count} images, {data_set} has {} in this file; download it again", IMAGES[part]);
            content(&images_path, reason)
        };
        if count > IMAGES[part] {
            return Err(wrong_count());
        }
        let (images, images_md5) = images.values()?;

        let labels = self.open(dir, 2 * part + 1, idx::LABELS)?;
        let labels_path = labels.path().to_owned();
        if labels.extents()[0] != count {
            let (found, images) = (labels.extents()[0], images_path.display());
            let reason = format!("{found} labels for the {count} images of {images}; download both files again");
            return Err(content(&labels_path, reason));
        }
        let (labels, labels_md5) = labels.values()?;
        if let Some(i) = labels.iter().position(|&label| usize::from(label) >= CLASSES) {
            let reason =
                format!("label {} of image {i}, labels of {data_set} are 0 to 9; download the file again", labels[i]);
            return Err(content(&labels_path, reason));
        }
        if count != IMAGES[part] {
            return Err(wrong_count());
        }
        if let Some(checksums) = self.checksums {
            for (path, found, expected) in
                [(images_path, images_md5, checksums[2 * part]), (labels_path, labels_md5, checksums[2 * part + 1])]
            {
                if found != expected {
                    return Err(DataError::Checksum { path, expected, found });
                }
            }
        }
        Ok(Dataset::new(SHAPE, CLASSES, images, labels)?)
    }

    /// Opens one of [`FILES`].
    fn open(self, dir: &Path, file: usize, magic: u32) -> Result<IdxFile, DataError> {
        idx::open(&self.place.file(dir, FILES[file])?, magic)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use snn_core::Content;

    use super::*;
    use crate::source::Source;

    const TEST: usize = 2;

    fn real() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist")
    }

    /// Decompressed bytes of images and labels of the test set.
    fn bytes() -> [Vec<u8>; 2] {
        [TEST, TEST + 1].map(|file| {
            let mut source = Source::open(&real().join(format!("{}.gz", FILES[file]))).unwrap();
            source.up_to(10_000_000).unwrap()
        })
    }

    /// The message for a test set of these bytes, with `DIR` for the directory.
    fn message(images: &[u8], labels: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILES[TEST]), images).unwrap();
        fs::write(dir.path().join(FILES[TEST + 1]), labels).unwrap();
        let error = MNIST.part(dir.path(), TEST / 2).unwrap_err();
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
        assert_eq!(MNIST.part(dir.path(), TEST / 2).unwrap(), MNIST.part(&real(), TEST / 2).unwrap());
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
            "DIR/t10k-labels-idx1-ubyte: 9999 labels for the 10000 images of DIR/t10k-images-idx3-ubyte; download both \
             files again"
        );
    }

    #[test]
    fn labels_end_at_9() {
        let [images, mut labels] = bytes();
        labels[8 + 3] = 10;
        assert_eq!(
            message(&images, &labels),
            "DIR/t10k-labels-idx1-ubyte: label 10 of image 3, labels of MNIST are 0 to 9; download the file again"
        );
    }

    #[test]
    fn images_are_28_by_28() {
        let [mut images, labels] = bytes();
        images[8..16].copy_from_slice(&[0, 0, 0, 14, 0, 0, 0, 56]);
        let expected = "DIR/t10k-images-idx3-ubyte: images are 14x56, those of MNIST are 28x28; snn data get Mnist \
                        downloads them";
        assert_eq!(message(&images, &labels), expected);
    }

    #[test]
    fn a_missing_file_is_named_with_its_source() {
        let dir = tempfile::tempdir().unwrap();
        let message = MNIST.part(dir.path(), TEST / 2).unwrap_err().to_string();
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
            let message =
                MNIST.open(dir.path(), TEST + 1, idx::LABELS).and_then(IdxFile::values).unwrap_err().to_string();
            let message = message.replace(dir.path().to_str().unwrap(), "DIR");
            assert!(message.starts_with("DIR/t10k-labels-idx1-ubyte.gz: the gzip data is corrupted ("), "{message}");
            assert!(message.ends_with("); download the file again"), "{message}");
        }
    }

    #[test]
    fn fashion_mnist_has_the_files_of_mnist_in_a_folder_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let raw = dir.path().join("FashionMNIST/raw");
        fs::create_dir_all(&raw).unwrap();
        for (name, bytes) in [(FILES[TEST], bytes()[0].clone()), (FILES[TEST + 1], bytes()[1].clone())] {
            fs::write(raw.join(name), bytes).unwrap();
        }
        assert_eq!(FASHION_MNIST.part(dir.path(), 1).unwrap().len(), 10_000);
        assert_eq!(FashionMnist {}.class_name(9), "ankle boot");
        let [images, labels] = bytes();
        let short = |bytes: &[u8], header: usize, each: usize| {
            [&bytes[..4], &9_999u32.to_be_bytes(), &bytes[8..header + 9_999 * each]].concat()
        };
        fs::write(raw.join(FILES[TEST]), short(&images, 16, 784)).unwrap();
        fs::write(raw.join(FILES[TEST + 1]), short(&labels, 8, 1)).unwrap();
        let message = FASHION_MNIST.part(dir.path(), 1).unwrap_err().to_string();
        assert!(
            message.ends_with(": 9999 images, Fashion-MNIST has 10000 in this file; download it again"),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_found_lists_where_it_was_looked_for() {
        let message = PLACE.find(Some(Path::new("no/such/dir"))).unwrap_err().to_string();
        assert_eq!(
            message,
            "MNIST not found; looked in\n  no/such/dir\nPut its files (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
             t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte) into one of these, for example with `snn data get Mnist`, or \
             name their folder with --data"
        );
    }
}
