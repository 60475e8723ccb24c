//! Overrides of the command line: `training.epochs = 3`, `network.layers[2].channels = 64`.
//!
//! An override replaces text in the resolved experiment, which is then read anew, so it can be any value that a file
//! could hold and is checked in the same way.

use crate::{
    Diagnosis, Experiment, ExperimentError,
    diagnosis::did_you_mean,
    ron_error,
    ron_tree::{Content, Node, Path, Segment},
};

/// `experiment` with the value at `path` replaced by `value`, in RON.
pub(crate) fn apply(experiment: &Experiment, path: &str, value: &str) -> Result<Experiment, ExperimentError> {
    let fail = |title: String, mut notes: Vec<String>| {
        notes.push(format!("in the override {path}={value}"));
        ExperimentError::Override(Box::new(Diagnosis { title, place: None, notes }))
    };
    let Some(parsed) = Path::parse(path) else {
        let example = "paths look like training.batch or network.layers[2].channels";
        return Err(fail(format!("\"{path}\" is not a path"), vec![example.to_owned()]));
    };
    if let Err(unreadable) = Node::read(value) {
        return Err(fail(format!("\"{value}\" is not a value: {}", unreadable.reason), Vec::new()));
    }
    let text = splice(&experiment.to_ron(), &parsed, value).map_err(|(title, notes)| fail(title, notes))?;
    ron_error::read(&text).map_err(|fault| {
        let hint = Some(fault.label).filter(|label| !label.is_empty());
        fail(fault.title, hint.into_iter().chain(fault.notes).collect())
    })
}

/// The same error as the fault of an override, if one of `overrides` set the value.
pub(crate) fn blame(error: &ExperimentError, overrides: &[(&str, &str)]) -> Option<ExperimentError> {
    let at_fault = Path::parse(error.path()?)?;
    let (path, value) = overrides.iter().rev().find(|(path, _)| {
        let path = Path::parse(path).unwrap_or_default();
        path.0.starts_with(&at_fault.0) || at_fault.0.starts_with(&path.0)
    })?;
    let notes = vec![format!("in the override {path}={value}")];
    Some(ExperimentError::Override(Box::new(Diagnosis { title: error.to_string(), place: None, notes })))
}

/// `text` with `value` at `path`, in place of the value there or as a new field. The error is a title and notes.
fn splice(text: &str, path: &Path, value: &str) -> Result<String, (String, Vec<String>)> {
    let tree = Node::read(text).map_err(|unreadable| (unreadable.reason, Vec::new()))?;
    let (node, depth) = tree.descend(text, path);
    let replace =
        |span: std::ops::Range<usize>, new: &str| format!("{}{new}{}", &text[..span.start], &text[span.end..]);
    if depth == path.0.len() {
        return Ok(replace(node.span.clone(), value));
    }
    let there = Path(path.0[..depth].to_vec());
    match (&path.0[depth], &node.content) {
        (Segment::Field(field), Content::Fields(fields)) if depth + 1 == path.0.len() => {
            let (at, comma) = match fields.last() {
                Some((_, last)) => (last.span.end, ", "),
                None => (node.span.end - 1, ""),
            };
            Ok(replace(at..at, &format!("{comma}{field}: {value}")))
        }
        (Segment::Field(field), Content::Fields(fields)) => {
            let known: Vec<&str> = fields.iter().map(|(key, _)| &text[key.clone()]).collect();
            let whole = || format!("to set it as a whole: {}{field}=...", place_before(&there));
            let notes = vec![
                did_you_mean(field, &known).unwrap_or_else(whole),
                format!("fields set there: {}", known.join(", ")),
            ];
            Err((format!("\"{field}\" is not set in {}", place(&there)), notes))
        }
        (Segment::Index(index), Content::Items(items)) => {
            let last = items.len().saturating_sub(1);
            let notes = vec![format!("the last one is {there}[{last}]")];
            Err((format!("{there} has {} values and none at [{index}]", items.len()), notes))
        }
        (segment, _) => {
            let what = match segment {
                Segment::Field(field) => format!("field \"{field}\""),
                Segment::Index(index) => format!("value at [{index}]"),
            };
            let found = node.mark(text);
            Err((format!("{} is {} and has no {what}", place(&there), &text[found]), Vec::new()))
        }
    }
}

fn place(path: &Path) -> String {
    if path.0.is_empty() { "the experiment".to_owned() } else { path.to_string() }
}

/// A path as it stands before a field.
fn place_before(path: &Path) -> String {
    if path.0.is_empty() { String::new() } else { format!("{path}.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiment::{Layer, NetworkSpec, Optimizer, Schedule},
        presets,
    };

    fn with(overrides: &[(&str, &str)]) -> Result<Experiment, ExperimentError> {
        Experiment::from_ron(presets::all()[0].text, "mnist-lenet.ron", overrides)
    }

    fn error(path: &str, value: &str) -> String {
        with(&[(path, value)]).unwrap_err().to_string()
    }

    #[test]
    fn any_value_can_be_set() {
        let experiment = with(&[
            ("training.epochs", "3"),
            ("training.clip", "5.0"),
            ("network.layers[2].channels", "64"),
            ("network.layers[4].neuron", "Lif(leak: 0.5)"),
            ("network.layers[4].neuron.threshold", "2"),
            ("training.schedule", "Constant"),
            ("training.optimizer.rate", "0.1"),
        ])
        .unwrap();
        assert_eq!(experiment.training.epochs, 3);
        assert_eq!(experiment.training.clip, Some(5.0));
        assert_eq!(experiment.training.schedule, Schedule::Constant);
        assert_eq!(experiment.training.optimizer, Optimizer::Sgd { rate: 0.1, momentum: 0.9, weight_decay: 5e-4 });
        let NetworkSpec::Sequence { layers, .. } = &experiment.network;
        assert!(matches!(layers[2], Layer::Conv { channels: 64, .. }));
        let Layer::Linear { neuron: Some(neuron), .. } = layers[4] else { panic!("no neuron: {:?}", layers[4]) };
        assert_eq!((neuron.leak(), neuron.threshold()), (0.5, 2.0));
    }

    #[test]
    fn a_whole_choice_can_be_replaced() {
        let experiment = with(&[("training.optimizer", "Adam(rate: 0.001)")]).unwrap();
        assert!(matches!(experiment.training.optimizer, Optimizer::Adam { rate: 0.001, .. }));
    }

    #[test]
    fn an_unknown_path_lists_what_is_there() {
        insta::assert_snapshot!(error("training.epoch", "3"), @r#"
        unknown field "epoch" in training
         |
         = did you mean epochs?
         = known fields: epochs, batch, optimizer, schedule, clip, augmentation, validation, limit, seed
         = in the override training.epoch=3
        "#);
        insta::assert_snapshot!(error("trainig.epochs", "3"), @r#"
        "trainig" is not set in the experiment
         |
         = did you mean training?
         = fields set there: data, input, steps, network, loss, training
         = in the override trainig.epochs=3
        "#);
        insta::assert_snapshot!(error("network.layers[9].channels", "3"), @"
        network.layers has 6 values and none at [9]
         |
         = the last one is network.layers[5]
         = in the override network.layers[9].channels=3
        ");
        insta::assert_snapshot!(error("network.layers[0].neuron.leak", "0.5"), @r#"
        "neuron" is not set in network.layers[0]
         |
         = to set it as a whole: network.layers[0].neuron=...
         = fields set there: channels, kernel, stride, padding
         = in the override network.layers[0].neuron.leak=0.5
        "#);
        insta::assert_snapshot!(error("steps.more", "3"), @r#"
        steps is 50 and has no field "more"
         |
         = in the override steps.more=3
        "#);
        insta::assert_snapshot!(error("training.schedule.rate", "3"), @r#"
        unknown field "rate" in training.schedule
         |
         = known fields: floor, warmup
         = in the override training.schedule.rate=3
        "#);
        insta::assert_snapshot!(error("training..epochs", "3"), @r#"
        "training..epochs" is not a path
         |
         = paths look like training.batch or network.layers[2].channels
         = in the override training..epochs=3
        "#);
    }

    #[test]
    fn a_value_that_does_not_fit_is_explained() {
        insta::assert_snapshot!(error("training.epochs", "many"), @"
        training.epochs must be a whole number of at least 0, found many
         |
         = in the override training.epochs=many
        ");
        insta::assert_snapshot!(error("training.epochs", "3, batch: 4"), @r#"
        "3, batch: 4" is not a value: nothing may follow here
         |
         = in the override training.epochs=3, batch: 4
        "#);
        insta::assert_snapshot!(error("training.optimizer", "Adam(rate: 0.1"), @r#"
        "Adam(rate: 0.1" is not a value: this bracket is never closed with )
         |
         = in the override training.optimizer=Adam(rate: 0.1
        "#);
        insta::assert_snapshot!(error("training.optimizer", "Sdg(rate: 0.1)"), @r#"
        unknown optimizer "Sdg" in training.optimizer
         |
         = did you mean Sgd?
         = known optimizers: Sgd, Adam, AdamW
         = in the override training.optimizer=Sdg(rate: 0.1)
        "#);
        insta::assert_snapshot!(error("training.epochs", ""), @r#"
        "" is not a value: expected a value, found the end
         |
         = in the override training.epochs=
        "#);
    }
}
