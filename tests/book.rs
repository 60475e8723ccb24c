//! What the book and the README show works, and nothing that has a name is missing from the book.

use std::fs;
use std::path::Path;

use snn::core::neuron::PEERS;
use snn::core::part::Part;
use snn::core::registry::{Catalog, Registry};
use snn::models::choices::CHOICES;
use snn::models::{Experiment, presets};

fn registry() -> Registry {
    snn::registry().expect("built-in names differ")
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Blocks of RON in a page.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```ron\n").skip(1).filter_map(|rest| rest.split("```").next())
}

#[test]
fn every_experiment_and_part_that_is_shown_can_be_made() {
    let registry = registry();
    let mut count = 0;
    let pages = ["experiment", "data", "networks", "neurons", "surrogates", "encoders-and-losses"]
        .map(|page| format!("book/src/{page}.md"));
    for name in pages.iter().map(String::as_str).chain(["README.md"]) {
        for block in blocks(&page(name)) {
            count += 1;
            if block.contains("Experiment(") {
                let experiment = Experiment::from_ron(block, name, &[], &registry);
                experiment.unwrap_or_else(|error| panic!("{error}"));
            } else {
                let mut part = Part::parse(block).unwrap();
                let made = if registry.families.names().any(|family| family == part.name) {
                    registry.families.make(&mut part, &registry).map(drop)
                } else {
                    registry.neurons.make(&mut part, &registry).map(drop)
                };
                made.unwrap_or_else(|error| panic!("{name}: {block}{error}"));
            }
        }
    }
    assert!(count >= 4, "only {count} blocks were found");
}

#[test]
fn every_name_stands_in_its_chapter() {
    fn check<T>(chapter: &str, catalog: &Catalog<T>) {
        let text = page(chapter);
        for name in catalog.names() {
            let is_there = [format!("`{name}`"), format!("`{name}(")].iter().any(|form| text.contains(form));
            assert!(is_there, "{name} is missing from {chapter}");
        }
    }
    let registry = registry();
    check("book/src/experiment.md", &registry.data_sets);
    check("book/src/data.md", &registry.data_sets);
    check("book/src/networks.md", &registry.families);
    check("book/src/neurons.md", &registry.neurons);
    check("book/src/surrogates.md", &registry.surrogates);
    check("book/src/encoders-and-losses.md", &registry.encoders);
    check("book/src/encoders-and-losses.md", &registry.scores);
    check("book/src/encoders-and-losses.md", &registry.losses);
}

#[test]
fn every_peer_is_listed_as_it_is() {
    let text = page("book/src/neurons.md");
    for peer in PEERS {
        assert!(text.contains(&format!("| {} | `{}` |", peer.name, peer.part)), "{} is missing or differs", peer.name);
    }
}

/// Names after `known fields: ` in the message for a field that nothing has, set at `path`.
fn known_fields(path: &str) -> Vec<String> {
    fields_that_are_known(&[(path, "1")])
}

/// Names after `known fields: ` in the message for `overrides` of the default preset.
fn fields_that_are_known(overrides: &[(&str, &str)]) -> Vec<String> {
    let preset = &presets::all()[0];
    let read = Experiment::from_ron(preset.text, "", overrides, &registry());
    let error = read.expect_err("nothing is called so").to_string();
    let known = error.lines().find_map(|line| line.split_once("known fields: "));
    known.unwrap_or_else(|| panic!("{error}")).1.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_field_and_choice_stands_in_the_chapter_on_experiments() {
    let text = page("book/src/experiment.md");
    let paths = ["nothing", "training.nothing", "network.nothing", "network.layers[0].nothing"];
    for field in paths.into_iter().flat_map(known_fields) {
        assert!(text.contains(&format!("| `{field}` |")), "field {field}");
    }
    let kinds = CHOICES
        .iter()
        .filter(|choices| ["layers", "optimizers", "schedules", "starts", "augmentations"].contains(&choices.many));
    for choice in kinds.flat_map(|choices| choices.all) {
        assert!(text.contains(&format!("| `{}` |", choice.name())), "choice {}", choice.name());
    }
}

#[test]
fn every_field_of_a_network_stands_in_the_chapter_on_networks() {
    let text = page("book/src/networks.md");
    let nothing = ["LeNet(nothing: 1)", "Vgg(nothing: 1)", "ResNet(nothing: 1)", "Populations(nothing: 1)"];
    let population = "Populations(populations: [(name: \"a\", inputs: [], nothing: 1)])";
    for network in nothing.into_iter().chain([population]) {
        for field in fields_that_are_known(&[("network", network)]) {
            assert!(text.contains(&format!("| `{field}` |")), "field {field} of {network}");
        }
    }
    let kinds = CHOICES.iter().filter(|choices| ["shortcuts", "projections", "poolings"].contains(&choices.many));
    for choice in kinds.flat_map(|choices| choices.all) {
        assert!(text.contains(&format!("| `{}` |", choice.name())), "choice {}", choice.name());
    }
}

#[test]
fn every_preset_stands_in_the_chapter_on_networks() {
    let text = page("book/src/networks.md");
    for preset in presets::all() {
        let experiment = Experiment::from_ron(preset.text, "", &[], &registry()).unwrap();
        let network = experiment.build(&registry()).unwrap().network;
        let start = format!("| `{}` | {} | {} |", preset.name, grouped(network.parameters()), experiment.steps);
        assert!(text.contains(&start), "no line starts with {start}");
    }
}

/// `5,938,880`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}
