//! Cases about numbers that are not finite, checkpoints.
