//! Opens and reads files from untrusted sources: neither a pipe, a device nor an endless file can block the program or
//! exhaust its memory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Opens the file at `path` for reading. Anything but a regular file, such as a folder, a device or a named pipe, is
/// refused before it is opened, since opening a pipe blocks until another process writes to it.
///
/// # Errors
/// Errors of the operating system; [`io::ErrorKind::InvalidInput`] if it is not a regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a folder, not a file"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device or a pipe, not a file"));
    }
    File::open(path)
}

/// Reads the file at `path`, of at most `most` bytes.
///
/// # Errors
/// As [`open_file`]; [`io::ErrorKind::FileTooLarge`] if it is larger, before any memory is allocated.
pub fn read_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= most as u64 {
        bytes.try_reserve_exact(size as usize)?;
        file.take(most as u64 + 1).read_to_end(&mut bytes)?; // the file may grow while it is read
    }
    if size > most as u64 || bytes.len() > most {
        let reason = format!("it is larger than {most} bytes, the most that such a file has");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// Reads the text in the file at `path`, of at most `most` bytes.
///
/// # Errors
/// As [`read_file`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8");
    String::from_utf8(read_file(path, most)?).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"four").unwrap();
        assert_eq!(read_file(&path, 4).unwrap(), b"four");
        assert_eq!(read_text(&path, 5).unwrap(), "four");
        let error = read_file(&path, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is larger than 3 bytes, the most that such a file has");
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path, 5).unwrap_err().to_string(), "it is not text in UTF-8");
    }

    #[test]
    fn a_file_without_content_takes_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert_eq!(read_file(&path, 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let message = |path: &Path| read_file(path, 10).unwrap_err().to_string();
        assert_eq!(message(dir.path()), "it is a folder, not a file");
        if cfg!(unix) {
            assert_eq!(message(Path::new("/dev/zero")), "it is a device or a pipe, not a file");
            let pipe = dir.path().join("pipe");
            let made = std::process::Command::new("mkfifo").arg(&pipe).status();
            if made.is_ok_and(|status| status.success()) {
                assert_eq!(message(&pipe), "it is a device or a pipe, not a file");
            }
        }
    }
}
