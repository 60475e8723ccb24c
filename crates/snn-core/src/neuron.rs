//! Neuron models: how input current becomes spikes, and how error passes back.

use serde::{Deserialize, Serialize};

/// What a population's neurons do at each time step, once the current `I(t)` is summed. Membranes start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Neuron {
    /// Leaky integrate-and-fire with hard reset.
    ///
    /// `v(t) = V(t-1) + I(t)`; spike where `v > threshold` (strictly); reset `v` to 0 where it spiked;
    /// `V(t) = leak · v`. The leak comes last and acts at every step.
    Lif {
        /// Share of the membrane that is kept from step to step, in `(0, 1]`; `exp(-1/tau)` for a time constant of
        /// `tau` steps.
        #[serde(default = "default_leak")]
        leak: f32,
        /// Membrane potential above which the neuron fires, greater than 0.
        #[serde(default = "default_threshold")]
        threshold: f32,
        /// How error passes back through a spike.
        #[serde(default)]
        gradient: Gradient,
    },
    /// Integrate-and-fire without leak, as it follows an average pool.
    ///
    /// `v(t) = V(t-1) + I(t)`; spike where `v > threshold` (strictly); `V(t) = v`, or 0 where it spiked. Error passes
    /// unchanged through a spike: no leak correction, no division by the threshold.
    PoolIf {
        /// Membrane potential above which the neuron fires, greater than 0. Four un-scaled input spikes of a 2x2
        /// window exceed 0.75, three only reach it.
        #[serde(default = "default_pool_threshold")]
        threshold: f32,
    },
    /// Leaky integrator that never fires: `V(t) = leak · (V(t-1) + I(t))`; output `y = V(T-1) / threshold / T`.
    Readout {
        /// Share of the membrane that is kept from step to step, in `(0, 1]`.
        #[serde(default = "default_leak")]
        leak: f32,
        /// Divisor of the final membrane potential, greater than 0.
        #[serde(default = "default_threshold")]
        threshold: f32,
    },
}

/// How error passes back through the spikes of a [`Neuron::Lif`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Gradient {
    /// The leak-corrected rule: `d(t) = C · mask · g(t) / threshold` where the neuron spiked, else `d(t+1)`, with the
    /// per-neuron factor `C` of [`correction`].
    LeakCorrected {
        /// What the trace and the count behind `C` are taken of.
        #[serde(default)]
        trace: Trace,
    },
}

impl Default for Gradient {
    fn default() -> Self {
        Self::LeakCorrected { trace: Trace::default() }
    }
}

/// Where dropout stands with respect to the spike trace of the leak correction. The two differ only where the mask's
/// scale moves a trace across the 1e-3 at which the correction cuts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Trace {
    /// The trace counts spikes after dropout (the authors' VGG program).
    #[default]
    AfterDropout,
    /// The trace counts spikes before dropout (the authors' residual program).
    BeforeDropout,
}

impl Neuron {
    /// [`Neuron::Lif`] with the paper's constants: leak 0.99, threshold 1.
    pub fn lif() -> Self {
        Self::Lif { leak: default_leak(), threshold: default_threshold(), gradient: Gradient::default() }
    }

    /// [`Neuron::PoolIf`] with the paper's threshold of 0.75.
    pub fn pool_if() -> Self {
        Self::PoolIf { threshold: default_pool_threshold() }
    }

    /// [`Neuron::Readout`] with the paper's constants: leak 0.99, divisor 1.
    pub fn readout() -> Self {
        Self::Readout { leak: default_leak(), threshold: default_threshold() }
    }

    /// The name by which a RON file calls this neuron.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lif { .. } => "Lif",
            Self::PoolIf { .. } => "PoolIf",
            Self::Readout { .. } => "Readout",
        }
    }

    /// Factor on the membrane at the end of each step; 1 where there is no leak.
    pub fn leak(&self) -> f32 {
        match *self {
            Self::Lif { leak, .. } | Self::Readout { leak, .. } => leak,
            Self::PoolIf { .. } => 1.0,
        }
    }

    /// The leak in double precision, as it was written: the shortest decimal number that rounds to the leak. Traces are
    /// sums of its powers, in which the rounding of 0.99 to single precision would show.
    pub fn exact_leak(&self) -> f64 {
        self.leak().to_string().parse().unwrap_or_else(|_| f64::from(self.leak()))
    }

    /// Firing threshold; of a readout, the divisor of its output.
    pub fn threshold(&self) -> f32 {
        match *self {
            Self::Lif { threshold, .. } | Self::PoolIf { threshold } | Self::Readout { threshold, .. } => threshold,
        }
    }

    /// Whether the neuron emits spikes.
    pub fn fires(&self) -> bool {
        !matches!(self, Self::Readout { .. })
    }

    /// The update of one time step in words and symbols, in the order in which it happens.
    pub fn equations(&self) -> String {
        match *self {
            Self::Lif { leak, threshold, .. } => format!(
                "charge v = V + I;  fire s = [v > {threshold}];  reset v = 0 where s;  leak V = {leak} v;  output s (dropout mask on it)"
            ),
            Self::PoolIf { threshold } => {
                format!(
                    "charge v = V + I;  fire s = [v > {threshold}];  reset v = 0 where s;  V = v (no leak);  output s"
                )
            }
            Self::Readout { leak, threshold } => {
                format!(
                    "charge v = V + I;  leak V = {leak} v;  never fires;  class score V / {threshold} / T after the last step"
                )
            }
        }
    }
}

/// The leak correction `C` of one neuron in one trial, from the leaky trace `Σ leak^(T-1-t) u(t)` and the count
/// `Σ u(t)` of its spikes: `[trace > 1e-3] + ln(leak) · trace / (count + [count < 1e-3])`.
///
/// A silent neuron gets 0; with leak 0.99 a firing one gets a factor in `[0.98995, 1)`.
pub fn correction(leak: f32, trace: f32, count: f32) -> f32 {
    let fired = f32::from(u8::from(trace > 1e-3));
    let guard = f32::from(u8::from(count < 1e-3));
    fired + leak.ln() * trace / (count + guard)
}

fn default_leak() -> f32 {
    0.99
}

fn default_threshold() -> f32 {
    1.0
}

fn default_pool_threshold() -> f32 {
    0.75
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correction_of_a_firing_neuron_is_a_little_below_1() {
        // One spike at the last step: trace 1, count 1.
        assert_eq!(correction(0.99, 1.0, 1.0), 1.0 + 0.99_f32.ln());
        assert_eq!(correction(0.99, 0.0, 0.0), 0.0);
    }

    #[test]
    fn a_trace_that_has_faded_gives_next_to_no_gradient() {
        let faded = correction(0.5, 5e-4, 1.0);
        assert!((-1e-3..0.0).contains(&faded), "{faded}");
    }

    #[test]
    fn the_exact_leak_is_the_number_that_was_written() {
        assert_eq!(Neuron::lif().exact_leak(), 0.99);
    }
}
