//! Leaky integrate-and-fire neurons, with and without leak.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{Correction, Gradient, Link, Neuron, NeuronModel, Parameter, Per, PlainLif, Reset, Trace};
use crate::part::Part;
use crate::real::Real;
use crate::surrogate::SurrogateModel;

/// Leaky integrate-and-fire neuron (LIF).
///
/// 1. charge `v = V + gain · I`, where `gain` is 1, or `1 - leak` with `decay_input`
/// 2. fire `s = [v > threshold]`
/// 3. reset and leak `V = leak · ((1 - s) · v + s · to)` (`Hard`), `leak · (v - threshold · s)` (`Soft`),
///    `leak · v - threshold · s` (`SoftAfterLeak`) or `leak · v` (`None`)
///
/// `V` starts at 0, so applying the leak at the end of a step is the same as applying it at the start of the next. The
/// defaults are the paper's neuron: leak 0.99, threshold 1, hard reset to 0, leak-corrected gradient.
///
/// # Equals
/// - `Leaky(beta)` of snnTorch: `Lif(leak: beta, reset: SoftAfterLeak, detach_reset: true)`. With `reset_mechanism`
///   "zero" the reset is `Hard()`, with "none" it is `None`. `mem` of snnTorch is `v`. With `reset_delay=False` the
///   reset is `Soft` or `Hard()` with `detach_reset: false`, and `mem` is the potential after the reset (with
///   "subtract" only while that does not exceed the threshold).
/// - `LIFNode(tau)` of SpikingJelly: `Lif(leak: 1 - 1/tau, decay_input: true)`, with `v_reset=None` also `reset: Soft`.
///   Its `v` is the potential after the reset, `V / leak`. Its leak is towards `v_reset`: if `v_reset` is not 0, use
///   `threshold: v_threshold - v_reset`; the membrane potential is then lower by `v_reset`.
/// - `LIFBoxCell` of Norse: `Lif(leak: 1 - dt · tau_mem_inv, decay_input: true)`. Its `v_leak` shifts threshold and
///   reset in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lif {
    /// Fraction of the membrane potential that is kept from step to step, in `(0, 1]`; `exp(-1/tau)` for a time
    /// constant of `tau` steps.
    pub leak: f32,
    /// Membrane potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the input is multiplied by `1 - leak`.
    pub decay_input: bool,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// Whether the threshold is trained. Requires a surrogate gradient.
    pub learn_threshold: bool,
    /// Which neurons share a trained value: all of the `Population`, those of a `Channel`, or none (one value per
    /// `Neuron`).
    pub per: Per,
    /// `LeakCorrected(trace: ...)`, the paper's rule, or a surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for Lif {
    fn default() -> Self {
        Self {
            leak: 0.99,
            threshold: 1.0,
            reset: Reset::default(),
            decay_input: false,
            detach_reset: false,
            learn_threshold: false,
            per: Per::default(),
            gradient: Part::new("LeakCorrected"),
        }
    }
}

impl Lif {
    /// Creates this neuron with the gradient of the paper's rule.
    pub fn leak_corrected(self) -> Neuron {
        let gradient = self.correction(Trace::default());
        let lif = Self { gradient: Part::new("LeakCorrected"), ..self };
        Neuron::written("Lif", &lif, lif.clone(), gradient)
    }

    /// The gradient of the paper's rule for this neuron's leak and threshold.
    pub(crate) fn correction(&self, trace: Trace) -> Gradient {
        let correction = Some(Correction { leak: self.leak, trace });
        Gradient::SpikeGated { threshold: self.threshold, correction }
    }
}

impl Lif {
    /// The trained threshold if there is one, else the constant. Has no branch, as it is called in loops over neurons.
    #[inline(always)]
    fn threshold<F: Real>(&self, p: &[F]) -> F {
        p.first().copied().unwrap_or(self.threshold.into())
    }
}

impl NeuronModel for Lif {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [F::from(0.0)]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        if self.decay_input { [v + input * (1.0 - self.leak).into()] } else { [v + input] }
    }

    #[inline(always)]
    fn margin<F: Real>(&self, p: &[F], [v]: [F; 1]) -> F {
        v - self.threshold(p)
    }

    #[inline(always)]
    fn reset<F: Real>(&self, p: &[F], [v]: [F; 1], spike: F) -> [F; 1] {
        [self.reset.apply(v, spike, self.threshold(p), self.leak.into())]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let threshold = Parameter { name: "threshold", initial: self.threshold, link: Link::Identity };
        if self.learn_threshold { vec![threshold] } else { Vec::new() }
    }

    fn per(&self) -> Per {
        self.per
    }

    fn equations(&self) -> String {
        let Self { leak, threshold, reset, .. } = self;
        let input = input_equation(self.decay_input, *leak, "I");
        let reset = reset.equation_with_leak(*threshold, *leak);
        let trained = if self.learn_threshold {
            format!(";  the threshold is trained{}", self.per.words())
        } else {
            String::new()
        };
        format!("charge v = V + {input};  fire s = [v > {threshold}];  {reset};  output s{trained}")
    }

    fn as_plain_lif(&self) -> Option<PlainLif> {
        let is_plain = self.reset == Reset::default() && !self.decay_input && !self.learn_threshold;
        is_plain.then_some(PlainLif { leak: self.leak, threshold: self.threshold })
    }
}

/// Integrate-and-fire neuron: [`Lif`] without leak.
///
/// # Equals
/// `IFNode` of SpikingJelly; its `v_reset=None` is `reset: Soft`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct If {
    /// Membrane potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// `LeakCorrected(trace: ...)`, the paper's rule, or a surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for If {
    fn default() -> Self {
        Self { threshold: 1.0, reset: Reset::default(), detach_reset: false, gradient: Part::new("Atan") }
    }
}

impl If {
    /// Returns the same neuron as a [`Lif`] of leak 1.
    pub fn as_lif(&self) -> Lif {
        let Self { threshold, reset, detach_reset, gradient } = self.clone();
        Lif { leak: 1.0, threshold, reset, detach_reset, gradient, ..Lif::default() }
    }

    /// Creates this neuron with a surrogate gradient.
    pub fn surrogate(self, surrogate: impl SurrogateModel) -> Neuron {
        let gradient = Gradient::surrogate(surrogate).detached(self.detach_reset);
        Neuron::written("If", &self, self.as_lif(), gradient)
    }
}

/// The paper's integrate-and-fire neuron after an average pool: hard reset, no leak, and a spike-gated gradient that
/// passes error unchanged through a spike, without leak correction and without division by the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolIf {
    /// Membrane potential above which the neuron fires, greater than 0. Four unscaled input spikes of a 2x2 window
    /// exceed the default of 0.75; three only reach it.
    pub threshold: f32,
}

impl Default for PoolIf {
    fn default() -> Self {
        Self { threshold: 0.75 }
    }
}

impl PoolIf {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        let lif = If { threshold: self.threshold, ..If::default() }.as_lif();
        Neuron::written("PoolIf", &self, lif, Gradient::SpikeGated { threshold: 1.0, correction: None })
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::*;
    use crate::surrogate::Atan;

    fn neuron(reset: Reset, decay_input: bool) -> Neuron {
        Lif { leak: 0.5, reset, decay_input, ..Lif::default() }.surrogate(Atan::default())
    }

    #[test]
    fn a_hard_reset_forgets_the_excess() {
        // v: 1 (at the threshold, which is not above it); 0.5 + 1; 0 + 0.5
        let rows = run(&neuron(Reset::default(), false), &[], &[1.0, 1.0, 0.5]);
        assert_eq!(rows, [[0.0, 0.5], [1.0, 0.0], [0.0, 0.25]]);
    }

    #[test]
    fn a_soft_reset_keeps_the_excess() {
        // v: 1.5; 0.25 + 1; 0.125 + 0.5
        let rows = run(&neuron(Reset::Soft, false), &[], &[1.5, 1.0, 0.5]);
        assert_eq!(rows, [[1.0, 0.25], [1.0, 0.125], [0.0, 0.3125]]);
    }

    #[test]
    fn a_soft_reset_after_the_leak_takes_the_whole_threshold() {
        // v: 1.5; 0.75 - 1 + 1 = 0.75; 0.375 + 0.75 = 1.125
        let rows = run(&neuron(Reset::SoftAfterLeak, false), &[], &[1.5, 1.0, 0.75]);
        assert_eq!(rows, [[1.0, -0.25], [0.0, 0.375], [1.0, -0.4375]]);
    }

    #[test]
    fn input_that_decays_is_weighted_with_what_leaks() {
        // v: 0.5 · 2 = 1; 0.5 + 1
        let rows = run(&neuron(Reset::None, true), &[], &[2.0, 2.0]);
        assert_eq!(rows, [[0.0, 0.5], [1.0, 0.75]]);
    }

    #[test]
    fn a_pool_neuron_fires_above_its_own_threshold() {
        let rows = run(&PoolIf { threshold: 0.25 }.neuron(), &[], &[0.25, 0.25]);
        assert_eq!(rows, [[0.0, 0.25], [1.0, 0.0]]);
    }

    #[test]
    fn equations_have_the_constants_filled_in() {
        let text = Lif { leak: 0.9, decay_input: true, ..Lif::default() }.equations();
        assert_eq!(text, "charge v = V + 0.1 I;  fire s = [v > 1];  reset v = 0 where s;  leak V = 0.9 v;  output s");
    }
}
