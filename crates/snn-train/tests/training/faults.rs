//! What a run does when its numbers run away, and when its files are gone, changed or of another run.

use std::fs;
use std::ops::ControlFlow;

use snn_core::{Engine, Error, HoldOut, Network, Optimizer, Plan, Session, reference::Reference};
use snn_models::experiment::{Experiment, Schedule};
use snn_train::{Checkpoint, Event, FileCheck, Health, RunFolder, RunOutcome, TrainError};

use crate::{UNINTERRUPTED, experiment, go_on, new_run, records, result, stop_at, train, train_on, with};

/// The experiment with a rule, a constant rate and no clipping.
fn with_rule(optimizer: Optimizer) -> Experiment {
    changed(experiment(), optimizer)
}

/// The same with a readout alone, whose output follows the weights without any neuron that may fall silent.
fn of_readout(optimizer: Optimizer) -> Experiment {
    changed(with(&[("network.layers", "[Readout(classes: 10)]")]), optimizer)
}

fn changed(mut experiment: Experiment, optimizer: Optimizer) -> Experiment {
    experiment.training.optimizer = optimizer;
    experiment.training.schedule = Schedule::Constant;
    experiment.training.clip = None;
    experiment
}

fn sgd(lr: f32) -> Optimizer {
    Optimizer::Sgd { lr, momentum: 0.0, weight_decay: 0.0, nesterov: false }
}

/// What a run that diverges says; its folder must hold the checkpoint of its start, and no best weights.
fn divergence(experiment: &Experiment) -> String {
    let (_dir, mut folder) = new_run();
    let error = train(experiment, &mut folder, false, &mut go_on).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert_eq!(Checkpoint::load(&folder.last()).unwrap().progress.updates, 0);
    assert!(!folder.best().exists());
    assert!(records(&folder).iter().all(|line| !line.contains("Epoch") && !line.contains("null")));
    error.to_string().replace(&folder.last().display().to_string(), "LAST")
}

#[test]
fn weights_that_are_not_finite_end_a_run() {
    let message = divergence(&with_rule(sgd(1e38)));
    assert!(
        message.starts_with("training has diverged at epoch 1, batch 1: weight \"fc1\": ")
            && message.contains(" values are not finite or far too large; the first, at index ")
            && message.ends_with(
                ". The last checkpoint, LAST, is whole. Try a new run with a lower learning rate, or limit the gradient with \
                 --set training.clip=1.0"
            ),
        "{message}"
    );
}

/// The squares of gradients with such a weight decay are beyond all numbers in single precision, though they are not.
#[test]
fn memories_that_are_not_finite_end_a_run() {
    let adam = Optimizer::Adam { lr: 1e-3, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 1e25 };
    let message = divergence(&with_rule(adam));
    assert!(message.contains("batch 1: second_moment of weight \"fc1\": "), "{message}");
}

#[test]
fn a_loss_that_grows_a_million_fold_ends_a_run() {
    let message = divergence(&of_readout(sgd(1e4)));
    assert!(message.starts_with("training has diverged at epoch 1, batch 2: the loss has grown from "), "{message}");
}

/// Of an epoch of one batch, the validation is the first to see what has become of the weights.
#[test]
fn a_validation_loss_that_runs_away_ends_a_run_and_is_not_recorded() {
    for (rate, what) in
        [(1e4, "the validation loss has grown from "), (1e25, "the loss is not finite, on the validation images")]
    {
        let mut experiment = of_readout(sgd(rate));
        experiment.training.batch = 48;
        let message = divergence(&experiment);
        assert!(message.starts_with(&format!("training has diverged at epoch 1, batch 1: {what}")), "{message}");
    }
}

#[test]
fn a_test_loss_that_runs_away_ends_a_run_and_is_not_recorded() {
    let mut experiment = of_readout(sgd(1e4));
    (experiment.training.batch, experiment.training.validation, experiment.training.epochs) =
        (64, HoldOut::Spread(0), 1);
    let (_dir, mut folder) = new_run();
    let error = train(&experiment, &mut folder, false, &mut go_on).unwrap_err().to_string();
    assert!(error.starts_with("training has diverged at epoch 1, batch 1: the test loss "), "{error}");
    assert!(records(&folder).iter().all(|line| !line.contains("Finished")));
}

#[test]
fn a_run_whose_last_checkpoint_is_gone_is_left_as_it_is() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    fs::remove_file(folder.last()).unwrap();
    let before = (fs::read(folder.best()).unwrap(), records(&folder));
    let refused = |folder: &mut RunFolder| {
        let error = train(&experiment(), folder, false, &mut go_on).unwrap_err();
        assert!(matches!(error, TrainError::NoLast(_)), "{error}");
    };
    refused(&mut folder);
    assert_eq!((fs::read(folder.best()).unwrap(), records(&folder)), before);
    fs::remove_file(folder.best()).unwrap();
    refused(&mut folder);
    assert_eq!(records(&folder), before.1);
}

#[test]
fn a_run_does_not_go_on_from_a_checkpoint_that_was_changed() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Update { .. }))).unwrap();
    let mut bytes = fs::read(folder.last()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(folder.last(), &bytes).unwrap();
    let before = records(&folder);
    let message = train(&experiment(), &mut folder, false, &mut go_on).unwrap_err().to_string();
    assert!(message.contains("not as it was saved: another program has changed it"), "{message}");
    assert_eq!((fs::read(folder.last()).unwrap(), records(&folder)), (bytes, before));
}

#[test]
fn best_weights_of_another_run_are_not_tested() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    let (_other, mut other) = new_run();
    train(&with(&[("training.seed", "5")]), &mut other, false, &mut go_on).unwrap();
    fs::copy(other.best(), folder.best()).unwrap();
    let message = train(&experiment(), &mut folder, false, &mut go_on).unwrap_err().to_string();
    assert!(message.contains("best.safetensors: not a usable checkpoint: it is of another run"), "{message}");
}

#[test]
fn a_run_that_diverges_leaves_a_word_in_its_records() {
    let (_dir, mut folder) = new_run();
    let error = train(&of_readout(sgd(1e36)), &mut folder, false, &mut go_on).unwrap_err().to_string();
    assert!(error.starts_with("training has diverged at epoch 1"), "{error}");
    let alarms = Health::of_run(folder.path()).unwrap().alarms();
    assert!(alarms[0].starts_with("training has diverged at epoch 1"), "{alarms:?}");
}

#[test]
fn a_resumed_run_warns_as_one_that_was_not_interrupted() {
    let silent = with(&[("network.neuron.threshold", "1e6"), ("training.batch", "1"), ("training.epochs", "1")]);
    let warnings = |stops: &[usize]| {
        let (_dir, mut folder) = new_run();
        let mut steps = 0;
        let mut found = Vec::new();
        for _ in 0..=stops.len() {
            let mut observer = |event: &Event| {
                match event {
                    Event::Update { .. } => steps += 1,
                    Event::Warning { message, epoch, update } => found.push((message.clone(), *epoch, *update)),
                    _ => {}
                }
                let stop = matches!(event, Event::Update { .. }) && stops.contains(&steps);
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            train(&silent, &mut folder, false, &mut observer).unwrap();
        }
        found
    };
    let whole = warnings(&[]);
    assert!(whole.iter().any(|(message, ..)| message.contains("has been silent")), "{whole:?}");
    assert_eq!(warnings(&[7, 19]), whole);
}

/// The reference engine under another name, as if its sums were others.
#[derive(Debug)]
struct Elsewhere;

impl Engine for Elsewhere {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn describe(&self) -> String {
        Reference.describe()
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        Reference.compile(network, plan)
    }
}

#[test]
fn a_run_that_goes_on_with_other_arithmetic_says_so() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Update { .. }))).unwrap();
    let mut warnings = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Warning { message, .. } = event {
            warnings.push(message.clone());
        }
        ControlFlow::Continue(())
    };
    train_on(&Elsewhere, &experiment(), &mut folder, false, &mut observer).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("the run was computed by \"reference\" so far and goes on by \"elsewhere\""));
}

/// With a rate that does not follow the number of epochs, more epochs are what they would have been from the start.
#[test]
fn more_epochs_give_what_as_many_from_the_start_give() {
    let experiment = |epochs: usize| {
        let mut experiment = experiment();
        experiment.training.schedule = Schedule::Constant;
        experiment.training.epochs = epochs;
        experiment
    };
    let (_dir, mut folder) = new_run();
    train(&experiment(1), &mut folder, false, &mut go_on).unwrap();
    folder.change("(steps: 4)  ").unwrap();
    let outcome = train(&experiment(3), &mut folder, false, &mut go_on).unwrap();
    assert!(matches!(outcome, RunOutcome::Finished { .. }));

    let (_dir, mut whole) = new_run();
    whole.change("(steps: 4)  ").unwrap();
    train(&experiment(3), &mut whole, false, &mut go_on).unwrap();
    let (found, expected) = (result(&folder), result(&whole));
    assert!(found.0 == expected.0 && found.1 == expected.1, "the checkpoints differ");
    assert_eq!(found.2[1..], expected.2[1..], "but for the first record, which tells of the start");
}

#[test]
fn what_a_run_leaves_is_as_it_was_saved() {
    for bytes in [&UNINTERRUPTED.0, &UNINTERRUPTED.1] {
        assert_eq!(Checkpoint::parse(bytes, std::path::Path::new("a file")).unwrap().check, FileCheck::Holds);
    }
}
