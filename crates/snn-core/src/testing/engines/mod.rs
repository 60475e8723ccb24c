//! Checks of an engine: random networks and trials on which it must agree with the reference engine, and invalid calls
//! that it must reject. The engines of this project are checked with it, and engines of third parties can be.
//!
//! Networks have convolutions of every kind, linear maps, pools, several sources, shared weights, biases, joins,
//! normalisations, recurrence, dropout, and neurons that pass on spikes or numbers. Trials have spikes of either sign,
//! currents, numbers over time or encoded images as input, and errors of some outputs or all. [`prove`] allows for the
//! rounding of single-precision sums in another order. [`Expected::check`] is for engines that sum currents in the
//! order of the reference engine: it requires spikes and membranes to be bit-identical.
//!
//! ```
//! use snn_core::reference::Reference;
//!
//! let told = snn_core::testing::engines::prove(&Reference, 4).unwrap();
//! assert!(told.contains("4 of 4 cases compared, 0 of"), "{told}");
//! ```

pub mod calls;
mod case;
mod maps;
mod outcome;
pub mod strategies;
mod tally;
mod trials;
mod words;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::engine::Engine;

pub use case::{DropoutCase, EngineCase, InputCase, LayerCase, OutputErrors, StagesCase};
pub use outcome::Expected;
pub use tally::Tally;

/// Checks `engine` on `cases` random networks of each of three kinds: neurons with surrogate gradients, the paper's
/// rule, and projections that join, pool and normalise. Then makes invalid calls, which the engine must reject. Cases
/// are the same in every run, unless `PROPTEST_CASES` is set: it overrides their number and makes them random. Returns
/// a summary for people to read.
///
/// # Errors
/// The failure, with its case.
///
/// # Panics
/// If the engine accepts an invalid call, or fails in a valid one.
pub fn prove(engine: &dyn Engine, cases: u32) -> Result<String, String> {
    use strategies::{case, feed_forward, feeding, firing, last, layer, leak_free, spike_gated, staged};
    let mut told = Vec::new();
    let mut close = |kind: &str, tried: Result<u32, String>, tally: &Tally| {
        let tried = tried.map_err(|error| format!("{kind}: {error}"))?;
        told.push(format!("{kind}: {}", tally.close(tried).map_err(|error| format!("{kind}: {error}"))?));
        Ok::<(), String>(())
    };
    let tally = Tally::default();
    let tried = each(cases, case(layer(firing()), layer(last())), |case| tally.check(engine, &case));
    close("surrogate gradients", tried, &tally)?;
    let tally = Tally::default();
    let strategy = case(feed_forward(spike_gated()), feed_forward(leak_free()));
    close("the paper's rule", each(cases, strategy, |case| tally.check(engine, &case)), &tally)?;
    let tally = Tally::default();
    let strategy = case(staged(layer(feeding())), staged(layer(last())));
    close("joins, pools, norms", each(cases, strategy, |case| tally.check(engine, &case)), &tally)?;
    calls::all(engine);
    Ok(told.join("\n"))
}

/// Runs `check` on `cases` cases, the same ones every time. If `PROPTEST_CASES` is set, it overrides their number and
/// makes them random. Returns the number of cases.
///
/// # Errors
/// The failure, with its case. Shrinking is limited, because each run of an engine takes a while.
pub fn each<S: Strategy>(
    cases: u32,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> Result<u32, String> {
    let config = Config { max_shrink_iters: 20, ..strategies::config(cases) };
    let cases = config.cases;
    let mut runner = if std::env::var_os("PROPTEST_CASES").is_some() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    match runner.run(&strategy, check) {
        Ok(()) => Ok(cases),
        Err(TestError::Fail(reason, case)) => Err(format!("{reason}\n{case:#?}")),
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
    }
}
