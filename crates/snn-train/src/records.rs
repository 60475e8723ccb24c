//! Reader of the records of a run, `metrics.jsonl`, line by line. It limits sizes, and reports each record that does
//! not fit those before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::event::SCHEMAS;
use crate::{Event, TrainError};

/// Maximum bytes per record. A record of a network of 100,000 populations is smaller.
const LONGEST: u64 = 16 << 20;

/// Maximum bytes of all records: enough for two million updates of a deep network.
const LARGEST: u64 = 1 << 30;

/// Largest allowed number of epochs, updates or images, far beyond any real run.
const MOST: usize = u32::MAX as usize;

/// Reader of records, starting with the first.
pub(crate) struct Records {
    path: PathBuf,
    file: BufReader<File>,
    line: usize,
    bytes: Vec<u8>,
}

impl Records {
    /// Opens the records in the file at `path`.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub(crate) fn open(path: &Path) -> Result<Self, TrainError> {
        let failed = |error| TrainError::file("read the metrics", path)(error);
        let file = snn_data::open_file(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > LARGEST {
            let reason = format!("it is larger than {LARGEST} bytes, the most that the records of a run may have");
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
        }
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), line: 0, bytes: Vec::new() })
    }

    /// Returns the next record, or `None` after the last complete line. A run that is in progress, or was killed, may
    /// have left half a line.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub(crate) fn following(&mut self) -> Result<Option<RecordLine>, TrainError> {
        let read = read_line(&mut self.file, &mut self.bytes).map_err(TrainError::file("read the metrics", &self.path));
        Ok(match read? {
            Line::None => None,
            Line::Whole => {
                self.line += 1;
                Some((parse(&self.bytes), self.bytes.len()))
            }
            Line::TooLong => {
                self.line += 1;
                Some((Err(format!("is longer than the {LONGEST} bytes that a record has at most")), 0))
            }
        })
    }

    /// An error about the record that was read last.
    pub(crate) fn fault(&self, reason: String) -> TrainError {
        TrainError::Record { path: self.path.clone(), line: self.line.max(1), reason }
    }
}

/// A record, or why the line is not one; and the number of bytes of the line.
pub(crate) type RecordLine = (Result<Event, String>, usize);

enum Line {
    None,
    Whole,
    TooLong,
}

/// Reads a line, including its line break, into `bytes`.
fn read_line(file: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Line> {
    bytes.clear();
    file.take(LONGEST).read_until(b'\n', bytes)?;
    Ok(match bytes.last() {
        Some(b'\n') => Line::Whole,
        _ if bytes.len() as u64 == LONGEST => Line::TooLong,
        _ => Line::None,
    })
}

/// Parses the record in a line.
///
/// # Errors
/// A sentence about what is wrong.
pub fn parse(line: &[u8]) -> Result<Event, String> {
    serde_json::from_slice(line).map_err(|error| {
        let error = error.to_string();
        if error.contains("invalid type: null, expected f") {
            "holds null in place of a number, which was not finite: the run had diverged".to_owned()
        } else {
            error
        }
    })
}

/// Checks that the numbers of a record are finite. In single precision, 1e39 is not.
///
/// # Errors
/// A sentence about the number.
pub(crate) fn check_numbers(event: &Event) -> Result<(), String> {
    let are_finite = match event {
        Event::Update { loss, accuracy, lr, gradient, millis, rates, .. } => {
            let numbers = [loss, accuracy, lr, gradient, millis].into_iter();
            numbers.chain(rates.iter().map(|(_, rate)| rate)).all(|number| number.is_finite())
        }
        Event::Calibrated { populations } => populations
            .iter()
            .all(|row| [row.before, row.target.unwrap_or(0.0), row.after, row.scale].into_iter().all(f32::is_finite)),
        _ => true,
    };
    if are_finite { Ok(()) } else { Err("holds a number that is too large".to_owned()) }
}

/// State for checking that records follow each other as those of one run do.
#[derive(Debug, Clone, Default)]
pub struct RecordOrder {
    started: bool,
    position: (usize, usize),
    populations: Option<Vec<String>>,
}

impl RecordOrder {
    /// Checks that `event` is consistent with the records before it.
    ///
    /// # Errors
    /// A sentence about what is inconsistent.
    pub fn check(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Started { schema, .. } if !SCHEMAS.contains(schema) => {
                return Err(format!(
                    "is of version {schema} of the records, and this program reads versions up to {}",
                    SCHEMAS.end()
                ));
            }
            Event::Started { .. } if std::mem::replace(&mut self.started, true) => {
                return Err("starts a second run; a file holds the records of one".to_owned());
            }
            _ if !is_small(event) => return Err("counts further than any run does".to_owned()),
            Event::Update { .. } | Event::Epoch { .. } if !self.started => {
                return Err("comes before the record of how the run started".to_owned());
            }
            Event::Update { .. } | Event::Epoch { .. } if event.position() <= self.position => {
                return Err("does not come after the update or epoch that was recorded before it".to_owned());
            }
            _ => {}
        }
        // Numbers that are not finite are written as null, which is read as `None`.
        if let Event::Epoch { validation_loss: None, validation_accuracy: Some(_), .. } = event {
            return Err(
                "holds null in place of a validation loss, which was not finite: the run had diverged".to_owned()
            );
        }
        if let Event::Update { rates, .. } = event {
            let names = || rates.iter().map(|(name, _)| name);
            let known = self.populations.get_or_insert_with(|| names().cloned().collect());
            if !known.iter().eq(names()) {
                return Err("holds the firing rates of other populations than the updates before it".to_owned());
            }
        }
        if let Event::Update { .. } | Event::Epoch { .. } = event {
            self.position = event.position();
        }
        Ok(())
    }
}

/// Whether all counts in `event` are small enough for arithmetic without overflow.
fn is_small(event: &Event) -> bool {
    match *event {
        Event::Started { images, validation, test, epochs, updates, epoch, update, .. } => {
            [images, validation, test, epochs, updates, epoch, update].into_iter().all(|count| count <= MOST)
        }
        Event::Update { epoch, update, .. } | Event::Warning { epoch, update, .. } => epoch.max(update) <= MOST,
        Event::Epoch { epoch, .. } | Event::Finished { best_epoch: epoch, .. } => epoch <= MOST,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_without_end_is_a_fault_and_takes_no_more_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(Records::open(&path).is_err(), "larger than records may be");
        File::create(&path).unwrap().set_len(1 << 29).unwrap();
        let mut records = Records::open(&path).unwrap();
        let Some((Err(reason), 0)) = records.following().unwrap() else { panic!("a record") };
        assert_eq!(
            records.fault(reason).to_string(),
            format!("{}:1: is longer than the 16777216 bytes that a record has at most", path.display())
        );
        fs::write(&path, "").unwrap();
        assert!(Records::open(&path).unwrap().following().unwrap().is_none());
        assert!(Records::open(dir.path()).is_err());
    }

    #[test]
    fn numbers_are_there_and_finite() {
        let record = r#"{"event":"Step","epoch":0,"step":1,"loss":1e39,"accuracy":0,"rate":0,"gradient":0,"millis":0,"rates":[]}"#;
        let record = parse(record.as_bytes()).unwrap();
        assert_eq!(check_numbers(&record), Err("holds a number that is too large".to_owned()));
        let epoch = r#"{"event":"Epoch","epoch":0,"loss":1,"accuracy":0,"validation_loss":null,"validation_accuracy":0.5,"best":true,"spikes":1,"seconds":1}"#;
        let mut sequence = RecordOrder { started: true, ..RecordOrder::default() };
        let fault = sequence.check(&parse(epoch.as_bytes()).unwrap()).unwrap_err();
        assert!(fault.starts_with("holds null in place of a validation loss"), "{fault}");
    }

    #[test]
    fn half_a_line_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "nonsense\n{\"event\"").unwrap();
        let mut records = Records::open(&path).unwrap();
        assert!(matches!(records.following().unwrap(), Some((Err(_), 9))));
        assert!(records.following().unwrap().is_none());
    }
}
