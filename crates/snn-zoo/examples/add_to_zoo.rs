//! Makes the files of an entry of the zoo of a run that has come to its end.
//!
//! ```sh
//! cargo run --release -p snn-zoo --example add_to_zoo -- runs/mnist-lenet-1 mnist-lenet DATA_FOLDER "2 cores of an AMD EPYC"
//! ```
//!
//! The run must be one of the preset of that name. Its best weights are rounded to half precision and shown all test images; its
//! first updates are done again at every level of vector instructions that this processor has, and must be those of its records
//! at its own level. The entry is then to be named in crates/snn-zoo/src/lib.rs.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_data::Loader;
use snn_models::{Experiment, presets};
use snn_train::curves::Curves;
use snn_train::{Checkpoint, Event, evaluate, parse_record};
use snn_zoo::{First, SampleImages, ZooRecord, first};

/// Test images of the sample.
const TESTED: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, name, data, machine] = arguments.as_slice() else {
        return Err(
            "give the folder of a run, its preset, the folder with the data set, and the machine in words".into()
        );
    };
    let registry = Registry::new().with(snn_core::plugin)?.with(snn_models::plugin)?.with(snn_data::plugin)?;
    let (run, registry) = (Path::new(run), registry.with(snn_cpu::plugin)?);
    let preset = presets::find(name)?;
    let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[], &registry)?;
    let built = experiment.build(&registry)?;
    let best = Checkpoint::load(&run.join("best.safetensors"))?;
    // Runs that do not say were made when gradients were always summed.
    let summed = [("training.reduction", "Sum")];
    let is_old = !best.experiment.contains("reduction:");
    let trained = Experiment::from_ron(&best.experiment, "run", if is_old { &summed } else { &[] }, &registry)?;
    if trained != experiment {
        return Err(format!("the run is of another experiment than {name}:\n{}", trained.to_ron()).into());
    }
    let curves = Curves::read(run)?;
    if curves.finished.is_none() {
        return Err("the run has not come to its end".into());
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name);
    fs::create_dir_all(&folder)?;
    let weights = folder.join("weights.safetensors");
    let arithmetic = best.arithmetic.clone();
    Checkpoint { experiment: experiment.to_ron(), optimizer: Vec::new(), ..best }.save_half(&weights)?;
    let shipped = Checkpoint::load(&weights)?;

    let splits = built.data.load(Some(Path::new(data))).map_err(|error| error.to_string())?;
    let training = &experiment.training;
    let [learned, _] = training.validation.split(splits.train.labels());
    let mut loader = Loader::shuffled(&splits.train, learned, training.batch, training.seed, training.augmentation);
    let mut indices = Vec::new();
    for index in 0..128_usize.div_ceil(training.batch).max(3) {
        indices.extend(loader.batch(0, index).map(|batch| batch.samples.clone()).unwrap_or_default());
    }
    let bytes = SampleImages::write(&splits.train, &indices, &splits.test, TESTED)?;
    fs::write(folder.join("sample.safetensors"), &bytes)?;

    let engine = registry.engines.make(&mut Part::parse("cpu")?, &registry)?;
    let all: Vec<u32> = (0..splits.test.len() as u32).collect();
    let mut go_on = |_: &Event| ControlFlow::Continue(());
    let network_weights = shipped.weights_for(&built.network)?;
    let test = evaluate(engine.as_ref(), &built, &network_weights, &splits.test, &all, &mut go_on)?;
    let mut record =
        ZooRecord { machine: machine.clone(), arithmetic, curves, test: test.ok_or("stopped")?, first: Vec::new() };
    let write = |record: &ZooRecord| {
        fs::write(folder.join("record.json"), serde_json::to_string(record)? + "\n").map_err(Box::<dyn Error>::from)
    };
    write(&record)?;

    let sample = SampleImages::read(&bytes)?;
    for level in ["Portable", "Avx2", "Avx512"] {
        let Ok(engine) = registry.engines.make(&mut Part::parse(&format!("cpu(level: {level})"))?, &registry) else {
            println!("{level}: not of this processor");
            continue;
        };
        let found = first(engine.as_ref(), &built, &sample, &shipped, &mut go_on)?.ok_or("stopped")?;
        if found.arithmetic == record.arithmetic {
            check(&found, run)?;
        }
        println!("{}: {:?}", found.arithmetic, found.updates.iter().map(|update| update.loss).collect::<Vec<_>>());
        record.first.push(found);
    }
    write(&record)?;
    println!("{}: {:.2} % of all test images", folder.display(), 100.0 * record.test.accuracy);
    Ok(())
}

/// Checks that the first updates are those of the records of the run.
fn check(found: &First, run: &Path) -> Result<(), Box<dyn Error>> {
    let records = fs::read(run.join("metrics.jsonl"))?;
    let mut updates = found.updates.iter();
    for line in records.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Event::Update { update, loss, gradient, .. } = parse_record(line)? {
            let Some(again) = updates.next() else { return Ok(()) };
            if (again.loss, again.gradient) != (loss, gradient) {
                return Err(format!("update {update} had a loss of {loss} in the run, and {} now", again.loss).into());
            }
        }
    }
    Ok(())
}
