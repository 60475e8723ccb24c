//! The CIFAR-10 data set, in its binary version.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snn_core::{DataSource, Dataset, Limit, Shape, Splits};

use crate::folder::DatasetFiles;
use crate::source::OpenFile;
use crate::{DataError, kind_of_file};

/// Files of the training set, then the file of the test set.
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
/// Size of a record in bytes: the label, then the image `[C, H, W]`.
const RECORD: usize = 1 + SHAPE.len();
/// Number of records of each file.
const RECORDS: usize = 10_000;
/// Size of each file in bytes.
const SIZE: u64 = (RECORDS * RECORD) as u64;

/// The files and where they are searched.
pub(crate) static PLACE: DatasetFiles = DatasetFiles {
    data_set: "CIFAR-10",
    name: "Cifar10",
    folder: "cifar10",
    within: &["", "cifar-10-batches-bin"],
    files: &FILES,
    is_unmistakable: true,
    origin: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
};

/// CIFAR-10: photographs of ten kinds of objects, by Krizhevsky. 32x32 pixels of 3 channels, 50,000 training and
/// 10,000 test images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cifar10 {
    /// Subtracted from each channel (red, green, blue), whose values are 0 to 1.
    pub mean: (f32, f32, f32),
    /// Divisor of each channel after the subtraction. The defaults, from the paper's program, keep values in -1 to 1.
    pub deviation: (f32, f32, f32),
}

impl Default for Cifar10 {
    fn default() -> Self {
        Self { mean: (0.4914, 0.4822, 0.4465), deviation: (0.557, 0.549, 0.5534) }
    }
}

impl DataSource for Cifar10 {
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

    fn bytes_to_read(&self, _samples: usize) -> usize {
        1 << 20 // labels, and a record at a time
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        self.load_limited(folder, Limit::First(usize::MAX))
    }

    fn load_limited(&self, folder: Option<&Path>, limit: Limit) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let folder = PLACE.find(folder).map_err(python_version)?;
        let (mean, deviation): ([f32; 3], [f32; 3]) = (self.mean.into(), self.deviation.into());
        let read = |names: &[&str]| -> Result<Dataset, Box<dyn Error + Send + Sync>> {
            Ok(read(&folder, names, limit)?.normalised(&mean, &deviation)?)
        };
        Ok(Splits { train: read(&FILES[..5])?, test: read(&FILES[5..])?, folder: folder.clone() })
    }
}

/// If CIFAR-10 was not found, checks whether its Python version is there, and says so in the error.
fn python_version(error: DataError) -> DataError {
    let DataError::NotFound { looked, .. } = &error else { return error };
    let names = ["data_batch_1", "test_batch", "cifar-10-python.tar.gz"];
    let places =
        looked.iter().flat_map(|folder| ["", "cifar10", "cifar-10-batches-py"].map(|inner| folder.join(inner)));
    let mut files = places.flat_map(|place| names.map(|name| place.join(name)));
    let is_python = |path: &PathBuf| {
        path.is_file() && (path.extension().is_some() || kind_of_file(path).is_some_and(|kind| kind.contains("pickle")))
    };
    let Some(path) = files.find(is_python) else { return error };
    let reason = "the Python version of CIFAR-10, made of pickles; the binary version is read: the folder \
                  cifar-10-batches-bin, which snn data get Cifar10 downloads"
        .to_owned();
    DataError::Content { what: path.display().to_string(), reason }
}

/// Reads the records of the files `names`, one file after the other, that `limit` selects. Files that are not needed
/// are not opened.
fn read(folder: &Path, names: &[&str], limit: Limit) -> Result<Dataset, DataError> {
    let all = names.len() * RECORDS;
    let samples = match limit {
        Limit::First(count) => (0..count.clamp(1, all) as u32).collect(),
        Limit::Spread(_) => {
            let mut labels = Vec::with_capacity(all);
            for name in names {
                let mut file = open(folder, name)?;
                for index in 0..RECORDS {
                    labels.push(label(&mut file, index)?);
                    file.source.skip(SHAPE.len() as u64)?;
                }
            }
            limit.samples(&labels)
        }
    };
    let (mut images, mut labels) = (Vec::with_capacity(samples.len() * SHAPE.len()), Vec::with_capacity(samples.len()));
    for (name, samples) in names.iter().zip(parts(&samples)) {
        if samples.is_empty() {
            continue;
        }
        let mut file = open(folder, name)?;
        let mut next = 0;
        for index in samples.iter().map(|&sample| sample as usize % RECORDS) {
            file.source.skip(((index - next) * RECORD) as u64)?;
            labels.push(label(&mut file, index)?);
            let image = file.source.up_to(SHAPE.len() as u64)?;
            if image.len() < SHAPE.len() {
                return Err(file.truncated(index * RECORD + 1 + image.len()));
            }
            images.extend(image);
            next = index + 1;
        }
        if next == RECORDS && !file.source.up_to(1)?.is_empty() {
            return Err(DataError::Trailing { path: file.path, expected: SIZE });
        }
    }
    Ok(Dataset::new(SHAPE, CLASSES.len(), images, labels)?.out_of(all))
}

/// Splits `samples`, which must be ascending, into those of each file.
fn parts(samples: &[u32]) -> impl Iterator<Item = &[u32]> {
    let below = |file: usize| samples.partition_point(|&sample| (sample as usize) < file * RECORDS);
    (0..).map(move |file| &samples[below(file)..below(file + 1)])
}

/// An open batch file.
struct BatchFile {
    path: PathBuf,
    source: OpenFile,
}

impl BatchFile {
    fn truncated(&self, found: usize) -> DataError {
        DataError::Truncated { path: self.path.clone(), expected: SIZE, found: found as u64 }
    }
}

/// Opens a file, and checks its size against the published one if the file is not compressed.
fn open(folder: &Path, name: &str) -> Result<BatchFile, DataError> {
    let path = PLACE.file(folder, name)?;
    let source = OpenFile::open(&path)?;
    let file = BatchFile { path, source };
    if file.source.is_gzip() {
        return Ok(file);
    }
    let found = fs::metadata(&file.path).map_err(|source| DataError::Read { path: file.path.clone(), source })?.len();
    match found {
        SIZE => Ok(file),
        _ if let Some(kind) = kind_of_file(&file.path) => Err(DataError::Content {
            what: file.path.display().to_string(),
            reason: format!(
                "this is {kind}; the binary version of CIFAR-10 is read, which snn data get Cifar10 downloads"
            ),
        }),
        _ if found < SIZE => Err(file.truncated(found as usize)),
        _ => Err(DataError::Trailing { path: file.path, expected: SIZE }),
    }
}

/// Reads the label of the next record, which is image `index` of the file.
fn label(file: &mut BatchFile, index: usize) -> Result<u8, DataError> {
    match file.source.up_to(1)?.first() {
        Some(&label) if usize::from(label) < CLASSES.len() => Ok(label),
        Some(label) => {
            let reason = format!(
                "label {label} of image {index}, labels of CIFAR-10 are 0 to 9; this is not the binary version of it \
                 (CIFAR-100 is another data set), or it is damaged; snn data get Cifar10 downloads it"
            );
            Err(DataError::Content { what: file.path.display().to_string(), reason })
        }
        None => Err(file.truncated(index * RECORD)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek as _, Write as _};

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
        let dir = folder();
        fs::OpenOptions::new().write(true).open(dir.path().join(FILES[5])).unwrap().write_all(SAMPLE).unwrap();
        let dataset = Cifar10::default().load_limited(Some(dir.path()), Limit::First(20)).unwrap().test;
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
            "DIR/data_batch_4.bin: truncated, 30730000 bytes expected, 30729999 found; take a whole copy of the file";
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
        let first = |count| Cifar10::default().load_limited(Some(dir.path()), Limit::First(count));
        let read = first(10_001).unwrap();
        assert_eq!((read.train.len(), read.test.len(), read.train.bytes()), (10_001, 10_000, 10_001 * 3072));
        assert!(first(20_001).is_err());
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
        let dir = folder();
        let mut bytes = SAMPLE.to_vec();
        bytes[3 * RECORD] = 10;
        fs::OpenOptions::new().write(true).open(dir.path().join(FILES[0])).unwrap().write_all(&bytes).unwrap();
        let expected = "DIR/data_batch_1.bin: label 10 of image 3, labels of CIFAR-10 are 0 to 9";
        assert!(message(&dir).starts_with(expected), "{}", message(&dir));
    }

    #[test]
    fn a_limit_takes_images_of_each_class_from_all_batches() {
        let dir = folder();
        for (name, class) in FILES.iter().zip([0, 0, 3, 0, 7, 0]) {
            let mut record = vec![class; RECORD];
            record[1] = 200;
            let mut file = fs::OpenOptions::new().write(true).open(dir.path().join(name)).unwrap();
            file.seek(std::io::SeekFrom::Start(9_999 * RECORD as u64)).unwrap();
            file.write_all(&record).unwrap();
        }
        let train = Cifar10::default().load_limited(Some(dir.path()), Limit::Spread(5)).unwrap().train;
        assert_eq!((train.labels(), train.available()), (&[0, 0, 0, 3, 7][..], 50_000));
        let Content::Image(image) = train.content(4) else { panic!("CIFAR-10 holds images") };
        assert_eq!(image[..2], [200, 7]);
    }

    #[test]
    fn the_python_version_and_files_of_another_kind_are_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let python = dir.path().join("cifar-10-batches-py");
        fs::create_dir(&python).unwrap();
        fs::write(python.join("data_batch_1"), b"\x80\x02}q\x01(U\x0bbatch_label").unwrap();
        for folder in [dir.path(), &python] {
            let message = Cifar10::default().load(Some(folder)).unwrap_err().to_string();
            assert!(message.contains("data_batch_1: the Python version of CIFAR-10, made of pickles"), "{message}");
            assert!(message.contains("cifar-10-batches-bin, which snn data get Cifar10 downloads"), "{message}");
        }
        let dir = folder();
        fs::write(dir.path().join(FILES[0]), b"\x89HDF\r\n\x1a\n").unwrap();
        assert!(message(&dir).starts_with("DIR/data_batch_1.bin: this is an HDF5 file"), "{}", message(&dir));
    }
}
