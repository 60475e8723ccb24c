//! Captures what GPU drivers write to standard error, to keep it separate from the program's output.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

/// Output of drivers so far.
static WRITTEN: Mutex<String> = Mutex::new(String::new());

/// Calls `open`, which may load a driver. Anything written to standard error meanwhile is kept, and shown only if the
/// command fails.
pub(crate) fn apart<T>(open: impl FnOnce() -> T) -> T {
    let (opened, written) = silently(open);
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).push_str(&written);
    opened
}

/// Takes the lines that drivers have written so far.
pub(crate) fn lines() -> Vec<String> {
    let written = mem::take(&mut *WRITTEN.lock().unwrap_or_else(PoisonError::into_inner));
    written.lines().map(|line| format!("driver: {line}")).collect()
}

/// Returns the result of `open`, and what was written to standard error meanwhile.
#[cfg(unix)]
fn silently<T>(open: impl FnOnce() -> T) -> (T, String) {
    use std::{io::Read as _, thread};

    let kept = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3);
    let (Ok(kept), Ok((mut reader, writer))) = (kept, std::io::pipe()) else { return (open(), String::new()) };
    if rustix::stdio::dup2_stderr(&writer).is_err() {
        return (open(), String::new());
    }
    drop(writer); // standard error holds the only writer left
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let restore = Restore(kept);
    let opened = open();
    drop(restore);
    (opened, reading.join().unwrap_or_default())
}

/// Restores standard error when dropped, even if `open` panics.
#[cfg(unix)]
struct Restore(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Drop for Restore {
    fn drop(&mut self) {
        rustix::stdio::dup2_stderr(&self.0).ok();
    }
}

#[cfg(not(unix))]
fn silently<T>(open: impl FnOnce() -> T) -> (T, String) {
    (open(), String::new())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_meanwhile_is_kept() {
        let (value, written) = silently(|| {
            rustix::io::write(rustix::stdio::stderr(), b"error: XDG_RUNTIME_DIR is invalid\n").unwrap();
            7
        });
        assert_eq!(value, 7);
        assert!(written.contains("error: XDG_RUNTIME_DIR is invalid\n"), "{written}");
    }
}
