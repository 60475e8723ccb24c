//! The values of a RON text, each with its place and found by its path.

use std::ops::Range;

use super::path::{Path, Segment};

/// A value of a RON text and where it stands: `network.layers[2].channels` is bytes 310 to 312. `Some(x)` is the same as `x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// The whole value as it is written.
    pub text: &'a str,
    /// Byte at which it starts.
    pub start: usize,
    /// The name that it starts with, if any: `Lif` in `Lif(leak: 0.9)`. A number or a name alone is all name.
    pub name: &'a str,
    /// What is within it.
    pub content: NodeContent<'a>,
}

/// What is within a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeContent<'a> {
    /// Nothing: it is a number, a string, a name alone.
    Scalar,
    /// `(a: ..., b: ...)`, or `()`.
    Fields(Vec<Field<'a>>),
    /// `[..., ...]`, or `(..., ...)`.
    Items(Vec<Node<'a>>),
}

/// A value with its name, `leak: 0.9`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name.
    pub key: &'a str,
    /// Byte at which the name starts.
    pub start: usize,
    /// The value.
    pub value: Node<'a>,
}

impl Node<'_> {
    /// Bytes of the whole value.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The bytes to point at: the value if it fits one line, else its name or first character.
    pub fn mark(&self) -> Range<usize> {
        let length = match self.text.contains('\n') {
            false => self.text.len(),
            true if !self.name.is_empty() => self.name.len(),
            true => 1,
        };
        self.start..self.start + length
    }

    /// Whether no value is within this one.
    pub fn is_empty(&self) -> bool {
        match &self.content {
            NodeContent::Scalar => true,
            NodeContent::Fields(fields) => fields.is_empty(),
            NodeContent::Items(items) => items.is_empty(),
        }
    }

    /// The value at `path`, or the deepest value on the way to it, with the number of segments that were found.
    pub fn descend(&self, path: &Path) -> (&Self, usize) {
        let mut node = self;
        for (depth, segment) in path.0.iter().enumerate() {
            let child = match (segment, &node.content) {
                (Segment::Field(name), NodeContent::Fields(fields)) => {
                    fields.iter().find(|field| bare(field.key) == name).map(|field| &field.value)
                }
                (Segment::Index(index), NodeContent::Items(items)) => items.get(*index),
                _ => None,
            };
            match child {
                Some(child) => node = child,
                None => return (node, depth),
            }
        }
        (node, path.0.len())
    }

    /// Bytes of the last key of this value that is called `name`.
    pub fn key(&self, name: &str) -> Option<Range<usize>> {
        let NodeContent::Fields(fields) = &self.content else { return None };
        let field = fields.iter().rev().find(|field| bare(field.key) == name)?;
        Some(field.start..field.start + field.key.len())
    }

    /// Calls `visit` with the path of each value within this one, which is at `path`, from the outside in.
    pub fn visit(&self, path: &Path, visit: &mut dyn FnMut(&Path, &Self)) {
        let mut child = |segment: Segment, node: &Self| {
            let mut path = path.clone();
            path.0.push(segment);
            visit(&path, node);
            node.visit(&path, visit);
        };
        match &self.content {
            NodeContent::Scalar => {}
            NodeContent::Fields(fields) => {
                for field in fields {
                    child(Segment::Field(field.key.to_owned()), &field.value);
                }
            }
            NodeContent::Items(items) => {
                for (index, node) in items.iter().enumerate() {
                    child(Segment::Index(index), node);
                }
            }
        }
    }
}

/// A name without the mark by which RON's writer tells names from words of its own, as in `r#None`.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
