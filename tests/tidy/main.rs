//! What the source text of the workspace must keep to: names that mean one thing, and modules that read only those before them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod layers;
mod names;
mod sources;
