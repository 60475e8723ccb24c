//! Unpacks archives and removes them.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::GzDecoder;
use zip::ZipArchive;

use super::{FetchError, FetchProgress};
use crate::published::Download;

/// The folder next to `to` that holds the contents until they are complete.
fn unfinished(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Unpacks the folder with the name of `to` from a compressed tar archive, and removes the archive.
pub(super) fn tar_gz(
    download: &Download,
    archive: &Path,
    to: &Path,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    unpack(archive, to, |file, place| {
        let mut entries = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
        for (files, entry) in entries.entries()?.enumerate() {
            let mut entry = entry?;
            let Some(path) = place(&entry.path()?) else { continue };
            if entry.header().entry_type().is_file() {
                write(&path, &mut entry)?;
                observer(FetchProgress::Unpacking { download, files: files + 1 });
            }
        }
        Ok(())
    })
}

/// Unpacks the folder with the name of `to` from a zip archive, and removes the archive.
pub(super) fn zip(
    download: &Download,
    archive: &Path,
    to: &Path,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    unpack(archive, to, |file, place| {
        let mut entries = ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
        for index in 0..entries.len() {
            let mut entry = entries.by_index(index).map_err(io::Error::other)?;
            let Some(path) = entry.enclosed_name().and_then(|path| place(&path)) else { continue };
            if entry.is_file() {
                write(&path, &mut entry)?;
                observer(FetchProgress::Unpacking { download, files: index + 1 });
            }
        }
        Ok(())
    })
}

fn write(path: &Path, content: &mut impl io::Read) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(content, &mut File::create(path)?)?;
    Ok(())
}

/// Runs `each` to write the files of an archive. `each` gets a function that returns the target path of an archive
/// path, or `None` to skip it. Then moves the contents to `to`, and removes the archive.
fn unpack(
    archive: &Path,
    to: &Path,
    each: impl FnOnce(File, &dyn Fn(&Path) -> Option<PathBuf>) -> io::Result<()>,
) -> Result<(), FetchError> {
    let failed = |error: &dyn Display| FetchError::Unpack { path: archive.to_owned(), reason: error.to_string() };
    let part = unfinished(to);
    let write = |path: &Path, source| FetchError::Write { path: path.to_owned(), source };
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|error| write(&part, error))?;
    }
    fs::create_dir_all(&part).map_err(|error| write(&part, error))?;
    let folder = to.file_name().map(Path::new);
    // Only paths within that folder are unpacked, and only without components such as `..`.
    let place = |path: &Path| {
        let path = path.strip_prefix(".").unwrap_or(path);
        let within = path.strip_prefix(folder?).ok()?;
        let is_honest = within.components().all(|component| matches!(component, Component::Normal(_)));
        (is_honest && within != Path::new("")).then(|| part.join(within))
    };
    let file = crate::open_file(archive).map_err(|error| failed(&error))?;
    let unpacked = each(file, &place).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => write(&part, error),
        _ => failed(&error),
    });
    let is_empty = fs::read_dir(&part).is_ok_and(|mut entries| entries.next().is_none());
    let none = || Err(failed(&format!("it holds no folder {}", folder.unwrap_or(to).display())));
    let unpacked = unpacked.and_then(|()| if is_empty { none() } else { merge(&part, to) });
    if let Err(error) = unpacked {
        fs::remove_dir_all(&part).ok(); // the first error is the one to report
        return Err(error);
    }
    fs::remove_file(archive).map_err(|error| write(archive, error))
}

/// Moves the contents of the folder `from` to `to`. Files of the same name are replaced; others are kept.
fn merge(from: &Path, to: &Path) -> Result<(), FetchError> {
    let write = |source| FetchError::Write { path: to.to_owned(), source };
    if !(from.is_dir() && to.is_dir()) {
        return fs::rename(from, to).map_err(write);
    }
    for entry in fs::read_dir(from).map_err(write)? {
        let entry = entry.map_err(write)?;
        merge(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::remove_dir(from).map_err(write)
}
