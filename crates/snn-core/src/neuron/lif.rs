//! Leaky integrate-and-fire, and integrate-and-fire, which is the same without leak.

use serde::{Deserialize, Serialize};

use super::{Correction, Gradient, Neuron, NeuronModel, PlainLif, Trace};
use crate::registry::Part;
use crate::{Real, SurrogateModel};

/// Leaky integrate-and-fire.
///
/// 1. charge `v = V + gain · I`, where `gain` is 1, or `1 - leak` with `decay_input`
/// 2. fire `s = [v > threshold]`
/// 3. reset `v = (1 - s) · v + s · to` (hard), `v - threshold · s` (soft), or `v` (none)
/// 4. leak `V = leak · v`
///
/// A leak at the end of a step or at the start of the next is the same thing, as `V` starts at 0 (but for a hard reset to
/// another value than 0, which here leaks before it meets the next input). The defaults are the paper's neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lif {
    /// Share of the membrane that is kept from step to step, in `(0, 1]`; `exp(-1/tau)` for a time constant of `tau`
    /// steps.
    pub leak: f32,
    /// Membrane potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// What a spike does to the membrane.
    pub reset: Reset,
    /// Whether the input is weighted with `1 - leak`.
    pub decay_input: bool,
    /// Whether no error passes back from the reset into the spike that caused it.
    pub detach_reset: bool,
    /// `LeakCorrected(trace: ...)`, the paper's rule, or a surrogate such as `Atan(alpha: 2.0)`.
    pub gradient: Part,
}

/// What a spike does to the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Reset {
    /// The membrane is set to `to`.
    Hard {
        /// Membrane potential after a spike.
        #[serde(default)]
        to: f32,
    },
    /// The threshold is subtracted.
    Soft,
    /// Nothing.
    None,
}

impl Default for Reset {
    fn default() -> Self {
        Self::Hard { to: 0.0 }
    }
}

impl Reset {
    /// The membrane potential `v` after `spike`.
    #[inline(always)]
    pub fn apply<F: Real>(self, v: F, spike: F, threshold: F) -> F {
        match self {
            Self::Hard { to: 0.0 } => (F::from(1.0) - spike) * v,
            Self::Hard { to } => (F::from(1.0) - spike) * v + spike * to.into(),
            Self::Soft => v - spike * threshold,
            Self::None => v,
        }
    }

    /// The reset in symbols.
    pub fn equation(self, threshold: f32) -> String {
        match self {
            Self::Hard { to } => format!("reset v = {to} where s"),
            Self::Soft => format!("reset v = v - {threshold} s"),
            Self::None => "no reset".to_owned(),
        }
    }
}

impl Default for Lif {
    fn default() -> Self {
        Self {
            leak: 0.99,
            threshold: 1.0,
            reset: Reset::default(),
            decay_input: false,
            detach_reset: false,
            gradient: Part::new("LeakCorrected"),
        }
    }
}

impl Lif {
    /// This neuron with the paper's gradient.
    pub fn leak_corrected(self) -> Neuron {
        let gradient = self.correction(Trace::default());
        Neuron::new("Lif", self, gradient)
    }

    /// This neuron with a surrogate gradient.
    pub fn surrogate(self, surrogate: impl SurrogateModel) -> Neuron {
        let gradient = Gradient::surrogate(surrogate).detached(self.detach_reset);
        Neuron::new("Lif", self, gradient)
    }

    /// The paper's gradient for this neuron's leak and threshold.
    pub(crate) fn correction(&self, trace: Trace) -> Gradient {
        let correction = Some(Correction { leak: self.leak, trace });
        Gradient::SpikeGated { threshold: self.threshold, correction }
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
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v - self.threshold.into()
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], [v]: [F; 1], spike: F) -> [F; 1] {
        [self.reset.apply(v, spike, self.threshold.into()) * self.leak.into()]
    }

    fn equations(&self) -> String {
        let Self { leak, threshold, reset, .. } = self;
        let gain = if self.decay_input { format!("{} I", 1.0 - leak) } else { "I".to_owned() };
        let leak = if *leak == 1.0 { "V = v (no leak)".to_owned() } else { format!("leak V = {leak} v") };
        format!(
            "charge v = V + {gain};  fire s = [v > {threshold}];  {};  {leak};  output s",
            reset.equation(*threshold)
        )
    }

    fn as_plain_lif(&self) -> Option<PlainLif> {
        let is_plain = self.reset == Reset::default() && !self.decay_input;
        is_plain.then_some(PlainLif { leak: self.leak, threshold: self.threshold })
    }
}

/// Integrate-and-fire: [`Lif`] without leak.
///
/// `IFNode` of SpikingJelly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct If {
    /// Membrane potential above which the neuron fires, greater than 0.
    pub threshold: f32,
    /// What a spike does to the membrane.
    pub reset: Reset,
    /// Whether no error passes back from the reset into the spike that caused it.
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
    /// The same neuron as a [`Lif`] of leak 1.
    pub fn as_lif(&self) -> Lif {
        let Self { threshold, reset, detach_reset, gradient } = self.clone();
        Lif { leak: 1.0, threshold, reset, decay_input: false, detach_reset, gradient }
    }
}

/// Integrate-and-fire as it follows an average pool in the paper: hard reset, no leak, and error passes unchanged through
/// a spike, without correction and without division by the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolIf {
    /// Membrane potential above which the neuron fires, greater than 0. Four un-scaled input spikes of a 2x2 window
    /// exceed 0.75, three only reach it.
    pub threshold: f32,
}

impl Default for PoolIf {
    fn default() -> Self {
        Self { threshold: 0.75 }
    }
}

impl PoolIf {
    /// The neuron.
    pub fn neuron(self) -> Neuron {
        let lif = If { threshold: self.threshold, ..If::default() }.as_lif();
        Neuron::new("PoolIf", lif, Gradient::SpikeGated { threshold: 1.0, correction: None })
    }
}
