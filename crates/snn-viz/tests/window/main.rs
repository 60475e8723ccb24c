//! The viewer, driven by the names of its widgets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod gradients;
mod inspect;
mod sparsity;
mod training;
