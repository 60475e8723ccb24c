//! What can be wrong with a part.

use std::fmt::Display;

use serde::de::{Expected, Unexpected};

use crate::text::{choices, excerpt};

/// Why a part of an experiment means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}{fault}", prefix(path))]
pub struct PartError {
    /// Path from the part down to what is at fault, such as `gradient` or `layers[2].neuron.leak`; empty for the part
    /// itself.
    pub path: String,
    /// What is wrong.
    pub fault: Box<Fault>,
}

/// What is wrong with a part.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is registered under the name.
    #[error("unknown {one} \"{}\"; known {many}: {}", excerpt(found), choices(known))]
    Unknown {
        /// Kind of thing, such as `neuron`.
        one: &'static str,
        /// Its plural.
        many: &'static str,
        /// The name.
        found: String,
        /// Names that are registered.
        known: Vec<String>,
    },
    /// There is no such field, or no such choice.
    #[error("unknown {kind} \"{}\"; known {kind}s: {}", excerpt(found), list_or_none(known))]
    NoSuch {
        /// `field`, or what the choice is called, such as `reset`.
        kind: String,
        /// The name.
        found: String,
        /// Names that there are.
        known: &'static [&'static str],
    },
    /// A field must be given and is not.
    #[error("missing field \"{field}\"")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field is given more than once.
    #[error("field \"{field}\" is given twice")]
    Twice {
        /// Its name.
        field: &'static str,
    },
    /// Values stand without the names of their fields, as in `Lif(0.9)`.
    #[error("values must be named, as in (name: value)")]
    Unnamed {
        /// Names of the fields that there are.
        known: &'static [&'static str],
    },
    /// A choice without fields has brackets, as in `Auto()`.
    #[error("{name} takes no ( )")]
    Brackets {
        /// Its name.
        name: String,
    },
    /// A value lies outside its range, or is of another kind.
    #[error("must be {range}, found {}", excerpt(found))]
    Range {
        /// The allowed range or kind, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

/// What a [`Fault::Range`] says must be where values without a name are wanted, such as `(0.9, 0.999)`.
pub const IN_BRACKETS: &str = "values in ( )";

impl PartError {
    /// A value at `path` that is out of its range.
    pub fn range(path: impl Into<String>, range: impl Into<String>, found: &impl ToString) -> Self {
        Self { path: path.into(), fault: Box::new(Fault::Range { range: range.into(), found: found.to_string() }) }
    }

    /// A sentence about what stands at `path`.
    pub fn other(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { path: path.into(), fault: Box::new(Fault::Other(sentence.into())) }
    }

    /// The same error, seen from a part that holds the present one at `path`.
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

    /// What was found is filled in by the reader, which has the text.
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
