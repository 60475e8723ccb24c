//! Cases about data sets of the user's own, and recordings.
