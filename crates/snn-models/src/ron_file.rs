//! Reading and writing experiments as RON.

use ron::{Options, extensions::Extensions, ser::PrettyConfig};

use crate::{Diagnosis, Experiment, ExperimentError, Place, overrides, ron_error, ron_tree::Node, ron_tree::Path};

impl Experiment {
    /// Reads the experiment that `text` describes, from a file called `file_name` (which only errors mention), sets
    /// each `(path, value)` of `overrides` in turn, such as `("training.epochs", "3")`, and checks the result.
    ///
    /// # Errors
    /// [`ExperimentError::Text`] for text that does not describe an experiment or is out of range, with the line at
    /// fault; [`ExperimentError::Override`] for an override that does not fit; else as [`Experiment::check`].
    pub fn from_ron(text: &str, file_name: &str, overrides: &[(&str, &str)]) -> Result<Self, ExperimentError> {
        let mut experiment = ron_error::read(text).map_err(|fault| {
            let place =
                Place { file: file_name.to_owned(), text: text.to_owned(), span: fault.span, label: fault.label };
            ExperimentError::Text(Box::new(Diagnosis { title: fault.title, place: Some(place), notes: fault.notes }))
        })?;
        for (path, value) in overrides {
            experiment = overrides::apply(&experiment, path, value)?;
        }
        match experiment.check() {
            Ok(()) => Ok(experiment),
            Err(error) => Err(overrides::blame(&error, overrides)
                .or_else(|| locate(&error, text, file_name, overrides))
                .unwrap_or(error)),
        }
    }

    /// The experiment as RON, all defaults written out. [`Experiment::from_ron`] reads it back equal.
    ///
    /// # Panics
    /// Never: an experiment holds only numbers, lists and names, all of which RON can write.
    pub fn to_ron(&self) -> String {
        let config = PrettyConfig::new().struct_names(true).depth_limit(3);
        options().to_string_pretty(self, config).expect("an experiment holds nothing that RON cannot write") + "\n"
    }
}

/// How all text is read and written: `clip: 5.0` rather than `clip: Some(5.0)`.
pub(crate) fn options() -> Options {
    Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// The same error with its line, if the value at fault is written in `text`.
fn locate(error: &ExperimentError, text: &str, file_name: &str, overrides: &[(&str, &str)]) -> Option<ExperimentError> {
    let path = Path::parse(error.path()?)?;
    let tree = Node::read(text).ok()?;
    let (node, depth) = tree.descend(text, &path);
    let span = (depth == path.0.len()).then(|| node.mark(text))?;
    let place = Place { file: file_name.to_owned(), text: text.to_owned(), span, label: String::new() };
    let settings = overrides.iter().map(|(path, value)| format!("with the override {path}={value}"));
    let diagnosis = Diagnosis { title: error.to_string(), place: Some(place), notes: settings.collect() };
    Some(ExperimentError::Text(Box::new(diagnosis)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        experiment::{Augmentation, Layer, NetworkSpec, Optimizer, Schedule},
        presets,
    };

    fn lenet() -> Experiment {
        Experiment::from_ron(presets::all()[0].text, "mnist-lenet.ron", &[]).unwrap()
    }

    /// The default preset with `from` replaced by `to`, which must fail.
    fn error(from: &str, to: &str) -> String {
        let text = presets::all()[1].text;
        assert!(text.contains(from), "{from}");
        Experiment::from_ron(&text.replacen(from, to, 1), "my-net.ron", &[]).unwrap_err().to_string()
    }

    #[test]
    fn resolved_text_writes_every_default() {
        insta::assert_snapshot!(lenet().to_ron(), @"
        Experiment(
            data: Mnist,
            input: Poisson(
                scale: 0.5,
            ),
            steps: 50,
            network: Sequence(
                neuron: Lif(
                    leak: 0.99,
                    threshold: 1.0,
                    gradient: LeakCorrected(trace: AfterDropout),
                ),
                pool: PoolIf(
                    threshold: 0.75,
                ),
                dropout: 0.0,
                kappa: 2.0,
                layers: [
                    Conv(channels: 20, kernel: 5, stride: 1, padding: 2),
                    AvgPool(size: 2),
                    Conv(channels: 50, kernel: 5, stride: 1, padding: 2),
                    AvgPool(size: 2),
                    Linear(features: 200),
                    Readout(classes: 10, leak: 0.99),
                ],
            ),
            loss: SquaredError,
            training: Training(
                epochs: 25,
                batch: 64,
                optimizer: Sgd(
                    rate: 0.003,
                    momentum: 0.9,
                    weight_decay: 0.0005,
                ),
                schedule: Cosine(
                    floor: 0.0,
                    warmup: 0.0,
                ),
                clip: None,
                augmentation: Shift(
                    pixels: 1,
                ),
                validation: 5000,
                limit: None,
                seed: 1,
            ),
        )
        ");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(
            steps in 1_usize..1000,
            channels in 1_usize..100,
            leak in 0.01_f32..=1.0,
            rate in 1e-9_f32..1e3,
            clip in proptest::option::of(1e-3_f32..100.0),
            seed: u64,
            warmup in 0.0_f32..2.0,
            pixels in 1_usize..5,
            adam: bool,
        ) {
            let mut experiment = lenet();
            experiment.steps = steps;
            let NetworkSpec::Sequence { layers, .. } = &mut experiment.network;
            let neuron = Some(snn_core::Neuron::Lif { leak, threshold: rate, gradient: snn_core::Gradient::default() });
            layers[0] = Layer::Conv { channels, kernel: 5, stride: 1, padding: 2, neuron };
            let training = &mut experiment.training;
            if adam {
                training.optimizer = Optimizer::Adam { rate, betas: (leak / 2.0, 0.5), epsilon: 1e-8, weight_decay: 0.0 };
            }
            (training.clip, training.seed) = (clip, seed);
            training.schedule = Schedule::Cosine { floor: 0.0, warmup };
            training.augmentation = Augmentation::Shift { pixels };
            prop_assert_eq!(Experiment::from_ron(&experiment.to_ron(), "resolved", &[]).unwrap(), experiment);
        }
    }

    proptest! {
        #[test]
        fn damaged_text_is_an_error_and_never_a_panic(at in 0_usize..2500, length in 0_usize..40, new in "\\PC{0,6}") {
            let text = presets::all()[0].text;
            let start = text.floor_char_boundary(at);
            let end = text.floor_char_boundary(start + length).max(start);
            let damaged = format!("{}{new}{}", &text[..start], &text[end..]);
            if let Err(error) = Experiment::from_ron(&damaged, "my-net.ron", &[("training.batch", &new)]) {
                prop_assert!(error.render(true).contains("error"));
            }
        }
    }

    #[test]
    fn an_empty_file_says_where_to_start() {
        let text = "// nothing here yet\n";
        insta::assert_snapshot!(Experiment::from_ron(text, "my-net.ron", &[]).unwrap_err(), @"
        the experiment is empty
         --> my-net.ron:1:21
          |
        1 | // nothing here yet
          |                    ^
          |
          = to start from a preset: snn presets --print mnist-lenet
        ");
    }

    #[test]
    fn a_misspelt_field_lists_the_known_ones() {
        insta::assert_snapshot!(error("batch: 64", "bach: 64"), @r#"
        unknown field "bach" in training
          --> my-net.ron:22:9
           |
        22 |         bach: 64,
           |         ^^^^ did you mean batch?
           |
           = known fields: epochs, batch, optimizer, schedule, clip, augmentation, validation, limit, seed
        "#);
        insta::assert_snapshot!(error("steps: 100", "stepz: 100"), @r#"
        unknown field "stepz" in the experiment
         --> my-net.ron:6:5
          |
        6 |     stepz: 100,
          |     ^^^^^ did you mean steps?
          |
          = known fields: data, input, steps, network, loss, training
        "#);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        insta::assert_snapshot!(error("neuron: Lif(", "neuron: Lief("), @r#"
        unknown neuron "Lief" in network.neuron
         --> my-net.ron:8:17
          |
        8 |         neuron: Lief(leak: 0.99, threshold: 1.0, gradient: LeakCorrected()),
          |                 ^^^^ did you mean Lif?
          |
          = known neurons: Lif, PoolIf, Readout
        "#);
        insta::assert_snapshot!(error("Linear(features: 200)", "Dense(features: 200)"), @r#"
        unknown layer "Dense" in network.layers[4]
          --> my-net.ron:15:13
           |
        15 |             Dense(features: 200),
           |             ^^^^^
           |
           = known layers: Conv, AvgPool, Linear, Readout
        "#);
        insta::assert_snapshot!(error("Sgd(", "Lion("), @r#"
        unknown optimizer "Lion" in training.optimizer
          --> my-net.ron:23:20
           |
        23 |         optimizer: Lion(rate: 0.0085, weight_decay: 5e-4),
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
          = known data sets: Mnist
        "#);
    }

    #[test]
    fn a_wrong_type_names_the_right_one() {
        insta::assert_snapshot!(error("steps: 100", "steps: \"many\""), @r#"
        steps must be a whole number of at least 0, found "many"
         --> my-net.ron:6:12
          |
        6 |     steps: "many",
          |            ^^^^^^
        "#);
        insta::assert_snapshot!(error("batch: 64", "batch: 6.5"), @"
        training.batch must be a whole number, found 6.5
          --> my-net.ron:22:16
           |
        22 |         batch: 6.5,
           |                ^^^
        ");
        insta::assert_snapshot!(error("batch: 64", "batch: -1"), @"
        training.batch must be a whole number of at least 0, found -1
          --> my-net.ron:22:16
           |
        22 |         batch: -1,
           |                ^^
        ");
        insta::assert_snapshot!(error("leak: 0.99", "leak: big"), @"
        network.neuron.leak must be a number, found big
         --> my-net.ron:8:27
          |
        8 |         neuron: Lif(leak: big, threshold: 1.0, gradient: LeakCorrected()),
          |                           ^^^
        ");
        insta::assert_snapshot!(error("at: [75]", "at: 75"), @"
        training.schedule.at must be a list in [ ], found 75
          --> my-net.ron:24:29
           |
        24 |         schedule: Steps(at: 75, factor: 0.2), // epochs count from 0
           |                             ^^
        ");
        insta::assert_snapshot!(error("loss: SquaredError", "loss: SquaredError()"), @"
        SquaredError takes no ( ) in loss
          --> my-net.ron:19:11
           |
        19 |     loss: SquaredError(),                         // summed over the batch, which is why the rate looks small
           |           ^^^^^^^^^^^^^^ write SquaredError
        ");
        insta::assert_snapshot!(error("LeakCorrected()", "LeakCorrected"), @"
        network.neuron.gradient lacks its ( )
         --> my-net.ron:8:59
          |
        8 |         neuron: Lif(leak: 0.99, threshold: 1.0, gradient: LeakCorrected),
          |                                                           ^^^^^^^^^^^^^ write LeakCorrected(...), or LeakCorrected() for the defaults
        ");
        insta::assert_snapshot!(error("training: (", "training: Run("), @"
        training must be called Training or nothing, found Run
          --> my-net.ron:20:15
           |
        20 |     training: Run(
           |               ^^^
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
        insta::assert_snapshot!(error("rate: 0.0085, ", ""), @r#"
        missing field "rate" in training.optimizer
          --> my-net.ron:23:20
           |
        23 |         optimizer: Sgd(weight_decay: 5e-4),
           |                    ^^^ add rate: ...
        "#);
    }

    #[test]
    fn broken_syntax_points_at_its_start() {
        insta::assert_snapshot!(error("steps: 100,", "steps: 100"), @"
        expected , or ), found 'n'
         --> my-net.ron:7:5
          |
        7 |     network: Sequence(
          |     ^
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
          --> my-net.ron:22:20
           |
        22 |         batch: 64, batch: 64,
           |                    ^^^^^
        "#);
    }

    #[test]
    fn a_value_out_of_range_points_at_its_line() {
        insta::assert_snapshot!(error("batch: 64", "batch: 0"), @"
        training.batch must be at least 1, found 0
          --> my-net.ron:22:16
           |
        22 |         batch: 0,
           |                ^
        ");
        insta::assert_snapshot!(error("leak: 0.99", "leak: 1.5"), @"
        network.neuron.leak must be greater than 0 and at most 1, found 1.5
         --> my-net.ron:8:27
          |
        8 |         neuron: Lif(leak: 1.5, threshold: 1.0, gradient: LeakCorrected()),
          |                           ^^^
        ");
        insta::assert_snapshot!(error("padding: 2), AvgPool(size: 2)", "padding: 2), AvgPool(size: 40)"), @"
        network.layers[1]: pool1: input 20x28x28: height 28 with padding 0 is smaller than the window of 40
          --> my-net.ron:13:56
           |
        13 |             Conv(channels: 20, kernel: 5, padding: 2), AvgPool(size: 40),
           |                                                        ^^^^^^^^^^^^^^^^^
        ");
        insta::assert_snapshot!(error("classes: 10", "classes: 12"), @"
        network.layers[5].classes must be 10, the number of classes of Mnist, found 12
          --> my-net.ron:16:30
           |
        16 |             Readout(classes: 12, leak: 0.99),
           |                              ^^
        ");
    }

    #[test]
    fn a_value_out_of_range_by_an_override_names_the_override() {
        let text = presets::all()[0].text;
        let error = Experiment::from_ron(text, "my-net.ron", &[("training.batch", "0")]).unwrap_err();
        insta::assert_snapshot!(error, @"
        training.batch must be at least 1, found 0
         |
         = in the override training.batch=0
        ");
    }
}
