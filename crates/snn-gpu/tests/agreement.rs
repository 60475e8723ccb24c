//! The card against the reference engine on random networks and trials: those on which the CPU engine is tried.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use snn_core::{Activity, GroupStatistics};
use snn_gpu::selftest::{Agreement, BOUND, Outcome, Scales};
use snn_gpu::{Choice, GpuEngine, Options};

#[path = "../../snn-cpu/tests/cases/mod.rs"]
mod cases;

use cases::Case;
use cases::strategies::{case, feed_forward, feeding, firing, gated, last, layer, leak_free, staged};

/// Share of spikes, over all cases, that rounding may decide over.
const FLIPS: f64 = 1e-4;

/// Cases of a test.
const CASES: u32 = 12;

/// Lengths of trials about those of a word of spikes, and of several.
const STEPS: [usize; 7] = [1, 31, 32, 33, 64, 65, 100];

/// What all cases of a test came to.
#[derive(Debug, Default)]
struct Tally {
    tried: Cell<u32>,
    compared: Cell<u32>,
    spikes: Cell<u64>,
    flips: Cell<u64>,
    largest: Cell<f32>,
    worst: RefCell<String>,
}

impl Tally {
    /// Takes in a case, with one form of kernels after the other; fails if it differs by more than rounding and no spike
    /// flipped.
    fn check(&self, group: Option<usize>, case: &Case) -> Result<(), TestCaseError> {
        let kernels = Choice::FORMS[self.tried.get() as usize % Choice::FORMS.len()];
        self.tried.set(self.tried.get() + 1);
        let gpu = &GpuEngine::new(Options { kernels, group, ..Options::default() });
        let network = case.network();
        let expected = case.expected(&network);
        prop_assume!(expected.is_finite() && is_measured(&expected.outcome.activity));
        let found = outcome(case.outcome(gpu, &network));
        let (errors, gradients) = expected.scales(&network);
        let scales = Scales { errors, gradients };
        let agreement = Agreement::of(&found, &outcome(expected.outcome), &scales);
        self.spikes.set(self.spikes.get() + agreement.spikes);
        self.flips.set(self.flips.get() + agreement.flips);
        if agreement.flips > 0 {
            return Ok(());
        }
        self.compared.set(self.compared.get() + 1);
        if agreement.largest() > self.largest.get() {
            self.largest.set(agreement.largest());
            *self.worst.borrow_mut() = format!("{agreement:?}");
        }
        prop_assert!(agreement.counts, "{:?}: {:?}\n{:?}", kernels, found.activity, network);
        prop_assert!(agreement.largest() <= BOUND, "{:?}: {:?}", kernels, agreement);
        Ok(())
    }

    /// Tells what was compared; fails if that is little, or if rounding decided over too much.
    #[expect(clippy::print_stdout, reason = "the share of flips is to be seen, not only bounded")]
    fn close(&self, cases: u32) {
        let Self { compared, spikes, flips, largest, worst, .. } = self;
        let (compared, spikes, flips) = (compared.get(), spikes.get(), flips.get());
        println!(
            "{compared} of {cases} cases compared, {flips} of {spikes} spikes flipped, off by {:e}",
            largest.get()
        );
        println!("{}", worst.borrow());
        assert!(2 * compared >= cases, "{compared} of {cases} cases could be compared");
        assert!(flips as f64 <= FLIPS * spikes as f64, "{flips} of {spikes} spikes flipped");
    }
}

/// Whether the groups that are normalised vary by more than rounding: a card has no double precision to measure less.
fn is_measured(activity: &Activity) -> bool {
    const LEAST: f32 = 1e-3;
    let channels = |group: &GroupStatistics| {
        let mut channels = group.mean.iter().zip(&group.variance);
        channels.all(|(mean, variance)| *variance > LEAST * mean * mean)
    };
    activity.statistics.iter().all(channels)
}

fn outcome(outcome: cases::outcome::Outcome) -> Outcome {
    Outcome { activity: outcome.activity, records: outcome.records, gradients: outcome.gradients }
}

/// Runs `check` on the same `count` cases every time, or on as many as `PROPTEST_CASES` says, then at random.
fn each<S: Strategy>(count: u32, strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) -> u32 {
    let config = cases::strategies::config(count);
    let count = config.cases;
    // A shrunken case says little that the whole one does not, and each takes kernels of its own.
    let config = Config { max_shrink_iters: 20, ..config };
    let mut runner = if std::env::var_os("PROPTEST_CASES").is_some() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    runner.run(&strategy, check).unwrap_or_else(|error| panic!("{error}"));
    count
}

#[test]
fn every_network_does_what_the_reference_does() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let tally = Tally::default();
    let cases = each(CASES, case(layer(firing()), layer(last())), |case| tally.check(None, &case));
    tally.close(cases);
}

#[test]
fn every_network_of_the_papers_rule_does_what_the_reference_does() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let tally = Tally::default();
    let strategy = case(feed_forward(gated()), feed_forward(leak_free()));
    let cases = each(CASES, strategy, |case| tally.check(None, &case));
    tally.close(cases);
}

#[test]
fn what_joins_pools_normalises_and_passes_on_numbers_does_what_the_reference_does() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let tally = Tally::default();
    let cases = each(2 * CASES, case(staged(layer(feeding())), staged(layer(last()))), |case| tally.check(None, &case));
    tally.close(cases);
}

#[test]
fn batches_in_groups_give_what_whole_ones_give() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let tally = Tally::default();
    let layers = || prop_oneof![layer(firing()), staged(layer(feeding()))];
    let strategy = (case(layers(), layer(last())), 1..=4_usize, prop::sample::select(STEPS.to_vec()));
    let cases = each(10, strategy, |(case, group, steps)| {
        let case = Case { samples: 3 + case.samples % 6, steps, ..case }.within_budget();
        tally.check(Some(group), &case)
    });
    tally.close(cases);
}
