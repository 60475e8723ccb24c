//! Type-erased neuron models, which run a phase or its backward pass for all neurons of a population at a time.
//!
//! States are `[S][n]`: one row for each state variable. A backward pass runs the phase on dual numbers, once for each
//! value that the phase reads. The loops are compiled for the vector instructions that the processor has.

use std::fmt::Debug;

use super::lifted::{MOST_PARAMETERS, NONE, dot, get, lift, lift_parameters, set, split, split_mut};
use super::{NeuronModel, NeuronOutput, Parameter, Per, Phases, PlainLif, phases};
use crate::real::{Dual, Real};
use crate::vectorized::vectorized;

/// A type-erased neuron model.
pub(crate) trait Dynamics: Rows<f32> + Rows<f64> + Debug + Send + Sync {
    fn output(&self) -> NeuronOutput;
    fn state(&self) -> &'static [&'static str];
    fn parameters(&self) -> Vec<Parameter>;
    fn per(&self) -> Per;
    fn equations(&self) -> String;
    fn as_plain_lif(&self) -> Option<PlainLif>;
    fn phases(&self) -> Phases;
}

impl<M: NeuronModel> Dynamics for M {
    fn output(&self) -> NeuronOutput {
        M::OUTPUT
    }

    fn state(&self) -> &'static [&'static str] {
        NeuronModel::state(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        NeuronModel::parameters(self)
    }

    fn per(&self) -> Per {
        NeuronModel::per(self)
    }

    fn equations(&self) -> String {
        NeuronModel::equations(self)
    }

    fn as_plain_lif(&self) -> Option<PlainLif> {
        NeuronModel::as_plain_lif(self)
    }

    fn phases(&self) -> Phases {
        phases::of(self)
    }
}

/// Values of the trainable parameters of `n` neurons.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Constants<'a, F> {
    /// `[P]`: all neurons share the values.
    Shared(&'a [F]),
    /// `[P][n]`, and `n`: each neuron has its own values.
    Own(&'a [F], usize),
}

/// The parameters of neuron `i` among `n` neurons that each have their own values, and the number of parameters.
#[inline(always)]
fn own<F: Real>(values: &[F], n: usize, i: usize) -> ([F; MOST_PARAMETERS], usize) {
    let mut own = [F::from(0.0); MOST_PARAMETERS];
    let count = (values.len() / n.max(1)).min(MOST_PARAMETERS);
    for (k, value) in own[..count].iter_mut().enumerate() {
        *value = values[k * n + i];
    }
    (own, count)
}

/// The phases of `n` neurons and their backward passes. `d_p`, the errors of the parameters, has the shape of the
/// parameters.
pub(crate) trait Rows<F> {
    /// The initial state of one neuron.
    fn rest(&self) -> Vec<F>;
    /// Runs the charge phase on `state`, in place.
    fn charge(&self, p: Constants<'_, F>, state: &mut [F], input: &[F]);
    /// Computes the margin of each neuron.
    fn margin(&self, p: Constants<'_, F>, charged: &[F], margin: &mut [F]);
    /// Runs the reset phase on `state`, in place.
    fn reset(&self, p: Constants<'_, F>, state: &mut [F], spike: &[F]);
    /// Backward pass of the charge phase. On entry `d` is the error of the charged state; on return it is the error of
    /// the state `before`. The error of the input is written to `d_input`; the errors of the parameters are added to
    /// `d_p`.
    fn charge_adjoint(
        &self,
        p: Constants<'_, F>,
        before: &[F],
        input: &[F],
        d: &mut [F],
        d_input: &mut [F],
        d_p: &mut [f64],
    );
    /// Backward pass of the fire phase: adds to `d`, the error of the charged state, the contribution of the error of
    /// the margin, and to `d_p` the errors of the parameters.
    fn margin_adjoint(&self, p: Constants<'_, F>, charged: &[F], d_margin: &[F], d: &mut [F], d_p: &mut [f64]);
    /// Backward pass of the reset phase. On entry `d` is the error of the state after the step; on return it is the
    /// error of the charged state. The error of the spike is written to `d_spike`; the errors of the parameters are
    /// added to `d_p`.
    fn reset_adjoint(
        &self,
        p: Constants<'_, F>,
        charged: &[F],
        spike: &[F],
        d: &mut [F],
        d_spike: &mut [F],
        d_p: &mut [f64],
    );
}

impl<M: NeuronModel, F: Real + Into<f64>> Rows<F> for M {
    fn rest(&self) -> Vec<F> {
        NeuronModel::rest::<F>(self).as_ref().to_vec()
    }

    fn charge(&self, p: Constants<'_, F>, state: &mut [F], input: &[F]) {
        vectorized(
            #[inline(always)]
            || update(self, <M as NeuronModel>::charge, p, state, input),
        );
    }

    fn margin(&self, p: Constants<'_, F>, charged: &[F], margin: &mut [F]) {
        vectorized(
            #[inline(always)]
            || margins(self, p, charged, margin),
        );
    }

    fn reset(&self, p: Constants<'_, F>, state: &mut [F], spike: &[F]) {
        vectorized(
            #[inline(always)]
            || update(self, <M as NeuronModel>::reset, p, state, spike),
        );
    }

    fn charge_adjoint(
        &self,
        p: Constants<'_, F>,
        before: &[F],
        input: &[F],
        d: &mut [F],
        d_input: &mut [F],
        d_p: &mut [f64],
    ) {
        vectorized(
            #[inline(always)]
            || update_adjoint(self, <M as NeuronModel>::charge, p, before, input, d, d_input, d_p),
        );
    }

    fn margin_adjoint(&self, p: Constants<'_, F>, charged: &[F], d_margin: &[F], d: &mut [F], d_p: &mut [f64]) {
        vectorized(
            #[inline(always)]
            || margins_adjoint(self, p, charged, d_margin, d, d_p),
        );
    }

    fn reset_adjoint(
        &self,
        p: Constants<'_, F>,
        charged: &[F],
        spike: &[F],
        d: &mut [F],
        d_spike: &mut [F],
        d_p: &mut [f64],
    ) {
        vectorized(
            #[inline(always)]
            || update_adjoint(self, <M as NeuronModel>::reset, p, charged, spike, d, d_spike, d_p),
        );
    }
}

// The loops are separate functions: from their `&mut` arguments the compiler knows that reads and writes do not alias.

/// Applies to `states` a phase that computes a state from a state and an input.
#[inline(always)]
fn update<M: NeuronModel, F: Real>(
    model: &M,
    phase: impl Fn(&M, &[F], M::State<F>, F) -> M::State<F>,
    p: Constants<'_, F>,
    states: &mut [F],
    inputs: &[F],
) {
    let mut rows = split_mut(model, states, inputs.len());
    match p {
        Constants::Shared(p) => {
            for (i, input) in inputs.iter().enumerate() {
                let after = phase(model, p, get(model, &rows, i), *input);
                set(&mut rows, i, &after);
            }
        }
        Constants::Own(values, n) => {
            for (i, input) in inputs.iter().enumerate() {
                let (p, count) = own(values, n, i);
                let after = phase(model, &p[..count], get(model, &rows, i), *input);
                set(&mut rows, i, &after);
            }
        }
    }
}

/// Backward pass of `update`. On entry `d` is the error of the states after the phase; on return it is the error of
/// the states before it. `d_inputs` is overwritten.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what the phase reads, and the error of each")]
fn update_adjoint<M: NeuronModel, F: Real + Into<f64>>(
    model: &M,
    phase: impl Fn(&M, &[Dual<F>], M::State<Dual<F>>, Dual<F>) -> M::State<Dual<F>>,
    p: Constants<'_, F>,
    states: &[F],
    inputs: &[F],
    d: &mut [F],
    d_inputs: &mut [F],
    d_p: &mut [f64],
) {
    let n = inputs.len();
    let (states, mut d, d_inputs) = (split(model, states, n), split_mut(model, d, n), &mut d_inputs[..n]);
    let through = |p: &[Dual<F>], state: &M::State<F>, d_after: &M::State<F>, input: F| {
        let mut d_state = *d_after;
        for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
            *d_entry = dot(d_after, &phase(model, p, lift(model, state, k), Dual::fixed(input)));
        }
        (d_state, dot(d_after, &phase(model, p, lift(model, state, NONE), Dual::variable(input))))
    };
    match p {
        Constants::Shared(p) => {
            for (k, d_p) in d_p.iter_mut().enumerate() {
                let p = &lift_parameters(p, k)[..p.len()];
                for i in 0..n {
                    let state = lift(model, &get(model, &states, i), NONE);
                    let after = phase(model, p, state, Dual::fixed(inputs[i]));
                    *d_p += dot(&get(model, &d, i), &after).into();
                }
            }
            let p = &lift_parameters(p, NONE)[..p.len()];
            for i in 0..n {
                let (d_state, d_input) = through(p, &get(model, &states, i), &get(model, &d, i), inputs[i]);
                d_inputs[i] = d_input;
                set(&mut d, i, &d_state);
            }
        }
        Constants::Own(values, _) => {
            for i in 0..n {
                let ((p, count), state, d_after) = (own(values, n, i), get(model, &states, i), get(model, &d, i));
                for k in 0..count {
                    let lifted = lift(model, &state, NONE);
                    let after = phase(model, &lift_parameters(&p[..count], k)[..count], lifted, Dual::fixed(inputs[i]));
                    d_p[k * n + i] += dot(&d_after, &after).into();
                }
                let p = &lift_parameters(&p[..count], NONE)[..count];
                let (d_state, d_input) = through(p, &state, &d_after, inputs[i]);
                d_inputs[i] = d_input;
                set(&mut d, i, &d_state);
            }
        }
    }
}

#[inline(always)]
fn margins<M: NeuronModel, F: Real>(model: &M, p: Constants<'_, F>, charged: &[F], margin: &mut [F]) {
    let rows = split(model, charged, margin.len());
    match p {
        Constants::Shared(p) => {
            for (i, margin) in margin.iter_mut().enumerate() {
                *margin = model.margin(p, get(model, &rows, i));
            }
        }
        Constants::Own(values, n) => {
            for (i, margin) in margin.iter_mut().enumerate() {
                let (p, count) = own(values, n, i);
                *margin = model.margin(&p[..count], get(model, &rows, i));
            }
        }
    }
}

#[inline(always)]
fn margins_adjoint<M: NeuronModel, F: Real + Into<f64>>(
    model: &M,
    p: Constants<'_, F>,
    charged: &[F],
    d_margin: &[F],
    d: &mut [F],
    d_p: &mut [f64],
) {
    let n = d_margin.len();
    let (charged, mut d) = (split(model, charged, n), split_mut(model, d, n));
    let through = |p: &[Dual<F>], state: &M::State<F>, mut d_state: M::State<F>, d_margin: F| {
        for (k, d_entry) in d_state.as_mut().iter_mut().enumerate() {
            *d_entry = *d_entry + d_margin * model.margin(p, lift(model, state, k)).slope;
        }
        d_state
    };
    match p {
        Constants::Shared(p) => {
            for (k, d_p) in d_p.iter_mut().enumerate() {
                let p = &lift_parameters(p, k)[..p.len()];
                for i in 0..n {
                    let margin = model.margin(p, lift(model, &get(model, &charged, i), NONE));
                    *d_p += (d_margin[i] * margin.slope).into();
                }
            }
            let p = &lift_parameters(p, NONE)[..p.len()];
            for i in 0..n {
                let d_state = through(p, &get(model, &charged, i), get(model, &d, i), d_margin[i]);
                set(&mut d, i, &d_state);
            }
        }
        Constants::Own(values, _) => {
            for i in 0..n {
                let ((p, count), state) = (own(values, n, i), get(model, &charged, i));
                for k in 0..count {
                    let p = &lift_parameters(&p[..count], k)[..count];
                    let margin = model.margin(p, lift(model, &state, NONE));
                    d_p[k * n + i] += (d_margin[i] * margin.slope).into();
                }
                let p = &lift_parameters(&p[..count], NONE)[..count];
                let d_state = through(p, &state, get(model, &d, i), d_margin[i]);
                set(&mut d, i, &d_state);
            }
        }
    }
}
