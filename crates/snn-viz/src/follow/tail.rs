//! Reads the complete lines of a file that another process appends to.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Maximum bytes per read. Reading and parsing them takes about 10 ms.
pub(super) const MOST_BYTES: usize = 1 << 18;

/// Number of bytes before the current position that are compared to detect whether the file was replaced. They include
/// the last record with its duration, which no other run would repeat.
const SEEN_BYTES: usize = 4096;

/// A position in a growing file.
#[derive(Debug, Default)]
pub(super) struct Tail {
    path: PathBuf,
    /// Number of bytes and lines read.
    offset: u64,
    lines: usize,
    /// The last bytes that were read.
    seen: Vec<u8>,
}

/// The result of one read.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Complete lines.
    pub(super) bytes: Vec<u8>,
    /// Number of the first line, from 1.
    pub(super) first_line: usize,
    /// Whether the file was truncated or replaced, and is read from its start again.
    pub(super) is_anew: bool,
    /// Whether more data is available right away.
    pub(super) has_more: bool,
    /// Modification time of the file; `None` if it does not exist.
    pub(super) modified: Option<SystemTime>,
}

impl Tail {
    /// The start of the file at `path`, which need not exist yet.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at most [`MOST_BYTES`] further bytes. An incomplete line is left for the next read. A line longer than the
    /// limit is returned in pieces.
    pub(super) fn read(&mut self) -> io::Result<Chunk> {
        let mut file = match snn_data::open_file(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_anew = self.offset > 0;
                *self = Self::of(&self.path);
                return Ok(Chunk { is_anew, ..Chunk::default() });
            }
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let is_anew = !self.continues(&mut file, metadata.len())?;
        if is_anew {
            *self = Self::of(&self.path);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES as u64).read_to_end(&mut bytes)?;
        let has_more = bytes.len() == MOST_BYTES;
        let end_of_lines = bytes.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
        bytes.truncate(end_of_lines.unwrap_or(if has_more { MOST_BYTES } else { 0 }));
        let first_line = self.lines + 1;
        self.pass(&bytes);
        Ok(Chunk { bytes, first_line, is_anew, has_more, modified: metadata.modified().ok() })
    }

    /// Whether the file still contains what was read.
    fn continues(&self, file: &mut File, length: u64) -> io::Result<bool> {
        if length < self.offset {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.offset - self.seen.len() as u64))?;
        let mut before = Vec::new();
        file.take(self.seen.len() as u64).read_to_end(&mut before)?;
        Ok(before == self.seen)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.lines += bytes.split(|byte| *byte == b'\n').count() - 1;
        self.seen.extend_from_slice(&bytes[bytes.len().saturating_sub(SEEN_BYTES)..]);
        self.seen.drain(..self.seen.len().saturating_sub(SEEN_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn texts(tail: &mut Tail) -> (String, usize, bool) {
        let chunk = tail.read().unwrap();
        (String::from_utf8(chunk.bytes).unwrap(), chunk.first_line, chunk.is_anew)
    }

    #[test]
    fn only_whole_lines_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut tail = Tail::of(&path);
        let chunk = tail.read().unwrap();
        assert!(chunk.bytes.is_empty() && chunk.modified.is_none() && !chunk.is_anew);
        fs::write(&path, "one\ntw").unwrap();
        assert_eq!(texts(&mut tail), ("one\n".to_owned(), 1, false));
        assert_eq!(texts(&mut tail), (String::new(), 2, false));
        File::options().append(true).open(&path).unwrap().write_all(b"o\nthree\n").unwrap();
        assert_eq!(texts(&mut tail), ("two\nthree\n".to_owned(), 2, false));
    }

    #[test]
    fn a_file_that_was_cut_replaced_or_removed_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut tail = Tail::of(&path);
        fs::write(&path, "one\ntwo\n").unwrap();
        tail.read().unwrap();
        fs::write(&path, "one\n").unwrap();
        assert_eq!(texts(&mut tail), ("one\n".to_owned(), 1, true));
        fs::write(&path, "ONE\nand more than before\n").unwrap();
        assert_eq!(texts(&mut tail), ("ONE\nand more than before\n".to_owned(), 1, true));
        fs::remove_file(&path).unwrap();
        assert!(texts(&mut tail).2);
        assert!(!texts(&mut tail).2, "said once");
    }

    #[test]
    fn a_long_file_is_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let line = "x".repeat(999) + "\n";
        fs::write(&path, line.repeat(300)).unwrap();
        let mut tail = Tail::of(&path);
        let (first, second) = (tail.read().unwrap(), tail.read().unwrap());
        assert_eq!((first.bytes.len(), first.has_more), (MOST_BYTES / 1000 * 1000, true));
        assert_eq!((first.bytes.len() + second.bytes.len(), second.has_more), (300_000, false));
        assert_eq!(second.first_line, MOST_BYTES / 1000 + 1);
    }

    #[test]
    fn a_line_without_end_does_not_hold_up_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        fs::write(&path, "x".repeat(MOST_BYTES + 1) + "\nnext\n").unwrap();
        let mut tail = Tail::of(&path);
        assert_eq!(tail.read().unwrap().bytes.len(), MOST_BYTES);
        assert_eq!(tail.read().unwrap().bytes, b"x\nnext\n");
    }
}
