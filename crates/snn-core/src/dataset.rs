//! Images or recordings of one shape with their labels, in memory; and data sets that can be read by name.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::sampling::Limit;
use crate::shape::Shape;

/// A data set that can be read by name. Its reading stands elsewhere: this crate knows nothing of files.
pub trait DataSet: Debug + Send + Sync {
    /// Whether it holds images or recordings of events.
    fn kind(&self) -> DatasetKind {
        DatasetKind::Images
    }

    /// Shape of one image, or of the sensor that recorded: polarities, height, width.
    fn shape(&self) -> Shape;

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Name of a class, such as `airplane`.
    fn class_name(&self, class: usize) -> String {
        class.to_string()
    }

    /// Images of the training set, those held out for validation among them.
    fn training_images(&self) -> usize;

    /// Images of the test set.
    fn test_images(&self) -> usize;

    /// Memory that `samples` of its samples take, about.
    fn bytes(&self, samples: usize) -> usize {
        samples * self.shape().len()
    }

    /// Memory that reading `samples` training and as many test samples takes at most while it lasts, beyond what is kept
    /// of them.
    fn bytes_to_read(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// What it is, in a sentence.
    fn describe(&self) -> String;

    /// Names of the files or folders that it is read from; none if it does not say.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads it from `folder`, or from where it is usually found.
    ///
    /// # Errors
    /// Any error whose message says which file is at fault and what to do.
    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn std::error::Error + Send + Sync>>;

    /// As [`DataSet::load`], but only as much of the training set as `limit` says, and as much of the test set. A data set
    /// that can spare itself the reading of the others should.
    ///
    /// # Errors
    /// As [`DataSet::load`].
    fn load_limited(
        &self,
        folder: Option<&Path>,
        limit: Limit,
    ) -> Result<Splits, Box<dyn std::error::Error + Send + Sync>> {
        let mut splits = self.load(folder)?;
        for data in [&mut splits.train, &mut splits.test] {
            data.keep(&limit.samples(data.labels()));
        }
        Ok(splits)
    }
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

/// What a data set is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetKind {
    /// Images: one byte a pixel.
    Images,
    /// Recordings of a sensor that tells of changes, pixel by pixel.
    Recordings,
}

/// One event of a recording: at this time, this pixel grew brighter or darker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressEvent {
    /// Microseconds.
    pub time: u32,
    /// Index in the shape `[polarity, row, column]`.
    pub pixel: u32,
}

/// One sample of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// Pixels `[C, H, W]`.
    Image(&'a [u8]),
    /// Events in order of time.
    Recording(&'a [AddressEvent]),
}

/// Images or recordings of one shape, and the class of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    shape: Shape,
    classes: usize,
    contents: Contents,
    labels: Vec<u8>,
    /// Number of samples that these were taken from.
    available: usize,
    /// Value of each byte `[C][256]`.
    values: Vec<[f32; 256]>,
    /// What its reader has to tell of it.
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Contents {
    /// `[N, C, H, W]`.
    Images(Vec<u8>),
    Recordings(Vec<Vec<AddressEvent>>),
}

impl Dataset {
    /// A data set of `images` `[N, C, H, W]` and `labels` `[N]`, each below `classes`. The value of a pixel is its byte
    /// over 255.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no image, if the counts differ, or if a label is out of range.
    pub fn new(shape: Shape, classes: usize, images: Vec<u8>, labels: Vec<u8>) -> Result<Self, Error> {
        if images.len() != labels.len() * shape.len() {
            let (expected, found) = (labels.len() * shape.len(), images.len());
            return Err(Error::Data(format!(
                "{} labels of {shape} images ask for {expected} pixels, found {found}",
                labels.len()
            )));
        }
        Self::checked(shape, classes, Contents::Images(images), labels)
    }

    /// A data set of `recordings` `[N]`, each in order of time, and `labels` `[N]`, each below `classes`.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no recording, if the counts differ, if a label is out of range, or if an event lies
    /// outside `shape` or before the one in front of it.
    pub fn of_recordings(
        shape: Shape,
        classes: usize,
        recordings: Vec<Vec<AddressEvent>>,
        labels: Vec<u8>,
    ) -> Result<Self, Error> {
        if recordings.len() != labels.len() {
            return Err(Error::Data(format!("{} labels for {} recordings", labels.len(), recordings.len())));
        }
        for (index, recording) in recordings.iter().enumerate() {
            if let Some(event) = recording.iter().find(|event| event.pixel as usize >= shape.len()) {
                let reason = format!("pixel {} of recording {index} lies outside {shape}", event.pixel);
                return Err(Error::Data(reason));
            }
            if !recording.is_sorted_by_key(|event| event.time) {
                return Err(Error::Data(format!("the events of recording {index} are not in order of time")));
            }
        }
        Self::checked(shape, classes, Contents::Recordings(recordings), labels)
    }

    fn checked(shape: Shape, classes: usize, contents: Contents, labels: Vec<u8>) -> Result<Self, Error> {
        if labels.is_empty() || shape.is_empty() {
            return Err(Error::Data(format!("{} images of shape {shape} hold no pixel", labels.len())));
        }
        if let Some(i) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(Error::Data(format!("label {} of image {i} must be below {classes}", labels[i])));
        }
        let values = vec![std::array::from_fn(|byte| byte as f32 / 255.0); shape.channels];
        Ok(Self { shape, classes, contents, available: labels.len(), labels, values, notes: Vec::new() })
    }

    /// The same images, with values `(byte / 255 - mean) / deviation`, channel by channel.
    ///
    /// # Errors
    /// [`Error::Data`] if the channels differ in number, or a deviation is not greater than 0.
    pub fn normalised(mut self, mean: &[f32], deviation: &[f32]) -> Result<Self, Error> {
        let channels = self.shape.channels;
        if mean.len() != channels || deviation.len() != channels {
            let found = format!("{} means and {} deviations", mean.len(), deviation.len());
            return Err(Error::Data(format!("{channels} channels are normalised with {found}")));
        }
        if let Some(wrong) = deviation.iter().find(|&&deviation| !(deviation > 0.0 && deviation.is_finite())) {
            return Err(Error::Data(format!("a deviation must be greater than 0, found {wrong}")));
        }
        for (values, (mean, deviation)) in self.values.iter_mut().zip(mean.iter().zip(deviation)) {
            *values = std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation);
        }
        Ok(self)
    }

    /// The same images, with these values of the 256 bytes, channel by channel.
    ///
    /// # Errors
    /// [`Error::Data`] if the channels differ in number.
    pub fn with_values(self, values: Vec<[f32; 256]>) -> Result<Self, Error> {
        let channels = self.shape.channels;
        if values.len() != channels {
            return Err(Error::Data(format!("{channels} channels have values of {}", values.len())));
        }
        Ok(Self { values, ..self })
    }

    /// Whether it holds images or recordings.
    pub fn kind(&self) -> DatasetKind {
        match self.contents {
            Contents::Images(_) => DatasetKind::Images,
            Contents::Recordings(_) => DatasetKind::Recordings,
        }
    }

    /// Shape of one image, or of the sensor that recorded: polarities, height, width.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images or recordings.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Number of images or recordings that there were before some of them were chosen.
    pub fn available(&self) -> usize {
        self.available
    }

    /// The same samples, told to be some of `available`.
    #[must_use]
    pub fn out_of(self, available: usize) -> Self {
        Self { available: available.max(self.len()), ..self }
    }

    /// The same samples, with one more thing to tell those who use them, such as that events were left out.
    #[must_use]
    pub fn noted(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// What its reader has to tell of it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether there is no image; true only after [`Dataset::truncate`] to 0.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes that images or recordings take in memory.
    pub fn bytes(&self) -> usize {
        match &self.contents {
            Contents::Images(images) => images.len(),
            Contents::Recordings(recordings) => recordings.iter().map(|events| size_of_val(&events[..])).sum(),
        }
    }

    /// The image or recording at `index`, which must be below [`Dataset::len`].
    pub fn content(&self, index: usize) -> Content<'_> {
        match &self.contents {
            Contents::Images(images) => Content::Image(&images[index * self.shape.len()..][..self.shape.len()]),
            Contents::Recordings(recordings) => Content::Recording(&recordings[index]),
        }
    }

    /// Value of each of the 256 bytes in `channel`, after normalisation.
    pub fn values(&self, channel: usize) -> &[f32; 256] {
        &self.values[channel]
    }

    /// The values of the image at `index`, which must be below [`Dataset::len`], after normalisation, `[C, H, W]`; none of a
    /// recording.
    pub fn pixels(&self, index: usize) -> Vec<f32> {
        let Content::Image(bytes) = self.content(index) else { return Vec::new() };
        let planes = bytes.chunks(self.shape.pixels().max(1)).zip(&self.values);
        planes.flat_map(|(plane, values)| plane.iter().map(|&byte| values[usize::from(byte)])).collect()
    }

    /// Class of each image or recording `[N]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The classes that none of these `samples` has.
    pub fn missing_classes(&self, samples: &[u32]) -> Vec<usize> {
        let mut is_there = vec![false; self.classes];
        for label in samples.iter().filter_map(|&sample| self.labels.get(sample as usize)) {
            is_there[usize::from(*label)] = true;
        }
        (0..self.classes).filter(|&class| !is_there[class]).collect()
    }

    /// How many of these `samples` are recordings without any event.
    pub fn blank(&self, samples: &[u32]) -> usize {
        let Contents::Recordings(recordings) = &self.contents else { return 0 };
        let chosen = samples.iter().filter_map(|&sample| recordings.get(sample as usize));
        chosen.filter(|recording| recording.is_empty()).count()
    }

    /// Keeps the images or recordings with these indices, which must be in rising order and below [`Dataset::len`], and frees
    /// the memory of the others.
    pub fn keep(&mut self, samples: &[u32]) {
        let size = self.shape.len();
        for (to, from) in samples.iter().map(|&sample| sample as usize).enumerate() {
            self.labels[to] = self.labels[from];
            match &mut self.contents {
                Contents::Images(images) => images.copy_within(from * size..(from + 1) * size, to * size),
                Contents::Recordings(recordings) => recordings.swap(to, from),
            }
        }
        self.truncate(samples.len());
    }

    /// Keeps the first `len` images or recordings, and frees the memory of the others; all of them if there are no more.
    pub fn truncate(&mut self, len: usize) {
        self.labels.truncate(len);
        self.labels.shrink_to_fit();
        match &mut self.contents {
            Contents::Images(images) => {
                images.truncate(len.saturating_mul(self.shape.len()));
                images.shrink_to_fit();
            }
            Contents::Recordings(recordings) => {
                recordings.truncate(len);
                recordings.shrink_to_fit();
            }
        }
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
        assert_eq!(dataset.content(1), Content::Image(&[3, 4]));
        dataset.truncate(1);
        assert_eq!((dataset.len(), dataset.content(0)), (1, Content::Image(&[1, 2])));
        assert!(matches!(&dataset.contents, Contents::Images(images) if images.capacity() == 2), "the rest is freed");
        dataset.truncate(usize::MAX);
        assert_eq!(dataset.len(), 1);
    }

    #[test]
    fn chosen_samples_are_kept_in_order() {
        let mut images = Dataset::new(PAIR, 10, (0..10).collect(), vec![5, 6, 7, 8, 9]).unwrap();
        images.keep(&[1, 2, 4]);
        assert_eq!((images.labels(), images.available(), images.bytes()), (&[6, 7, 9][..], 5, 6));
        assert_eq!((images.content(0), images.content(2)), (Content::Image(&[2, 3]), Content::Image(&[8, 9])));
        assert_eq!(images.missing_classes(&[0, 2]), [0, 1, 2, 3, 4, 5, 7, 8]);
        let event = |time| AddressEvent { time, pixel: 1 };
        let mut recordings =
            Dataset::of_recordings(PAIR, 1, vec![vec![event(1)], vec![], vec![event(3)]], vec![0; 3]).unwrap();
        assert_eq!((recordings.blank(&[0, 2]), recordings.blank(&[1])), (0, 1));
        recordings.keep(&[2]);
        assert_eq!(recordings.content(0), Content::Recording(&[event(3)]));
    }

    #[test]
    fn counts_and_labels_are_checked() {
        assert_eq!(message(&[1, 2, 3], &[0, 0]), "data set: 2 labels of 1x1x2 images ask for 4 pixels, found 3");
        assert_eq!(message(&[1, 2, 3, 4], &[9, 10]), "data set: label 10 of image 1 must be below 10");
        assert_eq!(message(&[], &[]), "data set: 0 images of shape 1x1x2 hold no pixel");
    }

    #[test]
    fn values_follow_the_normalisation_of_their_channel() {
        let dataset = Dataset::new(Shape::new(2, 1, 1), 1, vec![51, 255], vec![0]).unwrap();
        assert_eq!((dataset.values(0)[51], dataset.values(1)[255]), (0.2, 1.0));
        let dataset = dataset.normalised(&[0.0, 0.5], &[1.0, 0.25]).unwrap();
        assert_eq!((dataset.values(0)[51], dataset.values(1)[255], dataset.values(1)[0]), (0.2, 2.0, -2.0));
        assert!(dataset.normalised(&[0.0], &[1.0]).is_err());
    }

    #[test]
    fn recordings_are_checked() {
        let event = |time, pixel| AddressEvent { time, pixel };
        let message = |events| Dataset::of_recordings(PAIR, 1, vec![events], vec![0]).unwrap_err().to_string();
        assert_eq!(message(vec![event(0, 2)]), "data set: pixel 2 of recording 0 lies outside 1x1x2");
        let late = vec![event(5, 0), event(4, 1)];
        assert_eq!(message(late), "data set: the events of recording 0 are not in order of time");
        let dataset = Dataset::of_recordings(PAIR, 1, vec![vec![event(4, 1)]], vec![0]).unwrap();
        assert_eq!((dataset.kind(), dataset.bytes()), (DatasetKind::Recordings, 8));
    }
}
