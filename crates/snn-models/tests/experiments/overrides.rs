//! Values set from outside.

use snn_core::Optimizer;
use snn_models::experiment::Schedule;

use crate::{abridged, lenet};

fn error(path: &str, value: &str) -> String {
    abridged(&lenet(&[(path, value)]).unwrap_err())
}

#[test]
fn any_value_can_be_set() {
    let experiment = lenet(&[
        ("training.epochs", "3"),
        ("training.clip", "5.0"),
        ("network.layers[2].channels", "64"),
        ("network.layers[4].neuron", "Lif(leak: 0.5)"),
        ("network.layers[4].neuron.threshold", "2"),
        ("training.schedule", "Constant"),
        ("training.optimizer.lr", "0.1"),
    ])
    .unwrap();
    assert_eq!(experiment.training.epochs, 3);
    assert_eq!(experiment.training.clip, Some(5.0));
    assert_eq!(experiment.training.schedule, Schedule::Constant);
    assert_eq!(
        experiment.training.optimizer,
        Optimizer::Sgd { lr: 0.1, momentum: 0.9, weight_decay: 5e-4, nesterov: false }
    );
    let text = experiment.to_ron();
    assert!(text.contains("Conv(channels: 64,") && text.contains("neuron: Lif(leak: 0.5, threshold: 2.0,"), "{text}");
}

#[test]
fn a_whole_choice_can_be_replaced() {
    let experiment = lenet(&[("training.optimizer", "Adam(lr: 0.001)")]).unwrap();
    assert!(matches!(experiment.training.optimizer, Optimizer::Adam { lr: 0.001, .. }));
}

#[test]
fn an_unknown_path_lists_what_is_there() {
    insta::assert_snapshot!(error("training.epoch", "3"), @"
    unknown field \"epoch\" in training
     |
     = did you mean epochs?
     = known fields: epochs, batch, optimizer, reduction, schedule, clip, freeze, augmentation, dropout_from, average, validation, limit, chunk, seed
     = in the override training.epoch=3
    ");
    insta::assert_snapshot!(error("trainig.epochs", "3"), @r#"
    "trainig" is not set in the experiment
     |
     = did you mean training?
     = fields set there: data, input, steps, network, score, loss, rates, start, training
     = in the override trainig.epochs=3
    "#);
    insta::assert_snapshot!(error("network.layers[9].channels", "3"), @"
    network.layers has 6 values and none at [9]
     |
     = the last one is network.layers[5]
     = in the override network.layers[9].channels=3
    ");
    insta::assert_snapshot!(error("network.layers[0].neuron.leak", "0.5"), @"
    \"neuron\" is not set in network.layers[0]
     |
     = to set it as a whole: network.layers[0].neuron=...
     = fields set there: channels, kernel, stride, padding, dilation, groups, recurrent
     = in the override network.layers[0].neuron.leak=0.5
    ");
    insta::assert_snapshot!(error("steps.more", "3"), @r#"
    steps is 50 and has no field "more"
     |
     = in the override steps.more=3
    "#);
    insta::assert_snapshot!(error("training.schedule.rate", "3"), @r#"
    unknown field "rate" in training.schedule
     |
     = the learning rate is lr, a field of the optimizer: training.optimizer.lr
     = known fields: floor, warmup
     = in the override training.schedule.rate=3
    "#);
    insta::assert_snapshot!(error("training..epochs", "3"), @r#"
    "training..epochs" is not a path
     |
     = paths look like training.batch or network.layers[2].channels
     = in the override training..epochs=3
    "#);
}

#[test]
fn a_value_that_does_not_fit_is_explained() {
    insta::assert_snapshot!(error("training.epochs", "many"), @"
    training.epochs must be a whole number that is not negative, found many
     |
     = in the override training.epochs=many
    ");
    insta::assert_snapshot!(error("training.epochs", "3, batch: 4"), @r#"
    "3, batch: 4" is not a value: nothing may follow here
     |
     = in the override training.epochs=3, batch: 4
    "#);
    insta::assert_snapshot!(error("training.optimizer", "Adam(lr: 0.1"), @r#"
    "Adam(lr: 0.1" is not a value: this bracket is never closed with )
     |
     = in the override training.optimizer=Adam(lr: 0.1
    "#);
    insta::assert_snapshot!(error("training.optimizer", "Sdg(lr: 0.1)"), @r#"
    unknown optimizer "Sdg" in training.optimizer
     |
     = did you mean Sgd?
     = known optimizers: Sgd, Adam, AdamW
     = in the override training.optimizer=Sdg(lr: 0.1)
    "#);
    insta::assert_snapshot!(error("training.epochs", ""), @r#"
    "" is not a value: expected a value, found the end
     |
     = in the override training.epochs=
    "#);
}

#[test]
fn parts_within_parts_can_be_set() {
    let experiment = lenet(&[
        ("network.neuron.leak", "0.9"),
        ("network.layers[2].neuron", "Lif"),
        ("network.layers[2].neuron.gradient", "Atan(alpha: 3.0)"),
        ("network.layers[2].neuron.gradient.alpha", "4.0"),
        ("network.layers[5].neuron.leak", "0.5"),
        ("input", "Direct"),
        ("input.scale", "2.0"),
        ("loss", "SquaredError()"),
    ]);
    let text = experiment.unwrap().to_ron();
    for part in [
        "neuron: Lif(\n            leak: 0.9,",
        "gradient: Atan(alpha: 4.0)",
        "neuron: LeakyIntegrator(leak: 0.5,",
        "input: Direct(scale: 2.0)",
        "loss: SquaredError,",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_comment_ends_with_its_override() {
    let experiment =
        lenet(&[("training.epochs", "3 // a few"), ("loss", "SquaredError /* as ever */ // yes")]).unwrap();
    assert_eq!((experiment.training.epochs, experiment.loss.to_string().as_str()), (3, "SquaredError"));
}

#[test]
fn a_part_that_means_nothing_names_the_override() {
    insta::assert_snapshot!(error("network.layers[2].neuron", "Lief(leak: 0.9)"), @r#"
    unknown neuron "Lief" in network.layers[2].neuron
     |
     = did you mean Lif?
     = known neurons: Lif, If, PoolIf, ...
     = in the override network.layers[2].neuron=Lief(leak: 0.9)
    "#);
    insta::assert_snapshot!(error("network.neuron.gradient", "Atn"), @r#"
    unknown surrogate "Atn" in network.neuron.gradient
     |
     = did you mean Atan?
     = known surrogates: LeakCorrected, Atan, FastSigmoid, ...
     = in the override network.neuron.gradient=Atn
    "#);
    insta::assert_snapshot!(error("network.neuron.gradient", "Atan(alpha: -1.0)"), @"
    network.neuron.gradient.alpha must be greater than 0, found -1
     |
     = in the override network.neuron.gradient=Atan(alpha: -1.0)
    ");
    insta::assert_snapshot!(error("network.neuron.leek", "0.9"), @"
    unknown field \"leek\" in network.neuron
     |
     = did you mean leak?
     = known fields: leak, threshold, reset, decay_input, detach_reset, learn_threshold, per, gradient
     = in the override network.neuron.leek=0.9
    ");
    insta::assert_snapshot!(error("training.augmentation", "Shift(1)"), @"
    the values of Shift in training.augmentation must be named
     |
     = write Shift(pixels: 1)
     = known fields: pixels, flip
     = in the override training.augmentation=Shift(1)
    ");
    insta::assert_snapshot!(error("data.folder", "3"), @r#"
    data is Mnist and has no field "folder"
     |
     = in the override data.folder=3
    "#);
}

#[test]
fn a_value_out_of_range_names_the_override() {
    insta::assert_snapshot!(error("training.batch", "0"), @"
    training.batch must be at least 1, found 0
     |
     = in the override training.batch=0
    ");
}
