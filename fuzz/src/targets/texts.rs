//! Targets that read experiments, settings, parts and records.

use snn_core::part::Part;
use snn_core::registry::Catalog;
use snn_models::{Experiment, presets};
use snn_train::curves::{Curves, page};

use super::{Bench, Verdict};

/// An experiment that is small in every dimension.
pub(super) const SMALL: &str = "(data: Mnist, steps: 2, network: Sequence(layers: [Conv(channels: 2, kernel: 5, stride: 4), Readout(classes: 10)]), \
                                training: (epochs: 1, batch: 2, optimizer: Sgd(lr: 0.1, momentum: 0.9)))";

/// Maximum length of an error message.
const LONGEST_MESSAGE: usize = 20_000;

pub(super) fn experiment_seeds(_: &Bench) -> Vec<Vec<u8>> {
    let presets = presets::all().iter().map(|preset| preset.text.as_bytes().to_vec());
    presets.chain([SMALL.as_bytes().to_vec()]).collect()
}

pub(super) fn run_experiment(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    experiment(bench, text, &[])
}

/// Checks that an accepted experiment can be written, read back unchanged, and built.
fn experiment(bench: &Bench, text: &str, settings: &[(&str, &str)]) -> Verdict {
    let experiment = match Experiment::from_ron(text, "input", settings, &bench.registry) {
        Ok(experiment) => experiment,
        Err(error) => return message(&error.render(false)),
    };
    let written = experiment.to_ron();
    match Experiment::from_ron(&written, "written", &[], &bench.registry) {
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

/// Checks that the error message is short, whatever the input was.
fn message(text: &str) -> Verdict {
    if text.len() > LONGEST_MESSAGE { Err(format!("a message of {} bytes", text.len())) } else { Ok(false) }
}

/// Inputs of a preset, a path in it, and a new value for the path.
pub(super) fn override_seeds(_: &Bench) -> Vec<Vec<u8>> {
    [
        "mnist-lenet steps=3",
        "cifar10-vgg9 network.neuron.leak=0.9",
        "mnist-lenet training.optimizer=Adam(lr: 0.001)",
        "cifar10-resnet9 network.neuron=Plif(leak: 0.7)",
        "svhn-vgg7 data=Svhn(held_out: Some(5000))",
        "mnist-lenet training.validation=Last(100)",
        "mnist-lenet input=Direct(scale: 1.0)",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(super) fn run_overrides(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    let Some((name, setting)) = text.split_once(' ') else { return Ok(false) };
    let Some(preset) = presets::all().iter().find(|preset| preset.name == name) else { return Ok(false) };
    let Some(setting) = setting.split_once('=') else { return Ok(false) };
    experiment(bench, preset.text, &[setting])
}

pub(super) fn part_seeds(_: &Bench) -> Vec<Vec<u8>> {
    [
        "Lif",
        "Lif(leak: 0.9)",
        "Lif /* a */ (leak: 0.9, gradient: Atan(alpha: 2.0))",
        "cpu(threads: 2)",
        "Poisson(scale: 0.5)",
        "SquaredError",
        "Nmnist(off_sensor: Drop)",
        "Sequence(layers: [Linear(features: 3), Readout(classes: 10)])",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Checks that a part is unchanged when written and read again, both as given and with the defaults filled in by any
/// catalog that knows it.
pub(super) fn run_part(bench: &Bench, input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    let part = match Part::parse(text) {
        Ok(part) => part,
        Err(error) => return message(&error.to_string()),
    };
    again(&part)?;
    let all = &bench.registry;
    made(bench, &all.neurons, &part)?;
    made(bench, &all.surrogates, &part)?;
    made(bench, &all.encoders, &part)?;
    made(bench, &all.scores, &part)?;
    made(bench, &all.losses, &part)?;
    made(bench, &all.families, &part)?;
    made(bench, &all.data_sets, &part)?;
    made(bench, &all.engines, &part)?;
    Ok(true)
}

fn made<T: Clone + 'static>(bench: &Bench, catalog: &Catalog<T>, part: &Part) -> Result<(), String> {
    let mut filled = part.clone();
    match catalog.make(&mut filled, &bench.registry) {
        Ok(_) => again(&filled),
        Err(error) => message(&error.to_string()).map(drop),
    }
}

fn again(part: &Part) -> Result<(), String> {
    let written = part.to_string();
    match Part::parse(&written) {
        Ok(again) if again == *part => Ok(()),
        Ok(again) => Err(format!("{written} is {again} when it is read again")),
        Err(error) => Err(format!("{written} cannot be read again: {error}")),
    }
}

pub(super) fn record_seeds(_: &Bench) -> Vec<Vec<u8>> {
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

/// Checks that the page of accepted records contains only finite numbers, and no markup from the records.
pub(super) fn run_records(bench: &Bench, input: &[u8]) -> Verdict {
    bench.file("metrics.jsonl", input)?;
    let curves = match Curves::read(&bench.folder) {
        Ok(curves) => curves,
        Err(error) => return message(&error.to_string()),
    };
    let page = page("run", &[("engine", "cpu".to_owned())], &curves);
    let numbers = curves.stretches.iter().flat_map(|stretch| [stretch.loss, stretch.accuracy, stretch.gradient]);
    if page.is_empty() || !numbers.into_iter().all(f64::is_finite) {
        return Err("the page is empty, or a number is not finite".to_owned());
    }
    if page.contains("<fuzz>") {
        return Err("the page has markup from the records".to_owned());
    }
    Ok(true)
}
