//! Files as byte streams, decompressed on the fly, which take no more memory than the reader asks for.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::{DataError, open_file};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Maximum number of gzip members in a file; a published file has one.
const MOST_MEMBERS: usize = 10_000;
/// Maximum number of bytes to reserve before any of them has been read.
const RESERVE: usize = 1 << 24;

/// An open file.
pub(crate) struct OpenFile {
    path: PathBuf,
    bytes: Bytes,
}

enum Bytes {
    Plain(BufReader<File>),
    Gzip(Members),
}

/// Consecutive gzip members, read as one stream.
struct Members {
    /// The current member; `None` after the last.
    member: Option<GzDecoder<BufReader<File>>>,
    count: usize,
}

impl OpenFile {
    /// Opens a file. A file whose first two bytes are those of gzip is decompressed, whatever its name.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let unreadable = |source| DataError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(open_file(path).map_err(unreadable)?);
        let is_gzip = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
        let gzip = |file| Bytes::Gzip(Members { member: Some(GzDecoder::new(file)), count: 1 });
        Ok(Self { path: path.to_owned(), bytes: if is_gzip { gzip(file) } else { Bytes::Plain(file) } })
    }

    /// Whether the file is gzip.
    pub(crate) fn is_gzip(&self) -> bool {
        matches!(self.bytes, Bytes::Gzip(_))
    }

    /// Skips the next `count` bytes; it is no error if there are fewer.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), DataError> {
        let skipped = match &mut self.bytes {
            Bytes::Plain(file) => match i64::try_from(count) {
                Ok(count) => file.seek_relative(count),
                Err(_) => file.seek(SeekFrom::End(0)).map(|_| ()),
            },
            Bytes::Gzip(members) => io::copy(&mut members.take(count), &mut io::sink()).map(|_| ()),
        };
        skipped.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> DataError {
        let path = self.path.clone();
        if self.is_gzip() { DataError::Gzip { path, source } } else { DataError::Read { path, source } }
    }

    /// Reads the next `most` bytes, or those that are left.
    pub(crate) fn up_to(&mut self, most: u64) -> Result<Vec<u8>, DataError> {
        read(self, most).map_err(|source| self.error(source))
    }
}

/// Reads the next `most` bytes of `source`, or those that are left, into a vector of exactly that capacity.
pub(crate) fn read(source: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A large announced size is not reserved at once: the file may be short.
    bytes.try_reserve_exact(usize::try_from(most).unwrap_or(usize::MAX).min(RESERVE)).ok();
    source.take(most).read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::Plain(file) => file.read(buffer),
            Bytes::Gzip(members) => members.read(buffer),
        }
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let length = member.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
            let mut file = self.member.take().map(GzDecoder::into_inner);
            let Some(file) = file.take_if(|file| file.fill_buf().is_ok_and(|rest| !rest.is_empty())) else { break };
            self.count += 1;
            if self.count > MOST_MEMBERS {
                let reason = format!("more than {MOST_MEMBERS} gzip files behind each other");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            self.member = Some(GzDecoder::new(file));
        }
        Ok(0)
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).field("is_gzip", &self.is_gzip()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Instant;
    use std::{fs, iter};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn members_are_read_as_one_and_bytes_can_be_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for bytes in [b"abcdefgh".to_vec(), [gzip(b"abc"), gzip(b""), gzip(b"defgh")].concat()] {
            fs::write(&path, bytes).unwrap();
            let mut source = OpenFile::open(&path).unwrap();
            assert_eq!(source.up_to(2).unwrap(), b"ab");
            source.skip(2).unwrap();
            assert_eq!(source.up_to(9).unwrap(), b"efgh");
            source.skip(u64::MAX).unwrap();
            assert_eq!(source.up_to(1).unwrap(), b"");
        }
    }

    #[test]
    fn members_without_end_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, iter::repeat_n(gzip(b""), 1_000_000).flatten().collect::<Vec<u8>>()).unwrap();
        let started = Instant::now();
        let message = OpenFile::open(&path).unwrap().up_to(1).unwrap_err().to_string();
        assert!(message.contains("more than 10000 gzip files behind each other"), "{message}");
        assert!(started.elapsed().as_secs() < 5);
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_comes() {
        let bytes = read(&mut &b"abc"[..], 1 << 32).unwrap();
        assert_eq!((&bytes[..], bytes.capacity() <= 16), (&b"abc"[..], true));
    }
}
