//! Batches of a data set. Any batch of any epoch can be asked for at any time and is always the same.

use std::ops::Range;

use snn_core::{Dataset, Purpose, Shape, Stream};

/// Samples of one step. The buffers belong to the loader and are filled anew for each batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Pixels `[N, C, H, W]`, scaled to `[0, 1]`.
    pub pixels: Vec<f32>,
    /// Classes `[N]`.
    pub labels: Vec<u8>,
    /// Index in the data set `[N]`.
    pub samples: Vec<u32>,
}

/// Makes batches of a range of a data set.
#[derive(Debug)]
pub struct Loader<'a> {
    dataset: &'a Dataset,
    batch: usize,
    shuffle: Option<Shuffle>,
    /// Index in the data set of each sample, in the order of the present epoch.
    order: Vec<u32>,
    first: u32,
    current: Batch,
}

#[derive(Debug)]
struct Shuffle {
    seed: u64,
    max_shift: usize,
    /// Epoch that the loader's order belongs to.
    epoch: Option<u32>,
}

impl<'a> Loader<'a> {
    /// Batches of up to `batch` samples (0 counts as 1) of `images`, in the order of the data set and unchanged. The
    /// part of `images` beyond the data set is left out.
    pub fn in_order(dataset: &'a Dataset, images: Range<usize>, batch: usize) -> Self {
        let first = images.start.min(dataset.len()) as u32;
        let order = (first..images.end.min(dataset.len()) as u32).collect();
        Self { dataset, batch: batch.max(1), shuffle: None, order, first, current: Batch::default() }
    }

    /// Batches as of [`Loader::in_order`], but in an order of each epoch's own, each image moved by up to
    /// `max_shift` rows and columns, filled with zeros. Both are drawn from `seed`.
    pub fn shuffled(dataset: &'a Dataset, images: Range<usize>, batch: usize, seed: u64, max_shift: usize) -> Self {
        let shuffle = Some(Shuffle { seed, max_shift, epoch: None });
        Self { shuffle, ..Self::in_order(dataset, images, batch) }
    }

    /// Number of batches in an epoch; the last one may be smaller.
    pub fn batches(&self) -> usize {
        self.order.len().div_ceil(self.batch)
    }

    /// Batch `index` of `epoch`; none from [`Loader::batches`] on.
    pub fn batch(&mut self, epoch: u32, index: usize) -> Option<&Batch> {
        if index >= self.batches() {
            return None;
        }
        if let Some(shuffle) = &mut self.shuffle
            && shuffle.epoch.replace(epoch) != Some(epoch)
        {
            self.order = Stream::new(shuffle.seed, Purpose::Shuffle).permutation(epoch, self.order.len());
            self.order.iter_mut().for_each(|sample| *sample += self.first);
        }
        let end = self.order.len().min((index + 1) * self.batch);
        let Batch { pixels, labels, samples } = &mut self.current;
        samples.clear();
        samples.extend_from_slice(&self.order[index * self.batch..end]);
        labels.clear();
        labels.extend(samples.iter().map(|&sample| self.dataset.labels()[sample as usize]));
        pixels.clear();
        for &sample in &*samples {
            let image = self.dataset.image(sample as usize);
            match &self.shuffle {
                Some(Shuffle { seed, max_shift, .. }) if *max_shift > 0 => {
                    let shift = draw_shift(*seed, epoch, sample, *max_shift);
                    extend_shifted(pixels, image, self.dataset.shape(), shift);
                }
                _ => pixels.extend(image.iter().map(|&pixel| scaled(pixel))),
            }
        }
        Some(&self.current)
    }
}

fn scaled(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
}

/// Rows and columns by which an image moves down and right, each uniform in `-max..=max`.
fn draw_shift(seed: u64, epoch: u32, sample: u32, max: usize) -> [i64; 2] {
    let words = Stream::new(seed, Purpose::Augmentation).block(epoch, sample, 0, 0);
    let draw = |word: u32| ((u64::from(word) * (2 * max as u64 + 1)) >> 32) as i64 - max as i64;
    [draw(words[0]), draw(words[1])]
}

fn extend_shifted(pixels: &mut Vec<f32>, image: &[u8], shape: Shape, [down, right]: [i64; 2]) {
    let inside = |at: i64, extent: usize| (0..extent as i64).contains(&at).then_some(at as usize);
    for channel in 0..shape.channels {
        for row in 0..shape.height as i64 {
            for column in 0..shape.width as i64 {
                let from = inside(row - down, shape.height).zip(inside(column - right, shape.width));
                pixels.push(from.map_or(0.0, |(row, column)| scaled(image[shape.index(channel, row, column)])));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Image `i` holds the pixels `4i + 1 ..= 4i + 4`, with label `i % 10`.
    fn squares(n: u8) -> Dataset {
        let shape = Shape::new(1, 2, 2);
        Dataset::new(shape, 10, (1..=4 * n).collect(), (0..n).map(|i| i % 10).collect()).unwrap()
    }

    fn samples(loader: &mut Loader<'_>, epoch: u32) -> Vec<u32> {
        (0..loader.batches()).flat_map(|index| loader.batch(epoch, index).unwrap().samples.clone()).collect()
    }

    #[test]
    fn the_last_batch_holds_the_rest() {
        let dataset = squares(5);
        let mut loader = Loader::in_order(&dataset, 0..5, 2);
        assert_eq!(loader.batches(), 3);
        let last = loader.batch(0, 2).unwrap();
        assert_eq!((&last.samples[..], &last.labels[..], last.pixels.len()), (&[4][..], &[4][..], 4));
        assert_eq!(loader.batch(0, 3), None);
    }

    #[test]
    fn pixels_are_scaled_to_1() {
        let dataset = Dataset::new(Shape::features(3), 1, vec![0, 51, 255], vec![0]).unwrap();
        assert_eq!(Loader::in_order(&dataset, 0..1, 1).batch(0, 0).unwrap().pixels, [0.0, 0.2, 1.0]);
    }

    #[test]
    fn an_epoch_shows_every_image_of_the_range_once() {
        let dataset = squares(50);
        let mut loader = Loader::shuffled(&dataset, 10..40, 7, 1, 0);
        let (first, second) = (samples(&mut loader, 0), samples(&mut loader, 1));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (10..40).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn a_batch_does_not_depend_on_those_before_it() {
        let dataset = squares(50);
        let mut loader = Loader::shuffled(&dataset, 0..50, 8, 3, 1);
        samples(&mut loader, 0);
        let late = loader.batch(2, 4).unwrap().clone();
        assert_eq!(Loader::shuffled(&dataset, 0..50, 8, 3, 1).batch(2, 4), Some(&late));
        assert_ne!(Loader::shuffled(&dataset, 0..50, 8, 4, 1).batch(2, 4), Some(&late));
    }

    #[test]
    fn a_shift_fills_with_zeros() {
        let mut pixels = Vec::new();
        let shape = Shape::new(1, 2, 2);
        extend_shifted(&mut pixels, &[51, 102, 153, 204], shape, [1, 0]);
        extend_shifted(&mut pixels, &[51, 102, 153, 204], shape, [0, -1]);
        extend_shifted(&mut pixels, &[51, 102, 153, 204], shape, [-5, 9]);
        assert_eq!(pixels, [0.0, 0.0, 0.2, 0.4, 0.4, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn shifts_reach_every_distance_and_no_further() {
        let shifts: Vec<[i64; 2]> = (0..500).map(|sample| draw_shift(1, 0, sample, 2)).collect();
        for axis in 0..2 {
            let mut found: Vec<i64> = shifts.iter().map(|shift| shift[axis]).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, [-2, -1, 0, 1, 2]);
        }
    }

    #[test]
    fn a_range_beyond_the_data_set_is_cut() {
        let dataset = squares(3);
        assert_eq!(samples(&mut Loader::in_order(&dataset, 1..9, 0), 0), [1, 2]);
        assert_eq!(Loader::in_order(&dataset, 7..9, 2).batches(), 0);
    }
}
