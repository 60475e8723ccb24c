//! RON text of a known form.

use ron::{Options, error::Error, extensions::Extensions};
use serde::de::DeserializeOwned;

use super::plain;

/// Why a text is not of its form.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// RON's error.
    pub error: Error,
    /// Path of the value at which reading ended, without the names of variants on the way.
    pub path: String,
    /// Byte of the text at which reading ended.
    pub at: usize,
}

/// How RON is read and written everywhere: `clip: 5.0` rather than `clip: Some(5.0)`.
pub fn options() -> Options {
    Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// Reads `text`. A name without the brackets that it needs, as in `reset: Hard`, is read as if they were there, with all
/// fields at their defaults.
///
/// # Errors
/// [`Unread`] if the text is not of the form of a `T`.
pub fn from_ron<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    const BRACKETS: &str = "()";
    // RON's reader passes over comments, but what comes before one must be seen here, to know whether it is a name.
    let unclosed = |at| Unread { error: Error::UnclosedBlockComment, path: String::new(), at };
    let mut whole = plain(text).map_err(unclosed)?.into_owned();
    let mut added: Vec<usize> = Vec::new();
    loop {
        let mut unread = match read(&whole) {
            Ok(value) => return Ok(value),
            Err(unread) => unread,
        };
        let lacks_brackets = matches!(unread.error, Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_));
        if lacks_brackets && ends_in_name(&whole[..unread.at]) && added.last() != Some(&unread.at) {
            whole.insert_str(unread.at, BRACKETS);
            added.push(unread.at);
        } else {
            unread.at -= BRACKETS.len() * added.iter().filter(|at| *at + BRACKETS.len() <= unread.at).count();
            return Err(unread);
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    let position = |span: ron::error::Span| {
        let start: usize = text.split_inclusive('\n').take(span.end.line - 1).map(str::len).sum();
        let rest = &text[start.min(text.len())..];
        start + rest.char_indices().nth(span.end.col - 1).map_or(rest.len(), |(offset, _)| offset)
    };
    let mut reader = ron::Deserializer::from_str_with_options(text, &options()).map_err(|error| Unread {
        error: error.code,
        path: String::new(),
        at: position(error.span),
    })?;
    let mut track = serde_path_to_error::Track::new();
    T::deserialize(serde_path_to_error::Deserializer::new(&mut reader, &mut track)).map_err(|error| {
        let at = position(reader.span_error(Error::Eof).span);
        Unread { error, path: path(&track.path()), at }
    })
}

/// Whether the last word of `text` is a name and no number.
fn ends_in_name(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let word = text.trim_end().rsplit(|c| !is_word(c)).next().unwrap_or_default();
    word.starts_with(char::is_alphabetic)
}

/// The path that serde followed, without the names of the variants on the way.
fn path(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.extend(["[", &index.to_string(), "]"]),
            Segment::Map { key } if text.is_empty() => text += key,
            Segment::Map { key } => text.extend([".", key]),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::neuron::{Lif, Reset};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        first: Reset,
        second: Reset,
        last: (f32, f32),
    }

    #[test]
    fn a_name_needs_no_brackets() {
        let pair: Pair = from_ron("(first: Hard, second: Hard // late\n , last: (1.0, 2.0))").unwrap();
        assert_eq!(pair, Pair { first: Reset::default(), second: Reset::default(), last: (1.0, 2.0) });
        for text in
            ["(reset: Hard)", "(reset: Hard /* ) */)", "(reset: Hard // (as in the paper)\n)", "(reset: Hard//\n,)"]
        {
            assert_eq!(from_ron::<Lif>(text).unwrap(), Lif::default(), "{text}");
        }
    }

    #[test]
    fn errors_stand_where_the_text_as_it_was_given_has_them() {
        let text = "(first: Hard, second: Hard, last: 1.0)";
        let Unread { error, path, at } = from_ron::<Pair>(text).unwrap_err();
        assert_eq!((error, path.as_str(), &text[at..]), (Error::ExpectedStructLike, "last", "1.0)"));
    }
}
