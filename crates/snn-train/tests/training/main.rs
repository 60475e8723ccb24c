//! Runs of a small network on a few digits, stopped, killed and resumed in every way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calibration;
mod doctor;
mod faults;
mod inherit;
mod learner;
mod normalised;
mod recipe;
mod standardised;

use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use snn_core::registry::Registry;
use snn_core::{DataSource as _, Dataset, Engine, HoldOut, Optimizer, reference::Reference};
use snn_data::Mnist;
use snn_models::Built;
use snn_models::experiment::{Experiment, Training};
use snn_train::{Checkpoint, Event, Observer, RunFolder, RunOutcome, TrainError, TrainingJob, evaluate, fit};

/// 64 training and 32 test images.
static DIGITS: LazyLock<[Dataset; 2]> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist");
    let mut digits = Mnist {}.load(Some(&dir)).unwrap();
    digits.train.truncate(64);
    digits.test.truncate(32);
    [digits.train, digits.test]
});

const RON: &str = "(steps: 4)";

/// 784 inputs, 16 hidden neurons with dropout, 10 classes; 48 images in 4 batches of 14, 14, 14 and 6; 16 for validation.
const EXPERIMENT: &str = "(
    data: Mnist,
    steps: 4,
    network: Sequence(dropout: 0.2, layers: [Linear(features: 16), Readout(classes: 10)]),
    training: (
        epochs: 3,
        batch: 14,
        optimizer: Adam(lr: 0.01),
        schedule: Cosine(floor: 0.1, warmup: 0.5),
        clip: 5.0,
        augmentation: Shift(pixels: 2),
        validation: Last(16),
    ),
)";

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap().with(snn_data::plugin).unwrap().with(snn_models::plugin).unwrap()
}

/// [`EXPERIMENT`] with values set.
fn with(overrides: &[(&str, &str)]) -> Experiment {
    Experiment::from_ron(EXPERIMENT, "", overrides, &registry()).unwrap()
}

fn experiment() -> Experiment {
    with(&[])
}

fn built() -> Built {
    experiment().build(&registry()).unwrap()
}

/// Trains in `folder` with checkpoints after every batch if `often`.
fn train(
    experiment: &Experiment,
    folder: &mut RunFolder,
    often: bool,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, TrainError> {
    train_on(&Reference, experiment, folder, often, observer)
}

/// The same on any engine.
fn train_on(
    engine: &dyn Engine,
    experiment: &Experiment,
    folder: &mut RunFolder,
    often: bool,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, TrainError> {
    // With a training that is in its ranges, as the trainer itself is to refuse what is not.
    let training = Training { freeze: experiment.training.freeze.clone(), ..self::experiment().training };
    let built = Experiment { training, ..experiment.clone() }.build(&registry()).unwrap();
    let built = Built { experiment: experiment.clone(), ..built };
    let initial = built.network.initial_weights(experiment.training.seed);
    let save_every = if often { Duration::ZERO } else { Duration::MAX };
    let [train, test] = &*DIGITS;
    fit(&TrainingJob { engine, built: &built, initial: &initial, train, test, save_every }, folder, observer)
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Stops at the first event that `is_last` says.
fn stop_at(is_last: impl Fn(&Event) -> bool) -> impl FnMut(&Event) -> ControlFlow<()> {
    move |event| if is_last(event) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// A new run in a directory of its own.
fn new_run() -> (tempfile::TempDir, RunFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(&dir.path().join("run"), RON).unwrap();
    (dir, folder)
}

/// All that a finished run leaves: both checkpoints to the byte, and the records without the times in them.
type Left = (Vec<u8>, Vec<u8>, Vec<String>);

/// What the run in `folder` has left.
fn result(folder: &RunFolder) -> Left {
    (fs::read(folder.last()).unwrap(), fs::read(folder.best()).unwrap(), records(folder))
}

fn records(folder: &RunFolder) -> Vec<String> {
    let text = fs::read_to_string(folder.metrics()).unwrap();
    let timeless = |line: &str| {
        let mut event: Event = serde_json::from_str(line).unwrap();
        match &mut event {
            Event::Update { millis, .. } => *millis = 0.0,
            Event::Epoch { seconds, .. } => *seconds = 0.0,
            _ => {}
        }
        serde_json::to_string(&event).unwrap()
    };
    text.lines().map(timeless).collect()
}

/// What an uninterrupted run leaves.
static UNINTERRUPTED: LazyLock<Left> = LazyLock::new(|| {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    result(&folder)
});

#[test]
fn a_run_learns_and_records_what_it_does() {
    let (_dir, mut folder) = new_run();
    let mut losses = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Epoch { loss, validation_accuracy, .. } = event {
            losses.push(*loss);
            assert!(validation_accuracy.is_some());
        }
        ControlFlow::Continue(())
    };
    let outcome = train(&experiment(), &mut folder, false, &mut observer).unwrap();
    let RunOutcome::Finished { test, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(test.images, 32);
    assert_eq!(test.confusion.iter().flatten().sum::<u64>(), 32);
    let correct: u64 = (0..10).map(|k| test.confusion[k][k]).sum();
    assert_eq!(test.accuracy, correct as f64 / 32.0);
    assert!(losses[2] < losses[0], "{losses:?}");

    let kinds: Vec<String> = (records(&folder).iter())
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
        .collect();
    let epoch = ["Update", "Update", "Update", "Update", "Epoch"];
    // So few images lack some classes, in validation and test.
    let start = ["Started", "Warning", "Warning"];
    assert_eq!(kinds, [&start[..], &epoch, &epoch, &epoch, &["Finished"]].concat());
    assert!(records(&folder)[1].contains("classes 2 and 5 have no validation image"));
}

#[test]
fn the_epoch_record_is_the_mean_over_its_images() {
    let sizes = [14.0, 14.0, 14.0, 6.0];
    let (mut steps, mut epoch_loss) = (Vec::new(), 0.0);
    for line in UNINTERRUPTED.2.iter().filter(|line| !line.contains("Warning")).skip(1).take(5) {
        match serde_json::from_str(line).unwrap() {
            Event::Update { loss, .. } => steps.push(f64::from(loss)),
            Event::Epoch { loss, .. } => epoch_loss = loss,
            other => panic!("{other:?}"),
        }
    }
    let mean = steps.iter().zip(sizes).map(|(loss, images)| loss * images).sum::<f64>() / 48.0;
    assert!((mean - epoch_loss).abs() < 1e-6, "{mean} {epoch_loss}");
}

#[test]
fn the_time_of_saving_changes_nothing() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, true, &mut go_on).unwrap();
    assert_eq!(result(&folder), *UNINTERRUPTED);
}

#[test]
fn a_run_stopped_at_any_event_goes_on_to_the_same_bits() {
    let n_events = {
        let (_dir, mut folder) = new_run();
        let mut count = 0;
        train(&experiment(), &mut folder, false, &mut |_: &Event| {
            count += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        count
    };
    for last in 1..n_events {
        let (_dir, mut folder) = new_run();
        let mut count = 0;
        let mut observer = |_: &Event| {
            count += 1;
            if count == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = train(&experiment(), &mut folder, false, &mut observer).unwrap();
        assert!(matches!(outcome, RunOutcome::Stopped { .. }), "event {last}: {outcome:?}");
        let outcome = train(&experiment(), &mut folder, false, &mut go_on).unwrap();
        assert!(matches!(outcome, RunOutcome::Finished { .. }), "event {last}: {outcome:?}");
        assert_eq!(result(&folder), *UNINTERRUPTED, "event {last}");
    }
}

/// At every event the folder is copied as it is, with half a record at the end, as a killed process leaves it.
#[test]
fn a_run_killed_at_any_event_goes_on_to_the_same_bits() {
    for often in [false, true] {
        let (dir, mut folder) = new_run();
        let run = folder.path().to_owned();
        let mut copies: Vec<PathBuf> = Vec::new();
        let mut observer = |_: &Event| {
            let copy = dir.path().join(copies.len().to_string());
            fs::create_dir(&copy).unwrap();
            for file in fs::read_dir(&run).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), copy.join(file.file_name())).unwrap();
            }
            let records = fs::read(copy.join("metrics.jsonl")).unwrap();
            fs::write(copy.join("metrics.jsonl"), [&records[..], br#"{"event":"Step","ep"#].concat()).unwrap();
            fs::write(copy.join("last.safetensors.tmp"), b"half a file").unwrap();
            copies.push(copy);
            ControlFlow::Continue(())
        };
        train(&experiment(), &mut folder, often, &mut observer).unwrap();
        assert!(copies.len() > 20);
        for copy in copies {
            let mut folder = RunFolder::resume(&copy).unwrap();
            train(&experiment(), &mut folder, false, &mut go_on).unwrap();
            assert_eq!(result(&folder), *UNINTERRUPTED, "{}", copy.display());
        }
    }
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_from_the_beginning() {
    let (dir, folder) = new_run();
    drop(folder);
    let mut folder = RunFolder::resume(&dir.path().join("run")).unwrap();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    assert_eq!(result(&folder), *UNINTERRUPTED);
}

#[test]
fn a_finished_run_resumed_only_tests_again() {
    let (_dir, mut folder) = new_run();
    let first = train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    let mut n_steps = 0;
    let mut observer = |event: &Event| {
        n_steps += usize::from(matches!(event, Event::Update { .. }));
        ControlFlow::Continue(())
    };
    assert_eq!(train(&experiment(), &mut folder, false, &mut observer).unwrap(), first);
    assert_eq!(n_steps, 0);
    assert_eq!(result(&folder), *UNINTERRUPTED);
}

/// The penalty is about weight * (rate - target)² an image for the one hidden population.
#[test]
fn the_penalty_on_firing_rates_is_part_of_the_loss_and_of_the_gradient() {
    let step = |overrides: &[(&str, &str)]| {
        let (_dir, mut folder) = new_run();
        train(&with(overrides), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Update { .. })))
            .unwrap();
        match serde_json::from_str(records(&folder).last().unwrap()).unwrap() {
            Event::Update { loss, gradient, rates, .. } => (loss, gradient, rates[0].1),
            other => panic!("{other:?}"),
        }
    };
    let without = [("training.clip", "None"), ("network.dropout", "0")];
    let (loss, gradient, rate) = step(&without);
    let (punished, steeper, _) = step(&[&without[..], &[("rates", "(target: 0.5, weight: 100.0)")]].concat());
    let penalty = 100.0 * (rate - 0.5) * (rate - 0.5);
    assert!((punished - loss - penalty).abs() < 1e-3 * penalty, "{loss} + {penalty} = {punished}");
    assert!(steeper > gradient, "{steeper} {gradient}");
}

/// Every trainable constant is saved under its own name, moves, and survives a resumption.
#[test]
fn constants_of_neurons_are_trained_and_saved_by_name() {
    let experiment = with(&[("network.neuron", "Plif")]);
    let (_dir, mut folder) = new_run();
    train(&experiment, &mut folder, false, &mut go_on).unwrap();
    let whole = result(&folder);
    let last = Checkpoint::load(&folder.last()).unwrap();
    let network = experiment.build(&registry()).unwrap().network;
    let names: Vec<&str> = last.weights.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["fc1", "fc1.leak", "readout"]);
    assert_ne!(last.weights[1].values, network.initial_weights(1)[1]);

    let (_dir, mut folder) = new_run();
    let third = |event: &Event| matches!(event, Event::Update { update: 3, .. });
    train(&experiment, &mut folder, false, &mut stop_at(third)).unwrap();
    train(&experiment, &mut folder, false, &mut go_on).unwrap();
    assert_eq!(result(&folder), whole);
}

#[test]
fn the_best_checkpoint_gives_the_tested_and_the_validated_accuracy() {
    let (_dir, mut folder) = new_run();
    let outcome = train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    let RunOutcome::Finished { best_epoch, test } = outcome else { panic!("{outcome:?}") };
    let best = Checkpoint::load(&folder.best()).unwrap();
    let built = built();
    let weights = best.weights_for(&built.network).unwrap();
    let on = |data, images: Range<u32>| {
        let images: Vec<u32> = images.collect();
        evaluate(&Reference, &built, &weights, data, &images, &mut go_on).unwrap().unwrap()
    };
    assert_eq!(on(&DIGITS[1], 0..32), test);
    let kept = best.progress.best.unwrap();
    assert_eq!((kept.epoch, kept.accuracy), (best_epoch, Some(on(&DIGITS[0], 48..64).accuracy)));
    assert!(best.optimizer.is_empty());
}

#[test]
fn without_validation_the_last_weights_are_the_best() {
    let (_dir, mut folder) = new_run();
    let mut experiment = experiment();
    experiment.training.validation = HoldOut::Spread(0);
    let outcome = train(&experiment, &mut folder, false, &mut go_on).unwrap();
    assert!(matches!(outcome, RunOutcome::Finished { best_epoch: 2, .. }), "{outcome:?}");
    let [best, last] = [folder.best(), folder.last()].map(|path| Checkpoint::load(&path).unwrap());
    assert_eq!(best.weights, last.weights);
    let records = records(&folder);
    assert_eq!(
        records[1],
        r#"{"event":"Warning","epoch":0,"update":0,"message":"there are no validation images: the last weights count as the best"}"#
    );
}

#[test]
fn a_silent_population_is_warned_of_once() {
    let (_dir, mut folder) = new_run();
    let silent = [("training.batch", "1"), ("training.epochs", "1"), ("network.neuron.threshold", "1e9")];
    train(&with(&silent), &mut folder, false, &mut go_on).unwrap();
    let records = records(&folder);
    let warnings: Vec<&String> = records.iter().filter(|line| line.contains("silent")).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains(r#""update":20,"message":"population \"fc1\" has been silent for 20 updates"#));
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_and_harms_nothing() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Update { .. }))).unwrap();
    let before = fs::read(folder.last()).unwrap();
    let blocker = folder.path().join("last.safetensors.tmp");
    fs::create_dir(&blocker).unwrap();
    let message = train(&experiment(), &mut folder, false, &mut go_on).unwrap_err().to_string();
    let path = folder.last();
    assert_eq!(message, format!("{}: cannot write the file (Is a directory (os error 21))", path.display()));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_dir(&blocker).unwrap();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    assert_eq!(result(&folder), *UNINTERRUPTED);
}

#[test]
fn a_run_is_resumed_only_as_it_was_begun() {
    let (_dir, mut folder) = new_run();
    let third = |event: &Event| matches!(event, Event::Update { update: 3, .. });
    train(&experiment(), &mut folder, false, &mut stop_at(third)).unwrap();
    let mut message = |change: &dyn Fn(&mut Training)| {
        let mut experiment = experiment();
        change(&mut experiment.training);
        let message = train(&experiment, &mut folder, false, &mut go_on).unwrap_err().to_string();
        message.replace(&folder.last().display().to_string(), "LAST")
    };
    assert_eq!(
        message(&|training| training.validation = HoldOut::Spread(8)),
        "LAST: the run was trained on 48 images, now there are 56; resume it with the same data and limit"
    );
    assert_eq!(
        message(&|training| training.seed = 2),
        "LAST: the run has seed 1, the experiment 2; resume it with its own seed"
    );
    assert_eq!(
        message(&|training| training.batch = 48),
        "LAST: the run stands at batch 3 of an epoch, and an epoch has 1; resume it with its own batch size"
    );
    assert_eq!(
        message(&|training| training.batch = 12),
        "LAST: the run stands at batch 3, after 36 images of the epoch, but has counted 42; resume it with its own batch size"
    );
    assert_eq!(
        message(&|training| {
            training.optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0, nesterov: false };
        }),
        "the checkpoint does not fit the optimizer:\n  first_moment.fc1: [16, 784] found, not expected\n  \
         first_moment.readout: [10, 16] found, not expected\n  second_moment.fc1: [16, 784] found, not expected\n  \
         second_moment.readout: [10, 16] found, not expected"
    );
}

#[test]
fn a_changed_experiment_is_warned_of() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Started { .. }))).unwrap();
    fs::write(folder.path().join("experiment.ron"), "(steps: 5)").unwrap();
    let path = folder.path().to_owned();
    drop(folder);
    let mut warnings = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Warning { message, .. } = event {
            warnings.push(message.clone());
        }
        ControlFlow::Continue(())
    };
    train(&experiment(), &mut RunFolder::resume(&path).unwrap(), false, &mut observer).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("experiment.ron was changed since the checkpoint was saved"), "{warnings:?}");
}

#[test]
fn what_does_not_fit_is_refused_before_training() {
    let (_dir, mut folder) = new_run();
    let mut message = |change: &dyn Fn(&mut Training)| {
        let mut experiment = experiment();
        change(&mut experiment.training);
        train(&experiment, &mut folder, false, &mut go_on).unwrap_err().to_string()
    };
    assert_eq!(
        message(&|training| training.validation = HoldOut::Last(5000)),
        "training.validation: 5000 of 64 training images leave none to learn; hold out fewer, for example with --set \
         training.validation=6"
    );
    assert_eq!(message(&|training| training.batch = 0), "training.batch: must be 1 to 4294967294, found 0");
    assert_eq!(message(&|training| training.epochs = 0), "training.epochs: must be 1 to 4294967294, found 0");
}

#[test]
fn images_of_another_shape_are_refused() {
    let built = built();
    let shape = snn_core::Shape::new(3, 2, 2);
    let colour = Dataset::new(shape, 10, vec![0; 12], vec![0]).unwrap();
    let run = |data, images: Range<u32>| {
        let weights = built.network.initial_weights(1);
        let images: Vec<u32> = images.collect();
        evaluate(&Reference, &built, &weights, data, &images, &mut go_on).unwrap_err().to_string()
    };
    assert_eq!(run(&colour, 0..1), "network and data: images of 1x28x28 expected, 3x2x2 found");
    assert_eq!(run(&DIGITS[1], 0..33), "images to show: must be some of the 32 in the data set, found image 32");
    assert_eq!(run(&DIGITS[1], 5..5), "images to show: must be some of the 32 in the data set, found none");
}
