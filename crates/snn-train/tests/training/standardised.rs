//! Weights that are standardised while they are trained.

use snn_core::gains;

use super::*;

fn standardised() -> Experiment {
    with(&[("network.standardise", "true"), ("start", "Calibrated(images: 14)")])
}

/// Mean and deviation times the root of the fan-in, of each output of the first weight.
fn moments(checkpoint: &Checkpoint) -> (Vec<f32>, Vec<f32>) {
    let weight = &checkpoint.weights[0];
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    (weight.values.chunks(784).map(mean).collect(), gains(&weight.values, 16))
}

#[test]
fn a_checkpoint_holds_the_weights_that_the_network_computes_with() {
    let (_dir, mut folder) = new_run();
    train(&standardised(), &mut folder, false, &mut go_on).unwrap();
    let last = Checkpoint::load(&folder.last()).unwrap();
    let (means, scales) = moments(&last);
    assert!(means.iter().all(|mean| mean.abs() < 1e-6), "{means:?}");
    assert!(scales.iter().any(|scale| (scale - scales[0]).abs() > 1e-3), "gains are trained: {scales:?}");
    let names: Vec<&str> = last.optimizer.iter().map(|tensor| tensor.name.as_str()).take(4).collect();
    assert_eq!(names, ["raw.fc1", "raw.readout", "raw.fc1.gain", "first_moment.fc1"]);
    for (gain, scale) in last.optimizer[2].values.iter().zip(&scales) {
        assert!((gain - scale).abs() < 1e-4 * gain, "{gain} {scale}");
    }
    let built = standardised().build(&registry()).unwrap();
    assert!(last.weights_for(&built.network).is_ok(), "it is evaluated as any other");
    let learned = |name: &str| records(&folder).iter().filter(|record| record.contains(name)).count();
    assert_eq!((learned("\"Epoch\""), learned("\"Calibrated\"")), (3, 1));
}

#[test]
fn initial_weights_are_standardised_and_then_calibrated() {
    let built = standardised().build(&registry()).unwrap();
    let drawn = built.network.initial_weights(1);
    assert!(gains(&drawn[0], 16).iter().all(|gain| (gain - 2.0_f32.sqrt()).abs() < 1e-5));
    let (_dir, mut folder) = new_run();
    train(&standardised(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Calibrated { .. })))
        .unwrap();
    let first = Checkpoint::load(&folder.last()).unwrap();
    let scale = gains(&first.weights[0].values, 16)[0] / gains(&drawn[0], 16)[0];
    let close = first.weights[0].values.iter().zip(&drawn[0]).all(|(a, b)| (a - scale * b).abs() < 1e-5);
    assert!(close, "scaled by {scale}");
}

#[test]
fn it_goes_on_to_the_same_bits() {
    let (_dir, mut whole) = new_run();
    train(&standardised(), &mut whole, false, &mut go_on).unwrap();
    for (epoch, step) in [(0, 1), (1, 3), (2, 4)] {
        let (_dir, mut folder) = new_run();
        let is_there =
            |event: &Event| matches!(event, Event::Update { epoch: e, update: s, .. } if (*e, *s) == (epoch, step));
        train(&standardised(), &mut folder, false, &mut stop_at(is_there)).unwrap();
        train(&standardised(), &mut folder, false, &mut go_on).unwrap();
        assert!(result(&folder) == result(&whole), "epoch {epoch}, step {step}");
    }
}

#[test]
fn raw_values_that_are_missing_are_told() {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut stop_at(|event| matches!(event, Event::Update { update: 2, .. })))
        .unwrap();
    let error = train(&standardised(), &mut folder, false, &mut go_on).unwrap_err().to_string();
    assert!(
        error.starts_with("the checkpoint does not fit the optimizer:\n  raw.fc1: [16, 784] expected, missing"),
        "{error}"
    );
}
