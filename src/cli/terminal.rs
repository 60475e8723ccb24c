//! All terminal output of the program passes through this module.
//!
//! Files and file names may contain terminal control sequences: to clear the screen, to rename the window, to write
//! from right to left. Such characters are shown as `\u{1b}` instead of being sent. Only the program's own colours
//! pass, and only where colours are enabled. `clippy.toml` forbids all other ways to standard output and standard
//! error.
#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, TermLike};
use serde::Serialize;

/// Whether the reader of standard output, such as `head`, has closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Frames per second of a progress bar.
const FRAMES: u8 = 20;

/// A lock on standard output.
///
/// Once the reader has closed the pipe, output is dropped without an error, so that a command completes its work and
/// returns its own exit code. A command whose remaining work is useless without a reader can check [`is_closed`].
pub(crate) struct Stdout(io::StdoutLock<'static>);

/// Locks standard output.
pub(crate) fn stdout() -> Stdout {
    Stdout(io::stdout().lock())
}

/// Whether the reader of standard output has closed it.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Whether standard error, where progress bars are drawn, is a terminal.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints a note for the user to standard error.
pub(crate) fn note(text: impl fmt::Display) {
    let note = console::style("note:").yellow().bold().for_stderr();
    say(format_args!("{note} {text}"));
}

/// Prints a line to standard error. Errors are ignored, since there is nowhere to report them.
pub(crate) fn say(line: impl fmt::Display) {
    let line = visible(&line.to_string(), console::colors_enabled_stderr());
    writeln!(io::stderr(), "{line}").ok();
}

/// A progress bar of `length` on standard error, or a spinner without a length. Hidden unless `is_shown` and standard
/// error is a terminal.
pub(crate) fn bar(length: Option<u64>, is_shown: bool) -> ProgressBar {
    if !(is_shown && is_watched()) {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Clean(Term::buffered_stderr())), FRAMES);
    ProgressBar::with_draw_target(length, target)
}

impl Stdout {
    /// Prints `record` as JSON on a line of its own.
    pub(crate) fn json(&mut self, record: &impl Serialize) -> io::Result<()> {
        let text = escaped(&serde_json::to_string(record)?);
        self.send(&format!("{text}\n"))
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        match self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                CLOSED.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written
                .map_err(|error| io::Error::new(error.kind(), format!("standard output cannot be written: {error}"))),
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(&visible(&String::from_utf8_lossy(bytes), console::colors_enabled()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Formats the text as a whole before sending it, because colour codes arrive in several parts.
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.send(&visible(&text.to_string(), console::colors_enabled()))
    }
}

/// A terminal for progress bars that escapes control characters.
#[derive(Debug)]
struct Clean(Term);

impl TermLike for Clean {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(&visible(text, console::colors_enabled_stderr()))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        TermLike::write_str(&self.0, &visible(text, console::colors_enabled_stderr()))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Escapes every character in `text` that a terminal would interpret or not show, as `\u{1b}`. Colours are kept if
/// `styled`.
fn visible(text: &str, styled: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let code = if styled { style_code(rest) } else { None };
        let length = match code {
            Some(code) => {
                shown.push_str(code);
                code.len()
            }
            None if is_hidden(character) && !matches!(character, '\n' | '\t') => {
                shown.extend(character.escape_unicode());
                character.len_utf8()
            }
            None => {
                shown.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    shown
}

/// Whether a character is a control character, changes the writing direction, or has no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// The escape code at the beginning of `text`, if it changes only weight and colour, as those written by
/// [`console::style`] do.
fn style_code(text: &str) -> Option<&str> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find('m').filter(|&end| end <= 16)?;
    let values: Option<Vec<u8>> = numbers[..end].split(';').map(|number| number.parse().ok()).collect();
    let is_plain = |value: &u8| matches!(value, 0..=4 | 22..=24 | 30..=37 | 39..=47 | 49 | 90..=97);
    let is_style = match values?.as_slice() {
        [38 | 48, 5, _] => true,
        values => values.iter().all(is_plain),
    };
    is_style.then(|| &text[..end + 3])
}

/// Escapes the characters that serde leaves unescaped and a terminal would interpret. They occur only in strings.
fn escaped(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let title = "a\u{1b}]0;owned\u{7}b\u{1b}[2J\u{9b}31m\rc\u{7f}";
        let shown = r"a\u{1b}]0;owned\u{7}b\u{1b}[2J\u{9b}31m\u{d}c\u{7f}";
        assert_eq!(visible(title, false), shown);
        assert_eq!(visible(title, true), shown);
        assert_eq!(visible("\u{202e}nor.ym \u{2066}\u{200f}", true), r"\u{202e}nor.ym \u{2066}\u{200f}");
        assert_eq!(visible("größer 日本\n\tαβ → 1", false), "größer 日本\n\tαβ → 1");
    }

    #[test]
    fn colours_pass_where_they_are_shown_and_nothing_else() {
        for style in [console::style("x").red().bold(), console::style("x").dim(), console::style("x").black().bright()]
        {
            let text = style.force_styling(true).to_string();
            assert!(text.starts_with('\u{1b}'), "{text}");
            assert_eq!(visible(&text, true), text);
            assert!(!visible(&text, false).contains('\u{1b}'));
        }
        for code in ["\u{1b}[8m", "\u{1b}[5m", "\u{1b}[m", "\u{1b}[1;8m", "\u{1b}[1A", "\u{1b}[38;5;1;8m", "\u{1b}"] {
            assert!(!visible(code, true).contains('\u{1b}'), "{code:?}");
        }
    }

    #[test]
    fn json_stays_json() {
        let text = "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041} é";
        let json = escaped(&serde_json::to_string(text).unwrap());
        assert!(json.chars().all(|character| !is_hidden(character)), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
