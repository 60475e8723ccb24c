//! What can be wrong with a part or with a registration.

use crate::text::{choices, excerpt};

/// A name was registered twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} \"{name}\" is registered already")]
pub struct RegistryError {
    /// Kind of thing, such as `neuron`.
    pub kind: &'static str,
    /// The name that is taken.
    pub name: String,
}

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
    /// The fields cannot be read.
    #[error("{}", words(error, inner))]
    Text {
        /// RON's error.
        error: ron::error::Error,
        /// Byte of the part's text, from its name on, at which reading ended.
        at: usize,
        /// The path as seen from this part, however deep it lies in others: what [`PartError::path`] ends in.
        inner: String,
    },
    /// A value lies outside its range.
    #[error("must be {range}, found {}", excerpt(found))]
    Range {
        /// The allowed range, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

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

/// RON's error at the path `inner` in the words of someone who writes a part.
fn words(error: &ron::error::Error, inner: &str) -> String {
    use ron::error::Error as Ron;
    match error {
        Ron::NoSuchStructField { expected: [], .. } => "unknown field; there are none".to_owned(),
        Ron::NoSuchStructField { expected, .. } => format!("unknown field; known fields: {}", expected.join(", ")),
        Ron::NoSuchEnumVariant { expected, found, .. } => {
            format!("unknown {}; known: {}", excerpt(found), expected.join(", "))
        }
        Ron::MissingStructField { field, .. } => format!("missing field {field}"),
        Ron::ExpectedInteger | Ron::IntegerOutOfBounds | Ron::InvalidIntegerDigit { .. } => {
            "must be a whole number of at least 0".to_owned()
        }
        Ron::ExpectedFloat => "must be a number".to_owned(),
        Ron::ExpectedBoolean => "must be true or false".to_owned(),
        Ron::ExpectedIdentifier | Ron::InvalidIdentifier(_) | Ron::SuggestRawIdentifier(_) => match inner {
            "" => "values must be named, as in (name: value)".to_owned(),
            _ => "must be a name without quotes, as in Name or Name(field: value)".to_owned(),
        },
        other => excerpt(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::{Part, Registry};

    #[test]
    fn fields_that_cannot_be_read_are_told_in_plain_words() {
        let registry = Registry::new().with(crate::plugin).unwrap();
        for (text, message) in [
            (
                "Lif(leek: 0.9)",
                "leek: unknown field; known fields: leak, threshold, reset, decay_input, detach_reset, learn_threshold, per, gradient",
            ),
            ("Lif(leak: high)", "leak: must be a number"),
            ("Lif(decay_input: yes)", "decay_input: must be true or false"),
            ("Lif(reset: Later)", "reset: unknown Later; known: Hard, Soft, SoftAfterLeak, None"),
            ("Lif(reset: \"Soft\")", "reset: must be a name without quotes, as in Name or Name(field: value)"),
            ("Lif(0.9)", "values must be named, as in (name: value)"),
        ] {
            let error = registry.neurons.make(&mut Part::parse(text).unwrap(), &registry).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
