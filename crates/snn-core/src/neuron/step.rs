//! One time step of a population and its backward pass, composed of the phases of its neuron.

use super::rows::{Constants, Dynamics, Rows};
use super::{Gradient, Neuron};
use crate::real::Real;
use crate::surrogate::Curve;

/// The number types that steps are computed in: `f32` in engines, `f64` in gradient checks.
pub trait Float: Real + PartialOrd + Into<f64> + private::FloatRows {}

impl Float for f32 {}
impl Float for f64 {}

pub(crate) mod private {
    use super::{Curve, Dynamics, Rows};

    /// The operations that differ between `f32` and `f64`.
    pub trait FloatRows: Sized {
        #[expect(private_interfaces, reason = "nobody outside can name this trait")]
        fn rows(dynamics: &dyn Dynamics) -> &dyn Rows<Self>;
        #[expect(private_interfaces, reason = "nobody outside can name this trait")]
        fn grads(curve: &dyn Curve, x: &mut [Self]);
        fn narrow(value: f64) -> Self;
    }

    #[expect(private_interfaces, reason = "nobody outside can name this trait")]
    impl FloatRows for f32 {
        fn rows(dynamics: &dyn Dynamics) -> &dyn Rows<Self> {
            dynamics
        }

        fn grads(curve: &dyn Curve, x: &mut [Self]) {
            curve.grad32(x);
        }

        fn narrow(value: f64) -> Self {
            value as Self
        }
    }

    #[expect(private_interfaces, reason = "nobody outside can name this trait")]
    impl FloatRows for f64 {
        fn rows(dynamics: &dyn Dynamics) -> &dyn Rows<Self> {
            dynamics
        }

        fn grads(curve: &dyn Curve, x: &mut [Self]) {
            curve.grad64(x);
        }

        fn narrow(value: f64) -> Self {
            value
        }
    }
}

/// The recorded values of one time step of `n` neurons, from which its backward pass is computed.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a, F> {
    /// Values of the trainable parameters: `[P]` if all neurons share them, else `[P][n]`.
    pub p: &'a [F],
    /// State before the step `[S][n]`.
    pub before: &'a [F],
    /// Input `I(t)` `[n]`.
    pub input: &'a [F],
    /// Output `[n]`: spikes, or the numbers that neurons that do not fire pass on.
    pub output: &'a [F],
    /// Leak correction of each neuron `[n]`; empty without leak correction.
    pub correction: &'a [F],
}

impl Neuron {
    /// Initial state of `n` neurons, `[S][n]`, with the `S` state variables of [`Neuron::state`].
    pub fn rest<F: Float>(&self, n: usize) -> Vec<F> {
        F::rows(&*self.dynamics).rest().into_iter().flat_map(|entry| vec![entry; n]).collect()
    }

    /// Interprets `p` as values that `n` neurons share or that each has for itself, by its length.
    fn constants<'a, F>(&self, p: &'a [F], n: usize) -> Constants<'a, F> {
        if p.len() == self.constants { Constants::Shared(p) } else { Constants::Own(p, n) }
    }

    /// Runs one time step of `n` neurons: charge, fire, reset. `p` holds the values of the trainable parameters, `[P]`
    /// if all neurons share them, else `[P][n]`. `state` is `[S][n]` and `input` `[n]`. Writes to `output` `[n]` the
    /// spikes (1 or 0), or the numbers that neurons that do not fire pass on.
    pub fn step<F: Float>(&self, p: &[F], state: &mut [F], input: &[F], output: &mut [F]) {
        self.step_with(p, state, input, output, |x| if x > F::from(0.0) { F::from(1.0) } else { F::from(0.0) }, None);
    }

    /// Runs one time step with `fire` in place of the spike function. The reset reads `reset_by` in place of the output
    /// of `fire`, if given.
    pub(crate) fn step_with<F: Float>(
        &self,
        p: &[F],
        state: &mut [F],
        input: &[F],
        output: &mut [F],
        fire: impl Fn(F) -> F,
        reset_by: Option<&[F]>,
    ) {
        let (rows, p) = (F::rows(&*self.dynamics), self.constants(p, input.len()));
        rows.charge(p, state, input);
        rows.margin(p, state, output);
        if self.fires() {
            for x in &mut *output {
                *x = fire(*x);
            }
            rows.reset(p, state, reset_by.unwrap_or(output));
        }
    }

    /// Runs only the charge phase, in place, leaving the state before fire and reset.
    pub fn charge<F: Float>(&self, p: &[F], state: &mut [F], input: &[F]) {
        F::rows(&*self.dynamics).charge(self.constants(p, input.len()), state, input);
    }

    /// Runs only the fire phase: writes to `margin` `[n]` the distance of the charged state from the threshold. For
    /// neurons that do not fire, writes their output.
    pub fn margin<F: Float>(&self, p: &[F], charged: &[F], margin: &mut [F]) {
        F::rows(&*self.dynamics).margin(self.constants(p, margin.len()), charged, margin);
    }

    /// Backward pass of [`Neuron::charge`]. On entry `d_state` is the error of the charged state; on return it is the
    /// error of the state before the step. `d_input` is overwritten. Errors of the trainable parameters are added to
    /// `d_p`, which has the shape of `p`.
    pub fn charge_adjoint<F: Float>(
        &self,
        moment: Moment<'_, F>,
        d_state: &mut [F],
        d_input: &mut [F],
        d_p: &mut [f64],
    ) {
        let Moment { p, before, input, .. } = moment;
        let p = self.constants(p, input.len());
        F::rows(&*self.dynamics).charge_adjoint(p, before, input, d_state, d_input, d_p);
    }

    /// Backward pass of [`Neuron::step`]. `d_output` `[n]` is the error of the output. On entry `d_state` `[S][n]` is
    /// the error of the state after the step; on return it is the error of the state before it. `d_input` `[n]` is
    /// overwritten. Errors of the trainable parameters are added to `d_p`.
    ///
    /// With [`Gradient::SpikeGated`] the first row of `d_state` carries `d(t+1)`.
    pub fn adjoint<F: Float>(
        &self,
        moment: Moment<'_, F>,
        d_output: &[F],
        d_state: &mut [F],
        d_input: &mut [F],
        d_p: &mut [f64],
    ) {
        let Moment { p, before, input, output, .. } = moment;
        let (surrogate, detach_reset) = match &self.gradient {
            Gradient::SpikeGated { threshold, .. } => {
                return self.spike_gated(*threshold, moment, d_output, d_state, d_input);
            }
            Gradient::Exact => (None, false),
            Gradient::Surrogate { surrogate, detach_reset } => (Some(surrogate), *detach_reset),
        };
        let (rows, p) = (F::rows(&*self.dynamics), self.constants(p, input.len()));
        let mut charged = before.to_vec();
        rows.charge(p, &mut charged, input);
        let mut d_margin = d_output.to_vec();
        if let Some(surrogate) = surrogate {
            let d_spike = &mut *d_input; // shares the buffer until `charge_adjoint` overwrites it
            rows.reset_adjoint(p, &charged, output, d_state, d_spike, d_p);
            let mut slopes = vec![F::from(0.0); input.len()];
            rows.margin(p, &charged, &mut slopes);
            F::grads(surrogate.curve(), &mut slopes);
            for i in 0..input.len() {
                let d = if detach_reset { d_output[i] } else { d_output[i] + d_spike[i] };
                d_margin[i] = slopes[i] * d;
            }
        }
        rows.margin_adjoint(p, &charged, &d_margin, d_state, d_p);
        rows.charge_adjoint(p, before, input, d_state, d_input, d_p);
    }

    /// Backward pass of one step with a spike-gated gradient.
    fn spike_gated<F: Float>(
        &self,
        threshold: f32,
        moment: Moment<'_, F>,
        d_output: &[F],
        d_state: &mut [F],
        d_input: &mut [F],
    ) {
        let Moment { output, correction, .. } = moment;
        for i in 0..output.len() {
            let d_later = d_state[i];
            d_input[i] = if !self.fires() {
                d_later + d_output[i] / threshold.into()
            } else if output[i] > F::from(0.0) {
                correction.get(i).copied().unwrap_or(F::from(1.0)) * d_output[i] / threshold.into()
            } else {
                d_later
            };
            d_state[i] = d_input[i];
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs one neuron from its initial state. Returns a row for each input: the output and the state after the step.
    pub(crate) fn run<const ROW: usize>(neuron: &Neuron, p: &[f64], inputs: &[f64]) -> Vec<[f64; ROW]> {
        let mut state = neuron.rest(1);
        let step = |input: &f64| {
            let mut output = [0.0];
            neuron.step(p, &mut state, &[*input], &mut output);
            [&output, &state[..]].concat().try_into().unwrap()
        };
        inputs.iter().map(step).collect()
    }

    #[test]
    fn charging_is_the_first_phase_of_a_step() {
        let (neuron, mut state) = (Neuron::lif(), vec![0.25]);
        neuron.charge(&[], &mut state, &[2.0]);
        assert_eq!(state, [2.25]);
        let (mut d_state, mut d_input) = ([3.0], [0.0]);
        let moment = Moment { p: &[], before: &[0.25], input: &[2.0], output: &[1.0], correction: &[] };
        neuron.charge_adjoint(moment, &mut d_state, &mut d_input, &mut []);
        assert_eq!((d_state, d_input), ([3.0], [3.0]));
    }
}
