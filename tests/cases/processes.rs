//! The terminal, processes and drivers, the words of other programs, and what a command leaves behind.

use std::{
    fs,
    io::{BufRead as _, BufReader, Cursor, Read as _},
    path::Path,
    process::{Output, Stdio},
};

use super::{error, input, program, snn, stdout};

/// A run of two updates.
const SHORT: [&str; 11] = ["train", "--limit", "8", "--batch", "4", "--epochs", "1", "--steps", "10", "--out", "run"];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// All that the program wrote holds no character that a terminal obeys.
fn assert_tame(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    let is_wild = |c: &char| (c.is_control() && !"\n\t".contains(*c)) || matches!(c, '\u{202a}'..='\u{202e}');
    assert_eq!(text.chars().find(is_wild), None, "{text:?}");
    text
}

#[test]
fn text_of_a_file_is_shown_and_not_obeyed() {
    let dir = folder();
    let case = |file: &str| input("terminal-escapes").join(file).display().to_string();
    for args in [
        vec!["show".to_owned(), case("meta_origin.safetensors")],
        vec!["evaluate".to_owned(), case("meta_origin.safetensors"), "--limit".to_owned(), "5".to_owned()],
        vec!["evaluate".to_owned(), case("extraname.safetensors")],
        vec!["train".to_owned(), case("ansi4.ron")],
        vec!["show".to_owned(), "\u{1b}]0;x\u{7}".to_owned()],
        vec!["list".to_owned(), "\u{202e}\u{9b}2J".to_owned()],
        vec!["train".to_owned(), "--\u{1b}[2J".to_owned()],
        vec!["\u{1b}[2J".to_owned()],
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_tame(&snn(dir.path(), &args));
    }
    let shown = assert_tame(&snn(dir.path(), &["evaluate", &case("meta_origin.safetensors"), "--limit", "5"]));
    assert!(shown.contains(r"\u{1b}[2J\u{1b}]0;pwned\u{7}converted"), "{shown}");
}

#[test]
fn records_and_names_of_runs_are_shown_and_not_obeyed() {
    let dir = folder();
    let name = "r\u{1b}]0;x\u{7}\u{202e}";
    let args: Vec<&str> = SHORT.iter().map(|arg| if *arg == "run" { name } else { *arg }).collect();
    let output = snn(dir.path(), &args);
    assert!(output.status.success());
    assert!(assert_tame(&output).contains(r"r\u{1b}]0;x\u{7}\u{202e}"));
    fs::copy(input("terminal-escapes").join("metrics.jsonl"), dir.path().join(name).join("metrics.jsonl")).unwrap();
    for args in [vec!["curves", name], vec!["curves", name, "--json"], vec!["evaluate", name, "--limit", "4", "--json"]]
    {
        let output = snn(dir.path(), &args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = assert_tame(&output);
        if args.contains(&"--json") {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }
}

/// Runs the program until it has written a line, and closes the pipe.
fn after_a_line(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut child = program(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    (child.wait().unwrap().code(), error)
}

#[test]
fn a_run_whose_reader_goes_is_not_told_as_done() {
    let dir = folder();
    let args = ["train", "--limit", "400", "--batch", "4", "--epochs", "50", "--steps", "10", "--out", "run", "--json"];
    let (code, error) = after_a_line(dir.path(), &args);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.starts_with("error: standard output was closed, so the run was stopped "), "{error}");
    assert!(error.contains("snn train --resume run"), "{error}");
    assert!(dir.path().join("run/last.safetensors").is_file(), "what was learned is kept");
}

#[test]
fn a_command_whose_reader_goes_does_its_work() {
    let dir = folder();
    stdout(&snn(dir.path(), &SHORT));
    for (args, made) in [
        (&["show", "--ron"][..], None),
        (&["list", "neurons"], None),
        (&["--help"], None),
        (&["curves", "run"], Some("run/curves.html")),
        (&["activity", "run", "--limit", "4"], Some("run/activity-limit4.html")),
    ] {
        let (code, error) = after_a_line(dir.path(), args);
        assert_eq!((code, error.as_str()), (Some(0), ""), "{args:?}");
        assert!(made.is_none_or(|made| dir.path().join(made).is_file()), "{args:?}");
    }
}

#[test]
fn no_driver_is_heard_where_no_card_is_asked_for() {
    let dir = folder();
    for args in [&["list"][..], &["list", "atan"], &["list", "engines"], &["list", "gpu"], &["presets"]] {
        let output = program(dir.path()).env_remove("XDG_RUNTIME_DIR").args(args).output().unwrap();
        stdout(&output);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
    for args in [&["devices"][..], &["train", "--engine", "auto", "--limit", "8", "--steps", "2", "--epochs", "1"]] {
        let output = program(dir.path()).env_remove("XDG_RUNTIME_DIR").args(args).output().unwrap();
        if output.status.success() {
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        } else {
            let text = error(&output); // there is no card
            assert!(text.lines().skip(1).all(|line| line.starts_with("driver: ")), "{text}");
        }
    }
}

#[test]
fn a_level_of_vector_instructions_can_be_forced() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &[&SHORT[..], &["--level", "portable"]].concat()));
    assert!(text.contains("portable SIMD"), "{text}");
    let weights = |out: &str, how: &[&str]| {
        let args = ["train", "--limit", "8", "--steps", "2", "--epochs", "1", "--out", out];
        stdout(&snn(dir.path(), &[&args[..], how].concat()));
        fs::read(dir.path().join(out).join("last.safetensors")).unwrap()
    };
    let flag = weights("flag", &["--level", "portable", "--threads", "1"]);
    assert_eq!(flag, weights("field", &["--engine", "cpu(threads: 2, level: Portable)"]));
    let text = error(&snn(dir.path(), &["train", "--engine", "reference", "--level", "avx2"]));
    assert!(text.contains("--level is for --engine cpu"), "{text}");
    let text = stdout(&snn(dir.path(), &["evaluate", "run", "--limit", "4", "--engine", "cpu(level: Portable)"]));
    assert!(text.contains("portable SIMD"), "{text}");
}

#[test]
fn words_of_other_programs_are_answered() {
    let dir = folder();
    let misuse = |args: &[&str]| {
        let output = snn(dir.path(), args);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    for (args, answer) in [
        (&["train", "--lr", "0.01"][..], "--set training.optimizer.lr=0.01"),
        (&["train", "--learning-rate=0.01"], "--set training.optimizer.lr=0.01"),
        (&["train", "--device", "cuda"], "--engine gpu"),
        (&["train", "--batch-size", "4"], "--batch 64"),
        (&["train", "--num-workers", "4"], "--threads 2"),
        (&["evaluate", "run", "--device", "cuda"], "--engine gpu"),
        (&["test", "run"], "snn evaluate measures"),
        (&["export", "run"], "snn infer --spikes"),
    ] {
        let text = misuse(args);
        assert!(text.contains(answer) && !text.contains("as a value"), "{text}");
    }
    assert!(!misuse(&["train", "--bogus"]).contains("as a value"));
    for (args, answer) in [
        (&["show", "--set", "training.optimizer.learning_rate=0.1"][..], "the learning rate is lr"),
        (&["show", "--set", "network.neuron.tau=2.0"], "leak = 1 - 1/tau"),
        (&["show", "--set", "network.neuron.beta=0.9"], "beta is leak here"),
        (&["show", "--set", "network.neuron=LIFNode"], "SpikingJelly's LIFNode(tau=2.0)"),
        (&["show", "--set", "network.neuron=Leaky"], "snnTorch's Leaky(beta=0.9)"),
        (&["show", "--set", "network.layers[1]=MaxPool2d(2)"], "MaxPool(size: 2)"),
        (&["show", "--set", "network.neuron=LIFNode(2.0)"], "the leak is 1 - 1/tau"),
        (&["show", "--set", "network.layers[1]=BatchNorm"], "norm of the network"),
        (&["show", "--set", "network.layers[1]=Dropout(0.5)"], "a field of the network here"),
        (&["show", "--set", "network.layers[0].bias=true"], "a field of the network here"),
    ] {
        let text = error(&snn(dir.path(), args));
        assert!(text.contains(answer), "{args:?}: {text}");
    }
    for (name, answer) in [
        ("LIFNode", "snn list Lif"),
        ("Leaky", "snn list Lif"),
        ("surrogate", "Atan(alpha"),
        ("MaxPool2d", "MaxPool(size: 2)"),
    ] {
        assert!(stdout(&snn(dir.path(), &["list", name])).contains(answer), "{name}");
    }
}

#[test]
fn what_is_meant_by_a_place_is_said() {
    let dir = folder();
    stdout(&snn(dir.path(), &[&SHORT[..10], &["runs/first"]].concat()));
    fs::copy(input("nir/empty.nir"), dir.path().join("empty.nir")).unwrap();
    fs::write(dir.path().join("README.md"), "# Hello\n").unwrap();
    fs::write(dir.path().join("net.pth"), b"\x80\x02}q\x00.").unwrap();
    for (args, answer) in [
        (
            ["evaluate", "mnist-lenet"],
            "is a preset, and not a network that was trained; train it first: snn train mnist-lenet\nruns that are there: runs/first",
        ),
        (
            ["evaluate", "runs"],
            "holds no checkpoint, neither best.safetensors nor last.safetensors\nruns that are there: runs/first",
        ),
        (["train", "runs/nope"], "there is no such file or folder; an experiment is a preset"),
        (["train", "README.md"], "is no experiment; an experiment is a preset"),
        (["train", "bad.yaml"], "there is no such file or folder"),
        (["show", "empty.nir"], "is no experiment but an HDF5 file"),
        (["evaluate", "empty.nir"], "is no checkpoint but an HDF5 file"),
        (["evaluate", "net.pth"], "snn import puts both together"),
    ] {
        let text = error(&snn(dir.path(), &args));
        assert!(text.contains(answer), "{args:?}: {text}");
    }
    let text = error(&snn(dir.path(), &["train", "--resume", "mnist-lenet"]));
    assert!(text.contains("is a preset") && text.contains("runs that are there: runs/first"), "{text}");
    let printed = stdout(&snn(dir.path(), &["presets", "mnist-lenet"]));
    assert_eq!(printed, stdout(&snn(dir.path(), &["presets", "--print", "mnist-lenet"])));
}

#[test]
fn a_finished_run_says_that_it_was_finished_before() {
    let dir = folder();
    let text = stdout(&snn(dir.path(), &SHORT));
    assert!(text.contains("done ") && !text.contains("before, so"), "{text}");
    let text = stdout(&snn(dir.path(), &["train", "--resume", "run"]));
    assert!(text.contains("before, so there was nothing to do"), "{text}");
}

#[test]
fn a_run_of_another_program_names_it() {
    let dir = folder();
    stdout(&snn(dir.path(), &SHORT));
    let records = dir.path().join("run/metrics.jsonl");
    let text = fs::read_to_string(&records).unwrap();
    assert!(text.contains("\"program\":\"snn\""), "{text}");
    fs::write(&records, text.replace("\"program\":\"snn\"", "\"program\":\"refractory\"")).unwrap();
    let best = dir.path().join("run/best.safetensors");
    let bytes = fs::read(&best).unwrap();
    // A neuron that this program does not know, in as many letters.
    let at = bytes.windows(4).position(|bytes| bytes == b"Lif(").unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'R';
    fs::write(&best, changed).unwrap();
    let text = error(&snn(dir.path(), &["evaluate", "run"]).clone_without_notes());
    assert!(text.contains("this run was made with the program refractory"), "{text}");
}

/// An output without the notes before its error.
trait WithoutNotes {
    fn clone_without_notes(&self) -> Output;
}

impl WithoutNotes for Output {
    fn clone_without_notes(&self) -> Output {
        let text = String::from_utf8_lossy(&self.stderr);
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("note:")).collect();
        Output { stderr: kept.join("\n").into_bytes(), ..self.clone() }
    }
}

#[test]
fn spikes_and_scores_can_be_had_as_files() {
    let dir = folder();
    stdout(&snn(dir.path(), &SHORT));
    let args = ["infer", "run", "--limit", "5", "--batch", "2", "--json"];
    let plain: serde_json::Value = serde_json::from_str(&stdout(&snn(dir.path(), &args))).unwrap();
    let args = [&args[..], &["--scores", "scores.csv", "--spikes", "spikes.npz"]].concat();
    let record: serde_json::Value = serde_json::from_str(&stdout(&snn(dir.path(), &args))).unwrap();
    assert_eq!((&record["spikes"], &record["accuracy"]), (&plain["spikes"], &plain["accuracy"]));

    let table = fs::read_to_string(dir.path().join("scores.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0].split(',').count()), (6, 13));
    for (line, answer) in lines[1..].iter().zip(record["answers"].as_array().unwrap()) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let expected = ["image", "label", "class"].map(|key| answer[key].as_f64().unwrap());
        assert_eq!(cells[..3], expected);
        let scores: Vec<f64> =
            answer["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
        assert_eq!(cells[3..], scores);
    }

    let file = Cursor::new(fs::read(dir.path().join("spikes.npz")).unwrap());
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut array = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        (String::from_utf8_lossy(&bytes[10..end]).into_owned(), bytes[end..].to_vec())
    };
    let (head, labels) = array("labels");
    assert!(head.contains("'shape': (5,)"), "{head}");
    assert_eq!(labels.len(), 5);
    assert!(array("scores").0.contains("'<f8'") && array("scores").0.contains("(5, 10,)"));
    let (head, conv1) = array("conv1");
    assert!(head.contains("'|u1'") && head.contains("(5, 10, 20, 28, 28,)"), "{head}");
    assert_eq!(conv1.len(), 5 * 10 * 20 * 28 * 28);
    let (head, shown) = array("input");
    assert!(head.contains("'|i1'") && head.contains("(5, 10, 1, 28, 28,)"), "{head}");
    let spikes = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte != 0).count() as f64;
    assert_eq!(spikes(&shown) / 5.0, record["input_spikes"].as_f64().unwrap());
    let all: f64 = ["conv1", "pool1", "conv2", "pool2", "fc1"].map(|name| spikes(&array(name).1)).iter().sum();
    assert_eq!(all / 5.0, record["spikes"].as_f64().unwrap());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn files_that_cannot_be_written_leave_nothing() {
    let dir = folder();
    stdout(&snn(dir.path(), &SHORT));
    let text = error(&snn(dir.path(), &["infer", "run", "--limit", "2", "--spikes", "no/such/spikes.npz"]));
    assert!(text.contains("no/such/spikes.npz: cannot write the file"), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
