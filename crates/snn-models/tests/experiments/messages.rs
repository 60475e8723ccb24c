//! What is said of files that do not describe an experiment.

use snn_models::{Experiment, presets};

use crate::{abridged, registry};

/// The message for `text` as the file `my-net.ron`.
fn message(text: &str) -> String {
    abridged(&Experiment::from_ron(text, "my-net.ron", &[], &registry()).unwrap_err())
}

/// The paper's preset with `from` replaced by `to`, which must fail.
fn error(from: &str, to: &str) -> String {
    let text = presets::all()[1].text;
    assert!(text.contains(from), "{from}");
    message(&text.replacen(from, to, 1))
}

#[test]
fn an_empty_file_says_where_to_start() {
    let text = "// nothing here yet\n";
    insta::assert_snapshot!(message(text), @"
    the experiment is empty
     --> my-net.ron:1:21
      |
    1 | // nothing here yet
      |                    ^
      |
      = to start from a preset: snn presets mnist-lenet
    ");
}

#[test]
fn a_misspelt_field_lists_the_known_ones() {
    insta::assert_snapshot!(error("batch: 64", "bach: 64"), @"
    unknown field \"bach\" in training
      --> my-net.ron:23:9
       |
    23 |         bach: 64,
       |         ^^^^ did you mean batch?
       |
       = known fields: epochs, batch, optimizer, reduction, schedule, clip, freeze, augmentation, dropout_from, average, validation, limit, chunk, seed
    ");
    insta::assert_snapshot!(error("steps: 100", "stepz: 100"), @r#"
    unknown field "stepz" in the experiment
     --> my-net.ron:6:5
      |
    6 |     stepz: 100,
      |     ^^^^^ did you mean steps?
      |
      = known fields: data, input, steps, network, score, loss, rates, start, training
    "#);
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    insta::assert_snapshot!(error("neuron: Lif(", "neuron: Lief("), @r#"
    unknown neuron "Lief" in network.neuron
     --> my-net.ron:8:17
      |
    8 |         neuron: Lief(leak: 0.99, threshold: 1.0, gradient: LeakCorrected),
      |                 ^^^^ did you mean Lif?
      |
      = known neurons: Lif, If, PoolIf, ...
    "#);
    insta::assert_snapshot!(error("Linear(features: 200)", "Dense(features: 200)"), @r#"
    unknown layer "Dense" in network.layers[4]
      --> my-net.ron:15:13
       |
    15 |             Dense(features: 200),
       |             ^^^^^ a fully connected layer is Linear(features: N) here
       |
       = known layers: Conv, AvgPool, MaxPool, ...
    "#);
    insta::assert_snapshot!(error("Sgd(", "Lion("), @r#"
    unknown optimizer "Lion" in training.optimizer
      --> my-net.ron:24:20
       |
    24 |         optimizer: Lion(lr: 0.0085, weight_decay: 5e-4),
       |                    ^^^^
       |
       = known optimizers: Sgd, Adam, AdamW
    "#);
    insta::assert_snapshot!(error("data: Mnist", "data: Mnits"), @r#"
    unknown data set "Mnits" in data
     --> my-net.ron:4:11
      |
    4 |     data: Mnits,
      |           ^^^^^ did you mean Mnist?
      |
      = known data sets: Mnist, FashionMnist, Cifar10, ...
    "#);
}

#[test]
fn a_wrong_type_names_the_right_one() {
    insta::assert_snapshot!(error("steps: 100", "steps: \"many\""), @r#"
    steps must be a whole number that is not negative, found "many"
     --> my-net.ron:6:12
      |
    6 |     steps: "many",
      |            ^^^^^^
    "#);
    insta::assert_snapshot!(error("batch: 64", "batch: 6.5"), @"
    training.batch must be a whole number, found 6.5
      --> my-net.ron:23:16
       |
    23 |         batch: 6.5,
       |                ^^^
    ");
    insta::assert_snapshot!(error("batch: 64", "batch: -1"), @"
    training.batch must be a whole number that is not negative, found -1
      --> my-net.ron:23:16
       |
    23 |         batch: -1,
       |                ^^
    ");
    insta::assert_snapshot!(error("leak: 0.99", "leak: big"), @"
    network.neuron.leak must be a number, found big
     --> my-net.ron:8:27
      |
    8 |         neuron: Lif(leak: big, threshold: 1.0, gradient: LeakCorrected),
      |                           ^^^
    ");
    insta::assert_snapshot!(error("at: [75]", "at: 75"), @"
    training.schedule.at must be a list in [ ], found 75
      --> my-net.ron:26:29
       |
    26 |         schedule: Steps(at: 75, factor: 0.2), // epochs count from 0
       |                             ^^
    ");
    insta::assert_snapshot!(error("training: (", "training: Run("), @"
    training must be called Training or nothing, found Run
      --> my-net.ron:21:15
       |
    21 |     training: Run(
       |               ^^^
    ");
}

#[test]
fn parts_within_parts_are_explained_at_their_place() {
    insta::assert_snapshot!(error("gradient: LeakCorrected", "gradient: Atn(alpha: 3.0)"), @r#"
    unknown surrogate "Atn" in network.neuron.gradient
     --> my-net.ron:8:59
      |
    8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: Atn(alpha: 3.0)),
      |                                                           ^^^ did you mean Atan?
      |
      = known surrogates: LeakCorrected, Atan, FastSigmoid, ...
    "#);
    insta::assert_snapshot!(error("gradient: LeakCorrected", "gradient: Atan(sharpness: 3.0)"), @r#"
    unknown field "sharpness" in network.neuron.gradient
     --> my-net.ron:8:64
      |
    8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: Atan(sharpness: 3.0)),
      |                                                                ^^^^^^^^^
      |
      = known fields: alpha
    "#);
    insta::assert_snapshot!(error("gradient: LeakCorrected", "gradient: Atan(alpha: \"steep\")"), @r#"
    network.neuron.gradient.alpha must be a number, found "steep"
     --> my-net.ron:8:71
      |
    8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: Atan(alpha: "steep")),
      |                                                                       ^^^^^^^
    "#);
    insta::assert_snapshot!(error("gradient: LeakCorrected", "gradient: LeakCorrected(trace: Before)"), @r#"
    unknown trace "Before" in network.neuron.gradient.trace
     --> my-net.ron:8:80
      |
    8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: LeakCorrected(trace: Before)),
      |                                                                                ^^^^^^
      |
      = known traces: AfterDropout, BeforeDropout
    "#);
    insta::assert_snapshot!(error("gradient: LeakFree", "gradient: Free"), @r#"
    unknown gradient "Free" in network.layers[5].neuron.gradient
      --> my-net.ron:16:80
       |
    16 |             Readout(classes: 10, neuron: LeakyIntegrator(leak: 0.99, gradient: Free)),
       |                                                                                ^^^^ did you mean LeakFree?
       |
       = known gradients: Exact, LeakFree
    "#);
    insta::assert_snapshot!(error("leak: 0.99, gradient: LeakFree", "leak : 0.99,\n gradient : \"LeakFree\""), @r#"
    network.layers[5].neuron.gradient must be a name without quotes, as in Name or Name(field: value), found "LeakFree"
      --> my-net.ron:17:13
       |
    17 |  gradient : "LeakFree")),
       |             ^^^^^^^^^^
    "#);
    insta::assert_snapshot!(error("Linear(features: 200)", "Linear(features: 2.5, neuron: Lif ( ))"), @"
    network.layers[4].features must be a whole number, found 2.5
      --> my-net.ron:15:30
       |
    15 |             Linear(features: 2.5, neuron: Lif ( )),
       |                              ^^^
    ");
    insta::assert_snapshot!(error("Linear(features: 200)", "Linear(features: 200, neuron: 3)"), @"
    network.layers[4].neuron: expected a name, found 3
      --> my-net.ron:15:43
       |
    15 |             Linear(features: 200, neuron: 3),
       |                                           ^
    ");
}

#[test]
fn values_without_names_are_told_their_names() {
    insta::assert_snapshot!(error("input: Poisson(scale: 0.5)", "input: Poisson(0.5)"), @"
    the values of Poisson in input must be named
     --> my-net.ron:5:12
      |
    5 |     input: Poisson(0.5),                 // a white pixel (1.0) spikes at every second step on average
      |            ^^^^^^^^^^^^ write Poisson(scale: 0.5)
      |
      = known fields: scale
    ");
    insta::assert_snapshot!(error("threshold: 0.75", "0.75"), @"
    the values of PoolIf in network.pool must be named
     --> my-net.ron:9:15
      |
    9 |         pool: PoolIf(0.75),
      |               ^^^^^^^^^^^^ write PoolIf(threshold: 0.75)
      |
      = known fields: threshold
    ");
    insta::assert_snapshot!(error("AvgPool(size: 2)", "AvgPool(2)"), @"
    the values of AvgPool in network.layers[1] must be named
      --> my-net.ron:13:56
       |
    13 |             Conv(channels: 20, kernel: 5, padding: 2), AvgPool(2),
       |                                                        ^^^^^^^^^^ write AvgPool(size: 2)
       |
       = known fields: size, stride
    ");
    insta::assert_snapshot!(error("factor: 0.2)", "factor: 0.2), augmentation: Shift(1)"), @"
    the values of Shift in training.augmentation must be named
      --> my-net.ron:26:63
       |
    26 |         schedule: Steps(at: [75], factor: 0.2), augmentation: Shift(1), // epochs count from 0
       |                                                               ^^^^^^^^ write Shift(pixels: 1)
       |
       = known fields: pixels, flip
    ");
    insta::assert_snapshot!(error("loss: SquaredError", "loss: SquaredError(1)"), @"
    SquaredError in loss takes no values
      --> my-net.ron:20:11
       |
    20 |     loss: SquaredError(1),                         // between scores and one-hot target, summed over classes
       |           ^^^^^^^^^^^^^^^ write SquaredError
    ");
}

#[test]
fn values_of_another_kind_are_told_what_they_must_be() {
    let line = |from: &str, to: &str| {
        let text = error(from, to);
        let label = text.lines().find_map(|line| line.split_once("^ ")).map_or("", |(_, label)| label);
        format!("{}: {label}", text.lines().next().unwrap_or_default()).trim_end().to_owned()
    };
    let lines = [
        line("loss: SquaredError,", "loss: SquaredError, rates: 0.05,"),
        line("loss: SquaredError,", "loss: SquaredError, rates: yes,"),
        line("Linear(features: 200)", "Linear(features: 200, recurrent: yes)"),
        line("Linear(features: 200)", "3"),
        line("Sgd(lr: 0.0085, weight_decay: 5e-4)", "Adam(lr: 0.001, betas: 0.9)"),
        line("Sgd(lr: 0.0085, weight_decay: 5e-4)", "Sgd"),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    rates must be values in ( ), found 0.05: write (target: 0.05, weight: 1.0)
    rates must be values in ( ), found yes: write (target: 0.05, weight: 1.0)
    network.layers[4].recurrent must be true or false, found yes:
    network.layers[4] must be a name, found 3:
    training.optimizer.betas must be values in ( ), found 0.9: write (0.9, 0.999)
    missing field "lr" in training.optimizer: add lr: ...
    "#);
}

#[test]
fn a_mistake_within_a_part_is_shown_where_it_is() {
    let line = |from: &str, to: &str| error(from, to).lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ");
    let lines = [
        line("leak: 0.99", "leak: 1.2.3"),
        line("leak: 0.99", "leak: \"\\q\""),
        line("leak: 0.99", "leak: 0.99, leak: 0.98"),
        line("leak: 0.99", "leak: Some(0.9, 0.8)"),
        line("leak: 0.99", "leak: (0.9)"),
        line("data: Mnist", "data: Svhn(train_file: \"\\q\")"),
        line("data: Mnist", "data: Svhn(mean: (0.4, 0.4))"),
        line("data: Mnist", "data: Svhn(mean: (0.4, 0.4, 0.4, 0.4))"),
        line("Linear(features: 200)", "Linear(features: 200())"),
        line("Experiment(", "#![enable(all)]\nExperiment("),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    network.neuron.leak must be a number, found 1.2.3 --> my-net.ron:8:27
    network.neuron.leak must be a number, found "\q" --> my-net.ron:8:27
    field "leak" is given twice in network.neuron --> my-net.ron:8:33
    network.neuron.leak must be a number, found Some(0.9, 0.8) --> my-net.ron:8:27
    network.neuron.leak must be a number, found (0.9) --> my-net.ron:8:27
    data.train_file: unknown escape character --> my-net.ron:4:28
    data.mean must be 3 values in ( ), found (0.4, 0.4) --> my-net.ron:4:22
    data.mean must be 3 values in ( ), found (0.4, 0.4, 0.4, 0.4) --> my-net.ron:4:22
    network.layers[4].features must be a whole number that is not negative, found 200() --> my-net.ron:15:30
    this attribute is not known: no RON extension named `all` --> my-net.ron:3:1
    "#);
}

#[test]
fn a_name_alone_stands_for_all_defaults() {
    let text = presets::all()[1].text;
    let short = text
        .replace("threshold: 1.0,", "threshold: 1.0, reset: Hard,")
        .replace("Steps(at: [75], factor: 0.2)", "Cosine");
    let experiment = Experiment::from_ron(&short, "my-net.ron", &[], &registry()).unwrap();
    let written = experiment.to_ron();
    assert!(
        written.contains("reset: Hard(to: 0.0)") && written.contains("Cosine(floor: 0.0, warmup: 0.0)"),
        "{written}"
    );
    // What is wrong further on is still shown where it stands.
    insta::assert_snapshot!(message(&short.replace("epochs: 125", "epochs: many")), @"
    training.epochs must be a whole number that is not negative, found many
      --> my-net.ron:22:17
       |
    22 |         epochs: many,
       |                 ^^^^
    ");
}

#[test]
fn a_missing_field_names_its_struct() {
    insta::assert_snapshot!(error("steps: 100,", ""), @r#"
    missing field "steps" in the experiment
     --> my-net.ron:3:1
      |
    3 | Experiment(
      | ^^^^^^^^^^ add steps: ...
    "#);
    insta::assert_snapshot!(error("lr: 0.0085, ", ""), @r#"
    missing field "lr" in training.optimizer
      --> my-net.ron:24:20
       |
    24 |         optimizer: Sgd(weight_decay: 5e-4),
       |                    ^^^ add lr: ...
       |
       = for example: Sgd(lr: 0.003, momentum: 0.9, weight_decay: 0.0005, nesterov: false)
    "#);
}

#[test]
fn broken_syntax_points_at_its_start() {
    insta::assert_snapshot!(error("steps: 100,", "steps: 100"), @"
    a comma is missing after 100
     --> my-net.ron:6:12
      |
    6 |     steps: 100
      |            ^^^
    ");
    insta::assert_snapshot!(error("layers: [", "layers: "), @"
    expected a value, found ']'
      --> my-net.ron:17:9
       |
    17 |         ],
       |         ^
    ");
    insta::assert_snapshot!(error("batch: 64,", "batch: 64, batch: 64,"), @r#"
    field "batch" is given twice in training
      --> my-net.ron:23:20
       |
    23 |         batch: 64, batch: 64,
       |                    ^^^^^
    "#);
}

#[test]
fn a_value_out_of_range_points_at_its_line() {
    insta::assert_snapshot!(error("batch: 64", "batch: 0"), @"
    training.batch must be at least 1, found 0
      --> my-net.ron:23:16
       |
    23 |         batch: 0,
       |                ^
    ");
    insta::assert_snapshot!(error("leak: 0.99", "leak: 1.5"), @"
    network.neuron.leak must be greater than 0 and at most 1, found 1.5
     --> my-net.ron:8:27
      |
    8 |         neuron: Lif(leak: 1.5, threshold: 1.0, gradient: LeakCorrected),
      |                           ^^^
    ");
    insta::assert_snapshot!(error("gradient: LeakCorrected", "gradient: Atan(alpha: 0.0)"), @"
    network.neuron.gradient.alpha must be greater than 0, found 0
     --> my-net.ron:8:71
      |
    8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: Atan(alpha: 0.0)),
      |                                                                       ^^^
    ");
    insta::assert_snapshot!(error("leak: 0.99, gradient: LeakFree", "leak: 0.0, gradient: LeakFree"), @"
    network.layers[5].neuron.leak must be greater than 0 and at most 1, found 0
      --> my-net.ron:16:64
       |
    16 |             Readout(classes: 10, neuron: LeakyIntegrator(leak: 0.0, gradient: LeakFree)),
       |                                                                ^^^
    ");
    insta::assert_snapshot!(error("Linear(features: 200)", "Linear(features: 200, neuron: Lif(\n threshold: -1.0))"), @"
    network.layers[4].neuron.threshold must be greater than 0, found -1
      --> my-net.ron:16:13
       |
    16 |  threshold: -1.0)),
       |             ^^^^
    ");
    insta::assert_snapshot!(error("Linear(features: 200)", "Linear(features: 200, neuron: LeakyIntegrator)"), @"
    network.layers[4].neuron must be a neuron that passes on spikes or numbers to others, as all layers but the Readout need, found LeakyIntegrator
      --> my-net.ron:15:43
       |
    15 |             Linear(features: 200, neuron: LeakyIntegrator),
       |                                           ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(error("loss: SquaredError,", "loss: SquaredError, rates: (target: 0.1, weight: -1.0),"), @"
    rates.weight must be greater than 0, found -1
      --> my-net.ron:20:54
       |
    20 |     loss: SquaredError, rates: (target: 0.1, weight: -1.0),                         // between scores and one-hot target, summed ove...
       |                                                      ^^^^
    ");
    insta::assert_snapshot!(error("padding: 2), AvgPool(size: 2)", "padding: 2), AvgPool(size: 40)"), @"
    network.layers[1]: pool1: input 20x28x28: height 28 with padding 0 is smaller than the window of 40
      --> my-net.ron:13:56
       |
    13 |             Conv(channels: 20, kernel: 5, padding: 2), AvgPool(size: 40),
       |                                                        ^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(error("classes: 10", "classes: 12"), @"
    network.layers[5].classes must be 10, as many as the data set has, found 12
      --> my-net.ron:16:30
       |
    16 |             Readout(classes: 12, neuron: LeakyIntegrator(leak: 0.99, gradient: LeakFree)),
       |                              ^^
    ");
}
