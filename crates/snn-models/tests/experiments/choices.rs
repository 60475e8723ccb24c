//! Every choice that is shown can be made, and every choice that there is is shown.

use snn_models::choices::{CHOICES, Choice, Choices};

use crate::lenet;

/// Override that makes the choice called `name`, given as `example`.
fn setting(choices: &Choices, name: &str, example: &str) -> (String, String) {
    let path = match name {
        "Exact" | "LeakFree" => "network.layers[5].neuron.gradient",
        _ => choices.path,
    };
    let value = match (choices.many, name) {
        ("layers", "Readout") => format!("[{example}]"),
        ("layers", _) => format!("[{example}, Readout(classes: 10)]"),
        _ => example.to_owned(),
    };
    (path.to_owned(), value)
}

#[test]
fn every_example_can_be_read_and_holds_all_fields() {
    for choices in &CHOICES {
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
fn no_choice_is_left_out() {
    for choices in CHOICES.iter().filter(|choices| choices.many != "gradients") {
        let value = if choices.many == "layers" { "[Nothing()]" } else { "Nothing()" };
        let error = lenet(&[(choices.path, value)]).unwrap_err().to_string();
        let names: Vec<&str> = choices.all.iter().map(Choice::name).collect();
        let line = format!("known {}: {}", choices.many, names.join(", "));
        assert!(error.lines().any(|known| known.trim_start_matches([' ', '=']) == line), "{line} in {error}");
    }
}
