//! Finds the files of a data set.

use std::env;
use std::path::{Path, PathBuf};

use crate::DataError;

/// The files of a data set and the folders where they are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetFiles {
    /// Name of the data set, in its usual spelling.
    pub data_set: &'static str,
    /// Name of the data set in experiments.
    pub name: &'static str,
    /// Name of its own folder within a folder of data sets.
    pub folder: &'static str,
    /// Subfolders that may hold the files, in the layouts of other programs; `""` is the folder itself.
    pub within: &'static [&'static str],
    /// Names of the files and folders; each may also end in `.gz`.
    pub files: &'static [&'static str],
    /// Whether no other data set has files with these names, so that they may also lie directly in a folder of data
    /// sets.
    pub is_unmistakable: bool,
    /// URL where the files are published.
    pub origin: &'static str,
}

impl DatasetFiles {
    /// Finds the folder with the files: `explicit` if given, else the first folder that holds any of them. Searches
    /// these folders of data sets: the one in the environment variable `SNN_DATA`; `data/` in the current directory,
    /// in its parents, and in the source tree where this program was built; and [`DatasetFiles::cache`]. In each of
    /// them, the files may lie in [`DatasetFiles::folder`] or in any of [`DatasetFiles::within`].
    ///
    /// # Errors
    /// [`DataError::NotFound`] with every folder that was searched.
    pub fn find(&'static self, explicit: Option<&Path>) -> Result<PathBuf, DataError> {
        self.find_any(self.files, explicit)
    }

    /// As [`DatasetFiles::find`], but finds the folder with any file of these `names`.
    ///
    /// # Errors
    /// [`DataError::NotFound`] with every folder that was searched.
    pub fn find_any(&'static self, names: &[&str], explicit: Option<&Path>) -> Result<PathBuf, DataError> {
        let holds_any = |folder: &PathBuf| names.iter().any(|name| self.locate(folder, name).is_some());
        let files = || names.iter().map(ToString::to_string).collect();
        if let Some(folder) = explicit.map(Path::to_owned) {
            let inner = self.layouts().filter(|layout| !layout.is_empty()).map(|layout| folder.join(layout));
            let found = std::iter::once(folder.clone()).chain(inner).find(holds_any);
            let not_found =
                || DataError::NotFound { place: self, files: files(), within: Vec::new(), looked: vec![folder] };
            return found.ok_or_else(not_found);
        }
        let variable = env::var_os("SNN_DATA");
        let looked = roots(variable.as_ref().map(Path::new), env::current_dir().ok().as_deref(), Self::cache());
        let inner = |root: &PathBuf, layout: &str| if layout.is_empty() { root.clone() } else { root.join(layout) };
        let found =
            looked.iter().flat_map(|root| self.layouts().map(move |layout| inner(root, layout))).find(holds_any);
        let within = self.layouts().filter(|layout| !layout.is_empty()).collect();
        found.ok_or_else(|| DataError::NotFound { place: self, files: files(), within, looked })
    }

    /// The subfolders of a folder of data sets where the files may lie.
    fn layouts(&self) -> impl Iterator<Item = &'static str> {
        let others = self.within.iter().copied().filter(|within| self.is_unmistakable || !within.is_empty());
        std::iter::once(self.folder).chain(others)
    }

    /// Returns the path of `name` in `folder`.
    ///
    /// # Errors
    /// [`DataError::Missing`] if it is not there.
    pub fn file(&'static self, folder: &Path, name: &str) -> Result<PathBuf, DataError> {
        let missing = || DataError::Missing { place: self, folder: folder.to_owned(), name: name.to_owned() };
        self.locate(folder, name).ok_or_else(missing)
    }

    fn locate(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let folders = self.within.iter().map(|within| folder.join(within));
        folders.flat_map(|dir| [dir.join(format!("{name}.gz")), dir.join(name)]).find(|path| path.exists())
    }

    /// The user's folder for downloaded data sets: `snn` in the system's cache folder. `None` if the system has no
    /// cache folder.
    pub fn cache() -> Option<PathBuf> {
        dirs::cache_dir().map(|caches| caches.join("snn"))
    }
}

/// Folders of data sets, the most explicit first.
fn roots(variable: Option<&Path>, current: Option<&Path>, cache: Option<PathBuf>) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = variable.into_iter().map(Path::to_owned).collect();
    roots.extend(current.into_iter().flat_map(Path::ancestors).map(|dir| dir.join("data")));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|dir| dir.join("data"));
    roots.extend(source.filter(|dir| dir.is_dir() && !roots.contains(dir)));
    roots.extend(cache);
    roots
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{cifar10, mnist, nmnist};

    /// Paths below `/data` in which a data set may lie.
    fn layouts(place: &DatasetFiles) -> Vec<&'static str> {
        place.layouts().collect()
    }

    #[test]
    fn folders_of_data_sets_are_tried_from_the_most_to_the_least_explicit() {
        let roots = roots(Some(Path::new("/b")), Some(Path::new("/c/d")), Some("/e/snn".into()));
        assert_eq!(roots[..4], ["/b", "/c/d/data", "/c/data", "/data"].map(Path::new));
        assert_eq!(roots.last().unwrap(), Path::new("/e/snn"));
    }

    #[test]
    fn layouts_of_other_programs_are_known() {
        assert_eq!(layouts(&mnist::PLACE), ["mnist", "MNIST/raw"]);
        assert_eq!(layouts(&cifar10::PLACE), ["cifar10", "", "cifar-10-batches-bin"]);
        assert_eq!(layouts(&nmnist::PLACE), ["nmnist", "NMNIST"]);
    }

    #[test]
    fn a_folder_that_is_named_is_the_only_one_looked_in() {
        let dir = tempfile::tempdir().unwrap();
        assert!(mnist::PLACE.find(Some(dir.path())).is_err());
        let raw = dir.path().join("MNIST/raw");
        fs::create_dir_all(&raw).unwrap();
        fs::write(raw.join("t10k-labels-idx1-ubyte"), "").unwrap();
        assert_eq!(mnist::PLACE.find(Some(dir.path())).unwrap(), dir.path());
        assert_eq!(
            mnist::PLACE.file(dir.path(), "t10k-labels-idx1-ubyte").unwrap(),
            raw.join("t10k-labels-idx1-ubyte")
        );
    }
}
