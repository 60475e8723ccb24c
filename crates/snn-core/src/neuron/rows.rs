//! A [`NeuronModel`] behind a pointer: a phase of all neurons of a population at a time, and its transpose.
//!
//! States are `[S][n]`: one row for each entry. A transpose is the sum over the entries that it reads of what a dual
//! number in that entry gives; the loops are compiled for the vector instructions that the processor has.

use std::fmt::Debug;

use super::blocks::{LANES, NONE, States, block, dot, lift, lift_parameters, put};
use super::{NeuronModel, Parameter, PlainLif};
use crate::real::{Dual, Real};
use crate::vectorized::vectorized;

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

impl<M: NeuronModel, F: Real + Into<f64>> Rows<F> for M {
    fn rest(&self) -> Vec<F> {
        NeuronModel::rest::<F>(self).as_ref().to_vec()
    }

    fn charge(&self, p: &[F], state: &mut [F], input: &[F]) {
        let n = input.len();
        vectorized(
            #[inline(always)]
            || {
                for at in (0..n).step_by(LANES) {
                    let (mut states, input) = (States::read(self, state, n, at), block(input, at));
                    for i in 0..LANES {
                        states.set(i, &NeuronModel::charge(self, p, states.get(self, i), input[i]));
                    }
                    states.write(self, state, n, at);
                }
            },
        );
    }

    fn margin(&self, p: &[F], charged: &[F], margin: &mut [F]) {
        let n = margin.len();
        vectorized(
            #[inline(always)]
            || {
                for at in (0..n).step_by(LANES) {
                    let states = States::read(self, charged, n, at);
                    let mut margins = [F::from(0.0); LANES];
                    for i in 0..LANES {
                        margins[i] = NeuronModel::margin(self, p, states.get(self, i));
                    }
                    put(margin, at, &margins);
                }
            },
        );
    }

    fn reset(&self, p: &[F], state: &mut [F], spike: &[F]) {
        let n = spike.len();
        vectorized(
            #[inline(always)]
            || {
                for at in (0..n).step_by(LANES) {
                    let (mut states, spike) = (States::read(self, state, n, at), block(spike, at));
                    for i in 0..LANES {
                        states.set(i, &NeuronModel::reset(self, p, states.get(self, i), spike[i]));
                    }
                    states.write(self, state, n, at);
                }
            },
        );
    }

    fn charge_adjoint(&self, p: &[F], before: &[F], input: &[F], d: &mut [F], d_input: &mut [F], d_p: &mut [f64]) {
        let n = input.len();
        vectorized(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for at in (0..n).step_by(LANES) {
                    let (states, input) = (States::read(self, before, n, at), block(input, at));
                    let mut d_states = States::read(self, d, n, at);
                    let mut d_inputs = [F::from(0.0); LANES];
                    for i in 0..LANES {
                        let (state, d_charged) = (states.get(self, i), d_states.get(self, i));
                        let mut d_state = d_charged;
                        for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                            let state = lift(self, &state, k);
                            let charged = NeuronModel::charge(self, fixed, state, Dual::fixed(input[i]));
                            *d_entry = dot(&d_charged, &charged);
                        }
                        let state = lift(self, &state, NONE);
                        let charged = NeuronModel::charge(self, fixed, state, Dual::variable(input[i]));
                        d_inputs[i] = dot(&d_charged, &charged);
                        d_states.set(i, &d_state);
                    }
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let (p, given) = (&lift_parameters(p, k)[..p.len()], States::read(self, d, n, at));
                        for i in 0..LANES.min(n - at) {
                            let state = lift(self, &states.get(self, i), NONE);
                            let charged = NeuronModel::charge(self, p, state, Dual::fixed(input[i]));
                            *d_p += dot(&given.get(self, i), &charged).into();
                        }
                    }
                    d_states.write(self, d, n, at);
                    put(d_input, at, &d_inputs);
                }
            },
        );
    }

    fn margin_adjoint(&self, p: &[F], charged: &[F], d_margin: &[F], d: &mut [F], d_p: &mut [f64]) {
        let n = d_margin.len();
        vectorized(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for at in (0..n).step_by(LANES) {
                    let (states, d_margin) = (States::read(self, charged, n, at), block(d_margin, at));
                    let mut d_states = States::read(self, d, n, at);
                    for i in 0..LANES {
                        let (state, mut d_state) = (states.get(self, i), d_states.get(self, i));
                        for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                            let margin = NeuronModel::margin(self, fixed, lift(self, &state, k));
                            *d_entry = *d_entry + d_margin[i] * margin.slope;
                        }
                        d_states.set(i, &d_state);
                    }
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let p = &lift_parameters(p, k)[..p.len()];
                        for i in 0..LANES.min(n - at) {
                            let margin = NeuronModel::margin(self, p, lift(self, &states.get(self, i), NONE));
                            *d_p += (d_margin[i] * margin.slope).into();
                        }
                    }
                    d_states.write(self, d, n, at);
                }
            },
        );
    }

    fn reset_adjoint(&self, p: &[F], charged: &[F], spike: &[F], d: &mut [F], d_spike: &mut [F], d_p: &mut [f64]) {
        let n = spike.len();
        vectorized(
            #[inline(always)]
            || {
                let fixed = &lift_parameters(p, NONE)[..p.len()];
                for at in (0..n).step_by(LANES) {
                    let (states, spike) = (States::read(self, charged, n, at), block(spike, at));
                    let mut d_states = States::read(self, d, n, at);
                    let mut d_spikes = [F::from(0.0); LANES];
                    for i in 0..LANES {
                        let (state, d_after) = (states.get(self, i), d_states.get(self, i));
                        let mut d_state = d_after;
                        for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
                            let state = lift(self, &state, k);
                            let after = NeuronModel::reset(self, fixed, state, Dual::fixed(spike[i]));
                            *d_entry = dot(&d_after, &after);
                        }
                        let state = lift(self, &state, NONE);
                        let after = NeuronModel::reset(self, fixed, state, Dual::variable(spike[i]));
                        d_spikes[i] = dot(&d_after, &after);
                        d_states.set(i, &d_state);
                    }
                    for (k, d_p) in d_p.iter_mut().enumerate() {
                        let (p, given) = (&lift_parameters(p, k)[..p.len()], States::read(self, d, n, at));
                        for i in 0..LANES.min(n - at) {
                            let state = lift(self, &states.get(self, i), NONE);
                            let after = NeuronModel::reset(self, p, state, Dual::fixed(spike[i]));
                            *d_p += dot(&given.get(self, i), &after).into();
                        }
                    }
                    d_states.write(self, d, n, at);
                    put(d_spike, at, &d_spikes);
                }
            },
        );
    }
}
