//! Leaky integrate-and-fire neurons with a trained leak.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{Link, NeuronModel, Parameter, Per, Reset};
use crate::part::Part;
use crate::real::Real;

/// Parametric leaky integrate-and-fire neuron (PLIF): a [`super::Lif`] whose leak is trained (Fang et al.,
/// *Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks*, ICCV 2021).
///
/// 1. charge `v = V + gain · I`, where `gain` is 1, or `1 - leak` with `decay_input`
/// 2. fire `s = [v > threshold]`
/// 3. reset and leak as described at [`Reset`]
///
/// `V` starts at 0. The trained number is `w` in `leak = 1 / (1 + e^-w)`, so that the leak stays within `(0, 1)`. With
/// `learn_threshold` the threshold is also trained, without such a mapping.
///
/// Defaults: leak 0.5, threshold 1 and not trained, one leak for the population, hard reset to 0, gradient `Atan`.
///
/// # Equals
/// - `ParametricLIFNode(init_tau)` of SpikingJelly: `Plif(leak: 1 - 1/init_tau, decay_input: true)`. Its trained number
///   is `-w`, as its sigmoid gives `1/tau`. Its `v` is `V / leak`.
/// - `Leaky(beta, learn_beta=True)` of snnTorch: `Plif(leak: beta, reset: SoftAfterLeak, detach_reset: true)`; with
///   `learn_threshold=True` also `learn_threshold: true`. Gradients with respect to leak and threshold are the same.
///   snnTorch trains the leak itself, clamped to `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plif {
    /// Fraction of the membrane potential that is kept from step to step, before training; in `(0, 1)`.
    pub leak: f32,
    /// Membrane potential above which the neuron fires, greater than 0; its value before training if it is trained.
    pub threshold: f32,
    /// Whether the threshold is trained too.
    pub learn_threshold: bool,
    /// Which neurons share a trained value: all of the `Population`, those of a `Channel`, or none (one value per
    /// `Neuron`).
    pub per: Per,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the input is multiplied by `1 - leak`.
    pub decay_input: bool,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for Plif {
    fn default() -> Self {
        Self {
            leak: 0.5,
            threshold: 1.0,
            learn_threshold: false,
            per: Per::default(),
            reset: Reset::default(),
            decay_input: false,
            detach_reset: false,
            gradient: Part::new("Atan"),
        }
    }
}

impl Plif {
    /// The trained threshold (the second parameter) if there is one, else the constant. Has no branch, as it is called
    /// in loops over neurons.
    #[inline(always)]
    fn threshold<F: Real>(&self, p: &[F]) -> F {
        p.get(1).copied().unwrap_or(self.threshold.into())
    }
}

impl NeuronModel for Plif {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [F::from(0.0)]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, p: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        if self.decay_input { [v + input * (F::from(1.0) - p[0])] } else { [v + input] }
    }

    #[inline(always)]
    fn margin<F: Real>(&self, p: &[F], [v]: [F; 1]) -> F {
        v - self.threshold(p)
    }

    #[inline(always)]
    fn reset<F: Real>(&self, p: &[F], [v]: [F; 1], spike: F) -> [F; 1] {
        [self.reset.apply(v, spike, self.threshold(p), p[0])]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let leak = Parameter { name: "leak", initial: self.leak, link: Link::Sigmoid };
        let threshold = Parameter { name: "threshold", initial: self.threshold, link: Link::Identity };
        if self.learn_threshold { vec![leak, threshold] } else { vec![leak] }
    }

    fn per(&self) -> Per {
        self.per
    }

    fn equations(&self) -> String {
        let Self { leak, threshold, reset, .. } = self;
        let input = input_equation(self.decay_input, *leak, "I");
        let reset = reset.equation_with_leak(*threshold, *leak);
        let trained = if self.learn_threshold { "leak and threshold are trained" } else { "the leak is trained" };
        let trained = format!("{trained}{}", self.per.words());
        format!("charge v = V + {input};  fire s = [v > {threshold}];  {reset};  output s;  {trained}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Moment, Neuron};
    use super::*;
    use crate::surrogate::StraightThrough;

    fn neuron(plif: Plif) -> Neuron {
        Neuron::new("Plif", plif, Gradient::surrogate(StraightThrough {}))
    }

    #[test]
    fn it_steps_as_the_trained_leak_says() {
        // v: 0.25 · 4 = 1, which is not above the threshold; 0.75 + 1 = 1.75; 0 + 0.5
        let plif = Plif { decay_input: true, ..Plif::default() };
        let rows = run(&neuron(plif), &[0.75], &[4.0, 4.0, 2.0]);
        assert_eq!(rows, [[0.0, 0.75], [1.0, 0.0], [0.0, 0.375]]);
    }

    #[test]
    fn a_learned_threshold_takes_the_place_of_the_constant() {
        let plif = Plif { learn_threshold: true, reset: Reset::Soft, ..Plif::default() };
        assert_eq!(run(&neuron(plif), &[0.5, 2.0], &[2.0, 2.0]), [[0.0, 1.0], [1.0, 0.5]]);
    }

    #[test]
    fn error_reaches_leak_and_threshold() {
        // V = leak · v with v = V' + (1 - leak) · I = 1 + 0.5 · 2 = 2, which does not reach the threshold of 4. An error
        // of 1 in V: dV/dleak = v - leak · I = 1. An error of 1 in the spike: dx/dleak = -I = -2, dx/dthreshold = -1.
        let neuron = neuron(Plif { decay_input: true, learn_threshold: true, reset: Reset::None, ..Plif::default() });
        let moment = Moment { p: &[0.5, 4.0], before: &[1.0], input: &[2.0], output: &[0.0], correction: &[] };
        let (mut d_state, mut d_input, mut d_p) = ([1.0_f64], [0.0], [0.0; 2]);
        neuron.adjoint(moment, &[0.0], &mut d_state, &mut d_input, &mut d_p);
        assert_eq!((d_p, d_input, d_state), ([1.0, 0.0], [0.25], [0.5]));
        let (mut d_state, mut d_p) = ([0.0], [0.0; 2]);
        neuron.adjoint(moment, &[1.0], &mut d_state, &mut d_input, &mut d_p);
        assert_eq!((d_p, d_input, d_state), ([-2.0, -1.0], [0.5], [1.0]));
    }
}
