//! The viewer, driven by the names of its widgets.

mod common;
mod inspect;
