//! A small HTTP server on this machine, which misbehaves as it is told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// With these bytes, or the part of them that is asked for.
    Bytes(Vec<u8>),
    /// With all of these bytes, whatever part is asked for.
    Whole(Vec<u8>),
    /// As `Bytes`, but the connection breaks after so many bytes.
    Cut(Vec<u8>, usize),
    /// With more than so many bytes, without saying how many.
    Endless(usize),
    /// With nothing but a status.
    Status(u16),
    /// With another path.
    Redirect(&'static str),
    /// With nothing: the connection is closed.
    Nothing,
    /// With nothing: the connection is reset, as it is where a program ends that has not read all of a request.
    Reset,
    /// With no bytes, as if they were the file.
    Empty,
    /// With a byte now and then.
    Trickle(Vec<u8>),
}

/// Serves until the test ends.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) url: String,
    /// All requests so far.
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

/// Path and, if only a part is asked for, its first byte.
type Request = (String, Option<usize>);

impl Server {
    /// A server that answers each request with what `answer` makes of its path and of how many requests there were before.
    pub(crate) fn new(answer: impl Fn(&str, usize) -> Answer + Send + 'static) -> Self {
        Self::start(usize::MAX, answer)
    }

    /// A server that answers one request, and is not there for the next.
    pub(crate) fn that_goes_after(answer: Answer) -> Self {
        Self::start(1, move |_, _| answer.clone())
    }

    fn start(most: usize, answer: impl Fn(&str, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().take(most) {
                let mut stream = stream.unwrap();
                // No more of it is read than is asked for: what is left makes a reset of the connection's end.
                let mut lines = BufReader::with_capacity(1, stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(path) = lines.next().as_deref().and_then(path) else { continue };
                let count = log.lock().unwrap().len();
                let answer = answer(&path, count);
                let first = if let Answer::Reset = answer { None } else { first_byte(lines) };
                log.lock().unwrap().push((path, first));
                respond(&mut stream, &answer, first);
            }
        });
        Self { url, requests }
    }

    /// First byte asked for in each request.
    pub(crate) fn firsts(&self) -> Vec<Option<usize>> {
        self.requests.lock().unwrap().iter().map(|(_, first)| *first).collect()
    }
}

/// Path that the first line of a request asks for.
fn path(line: &str) -> Option<String> {
    line.split(' ').nth(1).map(str::to_owned)
}

/// First byte that the other lines ask for.
fn first_byte(lines: impl Iterator<Item = String>) -> Option<usize> {
    let mut first = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            first = range.trim_end_matches('-').parse().ok();
        }
    }
    first
}

fn respond(stream: &mut TcpStream, answer: &Answer, first: Option<usize>) {
    let whole = |bytes: &[u8]| (200, format!("Content-Length: {}\r\n", bytes.len()), bytes.to_vec());
    let (status, headers, body) = match (answer, first) {
        (Answer::Nothing | Answer::Reset, _) => return,
        (Answer::Empty, _) => whole(&[]),
        (Answer::Status(status), _) => (*status, "Content-Length: 0\r\n".to_owned(), Vec::new()),
        (Answer::Redirect(to), _) => (302, format!("Location: {to}\r\nContent-Length: 0\r\n"), Vec::new()),
        (Answer::Endless(length), _) => (200, "Connection: close\r\n".to_owned(), vec![7; 4 * length]),
        (Answer::Whole(bytes) | Answer::Trickle(bytes), _) | (Answer::Bytes(bytes) | Answer::Cut(bytes, _), None) => {
            whole(bytes)
        }
        (Answer::Bytes(bytes) | Answer::Cut(bytes, _), Some(first)) if first < bytes.len() => {
            let (last, count) = (bytes.len() - 1, bytes.len());
            let headers =
                format!("Content-Range: bytes {first}-{last}/{count}\r\nContent-Length: {}\r\n", count - first);
            (206, headers, bytes[first..].to_vec())
        }
        (Answer::Bytes(_) | Answer::Cut(..), Some(_)) => (416, "Content-Length: 0\r\n".to_owned(), Vec::new()),
    };
    let sent = if let Answer::Cut(_, length) = answer { &body[..(*length).min(body.len())] } else { &body };
    // Whoever asked may have gone. That the connection ends afterwards is not said, as many servers do not.
    write!(stream, "HTTP/1.1 {status} Status\r\n{headers}\r\n").ok();
    if let Answer::Trickle(_) = answer {
        let sent = sent.iter().try_for_each(|byte| {
            thread::sleep(Duration::from_millis(5));
            stream.write_all(&[*byte])
        });
        return sent.unwrap_or_default();
    }
    stream.write_all(sent).ok();
}
