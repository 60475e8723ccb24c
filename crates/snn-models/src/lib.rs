//! Experiments described in RON.

pub mod experiment;
