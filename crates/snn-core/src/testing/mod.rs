//! Proofs that gradients and engines are right, for the built-in names and for those of plug-ins (feature `testing`).
//!
//! The derivative of a spike does not exist, so gradients are proven where it does: the spike is replaced by the
//! surrogate's [`primitive`](crate::SurrogateModel::primitive), everything is computed in double precision, and the
//! gradient that the engines use is compared with finite differences. [`prove`] does so for every name of a registry:
//!
//! - a surrogate's `grad` with the slope of its `primitive` ([`SurrogateCase`]);
//! - a neuron's adjoint over a few steps, for inputs, start and trainable constants ([`NeuronCase`]);
//! - a loss and a readout, for the output of every step ([`LossCase`]);
//! - whole small networks, through the code of the reference engine: convolution, pool, residual sum, recurrence, dropout,
//!   every neuron, surrogate, readout, loss, and the rate penalty ([`NetworkCase`]).
//!
//! [`engines`] proves engines, against the reference engine.
//!
//! Cases are drawn by proptest. One that fails is shrunk and printed as code to paste into a unit test.
//!
//! ```
//! use snn_core::registry::Registry;
//!
//! let registry = Registry::new().with(snn_core::plugin)?; // and .with(your::plugin)
//! let variants = ["Lif(leak: 0.5, reset: Soft, decay_input: true, gradient: Sigmoid)"];
//! snn_core::testing::neurons(&registry, &variants).unwrap();
//! # Ok::<(), snn_core::registry::RegistryError>(())
//! ```

pub mod engines;
mod loss;
mod network;
mod neuron;
mod surrogate;

use std::fmt::{Debug, Display};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::neuron::{Gradient, Neuron};
use crate::part::Part;
use crate::registry::Registry;
use crate::surrogate::Atan;

pub use loss::{LossCase, losses};
pub use network::{NetworkCase, networks};
pub use neuron::{NeuronCase, neurons};
pub use surrogate::{SurrogateCase, surrogates};

/// Proves the gradients of every surrogate, neuron, readout and loss of `registry`, with the defaults of their fields,
/// and those of the parts in `variants`, such as `Lif(reset: Soft)`, whatever catalog their names are in.
///
/// # Errors
/// What failed, as code to paste into a unit test.
pub fn prove(registry: &Registry, variants: &[&str]) -> Result<(), String> {
    surrogates(registry, variants)?;
    neurons(registry, variants)?;
    losses(registry, variants)?;
    networks(registry, variants)
}

/// A case that can be checked by itself.
trait ProofCase: Debug + Display {
    fn check(&self, registry: &Registry) -> Result<(), String>;
}

/// Checks `cases` drawn cases; the same ones at every run. `PROPTEST_CASES` sets another number.
fn run<C: ProofCase>(registry: &Registry, cases: u32, strategy: impl Strategy<Value = C>) -> Result<(), String> {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&strategy, |case| case.check(registry).map_err(TestCaseError::fail));
    outcome.map_err(|error| match error {
        TestError::Fail(reason, case) => format!("{reason}\n\nas a unit test:\n\n{case}\n"),
        TestError::Abort(reason) => reason.to_string(),
    })
}

/// Names of a catalog, and the variants that belong to it.
fn parts<'a>(names: impl Iterator<Item = &'a str>, variants: &[&str]) -> Vec<String> {
    let mut parts: Vec<String> = names.map(str::to_owned).collect();
    let is_known = |text: &&&str| Part::parse(text).is_ok_and(|part| parts.contains(&part.name));
    let variants: Vec<String> = variants.iter().filter(is_known).map(|text| (*text).to_owned()).collect();
    parts.extend(variants);
    parts
}

/// The neuron that `text` names, with a gradient that can be proven: the paper's rule, which is not the derivative of
/// anything smooth, gives way to `Atan`, or to the exact derivative where the neuron does not fire.
fn provable(text: &str, registry: &Registry) -> Result<Neuron, String> {
    let mut part = Part::parse(text).map_err(|error| error.to_string())?;
    let neuron = registry.neurons.make(&mut part, registry).map_err(|error| format!("{text}: {error}"))?;
    Ok(match neuron.gradient() {
        Gradient::SpikeGated { .. } if neuron.fires() => neuron.with_gradient(Gradient::surrogate(Atan::default())),
        Gradient::SpikeGated { .. } => neuron.with_gradient(Gradient::Exact),
        Gradient::Surrogate { .. } | Gradient::Exact => neuron,
    })
}

/// How far a neuron at rest is from its threshold: the size of input that makes it fire.
fn scale(neuron: &Neuron, p: &[f64]) -> f64 {
    let mut state = neuron.rest::<f64>(1);
    let mut margin = [0.0];
    neuron.step_with(p, &mut state, &[0.0], &mut margin, |x| x, None);
    if neuron.fires() { margin[0].abs().max(0.1) } else { 1.0 }
}

/// Compares a derivative with finite differences of `f` around 0, whose argument is of size `scale`. Where the two sides
/// differ, as at the kink of a triangle, the derivative may be anything in between.
fn compare(what: &str, derivative: f64, scale: f64, f: impl Fn(f64) -> f64) -> Result<(), String> {
    let h = 1e-5 * scale;
    let (left, here, right) = (f(-h), f(0.0), f(h));
    let sides = [(here - left) / h, (right - here) / h];
    let central = f64::midpoint(sides[0], sides[1]);
    // Rounding of f in the difference, and a part of the derivative itself.
    let tolerance = 1e-5 * (derivative.abs() + central.abs()) + 1e-9 * (here.abs() + 1.0) / scale;
    let is_kink = (sides[0] - sides[1]).abs() > 1e-3 * (sides[0].abs() + sides[1].abs());
    let (low, high) = if is_kink { (sides[0].min(sides[1]), sides[0].max(sides[1])) } else { (central, central) };
    if (low - tolerance..=high + tolerance).contains(&derivative) {
        return Ok(());
    }
    Err(format!("{what}: the derivative is {derivative}, finite differences give {central}"))
}
