//! How error passes back through a neuron.

use serde::{Deserialize, Serialize};

use crate::surrogate::{Surrogate, SurrogateModel};

/// How error passes back through the neurons of a population.
#[derive(Debug, Clone)]
pub enum Gradient {
    /// Backpropagation through time, exact but for the spike, whose derivative is the surrogate's.
    Surrogate {
        /// The slope of a spike.
        surrogate: Surrogate,
        /// Whether no error passes back from the reset into the spike that caused it.
        detach_reset: bool,
    },
    /// The paper's rule, a function of spikes alone: `d(t) = C · g(t) / threshold` where the neuron spiked, else
    /// `d(t+1)`. Leak and state take no part. A neuron that never fires gathers error: `d(t) = d(t+1) + g(t) / threshold`.
    SpikeGated {
        /// Divisor of the error.
        threshold: f32,
        /// The leak correction `C`; 1 without.
        correction: Option<Correction>,
    },
    /// The derivative as it is, for neurons that do not fire.
    Exact,
}

impl Gradient {
    /// The surrogate gradient of `model`, with error passing through the reset.
    pub fn surrogate(model: impl SurrogateModel) -> Self {
        Self::Surrogate { surrogate: Surrogate::new(model), detach_reset: false }
    }

    /// The same gradient, with error kept from passing through the reset if `detach_reset`; no other gradient passes it
    /// in the first place.
    #[must_use]
    pub fn detached(self, detach_reset: bool) -> Self {
        match self {
            Self::Surrogate { surrogate, .. } => Self::Surrogate { surrogate, detach_reset },
            other => other,
        }
    }
}

/// What the leak correction of a neuron is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Leak of the neuron, in `(0, 1]`.
    pub leak: f32,
    /// What trace and count are taken of.
    pub trace: Trace,
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

/// The leak correction `C` of one neuron in one trial, from the leaky trace `Σ leak^(T-1-t) u(t)` and the count
/// `Σ u(t)` of its spikes: `[trace > 1e-3] + ln(leak) · trace / (count + [count < 1e-3])`.
///
/// A silent neuron gets 0; with leak 0.99 a firing one gets a factor in `[0.98995, 1)`.
pub fn correction(leak: f32, trace: f32, count: f32) -> f32 {
    let fired = f32::from(u8::from(trace > 1e-3));
    let guard = f32::from(u8::from(count < 1e-3));
    fired + leak.ln() * trace / (count + guard)
}

/// A leak in double precision, as it was written: the shortest decimal number that rounds to it. Traces are sums of its
/// powers, in which the rounding of 0.99 to single precision would show.
pub fn exact_leak(leak: f32) -> f64 {
    leak.to_string().parse().unwrap_or_else(|_| f64::from(leak))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correction_of_a_firing_neuron_is_a_little_below_1() {
        // One spike at the last step: trace 1, count 1.
        assert_eq!(correction(0.99, 1.0, 1.0), 1.0 + 0.99_f32.ln());
        assert_eq!(correction(0.99, 0.0, 0.0), 0.0);
        // Two spikes, at the last step and two before it: trace 1.25, count 2.
        assert_eq!(correction(0.5, 1.25, 2.0), 1.0 + 0.5_f32.ln() * 1.25 / 2.0);
    }

    #[test]
    fn a_trace_that_has_faded_gives_next_to_no_gradient() {
        let faded = correction(0.5, 5e-4, 1.0);
        assert!((-1e-3..0.0).contains(&faded), "{faded}");
        assert!(correction(0.5, 1e-3, 1.0) < 0.0, "the cut is strict");
    }

    #[test]
    fn the_exact_leak_is_the_number_that_was_written() {
        assert_eq!(exact_leak(0.99), 0.99);
    }
}
