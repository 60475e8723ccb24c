//! The files of vectors, and the comparison of numbers with them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value};

use crate::tables::tolerance;

/// Names of the files.
pub(crate) const LIBRARIES: [&str; 3] = ["snntorch", "spikingjelly", "norse"];

/// A case of a library.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) library: &'static str,
    pub(crate) name: String,
    /// Its constants.
    pub(crate) info: Value,
    file: Arc<File>,
}

#[derive(Debug)]
struct File {
    infos: Map<String, Value>,
    /// Shape and values of `case/tensor`.
    tensors: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

/// All cases of a library.
pub(crate) fn library(name: &'static str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/peers");
    let bytes = std::fs::read(folder.join(name).with_extension("safetensors")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let infos = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.iter().map(|(name, view)| {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F64 => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
            Dtype::U8 => data.iter().map(|b| f64::from(*b)).collect(),
            other => panic!("{name} is {other:?}"),
        };
        (name.to_owned(), (view.shape().to_vec(), values))
    });
    let file = Arc::new(File { infos, tensors: tensors.collect() });
    let case = |(case, info): (&String, &Value)| Case {
        library: name,
        name: case.clone(),
        info: info.clone(),
        file: file.clone(),
    };
    file.infos.iter().filter(|(case, _)| *case != "common").map(case).collect()
}

impl Case {
    pub(crate) fn kind(&self) -> &str {
        self.text("kind").unwrap()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.info.get(key)?.as_str()
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.info.get(key)?.as_f64()
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.info.get(key)?.as_bool()
    }

    /// A tensor of the case, if it has one of that name.
    pub(crate) fn find(&self, tensor: &str) -> Option<Vec<f64>> {
        Some(self.file.tensors.get(&format!("{}/{tensor}", self.name))?.1.clone())
    }

    pub(crate) fn tensor(&self, tensor: &str) -> Vec<f64> {
        self.find(tensor).unwrap_or_else(|| panic!("{self} has no tensor {tensor}"))
    }

    pub(crate) fn shape(&self, tensor: &str) -> Vec<usize> {
        self.file.tensors[&format!("{}/{tensor}", self.name)].0.clone()
    }

    /// Names of the tensors of the case.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &str> {
        self.file.tensors.keys().filter_map(|key| key.strip_prefix(&self.name)?.strip_prefix('/'))
    }

    /// A tensor that the whole library shares.
    pub(crate) fn common(&self, tensor: &str) -> Vec<f64> {
        self.file.tensors[&format!("common/{tensor}")].1.clone()
    }

    /// Another case of the same library.
    pub(crate) fn sibling(&self, name: &str) -> Self {
        Self { name: name.to_owned(), info: self.file.infos[name].clone(), ..self.clone() }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.library, self.name)
    }
}

/// `template` with `{key}` replaced by the constant of that name.
pub(crate) fn filled(template: &str, constants: &BTreeMap<&str, String>) -> String {
    let fill = |text: String, (key, value): (&&str, &String)| text.replace(&format!("{{{key}}}"), value);
    constants.iter().fold(template.to_owned(), fill)
}

/// A number as parts write it.
pub(crate) fn number(value: f64) -> String {
    format!("{:?}", value as f32)
}

/// Deviations from the vectors, relative to the larger of 1 and the value, with what is allowed.
#[derive(Debug, Default)]
pub(crate) struct Deviations(Vec<(f64, f64, String)>);

impl Deviations {
    pub(crate) fn add(&mut self, case: &Case, tensor: &str, found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{case} {tensor}");
        let each =
            found.iter().zip(expected).map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.0));
        let largest = each.max_by(f64::total_cmp).unwrap_or(0.0); // which is NaN if there is one
        self.0.push((largest, tolerance(case), format!("{case} {tensor}")));
    }

    /// Tells the largest, and fails if one is too large.
    pub(crate) fn check(mut self) {
        assert!(!self.0.is_empty(), "nothing was compared");
        self.0.sort_by(|a, b| b.0.total_cmp(&a.0));
        let largest: Vec<String> =
            self.0.iter().take(5).map(|(found, _, what)| format!("{found:.1e} {what}")).collect();
        println!("{} tensors; the largest deviations are {}", self.0.len(), largest.join(", "));
        for (found, allowed, what) in &self.0 {
            assert!(found <= allowed, "{what} differs by {found:.1e}");
        }
    }
}
