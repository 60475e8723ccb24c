//! Cases about the terminal, pipes and drivers.
