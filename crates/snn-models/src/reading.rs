//! From text to an experiment with every part resolved, or to what is wrong with the text and where.

use ron::error::Error as Ron;
use snn_core::registry::{Fault, PartError, Registry, Unread, from_ron, plain};

use crate::Experiment;
use crate::path::Path;
use crate::ron_error::{Finding, explain_part, explain_ron};
use crate::ron_tree::{Content, Node};

/// Why a text whose brackets and commas are right is not an experiment.
#[derive(Debug)]
pub(crate) enum Cause {
    /// RON cannot read the value at `path`; it ended at byte `end`.
    Ron { error: Ron, path: Path, end: usize },
    /// A part is not what it could be.
    Part(PartError),
}

/// Reads an experiment. Its parts are resolved; what is not a part is not checked.
pub(crate) fn read(text: &str, registry: &Registry) -> Result<Experiment, Finding> {
    let tree = Node::read(text).map_err(|unreadable| {
        let is_empty = unreadable.reason == "expected a value, found the end" && unreadable.span.start == text.len();
        let (title, notes) = if is_empty {
            ("the experiment is empty".to_owned(), vec![START.to_owned()])
        } else {
            (unreadable.reason, Vec::new())
        };
        Finding { title, label: String::new(), notes, span: unreadable.span }
    })?;
    attempt(text, &tree, registry).map_err(|cause| match cause {
        Cause::Part(error) => explain_part(&error, &tree, text),
        Cause::Ron { error, path, end } => {
            unnamed(&path, &tree, text, registry).unwrap_or_else(|| explain_ron(&error, &path, &tree, text, end))
        }
    })
}

const START: &str = "to start from a preset: snn presets mnist-lenet";

fn attempt(text: &str, tree: &Node, registry: &Registry) -> Result<Experiment, Cause> {
    let mut experiment: Experiment = from_ron(text).map_err(|Unread { error, path, at }| {
        let path = Path::parse(&path).unwrap_or_default();
        Cause::Ron { error, path, end: at }
    })?;
    experiment.resolve(registry).map_err(|error| in_text(error, tree, text))?;
    Ok(experiment)
}

/// An error of a part; where its text could not be read, as an error of the whole text.
fn in_text(error: PartError, tree: &Node, text: &str) -> Cause {
    match *error.fault {
        Fault::Text { error: ron, at, inner } => {
            let path = Path::parse(&error.path).unwrap_or_default();
            let depth = path.0.len() - Path::parse(&inner).unwrap_or_default().0.len();
            let (part, _) = tree.descend(text, &Path(path.0[..depth].to_vec()));
            // Between its name and its bracket a part may have spaces and comments, which `at` does not count.
            let plain = plain(text).unwrap_or_default();
            let gap = plain.get(part.name.end..part.span.end).and_then(|between| between.find('('));
            let bracket = gap.map_or(part.span.end, |gap| part.name.end + gap);
            let end = (bracket + at).saturating_sub(part.name.len()).min(text.len());
            Cause::Ron { error: ron, path, end }
        }
        fault => Cause::Part(PartError { path: error.path, fault: Box::new(fault) }),
    }
}

/// Values without their names, as in `Shift(1)`: what is wrong with the value at `path`, if it is that.
fn unnamed(path: &Path, tree: &Node, text: &str, registry: &Registry) -> Option<Finding> {
    let (node, depth) = tree.descend(text, path);
    let name = &text[node.name.clone()];
    let Content::Items(values) = &node.content else { return None };
    let is_list = text[node.span.clone()].starts_with('[');
    if depth < path.0.len() || (name.is_empty() && is_list) {
        return None;
    }
    // With a field that nothing has, the reader says which fields there are.
    let probe = format!("{}{name}(unnamed: 0){}", &text[..node.span.start], &text[node.span.end..]);
    let known = match Node::read(&probe).map(|tree| attempt(&probe, &tree, registry)) {
        Ok(Err(Cause::Ron { error: Ron::NoSuchStructField { expected, .. }, .. })) => expected,
        // Of a name that nothing has there is nothing to say of its values.
        Ok(Err(Cause::Ron { error: error @ Ron::NoSuchEnumVariant { .. }, path: at, end })) if at == *path => {
            return Some(explain_ron(&error, path, tree, text, end));
        }
        // Its own reader says what it must be.
        Ok(Err(Cause::Ron { error: Ron::Message(_), path: at, .. })) if at == *path => return None,
        Ok(Err(Cause::Part(error))) if matches!(&*error.fault, Fault::Unknown { found, .. } if found == name) => {
            return Some(explain_part(&error, tree, text));
        }
        _ => &[],
    };
    if known.is_empty() && name.is_empty() {
        return None;
    }
    if known.is_empty() {
        let title = format!("{name} in {path} takes no values");
        return Some(Finding { title, label: format!("write {name}"), notes: Vec::new(), span: node.mark(text) });
    }
    let named = std::iter::zip(known, values).map(|(field, value)| format!("{field}: {}", &text[value.span.clone()]));
    let of = if name.is_empty() { String::new() } else { format!("{name} in ") };
    Some(Finding {
        title: format!("the values of {of}{path} must be named"),
        label: format!("write {name}({})", named.collect::<Vec<_>>().join(", ")),
        notes: vec![format!("known fields: {}", known.join(", "))],
        span: node.mark(text),
    })
}
