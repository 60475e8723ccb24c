//! RON's errors in the words of someone who writes an experiment.

use std::ops::Range;

use ron::error::Error as Ron;
use serde::Deserialize as _;

use crate::{
    Experiment,
    diagnosis::did_you_mean,
    ron_file::options,
    ron_tree::{Content, Node, Path, Segment},
};

/// Why a text is not an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) title: String,
    /// Beside the bytes at fault; may be empty.
    pub(crate) label: String,
    pub(crate) notes: Vec<String>,
    /// The bytes at fault.
    pub(crate) span: Range<usize>,
}

/// Reads an experiment; its values are not checked.
pub(crate) fn read(text: &str) -> Result<Experiment, Fault> {
    let tree = Node::read(text).map_err(|unreadable| {
        let mut fault =
            Fault { title: unreadable.reason, label: String::new(), notes: Vec::new(), span: unreadable.span };
        if fault.title.starts_with("expected a value, found the end") && fault.span.start == text.len() {
            "the experiment is empty".clone_into(&mut fault.title);
            fault.notes.push("to start from a preset: snn presets --print mnist-lenet".to_owned());
        }
        fault
    })?;
    let position = |line: usize, column: usize| {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &text[start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(offset, _)| offset)
    };
    let mut reader = ron::Deserializer::from_str_with_options(text, &options()).map_err(|error| {
        let start = position(error.span.start.line, error.span.start.col);
        Fault { title: lower(&error.code.to_string()), label: String::new(), notes: Vec::new(), span: start..start }
    })?;
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    Experiment::deserialize(tracked).map_err(|error| {
        let path = path(&track.path());
        let end = reader.span_error(Ron::Eof).span.end;
        explain(&error, &path, &tree, text, position(end.line, end.col))
    })
}

/// The path that serde followed, without the names of the variants on the way.
fn path(path: &serde_path_to_error::Path) -> Path {
    use serde_path_to_error::Segment as Serde;
    let segments = path.iter().filter_map(|segment| match segment {
        Serde::Seq { index } => Some(Segment::Index(*index)),
        Serde::Map { key } => Some(Segment::Field(key.clone())),
        Serde::Enum { .. } | Serde::Unknown => None,
    });
    Path(segments.collect())
}

fn explain(error: &Ron, path: &Path, tree: &Node, text: &str, end: usize) -> Fault {
    let (node, depth) = tree.descend(text, path);
    let whole = node.mark(text);
    let name = if node.name.is_empty() { whole.clone() } else { node.name.clone() };
    let is_found = depth == path.0.len();
    let written = if is_found { &text[whole.clone()] } else { "nothing" };
    let fault = |title: String, label: Option<String>, notes: Vec<String>, span: Range<usize>| Fault {
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
            let title = format!("unknown {one} \"{found}\" in {}", place(path));
            fault(title, did_you_mean(found, expected), vec![format!("known {many}: {}", expected.join(", "))], name)
        }
        Ron::NoSuchStructField { expected, found, .. } => {
            let parent = path.parent();
            let title = format!("unknown field \"{found}\" in {}", place(&parent));
            let known = if expected.is_empty() { "none".to_owned() } else { expected.join(", ") };
            let span = tree.key(text, path).unwrap_or(end..end);
            fault(title, did_you_mean(found, expected), vec![format!("known fields: {known}")], span)
        }
        Ron::MissingStructField { field, .. } => {
            let title = format!("missing field \"{field}\" in {}", place(path));
            fault(title, Some(format!("add {field}: ...")), Vec::new(), name)
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
            must_be("a whole number of at least 0")
        }
        Ron::ExpectedFloat | Ron::FloatUnderscore => must_be("a number"),
        Ron::ExpectedArray => must_be("a list in [ ]"),
        Ron::ExpectedStructLike | Ron::ExpectedNamedStructLike(_) if !node.name.is_empty() => {
            let example = format!("write {}(...), or {0}() for the defaults", &text[node.name.clone()]);
            fault(format!("{} lacks its ( )", place(path)), Some(example), Vec::new(), name)
        }
        Ron::ExpectedDifferentStructName { expected, found } => {
            let title = format!("{} must be called {expected} or nothing, found {found}", place(path));
            fault(title, None, Vec::new(), name)
        }
        // The tree was read, so brackets and commas are right: a value went on where its type had ended.
        Ron::ExpectedComma | Ron::ExpectedStructLikeEnd | Ron::ExpectedArrayEnd => {
            let (path, node) = tree.covering(text, end);
            let span = node.mark(text);
            let found = &text[span.clone()];
            if node.name.is_empty() || node.content == Content::Scalar {
                let title = format!("{} must be a whole number, found {found}", place(&path));
                return fault(title, None, Vec::new(), span);
            }
            let name = &text[node.name.clone()];
            let title = format!("{name} takes no ( ) in {}", place(&path));
            fault(title, Some(format!("write {name}")), Vec::new(), span)
        }
        other => {
            let span = if is_found && !path.0.is_empty() { whole.clone() } else { end..end };
            fault(format!("{}: {}", place(path), lower(&other.to_string())), None, Vec::new(), span)
        }
    }
}

/// A path as a sentence names it.
fn place(path: &Path) -> String {
    if path.0.is_empty() { "the experiment".to_owned() } else { path.to_string() }
}

/// What a type of the experiment is called: one, and many.
fn words(outer: &str) -> (String, String) {
    match outer {
        "Data" => ("data set".to_owned(), "data sets".to_owned()),
        "Loss" => ("loss".to_owned(), "losses".to_owned()),
        "NetworkSpec" => ("network".to_owned(), "networks".to_owned()),
        "" => ("name".to_owned(), "names".to_owned()),
        _ => (outer.to_lowercase(), format!("{}s", outer.to_lowercase())),
    }
}

fn lower(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
