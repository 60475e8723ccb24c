//! Errors of networks, of their data and of engines.

use crate::text::excerpt;

/// An error of this crate or of an engine. Every message says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A population of the network is invalid.
    #[error("population \"{}\": {reason}", excerpt(population))]
    Population {
        /// Name of the population.
        population: String,
        /// What is wrong and how to correct it.
        reason: String,
    },
    /// The network as a whole is invalid.
    #[error("network: {0}")]
    Network(String),
    /// A buffer does not have the size that the network or the plan requires.
    #[error("{}: expected {expected}, found {}", excerpt(what), excerpt(found))]
    Size {
        /// The buffer.
        what: String,
        /// Its expected size or shape, in words.
        expected: String,
        /// Its size or shape as found.
        found: String,
    },
    /// A value is outside its range.
    #[error("{what} must be {range}, found {}", excerpt(found))]
    Range {
        /// Name of the value.
        what: String,
        /// The allowed range, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// Some values are NaN, infinite or too large to be summed.
    #[error(
        "{what}: {count} of {len} value{} not finite or far too large; the first, at index {index}, is {value:?}",
        if *len == 1 { " is" } else { "s are" }
    )]
    NotFinite {
        /// Name of the tensor or buffer that holds the values.
        what: String,
        /// Number of such values.
        count: usize,
        /// Number of all values.
        len: usize,
        /// Index of the first such value.
        index: usize,
        /// The first such value.
        value: f32,
    },
    /// Samples and labels of a data set do not match.
    #[error("data set: {0}")]
    Data(String),
    /// A call came in the wrong order, such as a backward pass without a forward pass.
    #[error("{0}")]
    Order(&'static str),
    /// The operating system did not start the threads of an engine.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's message.
        reason: String,
    },
    /// The device or engine is not available or has failed. The message says what to do.
    #[error("{0}")]
    Device(String),
}

impl Error {
    #[expect(clippy::needless_pass_by_value, reason = "callers pass what they have at hand")]
    pub(crate) fn range(what: impl Into<String>, range: &str, found: impl ToString) -> Self {
        Self::Range { what: what.into(), range: range.to_owned(), found: found.to_string() }
    }

    /// Creates an [`Error::Size`] about `what`.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass what they have at hand")]
    pub fn size(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::Size { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}
