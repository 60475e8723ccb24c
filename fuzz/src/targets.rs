//! What is tried: each reader, with genuine inputs to start from and with what must hold of all that it accepts.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use snn_core::registry::{Part, Registry};
use snn_core::{Content, DataSet as _, Dataset, Limit};
use snn_data::mat::Wanted;
use snn_data::{Cifar10, Svhn, idx, kind_of, mat, nmnist};
use snn_models::{Experiment, presets};
use snn_train::curves::{Curves, page};
use snn_train::{Check, Checkpoint};

/// Whether the input was accepted; or what does not hold that must.
pub(crate) type Verdict = Result<bool, String>;

/// A reader.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Whether it accepts all of its genuine inputs.
    pub(crate) accepts: bool,
    /// Most bytes that may be allocated at a time.
    pub(crate) most: usize,
    pub(crate) seeds: fn(&Bench) -> Vec<Vec<u8>>,
    pub(crate) words: &'static [&'static str],
    pub(crate) run: fn(&Bench, &[u8]) -> Verdict,
}

/// What the targets have in common.
pub(crate) struct Bench {
    pub(crate) registry: Registry,
    /// A folder for inputs that are read from files.
    pub(crate) folder: PathBuf,
    pub(crate) samples: PathBuf,
}

const RON_WORDS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "/*",
    "*/",
    "//",
    "\n",
    "None",
    "Some(",
    "-1",
    "0",
    "1e39",
    "NaN",
    "inf",
    "18446744073709551616",
    "65536",
    "Lif(",
    "Plif",
    "Conv(channels: 3, kernel: 3)",
    "Linear(features: 3)",
    "AvgPool(size: 2)",
    "Readout(classes: 10)",
    "leak: ",
    "threshold: ",
    "Populations(",
    "ResNet(",
    "Vgg(",
    "LeNet",
    "#![enable(",
    "r#",
    "\u{1b}[2J",
    "Cifar10",
    "Nmnist",
    "Frames",
    "Direct",
];
const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "null",
    "1e999",
    "-1",
    "\n",
    "\"Step\"",
    "\"Epoch\"",
    "\"Started\"",
    "\"Warning\"",
    "\"Finished\"",
    "\"schema\":99",
    "\"rates\":[]",
    "\"epoch\":",
    "\"step\":0",
    "\"loss\":",
    "\\u0000",
];
const HEADER_WORDS: &[&str] = &[
    "\"F32\"",
    "\"F16\"",
    "\"I64\"",
    "\"BF16\"",
    "weight.",
    "optimizer.",
    "\"data_offsets\":[0,",
    "\"shape\":[",
    "18446744073709551615",
    "NaN",
    "inf",
    "\"digest\":\"",
    "\"schema\":\"1\"",
    "\"schema\":\"2\"",
    "steps: 0",
    "\u{0}",
];

/// All targets.
pub(crate) const ALL: &[Target] = &[
    Target { name: "idx", accepts: true, most: 64 << 20, seeds: idx_seeds, words: &[], run: run_idx },
    Target { name: "mat", accepts: false, most: 64 << 20, seeds: mat_seeds, words: &[], run: run_mat },
    Target { name: "svhn", accepts: true, most: 64 << 20, seeds: mat_seeds, words: &[], run: run_svhn },
    Target { name: "cifar10", accepts: true, most: 64 << 20, seeds: cifar10_seeds, words: &[], run: run_cifar10 },
    Target { name: "nmnist", accepts: true, most: 64 << 20, seeds: nmnist_seeds, words: &[], run: run_nmnist },
    Target {
        name: "kind",
        accepts: false,
        most: 1 << 20,
        seeds: kind_seeds,
        words: &["PK\u{3}\u{4}", "\u{8}\u{12}"],
        run: run_kind,
    },
    Target {
        name: "checkpoint",
        accepts: true,
        most: 64 << 20,
        seeds: checkpoint_seeds,
        words: HEADER_WORDS,
        run: run_checkpoint,
    },
    Target {
        name: "experiment",
        accepts: true,
        most: 64 << 20,
        seeds: experiment_seeds,
        words: RON_WORDS,
        run: run_experiment,
    },
    Target {
        name: "overrides",
        accepts: false,
        most: 64 << 20,
        seeds: override_seeds,
        words: RON_WORDS,
        run: run_overrides,
    },
    Target { name: "part", accepts: false, most: 64 << 20, seeds: part_seeds, words: RON_WORDS, run: run_part },
    Target { name: "records", accepts: true, most: 64 << 20, seeds: record_seeds, words: JSON_WORDS, run: run_records },
];

impl Bench {
    /// The input as a file.
    fn file(&self, name: &str, input: &[u8]) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        fs::write(&path, input).map_err(|error| format!("the input cannot be written ({error})"))?;
        Ok(path)
    }

    fn sample(&self, name: &str) -> Vec<u8> {
        fs::read(self.samples.join(name)).unwrap_or_default()
    }
}

fn idx_seeds(_: &Bench) -> Vec<Vec<u8>> {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3][..], &[7; 18]].concat();
    vec![images, [&[0, 0, 8, 1, 0, 0, 0, 4][..], &[1, 2, 3, 9]].concat()]
}

fn run_idx(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("idx", input)?;
    for magic in [0x803, 0x801] {
        let Ok(file) = idx::open(&path, magic) else { continue };
        let expected = file.extents().iter().product::<usize>();
        let Ok((values, _)) = file.values() else { continue };
        return if values.len() == expected { Ok(true) } else { Err(format!("{} of {expected} values", values.len())) };
    }
    Ok(false)
}

fn mat_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    ["svhn_first20.mat", "svhn_first20_compressed.mat"].map(|name| bench.sample(name)).to_vec()
}

fn run_mat(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("mat", input)?;
    let wanted = ["X", "y"].map(|name| Wanted { name, blocks: None });
    Ok(mat::read(&path, &wanted).is_ok())
}

fn run_svhn(bench: &Bench, input: &[u8]) -> Verdict {
    bench.file("train_32x32.mat", input)?;
    bench.file("test_32x32.mat", input)?;
    let Ok(splits) = Svhn::default().load_limited(Some(&bench.folder), Limit::Spread(5)) else { return Ok(false) };
    labels(&splits.train)?;
    labels(&splits.test)
}

fn cifar10_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    vec![bench.sample("cifar10_test_first20.bin")]
}

fn run_cifar10(bench: &Bench, input: &[u8]) -> Verdict {
    // Compressed, as the size of a file is not looked at then, and a few records will do.
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    let packed = packed.write_all(input).and_then(|()| packed.finish()).map_err(|error| error.to_string())?;
    bench.file("data_batch_1.bin.gz", &packed)?;
    bench.file("test_batch.bin.gz", &packed)?;
    for name in ["data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"] {
        bench.file(name, &[])?;
    }
    let Ok(splits) = Cifar10::default().load_limited(Some(&bench.folder), Limit::First(20)) else { return Ok(false) };
    labels(&splits.train)?;
    labels(&splits.test)
}

/// What is accepted has labels of its classes.
fn labels(data: &Dataset) -> Verdict {
    match data.labels().iter().find(|label| usize::from(**label) >= data.classes()) {
        Some(label) => Err(format!("label {label}")),
        None => Ok(true),
    }
}

fn nmnist_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    let mut seeds = vec![[1, 2, 0x80, 0, 9].repeat(20)];
    let folders = fs::read_dir(bench.samples.join("nmnist/Train")).into_iter().flatten().flatten();
    for folder in folders {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        seeds.extend(
            files.filter_map(|file| fs::read(file.path()).ok()).map(|bytes| bytes[..bytes.len().min(5000)].to_vec()),
        );
    }
    seeds.sort();
    seeds
}

fn run_nmnist(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("recording", input)?;
    let Ok(events) = nmnist::read_file(&path) else { return Ok(false) };
    if !events.is_sorted_by_key(|event| event.time) {
        return Err("events are out of order".to_owned());
    }
    if let Some(event) = events.iter().find(|event| event.pixel >= 2 * 34 * 34) {
        return Err(format!("pixel {} is off the sensor", event.pixel));
    }
    let data = Dataset::of_recordings(snn_core::Shape::new(2, 34, 34), 1, vec![events], vec![0]);
    let data = data.map_err(|error| error.to_string())?;
    Ok(matches!(data.content(0), Content::Recording(_)))
}

fn kind_seeds(_: &Bench) -> Vec<Vec<u8>> {
    ["\u{1f}", "PK\u{3}\u{4}", "<!doctype html>", "{\"a\":", "\u{8}\u{7}\u{12}\u{7}pytorch"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

fn run_kind(_: &Bench, input: &[u8]) -> Verdict {
    match kind_of(input) {
        Some("") => Err("a kind without a name".to_owned()),
        found => Ok(found.is_some()),
    }
}

/// An experiment that is small in every respect.
const SMALL: &str = "(data: Mnist, steps: 2, network: Sequence(layers: [Conv(channels: 2, kernel: 5, stride: 4), Readout(classes: 10)]), \
                     training: (epochs: 1, batch: 2, optimizer: Sgd(rate: 0.1, momentum: 0.9)))";

fn checkpoint_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    let Ok(experiment) = Experiment::from_ron(SMALL, "", &[], &bench.registry) else { return Vec::new() };
    let Ok(built) = experiment.build(&bench.registry) else { return Vec::new() };
    let weights = built.network.initial_weights(1);
    let tensors = Checkpoint::tensors(&built.network, &weights);
    let optimizer = Checkpoint::memories(&built.network, experiment.training.optimizer, &[weights]);
    let whole = Checkpoint { optimizer, ..Checkpoint::of_weights(SMALL.to_owned(), tensors.clone()) };
    let path = bench.folder.join("seed");
    let bytes = |checkpoint: &Checkpoint| checkpoint.save(&path).ok().and_then(|()| fs::read(&path).ok());
    [whole, Checkpoint::of_weights(SMALL.to_owned(), tensors)].iter().filter_map(bytes).collect()
}

fn run_checkpoint(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(found) = Checkpoint::parse(input, Path::new("input")) else { return Ok(false) };
    let tensors = found.weights.iter().chain(&found.optimizer);
    if tensors.flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
        return Err("a number is not finite".to_owned());
    }
    let path = bench.folder.join("again");
    found.save(&path).map_err(|error| format!("cannot be saved: {error}"))?;
    let again = Checkpoint::load(&path).map_err(|error| format!("cannot be read again: {error}"))?;
    if again != (Checkpoint { check: Check::Holds, ..found.clone() }) {
        return Err("is another one when it is read again".to_owned());
    }
    let Ok(experiment) = Experiment::from_ron(&found.experiment, "", &[], &bench.registry) else { return Ok(true) };
    let Ok(built) = experiment.build(&bench.registry) else { return Ok(true) };
    found.weights_for(&built.network).ok();
    found.memories_for(&built.network, experiment.training.optimizer).ok();
    Ok(true)
}

fn experiment_seeds(_: &Bench) -> Vec<Vec<u8>> {
    let presets = presets::all().iter().map(|preset| preset.text.as_bytes().to_vec());
    presets.chain([SMALL.as_bytes().to_vec()]).collect()
}

fn run_experiment(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    experiment(bench, text, &[])
}

/// What is accepted is written as it is read, and can be built.
fn experiment(bench: &Bench, text: &str, settings: &[(&str, &str)]) -> Verdict {
    let experiment = match Experiment::from_ron(text, "input", settings, &bench.registry) {
        Ok(experiment) => experiment,
        Err(error) => {
            let message = error.render(false).len();
            return if message > 20_000 { Err(format!("a message of {message} bytes")) } else { Ok(false) };
        }
    };
    let written = experiment.to_ron();
    let again = Experiment::from_ron(&written, "written", &[], &bench.registry);
    match again {
        Ok(again) if again == experiment => {}
        Ok(_) => return Err("is another one when it is written and read again".to_owned()),
        Err(error) => return Err(format!("cannot be read again: {error}")),
    }
    if let Ok(built) = experiment.build(&bench.registry)
        && built.network.parameters() < 1 << 20
    {
        let weights = built.network.initial_weights(1);
        built.network.check_weights(&weights).map_err(|error| error.to_string())?;
    }
    Ok(true)
}

fn override_seeds(_: &Bench) -> Vec<Vec<u8>> {
    [
        "steps=3",
        "network.neuron.leak=0.9",
        "network.layers[4]=Linear(features: 400)",
        "training.optimizer=Adam(rate: 0.001)",
        "network.layers[0].neuron=Plif(leak: 0.7)",
        "data=Svhn(held_out: Some(5000))",
        "training.validation=Last(100)",
        "input=Direct(scale: 1.0)",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn run_overrides(bench: &Bench, input: &[u8]) -> Verdict {
    let Some((path, value)) = std::str::from_utf8(input).ok().and_then(|text| text.split_once('=')) else {
        return Ok(false);
    };
    let all = presets::all();
    experiment(bench, all[input.len() % all.len()].text, &[(path, value)])
}

fn part_seeds(_: &Bench) -> Vec<Vec<u8>> {
    ["Lif", "Lif(leak: 0.9)", "Lif /* a */ (leak: 0.9, gradient: Atan(alpha: 2.0))", "cpu(threads: 2)", "Some(Lif)"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

fn run_part(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    let Ok(mut part) = Part::parse(text) else { return Ok(false) };
    let again = Part::parse(&part.to_string()).map_err(|error| format!("cannot be read again: {error}"))?;
    if again.name != part.name {
        return Err(format!("{} is {} when it is read again", part.name, again.name));
    }
    bench.registry.neurons.make(&mut part, &bench.registry).ok();
    Ok(true)
}

fn record_seeds(_: &Bench) -> Vec<Vec<u8>> {
    let started = r#"{"event":"Started","schema":1,"engine":"cpu","bytes":1,"parameters":1,"images":224,"validation":32,"test":256,"epochs":2,"steps":7,"epoch":0,"step":0}"#;
    let step = |step: usize| {
        format!(
            r#"{{"event":"Step","epoch":0,"step":{step},"loss":1.0,"accuracy":0.1,"rate":0.1,"gradient":1.0,"millis":1.0,"rates":[["conv1",0.1],["fc1",0.1]]}}"#
        )
    };
    let epoch = r#"{"event":"Epoch","epoch":0,"loss":1.0,"accuracy":0.1,"validation_loss":1.0,"validation_accuracy":0.1,"best":true,"spikes":1.0,"seconds":1.0}"#;
    let warning = r#"{"event":"Warning","epoch":0,"step":2,"message":"careful"}"#;
    let finished = r#"{"event":"Finished","best_epoch":0,"test":{"images":2,"loss":1.0,"accuracy":0.5,"confusion":[[1,1]],"input_spikes":1.0,"spikes":1.0,"rates":[["conv1",0.1]]}}"#;
    let lines = [started, &step(1), &step(2), warning, &step(7), epoch, finished];
    vec![(lines.join("\n") + "\n").into_bytes(), format!("{started}\n{}\n", step(1)).into_bytes()]
}

fn run_records(bench: &Bench, input: &[u8]) -> Verdict {
    bench.file("metrics.jsonl", input)?;
    let Ok(curves) = Curves::read(&bench.folder) else { return Ok(false) };
    let page = page("run", &[("engine", "cpu".to_owned())], &curves);
    let numbers = curves.stretches.iter().flat_map(|stretch| [stretch.loss, stretch.accuracy, stretch.gradient]);
    if page.is_empty() || !numbers.into_iter().all(f64::is_finite) {
        return Err("the page is empty, or a number is not finite".to_owned());
    }
    Ok(true)
}
