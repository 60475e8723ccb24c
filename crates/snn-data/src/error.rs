//! What can be wrong with data, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::folder::DatasetFiles;

/// An error of this crate. Every message names the file and says what helps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read.
    #[error("{}: cannot be read ({source}); check that the file exists and that you may read it", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A gzip stream ends early or does not decompress.
    #[error("{}: the gzip data is corrupted ({source}); take a whole copy of the file", .path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decompressor says.
        source: io::Error,
    },
    /// A file is not of the kind that was asked for.
    #[error("{}: magic number {found}, expected {expected} for {kind}; {hint}", .path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// The kind expected, in words.
        kind: &'static str,
        /// The magic number of that kind.
        expected: u32,
        /// The first four bytes of the file as a big-endian number.
        found: u32,
        /// What may have happened, and what to do.
        hint: String,
    },
    /// A file ends before all that its header announces.
    #[error("{}: truncated, {expected} bytes expected, {found} found; take a whole copy of the file", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Size of header and values.
        expected: u64,
        /// Size of the file, after decompression.
        found: u64,
    },
    /// A file goes on after all that its header announces.
    #[error(
        "{}: goes on after its last value, {expected} bytes expected and more found; this is not the file that is meant, or \
         something was added to it",
        .path.display()
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Size of header and values.
        expected: u64,
    },
    /// A file announces no values.
    #[error("{}: extents {extents:?} hold no value", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The extents of its header.
        extents: Vec<usize>,
    },
    /// A file is whole but not the published one.
    #[error("{}: md5 of the decompressed bytes is {found}, expected {expected}; download the file again", .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Published md5.
        expected: &'static str,
        /// Its md5.
        found: String,
    },
    /// Images and labels do not make a data set.
    #[error(transparent)]
    Core(#[from] snn_core::Error),
    /// A file is well-formed, but not of this data set.
    #[error("{what}: {reason}")]
    Content {
        /// File or data set.
        what: String,
        /// What was expected and found.
        reason: String,
    },
    /// A file of a data set is not where the others are.
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
        /// Folder that was looked through.
        folder: PathBuf,
        /// The missing file.
        name: String,
    },
    /// A data set is in none of the usual places.
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
        /// Files of which any would do.
        files: Vec<String>,
        /// Folders that were looked for in each of the next; none if those themselves should hold the files.
        within: Vec<&'static str>,
        /// Every folder looked in.
        looked: Vec<PathBuf>,
    },
}
