//! Downloading published data sets: resumable, compared with the published checksums before use, and never half there.

mod download;
mod error;
mod unpack;

use std::fs;
use std::path::Path;

use crate::published::{Download, Packing, Published};

pub use download::Patience;
pub use error::FetchError;

/// What [`fetch`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchProgress<'a> {
    /// A file is there already.
    Present(&'a Download),
    /// Bytes have come.
    Downloading {
        /// The file.
        download: &'a Download,
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole, if the server has said.
        total: Option<u64>,
    },
    /// All has come, and is being compared with the checksum.
    Comparing(&'a Download),
    /// A part of an archive was unpacked.
    Unpacking {
        /// The archive.
        download: &'a Download,
        /// Files that are there.
        files: usize,
    },
    /// A file, or what was in it, is there.
    Finished(&'a Download),
}

/// Fetches what `folder` does not hold yet of a data set, from where it is published or, file by file under their own
/// names, from below the URL `from`, and tells `observer` how far it is.
///
/// What has come of a file is kept in `NAME.part` and continued by the next call. A file gets its name, and an archive is
/// unpacked, after it was compared with its checksum; what is unpacked gets its name when it is whole. Other files stay.
///
/// # Errors
/// [`FetchError`]; what was finished before stays, and a folder that was made for nothing does not.
pub fn fetch(
    published: &Published,
    folder: &Path,
    from: Option<&str>,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    fetch_with(Patience::default(), published, folder, from, observer)
}

/// As [`fetch`], with another patience.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_with(
    patience: Patience,
    published: &Published,
    folder: &Path,
    from: Option<&str>,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    let is_new = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
    let new: Vec<&Path> = folder.ancestors().take_while(is_new).collect();
    fs::create_dir_all(folder).map_err(|source| FetchError::Write { path: folder.to_owned(), source })?;
    let fetched = published.downloads.iter().try_for_each(|download| {
        if is_present(published, download, folder) {
            observer(FetchProgress::Present(download));
            return Ok(());
        }
        fetch_one(download, folder, from, patience, observer)
    });
    if fetched.is_err() {
        // Folders that hold anything stay.
        new.iter().try_for_each(fs::remove_dir).ok();
    }
    fetched
}

fn fetch_one(
    download: &Download,
    folder: &Path,
    from: Option<&str>,
    patience: Patience,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    let path = folder.join(download.name);
    let url = match from {
        Some(from) => format!("{}/{}", from.trim_end_matches('/'), download.name),
        None => download.url.to_owned(),
    };
    // An archive that could not be unpacked at another time.
    let is_here = download.form != Packing::File && download::is_whole(download, &path);
    let there = fs::metadata(download::part(&path)).map_or(0, |metadata| metadata.len());
    check_room(folder, if is_here { 0 } else { download.bytes.saturating_sub(there) }, download.form)?;
    if !is_here {
        download::download(download, &url, &path, patience, observer)?;
    }
    match download.form {
        Packing::File => {}
        Packing::TarGz(name, _) => unpack::tar_gz(download, &path, &folder.join(name), observer)?,
        Packing::Zip(name, _) => unpack::zip(download, &path, &folder.join(name), observer)?,
    }
    observer(FetchProgress::Finished(download));
    Ok(())
}

/// Whether the file, or what was in it, is in `folder` and as published as far as can be told.
fn is_present(published: &Published, download: &Download, folder: &Path) -> bool {
    let is_same = |name: &str| {
        let path = published.place.file(folder, name);
        path.is_ok_and(|path| published.compare(name, &path).is_ok_and(|verdict| verdict.is_same()))
    };
    match download.form {
        Packing::File => {
            is_same(download.name.trim_end_matches(".gz")) || download::is_whole(download, &folder.join(download.name))
        }
        // What is unpacked has its name only when it is whole.
        Packing::TarGz(name, _) | Packing::Zip(name, _) if published.checksums.is_empty() => folder.join(name).is_dir(),
        Packing::TarGz(..) | Packing::Zip(..) => published.checksums.iter().all(|(name, _)| is_same(name)),
    }
}

/// Compares the room on the disk with what is needed for a download of so many `bytes` and what becomes of it, if the system
/// tells.
fn check_room(folder: &Path, bytes: u64, form: Packing) -> Result<(), FetchError> {
    let unpacked = match form {
        Packing::File => 0,
        Packing::TarGz(_, bytes) | Packing::Zip(_, bytes) => bytes,
    };
    let needed = bytes + unpacked;
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(FetchError::Room { folder: folder.to_owned(), needed, free }),
        _ => Ok(()),
    }
}
