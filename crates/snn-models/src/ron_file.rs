//! Reading and writing experiments as RON.

use ron::ser::PrettyConfig;
use snn_core::part::{Node, PartError, Path, Segment, options};
use snn_core::registry::Registry;
use snn_core::text::excerpt;

use crate::finding::TextFinding;
use crate::layout::lay_out;
use crate::{Experiment, ExperimentError, overrides, reading};

impl Experiment {
    /// Reads the experiment that `text` describes, from a file called `file_name` (which only errors mention), looks up
    /// its names in `registry`, sets each `(path, value)` of `overrides` in turn, such as `("training.epochs", "3")`, and
    /// checks the result. Every default is then written out, those of parts within parts too.
    ///
    /// # Errors
    /// [`ExperimentError::Text`] for text that does not describe an experiment or is out of range, with the line at
    /// fault; [`ExperimentError::Override`] for an override that does not fit; else as [`Experiment::build`].
    pub fn from_ron(
        text: &str,
        file_name: &str,
        overrides: &[(&str, &str)],
        registry: &Registry,
    ) -> Result<Self, ExperimentError> {
        // Editors of some systems put a mark at the start that says that the text is in UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
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

    /// The experiment as RON, all defaults written out. [`Experiment::from_ron`] reads it back equal.
    ///
    /// # Panics
    /// Never: an experiment holds only numbers, lists and names, all of which RON can write.
    pub fn to_ron(&self) -> String {
        let config = PrettyConfig::new().depth_limit(0);
        let line = options().to_string_pretty(self, config).expect("an experiment holds nothing that RON cannot write");
        lay_out(&format!("Experiment{line}"))
    }

    /// Path and RON text of every value whose field is called `name`, wherever it is, such as all `threshold`s.
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

    /// The text of the field of `network`, of `training` or of the experiment itself that `path` leads through, as it would be
    /// written there: for `network.neuron.leak`, `neuron: Lif(...)`. None if there is no value at `path`.
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

/// The same error with its line, if the value at fault is written in `text`.
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
