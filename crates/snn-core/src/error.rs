//! What can be wrong with a network or with what it is given.

use crate::text::excerpt;

/// An error of this crate or of an engine. Every message says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A population of the network cannot be built as described.
    #[error("population \"{}\": {reason}", excerpt(population))]
    Population {
        /// Name of the population.
        population: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The network as a whole is not usable.
    #[error("network: {0}")]
    Network(String),
    /// A buffer does not have the size that the network or the plan asks for.
    #[error("{}: expected {expected}, found {}", excerpt(what), excerpt(found))]
    Size {
        /// The buffer.
        what: String,
        /// Its expected size or shape, in words.
        expected: String,
        /// Its size or shape as found.
        found: String,
    },
    /// A value lies outside its range.
    #[error("{what} must be {range}, found {}", excerpt(found))]
    Range {
        /// Name of the value.
        what: String,
        /// The allowed range, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// Some numbers are NaN, infinite or too large to be summed.
    #[error(
        "{what}: {count} of {len} value{} not finite or far too large; the first, at index {index}, is {value:?}",
        if *len == 1 { " is" } else { "s are" }
    )]
    NotFinite {
        /// What they are the values of.
        what: String,
        /// How many they are.
        count: usize,
        /// Of how many.
        len: usize,
        /// Index of the first one.
        index: usize,
        /// The first one.
        value: f32,
    },
    /// Images and labels do not go together.
    #[error("data set: {0}")]
    Data(String),
    /// A call came at the wrong moment, such as a backward pass without a forward pass.
    #[error("{0}")]
    Order(&'static str),
    /// What computes cannot go on, or is not there: the message says what to do.
    #[error("{0}")]
    Device(String),
}

impl Error {
    #[expect(clippy::needless_pass_by_value, reason = "callers pass what they have at hand")]
    pub(crate) fn range(what: impl Into<String>, range: &str, found: impl ToString) -> Self {
        Self::Range { what: what.into(), range: range.to_owned(), found: found.to_string() }
    }

    /// An [`Error::Size`] about `what`.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass what they have at hand")]
    pub fn size(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::Size { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}
