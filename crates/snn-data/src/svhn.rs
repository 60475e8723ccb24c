//! The Street View House Numbers (SVHN) data set, cropped digits.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snn_core::{DataSource, Dataset, HoldOut, Limit, Shape, Splits, text};

use crate::DataError;
use crate::folder::DatasetFiles;
use crate::mat::{self, Array, Blocks, MatValues, Wanted};

/// The file of the training set, and the file of the test set.
pub const FILES: [&str; 2] = ["train_32x32.mat", "test_32x32.mat"];

const SHAPE: Shape = Shape::new(3, 32, 32);
const CLASSES: usize = 10;
/// Number of images in the training file and in the test file.
pub(crate) const IMAGES: [usize; 2] = [73_257, 26_032];

/// The files and where they are searched.
pub(crate) static PLACE: DatasetFiles = DatasetFiles {
    data_set: "SVHN",
    name: "Svhn",
    folder: "svhn",
    within: &[""],
    files: &FILES,
    is_unmistakable: true,
    origin: "http://ufldl.stanford.edu/housenumbers/",
};

/// SVHN: digits of house numbers, photographed from the street, by Netzer and others. 32x32 pixels of 3 channels, 10
/// classes, 73,257 training and 26,032 test images. For non-commercial use only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Svhn {
    /// Subtracted from each channel (red, green, blue), whose values are 0 to 1. The defaults are the means of the
    /// training set.
    pub mean: (f32, f32, f32),
    /// Divisor of each channel after the subtraction. The default, the same for all channels, is a choice of this
    /// crate: the smallest that keeps all values in -1 to 1, as for CIFAR-10.
    pub deviation: (f32, f32, f32),
    /// Name of the file with the training images.
    pub train_file: String,
    /// Images of the training file that are the test set, instead of those in `test_32x32.mat`, which then need not
    /// exist. The images are spread over the classes, or are the last ones.
    pub held_out: Option<HoldOut>,
}

impl Default for Svhn {
    fn default() -> Self {
        Self {
            mean: (0.4377, 0.4438, 0.4728),
            deviation: (0.5625, 0.5625, 0.5625),
            train_file: FILES[0].to_owned(),
            held_out: None,
        }
    }
}

impl DataSource for Svhn {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn training_images(&self) -> usize {
        IMAGES[0].saturating_sub(self.held_out.map_or(0, HoldOut::count))
    }

    fn test_images(&self) -> usize {
        self.held_out.map_or(IMAGES[1], HoldOut::count)
    }

    fn describe(&self) -> String {
        "photographed digits of house numbers, 32x32 pixels of three channels, 10 classes, 73,257 training and 26,032 test \
         images; non-commercial use only"
            .to_owned()
    }

    fn files(&self) -> Vec<String> {
        let test = self.held_out.is_none().then(|| FILES[1].to_owned());
        std::iter::once(self.train_file.clone()).chain(test).collect()
    }

    fn bytes_to_read(&self, _samples: usize) -> usize {
        4 << 20 // labels as eight-byte numbers, and the decompression buffer
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        self.load_limited(folder, Limit::First(usize::MAX))
    }

    fn load_limited(&self, folder: Option<&Path>, limit: Limit) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let names = self.files();
        let folder = PLACE.find_any(&names.iter().map(String::as_str).collect::<Vec<_>>(), folder)?;
        let (mean, deviation): ([f32; 3], [f32; 3]) = (self.mean.into(), self.deviation.into());
        let file = Labelled::read(&folder, &self.train_file)?;
        let all: Vec<u32> = (0..file.labels.len() as u32).collect();
        let (train, test) = if let Some(held_out) = self.held_out {
            let [learned, held_out] = file.split(held_out)?;
            (file.images(&learned, limit)?, file.images(&held_out, limit)?)
        } else {
            let train = file.images(&all, limit)?;
            let file = Labelled::read(&folder, FILES[1])?;
            let all: Vec<u32> = (0..file.labels.len() as u32).collect();
            (train, file.images(&all, limit)?)
        };
        Ok(Splits { train: train.normalised(&mean, &deviation)?, test: test.normalised(&mean, &deviation)?, folder })
    }
}

/// A file whose labels have been read.
struct Labelled {
    path: PathBuf,
    /// `[N]`.
    labels: Vec<u8>,
}

impl Labelled {
    fn read(folder: &Path, name: &str) -> Result<Self, DataError> {
        let path = PLACE.file(folder, name)?;
        let arrays = mat::read(&path, &[Wanted { name: "y", blocks: None }])?;
        let file = Self { path, labels: Vec::new() };
        let labels = labels(arrays).map_err(|reason| file.error(reason))?;
        Ok(Self { labels, ..file })
    }

    fn error(&self, reason: String) -> DataError {
        DataError::Content { what: self.path.display().to_string(), reason }
    }

    /// The indices of the images for training, and of those that are held out.
    fn split(&self, held_out: HoldOut) -> Result<[Vec<u32>; 2], DataError> {
        let (count, images) = (held_out.count(), self.labels.len());
        if count == 0 || count >= images {
            let reason =
                format!("held_out must be at least 1 and less than the {images} images of this file, found {count}");
            return Err(self.error(reason));
        }
        Ok(held_out.split(&self.labels))
    }

    /// Reads those of the images `samples` that `limit` selects.
    fn images(&self, samples: &[u32], limit: Limit) -> Result<Dataset, DataError> {
        let labels: Vec<u8> = samples.iter().map(|&sample| self.labels[sample as usize]).collect();
        let chosen = limit.samples(&labels);
        let which: Vec<u32> = chosen.iter().map(|&place| samples[place as usize]).collect();
        let labels = chosen.iter().map(|&place| labels[place as usize]).collect();
        let arrays =
            mat::read(&self.path, &[Wanted { name: "X", blocks: Some(Blocks { size: SHAPE.len(), which: &which }) }])?;
        let pixels = pixels(arrays, self.labels.len()).map_err(|reason| self.error(reason))?;
        Ok(Dataset::new(SHAPE, CLASSES, pixels, labels)?.out_of(samples.len()))
    }
}

/// Converts the array `y` `[N, 1]` to labels `[N]`.
fn labels(arrays: Vec<Array>) -> Result<Vec<u8>, String> {
    let y = arrays.into_iter().find(|array| array.name == "y");
    let y = y.ok_or("holds no y, the labels of the cropped digits (format 2) of SVHN")?;
    let labels: Vec<f64> = match y.values {
        MatValues::Bytes(bytes) => bytes.into_iter().map(f64::from).collect(),
        MatValues::Numbers(numbers) => numbers,
    };
    if let Some(index) = labels.iter().position(|label| !(1.0..=10.0).contains(label) || label.fract() != 0.0) {
        let range = "labels of SVHN are 1 to 9, and 10 for the digit 0";
        return Err(format!("label {} of image {index}, {range}", labels[index]));
    }
    if labels.is_empty() {
        return Err("y holds no label".to_owned());
    }
    Ok(labels.into_iter().map(|label| label as u8 % 10).collect())
}

/// Converts the array `X` `[H, W, C, N]` to pixels `[N, C, H, W]`, of `count` images if some were left out.
fn pixels(arrays: Vec<Array>, count: usize) -> Result<Vec<u8>, String> {
    let x = arrays.into_iter().find(|array| array.name == "X");
    let x = x.ok_or("holds y but no X, the images of the cropped digits (format 2) of SVHN")?;
    let &[32, 32, 3, images] = &x.extents[..] else {
        return Err(format!("X has the extents {}, in SVHN they are [32, 32, 3, images]", text::extents(&x.extents)));
    };
    if images != count {
        return Err(format!("{count} labels for {images} images"));
    }
    let MatValues::Bytes(mut pixels) = x.values else {
        return Err("X holds numbers, in SVHN it holds bytes".to_owned());
    };
    // The bytes of a channel are in column-major order.
    for plane in pixels.as_chunks_mut::<1024>().0 {
        let columns = *plane;
        for (index, pixel) in plane.iter_mut().enumerate() {
            *pixel = columns[index % 32 * 32 + index / 32];
        }
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use snn_core::Content;

    use super::*;

    fn samples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
    }

    fn subset(train_file: &str, held_out: usize) -> Svhn {
        Svhn { train_file: train_file.to_owned(), held_out: Some(HoldOut::Last(held_out)), ..Svhn::default() }
    }

    #[test]
    fn genuine_images_are_read_upright() {
        for file in ["svhn_first20.mat", "svhn_first20_compressed.mat"] {
            let read = subset(file, 5).load(Some(&samples())).unwrap();
            assert_eq!((read.train.len(), read.test.len()), (15, 5));
            assert_eq!(
                (read.train.labels()[..4].to_vec(), read.test.labels()),
                (vec![1, 9, 2, 3], &[4, 4, 1, 2, 8][..][..])
            );
            let Content::Image(image) = read.train.content(0) else { panic!("SVHN holds images") };
            let row = |channel| [0, 1, 2].map(|column| image[SHAPE.index(channel, 0, column)]);
            assert_eq!([row(0), row(1), row(2)], [[33, 15, 15], [30, 23, 17], [38, 19, 19]]);
            assert_eq!(image[SHAPE.index(0, 1, 0)], 28);
            let Content::Image(last) = read.test.content(4) else { panic!("SVHN holds images") };
            assert_eq!(last[SHAPE.index(1, 3, 7)], 174);
        }
    }

    #[test]
    fn values_keep_to_one() {
        let read = subset("svhn_first20.mat", 5).load(Some(&samples())).unwrap();
        for channel in 0..3 {
            let values = read.train.values(channel);
            assert!(values[0] > -1.0 && values[255] <= 1.0, "{} {}", values[0], values[255]);
        }
    }

    #[test]
    fn both_files_are_needed_unless_images_are_held_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(samples().join("svhn_first20.mat"), dir.path().join(FILES[0])).unwrap();
        let message = Svhn::default().load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.contains(": holds no test_32x32.mat; it can be had from "), "{message}");
        fs::copy(samples().join("svhn_first20_compressed.mat"), dir.path().join(FILES[1])).unwrap();
        let read = Svhn::default().load(Some(dir.path())).unwrap();
        assert_eq!((read.train.len(), read.test.len()), (20, 20));
    }

    #[test]
    fn no_more_is_kept_than_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for (from, to) in ["svhn_first20.mat", "svhn_first20_compressed.mat"].into_iter().zip(FILES) {
            fs::copy(samples().join(from), dir.path().join(to)).unwrap();
        }
        let (all, first) = (
            Svhn::default().load(Some(dir.path())),
            Svhn::default().load_limited(Some(dir.path()), Limit::First(3)).unwrap(),
        );
        assert_eq!((first.train.len(), first.test.len(), first.train.bytes()), (3, 3, 3 * 3072));
        assert_eq!((0..3).map(|i| first.train.content(i)).collect::<Vec<_>>(), {
            let all = &all.as_ref().unwrap().train;
            (0..3).map(|i| all.content(i)).collect::<Vec<_>>()
        });
        let held_out = subset("svhn_first20.mat", 5).load_limited(Some(&samples()), Limit::First(2)).unwrap();
        assert_eq!((held_out.train.labels(), held_out.test.labels()), (&[1, 9][..], &[4, 4][..]));
    }

    #[test]
    fn files_without_images_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(samples().join("svhn_first20.mat")).unwrap();
        bytes.truncate(128);
        fs::write(dir.path().join("empty.mat"), bytes).unwrap();
        let message = subset("empty.mat", 1).load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.contains("empty.mat: holds no y, the labels of the cropped digits"), "{message}");
    }

    #[test]
    fn mistakes_are_named() {
        let message = |svhn: Svhn| svhn.load(Some(&samples())).unwrap_err().to_string();
        for wrong in [0, 20, 21] {
            let message = message(subset("svhn_first20.mat", wrong));
            let expected = "held_out must be at least 1 and less than the 20 images of this file, found ";
            assert!(message.contains(expected), "{message}");
        }
        let missing = message(subset("train.mat", 5));
        assert!(missing.contains("SVHN not found") && missing.contains("Put its files (train.mat)"), "{missing}");
    }

    #[test]
    fn arrays_of_another_kind_are_refused() {
        let array =
            |name: &str, extents: &[usize], values| Array { name: name.to_owned(), extents: extents.to_vec(), values };
        let x = |extents: &[usize], values| pixels(vec![array("X", extents, values)], 1).unwrap_err();
        let y = |label| labels(vec![array("y", &[1, 1], MatValues::Numbers(vec![label]))]);
        assert_eq!(y(10.0).unwrap(), [0]);
        for (found, expected) in [
            (labels(vec![]).unwrap_err(), "holds no y, the labels of the cropped digits"),
            (pixels(vec![], 1).unwrap_err(), "holds y but no X"),
            (y(0.0).unwrap_err(), "label 0 of image 0, labels of SVHN are 1 to 9, and 10"),
            (y(f64::NAN).unwrap_err(), "label NaN of image 0"),
            (labels(vec![array("y", &[0, 0], MatValues::Bytes(vec![]))]).unwrap_err(), "y holds no label"),
            (x(&[32, 32, 3, 0], MatValues::Bytes(vec![])), "1 labels for 0 images"),
            (x(&[3072, 1], MatValues::Bytes(vec![0; 3072])), "X has the extents [3072, 1]"),
            (x(&[32, 32, 3, 1], MatValues::Numbers(vec![0.0; 3072])), "X holds numbers"),
        ] {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn images_are_held_out_and_limited_by_class() {
        let held_out = Svhn { held_out: Some(HoldOut::Spread(6)), ..subset("svhn_first20.mat", 1) };
        let read = held_out.load(Some(&samples())).unwrap();
        // 1 1 1, 2 2 2 2, 3 3 3 3 3, 4 4, 5, 7, 8 8, 9 9 in the file.
        assert_eq!((read.train.len(), read.test.labels()), (14, &[9, 3, 4, 1, 2, 8][..]));
        let limited = held_out.load_limited(Some(&samples()), Limit::Spread(8)).unwrap();
        assert_eq!((limited.train.labels(), limited.train.available()), (&[1, 9, 2, 3, 5, 8, 7, 4][..], 14));
        assert_eq!(limited.test, read.test);
    }
}
