//! From text to an experiment with every part resolved, or to what is wrong with the text and where.

use snn_core::part::{Node, PartError, Unreadable};
use snn_core::registry::Registry;

use crate::Experiment;
use crate::finding::TextFinding;

/// Reads an experiment. Its parts are resolved; what is not a part is not checked.
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
