//! Where each value of a RON text stands, by path: `network.layers[2].channels` is bytes 310 to 312.
//!
//! RON's own reader gives values without places. Errors point at places and overrides replace text there, so this
//! scanner keeps them; what the values mean it leaves to serde. `Some(x)` is the same as `x`.

use std::ops::Range;

use snn_core::registry::plain;
use snn_core::text::excerpt;

use crate::path::{Path, Segment};

/// Deepest nesting that is read; RON's own limit.
const DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Bytes of the whole value.
    pub(crate) span: Range<usize>,
    /// Bytes of the name before `(`; empty where there is none.
    pub(crate) name: Range<usize>,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// A number, a name without parameters, a string.
    Scalar,
    /// `(a: ..., b: ...)`, or `()`.
    Fields(Vec<(Range<usize>, Node)>),
    /// `[..., ...]`, or `(..., ...)`.
    Items(Vec<Node>),
}

/// Why a text is not a tree of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) span: Range<usize>,
    pub(crate) reason: String,
}

impl Node {
    /// Reads the one value of `text`; comments, spaces and `#![...]` attributes around it are skipped.
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        let unclosed =
            |start| Unreadable { span: start..start + 2, reason: "this comment is never closed with */".to_owned() };
        let plain = plain(text).map_err(unclosed)?;
        let mut scanner = Scanner { text: &plain, at: 0 };
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

    /// Whether no value is within this one.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Scalar => true,
            Content::Fields(fields) => fields.is_empty(),
            Content::Items(items) => items.is_empty(),
        }
    }

    /// The value at `path`, or the deepest value on the way to it, with the number of segments that were found.
    pub(crate) fn descend(&self, text: &str, path: &Path) -> (&Self, usize) {
        let mut node = self;
        for (depth, segment) in path.0.iter().enumerate() {
            let child = match (segment, &node.content) {
                (Segment::Field(name), Content::Fields(fields)) => {
                    fields.iter().find(|(key, _)| &text[key.clone()] == name).map(|(_, value)| value)
                }
                (Segment::Index(index), Content::Items(items)) => items.get(*index),
                _ => None,
            };
            match child {
                Some(child) => node = child,
                None => return (node, depth),
            }
        }
        (node, path.0.len())
    }

    /// Calls `visit` with the path of each value within this one, which is at `path`, from the outside in.
    pub(crate) fn visit(&self, text: &str, path: &Path, visit: &mut dyn FnMut(&Path, &Self)) {
        let mut child = |segment: Segment, node: &Self| {
            let mut path = path.clone();
            path.0.push(segment);
            visit(&path, node);
            node.visit(text, &path, visit);
        };
        match &self.content {
            Content::Scalar => {}
            Content::Fields(fields) => {
                for (key, node) in fields {
                    child(Segment::Field(text[key.clone()].to_owned()), node);
                }
            }
            Content::Items(items) => {
                for (index, node) in items.iter().enumerate() {
                    child(Segment::Index(index), node);
                }
            }
        }
    }

    /// The innermost value that covers byte `at`, with its path; this value if none within it does.
    pub(crate) fn covering(&self, text: &str, at: usize) -> (Path, &Self) {
        let covers = |node: &Self| node.span.start <= at && at < node.span.end;
        let child = match &self.content {
            Content::Scalar => None,
            Content::Fields(fields) => fields
                .iter()
                .find(|(_, value)| covers(value))
                .map(|(key, value)| (Segment::Field(text[key.clone()].to_owned()), value)),
            Content::Items(items) => items
                .iter()
                .enumerate()
                .find(|(_, item)| covers(item))
                .map(|(index, item)| (Segment::Index(index), item)),
        };
        let Some((segment, child)) = child else { return (Path::default(), self) };
        let (mut path, node) = child.covering(text, at);
        path.0.insert(0, segment);
        (path, node)
    }

    /// The bytes to point at: the value if it fits one line, else its name or first character.
    pub(crate) fn mark(&self, text: &str) -> Range<usize> {
        match text[self.span.clone()].contains('\n') {
            false => self.span.clone(),
            true if !self.name.is_empty() => self.name.clone(),
            true => self.span.start..self.span.start + 1,
        }
    }

    /// Bytes of the key that the last segment of `path` names, if it is written.
    pub(crate) fn key(&self, text: &str, path: &Path) -> Option<Range<usize>> {
        let Some(Segment::Field(name)) = path.0.last() else { return None };
        let (parent, _) = self.descend(text, &path.parent());
        let Content::Fields(fields) = &parent.content else { return None };
        fields.iter().rev().map(|(key, _)| key.clone()).find(|key| &text[key.clone()] == name)
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// An error at the character that starts at byte `start`.
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
        self.skip();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, Unreadable> {
        if depth == 0 {
            return Err(self.fault(self.at, "values are nested too deeply"));
        }
        let start = self.at;
        let name = self.word();
        if !name.is_empty() {
            self.skip();
        }
        let content = match self.peek() {
            Some('(') => self.group(')', depth)?,
            Some('[') if name.is_empty() => self.group(']', depth)?,
            Some('"') if is_raw(&self.text[name.clone()]) && self.at == name.end => {
                self.raw_string(&self.text[name.start + 1..name.end])?;
                return Ok(Node { span: start..self.at, name: start..start, content: Content::Scalar });
            }
            _ if !name.is_empty() => {
                self.at = name.end;
                return Ok(Node { span: name.clone(), name, content: Content::Scalar });
            }
            Some('"') => self.string()?,
            Some(c) => return Err(self.fault(start, format!("expected a value, found {c:?}"))),
            None => return Err(self.fault(start, "expected a value, found the end")),
        };
        Ok(Node { span: start..self.at, name, content })
    }

    /// Bytes of a name or number.
    fn word(&mut self) -> Range<usize> {
        let start = self.at;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | '#' | '\'');
        self.at += self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        start..self.at
    }

    fn string(&mut self) -> Result<Content, Unreadable> {
        let start = self.at;
        let mut escaped = true; // the opening quote
        for (offset, c) in self.rest().char_indices() {
            if c == '"' && !escaped {
                self.at += offset + 1;
                return Ok(Content::Scalar);
            }
            escaped = c == '\\' && !escaped;
        }
        Err(self.fault(start, "this string is never closed"))
    }

    /// A string without escapes, which ends with a quote and as many `hashes` as it starts with.
    fn raw_string(&mut self, hashes: &str) -> Result<(), Unreadable> {
        let start = self.at;
        let end = self.rest()[1..].find(&format!("\"{hashes}"));
        let end = end.ok_or_else(|| self.fault(start, "this string is never closed"))?;
        self.at += 1 + end + 1 + hashes.len();
        Ok(())
    }

    /// What stands between brackets, up to and with `close`.
    fn group(&mut self, close: char, depth: usize) -> Result<Content, Unreadable> {
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
            match (close == ')').then(|| self.field_name()).flatten() {
                Some(name) => {
                    self.skip();
                    fields.push((name, self.value(depth - 1)?));
                }
                None => items.push(self.value(depth - 1)?),
            }
            self.skip();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(c) if c == close => {}
                Some(c) if c.is_alphanumeric() || matches!(c, '"' | '(' | '[' | '_' | '-' | '+' | '.') => {
                    let last = fields.last().map(|(_, value)| value).or(items.last());
                    let (span, mark) = last.map_or((open..open + 1, open..open + 1), |last: &Node| {
                        (last.mark(self.text), if last.name.is_empty() { last.span.clone() } else { last.name.clone() })
                    });
                    let reason = format!("a comma is missing after {}", excerpt(&self.text[mark]));
                    return Err(Unreadable { span, reason });
                }
                Some(c) => return Err(self.fault(self.at, format!("expected , or {close}, found {c:?}"))),
                None => return Err(self.fault(open, format!("this bracket is never closed with {close}"))),
            }
        }
        match (fields.is_empty(), items.first()) {
            (false, Some(item)) => {
                Err(Unreadable { span: item.span.clone(), reason: "expected `name: value`".to_owned() })
            }
            (true, _) if close == ']' || !items.is_empty() => Ok(Content::Items(items)),
            _ => Ok(Content::Fields(fields)),
        }
    }

    /// The name before a colon, past which the scanner then stands; otherwise nothing moves.
    fn field_name(&mut self) -> Option<Range<usize>> {
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

/// Whether a word is what stands before the quote of a raw string: `r`, `r#`, `r##`.
fn is_raw(word: &str) -> bool {
    word.strip_prefix('r').is_some_and(|hashes| hashes.chars().all(|c| c == '#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, path: &str) -> Option<&'a str> {
        let (node, path) = (Node::read(text).unwrap(), Path::parse(path).unwrap());
        let (found, depth) = node.descend(text, &path);
        (depth == path.0.len()).then(|| &text[found.span.clone()])
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
