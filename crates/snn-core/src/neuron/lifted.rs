//! Access to states stored as `[S][n]`, and conversion of states to dual numbers.

use std::ops::Deref;

use super::NeuronModel;
use crate::real::{Dual, Real};

/// Maximum number of state variables of a neuron.
const MOST_ENTRIES: usize = 8;

/// Maximum number of trainable parameters of a neuron.
pub(crate) const MOST_PARAMETERS: usize = 4;

/// An index that no state variable or parameter has: none of them is the variable of differentiation.
pub(super) const NONE: usize = usize::MAX;

/// Splits `states` `[S][n]` into one row for each state variable. All rows have length `n`, so that loops up to `n`
/// need no bounds checks.
#[inline(always)]
pub(super) fn split<'a, M: NeuronModel, F: Real>(model: &M, mut states: &'a [F], n: usize) -> [&'a [F]; MOST_ENTRIES] {
    const { assert!(size_of::<M::State<f32>>() <= MOST_ENTRIES * size_of::<f32>(), "a state has too many entries") };
    let mut rows = [&states[..0]; MOST_ENTRIES];
    for row in &mut rows[..model.rest::<F>().as_ref().len()] {
        (*row, states) = states.split_at(n);
    }
    rows
}

/// Splits `states` as `split` does, into mutable rows.
#[inline(always)]
pub(super) fn split_mut<'a, M: NeuronModel, F: Real>(
    model: &M,
    mut states: &'a mut [F],
    n: usize,
) -> [&'a mut [F]; MOST_ENTRIES] {
    const { assert!(size_of::<M::State<f32>>() <= MOST_ENTRIES * size_of::<f32>(), "a state has too many entries") };
    let mut rows: [&'a mut [F]; MOST_ENTRIES] = Default::default();
    for row in &mut rows[..model.rest::<F>().as_ref().len()] {
        (*row, states) = states.split_at_mut(n);
    }
    rows
}

/// Reads the state of neuron `i`.
#[inline(always)]
pub(super) fn get<M: NeuronModel, F: Real>(model: &M, rows: &[impl Deref<Target = [F]>], i: usize) -> M::State<F> {
    let mut state = model.rest::<F>();
    for (entry, row) in state.as_mut().iter_mut().zip(rows) {
        *entry = row[i];
    }
    state
}

/// Writes the state of neuron `i`.
#[inline(always)]
pub(super) fn set<F: Real>(rows: &mut [&mut [F]], i: usize, state: &impl AsRef<[F]>) {
    for (entry, row) in state.as_ref().iter().zip(rows) {
        row[i] = *entry;
    }
}

/// Converts `state` to dual numbers, with entry `variable` (if there is one with that index) as the variable of
/// differentiation.
#[inline(always)]
pub(super) fn lift<M: NeuronModel, F: Real>(model: &M, state: &M::State<F>, variable: usize) -> M::State<Dual<F>> {
    let mut lifted = model.rest::<Dual<F>>();
    for (k, (lifted, entry)) in lifted.as_mut().iter_mut().zip(state.as_ref()).enumerate() {
        *lifted = number(*entry, k == variable);
    }
    lifted
}

/// Converts the parameters `p` to dual numbers, with entry `variable` (if there is one with that index) as the variable
/// of differentiation.
#[inline(always)]
pub(super) fn lift_parameters<F: Real>(p: &[F], variable: usize) -> [Dual<F>; MOST_PARAMETERS] {
    let mut lifted = [Dual::fixed(F::from(0.0)); MOST_PARAMETERS];
    for (k, (lifted, value)) in lifted.iter_mut().zip(p).enumerate() {
        *lifted = number(*value, k == variable);
    }
    lifted
}

#[inline(always)]
fn number<F: Real>(value: F, is_variable: bool) -> Dual<F> {
    if is_variable { Dual::variable(value) } else { Dual::fixed(value) }
}

/// Computes `Σ d · slope` over the entries of a state.
#[inline(always)]
pub(super) fn dot<F: Real>(d: &impl AsRef<[F]>, slopes: &impl AsRef<[Dual<F>]>) -> F {
    let mut terms = std::iter::zip(d.as_ref(), slopes.as_ref()).map(|(d, entry)| *d * entry.slope);
    let first = terms.next().unwrap_or(F::from(0.0));
    terms.fold(first, |sum, term| sum + term)
}
