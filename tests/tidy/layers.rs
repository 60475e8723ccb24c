//! What may read what: packages, and the modules within them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

use super::sources::{below, is_test, packages, root};

/// Packages from the bottom up; each may depend only on those before it.
const PACKAGES: [&str; 10] = [
    "snn-shaders",
    "snn-core",
    "snn-cpu",
    "snn-gpu",
    "snn-data",
    "snn-models",
    "snn-train",
    "snn-zoo",
    "snn",
    "snn-viz",
];

/// Modules of a package that a file reads: `map` of `use crate::map::Conv`.
#[derive(Default)]
struct Reads(BTreeSet<String>);

impl<'ast> Visit<'ast> for Reads {
    fn visit_use_tree(&mut self, tree: &'ast syn::UseTree) {
        if let syn::UseTree::Path(path) = tree
            && path.ident == "crate"
        {
            self.add(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.first().is_some_and(|first| first.ident == "crate")
            && let Some(module) = path.segments.get(1)
        {
            self.0.insert(module.ident.to_string());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

impl Reads {
    fn add(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => drop(self.0.insert(path.ident.to_string())),
            syn::UseTree::Name(name) => drop(self.0.insert(name.ident.to_string())),
            syn::UseTree::Rename(rename) => drop(self.0.insert(rename.ident.to_string())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(tree)),
            syn::UseTree::Glob(_) => {}
        }
    }
}

/// The modules that the root file of a package declares, in order.
fn modules(folder: &Path, file: &str) -> Vec<String> {
    let root = below(folder).into_iter().find(|source| source.path.ends_with(file)).unwrap();
    let module = |item: &syn::Item| match item {
        syn::Item::Mod(item) if item.content.is_none() && !is_test(&item.attrs) => Some(item.ident.to_string()),
        _ => None,
    };
    root.syntax.items.iter().filter_map(module).collect()
}

/// What each module of a package reads of the others, and of the root file.
fn reads(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let prefix = folder.strip_prefix(root()).unwrap();
    for source in below(folder) {
        let within = source.path.strip_prefix(prefix).unwrap();
        let module =
            within.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_of_tests = within.file_stem().is_some_and(|stem| stem == "tests");
        if !is_of_tests && module != "lib" {
            let mut reads = Reads::default();
            reads.visit_file(&source.syntax);
            all.entry(module).or_default().extend(reads.0);
        }
    }
    all
}

#[test]
fn packages_depend_only_on_those_below() {
    let mut checked = 0;
    for (place, package) in PACKAGES.iter().enumerate() {
        let folder = match *package {
            "snn" => root().to_owned(),
            "snn-shaders" => root().join("shaders"),
            package => root().join("crates").join(package),
        };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let manifest = if *package == "snn" { manifest.split_once("[package]").unwrap().1 } else { &manifest };
        let (_, own) = manifest.split_once("[dependencies]").unwrap_or_default();
        let own = own.split("\n[").next().unwrap_or_default();
        for dependency in own.lines().filter_map(|line| line.split(['.', ' ', '=']).next()) {
            if let Some(found) = PACKAGES.iter().position(|name| *name == dependency) {
                assert!(found < place, "{package} must not depend on {dependency}, which is above it");
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "only {checked} dependencies were found: does the test still look where they are?");
}

#[test]
fn modules_of_the_core_read_only_those_that_are_declared_before_them() {
    let folder = root().join("crates/snn-core/src");
    let modules = modules(&folder, "lib.rs");
    let place = |name: &str| modules.iter().position(|module| module == name);
    for (module, reads) in reads(&folder) {
        let own = place(&module).unwrap_or_else(|| panic!("lib.rs declares no module {module}"));
        for read in reads.iter().filter(|read| **read != module) {
            let found = place(read).unwrap_or_else(|| panic!("{module} reads crate::{read}: name the module it is in"));
            assert!(found < own, "{module} reads {read}, which lib.rs declares after it");
        }
    }
}

#[test]
fn no_modules_of_a_package_read_each_other_in_a_circle() {
    for (package, folder) in packages() {
        let mut left = reads(&folder);
        // What reads none of those that are left is in no circle.
        loop {
            let names: BTreeSet<String> = left.keys().cloned().collect();
            let others = |module: &String, reads: &BTreeSet<String>| {
                reads.iter().any(|read| read != module && names.contains(read))
            };
            let before = left.len();
            left.retain(|module, reads| others(module, reads));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "{package}: modules that read each other in a circle, or what does: {left:#?}");
    }
}
