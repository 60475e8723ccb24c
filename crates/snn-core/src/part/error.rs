//! Errors in parts of an experiment.

use std::fmt::Display;

use serde::de::{Expected, Unexpected};

use crate::text::{choices, excerpt};

/// An error in a part of an experiment.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}{fault}", prefix(path))]
pub struct PartError {
    /// Path from the part to the value at fault, such as `gradient` or `layers[2].neuron.leak`. Empty for the part
    /// itself.
    pub path: String,
    /// What is wrong.
    pub fault: Box<Fault>,
}

/// The kind of error in a part of an experiment.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The name is not registered.
    #[error("unknown {one} \"{}\"; known {many}: {}", excerpt(found), choices(known))]
    Unknown {
        /// Kind of catalog, such as `neuron`.
        one: &'static str,
        /// Plural of `one`.
        many: &'static str,
        /// The unknown name.
        found: String,
        /// Names that are registered.
        known: Vec<String>,
    },
    /// A field or enum variant does not exist.
    #[error("unknown {kind} \"{}\"; known {kind}s: {}", excerpt(found), list_or_none(known))]
    NoSuch {
        /// `field`, or the kind of enum, such as `reset`.
        kind: String,
        /// The unknown name.
        found: String,
        /// Names that exist.
        known: &'static [&'static str],
    },
    /// A required field is missing.
    #[error("missing field \"{field}\"")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A field is given more than once.
    #[error("field \"{field}\" is given twice")]
    Twice {
        /// Name of the field.
        field: &'static str,
    },
    /// Values are given without field names, as in `Lif(0.9)`.
    #[error("values must be named, as in (name: value)")]
    Unnamed {
        /// Names of the fields that exist.
        known: &'static [&'static str],
    },
    /// An enum variant without fields is followed by brackets, as in `Auto()`.
    #[error("{name} takes no ( )")]
    Brackets {
        /// Name of the variant.
        name: String,
    },
    /// A value is outside its range or has the wrong type.
    #[error("must be {range}, found {}", excerpt(found))]
    Range {
        /// The allowed range or type, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// Any other error, as a sentence.
    #[error("{0}")]
    Other(String),
}

/// The range in a [`Fault::Range`] for values that must be unnamed and in brackets, such as `(0.9, 0.999)`.
pub const IN_BRACKETS: &str = "values in ( )";

impl PartError {
    /// Creates the error for a value at `path` that is out of its range.
    pub fn range(path: impl Into<String>, range: impl Into<String>, found: &impl ToString) -> Self {
        Self { path: path.into(), fault: Box::new(Fault::Range { range: range.into(), found: found.to_string() }) }
    }

    /// Creates an error with a free-form sentence about the value at `path`.
    pub fn other(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { path: path.into(), fault: Box::new(Fault::Other(sentence.into())) }
    }

    /// Returns the same error with `path` put before its path, for a part that holds the faulty one at `path`.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{path}{joint}{}", self.path), ..self }
    }
}

impl From<Fault> for PartError {
    fn from(fault: Fault) -> Self {
        Self { path: String::new(), fault: Box::new(fault) }
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn list_or_none(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { choices(names) }
}

impl serde::de::Error for PartError {
    fn custom<T: Display>(sentence: T) -> Self {
        Self::other("", sentence.to_string())
    }

    /// The value found is filled in by the reader, which has the text.
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::range("", expected.to_string(), &"")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_value(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::invalid_value(Unexpected::Unsigned(length as u64), expected)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Fault::NoSuch { kind: String::new(), found: found.to_owned(), known }.into()
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        Fault::NoSuch { kind: "field".to_owned(), found: found.to_owned(), known }.into()
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::Missing { field }.into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        Fault::Twice { field }.into()
    }
}
