//! Rows of states cut into the rows of their entries, and states in dual numbers.

use std::ops::Deref;

use super::NeuronModel;
use crate::real::{Dual, Real};

/// Most entries of a state.
const MOST_ENTRIES: usize = 8;

/// Most trainable constants of a neuron.
pub(crate) const MOST_PARAMETERS: usize = 4;

/// Index that no entry has: nothing in a state is the variable.
pub(super) const NONE: usize = usize::MAX;

/// The rows of the entries of `states` `[S][n]`. All of them are of length `n`, so that loops up to `n` need no checks.
#[inline(always)]
pub(super) fn split<'a, M: NeuronModel, F: Real>(model: &M, mut states: &'a [F], n: usize) -> [&'a [F]; MOST_ENTRIES] {
    const { assert!(size_of::<M::State<f32>>() <= MOST_ENTRIES * size_of::<f32>(), "a state has too many entries") };
    let mut rows = [&states[..0]; MOST_ENTRIES];
    for row in &mut rows[..model.rest::<F>().as_ref().len()] {
        (*row, states) = states.split_at(n);
    }
    rows
}

/// The same to write to.
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

/// The state of neuron `i`.
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

/// The same state in dual numbers, with entry `variable` (if there is one of that index) as the variable.
#[inline(always)]
pub(super) fn lift<M: NeuronModel, F: Real>(model: &M, state: &M::State<F>, variable: usize) -> M::State<Dual<F>> {
    let mut lifted = model.rest::<Dual<F>>();
    for (k, (lifted, entry)) in lifted.as_mut().iter_mut().zip(state.as_ref()).enumerate() {
        *lifted = number(*entry, k == variable);
    }
    lifted
}

/// The parameters in dual numbers, with `variable` as the variable.
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

/// `Σ d · slope` over the entries of a state.
#[inline(always)]
pub(super) fn dot<F: Real>(d: &impl AsRef<[F]>, slopes: &impl AsRef<[Dual<F>]>) -> F {
    let mut terms = std::iter::zip(d.as_ref(), slopes.as_ref()).map(|(d, entry)| *d * entry.slope);
    let first = terms.next().unwrap_or(F::from(0.0));
    terms.fold(first, |sum, term| sum + term)
}
