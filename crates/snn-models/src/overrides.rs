//! Command-line overrides of values in an experiment: `training.epochs = 3`, `network.layers[2].channels = 64`.
//!
//! An override replaces text in the resolved experiment, which is then read again. A value can thus be anything that a
//! file can hold, and is checked in the same way.

use snn_core::part::{Node, NodeContent, PartError, Path, Segment};
use snn_core::registry::Registry;
use snn_core::text::{choices, excerpt};

use crate::diagnosis::did_you_mean;
use crate::error::sentence;
use crate::{Diagnosis, Experiment, ExperimentError, reading};

/// Returns `experiment` with the value at `path` replaced by `value`, in RON.
pub(crate) fn apply(
    experiment: &Experiment,
    path: &str,
    value: &str,
    registry: &Registry,
) -> Result<Experiment, ExperimentError> {
    let fail = |title: String, mut notes: Vec<String>| {
        notes.push(format!("in the override {}={}", excerpt(path), excerpt(value)));
        ExperimentError::Override(Box::new(Diagnosis { title, place: None, notes }))
    };
    let Some(parsed) = Path::parse(path) else {
        let example = "paths look like training.batch or network.layers[2].channels";
        return Err(fail(format!("\"{}\" is not a path", excerpt(path)), vec![example.to_owned()]));
    };
    // Drops anything around the value, such as a line comment, which would hide the text after it.
    let bare = match Node::read(value) {
        Ok(node) => node.text,
        Err(error) => return Err(fail(format!("\"{}\" is not a value: {}", excerpt(value), error.reason), Vec::new())),
    };
    let text = splice(&experiment.to_ron(), &parsed, bare).map_err(|(title, notes)| fail(title, notes))?;
    reading::read(&text, registry).map_err(|finding| {
        let hint = Some(finding.label).filter(|label| !label.is_empty());
        fail(finding.title, hint.into_iter().chain(finding.notes).collect())
    })
}

/// Returns the error as that of an override, if one of `overrides` set the value.
pub(crate) fn blame(error: &PartError, overrides: &[(&str, &str)]) -> Option<ExperimentError> {
    let at_fault = Path::parse(&error.path)?;
    let (path, value) = overrides.iter().rev().find(|(path, _)| {
        let path = Path::parse(path).unwrap_or_default();
        path.0.starts_with(&at_fault.0) || at_fault.0.starts_with(&path.0)
    })?;
    let notes = vec![format!("in the override {}={}", excerpt(path), excerpt(value))];
    Some(ExperimentError::Override(Box::new(Diagnosis { title: sentence(error), place: None, notes })))
}

/// Returns `text` with `value` at `path`, which replaces the value there or is added as a new field. The error is a
/// title and notes.
fn splice(text: &str, path: &Path, value: &str) -> Result<String, (String, Vec<String>)> {
    let tree = Node::read(text).map_err(|unreadable| (unreadable.reason, Vec::new()))?;
    let (node, depth) = tree.descend(path);
    let replace =
        |span: std::ops::Range<usize>, new: &str| format!("{}{new}{}", &text[..span.start], &text[span.end..]);
    if depth == path.0.len() {
        return Ok(replace(node.span(), value));
    }
    let there = Path(path.0[..depth].to_vec());
    match (&path.0[depth], &node.content) {
        (Segment::Field(field), NodeContent::Fields(fields)) if depth + 1 == path.0.len() => {
            let (at, comma) = match fields.last() {
                Some(last) => (last.value.span().end, ", "),
                None => (node.span().end - 1, ""),
            };
            Ok(replace(at..at, &format!("{comma}{field}: {value}")))
        }
        (Segment::Field(field), NodeContent::Fields(fields)) => {
            let known: Vec<&str> = fields.iter().map(|field| field.key).collect();
            let whole = || format!("to set it as a whole: {}{field}=...", place_before(&there));
            let notes = vec![
                did_you_mean(field, &known).unwrap_or_else(whole),
                format!("fields set there: {}", choices(known)),
            ];
            Err((format!("\"{}\" is not set in {}", excerpt(field), place(&there)), notes))
        }
        (Segment::Index(index), NodeContent::Items(items)) => {
            let last = items.len().saturating_sub(1);
            let notes = vec![format!("the last one is {there}[{last}]")];
            Err((format!("{there} has {} values and none at [{index}]", items.len()), notes))
        }
        (segment, _) => {
            let what = match segment {
                Segment::Field(field) => format!("field \"{}\"", excerpt(field)),
                Segment::Index(index) => format!("value at [{index}]"),
            };
            let found = excerpt(&text[node.mark()]);
            Err((format!("{} is {found} and has no {what}", place(&there)), Vec::new()))
        }
    }
}

fn place(path: &Path) -> String {
    if path.0.is_empty() { "the experiment".to_owned() } else { path.to_string() }
}

/// The path as a prefix of a field.
fn place_before(path: &Path) -> String {
    if path.0.is_empty() { String::new() } else { format!("{path}.") }
}
