//! Parses a RON text into its syntax tree.

use std::ops::Range;

use super::node::{Field, Node, NodeContent};
use super::plain::plain;
use super::value::lower;
use crate::text::excerpt;

/// Maximum nesting depth, the same as in RON's own reader.
const DEPTH: usize = 128;

/// A syntax error in a RON text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    /// Byte range at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub reason: String,
}

impl<'a> Node<'a> {
    /// Parses the single value of `text`. Comments, spaces and `#![...]` attributes around it are skipped.
    ///
    /// # Errors
    /// [`Unreadable`] if brackets, commas or quotes are missing or misplaced.
    pub fn read(text: &'a str) -> Result<Self, Unreadable> {
        let unclosed =
            |start| Unreadable { span: start..start + 2, reason: "this comment is never closed with */".to_owned() };
        let plain = plain(text).map_err(unclosed)?;
        let mut scanner = Scanner { source: text, text: &plain, at: 0 };
        scanner.skip();
        while scanner.rest().starts_with("#!") {
            scanner.attribute()?;
        }
        let node = scanner.value(DEPTH)?;
        scanner.skip();
        if scanner.at < text.len() {
            return Err(scanner.fault(scanner.at, "nothing may follow here"));
        }
        Ok(node)
    }
}

struct Scanner<'a, 'p> {
    /// The original text, which nodes borrow from.
    source: &'a str,
    /// The text with comments blanked out, at the same byte positions.
    text: &'p str,
    at: usize,
}

impl<'a, 'p> Scanner<'a, 'p> {
    fn rest(&self) -> &'p str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Creates an error at the character that starts at byte `start`.
    fn fault(&self, start: usize, reason: impl Into<String>) -> Unreadable {
        let length = self.text[start..].chars().next().map_or(0, char::len_utf8);
        Unreadable { span: start..start + length, reason: reason.into() }
    }

    /// Skips spaces.
    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Skips an attribute, such as `#![enable(implicit_some)]`.
    fn attribute(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        self.at += "#!".len();
        self.skip();
        if self.peek() != Some('[') || self.group(']', DEPTH).is_err() {
            let reason = "this attribute is not closed, as in #![enable(implicit_some)]".to_owned();
            return Err(Unreadable { span: start..start + 2, reason });
        }
        // RON's own reader checks that the attribute exists.
        let unknown = |error: ron::error::SpannedError| {
            let reason = format!("this attribute is not known: {}", lower(&error.code.to_string()));
            Unreadable { span: start..self.at, reason }
        };
        ron::Deserializer::from_str(&self.text[start..self.at]).map_err(unknown)?;
        self.skip();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        if depth == 0 {
            return Err(self.fault(self.at, "values are nested too deeply"));
        }
        let start = self.at;
        let mut name = self.word();
        if !name.is_empty() {
            self.skip();
        }
        let content = match self.peek() {
            Some('(') => self.group(')', depth)?,
            Some('[') if name.is_empty() => self.group(']', depth)?,
            Some('"') if is_raw(name) && self.at == start + name.len() => {
                self.raw_string(&name[1..])?;
                name = "";
                NodeContent::Scalar
            }
            _ if !name.is_empty() => {
                self.at = start + name.len();
                NodeContent::Scalar
            }
            Some('"') => self.string()?,
            Some(c) => return Err(self.fault(start, format!("expected a value, found {c:?}"))),
            None => return Err(self.fault(start, "expected a value, found the end")),
        };
        Ok(Node { text: &self.source[start..self.at], start, name, content })
    }

    /// Reads a name or number.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | '#' | '\'');
        self.at += self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        &self.source[start..self.at]
    }

    fn string(&mut self) -> Result<NodeContent<'a>, Unreadable> {
        let start = self.at;
        let mut escaped = true; // the opening quote
        for (offset, c) in self.rest().char_indices() {
            if c == '"' && !escaped {
                self.at += offset + 1;
                return Ok(NodeContent::Scalar);
            }
            escaped = c == '\\' && !escaped;
        }
        Err(self.fault(start, "this string is never closed"))
    }

    /// Reads a raw string, which ends with a quote and the same `hashes` that it starts with.
    fn raw_string(&mut self, hashes: &str) -> Result<(), Unreadable> {
        let start = self.at;
        let end = self.rest()[1..].find(&format!("\"{hashes}"));
        let end = end.ok_or_else(|| self.fault(start, "this string is never closed"))?;
        self.at += 1 + end + 1 + hashes.len();
        Ok(())
    }

    /// Reads the values between brackets, up to and including `close`.
    fn group(&mut self, close: char, depth: usize) -> Result<NodeContent<'a>, Unreadable> {
        let open = self.at;
        self.at += 1;
        let (mut fields, mut items) = (Vec::new(), Vec::new());
        loop {
            self.skip();
            if self.peek() == Some(close) {
                self.at += 1;
                break;
            }
            if self.peek().is_none() {
                return Err(self.fault(open, format!("this bracket is never closed with {close}")));
            }
            let start = self.at;
            match (close == ')').then(|| self.key()).flatten() {
                Some(key) => {
                    self.skip();
                    fields.push(Field { key, start, value: self.value(depth - 1)? });
                }
                None => items.push(self.value(depth - 1)?),
            }
            self.skip();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(c) if c == close => {}
                Some(c) if c.is_alphanumeric() || matches!(c, '"' | '(' | '[' | '_' | '-' | '+' | '.') => {
                    let last = fields.last().map(|field| &field.value).or(items.last());
                    let (span, value) = last.map_or((open..open + 1, ""), |last: &Node<'_>| {
                        (last.mark(), if last.name.is_empty() { last.text } else { last.name })
                    });
                    return Err(Unreadable { span, reason: format!("a comma is missing after {}", excerpt(value)) });
                }
                Some(c) => return Err(self.fault(self.at, format!("expected , or {close}, found {c:?}"))),
                None => return Err(self.fault(open, format!("this bracket is never closed with {close}"))),
            }
        }
        match (fields.is_empty(), items.first()) {
            (false, Some(item)) => Err(Unreadable { span: item.span(), reason: "expected `name: value`".to_owned() }),
            (true, _) if close == ']' || !items.is_empty() => Ok(NodeContent::Items(items)),
            _ => Ok(NodeContent::Fields(fields)),
        }
    }

    /// Reads a name and the colon after it. If there is no colon, returns `None` and does not advance.
    fn key(&mut self) -> Option<&'a str> {
        let start = self.at;
        let name = self.word();
        self.skip();
        if !name.is_empty() && self.peek() == Some(':') {
            self.at += 1;
            return Some(name);
        }
        self.at = start;
        None
    }
}

/// Whether a word introduces a raw string: `r`, `r#`, `r##`.
fn is_raw(word: &str) -> bool {
    word.strip_prefix('r').is_some_and(|hashes| hashes.chars().all(|c| c == '#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Path;

    fn at<'a>(text: &'a str, path: &str) -> Option<&'a str> {
        let (node, path) = (Node::read(text).unwrap(), Path::parse(path).unwrap());
        let (found, depth) = node.descend(&path);
        assert_eq!(&text[found.span()], found.text);
        (depth == path.0.len()).then_some(found.text)
    }

    #[test]
    fn values_are_found_by_path() {
        let text = "A(\n  b: 1, // b: 2\n  c: [X(n: 5), Y, /* Z */ (0.9, 0.99)],\n  d: \"), b: 3\",\n)";
        assert_eq!(at(text, "b"), Some("1"));
        assert_eq!(at(text, "c[0].n"), Some("5"));
        assert_eq!(at(text, "c[1]"), Some("Y"));
        assert_eq!(at(text, "c[2][1]"), Some("0.99"));
        assert_eq!(at(text, "d"), Some("\"), b: 3\""));
        assert_eq!(at(text, "c[3]"), None);
        assert_eq!(at("A(b: Some(C(d: 1)))", "b.d"), Some("1"));
        assert_eq!(at(text, "e"), None);
    }

    #[test]
    fn raw_strings_are_passed_over() {
        let text = r###"A(a: r"\", b: r#"x", c: 3"#, r: 1, d: [r##""#"##, 2])"###;
        assert_eq!(at(text, "a"), Some("r\"\\\""));
        assert_eq!(at(text, "b"), Some("r#\"x\", c: 3\"#"));
        assert_eq!((at(text, "r"), at(text, "d[1]"), at(text, "c")), (Some("1"), Some("2"), None));
        assert_eq!(Node::read("A(b: r#\"x\")").unwrap_err().reason, "this string is never closed");
    }

    #[test]
    fn unreadable_text_is_blamed_where_it_starts() {
        let blame = |text: &str| {
            let fault = Node::read(text).unwrap_err();
            (fault.span.start, fault.reason)
        };
        assert_eq!(blame("A(b: [1, 2"), (5, "this bracket is never closed with ]".to_owned()));
        assert_eq!(blame("A(b: 1 c: 2)"), (5, "a comma is missing after 1".to_owned()));
        assert_eq!(blame("A(b: C(d: 1) // (e)\n c: 2)"), (5, "a comma is missing after C".to_owned()));
        assert_eq!(blame("A(b: 1; c: 2)"), (6, "expected , or ), found ';'".to_owned()));
        assert_eq!(
            blame("#![enable(x\nA(b: [1])"),
            (0, "this attribute is not closed, as in #![enable(implicit_some)]".to_owned())
        );
        assert_eq!(blame("A(b: )"), (5, "expected a value, found ')'".to_owned()));
        assert_eq!(blame("A() B"), (4, "nothing may follow here".to_owned()));
        assert_eq!(blame("/* A()"), (0, "this comment is never closed with */".to_owned()));
        assert_eq!(blame("A(b: \"x)"), (5, "this string is never closed".to_owned()));
        assert_eq!(blame("A(1, b: 2)"), (2, "expected `name: value`".to_owned()));
        assert_eq!(blame(&"(".repeat(200)).1, "values are nested too deeply");
    }
}
