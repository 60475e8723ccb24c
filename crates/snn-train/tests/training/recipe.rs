//! What an experiment can ask of a training besides its optimizer: averages, late dropout, a penalty for some epochs, means or
//! sums.

use super::*;

/// The losses of all updates of a run.
fn losses(experiment: &Experiment) -> Vec<f32> {
    let (_dir, mut folder) = new_run();
    let mut losses = Vec::new();
    train(experiment, &mut folder, false, &mut |event: &Event| {
        losses.extend(if let Event::Update { loss, .. } = event { Some(*loss) } else { None });
        ControlFlow::Continue(())
    })
    .unwrap();
    losses
}

#[test]
fn a_network_can_answer_with_an_average_of_its_weights() {
    let of = |average: &str, standardise: &str| {
        let set = [("training.average", average), ("network.standardise", standardise), ("training.epochs", "1")];
        let experiment = with(&set);
        let (_dir, mut folder) = new_run();
        train(&experiment, &mut folder, false, &mut go_on).unwrap();
        // Stopped and gone on with, it is the same.
        let (_dir, mut halves) = new_run();
        train(&experiment, &mut halves, false, &mut stop_at(|event| matches!(event, Event::Update { update: 2, .. })))
            .unwrap();
        train(&experiment, &mut halves, false, &mut go_on).unwrap();
        assert!(result(&folder) == result(&halves));
        [folder.best(), folder.last()].map(|path| Checkpoint::load(&path).unwrap())
    };
    // With next to no share kept, the average is the weights; else it lies between them and where they started.
    let [best, last] = of("1e-7", "false");
    let close = |a: &f32, b: &f32| (a - b).abs() < 1e-5;
    assert!(best.weights[0].values.iter().zip(&last.weights[0].values).all(|(a, b)| close(a, b)));
    let [best, last] = of("0.9", "false");
    let drawn = &with(&[]).build(&registry()).unwrap().network.initial_weights(1)[0];
    let way = |to: &[f32]| to.iter().zip(drawn).map(|(a, b)| (a - b).abs()).sum::<f32>();
    let (average, whole) = (way(&best.weights[0].values), way(&last.weights[0].values));
    assert!(average > 0.2 * whole && average < 0.95 * whole, "{average} of {whole}");
    let [best, last] = of("0.9", "true");
    assert_ne!(best.weights, last.weights);
}

#[test]
fn dropout_sets_in_when_it_is_told_to() {
    let [late, never, always] = [
        [("training.dropout_from", "1"), ("network.dropout", "0.5")],
        [("training.dropout_from", "0"), ("network.dropout", "0.0")],
        [("training.dropout_from", "0"), ("network.dropout", "0.5")],
    ]
    .map(|set| losses(&with(&set)));
    assert_eq!(late[..4], never[..4], "the first epoch is one without dropout");
    assert!(late[4..] != never[4..] && late[..4] != always[..4]);
}

#[test]
fn a_penalty_can_end_after_some_epochs() {
    let with = |rates: &str| losses(&with(&[("rates", rates)]));
    let [some, all, none] =
        [with("(target: 0.9, weight: 1.0, epochs: 1)"), with("(target: 0.9, weight: 1.0)"), with("None")];
    assert_eq!(some[..4], all[..4]);
    let [some, all, none] = [some, all, none].map(|losses| losses[4..].iter().sum::<f32>());
    assert!(some < 0.7 * all && (some - none).abs() < 0.3 * none, "{some} {all} {none}");
}

#[test]
fn the_mean_of_a_batch_is_its_sum_over_its_size() {
    // Of batches of 16 = 2^4 images, by rates in the same ratio, to the bit.
    let of = |reduction: &str, rate: &str, decay: &str, clip: &str| {
        let optimizer = format!("Sgd(lr: {rate}, momentum: 0.5, weight_decay: {decay})");
        let set = [("training.optimizer", optimizer.as_str()), ("training.reduction", reduction)];
        losses(&with(&[&set[..], &[("training.batch", "16"), ("training.clip", clip)]].concat()))
    };
    assert_eq!(of("Sum", "0.0078125", "0.5", "16.0"), of("Mean", "0.125", "0.03125", "1.0"));
    assert_ne!(of("Sum", "0.125", "0.5", "16.0"), of("Mean", "0.125", "0.5", "16.0"));
}
