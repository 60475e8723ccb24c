//! How error is backpropagated through a neuron.

use serde::{Deserialize, Serialize};

use crate::surrogate::{Surrogate, SurrogateModel};

/// How error is backpropagated through the neurons of a population.
#[derive(Debug, Clone)]
pub enum Gradient {
    /// Backpropagation through time. All derivatives are exact except that of the spike, which is the surrogate's.
    Surrogate {
        /// Stands in for the derivative of the spike.
        surrogate: Surrogate,
        /// Whether no error is backpropagated through the reset to the spike that caused it.
        detach_reset: bool,
    },
    /// A spike-gated gradient, which depends only on spikes; the paper's rule is one. With `g(t)` the error of the
    /// output, `d(t) = C · g(t) / threshold` where the neuron spiked, else `d(t+1)`. Leak and state do not enter. A
    /// neuron that never fires accumulates error: `d(t) = d(t+1) + g(t) / threshold`.
    SpikeGated {
        /// Divisor of the error.
        threshold: f32,
        /// The leak correction `C`; if `None`, `C` is 1.
        correction: Option<Correction>,
    },
    /// The exact derivative, for neurons that do not fire.
    Exact,
}

impl Gradient {
    /// Creates the surrogate gradient of `model`. Error is backpropagated through the reset.
    pub fn surrogate(model: impl SurrogateModel) -> Self {
        Self::Surrogate { surrogate: Surrogate::new(model), detach_reset: false }
    }

    /// Returns the same gradient, without error through the reset if `detach_reset`. Other gradients than surrogates
    /// are returned unchanged: they never pass error through the reset.
    #[must_use]
    pub fn detached(self, detach_reset: bool) -> Self {
        match self {
            Self::Surrogate { surrogate, .. } => Self::Surrogate { surrogate, detach_reset },
            other => other,
        }
    }
}

/// Settings of a neuron's leak correction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Leak of the neuron, in `(0, 1]`.
    pub leak: f32,
    /// Which spikes the trace and the count are computed from.
    pub trace: Trace,
}

/// Whether the spike trace of the leak correction is computed before or after dropout. The two differ only if the scale
/// of the dropout mask moves a trace across 1e-3, the value at which the correction cuts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Trace {
    /// The trace counts spikes after dropout (the authors' VGG program).
    #[default]
    AfterDropout,
    /// The trace counts spikes before dropout (the authors' residual program).
    BeforeDropout,
}

/// Computes the leak correction `C` of one neuron in one trial from the leaky trace `Σ leak^(T-1-t) u(t)` of its spikes
/// `u` and their count `Σ u(t)`: `C = [trace > 1e-3] + ln(leak) · trace / (count + [count < 1e-3])`.
///
/// The correction of a silent neuron is 0. With leak 0.99 that of a firing neuron is in `[0.98995, 1)`.
pub fn correction(leak: f32, trace: f32, count: f32) -> f32 {
    let fired = f32::from(u8::from(trace > 1e-3));
    let guard = f32::from(u8::from(count < 1e-3));
    fired + leak.ln() * trace / (count + guard)
}

/// Converts a leak to the double-precision number that its author wrote: the shortest decimal that rounds to the given
/// `f32`. Traces are sums of powers of the leak, in which the single-precision rounding of 0.99 would show.
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
