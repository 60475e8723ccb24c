//! Errors in experiments.

use snn_core::part::{Fault, PartError};
use snn_core::text::excerpt;

use crate::Diagnosis;

/// An error of this crate. `Display` gives plain text, with several lines if it shows source text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The text does not describe a valid experiment.
    #[error("{0}")]
    Text(Box<Diagnosis>),
    /// An override does not fit the experiment.
    #[error("{0}")]
    Override(Box<Diagnosis>),
    /// No preset has this name.
    #[error("{0}")]
    Preset(Box<Diagnosis>),
    /// A value is invalid and does not come from a text. Its path says which value it is.
    #[error("{}", sentence(.0))]
    Value(PartError),
}

impl ExperimentError {
    /// Formats the error for a terminal, with its `error:` prefix, and with colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        match self {
            Self::Text(diagnosis) | Self::Override(diagnosis) | Self::Preset(diagnosis) => diagnosis.render(styled),
            Self::Value(error) => Diagnosis { title: sentence(error), place: None, notes: Vec::new() }.render(styled),
        }
    }
}

impl From<PartError> for ExperimentError {
    fn from(error: PartError) -> Self {
        Self::Value(error)
    }
}

/// A sentence that says what is wrong and where, such as `training.batch must be at least 1, found 0`.
pub(crate) fn sentence(error: &PartError) -> String {
    let place = place(error);
    match &*error.fault {
        Fault::Unknown { one, found, .. } => format!("unknown {one} \"{}\" in {place}", excerpt(found)),
        Fault::NoSuch { kind, found, .. } => format!("unknown {kind} \"{}\" in {place}", excerpt(found)),
        Fault::Missing { field } => format!("missing field \"{field}\" in {place}"),
        Fault::Twice { field } => format!("field \"{field}\" is given twice in {place}"),
        Fault::Brackets { name } => format!("{} takes no ( ) in {place}", excerpt(name)),
        Fault::Range { range, found } => format!("{place} must be {range}, found {}", excerpt(found)),
        other => format!("{place}: {other}"),
    }
}

/// The path of an error for use in a sentence.
pub(crate) fn place(error: &PartError) -> &str {
    if error.path.is_empty() { "the experiment" } else { &error.path }
}
