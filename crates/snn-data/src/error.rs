//! The errors of reading data, with advice.

use std::io;
use std::path::PathBuf;

use crate::folder::DatasetFiles;

/// An error of this crate. Every message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read.
    #[error("{}: cannot be read ({source}); check that the file exists and that you may read it", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A gzip stream is truncated or does not decompress.
    #[error("{}: the gzip data is corrupted ({source}); take a whole copy of the file", .path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Error of the decompressor.
        source: io::Error,
    },
    /// A file is not of the expected kind.
    #[error("{}: magic number {found}, expected {expected} for {kind}; {hint}", .path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// The expected kind, in words.
        kind: &'static str,
        /// The magic number of that kind.
        expected: u32,
        /// The first four bytes of the file as a big-endian number.
        found: u32,
        /// A likely cause, and what to do.
        hint: String,
    },
    /// A file is shorter than its header says.
    #[error("{}: truncated, {expected} bytes expected, {found} found; take a whole copy of the file", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Expected size of header and values, in bytes.
        expected: u64,
        /// Size of the file after decompression, in bytes.
        found: u64,
    },
    /// A file is longer than its header says.
    #[error(
        "{}: goes on after its last value, {expected} bytes expected and more found; this is not the file that is meant, or \
         something was added to it",
        .path.display()
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Expected size of header and values, in bytes.
        expected: u64,
    },
    /// A file has no values, according to its header.
    #[error("{}: extents {extents:?} hold no value", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The extents in its header.
        extents: Vec<usize>,
    },
    /// A file is well-formed but is not the published one.
    #[error("{}: md5 of the decompressed bytes is {found}, expected {expected}; download the file again", .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The published md5.
        expected: &'static str,
        /// The md5 of the file.
        found: String,
    },
    /// Images and labels do not form a valid data set.
    #[error(transparent)]
    Core(#[from] snn_core::Error),
    /// A file is well-formed but does not belong to this data set.
    #[error("{what}: {reason}")]
    Content {
        /// The file or data set.
        what: String,
        /// What was expected and found.
        reason: String,
    },
    /// A file of a data set is missing from the folder of the others.
    #[error(
        "{}: holds no {name}{}; it can be had from {}",
        .folder.display(),
        match .place.within.iter().filter(|within| !within.is_empty()).copied().collect::<Vec<_>>().join(" or ") {
            none if none.is_empty() => none,
            within => format!(", neither by itself nor in {within}"),
        },
        .place.origin
    )]
    Missing {
        /// The data set.
        place: &'static DatasetFiles,
        /// The folder that was searched.
        folder: PathBuf,
        /// The missing file.
        name: String,
    },
    /// A data set was not found in any of the usual folders.
    #[error(
        "{} not found; looked {}in\n{}\nPut its files ({}) into one of these, for example with `snn data get {}`, or name \
         their folder with --data",
        .place.data_set,
        if .within.is_empty() { String::new() } else { format!("for {} ", .within.join(" or ")) },
        .looked.iter().map(|path| format!("  {}", path.display())).collect::<Vec<_>>().join("\n"),
        .files.join(", "),
        .place.name
    )]
    NotFound {
        /// The data set.
        place: &'static DatasetFiles,
        /// The files, any of which would be enough.
        files: Vec<String>,
        /// Subfolders that were searched in each folder of `looked`; empty if the folders themselves should hold the
        /// files.
        within: Vec<&'static str>,
        /// Every folder that was searched.
        looked: Vec<PathBuf>,
    },
}
