//! Cases about records of runs.
