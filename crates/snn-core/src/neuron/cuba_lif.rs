//! Leaky integrate-and-fire neurons with a synaptic current.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{NeuronModel, Reset};
use crate::part::Part;
use crate::real::Real;

/// Current-based leaky integrate-and-fire neuron (CUBA LIF): the input is added to a synaptic current, which decays
/// exponentially and charges the membrane.
///
/// 1. charge `j = i + I`, then `v = V + gain · j`, where `gain` is 1, or `1 - leak` with `decay_input`
/// 2. fire `s = [v > threshold]`
/// 3. reset and leak of the membrane as described at [`Reset`]; synapse `i = synapse_leak · j`
///
/// Input charges the membrane in the step in which it arrives. `V` and `i` start at 0.
///
/// Defaults: leak 0.9, `synapse_leak` 0.8, threshold 1, hard reset to 0, gradient `Atan`.
///
/// # Equals
/// - `Synaptic(alpha, beta)` of snnTorch: `CubaLif(leak: beta, synapse_leak: alpha, reset: SoftAfterLeak, detach_reset:
///   true)`. It returns `v` and `j`, the values after the charge phase. With `reset_mechanism="zero"` it has no
///   equivalent here: there a spike also cuts the input of the next step.
/// - `LIFCell` of Norse: `CubaLif(leak: 1 - dt · tau_mem_inv, synapse_leak: 1 - dt · tau_syn_inv, decay_input:
///   true)`; `LIFRecurrentCell` is the same with a recurrent projection and `detach_reset: true`. Their `i` is that at
///   the end of the step, and their `v` is the potential after the reset, `V / leak`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CubaLif {
    /// Fraction of the membrane potential that is kept from step to step, in `(0, 1]`.
    pub leak: f32,
    /// Fraction of the synaptic current that is kept from step to step, in `[0, 1)`. With 0 this is [`super::Lif`].
    pub synapse_leak: f32,
    /// Membrane potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the synaptic current is multiplied by `1 - leak`.
    pub decay_input: bool,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for CubaLif {
    fn default() -> Self {
        Self {
            leak: 0.9,
            synapse_leak: 0.8,
            threshold: 1.0,
            reset: Reset::default(),
            decay_input: false,
            detach_reset: false,
            gradient: Part::new("Atan"),
        }
    }
}

impl NeuronModel for CubaLif {
    type State<F: Real> = [F; 2];

    fn state(&self) -> &'static [&'static str] {
        &["v", "i"]
    }

    fn rest<F: Real>(&self) -> [F; 2] {
        [F::from(0.0); 2]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v, i]: [F; 2], input: F) -> [F; 2] {
        let j = i + input;
        if self.decay_input { [v + j * (1.0 - self.leak).into(), j] } else { [v + j, j] }
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v, _]: [F; 2]) -> F {
        v - self.threshold.into()
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], [v, j]: [F; 2], spike: F) -> [F; 2] {
        [self.reset.apply(v, spike, self.threshold.into(), self.leak.into()), j * self.synapse_leak.into()]
    }

    fn equations(&self) -> String {
        let Self { leak, synapse_leak, threshold, reset, .. } = self;
        let input = input_equation(self.decay_input, *leak, "j");
        let reset = reset.equation_with_leak(*threshold, *leak);
        format!(
            "charge j = i + I, v = V + {input};  fire s = [v > {threshold}];  {reset};  synapse i = {synapse_leak} j;  \
             output s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Neuron};
    use super::*;
    use crate::surrogate::Atan;

    fn neuron(cuba: CubaLif) -> Neuron {
        Neuron::new("CubaLif", cuba, Gradient::surrogate(Atan::default()))
    }

    #[test]
    fn input_lives_on_in_the_synapse() {
        // j: 1, 0.5, 0.25; v: 1 (not above the threshold), 0.5 + 0.5 = 1 again, 0.5 + 0.25 + 1 = 1.75
        let cuba = CubaLif { leak: 0.5, synapse_leak: 0.5, ..CubaLif::default() };
        let rows = run(&neuron(cuba), &[], &[1.0, 0.0, 1.0]);
        assert_eq!(rows, [[0.0, 0.5, 0.5], [0.0, 0.5, 0.25], [1.0, 0.0, 0.625]]);
    }

    #[test]
    fn a_current_that_decays_is_weighted_with_what_leaks() {
        // j: 4, 2; v: 0.25 · 4 = 1; 0.75 + 0.25 · 2 = 1.25
        let cuba =
            CubaLif { leak: 0.75, synapse_leak: 0.5, decay_input: true, reset: Reset::Soft, ..CubaLif::default() };
        let rows = run(&neuron(cuba), &[], &[4.0, 0.0]);
        assert_eq!(rows, [[0.0, 0.75, 2.0], [1.0, 0.1875, 1.0]]);
    }
}
