//! Labelled images or event recordings in memory, and the trait of data sets that can be loaded by name.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::sampling::Limit;
use crate::shape::Shape;

/// A data set that can be loaded by name. Implementations that read files are in other crates; this one has no file
/// access.
pub trait DataSource: Debug + Send + Sync {
    /// Whether the data set holds images or event recordings.
    fn kind(&self) -> DatasetKind {
        DatasetKind::Images
    }

    /// Shape of one image, or of the sensor: polarities, height, width.
    fn shape(&self) -> Shape;

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Name of a class, such as `airplane`.
    fn class_name(&self, class: usize) -> String {
        class.to_string()
    }

    /// Number of samples in the training set, including those held out for validation.
    fn training_images(&self) -> usize;

    /// Number of samples in the test set.
    fn test_images(&self) -> usize;

    /// Approximate memory of `samples` samples, in bytes.
    fn bytes(&self, samples: usize) -> usize {
        samples * self.shape().len()
    }

    /// Upper bound of the temporary memory for loading `samples` training and as many test samples, in bytes. Does not
    /// include the memory of the samples themselves.
    fn bytes_to_read(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// A one-sentence description.
    fn describe(&self) -> String;

    /// Names of the files or folders that the data set is loaded from. Empty if unknown.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    /// Loads the data set from `folder`, or from its usual location.
    ///
    /// # Errors
    /// An error whose message names the file at fault and says what to do.
    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn std::error::Error + Send + Sync>>;

    /// Loads only the part of the training set that `limit` selects, and the same number of test samples. Override this
    /// to avoid reading the rest.
    ///
    /// # Errors
    /// As [`DataSource::load`].
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

/// A loaded data set.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Training samples.
    pub train: Dataset,
    /// Test samples.
    pub test: Dataset,
    /// The folder that they were loaded from.
    pub folder: PathBuf,
}

/// The kind of samples in a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetKind {
    /// Images: one byte for each pixel.
    Images,
    /// Event recordings: the events of a sensor that reports brightness changes pixel by pixel.
    Recordings,
}

/// One event of a recording: the brightness of a pixel increased or decreased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressEvent {
    /// Time in microseconds.
    pub time: u32,
    /// Index in the shape `[polarity, row, column]` of the sensor.
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

/// Images or event recordings of one shape, and the class of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    shape: Shape,
    classes: usize,
    contents: Contents,
    labels: Vec<u8>,
    /// Number of samples in the data set that these were selected from.
    available: usize,
    /// Value of each byte for each channel, `[C][256]`.
    values: Vec<[f32; 256]>,
    /// Remarks for users of the data, such as that events were left out.
    notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Contents {
    /// `[N, C, H, W]`.
    Images(Vec<u8>),
    Recordings(Vec<Vec<AddressEvent>>),
}

impl Dataset {
    /// Creates a data set of `images` `[N, C, H, W]` and `labels` `[N]`, each below `classes`. The value of a pixel is
    /// its byte divided by 255.
    ///
    /// # Errors
    /// [`Error::Data`] if there are no images, if the counts differ, or if a label is out of range.
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

    /// Creates a data set of `recordings` `[N]`, each in order of time, and `labels` `[N]`, each below `classes`.
    ///
    /// # Errors
    /// [`Error::Data`] if there are no recordings, if the counts differ, if a label is out of range, if an event is
    /// outside `shape`, or if events are not in order of time.
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

    /// Normalises the images: the value of a byte in a channel becomes `(byte / 255 - mean) / deviation`.
    ///
    /// # Errors
    /// [`Error::Data`] if the number of channels differs, or a deviation is not greater than 0.
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

    /// Sets the values of the 256 bytes in each channel.
    ///
    /// # Errors
    /// [`Error::Data`] if the number of channels differs.
    pub fn with_values(self, values: Vec<[f32; 256]>) -> Result<Self, Error> {
        let channels = self.shape.channels;
        if values.len() != channels {
            return Err(Error::Data(format!("{channels} channels have values of {}", values.len())));
        }
        Ok(Self { values, ..self })
    }

    /// Whether the samples are images or event recordings.
    pub fn kind(&self) -> DatasetKind {
        match self.contents {
            Contents::Images(_) => DatasetKind::Images,
            Contents::Recordings(_) => DatasetKind::Recordings,
        }
    }

    /// Shape of one image, or of the sensor: polarities, height, width.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Number of samples before some of them were selected.
    pub fn available(&self) -> usize {
        self.available
    }

    /// Sets the number of samples that these were selected from.
    #[must_use]
    pub fn out_of(self, available: usize) -> Self {
        Self { available: available.max(self.len()), ..self }
    }

    /// Adds a remark for users of the data, such as that events were left out.
    #[must_use]
    pub fn noted(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// Remarks for users of the data, such as that events were left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether there are no samples; true only after [`Dataset::truncate`] to 0.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Memory of the images or recordings, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.contents {
            Contents::Images(images) => images.len(),
            Contents::Recordings(recordings) => recordings.iter().map(|events| size_of_val(&events[..])).sum(),
        }
    }

    /// Returns the image or recording at `index`, which must be below [`Dataset::len`].
    pub fn content(&self, index: usize) -> Content<'_> {
        match &self.contents {
            Contents::Images(images) => Content::Image(&images[index * self.shape.len()..][..self.shape.len()]),
            Contents::Recordings(recordings) => Content::Recording(&recordings[index]),
        }
    }

    /// Values of the 256 bytes in `channel`, after normalisation.
    pub fn values(&self, channel: usize) -> &[f32; 256] {
        &self.values[channel]
    }

    /// Returns the values `[C, H, W]` of the image at `index`, which must be below [`Dataset::len`], after
    /// normalisation. Empty for a recording.
    pub fn pixels(&self, index: usize) -> Vec<f32> {
        let Content::Image(bytes) = self.content(index) else { return Vec::new() };
        let planes = bytes.chunks(self.shape.pixels().max(1)).zip(&self.values);
        planes.flat_map(|(plane, values)| plane.iter().map(|&byte| values[usize::from(byte)])).collect()
    }

    /// Class of each image or recording `[N]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Returns the classes without any of these `samples`.
    pub fn missing_classes(&self, samples: &[u32]) -> Vec<usize> {
        let mut is_there = vec![false; self.classes];
        for label in samples.iter().filter_map(|&sample| self.labels.get(sample as usize)) {
            is_there[usize::from(*label)] = true;
        }
        (0..self.classes).filter(|&class| !is_there[class]).collect()
    }

    /// Counts the recordings without events among these `samples`.
    pub fn blank(&self, samples: &[u32]) -> usize {
        let Contents::Recordings(recordings) = &self.contents else { return 0 };
        let chosen = samples.iter().filter_map(|&sample| recordings.get(sample as usize));
        chosen.filter(|recording| recording.is_empty()).count()
    }

    /// Keeps the samples with these indices, which must be in ascending order and below [`Dataset::len`], and frees the
    /// memory of the others.
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

    /// Keeps the first `len` samples and frees the memory of the others. Keeps all of them if there are no more than
    /// `len`.
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
