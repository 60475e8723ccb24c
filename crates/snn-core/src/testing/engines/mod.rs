//! The proof of an engine: random networks and trials on which it must agree with the reference engine, and calls that it must
//! refuse. It is the proof that the engines of this project are put to, and open to engines of third parties.
//!
//! Networks have convolutions of every kind, linear maps, pools, several sources, shared weights, biases, joins, normalisations,
//! recurrence, dropout, neurons that fire and such that pass on numbers; trials show spikes of either sign, currents, numbers over time
//! and encoded images, with errors of some outputs or all. [`prove`] compares with what single precision leaves of sums in another order;
//! an engine that sums currents in the order of the reference engine is held to equal bits by [`Expected::check`].
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
mod words;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::engine::Engine;

pub use case::{DropoutCase, EngineCase, InputCase, LayerCase, OutputErrors, StagesCase};
pub use outcome::Expected;
pub use tally::Tally;

/// Tries `engine` on `cases` random networks of each of three kinds: neurons with surrogate gradients, the paper's rule, and
/// projections that join, pool and normalise; then makes the calls that no engine can serve. The same ones at every run;
/// `PROPTEST_CASES` sets another number, and then they are drawn anew. Gives what was compared, in words.
///
/// # Errors
/// What failed, with the case that did.
///
/// # Panics
/// If the engine serves a call that it should refuse, or fails in one that it should serve.
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

/// Runs `check` on the same `cases` cases every time, or on as many as `PROPTEST_CASES` says, then at random; gives their number.
///
/// # Errors
/// What failed, with the case that did, shrunk a little: each takes an engine a while.
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
