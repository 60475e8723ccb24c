//! Stores the fastest kernel forms for each GPU and kind of population, in memory and in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::form::{Forms, KernelForm};

/// The results of all measurements so far.
#[derive(Debug)]
pub(crate) struct Tuner {
    /// File that keeps them between runs; `None`: they are not kept.
    file: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Forms>>,
}

/// The forms for software GPUs, where nothing is measured. They compute on the CPU, where registers are cheap and
/// workgroup memory is not.
pub(crate) const USUAL: Forms =
    Forms { forward: KernelForm::Fused, backward: KernelForm::Events, gradient: KernelForm::Events };

impl Tuner {
    /// Reads `file`, or by default a file in the user's cache folder. A file that cannot be read counts as empty, so
    /// that its contents are measured again.
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let usual = || dirs::cache_dir().map(|folder| folder.join("snn").join("gpu-kernels.ron"));
        let file = file.or_else(usual);
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let known = text.and_then(|text| ron::from_str(&text).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(known) }
    }

    /// Returns the forms that were measured to be the fastest for `key`.
    pub(crate) fn find(&self, key: &str) -> Option<Forms> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Stores forms. If the file cannot be written, they are measured again in the next run.
    pub(crate) fn remember(&self, found: impl IntoIterator<Item = (String, Forms)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another process may have written measurements in the meantime. They take precedence, as its runs depend on
        // them.
        let read = |file: &PathBuf| ron::from_str::<BTreeMap<String, Forms>>(&fs::read_to_string(file).ok()?).ok();
        let there = self.file.as_ref().and_then(read).unwrap_or_default();
        for (key, forms) in there.into_iter().chain(found) {
            known.entry(key).or_insert(forms);
        }
        let (Some(file), Ok(text)) =
            (&self.file, ron::ser::to_string_pretty(&*known, ron::ser::PrettyConfig::default()))
        else {
            return;
        };
        let new = file.with_extension(format!("{}.new", std::process::id()));
        let folder = file.parent().map(fs::create_dir_all);
        if folder.is_some_and(|made| made.is_ok()) && fs::write(&new, text).is_ok() {
            fs::rename(&new, file).ok();
        }
    }
}
