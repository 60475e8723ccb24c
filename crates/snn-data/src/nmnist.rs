//! The N-MNIST data set: event camera recordings of the digits of MNIST.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snn_core::{AddressEvent, DataSource, Dataset, DatasetKind, Limit, Shape, Splits};

use crate::folder::DatasetFiles;
use crate::{DataError, kind_of, read_file as read_bytes};

/// The folder of the training set, and the folder of the test set. Each has a folder for each digit, with a file for
/// each recording, such as `Train/5/00001.bin`.
pub const FOLDERS: [&str; 2] = ["Train", "Test"];

/// Polarity (darker, brighter), row, column.
const SHAPE: Shape = Shape::new(2, 34, 34);
const CLASSES: u8 = 10;
/// Size of an event in bytes.
const EVENT: usize = 5;
/// Mean size of a recording in memory, in bytes.
const BYTES: usize = 33_000;
/// Maximum size of a file in bytes; a published file has about 25,000.
const LARGEST: usize = 1 << 20;
/// Row number of events that only report an overflow of the clock.
const OVERFLOW: u8 = 240;
/// Microseconds by which the clock has advanced at an overflow.
const OVERFLOW_MICROS: u32 = 1 << 13;

/// The files and where they are searched.
pub(crate) static PLACE: DatasetFiles = DatasetFiles {
    data_set: "N-MNIST",
    name: "Nmnist",
    folder: "nmnist",
    within: &["", "NMNIST"],
    files: &FOLDERS,
    is_unmistakable: false,
    origin: "https://data.mendeley.com/datasets/468j46mzdv/1",
};

/// N-MNIST: the digits of MNIST recorded by an event camera that made three saccades, by Orchard and others. A sensor
/// of 34x34 pixels and two polarities (0 darker, 1 brighter), 10 classes, 60,000 training and 10,000 test recordings
/// of a third of a second. A subset of the files is enough. They are read in the order of their numbers, which is that
/// of MNIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nmnist {
    /// How to handle events at pixels that the sensor does not have.
    pub off_sensor: OffSensor,
}

/// How to handle events at pixels that the sensor does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OffSensor {
    /// Refuse the recording.
    #[default]
    Refuse,
    /// Drop these events, and report their number.
    Drop,
}

impl DataSource for Nmnist {
    fn kind(&self) -> DatasetKind {
        DatasetKind::Recordings
    }

    fn shape(&self) -> Shape {
        SHAPE
    }

    fn classes(&self) -> usize {
        CLASSES.into()
    }

    fn training_images(&self) -> usize {
        60_000
    }

    fn test_images(&self) -> usize {
        10_000
    }

    fn bytes(&self, samples: usize) -> usize {
        samples * BYTES
    }

    fn describe(&self) -> String {
        "recordings of the digits of MNIST by an event camera, 34x34 pixels of two polarities, 10 classes, 60,000 training \
         and 10,000 test recordings"
            .to_owned()
    }

    fn files(&self) -> Vec<String> {
        FOLDERS.map(str::to_owned).to_vec()
    }

    fn bytes_to_read(&self, _samples: usize) -> usize {
        // The paths of all files, and one recording per thread.
        (16 << 20) + rayon::current_num_threads() * 3 * LARGEST
    }

    fn load(&self, folder: Option<&Path>) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        self.load_limited(folder, Limit::First(usize::MAX))
    }

    fn load_limited(&self, folder: Option<&Path>, limit: Limit) -> Result<Splits, Box<dyn Error + Send + Sync>> {
        let folder = PLACE.find(folder)?;
        let [train, test] = FOLDERS.map(|name| self.read_part(&folder, name, limit));
        Ok(Splits { train: train?, test: test?, folder })
    }
}

impl Nmnist {
    /// Reads the recordings in the folder `name` that `limit` selects.
    fn read_part(self, folder: &Path, name: &str, limit: Limit) -> Result<Dataset, DataError> {
        let folder = PLACE.file(folder, name)?;
        let files = files(&folder)?;
        if files.is_empty() {
            let reason = "holds no recording, such as 5/00001.bin; unpack the published file again".to_owned();
            return Err(DataError::Content { what: folder.display().to_string(), reason });
        }
        let labels: Vec<u8> = files.iter().map(|(_, digit, _)| *digit).collect();
        let samples = limit.samples(&labels);
        let read = samples.par_iter().map(|&sample| read(&files[sample as usize].2, self.off_sensor));
        let (recordings, dropped): (Vec<_>, Vec<_>) = read.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let labels = samples.iter().map(|&sample| labels[sample as usize]).collect();
        let data = Dataset::of_recordings(SHAPE, CLASSES.into(), recordings, labels)?.out_of(files.len());
        Ok(match dropped.iter().sum::<usize>() {
            0 => data,
            events => {
                let recordings = dropped.iter().filter(|dropped| **dropped > 0).count();
                let counted = |count, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
                let (events, recordings) = (counted(events, "event"), counted(recordings, "recording"));
                data.noted(format!("{}: dropped {events} off the sensor, of {recordings}", folder.display()))
            }
        })
    }
}

/// Number, digit and path of every recording below `folder`, ordered by number.
fn files(folder: &Path) -> Result<Vec<(u32, u8, PathBuf)>, DataError> {
    let mut files = Vec::new();
    for digit in 0..CLASSES {
        let folder = folder.join(digit.to_string());
        if !folder.is_dir() {
            continue;
        }
        let unreadable = |source| DataError::Read { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "bin") {
                let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).ok_or_else(|| {
                    let reason = "files of N-MNIST are called by their numbers, such as 00001.bin".to_owned();
                    DataError::Content { what: path.display().to_string(), reason }
                })?;
                files.push((number, digit, path));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads one recording, of at most a megabyte, which must have no events off the sensor.
///
/// # Errors
/// [`DataError::Read`], and [`DataError::Content`] if the file is damaged.
pub fn read_file(path: &Path) -> Result<Vec<AddressEvent>, DataError> {
    Ok(read(path, OffSensor::Refuse)?.0)
}

/// Reads a recording, and returns the number of dropped events.
fn read(path: &Path, off_sensor: OffSensor) -> Result<(Vec<AddressEvent>, usize), DataError> {
    let bytes = read_bytes(path, LARGEST).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    parse(&bytes, off_sensor).map_err(|reason| {
        let reason = kind_of(&bytes).map_or(reason, |kind| format!("this is {kind}, not a recording of N-MNIST"));
        DataError::Content { what: path.display().to_string(), reason }
    })
}

/// Parses events of five bytes each: column, row, then one bit for the polarity and 23 bits for the time in
/// microseconds.
fn parse(bytes: &[u8], off_sensor: OffSensor) -> Result<(Vec<AddressEvent>, usize), String> {
    let (events, rest) = bytes.as_chunks::<EVENT>();
    if events.is_empty() || !rest.is_empty() {
        return Err(format!(
            "{} bytes are no whole number of events of {EVENT} bytes each: the file was cut, or is none of N-MNIST",
            bytes.len()
        ));
    }
    let clocks = events.iter().filter(|event| event[1] == OVERFLOW).count();
    if clocks == events.len() {
        return Err(format!("its {clocks} events only tell the time: nothing was recorded"));
    }
    let mut recording = Vec::with_capacity(events.len() - clocks);
    let (mut passed, mut dropped) = (0_u32, 0);
    let late = |index| format!("event {index} is later than 71 minutes, in a recording of a third of a second");
    for (index, &[column, row, high, middle, low]) in events.iter().enumerate() {
        if row == OVERFLOW {
            passed = passed.checked_add(OVERFLOW_MICROS).ok_or_else(|| late(index))?;
            continue;
        }
        let (x, y) = (usize::from(column), usize::from(row));
        if x >= SHAPE.width || y >= SHAPE.height {
            if off_sensor == OffSensor::Drop {
                dropped += 1;
                continue;
            }
            return Err(format!(
                "event {index} is at x {x}, y {y}, off the sensor of 34x34 pixels; data: Nmnist(off_sensor: Drop) leaves \
                 such events out and tells how many"
            ));
        }
        let time = u32::from_be_bytes([0, high & 0x7f, middle, low]).checked_add(passed).ok_or_else(|| late(index))?;
        recording.push(AddressEvent { time, pixel: SHAPE.index(usize::from(high >> 7), y, x) as u32 });
    }
    if !recording.is_sorted_by_key(|event| event.time) {
        // The camera may have sent events of nearly the same time in another order.
        recording.sort_by_key(|event| event.time);
    }
    recording.shrink_to_fit();
    Ok((recording, dropped))
}

#[cfg(test)]
mod tests {
    use snn_core::Content;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Vec<AddressEvent>, String> {
        Ok(super::parse(bytes, OffSensor::Refuse)?.0)
    }

    const SAMPLE: &[u8] = include_bytes!("../tests/samples/nmnist/Train/5/00001.bin");

    fn samples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/nmnist")
    }

    /// Polarity, row, column and time.
    fn at(event: AddressEvent) -> [u32; 4] {
        [event.pixel / 1156, event.pixel % 1156 / 34, event.pixel % 34, event.time]
    }

    #[test]
    fn genuine_recordings_are_read() {
        let read = Nmnist::default().load(Some(&samples())).unwrap();
        assert_eq!((read.train.labels(), read.test.labels()), (&[5][..], &[7][..]));
        let Content::Recording(events) = read.train.content(0) else { panic!("N-MNIST holds recordings") };
        assert_eq!(events.len(), 4681);
        assert_eq!([0, 1, 2].map(|i| at(events[i])), [[1, 16, 18, 893], [1, 17, 20, 1060], [0, 9, 17, 2443]]);
        assert!((297_000..336_000).contains(&events[4680].time));
    }

    #[test]
    fn files_come_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        for (digit, number) in [(3, "00010"), (1, "00002"), (3, "00001"), (0, "9")] {
            fs::create_dir_all(dir.path().join(format!("{digit}"))).unwrap();
            fs::write(dir.path().join(format!("{digit}/{number}.bin")), "").unwrap();
        }
        fs::write(dir.path().join("3/notes.txt"), "").unwrap();
        let order: Vec<u8> = files(dir.path()).unwrap().iter().map(|(_, digit, _)| *digit).collect();
        assert_eq!(order, [3, 1, 0, 3]);
        fs::write(dir.path().join("3/one.bin"), "").unwrap();
        let message = files(dir.path()).unwrap_err().to_string();
        assert!(
            message.ends_with("3/one.bin: files of N-MNIST are called by their numbers, such as 00001.bin"),
            "{message}"
        );
    }

    #[test]
    fn the_layout_of_tonic_is_read() {
        let dir = tempfile::tempdir().unwrap();
        for part in ["Train/5", "Test/7"] {
            let to = dir.path().join("NMNIST").join(part);
            fs::create_dir_all(&to).unwrap();
            fs::copy(samples().join(part).join("00001.bin"), to.join("00001.bin")).unwrap();
        }
        assert_eq!(Nmnist::default().load(Some(dir.path())).unwrap().test.labels(), [7]);
    }

    #[test]
    fn the_clock_may_run_over() {
        let event = |row, high, low| [1, row, high, 0, low];
        let bytes = [event(2, 0x80, 7), event(OVERFLOW, 0, 0), event(3, 0, 5), event(4, 0, 4)].concat();
        let read: Vec<[u32; 4]> = parse(&bytes).unwrap().into_iter().map(at).collect();
        assert_eq!(read, [[1, 2, 1, 7], [0, 4, 1, 8196], [0, 3, 1, 8197]]);
    }

    #[test]
    fn damaged_recordings_are_errors() {
        assert_eq!(
            parse(&[]).unwrap_err(),
            "0 bytes are no whole number of events of 5 bytes each: the file was cut, or is none of N-MNIST"
        );
        for length in 0..SAMPLE.len() {
            assert_eq!(parse(&SAMPLE[..length]).is_ok(), length > 0 && length % EVENT == 0, "{length}");
        }
        let mut shifted = SAMPLE.to_vec();
        shifted[10] = 34;
        let expected = "event 2 is at x 34, y 9, off the sensor of 34x34 pixels; data: Nmnist(off_sensor: Drop) leaves such \
                        events out and tells how many";
        assert_eq!(parse(&shifted).unwrap_err(), expected);
        let (events, dropped) = super::parse(&shifted, OffSensor::Drop).unwrap();
        assert_eq!((events.len(), dropped), (4680, 1));
        for first in 0..EVENT {
            let whole = SAMPLE.len() - EVENT;
            assert_eq!(parse(&SAMPLE[first..first + whole]).is_ok(), first == 0, "shifted by {first} bytes");
        }
    }

    #[test]
    fn a_clock_beyond_all_time_is_damage() {
        let clock = [0, OVERFLOW, 0, 0, 0];
        let run = |overflows: usize| [&[0; EVENT][..], &clock.repeat(overflows), &[0; EVENT]].concat();
        assert!(parse(&run(524_287)).is_ok());
        let expected = "event 524288 is later than 71 minutes, in a recording of a third of a second";
        assert_eq!(parse(&run(524_288)).unwrap_err(), expected);
        assert_eq!(parse(&clock.repeat(3)).unwrap_err(), "its 3 events only tell the time: nothing was recorded");
    }

    #[test]
    fn no_more_is_read_than_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for part in FOLDERS {
            fs::create_dir_all(dir.path().join(part).join("5")).unwrap();
            fs::write(dir.path().join(part).join("5/00001.bin"), SAMPLE).unwrap();
            fs::write(dir.path().join(part).join("5/00002.bin"), "damaged").unwrap();
        }
        let read = Nmnist::default().load_limited(Some(dir.path()), Limit::Spread(1)).unwrap();
        assert_eq!((read.train.len(), read.test.len(), read.train.bytes()), (1, 1, 4681 * 8));
        assert!(Nmnist::default().load_limited(Some(dir.path()), Limit::Spread(2)).is_err());
    }

    #[test]
    fn a_limit_takes_recordings_of_each_digit() {
        let dir = tempfile::tempdir().unwrap();
        for (number, digit) in [0, 0, 0, 0, 3, 3, 8].into_iter().enumerate() {
            for part in FOLDERS {
                let folder = dir.path().join(part).join(digit.to_string());
                fs::create_dir_all(&folder).unwrap();
                let bytes = if number == 6 { &[40, 0, 0, 0, 0][..] } else { SAMPLE };
                fs::write(folder.join(format!("{number}.bin")), bytes).unwrap();
            }
        }
        let data = Nmnist { off_sensor: OffSensor::Drop };
        let read = data.load_limited(Some(dir.path()), Limit::Spread(3)).unwrap();
        assert_eq!((read.train.labels(), read.train.available(), read.train.blank(&[0, 1, 2])), (&[0, 3, 8][..], 7, 1));
        let note = &read.test.notes()[0];
        assert!(note.ends_with("Test: dropped 1 event off the sensor, of 1 recording"), "{note}");
        let message = Nmnist::default().load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.contains("8/6.bin: event 0 is at x 40, y 0, off the sensor"), "{message}");
    }

    #[test]
    fn no_file_is_read_that_is_larger_than_any_recording() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.bin");
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let message = read_file(&path).unwrap_err().to_string();
        assert!(message.contains("larger than 1048576 bytes, the most that such a file has"), "{message}");
        fs::write(&path, b"\x89HDF\r\n\x1a\n").unwrap();
        let message = read_file(&path).unwrap_err().to_string();
        assert!(message.contains("this is an HDF5 file"), "{message}");
    }

    #[test]
    fn a_folder_without_recordings_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("Train/3")).unwrap();
        let message = Nmnist::default().load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.contains("Train: holds no recording, such as 5/00001.bin"), "{message}");
        let message = Nmnist::default().load(Some(&dir.path().join("Train"))).unwrap_err().to_string();
        assert!(message.contains("N-MNIST not found"), "{message}");
    }
}
