//! One name, one type: a reader who has met a name knows it wherever it comes again.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::sources::{below, is_test, packages};

/// Most definitions of one name in the workspace, if at most one of them is public.
const MOST_OF_A_NAME: usize = 2;

/// The types that a file defines: name, and whether it is public.
#[derive(Default)]
struct Types(Vec<(String, bool)>);

impl Types {
    fn add(&mut self, name: &syn::Ident, visibility: &syn::Visibility) {
        self.0.push((name.to_string(), matches!(visibility, syn::Visibility::Public(_))));
    }
}

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    /// Types within functions are seen nowhere else.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
}

#[test]
fn no_type_name_means_two_things() {
    let mut found: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for source in packages().iter().flat_map(|(_, folder)| below(folder)) {
        let mut types = Types::default();
        types.visit_file(&source.syntax);
        for (name, is_public) in types.0 {
            found.entry(name).or_default().push((source.path.display().to_string(), is_public));
        }
    }
    assert!(found.len() > 500, "only {} types were found: does the test still look where they are?", found.len());
    let is_twice = |places: &[(String, bool)]| {
        places.len() > MOST_OF_A_NAME || places.iter().filter(|(_, is_public)| *is_public).count() > 1
    };
    let twice: Vec<_> = found.iter().filter(|(_, places)| is_twice(places)).collect();
    assert!(twice.is_empty(), "name them apart (path, public): {twice:#?}");
}
