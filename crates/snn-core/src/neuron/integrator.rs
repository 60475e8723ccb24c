//! Leaky integrators, which never fire.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{Gradient, Neuron, NeuronModel, NeuronOutput, PlainLif};
use crate::real::Real;

/// Leaky integrator: a readout that never fires.
///
/// 1. charge `v = V + gain · I`, where `gain` is 1, or `1 - leak` with `decay_input`
/// 2. leak `V = leak · v`
/// 3. output `V / divisor`
///
/// With the gradient `LeakFree` this is the paper's readout: error is summed over time without leak. `Exact` is the
/// true derivative.
///
/// # Equals
/// `NonSpikingLIFNode` of SpikingJelly, and `Leaky` of snnTorch with an infinite threshold, up to a factor `leak`: they
/// output the potential before the leak. `LICell` of Norse has a synaptic current and is a [`super::CubaIntegrator`]
/// here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakyIntegrator {
    /// Fraction of the membrane potential that is kept from step to step, in `(0, 1]`.
    pub leak: f32,
    /// Divisor of the output, greater than 0.
    pub divisor: f32,
    /// Whether the input is multiplied by `1 - leak`.
    pub decay_input: bool,
    /// How error is backpropagated through time.
    pub gradient: IntegratorGradient,
}

/// How error is backpropagated through a [`LeakyIntegrator`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum IntegratorGradient {
    /// The exact derivative.
    #[default]
    Exact,
    /// The paper's rule: the error of a step is the sum of the errors of its own and all later outputs, without leak.
    LeakFree,
}

impl Default for LeakyIntegrator {
    fn default() -> Self {
        Self { leak: 0.99, divisor: 1.0, decay_input: false, gradient: IntegratorGradient::default() }
    }
}

impl LeakyIntegrator {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        let gradient = match self.gradient {
            IntegratorGradient::Exact => Gradient::Exact,
            IntegratorGradient::LeakFree => Gradient::SpikeGated { threshold: self.divisor, correction: None },
        };
        Neuron::written("LeakyIntegrator", &self, self, gradient)
    }

    /// Creates the paper's readout.
    pub fn leak_free(self) -> Neuron {
        Self { gradient: IntegratorGradient::LeakFree, ..self }.neuron()
    }
}

impl NeuronModel for LeakyIntegrator {
    type State<F: Real> = [F; 1];

    const OUTPUT: NeuronOutput = NeuronOutput::Readout;

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [F::from(0.0)]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v]: [F; 1], input: F) -> [F; 1] {
        let input = if self.decay_input { input * (1.0 - self.leak).into() } else { input };
        [(v + input) * self.leak.into()]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v / self.divisor.into()
    }

    fn reset<F: Real>(&self, _p: &[F], charged: [F; 1], _spike: F) -> [F; 1] {
        charged
    }

    fn equations(&self) -> String {
        let Self { leak, divisor, .. } = self;
        let gain = input_equation(self.decay_input, *leak, "I");
        let divisor = if *divisor == 1.0 { String::new() } else { format!(" / {divisor}") };
        format!("charge v = V + {gain};  leak V = {leak} v;  never fires;  output V{divisor}")
    }

    fn as_plain_lif(&self) -> Option<PlainLif> {
        (!self.decay_input).then_some(PlainLif { leak: self.leak, threshold: self.divisor })
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::*;

    #[test]
    fn input_that_decays_is_weighted_with_what_leaks() {
        // V: 0.75 · (0 + 0.25 · 4) = 0.75; 0.75 · (0.75 + 0.25 · 1) = 0.75; the output is half of it.
        let integrator = LeakyIntegrator { leak: 0.75, divisor: 2.0, decay_input: true, ..LeakyIntegrator::default() };
        assert_eq!(run(&integrator.neuron(), &[], &[4.0, 1.0]), [[0.375, 0.75], [0.375, 0.75]]);
    }
}
