//! How a spike resets the membrane potential and how the leak is applied, shared by all neurons with a reset.

use serde::{Deserialize, Serialize};

use crate::real::Real;

/// How a spike resets the membrane potential.
///
/// Each variant computes the membrane potential `V` after the step from the charged potential `v`, the spike `s` and
/// the leak. Neurons without a leak use a leak of 1, for which `Soft` and `SoftAfterLeak` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Reset {
    /// The potential is set to `to`: `V = leak · ((1 - s) · v + s · to)`. Called "zero" in snnTorch, `v_reset` in
    /// SpikingJelly and Norse.
    Hard {
        /// Membrane potential after a spike.
        #[serde(default)]
        to: f32,
    },
    /// The threshold is subtracted before the leak: `V = leak · (v - threshold · s)`. SpikingJelly with `v_reset=None`,
    /// `reset_subtract` in Norse.
    Soft,
    /// The threshold is subtracted after the leak: `V = leak · v - threshold · s`. Called "subtract" in snnTorch.
    SoftAfterLeak,
    /// No reset: `V = leak · v`. Called "none" in snnTorch.
    None,
}

impl Default for Reset {
    fn default() -> Self {
        Self::Hard { to: 0.0 }
    }
}

impl Reset {
    /// Computes the membrane potential after the step from the charged potential `v`.
    #[inline(always)]
    pub fn apply<F: Real>(self, v: F, spike: F, threshold: F, leak: F) -> F {
        // One formula for all variants, selected by factors of 0 and 1, so that loops over neurons have no branch.
        let factor = |holds: bool| F::from(f32::from(u8::from(holds)));
        let hard = factor(matches!(self, Self::Hard { .. }));
        let soft = factor(matches!(self, Self::Soft)) * threshold;
        let late = factor(matches!(self, Self::SoftAfterLeak)) * threshold;
        let to = F::from(self.start());
        ((F::from(1.0) - spike * hard) * v + spike * (to - soft)) * leak - spike * late
    }

    /// Initial membrane potential of a neuron whose leak is not towards 0: the potential after a hard reset, or 0 with
    /// other resets.
    pub fn start(self) -> f32 {
        match self {
            Self::Hard { to } => to,
            _ => 0.0,
        }
    }

    /// The equation of the reset as text, for a neuron without a leak.
    pub fn equation(self, threshold: f32) -> String {
        match self {
            Self::Hard { to } => format!("reset v = {to} where s"),
            Self::Soft | Self::SoftAfterLeak => format!("reset v = v - {threshold} s"),
            Self::None => "no reset".to_owned(),
        }
    }

    /// The equations of reset and leak as text, in the order of evaluation.
    pub fn equation_with_leak(self, threshold: f32, leak: f32) -> String {
        match self {
            Self::SoftAfterLeak => format!("leak v = {leak} v;  reset V = v - {threshold} s"),
            _ if leak == 1.0 => format!("{};  V = v (no leak)", self.equation(threshold)),
            _ => format!("{};  leak V = {leak} v", self.equation(threshold)),
        }
    }
}

/// The input as text, multiplied by `1 - leak` if `decay_input`.
pub(super) fn input_equation(decay_input: bool, leak: f32, input: &str) -> String {
    let gain = (1.0 - super::exact_leak(leak)) as f32;
    if decay_input { format!("{gain} {input}") } else { input.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The potential after the reset of a charged potential of 1.5, without and with a spike; threshold 1, leak 1/2.
    fn after(reset: Reset) -> (f64, f64) {
        (reset.apply(1.5, 0.0, 1.0, 0.5), reset.apply(1.5, 1.0, 1.0, 0.5))
    }

    #[test]
    fn a_reset_is_what_its_name_says() {
        assert_eq!(after(Reset::Hard { to: 0.0 }), (0.75, 0.0));
        assert_eq!(after(Reset::Hard { to: -0.5 }), (0.75, -0.25));
        assert_eq!(after(Reset::Soft), (0.75, 0.25));
        assert_eq!(after(Reset::SoftAfterLeak), (0.75, -0.25));
        assert_eq!(after(Reset::None), (0.75, 0.75));
    }

    #[test]
    fn the_equations_are_in_the_order_of_the_step() {
        assert_eq!(Reset::Soft.equation_with_leak(1.0, 0.9), "reset v = v - 1 s;  leak V = 0.9 v");
        assert_eq!(Reset::SoftAfterLeak.equation_with_leak(1.0, 0.9), "leak v = 0.9 v;  reset V = v - 1 s");
        assert_eq!(input_equation(true, 0.9, "I"), "0.1 I");
    }
}
