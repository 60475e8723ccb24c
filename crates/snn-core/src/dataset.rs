//! Images of one shape with their labels, in memory; and data sets that can be read by name.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crate::{Error, Shape};

/// A data set that can be read by name. Its reading stands elsewhere: this crate knows nothing of files.
pub trait DataSet: Debug + Send + Sync {
    /// Shape of one image.
    fn shape(&self) -> Shape;

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Images of the training set, those held out for validation among them.
    fn training_images(&self) -> usize;

    /// What it is, in a sentence.
    fn describe(&self) -> String;

    /// Reads it from `folder`, or from where it is usually found.
    ///
    /// # Errors
    /// Any error whose message says which file is at fault and what to do.
    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn std::error::Error + Send + Sync>>;
}

/// A data set that was read.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Training images.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// Where they were read.
    pub folder: PathBuf,
}

/// Images `[N, C, H, W]` of one byte a pixel, and the class of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    shape: Shape,
    classes: usize,
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Dataset {
    /// A data set of `images` `[N, C, H, W]` and `labels` `[N]`, each below `classes`.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no image, if the counts differ, or if a label is out of range.
    pub fn new(shape: Shape, classes: usize, images: Vec<u8>, labels: Vec<u8>) -> Result<Self, Error> {
        let fail = |reason| Err(Error::Data(reason));
        if labels.is_empty() || shape.is_empty() {
            return fail(format!("{} images of shape {shape} hold no pixel", labels.len()));
        }
        if images.len() != labels.len() * shape.len() {
            let (expected, found) = (labels.len() * shape.len(), images.len());
            return fail(format!("{} labels of {shape} images ask for {expected} pixels, found {found}", labels.len()));
        }
        if let Some(i) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return fail(format!("label {} of image {i} must be below {classes}", labels[i]));
        }
        Ok(Self { shape, classes, images, labels })
    }

    /// Shape of one image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image; true only after [`Dataset::truncate`] to 0.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels `[C, H, W]` of the image at `index`, which must be below [`Dataset::len`].
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.shape.len()..][..self.shape.len()]
    }

    /// Class of each image `[N]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Keeps the first `len` images; all of them if there are no more.
    pub fn truncate(&mut self, len: usize) {
        self.labels.truncate(len);
        self.images.truncate(len.saturating_mul(self.shape.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Shape = Shape::new(1, 1, 2);

    fn message(images: &[u8], labels: &[u8]) -> String {
        Dataset::new(PAIR, 10, images.to_vec(), labels.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn images_follow_each_other() {
        let mut dataset = Dataset::new(PAIR, 10, vec![1, 2, 3, 4], vec![5, 6]).unwrap();
        assert_eq!(dataset.image(1), [3, 4]);
        dataset.truncate(1);
        assert_eq!((dataset.len(), dataset.image(0)), (1, &[1, 2][..]));
        dataset.truncate(usize::MAX);
        assert_eq!(dataset.len(), 1);
    }

    #[test]
    fn counts_and_labels_are_checked() {
        assert_eq!(message(&[1, 2, 3], &[0, 0]), "data set: 2 labels of 1x1x2 images ask for 4 pixels, found 3");
        assert_eq!(message(&[1, 2, 3, 4], &[9, 10]), "data set: label 10 of image 1 must be below 10");
        assert_eq!(message(&[], &[]), "data set: 0 images of shape 1x1x2 hold no pixel");
    }
}
