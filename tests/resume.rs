//! Runs of the program that must end with the same bytes: on any number of threads, and killed at any moment.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod runs;

use snn_core::{Purpose, Stream};

use runs::Place;

/// A run of 3 epochs of 11 batches and a validation, each followed by a checkpoint.
const TRAIN: [&str; 12] = [
    "train",
    "--limit",
    "300",
    "--epochs",
    "3",
    "--batch",
    "25",
    "--steps",
    "10",
    "--set",
    "training.optimizer=Sgd(lr: 0.02)",
    "--json",
];

/// Events of an epoch: batches, validation, the epoch itself, its checkpoint.
const EPOCH: usize = 14;

/// Random runs that are killed, each with words of its own.
const SEEDS: std::ops::Range<u64> = 1..3;

/// Kills in each of them.
const KILLS: u32 = 3;

/// Arguments of a run in `folder`.
fn run_in<'a>(folder: &'a str, threads: &'a str) -> Vec<&'a str> {
    [&TRAIN[..], &["--out", folder, "--threads", threads]].concat()
}

#[test]
fn the_number_of_threads_changes_no_byte_of_a_run() {
    let place = Place::new();
    for threads in ["1", "2"] {
        place.finish(&run_in(threads, threads));
    }
    let [one, two] = ["1", "2"].map(|threads| place.result(threads));
    assert!(one.0 == two.0, "last.safetensors differs");
    assert!(one.1 == two.1, "best.safetensors differs");
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let place = Place::new();
    let events = place.finish(&run_in("whole", "2"));
    let whole = place.result("whole");
    assert_eq!(events.last().unwrap()["event"], "Finished");
    let losses: Vec<f64> =
        events.iter().filter(|e| e["event"] == "Epoch").map(|e| e["loss"].as_f64().unwrap()).collect();
    assert!(losses[2] < losses[0], "nothing is learned, so there is little to lose: {losses:?}");

    for seed in SEEDS {
        let words = Stream::new(seed, Purpose::Shuffle);
        let folder = format!("killed-{seed}");
        let mut args = run_in(&folder, "2");
        let mut killed = 0;
        for kill in 0..KILLS {
            // A run goes on from the start of an epoch, so some kills undo all that was done since the last one. The
            // second event is the first checkpoint; before it there is nothing to go on from.
            let events = 2 + words.word(0, 0, 0, kill) as usize % (2 * EPOCH);
            killed += u32::from(place.kill_after(events, &args));
            args = vec!["train", "--resume", &folder, "--json", "--threads", "2"];
        }
        assert!(killed > 0, "every kill came too late (seed {seed})");
        place.finish(&args);
        let result = place.result(&folder);
        assert!(result.0 == whole.0, "last.safetensors differs (seed {seed})");
        assert!(result.1 == whole.1, "best.safetensors differs (seed {seed})");
        assert_eq!(result.2, whole.2, "metrics.jsonl differs (seed {seed})");
    }
}
