//! Comparison of cases with tolerance for rounding, and a summary over all cases.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::EngineCase;
use crate::agreement::{Agreement, BOUND, Scales};
use crate::engine::{Activity, Engine};
use crate::network::GroupStatistics;

/// Largest allowed fraction of spikes, over all cases, that rounding may flip.
const FLIPS: f64 = 1e-4;

/// Summary of all cases of a test.
#[derive(Debug, Default)]
pub struct Tally {
    compared: Cell<u32>,
    spikes: Cell<u64>,
    flips: Cell<u64>,
    largest: Cell<f32>,
    worst: RefCell<String>,
    /// The first case of which a spike flipped.
    flipped: RefCell<String>,
}

impl Tally {
    /// Checks a case and adds it to the summary. Fails if the engine differs from the reference by more than rounding
    /// although no spike flipped.
    ///
    /// # Errors
    /// The difference.
    pub fn check(&self, engine: &dyn Engine, case: &EngineCase) -> Result<(), TestCaseError> {
        let network = case.network();
        let expected = case.expected(&network);
        prop_assume!(expected.is_finite() && is_measured(&expected.outcome.activity));
        let found = case.outcome(engine, &network);
        let (errors, gradients) = expected.scales(&network);
        let agreement = Agreement::of(&found, &expected.outcome, &Scales { errors, gradients });
        self.spikes.set(self.spikes.get() + agreement.spikes);
        self.flips.set(self.flips.get() + agreement.flips);
        if agreement.flips > 0 {
            let mut flipped = self.flipped.borrow_mut();
            if flipped.is_empty() {
                *flipped =
                    format!("first of them: {} against {:?}\n{agreement:?}\n{case:?}", engine.describe(), network);
            }
            return Ok(());
        }
        self.compared.set(self.compared.get() + 1);
        if agreement.largest() > self.largest.get() {
            self.largest.set(agreement.largest());
            *self.worst.borrow_mut() = format!("{agreement:?}");
        }
        prop_assert!(agreement.counts, "{}: {:?}\n{:?}", engine.describe(), found.activity, network);
        prop_assert!(agreement.largest() <= BOUND, "{}: {:?}", engine.describe(), agreement);
        Ok(())
    }

    /// Summary of `cases` cases, for people to read.
    ///
    /// # Errors
    /// The same text, if less than half of the cases could be compared, or if too many spikes flipped.
    pub fn close(&self, cases: u32) -> Result<String, String> {
        let Self { compared, spikes, flips, largest, worst, flipped } = self;
        let (compared, spikes, flips) = (compared.get(), spikes.get(), flips.get());
        let told = format!(
            "{compared} of {cases} cases compared, {flips} of {spikes} spikes flipped, off by {:e}: {}",
            largest.get(),
            worst.borrow()
        );
        let is_enough = 2 * compared >= cases && flips as f64 <= FLIPS * spikes as f64;
        if is_enough { Ok(told) } else { Err(format!("{told}\n{}", flipped.borrow())) }
    }
}

/// Whether the variance of each normalised channel is well above rounding: an engine without double precision cannot
/// measure smaller ones.
fn is_measured(activity: &Activity) -> bool {
    const LEAST: f32 = 1e-3;
    let channels = |group: &GroupStatistics| {
        let mut channels = group.mean.iter().zip(&group.variance);
        channels.all(|(mean, variance)| *variance > LEAST * mean * mean)
    };
    activity.statistics.iter().all(channels)
}
