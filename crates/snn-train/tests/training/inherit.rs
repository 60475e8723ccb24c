//! Runs that start from the weights of others, and tensors that stay as they are.

use snn_train::inherit;

use super::*;

/// A finished run, and its last checkpoint.
fn trained() -> Checkpoint {
    let (_dir, mut folder) = new_run();
    train(&experiment(), &mut folder, false, &mut go_on).unwrap();
    Checkpoint::load(&folder.last()).unwrap()
}

#[test]
fn what_fits_is_taken_over_by_name() {
    let checkpoint = trained();
    let layers = "[Linear(features: 16), Linear(features: 8), Readout(classes: 10)]";
    let other = with(&[("steps", "7"), ("network.layers", layers)]);
    let built = other.build(&registry()).unwrap();
    let drawn = built.network.initial_weights(1);
    let inherited = inherit(&built, &checkpoint, drawn.clone()).unwrap();
    assert_eq!((inherited.taken, inherited.new), (vec!["fc1".to_owned()], vec!["fc2".to_owned()]));
    assert_eq!(inherited.misshapen, [("readout".to_owned(), vec![10, 8], vec![10, 16])]);
    assert_eq!(inherited.weights[0], checkpoint.weights[0].values);
    assert_eq!(inherited.weights[1..], drawn[1..]);

    let wider = with(&[("network.layers", "[Linear(features: 17), Readout(classes: 10)]")]).build(&registry()).unwrap();
    let drawn = wider.network.initial_weights(1);
    let message = inherit(&wider, &checkpoint, drawn).unwrap_err().to_string();
    assert_eq!(
        message,
        "the checkpoint to start from: none of its weights fits the network: fc1 is [16, 784] there and [17, 784] here"
    );
}

#[test]
fn frozen_tensors_stay_as_they_are_with_every_optimizer() {
    for optimizer in ["Adam(lr: 0.01, weight_decay: 0.1)", "Sgd(lr: 0.1, momentum: 0.9, weight_decay: 0.1)"] {
        let frozen = with(&[("training.freeze", "[\"fc*\"]"), ("training.optimizer", optimizer)]);
        let built = frozen.build(&registry()).unwrap();
        let initial = built.network.initial_weights(frozen.training.seed);
        let (_dir, mut folder) = new_run();
        train(&frozen, &mut folder, false, &mut go_on).unwrap();
        let last = Checkpoint::load(&folder.last()).unwrap();
        assert_eq!(last.weights[0].values, initial[0], "{optimizer}");
        assert_ne!(last.weights[1].values, initial[1], "{optimizer}");
    }
}

#[test]
fn names_that_match_nothing_are_refused() {
    let message = |freeze: &str| {
        let read = Experiment::from_ron(EXPERIMENT, "", &[("training.freeze", freeze)], &registry());
        read.and_then(|experiment| experiment.build(&registry())).unwrap_err().to_string()
    };
    assert!(
        message("[\"conv*\"]").contains(
            "training.freeze[0] must be the name of a tensor, with * for any letters and ? for one; there are \
                                         fc1, readout, found \"conv*\""
        ),
        "{}",
        message("[\"conv*\"]")
    );
    assert!(message("[\"*\"]").contains("all tensors are frozen"));
}
