//! The rectified linear unit, which passes on numbers.

use serde::{Deserialize, Serialize};

use super::{Gradient, Neuron, NeuronModel, NeuronOutput};
use crate::real::Real;

/// Rectified linear unit, the neuron of artificial neural networks (ANNs). It does not fire but passes on its input
/// where that is above 0, and has no state. With it, direct input and one time step, a network is an ANN trained by
/// ordinary backpropagation, which can be converted to a spiking network or compared with one.
///
/// 1. charge `v = max(0, I)`
/// 2. output `v`
///
/// # Equals
/// `torch.nn.ReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

impl Relu {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        Neuron::written("Relu", &self, self, Gradient::Exact)
    }
}

impl NeuronModel for Relu {
    type State<F: Real> = [F; 1];

    const OUTPUT: NeuronOutput = NeuronOutput::Numbers;

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [F::from(0.0)]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], _: [F; 1], input: F) -> [F; 1] {
        [input.above(F::from(0.0), input, F::from(0.0))]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v
    }

    fn reset<F: Real>(&self, _p: &[F], charged: [F; 1], _spike: F) -> [F; 1] {
        charged
    }

    fn equations(&self) -> String {
        "charge v = max(0, I);  never fires;  output v".to_owned()
    }
}
