//! Neurons in blocks of as many as fit the largest vector registers, and their states in dual numbers.

use super::NeuronModel;
use crate::real::{Dual, Real};

/// Neurons that are computed together, as many as fit the largest vector registers.
pub(super) const LANES: usize = 16;

/// One number of each neuron of a block.
pub(super) type Block<F> = [F; LANES];

/// Most entries of a state.
const MOST_ENTRIES: usize = 8;

/// Most trainable constants of a neuron.
pub(crate) const MOST_PARAMETERS: usize = 4;

/// Index that no entry has: nothing in a state is the variable.
pub(super) const NONE: usize = usize::MAX;

/// A block of a row from `at` on; what lies beyond its end is 0.
#[inline(always)]
pub(super) fn block<F: Real>(row: &[F], at: usize) -> Block<F> {
    let rest = &row[at..];
    if let Some(block) = rest.first_chunk() {
        return *block;
    }
    let mut block = [F::from(0.0); LANES];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// Writes a block of a row; what lies beyond its end is dropped.
#[inline(always)]
pub(super) fn put<F: Real>(row: &mut [F], at: usize, block: &Block<F>) {
    let rest = &mut row[at..];
    if let Some(whole) = rest.first_chunk_mut() {
        *whole = *block;
    } else {
        let n = rest.len();
        rest.copy_from_slice(&block[..n]);
    }
}

/// The states of a block of neurons.
pub(super) struct States<F>([Block<F>; MOST_ENTRIES]);

impl<F: Real> States<F> {
    /// Reads those from neuron `at` on out of `rows` `[S][n]`.
    #[inline(always)]
    pub(super) fn read<M: NeuronModel>(model: &M, rows: &[F], n: usize, at: usize) -> Self {
        const { assert!(size_of::<M::State<f32>>() <= MOST_ENTRIES * size_of::<f32>(), "a state has too many entries") };
        let mut states = Self([[F::from(0.0); LANES]; MOST_ENTRIES]);
        for k in 0..model.rest::<F>().as_ref().len() {
            states.0[k] = block(&rows[k * n..(k + 1) * n], at);
        }
        states
    }

    /// Writes them where they were read.
    #[inline(always)]
    pub(super) fn write<M: NeuronModel>(&self, model: &M, rows: &mut [F], n: usize, at: usize) {
        for k in 0..model.rest::<F>().as_ref().len() {
            put(&mut rows[k * n..(k + 1) * n], at, &self.0[k]);
        }
    }

    /// The state of lane `i`.
    #[inline(always)]
    pub(super) fn get<M: NeuronModel>(&self, model: &M, i: usize) -> M::State<F> {
        let mut state = model.rest::<F>();
        for (entry, block) in state.as_mut().iter_mut().zip(&self.0) {
            *entry = block[i];
        }
        state
    }

    #[inline(always)]
    pub(super) fn set(&mut self, i: usize, state: &impl AsRef<[F]>) {
        for (entry, block) in state.as_ref().iter().zip(&mut self.0) {
            block[i] = *entry;
        }
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
