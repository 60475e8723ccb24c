//! The MNIST and Fashion-MNIST data sets, four idx files each.

use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_core::{DataSource, Dataset, Limit, Shape, Splits};

use crate::folder::DatasetFiles;
use crate::idx::{self, IdxFile};
use crate::{DataError, OWN_DATA};

/// Names of the four files, without `.gz`.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Number of images in the training file and in the test file.
const IMAGES: [usize; 2] = [60_000, 10_000];
const SHAPE: Shape = Shape::new(1, 28, 28);
const CLASSES: usize = 10;
/// Memory in bytes for the labels of a file, and for the read and decompression buffers.
const WHILE_READING: usize = 1 << 20;

/// The files of MNIST and where they are searched.
pub(crate) static PLACE: DatasetFiles = DatasetFiles {
    data_set: "MNIST",
    name: "Mnist",
    folder: "mnist",
    within: &["", "MNIST/raw"],
    files: &FILES,
    is_unmistakable: false,
    origin: "https://ossci-datasets.s3.amazonaws.com/mnist/",
};

/// The files of Fashion-MNIST and where they are searched.
pub(crate) static FASHION_PLACE: DatasetFiles = DatasetFiles {
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

/// The class names of Fashion-MNIST.
const CLOTHES: [&str; CLASSES] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// MNIST: the handwritten digits of `LeCun`, Cortes and Burges. 28x28 pixels, 10 classes, 60,000 training and 10,000
/// test images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mnist {}

/// Fashion-MNIST: clothes, shoes and bags, photographed by Zalando and converted to the form of MNIST by Xiao, Rasul
/// and Vollgraf. 28x28 pixels, 10 classes, 60,000 training and 10,000 test images. Only checksums of the compressed
/// files are published, so reading them checks sizes and labels; `snn data get` compares the checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FashionMnist {}

impl DataSource for Mnist {
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

    fn bytes_to_read(&self, _samples: usize) -> usize {
        WHILE_READING
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(load(&PLACE.find(folder)?)?)
    }

    fn load_limited(&self, folder: Option<&Path>, limit: Limit) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(MNIST.load(&PLACE.find(folder)?, Some(limit))?)
    }
}

impl DataSource for FashionMnist {
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

    fn bytes_to_read(&self, _samples: usize) -> usize {
        WHILE_READING
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(FASHION_MNIST.load(&FASHION_PLACE.find(folder)?, None)?)
    }

    fn load_limited(&self, folder: Option<&Path>, limit: Limit) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        Ok(FASHION_MNIST.load(&FASHION_PLACE.find(folder)?, Some(limit))?)
    }
}

/// Reads the four files of MNIST in `dir` or `dir/MNIST/raw`, each with or without `.gz`, and validates format, sizes,
/// labels and md5.
///
/// # Errors
/// Every [`DataError`] except [`DataError::NotFound`].
pub fn load(dir: &Path) -> Result<Splits, DataError> {
    MNIST.load(dir, None)
}

/// The four files of a data set of this family.
#[derive(Debug, Clone, Copy)]
struct Files {
    place: &'static DatasetFiles,
    /// md5 of each file after decompression, if published.
    checksums: Option<[&'static str; 4]>,
}

impl Files {
    fn load(self, dir: &Path, limit: Option<Limit>) -> Result<Splits, DataError> {
        let (train, test) = (self.part(dir, 0, limit)?, self.part(dir, 1, limit)?);
        Ok(Splits { train, test, folder: dir.to_owned() })
    }

    /// Reads images and labels of the training set (0) or the test set (1), or those that `limit` selects.
    fn part(self, dir: &Path, part: usize, limit: Option<Limit>) -> Result<Dataset, DataError> {
        let images = self.open(dir, 2 * part, idx::IMAGES)?;
        let (images_path, extents) = (images.path().to_owned(), images.extents().to_vec());
        let labels = self.open(dir, 2 * part + 1, idx::LABELS)?;
        let labels_path = labels.path().to_owned();
        if labels.extents()[0] != extents[0] {
            let (found, count, images) = (labels.extents()[0], extents[0], images_path.display());
            let reason =
                format!("{found} labels for the {count} images of {images}: the two files do not belong together");
            return Err(DataError::Content { what: labels_path.display().to_string(), reason });
        }
        let expected = [IMAGES[part], SHAPE.height, SHAPE.width];
        if extents[0] > IMAGES[part] || extents[1..] != expected[1..] {
            return Err(self.other(&images_path, part, &extents, labels));
        }
        let (labels, labels_md5) = labels.values()?;
        self.check_labels(&labels_path, &labels)?;
        if extents[0] != IMAGES[part] {
            return Err(self.fewer(&images_path, part, extents[0]));
        }
        let samples = limit.map(|limit| limit.samples(&labels)).filter(|samples| samples.len() < labels.len());
        let mut checks = vec![(labels_path, labels_md5, 2 * part + 1)];
        let (images, kept) = if let Some(samples) = &samples {
            let kept = samples.iter().map(|&sample| labels[sample as usize]).collect();
            (images.values_of(samples)?, kept)
        } else {
            let (values, md5) = images.values()?;
            checks.insert(0, (images_path, md5, 2 * part));
            (values, labels)
        };
        for (path, found, file) in checks {
            match self.checksums.map(|checksums| checksums[file]) {
                Some(expected) if found != expected => return Err(DataError::Checksum { path, expected, found }),
                _ => {}
            }
        }
        Ok(Dataset::new(SHAPE, CLASSES, images, kept)?.out_of(IMAGES[part]))
    }

    fn check_labels(self, path: &Path, labels: &[u8]) -> Result<(), DataError> {
        let Some(image) = labels.iter().position(|&label| usize::from(label) >= CLASSES) else { return Ok(()) };
        let (least, most) = (labels.iter().min().unwrap_or(&0), labels.iter().max().unwrap_or(&0));
        let hint = match (least, most) {
            (1, 26) => "; labels 1 to 26 are those of letters, as EMNIST letters has them",
            (0, 25 | 26 | 46 | 61) => "; such labels are those of letters, as EMNIST has them",
            _ => "",
        };
        let (label, name) = (labels[image], self.place.data_set);
        let reason = format!("label {label} of image {image}, labels of {name} are 0 to 9{hint}. {OWN_DATA}");
        Err(DataError::Content { what: path.display().to_string(), reason })
    }

    /// The error for images that do not belong to this data set.
    fn other(self, path: &Path, part: usize, extents: &[usize], labels: IdxFile) -> DataError {
        let labels = match labels.values() {
            Ok((labels, _)) => labels,
            Err(error) => return error,
        };
        let classes = (0..=u8::MAX).filter(|class| labels.contains(class)).count();
        let DatasetFiles { data_set, name, .. } = self.place;
        let reason = format!(
            "not {data_set}: {} images of {}x{}, {classes} classes; {data_set} has {} of 28x28 in this file, 10 classes. \
             {OWN_DATA}; snn data get {name} downloads {data_set} itself",
            extents[0], extents[1], extents[2], IMAGES[part]
        );
        DataError::Content { what: path.display().to_string(), reason }
    }

    fn fewer(self, path: &Path, part: usize, count: usize) -> DataError {
        let DatasetFiles { data_set, name, .. } = self.place;
        let reason = format!(
            "{count} images, {data_set} has {} in this file; snn data get {name} downloads it whole. {OWN_DATA}",
            IMAGES[part]
        );
        DataError::Content { what: path.display().to_string(), reason }
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
    use crate::source::OpenFile;

    const TEST: usize = 2;

    fn real() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist")
    }

    /// Decompressed bytes of images and labels of the test set.
    fn bytes() -> [Vec<u8>; 2] {
        [TEST, TEST + 1].map(|file| {
            let mut source = OpenFile::open(&real().join(format!("{}.gz", FILES[file]))).unwrap();
            source.up_to(10_000_000).unwrap()
        })
    }

    /// The message for a test set of these bytes, with `DIR` for the directory.
    fn message(images: &[u8], labels: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILES[TEST]), images).unwrap();
        fs::write(dir.path().join(FILES[TEST + 1]), labels).unwrap();
        let error = MNIST.part(dir.path(), TEST / 2, None).unwrap_err();
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
    fn a_limit_reads_the_first_images_of_each_class() {
        let limited = Mnist {}.load_limited(Some(&real()), Limit::Spread(20)).unwrap();
        let all = Mnist {}.load(Some(&real())).unwrap();
        let samples = Limit::Spread(20).samples(all.train.labels());
        assert_eq!((limited.train.len(), limited.train.available(), limited.train.bytes()), (20, 60_000, 20 * 784));
        assert!(limited.train.missing_classes(&(0..20).collect::<Vec<u32>>()).is_empty());
        for (index, &sample) in samples.iter().enumerate() {
            assert_eq!(limited.train.content(index), all.train.content(sample as usize));
        }
        let first = Mnist {}.load_limited(Some(&real()), Limit::First(4)).unwrap();
        assert_eq!(first.train.labels(), [5, 0, 4, 1]);
    }

    #[test]
    fn the_torchvision_layout_without_gzip_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let raw = dir.path().join("MNIST/raw");
        fs::create_dir_all(&raw).unwrap();
        for (file, bytes) in [TEST, TEST + 1].into_iter().zip(bytes()) {
            fs::write(raw.join(FILES[file]), bytes).unwrap();
        }
        assert_eq!(MNIST.part(dir.path(), TEST / 2, None).unwrap(), MNIST.part(&real(), TEST / 2, None).unwrap());
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
            "DIR/t10k-labels-idx1-ubyte: 9999 labels for the 10000 images of DIR/t10k-images-idx3-ubyte: the two files \
             do not belong together"
        );
    }

    #[test]
    fn labels_end_at_9() {
        let [images, mut labels] = bytes();
        labels[8 + 3] = 10;
        assert_eq!(
            message(&images, &labels),
            format!("DIR/t10k-labels-idx1-ubyte: label 10 of image 3, labels of MNIST are 0 to 9. {OWN_DATA}")
        );
    }

    #[test]
    fn images_are_28_by_28() {
        let [mut images, labels] = bytes();
        images[8..16].copy_from_slice(&[0, 0, 0, 14, 0, 0, 0, 56]);
        let expected = format!(
            "DIR/t10k-images-idx3-ubyte: not MNIST: 10000 images of 14x56, 10 classes; MNIST has 10000 of 28x28 in this file, \
             10 classes. {OWN_DATA}; snn data get Mnist downloads MNIST itself"
        );
        assert_eq!(message(&images, &labels), expected);
    }

    #[test]
    fn a_missing_file_is_named_with_its_source() {
        let dir = tempfile::tempdir().unwrap();
        let message = MNIST.part(dir.path(), TEST / 2, None).unwrap_err().to_string();
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
            assert!(message.ends_with("); take a whole copy of the file"), "{message}");
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
        assert_eq!(FASHION_MNIST.part(dir.path(), 1, None).unwrap().len(), 10_000);
        assert_eq!(FashionMnist {}.class_name(9), "ankle boot");
        let [images, labels] = bytes();
        let short = |bytes: &[u8], header: usize, each: usize| {
            [&bytes[..4], &9_999u32.to_be_bytes(), &bytes[8..header + 9_999 * each]].concat()
        };
        fs::write(raw.join(FILES[TEST]), short(&images, 16, 784)).unwrap();
        fs::write(raw.join(FILES[TEST + 1]), short(&labels, 8, 1)).unwrap();
        let message = FASHION_MNIST.part(dir.path(), 1, None).unwrap_err().to_string();
        assert!(
            message.contains(
                ": 9999 images, Fashion-MNIST has 10000 in this file; snn data get FashionMnist downloads it"
            ),
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
