//! Why a data set could not be fetched, and what to do about it.

use std::io;
use std::path::PathBuf;

/// An error of [`fetch`](crate::fetch::fetch).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No answer.
    #[error("{url}: no answer ({reason}); check the network connection, or name another source with --from")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// The server answers, but not with the file.
    #[error("{url}: the server answers {status}{}; {}", words(*status), advice(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer ended too early.
    #[error(
        "{url}: the connection broke after {}{} ({reason}); run the same command again, and it goes on from there",
        size(*done),
        total.map_or_else(String::new, |total| format!(" of {}", size(total)))
    )]
    Broken {
        /// What was asked for.
        url: String,
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole, if the server has said.
        total: Option<u64>,
        /// What the network says.
        reason: String,
    },
    /// More comes than was published.
    #[error(
        "{url}: sends more than the {} that are published: this is not the published file; nothing of it was kept, name \
         another source with --from",
        size(*published)
    )]
    TooLong {
        /// What was asked for.
        url: String,
        /// Published size in bytes, about.
        published: u64,
    },
    /// All has come, but it is something else.
    #[error(
        "{url}: md5 is {found}, expected {expected}: this is not the published file; nothing of it was kept, name another \
         source with --from"
    )]
    Checksum {
        /// What was asked for.
        url: String,
        /// Published md5.
        expected: &'static str,
        /// Its md5.
        found: String,
    },
    /// Too little room, as far as can be told beforehand.
    #[error(
        "{}: {} are needed and {} are free; make room, or choose another folder with --to",
        .folder.display(), size(*needed), size(*free)
    )]
    Room {
        /// The folder.
        folder: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written ({source}); {}", .path.display(), write_advice(source))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another program is at it.
    #[error("{}: is being written by another program; wait for that to end", .path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// An archive cannot be unpacked.
    #[error("{}: cannot be unpacked ({reason}); remove it, and run the same command again", .path.display())]
    Unpack {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl FetchError {
    /// Whether it may be gone at the next try.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Broken { .. } => true,
            Self::Status { status, .. } => (500..600).contains(status) || *status == 429,
            _ => false,
        }
    }
}

fn words(status: u16) -> &'static str {
    match status {
        403 => " (forbidden)",
        404 => " (not found)",
        429 => " (too many requests)",
        500..600 => " (an error of its own)",
        _ => "",
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        429 | 500..600 => "try again later, or name another source with --from",
        _ => "the file may have moved: name another source with --from",
    }
}

fn write_advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room, or choose another folder with --to",
        _ => "check that you may write there, or choose another folder with --to",
    }
}

/// `12.3 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
