//! Errors in the text of an experiment, with their positions.

use std::ops::Range;

use snn_core::part::{Fault, IN_BRACKETS, Node, NodeContent, PartError, Path};
use snn_core::text::{choices, excerpt};

use crate::choices::{example_of_choice, example_of_group};
use crate::diagnosis::{Diagnosis, SourceSpan, did_you_mean};
use crate::error::{place, sentence};

/// An error in the text of an experiment, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFinding {
    pub(crate) title: String,
    /// Label shown beside the text at fault; may be empty.
    pub(crate) label: String,
    pub(crate) notes: Vec<String>,
    /// The byte range at fault.
    pub(crate) span: Range<usize>,
}

impl TextFinding {
    /// Locates `error` in the text whose syntax tree is `tree`.
    pub(crate) fn new(error: &PartError, tree: &Node<'_>) -> Self {
        let path = Path::parse(&error.path).unwrap_or_default();
        let (node, _) = tree.descend(&path);
        let (whole, name) = (node.mark(), node.start..node.start + node.name.len());
        let name = if name.is_empty() { whole.clone() } else { name };
        let finding = |span: Range<usize>, label: Option<String>, notes: Vec<String>| Self {
            title: sentence(error),
            label: label.unwrap_or_default(),
            notes,
            span,
        };
        match &*error.fault {
            Fault::Unknown { many, found, known, .. } => {
                finding(name, did_you_mean(found, known), vec![format!("known {many}: {}", choices(known))])
            }
            Fault::NoSuch { kind, found, known } => {
                let span = if kind == "field" { node.key(found).unwrap_or(whole) } else { name };
                finding(span, did_you_mean(found, known), vec![known_names(&format!("{kind}s"), known)])
            }
            Fault::Missing { field } => {
                let example = example_of_choice(&error.path, node.name).or_else(|| example_of_group(&error.path));
                let notes = example.map(|example| format!("for example: {example}")).into_iter().collect();
                finding(name, Some(format!("add {field}: ...")), notes)
            }
            Fault::Twice { field } => finding(node.key(field).unwrap_or(whole), None, Vec::new()),
            Fault::Brackets { name } => finding(whole, Some(format!("write {name}")), Vec::new()),
            Fault::Unnamed { known } => unnamed(error, node, known),
            Fault::Range { range, found } => {
                let example = example_of_group(&error.path).filter(|_| range.ends_with(IN_BRACKETS));
                let span = if found == node.name { name } else { whole };
                finding(span, example.map(|example| format!("write {example}")), Vec::new())
            }
            _ => finding(whole, None, Vec::new()),
        }
    }

    /// Converts the finding to a diagnosis for the file called `file`, whose content is `text`.
    pub(crate) fn diagnosis(self, file: &str, text: &str) -> Diagnosis {
        let place = SourceSpan { file: file.to_owned(), text: text.to_owned(), span: self.span, label: self.label };
        Diagnosis { title: self.title, place: Some(place), notes: self.notes }
    }
}

/// The finding for values without field names, as in `Shift(1)`.
fn unnamed(error: &PartError, node: &Node<'_>, known: &[&str]) -> TextFinding {
    let (place, name) = (place(error), excerpt(node.name));
    let values = if let NodeContent::Items(values) = &node.content { values.as_slice() } else { &[] };
    let named: Vec<String> =
        std::iter::zip(known, values).map(|(field, value)| format!("{field}: {}", excerpt(value.text))).collect();
    let (title, label, notes) = if known.is_empty() {
        (format!("{name} in {place} takes no values"), format!("write {name}"), Vec::new())
    } else {
        let of = if name.is_empty() { String::new() } else { format!("{name} in ") };
        let title = format!("the values of {of}{place} must be named");
        (title, format!("write {name}({})", named.join(", ")), vec![known_names("fields", known)])
    };
    TextFinding { title, label, notes, span: node.mark() }
}

fn known_names(many: &str, known: &[&str]) -> String {
    format!("known {many}: {}", if known.is_empty() { "none".to_owned() } else { choices(known) })
}
