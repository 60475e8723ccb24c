//! Leaky integrate-and-fire neurons with an adaptive threshold.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{Link, NeuronModel, Parameter, Per, Reset};
use crate::part::Part;
use crate::real::Real;

/// Adaptive leaky integrate-and-fire neuron (ALIF), used in LSNNs: each spike raises the threshold, which then decays
/// back (Bellec, Salaj, Subramoney, Legenstein and Maass, *Long short-term memory and learning-to-learn in networks of
/// spiking neurons*, 2018).
///
/// 1. charge `j = synapse_leak · i + I`, then `v = V + gain · j`, or `V + gain · i` with `delay`, where `gain` is 1, or
///    `1 - leak` with `decay_input`
/// 2. fire `s = [v > threshold + adaptation · a]`
/// 3. reset and leak of the membrane as described at [`Reset`], where a soft reset subtracts `threshold` without the
///    adaptation; `a = adaptation_leak · a + s`; `i = j`
///
/// `V`, `a` and `i` start at 0. With `detach_reset` no error is backpropagated through the adaptation `a` to the spikes
/// either.
///
/// Defaults: leak 0.9, threshold 1, adaptation 0.2, `adaptation_leak` 0.98, no synapse (`synapse_leak` 0), no delay, hard
/// reset to 0, gradient `Atan`. Bellec et al. weight the spike in `a` with `1 - adaptation_leak`; their factor `β` is
/// `adaptation / (1 - adaptation_leak)`.
///
/// # Equals
/// `LSNNCell` of Norse, with `rho = 1 - dt · tau_adapt_inv`:
/// `Alif(leak: 1 - dt · tau_mem_inv, adaptation: rho · beta, adaptation_leak: rho, delay: true, decay_input: true)` with a
/// `synapse_leak` of `1 - dt · tau_syn_inv`. Norse lets the threshold decay before the spike and not after it, hence the
/// factor `rho`. Its `b` is `v_th + beta · a`, and its `v` is `V / leak`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "choices that are made independently")]
pub struct Alif {
    /// Fraction of the membrane potential that is kept from step to step, in `(0, 1]`.
    pub leak: f32,
    /// Threshold of a neuron that has not fired, greater than 0.
    pub threshold: f32,
    /// How much a spike raises the threshold of the next step, at least 0.
    pub adaptation: f32,
    /// Fraction of the raise that is kept from step to step, in `(0, 1]`.
    pub adaptation_leak: f32,
    /// Fraction of the synaptic current that is kept from step to step, in `[0, 1)`; 0 for no synaptic current.
    pub synapse_leak: f32,
    /// Whether the membrane is charged with the synaptic current of the previous step.
    pub delay: bool,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the synaptic current is multiplied by `1 - leak`.
    pub decay_input: bool,
    /// Whether reset and adaptation are detached: no error is backpropagated through them to the spike that caused
    /// them.
    pub detach_reset: bool,
    /// Whether the threshold is trained. Requires a surrogate gradient.
    pub learn_threshold: bool,
    /// Which neurons share a trained value: all of the `Population`, those of a `Channel`, or none (one value per
    /// `Neuron`).
    pub per: Per,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for Alif {
    fn default() -> Self {
        Self {
            leak: 0.9,
            threshold: 1.0,
            adaptation: 0.2,
            adaptation_leak: 0.98,
            synapse_leak: 0.0,
            delay: false,
            reset: Reset::default(),
            decay_input: false,
            detach_reset: false,
            learn_threshold: false,
            per: Per::default(),
            gradient: Part::new("Atan"),
        }
    }
}

impl Alif {
    /// The trained threshold if there is one, else the constant. Has no branch, as it is called in loops over neurons.
    #[inline(always)]
    fn threshold<F: Real>(&self, p: &[F]) -> F {
        p.first().copied().unwrap_or(self.threshold.into())
    }
}

impl NeuronModel for Alif {
    type State<F: Real> = [F; 3];

    fn state(&self) -> &'static [&'static str] {
        &["v", "a", "i"]
    }

    fn rest<F: Real>(&self) -> [F; 3] {
        [F::from(0.0); 3]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v, a, i]: [F; 3], input: F) -> [F; 3] {
        let j = i * self.synapse_leak.into() + input;
        let current = if self.delay { i } else { j };
        if self.decay_input { [v + current * (1.0 - self.leak).into(), a, j] } else { [v + current, a, j] }
    }

    #[inline(always)]
    fn margin<F: Real>(&self, p: &[F], [v, a, _]: [F; 3]) -> F {
        v - (a * self.adaptation.into() + self.threshold(p))
    }

    #[inline(always)]
    fn reset<F: Real>(&self, p: &[F], [v, a, j]: [F; 3], spike: F) -> [F; 3] {
        let v = self.reset.apply(v, spike, self.threshold(p), self.leak.into());
        [v, a * self.adaptation_leak.into() + spike, j]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let threshold = Parameter { name: "threshold", initial: self.threshold, link: Link::Identity };
        if self.learn_threshold { vec![threshold] } else { Vec::new() }
    }

    fn per(&self) -> Per {
        self.per
    }

    fn equations(&self) -> String {
        let Self { leak, threshold, adaptation, adaptation_leak, synapse_leak, reset, .. } = self;
        let current = match (self.delay, *synapse_leak == 0.0) {
            (true, _) => "i",
            (false, true) => "I",
            (false, false) => "j",
        };
        let synapse = if current == "I" { String::new() } else { format!("j = {synapse_leak} i + I, ") };
        let input = input_equation(self.decay_input, *leak, current);
        let reset = reset.equation_with_leak(*threshold, *leak);
        let trained = if self.learn_threshold {
            format!(";  the threshold is trained{}", self.per.words())
        } else {
            String::new()
        };
        let next = if current == "I" { "" } else { ", i = j" };
        format!(
            "charge {synapse}v = V + {input};  fire s = [v > {threshold} + {adaptation} a];  {reset};  \
             adapt a = {adaptation_leak} a + s{next};  output s{trained}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Neuron};
    use super::*;
    use crate::surrogate::Atan;

    fn neuron(alif: Alif) -> Neuron {
        Neuron::new("Alif", alif, Gradient::surrogate(Atan::default()))
    }

    #[test]
    fn a_spike_raises_the_threshold_until_it_relaxes() {
        // Threshold 1 + a / 2. The leak keeps half of the membrane potential after a step without a spike.
        let alif = Alif { leak: 0.5, adaptation: 0.5, adaptation_leak: 0.5, ..Alif::default() };
        let rows = run(&neuron(alif), &[], &[1.5, 1.5, 1.0]);
        assert_eq!(rows, [[1.0, 0.0, 1.0, 1.5], [0.0, 0.75, 0.5, 1.5], [1.0, 0.0, 1.25, 1.0]]);
    }

    #[test]
    fn a_delayed_current_acts_one_step_later() {
        // i: 2, 1, 0.5; v: 0, 2 > 1, 0 + 1 = 1, which is not above 1.5
        let alif = Alif {
            leak: 0.5,
            adaptation: 0.5,
            adaptation_leak: 0.5,
            synapse_leak: 0.5,
            delay: true,
            ..Alif::default()
        };
        let rows = run(&neuron(alif), &[], &[2.0, 0.0, 0.0]);
        assert_eq!(rows, [[0.0, 0.0, 0.0, 2.0], [1.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 0.5]]);
    }

    #[test]
    fn an_input_that_decays_is_weighted_with_what_leaks() {
        let alif = Alif { leak: 0.75, decay_input: true, ..Alif::default() };
        assert_eq!(run(&neuron(alif), &[], &[2.0]), [[0.0, 0.375, 0.0, 2.0]]);
    }

    #[test]
    fn the_equations_name_a_synapse_only_where_there_is_one() {
        let text = Alif::default().equations();
        assert_eq!(
            text,
            "charge v = V + I;  fire s = [v > 1 + 0.2 a];  reset v = 0 where s;  leak V = 0.9 v;  adapt a = 0.98 a + s;  \
             output s"
        );
    }
}
