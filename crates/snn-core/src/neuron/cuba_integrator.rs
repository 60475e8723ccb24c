//! Leaky integrators with a synaptic current, which never fire.

use serde::{Deserialize, Serialize};

use super::reset::input_equation;
use super::{Gradient, Neuron, NeuronModel, NeuronOutput};
use crate::real::Real;

/// Leaky integrator with a synaptic current: a readout that never fires.
///
/// 1. charge `j = i + I`, then `v = leak · V + gain · j`, where `gain` is 1, or `1 - leak` with `decay_input`, and
///    `i = synapse_leak · j`
/// 2. output `v / divisor`
///
/// `V` and `i` start at 0. The gradient is exact. Unlike [`super::LeakyIntegrator`], the leak is applied before the
/// input is added.
///
/// Defaults: leak 0.9, `synapse_leak` 0.8, divisor 1.
///
/// # Equals
/// `LICell` of Norse: `CubaIntegrator(leak: 1 - dt · tau_mem_inv, synapse_leak: 1 - dt · tau_syn_inv, decay_input: true)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CubaIntegrator {
    /// Fraction of the membrane potential that is kept from step to step, in `(0, 1]`.
    pub leak: f32,
    /// Fraction of the synaptic current that is kept from step to step, in `[0, 1)`.
    pub synapse_leak: f32,
    /// Divisor of the output, greater than 0.
    pub divisor: f32,
    /// Whether the synaptic current is multiplied by `1 - leak`.
    pub decay_input: bool,
}

impl Default for CubaIntegrator {
    fn default() -> Self {
        Self { leak: 0.9, synapse_leak: 0.8, divisor: 1.0, decay_input: false }
    }
}

impl CubaIntegrator {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        Neuron::written("CubaIntegrator", &self, self, Gradient::Exact)
    }
}

impl NeuronModel for CubaIntegrator {
    type State<F: Real> = [F; 2];

    const OUTPUT: NeuronOutput = NeuronOutput::Readout;

    fn state(&self) -> &'static [&'static str] {
        &["v", "i"]
    }

    fn rest<F: Real>(&self) -> [F; 2] {
        [F::from(0.0); 2]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], [v, i]: [F; 2], input: F) -> [F; 2] {
        let j = i + input;
        let current = if self.decay_input { j * (1.0 - self.leak).into() } else { j };
        [v * self.leak.into() + current, j * self.synapse_leak.into()]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v, _]: [F; 2]) -> F {
        v / self.divisor.into()
    }

    fn reset<F: Real>(&self, _p: &[F], charged: [F; 2], _spike: F) -> [F; 2] {
        charged
    }

    fn equations(&self) -> String {
        let Self { leak, synapse_leak, divisor, .. } = self;
        let input = input_equation(self.decay_input, *leak, "j");
        let divisor = if *divisor == 1.0 { String::new() } else { format!(" / {divisor}") };
        format!(
            "charge j = i + I, v = {leak} V + {input};  synapse i = {synapse_leak} j;  never fires;  output v{divisor}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::run;
    use super::*;

    #[test]
    fn it_passes_on_its_membrane() {
        // j: 4, 2; v: 0.25 · 4 = 1; 0.75 · 1 + 0.25 · 2 = 1.25
        let integrator = CubaIntegrator { leak: 0.75, synapse_leak: 0.5, divisor: 2.0, decay_input: true };
        assert_eq!(run(&integrator.neuron(), &[], &[4.0, 0.0]), [[0.5, 1.0, 2.0], [0.625, 1.25, 1.0]]);
    }
}
