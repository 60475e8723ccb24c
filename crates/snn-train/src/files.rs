//! Atomic writing of files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::TrainError;

/// Atomically replaces the file at `path` with what `write` writes: writes to a temporary file in the same folder,
/// syncs it to disk and renames it. Whatever happens, `path` holds either its old content or the complete new one. If
/// `path` is a symbolic link, its target is replaced. A device, a pipe or a folder is refused, since it would be
/// destroyed.
///
/// # Errors
/// [`TrainError::File`]; the temporary file is then deleted.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), TrainError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|there| !there.is_file()) {
        let source =
            io::Error::new(io::ErrorKind::InvalidInput, "what is there is no file, and would be replaced by one");
        return Err(TrainError::File { action: "write the file", path: path.to_owned(), source });
    }
    let temporary = temporary(&target);
    let written = File::create(&temporary).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, &target)
    });
    if let Err(source) = written {
        // The first error is the one to report. A temporary file that stays behind is overwritten next time.
        fs::remove_file(&temporary).ok();
        return Err(TrainError::File { action: "write the file", path: path.to_owned(), source });
    }
    sync_folder(target.parent().unwrap_or(Path::new(".")))
}

/// Atomically writes `text` to the file at `path`: whatever happens, it holds either its old content or the complete
/// new one.
///
/// # Errors
/// [`TrainError::File`].
pub fn write_whole(path: &Path, text: &str) -> Result<(), TrainError> {
    replace(path, |file| file.write_all(text.as_bytes()))
}

/// Path of the temporary file for `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".tmp");
    PathBuf::from(name)
}

/// Syncs a folder so that a rename or a new file survives a loss of power, on systems that support this.
fn sync_folder(folder: &Path) -> Result<(), TrainError> {
    if cfg!(unix) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(TrainError::file("write the folder", folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let full = |file: &mut BufWriter<File>| {
            file.write_all(b"ne")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let message = replace(&path, full).unwrap_err().to_string();
        assert_eq!(message, format!("{}: cannot write the file (no storage space)", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_files_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |path: &Path| {
            let message = replace(path, |file| file.write_all(b"new")).unwrap_err().to_string();
            let reason = "what is there is no file, and would be replaced by one";
            assert_eq!(message, format!("{}: cannot write the file ({reason})", path.display()));
        };
        refused(dir.path());
        #[cfg(unix)]
        {
            let (file, link, null) = (dir.path().join("file"), dir.path().join("link"), dir.path().join("null"));
            std::os::unix::fs::symlink("/dev/null", &null).unwrap();
            refused(&null);
            std::os::unix::fs::symlink(&file, &link).unwrap();
            fs::write(&file, "old").unwrap();
            replace(&link, |file| file.write_all(b"new")).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(&file).unwrap(), b"new");
        }
    }

    #[test]
    fn a_full_disk_is_reported() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::os::unix::fs::symlink("/dev/full", temporary(&path)).unwrap();
        let message = replace(&path, |file| file.write_all(b"new")).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("{}: cannot write the file (No space left on device (os error 28))", path.display())
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("no/such/folder/file");
        let message = replace(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}: cannot write the file (", path.display())), "{message}");
    }

    #[test]
    fn what_a_crash_left_under_the_temporary_name_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(temporary(&path), b"half of something long").unwrap();
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!temporary(&path).exists());
    }
}
