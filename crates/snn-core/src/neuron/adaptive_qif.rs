//! Quadratic integrate-and-fire neurons with adaptation.

use serde::{Deserialize, Serialize};

use super::qif::{distance, quadratic, quadratic_equation};
use super::{NeuronModel, Qif, Reset};
use crate::part::Part;
use crate::real::Real;

/// Quadratic integrate-and-fire neuron with an adaptation current `w`, which follows the membrane potential and jumps
/// with each spike. It is Izhikevich's neuron with potentials around 1 instead of millivolts.
///
/// 1. charge `v = V + (I + curvature · (V - rest) · (V - critical) - w) / tau`
/// 2. fire `s = [v > threshold]`
/// 3. adapt `w = w + (coupling · (v - rest) - w) / tau_w + jump · s`, from the membrane potential before its reset;
///    then reset `V` as described at [`Reset`], with a leak of 1
///
/// `V` starts at the potential after a hard reset, or at 0 with other resets; `w` starts at 0. With `detach_reset` no
/// error is backpropagated through `w` to the spikes either.
///
/// Defaults: those of [`Qif`], except rest -0.1, hard reset to 0, `tau_w` 2, coupling 0.2, jump 0.3.
///
/// # Equals
/// `IzhikevichNode` of SpikingJelly (coupling `a`, jump `b`, which default to 0 there), except for `detach_reset`: in
/// SpikingJelly it does not detach `w`. Its `v` and `w` are `V` and `w`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveQif {
    /// Time constant of the membrane in steps, at least 1.
    pub tau: f32,
    /// Resting potential: the membrane potential without input.
    pub rest: f32,
    /// Membrane potential above which it rises without input.
    pub critical: f32,
    /// Strength of the quadratic term, greater than 0.
    pub curvature: f32,
    /// Membrane potential above which the neuron fires.
    pub threshold: f32,
    /// Time constant of the adaptation in steps, at least 1.
    pub tau_w: f32,
    /// Adaptation current that a membrane potential of 1 above rest leads to.
    pub coupling: f32,
    /// What a spike adds to the adaptation current.
    pub jump: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether reset and adaptation are detached: no error is backpropagated through them to the spike that caused
    /// them.
    pub detach_reset: bool,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for AdaptiveQif {
    fn default() -> Self {
        let Qif { tau, critical, curvature, threshold, detach_reset, gradient, .. } = Qif::default();
        Self {
            tau,
            rest: -0.1,
            critical,
            curvature,
            threshold,
            tau_w: 2.0,
            coupling: 0.2,
            jump: 0.3,
            reset: Reset::default(),
            detach_reset,
            gradient,
        }
    }
}

impl AdaptiveQif {
    /// Returns the same neuron without adaptation.
    pub fn without_adaptation(&self) -> Qif {
        let Self { tau, rest, critical, curvature, threshold, reset, detach_reset, .. } = *self;
        Qif { tau, rest, critical, curvature, threshold, reset, detach_reset, gradient: self.gradient.clone() }
    }
}

impl NeuronModel for AdaptiveQif {
    type State<F: Real> = [F; 2];

    fn state(&self) -> &'static [&'static str] {
        &["v", "w"]
    }

    fn rest<F: Real>(&self) -> [F; 2] {
        [self.reset.start().into(), 0.0.into()]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v, w]: [F; 2], input: F) -> [F; 2] {
        let drift = quadratic(v, [self.rest, self.critical, self.curvature]);
        [v + (input + drift - w) / self.tau.into(), w]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v, _]: [F; 2]) -> F {
        v - self.threshold.into()
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], [v, w]: [F; 2], spike: F) -> [F; 2] {
        let drift = (v - self.rest.into()) * self.coupling.into() - w;
        let adapted = w + drift / self.tau_w.into() + spike * self.jump.into();
        [self.reset.apply(v, spike, self.threshold.into(), 1.0.into()), adapted]
    }

    fn equations(&self) -> String {
        let Self { tau, rest, critical, curvature, threshold, tau_w, coupling, jump, reset, .. } = self;
        let drift = quadratic_equation([*rest, *critical, *curvature]);
        let (distance, reset) = (distance("v", *rest), reset.equation(*threshold));
        format!(
            "charge v = V + (I + {drift} - w) / {tau};  fire s = [v > {threshold}];  \
             adapt w = w + ({coupling} {distance} - w) / {tau_w} + {jump} s;  {reset};  V = v;  output s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Neuron};
    use super::*;
    use crate::surrogate::Atan;

    #[test]
    fn adaptation_follows_the_membrane_and_jumps_with_each_spike() {
        // v: (2 + 0) / 2 = 1, which is not above the threshold; w = (0.5 · 1) / 2 = 0.25.
        // v: 1 + (1.25 + 1 · 0.5 - 0.25) / 2 = 1.75 > 1; w = 0.25 + (0.5 · 1.75 - 0.25) / 2 + 0.25 = 0.8125.
        // v: 0 + (0 - 0.8125) / 2 = -0.40625; w = 0.8125 + (0.5 · -0.40625 - 0.8125) / 2 = 0.3046875
        let neuron = AdaptiveQif { rest: 0.0, critical: 0.5, coupling: 0.5, jump: 0.25, ..AdaptiveQif::default() };
        let neuron = Neuron::new("AdaptiveQif", neuron, Gradient::surrogate(Atan::default()));
        let rows = run(&neuron, &[], &[2.0, 1.25, 0.0]);
        assert_eq!(rows, [[0.0, 1.0, 0.25], [1.0, 0.0, 0.8125], [0.0, -0.406_25, 0.304_687_5]]);
    }

    #[test]
    fn adaptation_is_towards_the_distance_from_rest() {
        // v: (2.5 + 1 · -0.5) / 2 = 1, which is not above the threshold; w = 0.5 · (1 + 1) / 2 = 0.5.
        let neuron = AdaptiveQif { rest: -1.0, critical: 0.5, coupling: 0.5, ..AdaptiveQif::default() };
        let neuron = Neuron::new("AdaptiveQif", neuron, Gradient::surrogate(Atan::default()));
        assert_eq!(run(&neuron, &[], &[2.5]), [[0.0, 1.0, 0.5]]);
    }
}
