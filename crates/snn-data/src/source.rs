//! Files as streams of bytes, decompressed on the way, so that none takes more memory than its reader has asked for.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::DataError;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open file.
pub(crate) struct Source {
    path: PathBuf,
    is_gzip: bool,
    bytes: Box<dyn Read>,
}

impl Source {
    /// Opens a file; it is decompressed if it is gzip by its first two bytes, whatever its name.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let unreadable = |source| DataError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let is_gzip = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
        let bytes: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        Ok(Self { path: path.to_owned(), is_gzip, bytes })
    }

    /// The next `most` bytes, or those that are left.
    pub(crate) fn up_to(&mut self, most: u64) -> Result<Vec<u8>, DataError> {
        read(&mut self.bytes, most).map_err(|source| {
            let path = self.path.clone();
            if self.is_gzip { DataError::Gzip { path, source } } else { DataError::Read { path, source } }
        })
    }
}

/// The next `most` bytes of `source`, or those that are left, in memory of just that size.
pub(crate) fn read(source: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Where more is announced than there is room for, room is made as bytes come.
    bytes.try_reserve_exact(usize::try_from(most).unwrap_or(usize::MAX)).ok();
    source.take(most).read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).field("is_gzip", &self.is_gzip).finish_non_exhaustive()
    }
}
