//! Cache of GPU textures, which are updated only when their content changes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};

/// The textures of the window by name, each with a hash of its content.
#[derive(Default)]
pub(crate) struct Textures {
    by_name: BTreeMap<String, (u64, TextureHandle)>,
}

impl std::fmt::Debug for Textures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Textures {
    /// The texture called `name`. Calls `make` unless the cached one already shows `what`.
    pub(crate) fn get(
        &mut self,
        context: &Context,
        name: &str,
        what: impl Hash,
        make: impl FnOnce() -> ColorImage,
    ) -> TextureId {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let what = hasher.finish();
        if let Some((shown, texture)) = self.by_name.get_mut(name) {
            if *shown != what {
                *shown = what;
                texture.set(make(), TextureOptions::NEAREST);
            }
            return texture.id();
        }
        let texture = context.load_texture(name, make(), TextureOptions::NEAREST);
        let id = texture.id();
        self.by_name.insert(name.to_owned(), (what, texture));
        id
    }

    /// Discards all textures, as after opening another network.
    pub(crate) fn clear(&mut self) {
        self.by_name.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use egui::Color32;

    use super::*;

    #[test]
    fn a_picture_is_made_anew_only_for_something_else() {
        let (mut textures, made) = (Textures::default(), Cell::new(0));
        let context = Context::default();
        for what in [1, 1, 2, 2, 1] {
            textures.get(&context, "map", what, || {
                made.set(made.get() + 1);
                ColorImage::filled([1, 1], Color32::RED)
            });
        }
        assert_eq!(made.get(), 3);
    }
}
