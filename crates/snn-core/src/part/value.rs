//! Reads single values, and creates the errors for values of the wrong type.

use serde::de::{DeserializeOwned, Error as _};

use super::node::{Node, NodeContent, bare};
use super::{IN_BRACKETS, PartError};
use crate::text::excerpt;

impl Node<'_> {
    pub(super) fn must_be(&self, range: impl Into<String>) -> PartError {
        PartError::range("", range, &self.found())
    }

    /// The text that an error message shows as found.
    pub(super) fn found(&self) -> String {
        let mark = self.text.get(..self.mark().len()).unwrap_or(self.text);
        if self.is_scalar() {
            return excerpt(mark).into_owned();
        }
        // Comments within a part were replaced by spaces.
        excerpt(&mark.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
    }

    pub(super) fn is_scalar(&self) -> bool {
        self.content == NodeContent::Scalar
    }

    /// Whether the value is in `[ ]`.
    pub(super) fn is_list(&self) -> bool {
        self.text.starts_with('[')
    }

    /// Parses a number, character or string.
    pub(super) fn scalar<T: DeserializeOwned>(&self) -> Option<T> {
        if self.is_scalar() { ron::from_str(self.text).ok() } else { None }
    }

    pub(super) fn number<T: DeserializeOwned>(&self) -> Result<T, PartError> {
        self.scalar().ok_or_else(|| self.must_be("a number"))
    }

    pub(super) fn whole_number<T: DeserializeOwned>(&self, least: i128, most: i128) -> Result<T, PartError> {
        self.scalar().ok_or_else(|| {
            let has_only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
            self.must_be(match self.text.strip_prefix('-') {
                None if has_only_digits(self.text) => format!("a whole number of at most {most}"),
                Some(digits) if least < 0 && has_only_digits(digits) => format!("a whole number of at least {least}"),
                _ if least < 0 || self.scalar().is_some_and(|number: f64| number >= 0.0) => "a whole number".to_owned(),
                _ => "a whole number that is not negative".to_owned(),
            })
        })
    }

    pub(super) fn string(&self) -> Result<String, PartError> {
        if !self.is_scalar() || !self.name.is_empty() {
            return Err(self.must_be("text in quotes"));
        }
        ron::from_str(self.text).map_err(|error| PartError::custom(lower(&error.code.to_string())))
    }

    /// The name of an enum variant.
    pub(super) fn choice(&self) -> Result<&str, PartError> {
        let name = bare(self.name);
        if is_name(name) {
            return Ok(name);
        }
        let is_string = self.is_scalar() && self.name.is_empty();
        let quoted = "a name without quotes, as in Name or Name(field: value)";
        Err(self.must_be(if is_string { quoted } else { "a name" }))
    }

    /// Checks that the value is `expected` alone, or brackets after `expected` or after no name.
    pub(super) fn check_name(&self, expected: &str) -> Result<(), PartError> {
        let found = bare(self.name);
        if found == expected || (found.is_empty() && !self.is_scalar() && !self.is_list()) {
            return Ok(());
        }
        if self.is_scalar() || self.is_list() {
            return Err(self.must_be(IN_BRACKETS));
        }
        Err(PartError::range("", format!("called {expected} or nothing"), &excerpt(found)))
    }

    /// The unnamed values in brackets; an error unless there are `length` of them.
    pub(super) fn values(&self, length: usize) -> Result<&[Self], PartError> {
        match &self.content {
            NodeContent::Items(items) if items.len() == length && !self.is_list() => Ok(items),
            NodeContent::Items(_) if !self.is_list() && length > 1 => {
                Err(self.must_be(format!("{length} {IN_BRACKETS}")))
            }
            _ => Err(self.must_be(IN_BRACKETS)),
        }
    }
}

/// Returns the sentence with a lower-case first letter, to follow a colon.
pub(super) fn lower(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(is_part) && !text.starts_with(|c: char| c.is_numeric())
}
