//! Weights that are calibrated before the first update.

use snn_train::{Calibrated, calibrate};

use super::*;

/// Three hidden populations, one of them a pool, that are nearly silent as they are drawn.
fn deep(start: &str) -> Experiment {
    let layers = "[Conv(channels: 4, kernel: 5), AvgPool(size: 4), Linear(features: 16), Readout(classes: 10)]";
    let network = format!("Sequence(kappa: 0.02, layers: {layers})");
    with(&[("network", &network), ("start", start), ("steps", "8")])
}

fn calibrated(experiment: &Experiment) -> (Vec<Calibrated>, snn_core::Weights) {
    let built = experiment.build(&registry()).unwrap();
    let mut weights = built.network.initial_weights(1);
    let rows = calibrate(&Reference, &built, &DIGITS[0], &mut weights, &mut go_on).unwrap();
    (rows.unwrap(), weights)
}

#[test]
fn populations_fire_as_they_are_asked_to() {
    let experiment = deep("Calibrated(first: 0.1, last: 0.05)");
    let (rows, weights) = calibrated(&experiment);
    let names: Vec<&str> = rows.iter().map(|row| row.population.as_str()).collect();
    assert_eq!(names, ["conv1", "pool1", "fc1"]);
    assert_eq!(rows.iter().map(|row| row.target).collect::<Vec<_>>(), [Some(0.1), None, Some(0.05)]);
    for row in rows.iter().filter(|row| row.target.is_some()) {
        assert!(row.before < 0.5 * row.target.unwrap() && row.scale > 1.0, "silent before: {row:?}");
        assert!((row.after / row.target.unwrap()).log2().abs() < 0.3, "{row:?}");
    }
    // The weights are those that were drawn, times the scale; the output, which does not fire, keeps its own.
    let drawn = experiment.build(&registry()).unwrap().network.initial_weights(1);
    for ((weights, drawn), scale) in weights.iter().zip(&drawn).zip([rows[0].scale, rows[2].scale, 1.0]) {
        assert!(weights.iter().zip(drawn).all(|(weight, drawn)| *weight == scale * drawn));
    }
    assert_eq!(calibrated(&deep("Drawn")).0, []);
}

#[test]
fn targets_follow_depth_and_steps() {
    let start = snn_models::experiment::Start::calibrated();
    let targets = |steps| [0, 1, 2].map(|depth| start.target(steps, depth, 3).unwrap());
    let close = |found: [f32; 3], expected: [f32; 3]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3);
    assert!(close(targets(100), [0.08, 0.0358, 0.016]), "{:?}", targets(100));
    assert!(close(targets(4), [0.3, 0.3, 0.3]), "{:?}", targets(4));
    assert!((start.target(100, 0, 1).unwrap() - 0.08).abs() < 1e-6);
}

#[test]
fn a_run_that_stops_while_it_is_calibrated_goes_on_as_if_it_had_not() {
    let experiment = deep("Calibrated()");
    let (_dir, mut whole) = new_run();
    train(&experiment, &mut whole, false, &mut go_on).unwrap();
    let calibrated = |record: &&String| record.starts_with("{\"event\":\"Calibrated\"");
    assert_eq!(records(&whole).iter().filter(calibrated).count(), 1);

    let (_dir, mut folder) = new_run();
    let mut stop = stop_at(|event| matches!(event, Event::Calibrating { done: 1, .. }));
    let outcome = train(&experiment, &mut folder, false, &mut stop).unwrap();
    assert!(matches!(outcome, RunOutcome::Stopped { epoch: 0, update: 0 }), "{outcome:?}");
    assert!(!folder.last().exists(), "half a calibration is no start");
    let mut stop = stop_at(|event| matches!(event, Event::Update { epoch: 1, update: 2, .. }));
    train(&experiment, &mut folder, false, &mut stop).unwrap();
    train(&experiment, &mut folder, false, &mut go_on).unwrap();
    assert!(result(&folder) == result(&whole), "other weights or records");
}

#[test]
fn what_no_spike_reaches_is_told() {
    let dark = Dataset::new(DIGITS[0].shape(), 10, vec![0; 64 * 784], vec![0; 64]);
    let experiment = with(&[("start", "Calibrated()"), ("input", "Poisson(scale: 1.0)")]);
    let built = experiment.build(&registry()).unwrap();
    let mut weights = built.network.initial_weights(1);
    let drawn = weights.clone();
    let error = calibrate(&Reference, &built, &dark.unwrap(), &mut weights, &mut go_on).unwrap_err();
    let expected = "calibration of fc1: it fires on none of the images, whatever its weights, as next to nothing reaches it; \
                    look at the input and at the populations before it";
    assert_eq!(error.to_string(), expected);
    assert_eq!(weights, drawn, "they stay as they were");
}
