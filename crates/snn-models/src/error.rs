//! What can be wrong with an experiment.

use crate::Diagnosis;

/// An error of this crate. `Display` is plain text, on several lines where there is source text to show.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The text does not describe an experiment, or describes one that cannot be.
    #[error("{0}")]
    Text(Box<Diagnosis>),
    /// An override does not fit the experiment.
    #[error("{0}")]
    Override(Box<Diagnosis>),
    /// No preset has this name.
    #[error("{0}")]
    Preset(Box<Diagnosis>),
    /// A value lies outside its range.
    #[error("{path} must be {range}, found {found}")]
    Range {
        /// Path of the value, such as `training.batch`.
        path: String,
        /// The allowed range, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// The network cannot be built as described.
    #[error("{path}: {reason}")]
    Network {
        /// Path of the layer at fault, such as `network.layers[3]`.
        path: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl ExperimentError {
    pub(crate) fn range(path: impl Into<String>, range: impl Into<String>, found: &impl ToString) -> Self {
        Self::Range { path: path.into(), range: range.into(), found: found.to_string() }
    }

    /// The error as a terminal should show it, with its `error:` prefix; with colours where `styled`.
    pub fn render(&self, styled: bool) -> String {
        match self {
            Self::Text(diagnosis) | Self::Override(diagnosis) | Self::Preset(diagnosis) => diagnosis.render(styled),
            Self::Range { .. } | Self::Network { .. } => {
                Diagnosis { title: self.to_string(), place: None, notes: Vec::new() }.render(styled)
            }
        }
    }

    /// Path of the value at fault, where the error knows one but not yet its place in a text.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Range { path, .. } | Self::Network { path, .. } => Some(path),
            Self::Text(_) | Self::Override(_) | Self::Preset(_) => None,
        }
    }
}
