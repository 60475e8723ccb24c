//! What the source text of the workspace must keep to: names that mean one thing, and modules that read only those below.

mod layers;
mod names;
mod sources;
