//! Downloads one file over HTTP.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{slice, thread};

use ureq::http::{HeaderMap, StatusCode, header};

use super::{FetchError, FetchProgress};
use crate::checksum::md5_of;
use crate::open_file;
use crate::published::Download;

/// Timeouts and retries of downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Maximum time without any data from the server.
    pub silence: Duration,
    /// Minimum number of bytes in each `window` of time. If fewer arrive, the connection is closed and the request is
    /// retried.
    pub least: u64,
    /// Length of the time window of `least`.
    pub window: Duration,
    /// Pauses before each retry.
    pub pauses: [Duration; 3],
}

impl Default for Patience {
    /// One minute without data; 30 kB per 30 seconds; pauses of 0.2, 1 and 4 seconds.
    fn default() -> Self {
        Self {
            silence: Duration::from_mins(1),
            least: 30_000,
            window: Duration::from_secs(30),
            pauses: [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)],
        }
    }
}

/// The path that holds the bytes of `path` until the download is complete.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Whether the file at `path` is the published one.
pub(super) fn is_whole(download: &Download, path: &Path) -> bool {
    open_file(path).and_then(|mut file| md5_of(&mut file)).is_ok_and(|found| found == download.md5)
}

/// Maximum number of bytes to accept; published sizes are approximate.
fn most(download: &Download) -> u64 {
    download.bytes.saturating_add(download.bytes / 10)
}

/// Downloads `url` to `path`, or only the rest if a part is there.
pub(super) fn download(
    download: &Download,
    url: &str,
    path: &Path,
    patience: Patience,
    observer: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), FetchError> {
    let part = part(path);
    let write = |source| FetchError::Write { path: part.clone(), source };
    if part.exists() {
        open_file(&part).map_err(write)?; // anything but a regular file, such as a pipe, is an error at once
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(&part).map_err(write)?;
    if file.try_lock().is_err_and(|error| matches!(error, fs::TryLockError::WouldBlock)) {
        return Err(FetchError::Busy { path: part });
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // Each request uses a new connection: a server may have closed an idle one without notice.
        .max_idle_connections(0)
        .timeout_connect(Some(patience.silence))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence))
        .build()
        .new_agent();
    let mut is_second = false;
    let mut job = Transfer { agent, download, url, part: &part, patience, anew: false, has_answered: false, observer };
    loop {
        let has_resumed = match job.transfer_patiently(&mut file) {
            Ok(has_resumed) => has_resumed,
            Err(error) => {
                // The bytes from earlier calls are kept, unless something other than the file has replaced them.
                let is_useless = matches!(error, FetchError::TooLong { .. }) && !job.anew;
                if is_useless || file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                    fs::remove_file(&part).ok();
                }
                return Err(error);
            }
        };
        (job.observer)(FetchProgress::Comparing(download));
        file.rewind().map_err(write)?;
        let found = md5_of(&mut file).map_err(write)?;
        if found == download.md5 {
            file.sync_all().map_err(write)?;
            return fs::rename(&part, path).map_err(|source| FetchError::Write { path: path.to_owned(), source });
        }
        if !has_resumed || std::mem::replace(&mut is_second, true) {
            fs::remove_file(&part).map_err(write)?;
            return Err(FetchError::Checksum { url: url.to_owned(), expected: download.md5, found });
        }
        // The part from an earlier call may belong to another file: download once more, from the start.
        job.anew = true;
    }
}

struct Transfer<'a> {
    agent: ureq::Agent,
    download: &'a Download,
    url: &'a str,
    part: &'a Path,
    patience: Patience,
    /// Whether to replace the existing part, once the first bytes arrive.
    anew: bool,
    /// Whether the server has responded at all.
    has_answered: bool,
    observer: &'a mut dyn FnMut(FetchProgress<'_>),
}

impl Transfer<'_> {
    /// Appends the missing bytes to `file`, with a few retries. Returns whether a part from an earlier call was kept.
    fn transfer_patiently(&mut self, file: &mut File) -> Result<bool, FetchError> {
        let mut has_resumed = false;
        let pauses = self.patience.pauses;
        let mut pauses: slice::Iter<'_, Duration> = pauses.iter();
        loop {
            let before = if self.anew { 0 } else { file.metadata().map_or(0, |metadata| metadata.len()) };
            has_resumed |= before > 0;
            match (self.transfer(file, before), pauses.next()) {
                (Ok(is_continued), _) => return Ok(has_resumed && is_continued),
                (Err(error), Some(pause)) if error.is_passing() => thread::sleep(*pause),
                (Err(error), _) => return Err(error),
            }
        }
    }

    /// Appends the bytes after the first `before` bytes to `file`. Returns false if the download had to start over.
    fn transfer(&mut self, file: &mut File, before: u64) -> Result<bool, FetchError> {
        let url = self.url.to_owned();
        let write = |source| FetchError::Write { path: self.part.to_owned(), source };
        let mut request = self.agent.get(&url);
        if before > 0 {
            request = request.header(header::RANGE, format!("bytes={before}-"));
        }
        let mut response = request.call().map_err(|error| {
            let (url, reason) = (url.clone(), error.to_string());
            // A server that has responded before exists, so a refused connection is temporary.
            if is_reset(&error) || (self.has_answered && is_refused(&error)) {
                FetchError::Broken { url, done: before, total: None, reason }
            } else {
                FetchError::Unreachable { url, reason }
            }
        })?;
        self.has_answered = true;
        let mut done = 0;
        match response.status() {
            StatusCode::OK => self.anew = true,
            StatusCode::PARTIAL_CONTENT if first_byte(response.headers()) == Some(before) => done = before,
            // The server has no more bytes. The checksum will show whether the file is complete.
            StatusCode::RANGE_NOT_SATISFIABLE if before > 0 => return Ok(true),
            StatusCode::PARTIAL_CONTENT => {
                self.anew = true;
                let reason = "the server sent another part than was asked for".to_owned();
                return Err(FetchError::Broken { url, done: 0, total: None, reason });
            }
            status => return Err(FetchError::Status { url, status: status.as_u16() }),
        }
        let is_continued = done > 0;
        let total = response.body().content_length().map(|length| done + length);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        let broken = |done, reason| FetchError::Broken { url: url.clone(), done, total, reason };
        let most = most(self.download);
        let mut window = (Instant::now(), done);
        loop {
            if done.max(total.unwrap_or(0)) > most {
                return Err(FetchError::TooLong { url, published: self.download.bytes });
            }
            (self.observer)(FetchProgress::Downloading { download: self.download, done, total });
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(done, error.to_string())),
            };
            if std::mem::take(&mut self.anew) {
                file.set_len(0).map_err(write)?;
            }
            file.write_all(&buffer[..length]).map_err(write)?;
            done += length as u64;
            if window.0.elapsed() >= self.patience.window {
                let came = done - window.1;
                if came < self.patience.least {
                    let reason = format!("only {came} bytes came in {} s", self.patience.window.as_secs_f32());
                    return Err(broken(done, reason));
                }
                window = (Instant::now(), done);
            }
        }
        if total.is_some_and(|total| done < total) {
            return Err(broken(done, "it ended early".to_owned()));
        }
        if std::mem::take(&mut self.anew) {
            file.set_len(0).map_err(write)?; // an empty response
        }
        Ok(is_continued)
    }
}

/// Whether an established connection broke before the response.
fn is_reset(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let broken = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    matches!(error, ureq::Error::Io(error) if broken.contains(&error.kind()))
}

/// Whether the connection was refused.
fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::ConnectionFailed)
        || matches!(error, ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The index of the first byte of a partial response, from its headers.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
