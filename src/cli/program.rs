//! The name of this program: `snn`, or that of a program with the names of a plug-in.

use std::{ffi::OsString, path::Path, sync::OnceLock};

static NAME: OnceLock<String> = OnceLock::new();

/// Notes the first argument, by which the program was called.
pub(crate) fn called(first: Option<&OsString>) {
    let name = first.and_then(|first| Path::new(first).file_stem()).map(|name| name.to_string_lossy().into_owned());
    NAME.get_or_init(|| name.filter(|name| !name.is_empty()).unwrap_or_else(|| "snn".to_owned()));
}

/// What to write for this program on a command line.
pub(crate) fn name() -> &'static str {
    NAME.get().map_or("snn", String::as_str)
}
