//! One file over HTTP.

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

/// How long a server is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long it may be silent.
    pub silence: Duration,
    /// Least bytes that must come in each `window` of time; who sends fewer is left, and asked again.
    pub least: u64,
    /// See `least`.
    pub window: Duration,
    /// Pauses before another try.
    pub pauses: [Duration; 3],
}

impl Default for Patience {
    /// A minute of silence; 30 kB in half a minute; pauses of 0.2, 1 and 4 seconds.
    fn default() -> Self {
        Self {
            silence: Duration::from_mins(1),
            least: 30_000,
            window: Duration::from_secs(30),
            pauses: [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)],
        }
    }
}

/// Where the bytes of `path` are until they are complete.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Whether the file at `path` is the published one.
pub(super) fn is_whole(download: &Download, path: &Path) -> bool {
    open_file(path).and_then(|mut file| md5_of(&mut file)).is_ok_and(|found| found == download.md5)
}

/// Most bytes that may come; the sizes that are published are about right.
fn most(download: &Download) -> u64 {
    download.bytes.saturating_add(download.bytes / 10)
}

/// Downloads `url` to `path`, or what is missing of it.
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
        open_file(&part).map_err(write)?; // what is no file, such as a pipe, is told at once
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(&part).map_err(write)?;
    if file.try_lock().is_err_and(|error| matches!(error, fs::TryLockError::WouldBlock)) {
        return Err(FetchError::Busy { path: part });
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // Each request has a connection of its own: a server may have closed one that has been used, without a word.
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
                // What was there before stays, unless something that is not the file has come in its place.
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
        // The first part may have been of something else: once more, from the start.
        job.anew = true;
    }
}

struct Transfer<'a> {
    agent: ureq::Agent,
    download: &'a Download,
    url: &'a str,
    part: &'a Path,
    patience: Patience,
    /// Whether what is there is to be replaced, once anything comes in its place.
    anew: bool,
    /// Whether the server has answered at all.
    has_answered: bool,
    observer: &'a mut dyn FnMut(FetchProgress<'_>),
}

impl Transfer<'_> {
    /// Appends what is missing to `file`, with a few tries; true if the first of its bytes were there before.
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

    /// Appends what is missing after `before` bytes to `file`; false if it had to begin anew.
    fn transfer(&mut self, file: &mut File, before: u64) -> Result<bool, FetchError> {
        let url = self.url.to_owned();
        let write = |source| FetchError::Write { path: self.part.to_owned(), source };
        let mut request = self.agent.get(&url);
        if before > 0 {
            request = request.header(header::RANGE, format!("bytes={before}-"));
        }
        let mut response = request.call().map_err(|error| {
            let (url, reason) = (url.clone(), error.to_string());
            // Who has answered before is there, and refuses for a while.
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
            // There is nothing after what is there: the checksum will tell whether that is all.
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
            file.set_len(0).map_err(write)?; // an answer of no bytes
        }
        Ok(is_continued)
    }
}

/// Whether a connection was there and broke before the answer.
fn is_reset(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let broken = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    matches!(error, ureq::Error::Io(error) if broken.contains(&error.kind()))
}

/// Whether nobody listens.
fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::ConnectionFailed)
        || matches!(error, ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The first byte of the part that was sent, as the server says.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
