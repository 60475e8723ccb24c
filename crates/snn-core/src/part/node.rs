//! The syntax tree of a RON text, whose values know their position and can be found by path.

use std::ops::Range;

use super::path::{Path, Segment};

/// A value of a RON text and its position, such as `network.layers[2].channels` at bytes 310 to 312. `Some(x)` is read
/// as `x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// The text of the whole value, as written.
    pub text: &'a str,
    /// Byte at which the value starts.
    pub start: usize,
    /// The name at the start of the value, such as `Lif` in `Lif(leak: 0.9)`; empty if there is none. For a lone number
    /// or name, it is the whole value.
    pub name: &'a str,
    /// The values within this one.
    pub content: NodeContent<'a>,
}

/// The values within a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeContent<'a> {
    /// None: the value is a number, a string or a lone name.
    Scalar,
    /// `(a: ..., b: ...)`, or `()`.
    Fields(Vec<Field<'a>>),
    /// `[..., ...]`, or `(..., ...)`.
    Items(Vec<Node<'a>>),
}

/// A named value, such as `leak: 0.9`.
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
    /// The byte range of the whole value.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The byte range that an error message marks: the value if it is on one line, else its name or its first
    /// character.
    pub fn mark(&self) -> Range<usize> {
        let length = match self.text.contains('\n') {
            false => self.text.len(),
            true if !self.name.is_empty() => self.name.len(),
            true => 1,
        };
        self.start..self.start + length
    }

    /// Whether this value contains no other values.
    pub fn is_empty(&self) -> bool {
        match &self.content {
            NodeContent::Scalar => true,
            NodeContent::Fields(fields) => fields.is_empty(),
            NodeContent::Items(items) => items.is_empty(),
        }
    }

    /// Finds the value at `path`. Returns it, or else the deepest value on the way to it, and the number of path
    /// segments that were found.
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

    /// The byte range of the last key called `name` in this value.
    pub fn key(&self, name: &str) -> Option<Range<usize>> {
        let NodeContent::Fields(fields) = &self.content else { return None };
        let field = fields.iter().rev().find(|field| bare(field.key) == name)?;
        Some(field.start..field.start + field.key.len())
    }

    /// Calls `visit` for each value within this one, which is at `path`, with its own path. Outer values come before
    /// inner ones.
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

/// Strips `r#` from a name, by which RON's writer distinguishes names from keywords, as in `r#None`.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
