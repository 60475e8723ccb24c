//! What is wrong with an experiment, an argument or a file is said, and nothing is left behind.

use std::fs;

use super::{error, file_error, folder, trained};

#[test]
fn an_unknown_preset_lists_the_known_ones() {
    let text = error(folder().path(), &["train", "mnist-lent"]);
    assert!(text.contains("unknown preset \"mnist-lent\""), "{text}");
    assert!(text.contains("did you mean mnist-lenet?"), "{text}");
    assert!(text.contains("known presets: mnist-lenet, mnist-lenet-paper"), "{text}");
}

#[test]
fn a_misspelt_field_is_shown_in_its_line() {
    let text = file_error("epochs: ", "epoch: ");
    assert!(text.contains("unknown field \"epoch\" in training"), "{text}");
    assert!(text.contains("--> my-net.ron:"), "{text}");
    assert!(text.contains("^^^^^ did you mean epochs?"), "{text}");
    assert!(text.contains("known fields: epochs, batch, optimizer"), "{text}");
}

#[test]
fn an_unknown_neuron_is_shown_in_its_line() {
    let text = file_error("Lif(leak", "Lief(leak");
    assert!(text.contains("unknown neuron \"Lief\" in network.neuron"), "{text}");
    assert!(text.contains("^^^^ did you mean Lif?"), "{text}");
}

#[test]
fn a_batch_of_zero_is_refused() {
    let text = error(folder().path(), &["train", "--batch", "0"]);
    assert!(text.contains("training.batch must be at least 1, found 0"), "{text}");
}

#[test]
fn a_limit_of_zero_is_refused() {
    let text = error(folder().path(), &["train", "--limit", "0"]);
    assert_eq!(text, "error: --limit must be at least 1, found 0\n");
}

#[test]
fn a_layer_that_does_not_fit_is_named() {
    let text = error(folder().path(), &["show", "--set", "network.layers[1].size=40"]);
    assert!(text.contains("network.layers[1]: pool1: input 20x28x28: height 28"), "{text}");
}

#[test]
fn an_override_of_an_unknown_field_lists_the_known_ones() {
    let text = error(folder().path(), &["show", "--set", "training.epoch=3"]);
    assert!(text.contains("did you mean epochs?"), "{text}");
    assert!(text.contains("in the override training.epoch=3"), "{text}");
}

#[test]
fn a_missing_file_is_named() {
    let text = error(folder().path(), &["train", "nowhere.ron"]);
    assert!(text.starts_with("error: nowhere.ron: cannot read the experiment: "), "{text}");
}

#[test]
fn a_missing_data_folder_says_what_to_download() {
    let dir = folder();
    let text = error(dir.path(), &["train", "--data", "no/such/folder"]);
    assert!(text.contains("MNIST not found") && text.contains("no/such/folder"), "{text}");
    assert!(text.contains("train-images-idx3-ubyte"), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a run that cannot start leaves no folder");
}

#[test]
fn truncated_data_are_reported() {
    let dir = folder();
    let header = [0_u8, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3];
    fs::write(dir.path().join("train-images-idx3-ubyte"), header).unwrap();
    fs::write(dir.path().join("train-labels-idx1-ubyte"), [0_u8, 0, 8, 1, 0, 0, 0, 100, 1, 2, 3]).unwrap();
    let text = error(dir.path(), &["train", "--data", "."]);
    assert!(text.contains("train-labels-idx1-ubyte: truncated"), "{text}");
    assert!(text.contains("take a whole copy of the file"), "{text}");
}

#[test]
fn a_run_folder_below_a_file_cannot_be_made() {
    let dir = folder();
    fs::write(dir.path().join("file"), "").unwrap();
    let text = error(dir.path(), &["train", "--limit", "8", "--out", "file/run"]);
    assert!(text.starts_with("error: file/run: cannot "), "{text}");
}

#[test]
fn a_run_is_not_overwritten() {
    let (dir, _) = trained();
    let text = error(dir.path(), &["train", "--limit", "8", "--out", "run"]);
    assert!(text.contains("run: holds a run already"), "{text}");
}
