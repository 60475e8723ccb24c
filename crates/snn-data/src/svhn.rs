//! Street View House Numbers: the cropped digits.

use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_core::{DataSet, Dataset, Shape, Splits};

use crate::DataError;
use crate::folder::Place;
use crate::mat::{self, Array, Values, Wanted};

/// The file of the training set, and that of the test set.
pub const FILES: [&str; 2] = ["train_32x32.mat", "test_32x32.mat"];

const SHAPE: Shape = Shape::new(3, 32, 32);
const CLASSES: usize = 10;
/// Images in the training and in the test file.
pub(crate) const IMAGES: [usize; 2] = [73_257, 26_032];

/// Where the files are.
pub(crate) static PLACE: Place = Place {
    data_set: "SVHN",
    name: "Svhn",
    folder: "svhn",
    within: &[""],
    files: &FILES,
    is_unmistakable: true,
    origin: "http://ufldl.stanford.edu/housenumbers/",
};

/// Digits of house numbers, photographed from the street, by Netzer and others: 32x32 pixels of 3 channels, 10 classes,
/// 73,257 training and 26,032 test images. For non-commercial use only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Svhn {
    /// Subtracted from each channel (red, green, blue), whose values are 0 to 1. The defaults are the means of the
    /// training set.
    pub mean: (f32, f32, f32),
    /// What each channel is then divided by. The default, the same for all, is a choice of this crate: it is the smallest
    /// that keeps all values in -1 to 1, as those of CIFAR-10 are.
    pub deviation: (f32, f32, f32),
    /// Name of the file with the training images.
    pub train_file: String,
    /// If given, that many images, the last ones of the training file, are the test set instead of those in
    /// `test_32x32.mat`, which need not be there.
    pub held_out: Option<usize>,
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

impl DataSet for Svhn {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn training_images(&self) -> usize {
        IMAGES[0].saturating_sub(self.held_out.unwrap_or(0))
    }

    fn test_images(&self) -> usize {
        self.held_out.unwrap_or(IMAGES[1])
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

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        self.load_first(folder, usize::MAX)
    }

    fn load_first(&self, folder: Option<&Path>, samples: usize) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let names = self.files();
        let folder = PLACE.find_any(&names.iter().map(String::as_str).collect::<Vec<_>>(), folder)?;
        let (mean, deviation): ([f32; 3], [f32; 3]) = (self.mean.into(), self.deviation.into());
        let data_set = |Images { pixels, labels, .. }| -> Result<Dataset, snn_core::Error> {
            let mut data_set = Dataset::new(SHAPE, CLASSES, pixels, labels)?.normalised(&mean, &deviation)?;
            data_set.truncate(samples);
            Ok(data_set)
        };
        let [train, test] = if let Some(last) = self.held_out {
            read(&folder, &self.train_file, usize::MAX)?.split(last)?.map(data_set)
        } else {
            let train = data_set(read(&folder, &self.train_file, samples)?);
            [train, data_set(read(&folder, FILES[1], samples)?)]
        };
        Ok(Splits { train: train?, test: test?, folder })
    }
}

/// What is in one file.
struct Images {
    /// The file.
    what: String,
    /// `[N, C, H, W]`.
    pixels: Vec<u8>,
    /// `[N]`.
    labels: Vec<u8>,
}

impl Images {
    /// All but the last `last`, and those.
    fn split(mut self, last: usize) -> Result<[Self; 2], DataError> {
        let first = self.labels.len().checked_sub(last).filter(|&first| first > 0 && last > 0).ok_or_else(|| {
            let reason = format!(
                "held_out must be at least 1 and less than the {} images of this file, found {last}",
                self.labels.len()
            );
            DataError::Content { what: self.what.clone(), reason }
        })?;
        let (pixels, labels) = (self.pixels.split_off(first * SHAPE.len()), self.labels.split_off(first));
        self.pixels.shrink_to_fit();
        let rest = Self { what: self.what.clone(), pixels, labels };
        Ok([self, rest])
    }
}

/// The first `samples` images of a file, or all if there are no more.
fn read(folder: &Path, name: &str, samples: usize) -> Result<Images, DataError> {
    let path = PLACE.file(folder, name)?;
    let wanted =
        [Wanted { name: "X", most: samples.saturating_mul(SHAPE.len()) }, Wanted { name: "y", most: usize::MAX }];
    let arrays = mat::read(&path, &wanted)?;
    let what = path.display().to_string();
    match images(arrays) {
        Ok((pixels, labels)) => Ok(Images { what, pixels, labels }),
        Err(reason) => Err(DataError::Content { what, reason: format!("{reason}; download the file again") }),
    }
}

/// Pixels `[N, C, H, W]` and labels `[N]` from the arrays `X` `[H, W, C, N]`, of which the last images may be left out, and
/// `y` `[N, 1]`.
fn images(arrays: Vec<Array>) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (mut x, mut y) = (None, None);
    for array in arrays {
        match array.name.as_str() {
            "X" => x = Some(array),
            "y" => y = Some(array),
            _ => {}
        }
    }
    let (x, y) = match (x, y) {
        (Some(x), Some(y)) => (x, y),
        (None, None) => return Err("holds neither X nor y, as the cropped digits (format 2) of SVHN do".to_owned()),
        (x, _) => {
            let [found, missing] = if x.is_some() { ["X", "y"] } else { ["y", "X"] };
            return Err(format!("holds {found} but no {missing}, where SVHN has both"));
        }
    };
    let &[32, 32, 3, count] = &x.extents[..] else {
        return Err(format!("X has the extents {:?}, in SVHN they are [32, 32, 3, images]", x.extents));
    };
    if count == 0 {
        return Err("X holds no image".to_owned());
    }
    let Values::Bytes(mut pixels) = x.values else { return Err("X holds numbers, in SVHN it holds bytes".to_owned()) };
    let labels: Vec<f64> = match y.values {
        Values::Bytes(bytes) => bytes.into_iter().map(f64::from).collect(),
        Values::Numbers(numbers) => numbers,
    };
    if labels.len() != count {
        return Err(format!("{} labels for {count} images", labels.len()));
    }
    if let Some(index) = labels.iter().position(|label| !(1.0..=10.0).contains(label) || label.fract() != 0.0) {
        let range = "labels of SVHN are 1 to 9, and 10 for the digit 0";
        return Err(format!("label {} of image {index}, {range}", labels[index]));
    }
    let labels = labels.into_iter().take(pixels.len() / SHAPE.len()).map(|label| label as u8 % 10).collect();
    // The bytes of a channel lie column by column.
    for plane in pixels.as_chunks_mut::<1024>().0 {
        let columns = *plane;
        for (index, pixel) in plane.iter_mut().enumerate() {
            *pixel = columns[index % 32 * 32 + index / 32];
        }
    }
    Ok((pixels, labels))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use snn_core::Content;

    use super::*;

    fn samples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
    }

    fn subset(train_file: &str, held_out: usize) -> Svhn {
        Svhn { train_file: train_file.to_owned(), held_out: Some(held_out), ..Svhn::default() }
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
        let (all, first) =
            (Svhn::default().load(Some(dir.path())), Svhn::default().load_first(Some(dir.path()), 3).unwrap());
        assert_eq!((first.train.len(), first.test.len(), first.train.bytes()), (3, 3, 3 * 3072));
        assert_eq!((0..3).map(|i| first.train.content(i)).collect::<Vec<_>>(), {
            let all = &all.as_ref().unwrap().train;
            (0..3).map(|i| all.content(i)).collect::<Vec<_>>()
        });
        let held_out = subset("svhn_first20.mat", 5).load_first(Some(&samples()), 2).unwrap();
        assert_eq!((held_out.train.labels(), held_out.test.labels()), (&[1, 9][..], &[4, 4][..]));
    }

    #[test]
    fn files_without_images_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(samples().join("svhn_first20.mat")).unwrap();
        bytes.truncate(128);
        fs::write(dir.path().join("empty.mat"), bytes).unwrap();
        let message = subset("empty.mat", 1).load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.contains("empty.mat: holds neither X nor y"), "{message}");
        assert!(message.ends_with("; download the file again"), "{message}");
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
        let x = array("X", &[32, 32, 3, 1], Values::Bytes(vec![0; 3072]));
        let y = |label| array("y", &[1, 1], Values::Numbers(vec![label]));
        assert_eq!(images(vec![x.clone(), y(10.0)]).unwrap().1, [0]);
        for (arrays, expected) in [
            (vec![], "holds neither X nor y, as the cropped digits"),
            (vec![x.clone()], "holds X but no y, where"),
            (vec![x.clone(), y(0.0)], "label 0 of image 0, labels of SVHN are 1 to 9, and 10"),
            (vec![x.clone(), y(f64::NAN)], "label NaN of image 0"),
            (vec![array("X", &[32, 32, 3, 0], Values::Bytes(vec![])), y(1.0)], "X holds no image"),
            (vec![x, array("y", &[0, 0], Values::Bytes(vec![]))], "0 labels for 1 images"),
            (vec![array("X", &[3072, 1], Values::Bytes(vec![0; 3072])), y(1.0)], "X has the extents [3072, 1]"),
            (vec![array("X", &[32, 32, 3, 1], Values::Numbers(vec![0.0; 3072])), y(1.0)], "X holds numbers"),
        ] {
            let found = images(arrays).unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
