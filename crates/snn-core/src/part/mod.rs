//! Parts: names and fields as a file has them, and how RON text is read.
//!
//! A [`Part`] is a name and the text of its fields, before a [`Registry`](crate::registry::Registry) has been asked what the name
//! means. A text becomes a tree of [`Node`]s once, each with its bytes; serde reads types from the tree. Whatever is wrong is a
//! [`PartError`]: a [`Fault`] and the [`Path`] of the value at fault.

mod error;
mod node;
mod part;
mod path;
mod plain;
pub mod range;
mod reader;
mod scanner;
mod text;
mod value;

pub use error::{Fault, IN_BRACKETS, PartError};
pub use node::{Field, Node, NodeContent};
pub use part::Part;
pub use path::{Path, Segment};
pub use scanner::Unreadable;
pub(crate) use text::as_written;
pub use text::{from_ron, options};
