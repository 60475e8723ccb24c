//! Quadratic integrate-and-fire neurons.

use serde::{Deserialize, Serialize};

use super::{NeuronModel, Reset};
use crate::part::Part;
use crate::real::Real;

/// Quadratic integrate-and-fire neuron (QIF): below `critical` the membrane potential relaxes to `rest`; above it, it
/// rises without input until the neuron fires (Gerstner, Kistler, Naud and Paninski, *Neuronal Dynamics*, 2014, section
/// 5.3).
///
/// 1. charge `v = V + (I + curvature · (V - rest) · (V - critical)) / tau`
/// 2. fire `s = [v > threshold]`
/// 3. reset `V` as described at [`Reset`], with a leak of 1
///
/// `V` starts at the potential after a hard reset, or at 0 with other resets. With a soft reset, or none, strong input
/// makes the membrane potential grow without bound.
///
/// Defaults: tau 2, rest 0, critical 0.8, curvature 1, threshold 1, hard reset to -0.1, gradient `Atan`.
///
/// # Equals
/// `QIFNode` of SpikingJelly: `Qif(tau, rest: v_rest, critical: v_c, curvature: a0, threshold: v_threshold, reset:
/// Hard(to: v_reset))`; with `v_reset=None` the reset is `reset: Soft`. Its `v` is `V`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Qif {
    /// Time constant in steps, at least 1.
    pub tau: f32,
    /// Resting potential: the membrane potential without input.
    pub rest: f32,
    /// Membrane potential above which it rises without input.
    pub critical: f32,
    /// Strength of the quadratic term, greater than 0.
    pub curvature: f32,
    /// Membrane potential above which the neuron fires.
    pub threshold: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for Qif {
    fn default() -> Self {
        Self {
            tau: 2.0,
            rest: 0.0,
            critical: 0.8,
            curvature: 1.0,
            threshold: 1.0,
            reset: Reset::Hard { to: -0.1 },
            detach_reset: false,
            gradient: Part::new("Atan"),
        }
    }
}

/// Computes `curvature · (v - rest) · (v - critical)`.
#[inline(always)]
pub(super) fn quadratic<F: Real>(v: F, [rest, critical, curvature]: [f32; 3]) -> F {
    (v - rest.into()) * (v - critical.into()) * curvature.into()
}

/// `curvature · (V - rest) · (V - critical)` as text, with the values filled in.
pub(super) fn quadratic_equation([rest, critical, curvature]: [f32; 3]) -> String {
    let factor = if curvature == 1.0 { String::new() } else { format!("{curvature} ") };
    format!("{factor}{} {}", distance("V", rest), distance("V", critical))
}

/// `v - from` as text, in brackets unless `from` is 0.
pub(super) fn distance(v: &str, from: f32) -> String {
    if from == 0.0 {
        v.to_owned()
    } else if from < 0.0 {
        format!("({v} + {})", -from)
    } else {
        format!("({v} - {from})")
    }
}

impl NeuronModel for Qif {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [self.reset.start().into()]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        [v + (input + quadratic(v, [self.rest, self.critical, self.curvature])) / self.tau.into()]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v - self.threshold.into()
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], [v]: [F; 1], spike: F) -> [F; 1] {
        [self.reset.apply(v, spike, self.threshold.into(), 1.0.into())]
    }

    fn equations(&self) -> String {
        let Self { tau, rest, critical, curvature, threshold, reset, .. } = self;
        let drift = quadratic_equation([*rest, *critical, *curvature]);
        let reset = reset.equation(*threshold);
        format!("charge v = V + (I + {drift}) / {tau};  fire s = [v > {threshold}];  {reset};  V = v;  output s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::super::{Gradient, Neuron};
    use super::*;
    use crate::surrogate::Atan;

    #[test]
    fn above_the_critical_potential_the_membrane_rises_by_itself() {
        // v: 0 + (1.5 + 0 · (-0.5)) / 2 = 0.75; 0.75 + (0 + 0.75 · 0.25) / 2 = 0.84375;
        // 0.84375 + (0.01953125 + 0.84375 · 0.34375) / 2 = 0.99853515625; and once more, without input, above 1.
        let qif = Qif { critical: 0.5, reset: Reset::default(), ..Qif::default() };
        let neuron = Neuron::new("Qif", qif, Gradient::surrogate(Atan::default()));
        let rows = run(&neuron, &[], &[1.5, 0.0, 0.019_531_25, 0.0, 2.0, 0.5]);
        // After the spike: 0 + 2 / 2 = 1, which is not above the threshold; 1 + (0.5 + 1 · 0.5) / 2 = 1.5
        let expected = [[0.0, 0.75], [0.0, 0.843_75], [0.0, 0.998_535_156_25], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]];
        assert_eq!(rows, expected);
    }

    #[test]
    fn the_curvature_weighs_the_product_of_both_distances() {
        assert_eq!(quadratic(3.0_f32, [1.0, 0.5, 0.25]), 0.25 * 2.0 * 2.5);
    }

    #[test]
    fn it_starts_where_a_hard_reset_leaves_it() {
        assert_eq!(NeuronModel::rest::<f32>(&Qif::default()), [-0.1]);
        assert_eq!(NeuronModel::rest::<f32>(&Qif { reset: Reset::Soft, ..Qif::default() }), [0.0]);
    }

    #[test]
    fn the_equations_leave_out_what_is_0_or_1() {
        let text = Qif { critical: -0.5, ..Qif::default() }.equations();
        assert!(text.starts_with("charge v = V + (I + V (V + 0.5)) / 2;  fire s = [v > 1];  reset v = -0.1"), "{text}");
    }
}
