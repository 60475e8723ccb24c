//! The errors of downloading a data set, with advice.

use std::io;
use std::path::PathBuf;

/// An error of [`fetch`](crate::fetch::fetch).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server does not respond.
    #[error("{url}: no answer ({reason}); check the network connection, or name another source with --from")]
    Unreachable {
        /// The requested URL.
        url: String,
        /// Error of the network.
        reason: String,
    },
    /// The server responds, but not with the file.
    #[error("{url}: the server answers {status}{}; {}", words(*status), advice(*status))]
    Status {
        /// The requested URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The response ended too early.
    #[error(
        "{url}: the connection broke after {}{} ({reason}); run the same command again, and it goes on from there",
        size(*done),
        total.map_or_else(String::new, |total| format!(" of {}", size(total)))
    )]
    Broken {
        /// The requested URL.
        url: String,
        /// Number of bytes received.
        done: u64,
        /// Total number of bytes, if the server has sent it.
        total: Option<u64>,
        /// Error of the network.
        reason: String,
    },
    /// The response is larger than the published file.
    #[error(
        "{url}: sends more than the {} that are published: this is not the published file; nothing of it was kept, name \
         another source with --from",
        size(*published)
    )]
    TooLong {
        /// The requested URL.
        url: String,
        /// The approximate published size in bytes.
        published: u64,
    },
    /// The download is complete, but is not the published file.
    #[error(
        "{url}: md5 is {found}, expected {expected}: this is not the published file; nothing of it was kept, name another \
         source with --from"
    )]
    Checksum {
        /// The requested URL.
        url: String,
        /// The published md5.
        expected: &'static str,
        /// The md5 of the downloaded file.
        found: String,
    },
    /// There is not enough free disk space, as estimated beforehand.
    #[error(
        "{}: {} are needed and {} are free; make room, or choose another folder with --to",
        .folder.display(), size(*needed), size(*free)
    )]
    Room {
        /// The folder.
        folder: PathBuf,
        /// Number of bytes needed.
        needed: u64,
        /// Number of bytes free.
        free: u64,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written ({source}); {}", .path.display(), write_advice(source))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Another process holds the file.
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
    /// Whether the error may be temporary, so that a retry makes sense.
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

/// Formats a size, such as `12.3 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
