//! A [`NeuronModel`] behind a pointer: a phase of all neurons of a population at a time, and its transpose.
//!
//! States are `[S][n]`: one row for each entry. A transpose is the sum over the entries that it reads of what a dual
//! number in that entry gives; the loops are compiled for the vector instructions that the processor has.

use std::fmt::Debug;

use super::{NeuronModel, Parameter, PlainLif};
use crate::real::{Dual, Real};

/// A neuron model of any kind.
pub(crate) trait Dynamics: Rows<f32> + Rows<f64> + Debug + Send + Sync {
    fn fires(&self) -> bool;
    fn state(&self) -> &'static [&'static str];
    fn parameters(&self) -> Vec<Parameter>;
    fn equations(&self) -> String;
    fn as_plain_lif(&self) -> Option<PlainLif>;
}

impl<M: NeuronModel> Dynamics for M {
    fn fires(&self) -> bool {
        M::FIRES
    }

    fn state(&self) -> &'static [&'static str] {
        NeuronModel::state(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        NeuronModel::parameters(self)
    }

    fn equations(&self) -> String {
        NeuronModel::equations(self)
    }

    fn as_plain_lif(&self) -> Option<PlainLif> {
        NeuronModel::as_plain_lif(self)
    }
}

/// The phases over rows of `n` neurons.
pub(crate) trait Rows<F> {
    /// The state before the first step.
    fn rest(&self) -> Vec<F>;
    /// Charges `state` with `input`, in place.
    fn charge(&self, p: &[F], state: &mut [F], input: &[F]);
    /// Margin of each neuron.
    fn margin(&self, p: &[F], charged: &[F], margin: &mut [F]);
    /// Resets `state` by `spike`, in place.
    fn reset(&self, p: &[F], state: &mut [F], spike: &[F]);
    /// `d` is the error of the charged state and becomes that of the state `before`; the error of the input is written
    /// to `d_input`, those of the parameters are added to `d_p`.
    fn charge_adjoint(&self, p: &[F], before: &[F], input: &[F], d: &mut [F], d_input: &mut [F], d_p: &mut [f64]);
    /// Adds to `d` what the error of the margin makes of the charged state's.
    fn margin_adjoint(&self, p: &[F], charged: &[F], d_margin: &[F], d: &mut [F], d_p: &mut [f64]);
    /// `d` is the error of the state after the step and becomes that of the charged state; that of the spike is written
    /// to `d_spike`.
    fn reset_adjoint(&self, p: &[F], charged: &[F], spike: &[F], d: &mut [F], d_spike: &mut [F], d_p: &mut [f64]);
}

/// The state of neuron `i` out of rows of `n`.
#[inline(always)]
fn load<M: NeuronModel, F: Real>(model: &M, rows: &[F], n: usize, i: usize) -> M::State<F> {
    let mut state = model.rest::<F>();
    for (k, entry) in state.as_mut().iter_mut().enumerate() {
        *entry = rows[k * n + i];
    }
    state
}

#[inline(always)]
fn store<F: Real>(state: &impl AsRef<[F]>, rows: &mut [F], n: usize, i: usize) {
    for (k, entry) in state.as_ref().iter().enumerate() {
        rows[k * n + i] = *entry;
    }
}

/// The same state in dual numbers, with entry `variable` (if there is one of that index) as the variable.
#[inline(always)]
fn lift<M: NeuronModel, F: Real>(model: &M, state: &M::State<F>, variable: usize) -> M::State<Dual<F>> {
    let mut lifted = model.rest::<Dual<F>>();
    for (k, (lifted, entry)) in lifted.as_mut().iter_mut().zip(state.as_ref()).enumerate() {
        *lifted = number(*entry, k == variable);
    }
    lifted
}

#[inline(always)]
fn number<F: Real>(value: F, is_variable: bool) -> Dual<F> {
    if is_variable { Dual::variable(value) } else { Dual::fixed(value) }
}

/// `Σ d · slope` over the entries of a state.
#[inline(always)]
fn dot<F: Real>(d: &impl AsRef<[F]>, slopes: &impl AsRef<[Dual<F>]>) -> F {
    let mut sum = F::from(0.0);
    for (d, entry) in d.as_ref().iter().zip(slopes.as_ref()) {
        sum = sum + *d * entry.slope;
    }
    sum
}

/// Index that no entry has: nothing in the state is the variable.
const NONE: usize = usize::MAX;

/// Most trainable constants of a neuron.
pub(crate) const MOST_PARAMETERS: usize = 4;

/// The parameters in dual numbers, with `variable` as the variable.
#[inline(always)]
fn lift_parameters<F: Real>(p: &[F], variable: usize) -> [Dual<F>; MOST_PARAMETERS] {
    let mut lifted = [Dual::fixed(F::from(0.0)); MOST_PARAMETERS];
    for (k, (lifted, value)) in lifted.iter_mut().zip(p).enumerate() {
        *lifted = number(*value, k == variable);
    }
    lifted
}

impl<M: NeuronModel, F: Real + Into<f64>> Rows<F> for M {
    fn rest(&self) -> Vec<F> {
        NeuronModel::rest::<F>(self).as_ref().to_vec()
    }

    fn charge(&self, p: &[F], state: &mut [F], input: &[F]) {
        let n = input.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..n {
                    store(&NeuronModel::charge(self, p, load(self, state, n, i), input[i]), state, n, i);
                }
            },
        );
    }

    fn margin(&self, p: &[F], charged: &[F], margin: &mut [F]) {
        let n = margin.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..n {
                    margin[i] = NeuronModel::margin(self, p, load(self, charged, n, i));
                }
            },
        );
    }

    fn reset(&self, p: &[F], state: &mut [F], spike: &[F]) {
        let n = spike.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..n {
                    store(&NeuronModel::reset(self, p, load(self, state, n, i), spike[i]), state, n, i);
                }
            },
        );
    }

    fn charge_adjoint(&self, p: &[F], before: &[F], input: &[F], d: &mut [F], d_input: &mut [F], d_p: &mut [f64]) {
        let n = input.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for i in 0..n {
                    let (state, d_charged) = (load(self, before, n, i), load(self, d, n, i));
                    let mut d_state = d_charged;
                    for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                        let charged = NeuronModel::charge(self, fixed, lift(self, &state, k), Dual::fixed(input[i]));
                        *d_entry = dot(&d_charged, &charged);
                    }
                    let charged = NeuronModel::charge(self, fixed, lift(self, &state, NONE), Dual::variable(input[i]));
                    d_input[i] = dot(&d_charged, &charged);
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let p = &lift_parameters(p, k)[..p.len()];
                        let charged = NeuronModel::charge(self, p, lift(self, &state, NONE), Dual::fixed(input[i]));
                        *d_p += dot(&d_charged, &charged).into();
                    }
                    store(&d_state, d, n, i);
                }
            },
        );
    }

    fn margin_adjoint(&self, p: &[F], charged: &[F], d_margin: &[F], d: &mut [F], d_p: &mut [f64]) {
        let n = d_margin.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for i in 0..n {
                    let state = load(self, charged, n, i);
                    let mut d_state = load(self, d, n, i);
                    for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                        let margin = NeuronModel::margin(self, fixed, lift(self, &state, k));
                        *d_entry = *d_entry + d_margin[i] * margin.slope;
                    }
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let p = &lift_parameters(p, k)[..p.len()];
                        let margin = NeuronModel::margin(self, p, lift(self, &state, NONE));
                        *d_p += (d_margin[i] * margin.slope).into();
                    }
                    store(&d_state, d, n, i);
                }
            },
        );
    }

    fn reset_adjoint(&self, p: &[F], charged: &[F], spike: &[F], d: &mut [F], d_spike: &mut [F], d_p: &mut [f64]) {
        let n = spike.len();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for i in 0..n {
                    let (state, d_after) = (load(self, charged, n, i), load(self, d, n, i));
                    let mut d_state = d_after;
                    for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                        let after = NeuronModel::reset(self, fixed, lift(self, &state, k), Dual::fixed(spike[i]));
                        *d_entry = dot(&d_after, &after);
                    }
                    let after = NeuronModel::reset(self, fixed, lift(self, &state, NONE), Dual::variable(spike[i]));
                    d_spike[i] = dot(&d_after, &after);
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let p = &lift_parameters(p, k)[..p.len()];
                        let after = NeuronModel::reset(self, p, lift(self, &state, NONE), Dual::fixed(spike[i]));
                        *d_p += dot(&d_after, &after).into();
                    }
                    store(&d_state, d, n, i);
                }
            },
        );
    }
}
