//! A loader of batches of a data set. Any batch of any epoch can be requested at any time and is always the same.

use snn_core::{AddressEvent, Augmentation, Content, Dataset, Purpose, Stream};

/// A batch of samples. The loader owns the buffers and reuses them for each batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Pixels `[N, C, H, W]` after normalisation; empty for recordings.
    pub pixels: Vec<f32>,
    /// Recordings `[N]`; empty for images.
    pub recordings: Vec<Vec<AddressEvent>>,
    /// Class indices `[N]`.
    pub labels: Vec<u8>,
    /// Indices in the data set `[N]`.
    pub samples: Vec<u32>,
}

/// Loads batches of selected samples of a data set.
#[derive(Debug)]
pub struct Loader<'a> {
    dataset: &'a Dataset,
    batch: usize,
    shuffle: Option<Shuffle>,
    /// Index in the data set of each sample.
    samples: Vec<u32>,
    /// The same indices in the order of the current epoch; empty before the first epoch, and without shuffling.
    order: Vec<u32>,
    current: Batch,
}

#[derive(Debug)]
struct Shuffle {
    seed: u64,
    augmentation: Augmentation,
    /// The epoch of the current order.
    epoch: Option<u32>,
}

impl<'a> Loader<'a> {
    /// Returns a loader with batches of up to `batch` samples (0 counts as 1). The samples have the indices `samples`,
    /// come in this order and are not augmented. Indices beyond the data set are ignored.
    pub fn in_order(dataset: &'a Dataset, samples: impl IntoIterator<Item = u32>, batch: usize) -> Self {
        let samples = samples.into_iter().filter(|&sample| (sample as usize) < dataset.len()).collect();
        Self { dataset, batch: batch.max(1), shuffle: None, samples, order: Vec::new(), current: Batch::default() }
    }

    /// Returns a loader as [`Loader::in_order`], but with another order in each epoch, and with samples changed by
    /// `augmentation`. Both are drawn from `seed`.
    pub fn shuffled(
        dataset: &'a Dataset,
        samples: impl IntoIterator<Item = u32>,
        batch: usize,
        seed: u64,
        augmentation: Augmentation,
    ) -> Self {
        let shuffle = Some(Shuffle { seed, augmentation, epoch: None });
        Self { shuffle, ..Self::in_order(dataset, samples, batch) }
    }

    /// The number of batches in an epoch; the last batch may be smaller.
    pub fn batches(&self) -> usize {
        self.samples.len().div_ceil(self.batch)
    }

    /// Returns batch `index` of `epoch`; `None` from [`Loader::batches`] on.
    pub fn batch(&mut self, epoch: u32, index: usize) -> Option<&Batch> {
        if index >= self.batches() {
            return None;
        }
        if let Some(shuffle) = &mut self.shuffle
            && shuffle.epoch.replace(epoch) != Some(epoch)
        {
            self.order = Stream::new(shuffle.seed, Purpose::Shuffle).permutation(epoch, self.samples.len());
            self.order.iter_mut().for_each(|place| *place = self.samples[*place as usize]);
        }
        let order = if self.shuffle.is_some() { &self.order } else { &self.samples };
        let end = order.len().min((index + 1) * self.batch);
        let Batch { pixels, recordings, labels, samples } = &mut self.current;
        samples.clear();
        samples.extend_from_slice(&order[index * self.batch..end]);
        labels.clear();
        labels.extend(samples.iter().map(|&sample| self.dataset.labels()[sample as usize]));
        pixels.clear();
        recordings.clear();
        let shape = self.dataset.shape();
        for &sample in &*samples {
            let shuffle = self.shuffle.as_ref();
            let change = shuffle.map(|s| s.augmentation.draw(s.seed, epoch, sample)).unwrap_or_default();
            match self.dataset.content(sample as usize) {
                Content::Image(image) => {
                    for channel in 0..shape.channels {
                        let values = self.dataset.values(channel);
                        let plane = &image[shape.index(channel, 0, 0)..];
                        for row in 0..shape.height {
                            pixels.extend((0..shape.width).map(|column| {
                                let source = change.source(shape, row, column);
                                let byte = source.map_or(0, |[row, column]| plane[row * shape.width + column]);
                                values[usize::from(byte)]
                            }));
                        }
                    }
                }
                Content::Recording(events) => {
                    recordings.push(events.iter().filter_map(|&event| change.event(shape, event)).collect());
                }
            }
        }
        Some(&self.current)
    }
}

#[cfg(test)]
mod tests {
    use snn_core::Shape;

    use super::*;

    const SHIFT: Augmentation = Augmentation::Shift { pixels: 1, flip: true };

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
        let mut loader = Loader::shuffled(&dataset, 10..40, 7, 1, Augmentation::None);
        let (first, second) = (samples(&mut loader, 0), samples(&mut loader, 1));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (10..40).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn samples_are_shuffled_by_their_places() {
        let dataset = squares(50);
        let chosen: Vec<u32> = (0..50).filter(|sample| sample % 3 == 1).collect();
        let mut loader = Loader::shuffled(&dataset, chosen.iter().copied(), 7, 1, Augmentation::None);
        let places = Stream::new(1, Purpose::Shuffle).permutation(2, chosen.len());
        assert_eq!(samples(&mut loader, 2), places.iter().map(|&place| chosen[place as usize]).collect::<Vec<_>>());
        let mut loader = Loader::in_order(&dataset, chosen.iter().copied(), 7);
        assert_eq!(samples(&mut loader, 0), chosen);
    }

    #[test]
    fn a_batch_does_not_depend_on_those_before_it() {
        let dataset = squares(50);
        let mut loader = Loader::shuffled(&dataset, 0..50, 8, 3, SHIFT);
        samples(&mut loader, 0);
        let late = loader.batch(2, 4).unwrap().clone();
        assert_eq!(Loader::shuffled(&dataset, 0..50, 8, 3, SHIFT).batch(2, 4), Some(&late));
        assert_ne!(Loader::shuffled(&dataset, 0..50, 8, 4, SHIFT).batch(2, 4), Some(&late));
    }

    #[test]
    fn a_moved_image_is_filled_with_black() {
        let dataset = Dataset::new(Shape::new(1, 1, 1), 1, vec![255; 90], vec![0; 90]).unwrap();
        let dataset = dataset.normalised(&[0.5], &[0.25]).unwrap();
        let shift = Augmentation::Shift { pixels: 1, flip: false };
        let pixels = Loader::shuffled(&dataset, 0..90, 90, 1, shift).batch(0, 0).unwrap().pixels.clone();
        let stayed = pixels.iter().filter(|&&pixel| pixel == 2.0).count();
        assert!((1..30).contains(&stayed), "{stayed}: one in nine stays where it is");
        assert_eq!(pixels.iter().filter(|&&pixel| pixel == -2.0).count(), 90 - stayed);
    }

    #[test]
    fn recordings_come_as_they_are() {
        let events = vec![AddressEvent { time: 3, pixel: 1 }];
        let dataset = Dataset::of_recordings(Shape::new(2, 1, 1), 1, vec![events.clone()], vec![0]).unwrap();
        let mut loader = Loader::in_order(&dataset, 0..1, 1);
        assert_eq!(loader.batch(0, 0).unwrap().recordings, [events]);
    }

    #[test]
    fn a_range_beyond_the_data_set_is_cut() {
        let dataset = squares(3);
        assert_eq!(samples(&mut Loader::in_order(&dataset, 1..9, 0), 0), [1, 2]);
        assert_eq!(Loader::in_order(&dataset, 7..9, 2).batches(), 0);
    }
}
