//! Downloads published data sets. Downloads can be resumed, and files are verified by checksum before they get their
//! final names.

mod download;
mod error;
mod unpack;

use std::fs;
use std::path::Path;

use crate::published::{Download, Packing, Published};

pub use download::Patience;
pub use error::FetchError;

/// The progress of [`fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchProgress<'a> {
    /// A file exists already.
    Present(&'a Download),
    /// A file is being downloaded.
    Downloading {
        /// The file.
        download: &'a Download,
        /// Number of bytes received.
        done: u64,
        /// Total number of bytes, if the server has sent it.
        total: Option<u64>,
    },
    /// The download is complete and is being verified by its checksum.
    Comparing(&'a Download),
    /// An archive is being unpacked.
    Unpacking {
        /// The archive.
        download: &'a Download,
        /// Number of files unpacked.
        files: usize,
    },
    /// A file is complete, and unpacked if it was an archive.
    Finished(&'a Download),
}

/// Downloads the files of a data set that `folder` does not have yet, and reports progress to `observer`. The source
/// is the published URL or, if given, the URL `from` followed by the file name.
///
/// An incomplete download is stored as `NAME.part` and resumed by the next call. After its checksum was verified, a
/// file is renamed to its final name, or an archive is unpacked. An unpacked folder gets its final name when it is
/// complete. Other files in `folder` are not touched.
///
/// # Errors
/// [`FetchError`]. Completed files are kept. Folders that were created are removed if they are empty.
pub fn fetch(
    published: &Published,
    folder: &Path,
    from: Option<&str>,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    fetch_with(Patience::default(), published, folder, from, observer)
}

/// As [`fetch`], with other timeouts.
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
        // Folders that are not empty are kept.
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
    // The archive may be there from an earlier call that could not unpack it.
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

/// Whether the file, or its unpacked contents, is in `folder` and, where checksums are published, matches them.
fn is_present(published: &Published, download: &Download, folder: &Path) -> bool {
    let is_same = |name: &str| {
        let path = published.place.file(folder, name);
        path.is_ok_and(|path| published.compare(name, &path).is_ok_and(|verdict| verdict.is_same()))
    };
    match download.form {
        Packing::File => {
            is_same(download.name.trim_end_matches(".gz")) || download::is_whole(download, &folder.join(download.name))
        }
        // An unpacked folder has its final name only if it is complete.
        Packing::TarGz(name, _) | Packing::Zip(name, _) if published.checksums.is_empty() => folder.join(name).is_dir(),
        Packing::TarGz(..) | Packing::Zip(..) => published.checksums.iter().all(|(name, _)| is_same(name)),
    }
}

/// Checks that the disk has enough free space for a download of `bytes` bytes and its unpacked contents, if the system
/// reports the free space.
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
