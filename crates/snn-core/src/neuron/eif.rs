//! Exponential integrate-and-fire neurons.

use serde::{Deserialize, Serialize};

use super::qif::distance;
use super::{NeuronModel, Reset};
use crate::part::Part;
use crate::real::Real;

/// Exponential integrate-and-fire neuron (EIF): a leaky membrane with an exponential upstroke that sets in around
/// `rheobase` (Fourcaud-Trocmé, Hansel, van Vreeswijk and Brunel, *How spike generation mechanisms determine the
/// neuronal response to fluctuating inputs*, J. Neurosci. 2003).
///
/// 1. charge `v = V + (I + rest - V + sharpness · e^((V - rheobase) / sharpness)) / tau`
/// 2. fire `s = [v > threshold]`
/// 3. reset `V` as described at [`Reset`], with a leak of 1
///
/// `V` starts at the potential after a hard reset, or at 0 with other resets. With a soft reset, or none, strong input
/// makes the membrane potential grow without bound.
///
/// Defaults: tau 2, rest 0, rheobase 0.8, sharpness 1, threshold 1, hard reset to -0.1, gradient `Atan`.
///
/// # Equals
/// `EIFNode` of SpikingJelly: `Eif(tau, rest: v_rest, rheobase: theta_rh, sharpness: delta_T, threshold: v_threshold,
/// reset: Hard(to: v_reset))`; with `v_reset=None` the reset is `reset: Soft`. Its `v` is `V`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eif {
    /// Time constant in steps, at least 1.
    pub tau: f32,
    /// Resting potential, to which the membrane leaks.
    pub rest: f32,
    /// Membrane potential at which the exponential term is as large as `sharpness`.
    pub rheobase: f32,
    /// Membrane potential over which the exponential term grows by a factor e, greater than 0.
    pub sharpness: f32,
    /// Membrane potential above which the neuron fires.
    pub threshold: f32,
    /// How a spike resets the membrane potential.
    pub reset: Reset,
    /// Whether the reset is detached: no error is backpropagated through it to the spike that caused it.
    pub detach_reset: bool,
    /// A surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

impl Default for Eif {
    fn default() -> Self {
        Self {
            tau: 2.0,
            rest: 0.0,
            rheobase: 0.8,
            sharpness: 1.0,
            threshold: 1.0,
            reset: Reset::Hard { to: -0.1 },
            detach_reset: false,
            gradient: Part::new("Atan"),
        }
    }
}

impl NeuronModel for Eif {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [self.reset.start().into()]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        let upstroke = ((v - self.rheobase.into()) / self.sharpness.into()).exp() * self.sharpness.into();
        [v + (input + self.rest.into() - v + upstroke) / self.tau.into()]
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
        let Self { tau, rest, rheobase, sharpness, threshold, reset, .. } = self;
        let (leak, upstroke) = (distance("V", *rest), distance("V", *rheobase));
        let upstroke = match *sharpness {
            1.0 => format!("exp{}", if *rheobase == 0.0 { "(V)" } else { &upstroke }),
            sharpness => format!("{sharpness} exp({upstroke} / {sharpness})"),
        };
        let reset = reset.equation(*threshold);
        format!(
            "charge v = V + (I - {leak} + {upstroke}) / {tau};  fire s = [v > {threshold}];  {reset};  V = v;  output s"
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
    fn the_upstroke_is_sharpness_at_the_rheobase() {
        // Rheobase and rest 0.5, from 0.5: v = 0.5 + (I + 0 + 0.25 · e^0) / 2, so 0.75 of an input of 0.25;
        // then 0.75 + (0.5 - 0.25 + 0.25 · e^1) / 2 > 1; then from 0.5 again to the threshold of 1, which is not above it.
        let eif = Eif { rest: 0.5, rheobase: 0.5, sharpness: 0.25, reset: Reset::Hard { to: 0.5 }, ..Eif::default() };
        let neuron = Neuron::new("Eif", eif, Gradient::surrogate(Atan::default()));
        let rows = run(&neuron, &[], &[0.25, 0.5, 0.75]);
        assert_eq!(rows, [[0.0, 0.75], [1.0, 0.5], [0.0, 1.0]]);
        let below: Vec<[f64; 2]> = run(&neuron, &[], &[0.25, -0.25]);
        let expected = 0.5 + 0.125 * std::f64::consts::E;
        assert!(below[1][0] == 0.0 && (below[1][1] - expected).abs() < 1e-15, "{below:?}, {expected}");
    }

    #[test]
    fn equations_leave_out_what_changes_nothing() {
        let charge = |eif: Eif| eif.equations().split(';').next().unwrap_or_default().to_owned();
        assert_eq!(charge(Eif::default()), "charge v = V + (I - V + exp(V - 0.8)) / 2");
        let eif = Eif { rest: -0.5, sharpness: 0.25, ..Eif::default() };
        assert_eq!(charge(eif), "charge v = V + (I - (V + 0.5) + 0.25 exp((V - 0.8) / 0.25)) / 2");
    }
}
