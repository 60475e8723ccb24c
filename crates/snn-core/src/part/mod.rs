//! Parts (names with fields, as written in an experiment file) and the reader of RON text.
//!
//! A [`Part`] is a name and the text of its fields, before it is looked up in a
//! [`Registry`](crate::registry::Registry). A RON text is parsed into a tree of [`Node`]s that know their position in
//! bytes, and serde deserialises types from the tree. Errors are [`PartError`]s: a [`Fault`] and the [`Path`] of the
//! value at fault.

mod error;
mod node;
mod named;
mod path;
mod plain;
pub mod range;
mod reader;
mod scanner;
mod text;
mod value;

pub use error::{Fault, IN_BRACKETS, PartError};
pub use named::Part;
pub use node::{Field, Node, NodeContent};
pub use path::{Path, Segment};
pub use scanner::Unreadable;
pub(crate) use text::as_written;
pub use text::{from_ron, options};
