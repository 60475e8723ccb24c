//! Reads the text of an experiment and resolves its parts, or reports what is wrong and where.

use snn_core::part::{Node, PartError, Unreadable};
use snn_core::registry::Registry;

use crate::Experiment;
use crate::finding::TextFinding;

/// Reads an experiment and resolves its parts. Values outside of parts are not range-checked.
pub(crate) fn read(text: &str, registry: &Registry) -> Result<Experiment, TextFinding> {
    let tree = Node::read(text).map_err(|unreadable| unread(unreadable, text))?;
    resolved(&tree, registry).map_err(|error| TextFinding::new(&error, &tree))
}

fn resolved(tree: &Node<'_>, registry: &Registry) -> Result<Experiment, PartError> {
    let mut experiment: Experiment = tree.parse()?;
    experiment.resolve(registry)?;
    Ok(experiment)
}

fn unread(unreadable: Unreadable, text: &str) -> TextFinding {
    let is_empty = unreadable.reason == "expected a value, found the end" && unreadable.span.start == text.len();
    let (title, notes) = if is_empty {
        ("the experiment is empty".to_owned(), vec!["to start from a preset: snn presets mnist-lenet".to_owned()])
    } else {
        (unreadable.reason, Vec::new())
    };
    TextFinding { title, label: String::new(), notes, span: unreadable.span }
}
