//! Runs of the program in a folder of their own, which may be killed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Number of the signal that no program can catch.
const SIGKILL: i32 = 9;

/// A folder for runs.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn start(&self, args: &[&str]) -> Child {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
        command.current_dir(&self.0).env("SNN_DATA", data).args(args).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Runs to the end; the events.
    pub(crate) fn finish(&self, args: &[&str]) -> Vec<Value> {
        let output = self.start(args).wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?} ended with {}", output.status);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Kills the program once it has told of `events` events. Whether that came before its end.
    pub(crate) fn kill_after(&self, events: usize, args: &[&str]) -> bool {
        let mut child = self.start(args);
        // The pipe stays open until the program is dead, lest it fail at writing to it.
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.by_ref().lines().take(events).for_each(|line| drop(line.unwrap()));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(SIGKILL), "{args:?} ended with {status}");
        !status.success()
    }

    /// All that a finished run leaves: the checkpoints to the byte, and the records without the times in them.
    pub(crate) fn result(&self, run: &str) -> (Vec<u8>, Vec<u8>, Vec<Value>) {
        let file = |name: &str| -> PathBuf { self.0.path().join(run).join(name) };
        let metrics = fs::read_to_string(file("metrics.jsonl")).unwrap();
        let timeless = |line: &str| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            for time in ["millis", "seconds"] {
                event.as_object_mut().unwrap().remove(time);
            }
            event
        };
        let checkpoint = |name| fs::read(file(name)).unwrap();
        (checkpoint("last.safetensors"), checkpoint("best.safetensors"), metrics.lines().map(timeless).collect())
    }
}
