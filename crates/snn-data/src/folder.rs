//! Where the files of a data set are found.

use std::env;
use std::path::{Path, PathBuf};

use crate::DataError;

/// A data set's files and where they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Name of the data set, as people write it.
    pub data_set: &'static str,
    /// Its folder in `data/` and in the folder named by `SNN_DATA`.
    pub folder: &'static str,
    /// Folders within that may hold the files, as other programs lay them out; `""` is the folder itself.
    pub within: &'static [&'static str],
    /// Names of files and folders, each of which may also end in `.gz`.
    pub files: &'static [&'static str],
    /// Where they can be had.
    pub origin: &'static str,
}

impl Place {
    /// The folder with the files: `explicit` if given; else the first that holds any of them of [`Place::folder`] in the
    /// directory named by the environment variable `SNN_DATA`, and `data/` with that folder in the current directory, in
    /// any above it, and in the source tree that this program was built in.
    ///
    /// # Errors
    /// [`DataError::NotFound`] with every place looked at.
    pub fn find(&'static self, explicit: Option<&Path>) -> Result<PathBuf, DataError> {
        let variable = env::var_os("SNN_DATA");
        let looked = self.places(explicit, variable.as_ref().map(Path::new), env::current_dir().ok().as_deref());
        match looked.iter().find(|folder| self.files.iter().any(|name| self.locate(folder, name).is_some())) {
            Some(folder) => Ok(folder.clone()),
            None => Err(DataError::NotFound { place: self, looked }),
        }
    }

    fn places(&self, explicit: Option<&Path>, variable: Option<&Path>, current: Option<&Path>) -> Vec<PathBuf> {
        if let Some(explicit) = explicit {
            return vec![explicit.to_owned()];
        }
        let mut places: Vec<PathBuf> = variable.into_iter().map(|data| data.join(self.folder)).collect();
        let own = Path::new("data").join(self.folder);
        places.extend(current.into_iter().flat_map(Path::ancestors).map(|dir| dir.join(&own)));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|dir| dir.join(&own));
        places.extend(source.filter(|dir| dir.is_dir() && !places.contains(dir)));
        places
    }

    /// The path of `name` in `folder`.
    ///
    /// # Errors
    /// [`DataError::Missing`].
    pub fn file(&'static self, folder: &Path, name: &str) -> Result<PathBuf, DataError> {
        let missing = || DataError::Missing { place: self, folder: folder.to_owned(), name: name.to_owned() };
        self.locate(folder, name).ok_or_else(missing)
    }

    fn locate(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let folders = self.within.iter().map(|within| folder.join(within));
        folders.flat_map(|dir| [dir.join(format!("{name}.gz")), dir.join(name)]).find(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mnist::PLACE;

    #[test]
    fn places_are_tried_from_the_most_to_the_least_explicit() {
        let places = |explicit, variable, current| PLACE.places(explicit, variable, current);
        assert_eq!(places(Some(Path::new("a")), Some(Path::new("b")), None), [Path::new("a")]);
        let places = places(None, Some(Path::new("/b")), Some(Path::new("/c/d")));
        let first = ["/b/mnist", "/c/d/data/mnist", "/c/data/mnist", "/data/mnist"].map(Path::new);
        assert_eq!(places[..4], first);
    }
}
