//! Experiments are written so that they can be read, by people and by the reader.

use proptest::prelude::*;
use snn_models::{Experiment, presets};

use crate::{lenet, registry};

#[test]
fn resolved_text_writes_every_default() {
    insta::assert_snapshot!(lenet(&[]).unwrap().to_ron(), @"
    Experiment(
        data: Mnist,
        input: Poisson(scale: 0.5),
        steps: 50,
        network: Sequence(
            neuron: Lif(
                leak: 0.99,
                threshold: 1.0,
                reset: Hard(to: 0.0),
                decay_input: false,
                detach_reset: false,
                learn_threshold: false,
                per: Population,
                gradient: LeakCorrected(trace: AfterDropout),
            ),
            pool: PoolIf(threshold: 0.75),
            dropout: 0.0,
            kappa: 2.0,
            standardise: false,
            bias: false,
            norm: None,
            layers: [
                Conv(channels: 20, kernel: 5, stride: 1, padding: 2, dilation: 1, groups: 1, recurrent: false),
                AvgPool(size: 2),
                Conv(channels: 50, kernel: 5, stride: 1, padding: 2, dilation: 1, groups: 1, recurrent: false),
                AvgPool(size: 2),
                Linear(features: 200, recurrent: false),
                Readout(classes: 10, neuron: LeakyIntegrator(leak: 0.99, divisor: 1.0, decay_input: false, gradient: LeakFree)),
            ],
        ),
        score: Final,
        loss: SquaredError,
        rates: None,
        start: Drawn,
        training: (
            epochs: 25,
            batch: 64,
            optimizer: Sgd(lr: 0.003, momentum: 0.9, weight_decay: 0.0005, nesterov: false),
            reduction: Sum,
            schedule: Cosine(floor: 0.0, warmup: 0.0),
            clip: None,
            freeze: [],
            augmentation: Shift(pixels: 1, flip: false),
            dropout_from: 0,
            average: None,
            validation: Last(5000),
            limit: None,
            chunk: None,
            seed: 1,
        ),
    )
    ");
}

#[test]
fn a_layer_stays_on_its_line() {
    let layer = "Conv(channels: 4, kernel: 3, neuron: Lif(leak: 0.5, gradient: FastSigmoid))";
    let text = lenet(&[("network.layers", &format!("[{layer}, Readout(classes: 10)]"))]).unwrap().to_ron();
    let start = text.find("        layers").unwrap();
    insta::assert_snapshot!(text[start..].lines().take(5).collect::<Vec<_>>().join("\n"), @"
        layers: [
            Conv(channels: 4, kernel: 3, stride: 1, padding: 0, dilation: 1, groups: 1, recurrent: false, neuron: Lif(leak: 0.5, threshold: 1.0, reset: Hard(to: 0.0), decay_input: false, detach_reset: false, learn_threshold: false, per: Population, gradient: FastSigmoid(slope: 25.0))),
            Readout(classes: 10, neuron: LeakyIntegrator(leak: 0.99, divisor: 1.0, decay_input: false, gradient: LeakFree)),
        ],
    ),
    ");
}

#[test]
fn every_preset_reads_and_reads_back_equal() {
    for preset in presets::all() {
        let experiment = Experiment::from_ron(preset.text, &preset.file_name(), &[], &registry());
        let experiment = experiment.unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        assert_eq!(Experiment::from_ron(&experiment.to_ron(), "resolved", &[], &registry()).unwrap(), experiment);
    }
}

#[test]
fn the_paper_preset_has_the_paper_s_constants() {
    let preset = presets::find("mnist-lenet-paper").unwrap();
    let experiment = Experiment::from_ron(preset.text, preset.name, &[], &registry()).unwrap();
    assert_eq!((experiment.steps, experiment.training.epochs, experiment.training.batch), (100, 125, 64));
    let expected = snn_core::Optimizer::Sgd { lr: 0.0085, momentum: 0.0, weight_decay: 5e-4, nesterov: false };
    assert_eq!(experiment.training.optimizer, expected);
}

#[test]
fn a_part_may_have_brackets_or_none_and_comments() {
    let text = presets::all()[0].text;
    let text = text.replace("loss: SquaredError,", "loss: SquaredError ( /* none */ ), score: /* y */ Final(),");
    let text = text.replace("threshold: 1.0)", "threshold: 1.0, gradient: LeakCorrected ( // the paper's\n ) )");
    assert_eq!(Experiment::from_ron(&text, "", &[], &registry()).unwrap(), lenet(&[]).unwrap());
}

#[test]
fn a_mark_at_the_start_and_raw_strings_are_read() {
    let text = presets::all()[0].text;
    let marked = format!("\u{feff}{text}");
    assert_eq!(Experiment::from_ron(&marked, "", &[], &registry()).unwrap(), lenet(&[]).unwrap());
    let read = |file: &str| {
        let data = format!("Svhn(train_file: {file}, held_out: 200)");
        let layers = "[Conv(channels: 4, kernel: 3, stride: 4), Readout(classes: 10)]";
        lenet(&[("data", &data), ("network.layers", layers)])
    };
    let expected = read("\"a\\\\b.mat\"").unwrap();
    assert_eq!(read("r\"a\\b.mat\"").unwrap(), expected);
    assert_eq!(read("r#\"a\\b.mat\"#").unwrap(), expected);
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
        recurrent: bool,
        chunk in proptest::option::of(1_usize..100),
        adam: bool,
    ) {
        let layer = format!("Conv(channels: {channels}, kernel: 5, padding: 2, recurrent: {recurrent}, neuron: \
            Lif(leak: {leak}, threshold: {rate}, reset: Soft, gradient: Atan(alpha: {leak})))");
        let adam_rule = format!("Adam(lr: {rate}, betas: ({}, 0.5))", leak / 2.0);
        let optimizer = if adam { adam_rule } else { format!("Sgd(lr: {rate})") };
        let option = |value: Option<String>| value.unwrap_or_else(|| "None".to_owned());
        let experiment = lenet(&[
            ("steps", &steps.to_string()),
            ("network.layers[0]", &layer),
            ("training.optimizer", &optimizer),
            ("training.clip", &option(clip.map(|clip| clip.to_string()))),
            ("training.chunk", &option(chunk.map(|chunk| chunk.to_string()))),
            ("training.seed", &seed.to_string()),
            ("training.schedule", &format!("Cosine(warmup: {warmup})")),
            ("training.augmentation", &format!("Shift(pixels: {pixels})")),
            ("rates", &format!("(target: 0.1, weight: {rate})")),
        ]).unwrap();
        prop_assert_eq!((experiment.steps, experiment.training.clip, experiment.training.seed), (steps, clip, seed));
        let text = experiment.to_ron();
        prop_assert_eq!(Experiment::from_ron(&text, "resolved", &[], &registry()).unwrap(), experiment);
    }
}

proptest! {
    #[test]
    fn damaged_text_is_an_error_and_never_a_panic(at in 0_usize..2500, length in 0_usize..40, new in "\\PC{0,6}") {
        let text = presets::all()[at % 2].text;
        let start = text.floor_char_boundary(at);
        let end = text.floor_char_boundary(start + length).max(start);
        let damaged = format!("{}{new}{}", &text[..start], &text[end..]);
        let overrides = [("training.batch", new.as_str()), ("network.neuron.gradient", &new)];
        if let Err(error) = Experiment::from_ron(&damaged, "my-net.ron", &overrides, &registry()) {
            prop_assert!(error.render(true).contains("error"));
        }
    }
}

/// What may stand between any two tokens.
const BETWEEN: [&str; 10] = [
    "",
    " ",
    "\n",
    "/**/",
    " // (as in the paper]\n",
    "// \"\n",
    "/* ) */",
    "/* a /* \" */ ( // */",
    "\t/* 'x */ // , */\n ",
    "\u{a0}/* ö: Some( */\r\n",
];

/// The tokens of `text`: strings, words, and all other characters by themselves; comments are left out.
fn tokens(text: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
    while let Some(c) = rest.chars().next() {
        let length = match c {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => rest[1..].find('"').unwrap() + 2,
            _ if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        if !c.is_whitespace() && !rest.starts_with("//") {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

/// `text` with one of [`BETWEEN`] around each token, in the order of `picks`.
fn strewn(text: &str, picks: &[usize]) -> String {
    let mut picks = picks.iter().cycle().map(|pick| BETWEEN[*pick]);
    let start = picks.next().unwrap().to_owned();
    tokens(text).into_iter().fold(start, |text, token| text + token + picks.next().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn comments_may_stand_between_any_two_tokens(
        preset in proptest::sample::select(presets::all()),
        resolved: bool,
        picks in proptest::collection::vec(0..BETWEEN.len(), 1..200),
    ) {
        let read = |text: &str, settings: &[(&str, &str)]| {
            let found = Experiment::from_ron(text, "strewn.ron", settings, &registry());
            found.map_err(|error| TestCaseError::fail(format!("{error}\n{text}\n{settings:?}")))
        };
        let plain = read(preset.text, &[])?;
        let text = if resolved { plain.to_ron() } else { preset.text.to_owned() };
        prop_assert_eq!(&read(&strewn(&text, &picks), &[])?, &plain);
        let network = strewn(&plain.network.to_string(), &picks);
        prop_assert_eq!(&read(preset.text, &[("network", &network)])?, &plain);
        let optimizer = "Adam(lr: 0.1, betas: (0.5, 0.9))";
        let expected = read(preset.text, &[("training.optimizer", optimizer)])?;
        prop_assert_eq!(read(preset.text, &[("training.optimizer", &strewn(optimizer, &picks))])?, expected);
    }
}
