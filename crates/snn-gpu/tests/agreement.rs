//! The card against the reference engine on random networks and trials: those on which every engine is tried.

use std::cell::Cell;

use proptest::prelude::*;
use snn_core::testing::engines::strategies::{
    case, feed_forward, feeding, firing, last, layer, leak_free, spike_gated, staged,
};
use snn_core::testing::engines::{EngineCase, Tally, each};
use snn_gpu::{GpuEngine, GpuOptions, KernelChoice};

/// Cases of a test.
const CASES: u32 = 12;

/// Lengths of trials about those of a word of spikes, and of several.
const STEPS: [usize; 7] = [1, 31, 32, 33, 64, 65, 100];

/// Tries `count` cases, in groups of samples if they say so, with one form of kernels after the other.
#[expect(clippy::print_stdout, reason = "the share of flips is to be seen, not only bounded")]
fn check(count: u32, strategy: impl Strategy<Value = (EngineCase, Option<usize>)>) {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let (tally, tried) = (Tally::default(), Cell::new(0));
    let cases = each(count, strategy, |(case, group)| {
        let kernels = KernelChoice::FORMS[tried.get() % KernelChoice::FORMS.len()];
        tried.set(tried.get() + 1);
        tally.check(&GpuEngine::new(GpuOptions { kernels, group, ..GpuOptions::default() }), &case)
    });
    let told = cases.and_then(|cases| tally.close(cases));
    println!("{}", told.unwrap_or_else(|error| panic!("{error}")));
}

fn whole(case: EngineCase) -> (EngineCase, Option<usize>) {
    (case, None)
}

#[test]
fn every_network_does_what_the_reference_does() {
    check(CASES, case(layer(firing()), layer(last())).prop_map(whole));
}

#[test]
fn every_network_of_the_papers_rule_does_what_the_reference_does() {
    check(CASES, case(feed_forward(spike_gated()), feed_forward(leak_free())).prop_map(whole));
}

#[test]
fn what_joins_pools_normalises_and_passes_on_numbers_does_what_the_reference_does() {
    check(2 * CASES, case(staged(layer(feeding())), staged(layer(last()))).prop_map(whole));
}

#[test]
fn batches_in_groups_give_what_whole_ones_give() {
    let layers = prop_oneof![layer(firing()), staged(layer(feeding()))];
    let strategy = (case(layers, layer(last())), 1..=4_usize, prop::sample::select(STEPS.to_vec()));
    let cut = strategy.prop_map(|(case, group, steps)| {
        (EngineCase { samples: 3 + case.samples % 6, steps, ..case }.within_budget(), Some(group))
    });
    check(10, cut);
}
