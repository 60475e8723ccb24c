//! Reading and writing experiments as RON.

use ron::ser::PrettyConfig;
use snn_core::part::{Node, PartError, Path, Segment, options};
use snn_core::registry::Registry;
use snn_core::text::excerpt;

use crate::finding::TextFinding;
use crate::pretty::lay_out;
use crate::{Experiment, ExperimentError, former, overrides, reading};

impl Experiment {
    /// Reads an experiment from `text` and checks it. `file_name` is only used in error messages. Names are looked up
    /// in `registry`. Each `(path, value)` of `overrides` is set in turn, such as `("training.epochs", "3")`. The
    /// result holds all default values, including those of nested parts.
    ///
    /// # Errors
    /// [`ExperimentError::Text`] if the text does not describe an experiment or a value is out of range, with the line
    /// at fault; [`ExperimentError::Override`] if an override does not fit; else as [`Experiment::build`].
    pub fn from_ron(
        text: &str,
        file_name: &str,
        overrides: &[(&str, &str)],
        registry: &Registry,
    ) -> Result<Self, ExperimentError> {
        // Some editors put a byte order mark at the start of UTF-8 text.
        let text = &*former::with_present_names(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut experiment = reading::read(text, registry)
            .map_err(|finding| ExperimentError::Text(Box::new(finding.diagnosis(file_name, text))))?;
        for (path, value) in overrides {
            experiment = overrides::apply(&experiment, path, value, registry)?;
        }
        match experiment.build(registry) {
            Ok(_) => Ok(experiment),
            Err(ExperimentError::Value(error)) => Err(overrides::blame(&error, overrides)
                .or_else(|| locate(&error, text, file_name, overrides))
                .unwrap_or(ExperimentError::Value(error))),
            Err(other) => Err(other),
        }
    }

    /// Returns the experiment as RON text with all default values. [`Experiment::from_ron`] reads it back as an equal
    /// experiment.
    ///
    /// # Panics
    /// Never: an experiment holds only numbers, lists and names, all of which RON can write.
    pub fn to_ron(&self) -> String {
        let config = PrettyConfig::new().depth_limit(0);
        let line = options().to_string_pretty(self, config).expect("an experiment holds nothing that RON cannot write");
        lay_out(&format!("Experiment{line}"))
    }

    /// Returns the path and RON text of every field called `name`, at any depth, such as all `threshold`s.
    pub fn values(&self, name: &str) -> Vec<(String, String)> {
        let text = self.to_ron();
        let mut found = Vec::new();
        let Ok(tree) = Node::read(&text) else { return found };
        tree.visit(&Path::default(), &mut |path, node| {
            if matches!(path.0.last(), Some(Segment::Field(field)) if field == name) {
                found.push((path.to_string(), node.text.to_owned()));
            }
        });
        found
    }

    /// Returns the RON text of the field that holds the value at `path`. The field is one of `network`, of `training`
    /// or of the experiment itself: for `network.neuron.leak`, `neuron: Lif(...)`. `None` if there is no value at
    /// `path`.
    pub fn field(&self, path: &str) -> Option<String> {
        let text = self.to_ron();
        let path = Path::parse(path)?;
        let tree = Node::read(&text).ok()?;
        let Segment::Field(first) = path.0.first()? else { return None };
        let length = if ["network", "training"].contains(&first.as_str()) { 2 } else { 1 };
        let field = Path(path.0[..path.0.len().min(length)].to_vec());
        let is_there = tree.descend(&path).1 == path.0.len();
        let Segment::Field(key) = field.0.last()? else { return None };
        is_there.then(|| format!("{key}: {}", tree.descend(&field).0.text))
    }
}

/// Returns the error with its source line, if the value at fault is written in `text`.
fn locate(error: &PartError, text: &str, file_name: &str, overrides: &[(&str, &str)]) -> Option<ExperimentError> {
    let path = Path::parse(&error.path)?;
    let tree = Node::read(text).ok()?;
    if tree.descend(&path).1 < path.0.len() {
        return None;
    }
    let mut diagnosis = TextFinding::new(error, &tree).diagnosis(file_name, text);
    diagnosis.notes.extend(
        overrides.iter().map(|(path, value)| format!("with the override {}={}", excerpt(path), excerpt(value))),
    );
    Some(ExperimentError::Text(Box::new(diagnosis)))
}
