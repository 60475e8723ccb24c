//! The Rust files of the workspace's packages, parsed.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// A file of the library or program of a package.
pub(crate) struct Source {
    /// Path within the workspace.
    pub(crate) path: PathBuf,
    pub(crate) syntax: syn::File,
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of each package, by name.
pub(crate) fn packages() -> Vec<(String, PathBuf)> {
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let mut packages: Vec<_> = crates
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().join("src")))
        .collect();
    packages.push(("snn".to_owned(), root().join("src")));
    packages.push(("snn-shaders".to_owned(), root().join("shaders")));
    packages.sort();
    packages
}

/// All files below `folder`, in the order of their paths.
pub(crate) fn below(folder: &Path) -> Vec<Source> {
    let files = WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Source { path: file.strip_prefix(root()).unwrap().to_owned(), syntax }
    };
    files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).map(read).collect()
}

/// Whether an item is compiled for tests alone.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    let is_cfg_test = |attribute: &syn::Attribute| {
        let mut found = false;
        if attribute.path().is_ident("cfg") {
            attribute
                .parse_nested_meta(|meta| {
                    found |= meta.path.is_ident("test");
                    Ok(())
                })
                .ok();
        }
        found
    };
    attributes.iter().any(is_cfg_test)
}
