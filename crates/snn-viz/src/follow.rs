//! Follows a training run in progress by reading the records in its folder while they are written.
//!
//! Nothing in the folder is written or locked. The file of records is read in pieces of at most 256 KiB. This takes
//! about 10 ms, so that it can be done between two frames.

mod history;
mod series;
mod tail;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use snn_train::{EVENT_SCHEMAS, parse_record};

use crate::ViewError;
use tail::Tail;

pub use history::{Beginning, Epochs, History, Messages};
pub use series::{MOST_POINTS, Series};

/// Interval between two reads of the records.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Time without a new record after which a run counts as stopped. It is longer if an evaluation may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Nothing is recorded yet.
    Waiting,
    /// There are records, and the last one is recent.
    Running,
    /// There are records, but no recent ones.
    Stopped,
    /// The run has ended.
    Finished,
    /// Its records cannot be read.
    Foreign,
}

impl RunState {
    /// Name of the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for the first update",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Foreign => "written by another version",
        }
    }
}

/// Reader that follows the run in a folder.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    tail: Tail,
    history: History,
    faults: Messages,
    modified: Option<SystemTime>,
    has_more: bool,
    has_checkpoint: bool,
    looked: Option<Instant>,
}

impl Follower {
    /// Starts following the run in `folder`, from its first record.
    ///
    /// # Errors
    /// [`ViewError::Missing`] if there is no such folder, [`ViewError::NoRun`] if it contains no run.
    pub fn attach(folder: &Path) -> Result<Self, ViewError> {
        if !folder.is_dir() {
            return Err(ViewError::Missing(folder.to_owned()));
        }
        let metrics = folder.join("metrics.jsonl");
        if !metrics.is_file() && !folder.join("experiment.ron").is_file() {
            return Err(ViewError::NoRun(folder.to_owned()));
        }
        let mut follower = Self {
            folder: folder.to_owned(),
            tail: Tail::of(&metrics),
            history: History::default(),
            faults: Messages::default(),
            modified: None,
            has_more: false,
            has_checkpoint: false,
            looked: None,
        };
        follower.read();
        Ok(follower)
    }

    /// Path of the run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Name of the run: the name of its folder.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or(self.folder.as_os_str()).to_string_lossy().into_owned()
    }

    /// Reads new records if they are due, and returns the time until the next read; `None` after the end of the run.
    pub fn look(&mut self) -> Option<Duration> {
        let passed = self.looked.map_or(LOOK_EVERY, |looked| looked.elapsed());
        if self.has_more || passed >= LOOK_EVERY {
            self.read();
        }
        let again = if self.has_more { Duration::ZERO } else { LOOK_EVERY };
        (self.has_more || self.state(SystemTime::now()) != RunState::Finished).then_some(again)
    }

    /// Reads new records, at most 256 KiB.
    pub fn read(&mut self) {
        self.looked = Some(Instant::now());
        self.has_checkpoint =
            ["best.safetensors", "last.safetensors"].iter().any(|name| self.folder.join(name).is_file());
        let chunk = match self.tail.read() {
            Ok(chunk) => chunk,
            Err(error) => {
                let fault = format!("{}: cannot be read ({error})", self.tail.path().display());
                if !self.faults.first.contains(&fault) {
                    self.faults.push(fault);
                }
                return;
            }
        };
        if chunk.is_anew {
            (self.history, self.faults) = (History::default(), Messages::default());
        }
        (self.modified, self.has_more) = (chunk.modified, chunk.has_more);
        for (index, line) in chunk.bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if self.history.foreign.is_none() {
                self.take(chunk.first_line + index, line);
            }
        }
    }

    fn take(&mut self, number: usize, line: &[u8]) {
        let fault = match parse_record(line) {
            Ok(event) => self.history.take(event).err(),
            Err(error) => match foreign_version(line) {
                None => Some(format!("damaged, and passed over ({error})")),
                version => {
                    self.history.foreign = version;
                    None
                }
            },
        };
        if let Some(fault) = fault {
            self.faults.push(format!("{}:{number}: {fault}", self.tail.path().display()));
        }
    }

    /// The history according to the records so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// State of the run at the time `now`, as far as it can be known.
    pub fn state(&self, now: SystemTime) -> RunState {
        if self.history.foreign.is_some() {
            return RunState::Foreign;
        }
        if self.history.finished.is_some() {
            return RunState::Finished;
        }
        let patience = PATIENCE.as_secs_f64().max(self.history.seconds_of_evaluation());
        let Some(modified) = self.modified.filter(|_| self.history.start.is_some()) else { return RunState::Waiting };
        // A time in the future, which can occur if the clocks of two machines differ, counts as recent.
        let is_new = now.duration_since(modified).map_or(true, |age| age.as_secs_f64() < patience);
        match self.history.position {
            _ if !is_new => RunState::Stopped,
            (0, 0) => RunState::Waiting,
            _ => RunState::Running,
        }
    }

    /// Whether there is a checkpoint, from which the network can be opened.
    pub fn has_checkpoint(&self) -> bool {
        self.has_checkpoint
    }

    /// Alarms, as sentences: unreadable records first, then problems of the run.
    pub fn alarms(&self) -> Vec<String> {
        if let Some(version) = self.history.foreign {
            return vec![format!(
                "{}: written by another version of snn (records of version {version}; this viewer reads versions \
                 up to {}); use the viewer that came with it",
                self.tail.path().display(),
                EVENT_SCHEMAS.end()
            )];
        }
        let mut alarms = self.faults.first.clone();
        if self.faults.further > 0 {
            alarms.push(format!("{} more lines of it are damaged", self.faults.further));
        }
        alarms.extend(self.history.alarms());
        alarms
    }
}

/// The schema version given by a first record, if it is not the supported one.
fn foreign_version(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let version = serde_json::from_slice::<Version>(line).ok()?.schema;
    (!EVENT_SCHEMAS.contains(&version)).then_some(version)
}

#[cfg(test)]
mod tests;
