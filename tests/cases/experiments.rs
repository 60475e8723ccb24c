//! Cases about experiment files, and the memory that they ask for.
