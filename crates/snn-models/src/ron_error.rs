//! RON's errors in the words of someone who writes an experiment.

use std::ops::Range;

use ron::error::Error as Ron;
use snn_core::registry::{Fault, PartError};
use snn_core::text::{choices, excerpt};

use crate::choices::{example_of_choice, example_of_group};
use crate::diagnosis::{Diagnosis, Place, did_you_mean};
use crate::error::sentence;
use crate::path::{Path, Segment};
use crate::ron_tree::{Content, Node};

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) title: String,
    /// Beside the bytes at fault; may be empty.
    pub(crate) label: String,
    pub(crate) notes: Vec<String>,
    /// The bytes at fault.
    pub(crate) span: Range<usize>,
}

impl Finding {
    /// The finding in the file called `file` that holds `text`.
    pub(crate) fn diagnosis(self, file: &str, text: &str) -> Diagnosis {
        let place = Place { file: file.to_owned(), text: text.to_owned(), span: self.span, label: self.label };
        Diagnosis { title: self.title, place: Some(place), notes: self.notes }
    }
}

/// What is wrong with a part, or with a value that does not go with others.
pub(crate) fn explain_part(error: &PartError, tree: &Node, text: &str) -> Finding {
    let path = Path::parse(&error.path).unwrap_or_default();
    let (node, depth) = tree.descend(text, &path);
    let name = if node.name.is_empty() || depth < path.0.len() { node.mark(text) } else { node.name.clone() };
    match &*error.fault {
        Fault::Unknown { many, found, known, .. } => Finding {
            title: sentence(error),
            label: did_you_mean(found, known).unwrap_or_default(),
            notes: vec![format!("known {many}: {}", choices(known))],
            span: name,
        },
        _ => Finding { title: sentence(error), label: String::new(), notes: Vec::new(), span: node.mark(text) },
    }
}

/// What RON's `error` means, met at `path` when reading had come to byte `end`.
pub(crate) fn explain_ron(error: &Ron, path: &Path, tree: &Node, text: &str, end: usize) -> Finding {
    let (node, depth) = tree.descend(text, path);
    let whole = node.mark(text);
    let name = if node.name.is_empty() { whole.clone() } else { node.name.clone() };
    let is_found = depth == path.0.len();
    let written = if is_found { excerpt(&text[whole.clone()]) } else { "nothing".into() };
    let fault = |title: String, label: Option<String>, notes: Vec<String>, span: Range<usize>| Finding {
        title,
        label: label.unwrap_or_default(),
        notes,
        span,
    };
    let must_be = |what: &str| {
        let span = if is_found { whole.clone() } else { end..end };
        fault(format!("{} must be {what}, found {written}", place(path)), None, Vec::new(), span)
    };
    match error {
        Ron::NoSuchEnumVariant { expected, found, outer } => {
            let (one, many) = words(outer.as_deref().unwrap_or_default());
            let title = format!("unknown {one} \"{}\" in {}", excerpt(found), place(path));
            fault(title, did_you_mean(found, expected), vec![format!("known {many}: {}", expected.join(", "))], name)
        }
        Ron::NoSuchStructField { expected, found, .. } => {
            let parent = path.parent();
            let title = format!("unknown field \"{}\" in {}", excerpt(found), place(&parent));
            let known = if expected.is_empty() { "none".to_owned() } else { expected.join(", ") };
            let span = tree.key(text, path).unwrap_or(end..end);
            fault(title, did_you_mean(found, expected), vec![format!("known fields: {known}")], span)
        }
        Ron::MissingStructField { field, .. } => {
            let title = format!("missing field \"{field}\" in {}", place(path));
            let known = example_of_choice(&path.to_string(), &text[node.name.clone()])
                .or_else(|| example_of_group(&path.to_string()));
            let notes = known.map(|example| format!("for example: {example}")).into_iter().collect();
            fault(title, Some(format!("add {field}: ...")), notes, name)
        }
        Ron::DuplicateStructField { field, .. } => {
            let parent = if matches!(path.0.last(), Some(Segment::Field(last)) if last == field) {
                path.parent()
            } else {
                path.clone()
            };
            let mut twice = parent.clone();
            twice.0.push(Segment::Field((*field).to_owned()));
            let span = tree.key(text, &twice).unwrap_or(end..end);
            fault(format!("field \"{field}\" is given twice in {}", place(&parent)), None, Vec::new(), span)
        }
        Ron::InvalidValueForType { expected, .. } => must_be(expected),
        Ron::ExpectedInteger | Ron::IntegerOutOfBounds | Ron::InvalidIntegerDigit { .. } => {
            let is_whole = |c: char| c.is_ascii_digit() || c == '_';
            if !written.is_empty() && written.chars().all(is_whole) {
                must_be(&format!("a whole number of at most {}", u64::MAX))
            } else {
                must_be("a whole number that is not negative")
            }
        }
        Ron::ExpectedFloat | Ron::FloatUnderscore => must_be("a number"),
        Ron::ExpectedBoolean => must_be("true or false"),
        Ron::ExpectedIdentifier | Ron::InvalidIdentifier(_) | Ron::SuggestRawIdentifier(_) => must_be("a name"),
        Ron::ExpectedString => must_be("text in quotes"),
        Ron::ExpectedArray => must_be("a list in [ ]"),
        Ron::ExpectedDifferentStructName { expected, found } if node.content != Content::Scalar => {
            let title = format!("{} must be called {expected} or nothing, found {}", place(path), excerpt(found));
            fault(title, None, Vec::new(), name)
        }
        Ron::ExpectedStructLike | Ron::ExpectedNamedStructLike(_) | Ron::ExpectedDifferentStructName { .. } => {
            let label =
                example_of_group(&path.to_string()).map(|example| format!("write {example}")).unwrap_or_default();
            Finding { label, ..must_be("values in ( )") }
        }
        // The tree was read, so brackets and commas are right: a value went on where its type had ended.
        Ron::ExpectedComma | Ron::ExpectedStructLikeEnd | Ron::ExpectedArrayEnd => {
            let (path, node) = tree.covering(text, end);
            let span = node.mark(text);
            let found = excerpt(&text[span.clone()]);
            if node.name.is_empty() || node.content == Content::Scalar {
                let title = format!("{} must be a whole number, found {found}", place(&path));
                return fault(title, None, Vec::new(), span);
            }
            let name = excerpt(&text[node.name.clone()]);
            let title = format!("{name} takes no ( ) in {}", place(&path));
            fault(title, Some(format!("write {name}")), Vec::new(), span)
        }
        other => {
            let span = if is_found && !path.0.is_empty() { whole.clone() } else { end..end };
            // A message of our own starts with what it is about, in its own letters.
            let reason = match other {
                Ron::Message(message) => message.clone(),
                error => lower(&error.to_string()),
            };
            fault(format!("{}: {reason}", place(path)), None, Vec::new(), span)
        }
    }
}

/// A path as a sentence names it.
fn place(path: &Path) -> String {
    if path.0.is_empty() { "the experiment".to_owned() } else { path.to_string() }
}

/// What a choice is called, one and many, after the last word of its type's name: an `IntegratorGradient` is one of
/// the gradients.
fn words(outer: &str) -> (String, String) {
    let start = outer.rfind(char::is_uppercase).unwrap_or(0);
    let word = if outer.is_empty() { "name".to_owned() } else { outer[start..].to_lowercase() };
    let many = format!("{word}s");
    (word, many)
}

fn lower(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
