//! The folder of a run: `experiment.ron`, `metrics.jsonl`, `last.safetensors`, `best.safetensors`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::files::replace;
use crate::records::Records;
use crate::{Checkpoint, Event, Health, TrainError};

const EXPERIMENT: &str = "experiment.ron";
pub(crate) const METRICS: &str = "metrics.jsonl";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const LOCK: &str = "lock";

/// Maximum bytes of an experiment file.
const LARGEST_EXPERIMENT: usize = 4 << 20;

/// The folder of a run, locked against other processes as long as this value lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    experiment: String,
    metrics: File,
    _lock: File,
}

impl RunFolder {
    /// Creates `runs/<name>-<k>` with the first free `k` from 1, for a run of `experiment` (RON).
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub fn numbered(runs: &Path, name: &str, experiment: &str) -> Result<Self, TrainError> {
        fs::create_dir_all(runs).map_err(TrainError::file("create the folder", runs))?;
        let mut k = 1;
        loop {
            let path = runs.join(format!("{name}-{k}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self::create(&path, experiment),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => k += 1,
                Err(error) => return Err(TrainError::file("create the folder", &path)(error)),
            }
        }
    }

    /// Uses the folder `path` for a new run of `experiment` (RON), and creates it if it does not exist.
    ///
    /// # Errors
    /// [`TrainError::Exists`] if it contains a run; [`TrainError::Locked`]; [`TrainError::File`].
    pub fn create(path: &Path, experiment: &str) -> Result<Self, TrainError> {
        fs::create_dir_all(path).map_err(TrainError::file("create the folder", path))?;
        let lock = lock(path)?;
        if [EXPERIMENT, METRICS, LAST, BEST].iter().any(|file| path.join(file).exists()) {
            return Err(TrainError::Exists(path.to_owned()));
        }
        let text = path.join(EXPERIMENT);
        replace(&text, |file| file.write_all(experiment.as_bytes()))?;
        Self::open(path, lock)
    }

    /// Opens the folder of an earlier run to resume it.
    ///
    /// # Errors
    /// [`TrainError::NoRun`] if it contains no run; [`TrainError::Locked`]; [`TrainError::File`].
    pub fn resume(path: &Path) -> Result<Self, TrainError> {
        if !path.join(EXPERIMENT).is_file() {
            return Err(TrainError::NoRun(path.to_owned()));
        }
        Self::open(path, lock(path)?)
    }

    fn open(path: &Path, lock: File) -> Result<Self, TrainError> {
        let text = path.join(EXPERIMENT);
        let experiment = snn_data::read_text(&text, LARGEST_EXPERIMENT);
        let experiment = experiment.map_err(TrainError::file("read the experiment", &text))?;
        let records = path.join(METRICS);
        if records.exists() {
            snn_data::open_file(&records).map_err(TrainError::file("open the metrics", &records))?;
        }
        let metrics = OpenOptions::new().create(true).append(true).open(&records);
        let metrics = metrics.map_err(TrainError::file("open the metrics", &records))?;
        Ok(Self { path: path.to_owned(), experiment, metrics, _lock: lock })
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The experiment, in RON, as stored in the folder.
    pub fn experiment(&self) -> &str {
        &self.experiment
    }

    /// Path of the checkpoint to resume from.
    pub fn last(&self) -> PathBuf {
        self.path.join(LAST)
    }

    /// Path of the checkpoint with the best weights, without optimizer state.
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Path of the recorded events, one JSON object per line.
    pub fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// Loads the checkpoint to resume from; `None` if the run has not saved one yet.
    ///
    /// # Errors
    /// As [`Checkpoint::load`]; [`TrainError::NoLast`] if it is missing although the run has learned. Starting from
    /// scratch would discard existing results.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, TrainError> {
        let path = self.last();
        if path.exists() {
            return Checkpoint::load(&path).map(Some);
        }
        if self.best().exists() || self.has_learned()? {
            return Err(TrainError::NoLast(self.path.clone()));
        }
        Ok(None)
    }

    /// Whether any batch was recorded.
    fn has_learned(&self) -> Result<bool, TrainError> {
        let mut records = Records::open(&self.metrics())?;
        while let Some((event, _)) = records.following()? {
            match event {
                Ok(Event::Started { .. } | Event::Calibrated { .. } | Event::Warning { .. }) => {}
                Ok(_) => return Ok(true),
                Err(_) => break, // what comes after a damaged line is damaged too
            }
        }
        Ok(false)
    }

    /// Replaces the experiment of the run and of its checkpoints by `experiment` (RON), for example to train for more
    /// epochs. The run then resumes with it. Checkpoints saved for a different experiment than the run's keep theirs,
    /// so that the difference remains visible.
    ///
    /// # Errors
    /// As [`Checkpoint::load`] and [`Checkpoint::save`]; [`TrainError::Checkpoint`] if a checkpoint has changed since
    /// it was saved.
    pub fn change(&mut self, experiment: &str) -> Result<(), TrainError> {
        for path in [self.best(), self.last()].into_iter().filter(|path| path.exists()) {
            let checkpoint = Checkpoint::load(&path)?;
            if let Some(caution) = checkpoint.check.caution() {
                return Err(TrainError::Checkpoint { path, reason: caution.to_owned() });
            }
            if checkpoint.experiment == self.experiment {
                Checkpoint { experiment: experiment.to_owned(), ..checkpoint }.save(&path)?;
            }
        }
        replace(&self.path.join(EXPERIMENT), |file| file.write_all(experiment.as_bytes()))?;
        experiment.clone_into(&mut self.experiment);
        Ok(())
    }

    /// Saves the checkpoint to resume from, after syncing all records before it to disk.
    pub(crate) fn save_last(&self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        self.metrics.sync_data().map_err(TrainError::file("write the metrics", &self.metrics()))?;
        checkpoint.save(&self.last())
    }

    /// Appends a record.
    pub(crate) fn record(&mut self, event: &Event) -> Result<(), TrainError> {
        let line = serde_json::to_string(event).map_err(io::Error::from);
        let recorded = line.and_then(|line| {
            // JSON has no NaN and no infinity. A record that could not be read back is not written.
            serde_json::from_str::<Event>(&line).map_err(io::Error::from)?;
            self.metrics.write_all(format!("{line}\n").as_bytes())
        });
        recorded.map_err(TrainError::file("write the metrics", &self.metrics()))
    }

    /// Truncates the records to those up to the position `to` (epoch, batches done), or to none: later ones will be
    /// recorded again. A damaged line, which a crash may leave at the end, is removed with all that follows. Returns
    /// whether any record is left. Updates that are left are passed to `health`.
    pub(crate) fn rewind(&mut self, to: Option<(usize, usize)>, health: &mut Health) -> Result<bool, TrainError> {
        let path = self.metrics();
        let mut records = Records::open(&path)?;
        let mut kept = 0;
        while let Some((Ok(event), bytes)) = records.following()?
            && Some(event.position()) <= to
        {
            health.take(&event);
            kept += bytes as u64;
        }
        self.metrics.set_len(kept).map_err(TrainError::file("write the metrics", &path))?;
        Ok(kept > 0)
    }
}

/// Locks the folder at `path`. The lock is released when the process ends at the latest.
fn lock(path: &Path) -> Result<File, TrainError> {
    let name = path.join(LOCK);
    if name.exists() {
        snn_data::open_file(&name).map_err(TrainError::file("open the lock", &name))?;
    }
    let file = OpenOptions::new().create(true).append(true).open(&name);
    let file = file.map_err(TrainError::file("open the lock", &name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TrainError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(TrainError::file("lock the folder", &name)(error)),
    }
}

/// Name of the program that trained the run in `folder`, if recorded.
pub fn program_of(folder: &Path) -> Option<String> {
    match Records::open(&folder.join(METRICS)).ok()?.following().ok()?? {
        (Ok(Event::Started { program, .. }), _) => program,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(epoch: usize, update: usize) -> Event {
        Event::Warning { epoch, update, message: "careful".to_owned() }
    }

    #[test]
    fn numbers_go_up() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("runs");
        let names = [1, 2].map(|_| RunFolder::numbered(&runs, "lenet", "()").unwrap().path().to_owned());
        assert_eq!(names, [runs.join("lenet-1"), runs.join("lenet-2")]);
    }

    #[test]
    fn a_second_run_in_the_same_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(RunFolder::create(dir.path(), "()").unwrap());
        let at = dir.path().display();
        assert_eq!(
            RunFolder::create(dir.path(), "()").unwrap_err().to_string(),
            format!("{at}: holds a run already; continue it with --resume {at}, or choose another directory")
        );
        assert_eq!(RunFolder::resume(dir.path()).unwrap().experiment(), "()");
    }

    #[test]
    fn two_processes_cannot_use_a_folder_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = RunFolder::create(dir.path(), "()").unwrap();
        let message = format!("{}: in use by another process; wait for it to end, or stop it", dir.path().display());
        assert_eq!(RunFolder::resume(dir.path()).unwrap_err().to_string(), message);
        assert_eq!(RunFolder::create(dir.path(), "()").unwrap_err().to_string(), message);
        drop(first);
        assert!(RunFolder::resume(dir.path()).is_ok());
    }

    #[test]
    fn an_empty_folder_cannot_be_resumed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            RunFolder::resume(dir.path()).unwrap_err().to_string(),
            format!("{}: holds no run: there is no experiment.ron in it", dir.path().display())
        );
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        let message = RunFolder::create(&path, "()").unwrap_err().to_string();
        assert_eq!(message, format!("{}: cannot create the folder (File exists (os error 17))", path.display()));
    }

    #[test]
    fn records_after_the_checkpoint_are_cut() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = RunFolder::create(dir.path(), "()").unwrap();
        for (epoch, update) in [(0, 1), (0, 2), (1, 0), (1, 1)] {
            folder.record(&warning(epoch, update)).unwrap();
        }
        assert!(folder.rewind(Some((1, 0)), &mut Health::default()).unwrap());
        folder.record(&warning(1, 1)).unwrap();
        let text = fs::read_to_string(folder.metrics()).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events, [warning(0, 1), warning(0, 2), warning(1, 0), warning(1, 1)]);
        assert!(!folder.rewind(None, &mut Health::default()).unwrap());
        assert_eq!(fs::read(folder.metrics()).unwrap(), b"");
    }

    #[test]
    fn a_half_written_record_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = RunFolder::create(dir.path(), "()").unwrap();
        folder.record(&warning(0, 1)).unwrap();
        let whole = fs::read(folder.metrics()).unwrap();
        for length in 1..whole.len() {
            fs::write(folder.metrics(), [&whole[..], &whole[..length]].concat()).unwrap();
            folder.rewind(Some((9, 0)), &mut Health::default()).unwrap();
            assert_eq!(fs::read(folder.metrics()).unwrap(), whole);
        }
    }
}
