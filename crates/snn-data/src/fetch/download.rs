//! One file over HTTP.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{slice, thread};

use ureq::http::{HeaderMap, StatusCode, header};

use super::{FetchError, Progress};
use crate::checksum::md5_of;
use crate::published::Download;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pauses before another try.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// Where the bytes of `path` are until they are complete.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Whether the file at `path` is the published one.
pub(super) fn is_whole(download: &Download, path: &Path) -> bool {
    File::open(path).and_then(|mut file| md5_of(&mut file)).is_ok_and(|found| found == download.md5)
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
    observer: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    let part = part(path);
    let write = |source| FetchError::Write { path: part.clone(), source };
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(&part).map_err(write)?;
    if file.try_lock().is_err_and(|error| matches!(error, fs::TryLockError::WouldBlock)) {
        return Err(FetchError::Busy { path: part });
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .new_agent();
    let mut job = Job { agent, download, url, part: &part, observer };
    loop {
        let has_resumed = match job.transfer_patiently(&mut file) {
            Ok(has_resumed) => has_resumed,
            Err(error) => {
                let is_useless = matches!(error, FetchError::TooLong { .. });
                if is_useless || file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                    fs::remove_file(&part).ok();
                }
                return Err(error);
            }
        };
        (job.observer)(Progress::Comparing(download));
        file.rewind().map_err(write)?;
        let found = md5_of(&mut file).map_err(write)?;
        if found == download.md5 {
            file.sync_all().map_err(write)?;
            return fs::rename(&part, path).map_err(|source| FetchError::Write { path: path.to_owned(), source });
        }
        if !has_resumed {
            fs::remove_file(&part).map_err(write)?;
            return Err(FetchError::Checksum { url: url.to_owned(), expected: download.md5, found });
        }
        // The first part may have been of something else: once more, from the start.
        file.set_len(0).map_err(write)?;
    }
}

struct Job<'a> {
    agent: ureq::Agent,
    download: &'a Download,
    url: &'a str,
    part: &'a Path,
    observer: &'a mut dyn FnMut(Progress<'_>),
}

impl Job<'_> {
    /// Appends what is missing to `file`, with a few tries; true if the first of its bytes were there before.
    fn transfer_patiently(&mut self, file: &mut File) -> Result<bool, FetchError> {
        let mut has_resumed = false;
        let mut pauses: slice::Iter<'_, Duration> = PAUSES.iter();
        loop {
            let before = file.metadata().map_or(0, |metadata| metadata.len());
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
        let mut response =
            request.call().map_err(|error| FetchError::Unreachable { url: url.clone(), reason: error.to_string() })?;
        let mut done = 0;
        match response.status() {
            StatusCode::OK => file.set_len(0).map_err(write)?,
            StatusCode::PARTIAL_CONTENT if first_byte(response.headers()) == Some(before) => done = before,
            // There is nothing after what is there: the checksum will tell whether that is all.
            StatusCode::RANGE_NOT_SATISFIABLE if before > 0 => return Ok(true),
            StatusCode::PARTIAL_CONTENT => {
                file.set_len(0).map_err(write)?;
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
        loop {
            if done.max(total.unwrap_or(0)) > most {
                return Err(FetchError::TooLong { url, published: self.download.bytes });
            }
            (self.observer)(Progress::Downloading { download: self.download, done, total });
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(done, error.to_string())),
            };
            file.write_all(&buffer[..length]).map_err(write)?;
            done += length as u64;
        }
        match total {
            Some(total) if done < total => Err(broken(done, "it ended early".to_owned())),
            _ => Ok(is_continued),
        }
    }
}

/// The first byte of the part that was sent, as the server says.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
