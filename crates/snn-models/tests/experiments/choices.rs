//! Every choice that is shown can be made, and every choice that there is is shown.

use snn_models::choices::{self, CHOICES, Choice, Choices};

use crate::lenet;

/// Override that makes the choice called `name`, given as `example`.
fn setting(choices: &Choices, name: &str, example: &str) -> (String, String) {
    let path = match (choices.many, name) {
        (_, "Exact" | "LeakFree") => "network.layers[5].neuron.gradient",
        ("shortcuts" | "projections" | "poolings" | "norms", _) => "network",
        _ => choices.path,
    };
    let value = match (choices.many, name) {
        ("layers", "Readout") => format!("[{example}]"),
        ("layers", _) => format!("[{example}, Readout(classes: 10)]"),
        ("poolings", _) => format!("LeNet(pooling: {example})"),
        ("norms", _) => format!("LeNet(neuron: Lif(gradient: Atan), norm: {example})"),
        ("shortcuts", _) => format!("ResNet(stem: 8, blocks: [(channels: 8)], shortcut: {example})"),
        ("projections", _) => format!(
            "Populations(populations: [(name: \"one\", inputs: [{example}]), \
             (name: \"readout\", inputs: [Linear(from: \"one\", features: 10)])])"
        ),
        _ => example.to_owned(),
    };
    (path.to_owned(), value)
}

#[test]
fn every_example_can_be_read_and_holds_all_fields() {
    for choices in CHOICES.iter().filter(|choices| choices.many != "networks") {
        for choice in choices.all {
            let (path, value) = setting(choices, choice.name(), choice.example);
            let experiment = lenet(&[(&path, &value)]).unwrap_or_else(|error| panic!("{error}"));
            let written: String = experiment.to_ron().split_whitespace().collect();
            let example: String = choice.example.split_whitespace().collect();
            let number = |text: &str| text.replace("1e-8", "0.00000001");
            let example = example.replace("neuron:LeakyIntegrator(gradient:LeakFree))", "");
            assert!(number(&written).contains(&number(&example)), "{example} in {written}");
        }
    }
}

#[test]
fn every_network_that_is_shown_can_be_built_and_holds_all_fields() {
    let fields = |text: &str| {
        // Of the network alone: not those within its brackets.
        let (mut depth, mut bare) = (0, String::new());
        for c in text.chars() {
            depth -= i32::from(c == ')' || c == ']');
            if depth == 1 {
                bare.push(c);
            }
            depth += i32::from(c == '(' || c == '[');
        }
        let names = bare.split(',').filter_map(|field| field.split_once(':')).map(|(name, _)| name.trim().to_owned());
        names.collect::<Vec<String>>()
    };
    for choice in choices::of("networks").unwrap().all {
        let experiment = lenet(&[("network", choice.example)]).unwrap_or_else(|error| panic!("{error}"));
        let mut all = experiment.network.clone();
        all.fields = String::new();
        let network = if ["Sequence", "Populations"].contains(&choice.name()) { experiment.network } else { all };
        let text = lenet(&[("network", &network.to_string())]).unwrap().network.to_string();
        assert_eq!(fields(choice.example), fields(&text), "{}", choice.name());
    }
}

#[test]
fn no_choice_is_left_out() {
    for choices in CHOICES.iter().filter(|choices| choices.many != "gradients") {
        let (path, value) = match choices.many {
            "layers" => (choices.path.to_owned(), "[Nothing()]".to_owned()),
            _ => setting(choices, "", "Nothing()"),
        };
        let error = lenet(&[(&path, &value)]).unwrap_err().to_string();
        let names: Vec<&str> = choices.all.iter().map(Choice::name).collect();
        let line = format!("known {}: {}", choices.many, names.join(", "));
        assert!(error.lines().any(|known| known.trim_start_matches([' ', '=']) == line), "{line} in {error}");
    }
}
