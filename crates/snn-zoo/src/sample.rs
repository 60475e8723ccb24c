//! A sample of a data set: the images that a training starts with, at their indices in the full data set, and the first
//! test images.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use snn_core::{Content, Dataset, Shape};

/// A sample of training and test images.
#[derive(Debug, Clone)]
pub struct SampleImages {
    /// The full number of training images; those that are not in the sample are black and of class 0.
    pub train: Dataset,
    /// The first test images.
    pub test: Dataset,
}

/// Tensor names in the file.
const INDICES: &str = "train.indices";
const PIXELS: [&str; 2] = ["train.pixels", "test.pixels"];
const LABELS: [&str; 2] = ["train.labels", "test.labels"];
const VALUES: &str = "values";

impl SampleImages {
    /// Reads a file written by [`SampleImages::write`].
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        let number = |name: &str| {
            let text = metadata.get(name).ok_or_else(|| format!("{name} is not told"))?;
            text.parse::<usize>().map_err(|error| format!("{name}: {error}"))
        };
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |name: &str| tensors.tensor(name).map_err(|error| format!("{name}: {error}"));
        let indices = words(tensor(INDICES)?.data(), u32::from_le_bytes);
        let values = words(tensor(VALUES)?.data(), f32::from_le_bytes);
        let (values, _) = values.as_chunks::<256>();
        let pixels = tensor(PIXELS[0])?;
        let [_, channels, height, width] = *pixels.shape() else { return Err("pixels are no images".to_owned()) };
        let (shape, classes, all) = (Shape::new(channels, height, width), number("classes")?, number("images")?);
        // Pages of zeroed memory that are never touched are not allocated.
        let (mut images, mut labels) = (vec![0; all * shape.len()], vec![0; all]);
        let shown = pixels.data().chunks(shape.len()).zip(tensor(LABELS[0])?.data());
        for (&index, (pixels, label)) in indices.iter().zip(shown) {
            let index = index as usize;
            if index >= all {
                return Err(format!("image {index} is not one of {all}"));
            }
            images[index * shape.len()..][..shape.len()].copy_from_slice(pixels);
            labels[index] = *label;
        }
        let set = |images: Vec<u8>, labels: Vec<u8>| {
            let set = Dataset::new(shape, classes, images, labels).and_then(|set| set.with_values(values.to_vec()));
            set.map_err(|error| error.to_string())
        };
        let test = set(tensor(PIXELS[1])?.data().to_vec(), tensor(LABELS[1])?.data().to_vec())?;
        Ok(Self { train: set(images, labels)?, test })
    }

    /// Serializes the training images `indices` of `train` and the first `tested` images of `test`.
    ///
    /// # Errors
    /// A sentence, if they are recordings or do not exist.
    pub fn write(train: &Dataset, indices: &[u32], test: &Dataset, tested: usize) -> Result<Vec<u8>, String> {
        let shape = train.shape();
        let pixels = |set: &Dataset, indices: &[u32]| {
            let mut pixels = Vec::with_capacity(indices.len() * shape.len());
            for &index in indices {
                match set.content(index as usize) {
                    Content::Image(image) => pixels.extend_from_slice(image),
                    Content::Recording(_) => return Err("recordings cannot be sampled".to_owned()),
                }
            }
            Ok(pixels)
        };
        let labels = |set: &Dataset, indices: &[u32]| -> Vec<u8> {
            indices.iter().map(|&index| set.labels()[index as usize]).collect()
        };
        let first: Vec<u32> = (0..tested.min(test.len()) as u32).collect();
        let values =
            (0..shape.channels).flat_map(|channel| train.values(channel)).flat_map(|value| value.to_le_bytes());
        let data: [(&str, Dtype, Vec<usize>, Vec<u8>); 6] = [
            (INDICES, Dtype::U32, vec![indices.len()], indices.iter().flat_map(|index| index.to_le_bytes()).collect()),
            (PIXELS[0], Dtype::U8, extents(indices.len(), shape), pixels(train, indices)?),
            (LABELS[0], Dtype::U8, vec![indices.len()], labels(train, indices)),
            (PIXELS[1], Dtype::U8, extents(first.len(), shape), pixels(test, &first)?),
            (LABELS[1], Dtype::U8, vec![first.len()], labels(test, &first)),
            (VALUES, Dtype::F32, vec![shape.channels, 256], values.collect()),
        ];
        let views = data.iter().map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| ((*name).to_owned(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let metadata = HashMap::from([
            ("classes".to_owned(), train.classes().to_string()),
            ("images".to_owned(), train.len().to_string()),
        ]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
    }
}

fn extents(images: usize, shape: Shape) -> Vec<usize> {
    vec![images, shape.channels, shape.height, shape.width]
}

fn words<T>(bytes: &[u8], word: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|bytes| word(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_back_in_their_places() {
        let shape = Shape::new(2, 1, 2);
        let set = |images: u8| {
            let pixels = (0..4 * images).collect();
            let set = Dataset::new(shape, 5, pixels, (0..images).map(|label| label % 5).collect()).unwrap();
            set.normalised(&[0.5, 0.25], &[2.0, 1.0]).unwrap()
        };
        let bytes = SampleImages::write(&set(6), &[4, 1], &set(3), 2).unwrap();
        let SampleImages { train, test } = SampleImages::read(&bytes).unwrap();
        assert_eq!(train.labels(), [0, 1, 0, 0, 4, 0]);
        assert_eq!(train.content(4), set(6).content(4));
        assert_eq!(train.content(0), Content::Image(&[0; 4]));
        assert_eq!((train.values(1), test.len(), test.labels()), (set(6).values(1), 2, &[0, 1][..]));
        assert!(SampleImages::read(&bytes[..bytes.len() - 1]).is_err());
    }
}
