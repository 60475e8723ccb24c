//! The quickest forms of kernels, remembered for each card and kind of population, in memory and in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::form::{Forms, KernelForm};

/// What was measured on cards so far.
#[derive(Debug)]
pub(crate) struct Tuner {
    /// Where it is kept from run to run; none: it is not.
    file: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Forms>>,
}

/// What is taken where nothing is measured, which is on software cards: computing on the CPU, registers are cheap and
/// workgroup memory is not.
pub(crate) const USUAL: Forms =
    Forms { forward: KernelForm::Fused, backward: KernelForm::Events, gradient: KernelForm::Events };

impl Tuner {
    /// What `file` holds, or else one in the user's folder for caches. A file that cannot be read is as good as none: what it
    /// held is measured again.
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let usual = || dirs::cache_dir().map(|folder| folder.join("snn").join("gpu-kernels.ron"));
        let file = file.or_else(usual);
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let known = text.and_then(|text| ron::from_str(&text).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(known) }
    }

    /// The forms that were measured to be the quickest for `key`.
    pub(crate) fn find(&self, key: &str) -> Option<Forms> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Remembers forms. If the file cannot be written, they are measured again in the next run.
    pub(crate) fn remember(&self, found: impl IntoIterator<Item = (String, Forms)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another process may have measured in the meantime; what is there stays, as runs rely on it.
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
