//! `snn data`, as a user meets it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[allow(dead_code, reason = "the server can fail in more ways than are met here")]
#[path = "../crates/snn-data/tests/server/mod.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use server::{Answer, Server};
use tempfile::TempDir;

/// The data sets of this repository.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/snn-data/tests/samples")
}

/// Runs `snn data` in `dir`, with data sets in `data`.
fn snn(dir: &TempDir, data: &Path, args: &[&str]) -> Output {
    program(dir, data, &[&["data"], args].concat())
}

/// Runs `snn` in `dir`, with data sets in `data`.
fn program(dir: &TempDir, data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.current_dir(dir.path()).args(args).env("SNN_DATA", data).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// A server with the published files of MNIST; all but one in this repository are those very files.
fn mnist_server() -> Server {
    Server::new(|path, _| Answer::Bytes(fs::read(data().join("mnist").join(&path[1..])).unwrap()))
}

const IMAGES: &str = "train-images-idx3-ubyte.gz";

#[test]
fn data_sets_are_listed_with_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let text = stdout(&snn(&dir, &data(), &["list"]));
    let row = |name: &str| text.lines().find(|line| line.starts_with(&format!("  {name} "))).unwrap();
    assert!(row("Mnist").contains("1x28x28") && row("Mnist").ends_with("data/mnist"), "{text}");
    assert!(row("Nmnist").contains("recordings  2x34x34"), "{text}");
}

#[test]
fn a_data_set_is_fetched_into_its_own_folder() {
    let (dir, server) = (tempfile::tempdir().unwrap(), mnist_server());
    let folder = dir.path().join("mnist");
    fs::create_dir(&folder).unwrap();
    fs::copy(data().join("mnist").join(IMAGES), folder.join(IMAGES)).unwrap();
    let text = stdout(&snn(&dir, dir.path(), &["get", "mnist", "--from", &server.url]));
    assert!(text.contains("train-images-idx3-ubyte.gz  is there already"), "{text}");
    assert!(text.contains("t10k-labels-idx1-ubyte.gz   downloaded, as published"), "{text}");
    let text = stdout(&snn(&dir, dir.path(), &["check", "mnist"]));
    assert!(text.contains("in order") && text.contains(folder.to_str().unwrap()), "{text}");
}

#[test]
fn another_file_than_the_published_one_is_not_kept() {
    let (dir, server) = (tempfile::tempdir().unwrap(), mnist_server());
    let text = error(snn(&dir, dir.path(), &["get", "Mnist", "--to", "here", "--from", &server.url]));
    assert!(text.contains("expected f68b3c2dcbeaaa9fbdd348bbdeb94873: this is not the published file"), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nor is the folder that was made for it");
}

#[test]
fn an_unknown_data_set_lists_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let text = error(snn(&dir, dir.path(), &["get", "mnist2"]));
    assert_eq!(text, "error: no data set is called \"mnist2\"; known: Mnist, FashionMnist, Cifar10, Svhn, Nmnist\n");
}

#[test]
fn a_data_set_is_counted_class_by_class() {
    let dir = tempfile::tempdir().unwrap();
    let text = stdout(&snn(&dir, &data(), &["check", "MNIST"]));
    assert!(text.contains("t10k-labels-idx1-ubyte.gz") && text.contains("the same bytes once decompressed"), "{text}");
    assert!(!text.contains("a part of the set"), "{text}");
    assert!(text.contains("      0  0         5,923     980") && text.contains("60,000  10,000"), "{text}");
    let nmnist = samples().join("nmnist");
    let text = stdout(&snn(&dir, &data(), &["check", "nmnist", "--data", nmnist.to_str().unwrap()]));
    assert!(text.contains("4,681") && text.contains("as far as can be told"), "{text}");
    assert!(text.contains("1 of 60,000 training and 1 of 10,000 test recordings: a part of the set"), "{text}");
}

#[test]
fn the_files_that_are_read_are_checked() {
    let (dir, samples) = (tempfile::tempdir().unwrap(), samples());
    let data_set = "Svhn(train_file: \"svhn_first20.mat\", held_out: Some(5))";
    let text = stdout(&snn(&dir, &data(), &["check", data_set, "--data", samples.to_str().unwrap()]));
    assert!(text.contains("svhn_first20.mat") && text.contains("no file of this name is published"), "{text}");
    assert!(!text.contains("32x32.mat") && !text.contains("not here"), "{text}");
    assert!(text.contains("15 of 73,252 training and 5 of 5 test images: a part of the set"), "{text}");
}

#[test]
fn a_data_set_that_is_not_here_has_no_table() {
    let dir = tempfile::tempdir().unwrap();
    let output = snn(&dir, &data(), &["check", "svhn", "--data", "."]);
    assert!(output.stdout.is_empty());
    assert!(error(output).starts_with("error: SVHN not found"));
}

#[test]
fn a_part_that_is_all_held_out_leaves_no_run() {
    let (dir, nmnist) = (tempfile::tempdir().unwrap(), samples().join("nmnist"));
    let args = ["train", "nmnist-lenet-fast", "--epochs", "1", "--out", "run", "--data", nmnist.to_str().unwrap()];
    let text = error(program(&dir, &data(), &args));
    assert!(text.contains("1000 of 1 training images leave none to learn"), "{text}");
    assert!(text.contains("for example with --set training.validation=0"), "{text}");
    assert!(!dir.path().join("run").exists(), "a run that cannot start leaves no folder");
}

#[test]
fn a_limit_beyond_the_data_set_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = error(program(&dir, &data(), &["train", "--limit", "70000"]));
    assert_eq!(text, "error: --limit must be at most 60000, the training images of Mnist, found 70000\n");
}

#[test]
fn damage_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(data().join("mnist")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let name = dir.path().join("t10k-labels-idx1-ubyte.gz");
    let mut bytes = fs::read(&name).unwrap();
    bytes[2000] ^= 1;
    fs::remove_file(&name).unwrap();
    fs::write(&name, bytes).unwrap();
    let output = snn(&dir, &data(), &["check", "mnist", "--data", "."]);
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(table.contains("cannot be read") || table.contains("differs"), "{table}");
    assert!(error(output).contains("t10k-labels-idx1-ubyte.gz: the gzip data is corrupted"));
}

/// The width and the height in the header of a PNG file.
fn size(path: &Path) -> [u32; 2] {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    [16, 20].map(|at| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

#[test]
fn samples_are_drawn_with_their_changes() {
    let dir = tempfile::tempdir().unwrap();
    let text = stdout(&snn(&dir, &data(), &["show", "mnist"]));
    assert!(text.contains("mnist.png") && text.contains("from top to bottom: 0, 1, 2"), "{text}");
    let [width, height] = size(&dir.path().join("mnist.png"));
    assert!(width > 12 * 56 && height > 10 * 56);
    let text = stdout(&snn(&dir, &data(), &["show", "mnist", "--augment", "Shift(pixels: 4)", "--out", "x.png"]));
    assert!(text.contains("the same in epochs 1 to 3 of a run with seed 1: Shift(pixels: 4)"), "{text}");
    assert!(size(&dir.path().join("x.png"))[1] > 20 * 56);
    let data_set = "Svhn(train_file: \"svhn_first20.mat\", held_out: 5)";
    let text = stdout(&snn(&dir, &data(), &["show", data_set, "--data", samples().to_str().unwrap()]));
    assert!(text.contains("svhn.png"), "{text}");
}

#[test]
fn a_mistake_in_an_augmentation_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let text = error(snn(&dir, &data(), &["show", "mnist", "--augment", "Shift(pixel: 4)"]));
    assert!(text.contains("unknown field \"pixel\" in training.augmentation"), "{text}");
    assert!(text.contains("did you mean pixels?"), "{text}");
}
