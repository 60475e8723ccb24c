//! The name of this program: `snn`, or that of a program that adds the names of a plug-in.

use std::{ffi::OsString, path::Path, sync::OnceLock};

static NAME: OnceLock<String> = OnceLock::new();

/// Stores the program name from the first command line argument.
pub(crate) fn called(first: Option<&OsString>) {
    let name = first.and_then(|first| Path::new(first).file_stem()).map(|name| name.to_string_lossy().into_owned());
    NAME.get_or_init(|| name.filter(|name| !name.is_empty()).unwrap_or_else(|| "snn".to_owned()));
}

/// The program's name for use in suggested command lines.
pub(crate) fn name() -> &'static str {
    NAME.get().map_or("snn", String::as_str)
}
