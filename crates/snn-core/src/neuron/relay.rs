//! Neurons without state that pass on their input, as spikes or as numbers.

use serde::{Deserialize, Serialize};

use super::{Gradient, Neuron, NeuronModel, NeuronOutput};
use crate::part::Part;
use crate::real::Real;
use crate::surrogate::StraightThrough;

/// A neuron without state that passes on spikes in the step in which they arrive. It fires where its current is above
/// one half, and error is backpropagated as if the output were the current itself. With it, populations of spikes can
/// be joined (`a & b`) or max-pooled, and the result is again spikes of one bit each.
///
/// 1. charge `v = I`
/// 2. fire where `v > 1/2`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {}

/// A neuron without state that passes on its current as a number at every step. It serves as a shortcut for membrane
/// potentials (MS-ResNet), or as a pool without neurons.
///
/// 1. charge `v = I`
/// 2. output `v`
///
/// # Equals
/// `torch.nn.Identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {}

impl Relay {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        Neuron::new("Relay", self, Gradient::surrogate(StraightThrough {})).with_part(Part::new("Relay"))
    }
}

impl Identity {
    /// Creates the neuron.
    pub fn neuron(self) -> Neuron {
        Neuron::written("Identity", &self, self, Gradient::Exact)
    }
}

impl NeuronModel for Relay {
    type State<F: Real> = [F; 1];

    fn state(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn rest<F: Real>(&self) -> [F; 1] {
        [F::from(0.0)]
    }

    #[inline(always)]
    fn charge<F: Real>(&self, _p: &[F], _: [F; 1], input: F) -> [F; 1] {
        [input]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v - F::from(0.5)
    }

    #[inline(always)]
    fn reset<F: Real>(&self, _p: &[F], charged: [F; 1], _spike: F) -> [F; 1] {
        charged
    }

    fn equations(&self) -> String {
        "charge v = I;  fire v > 0.5;  no memory".to_owned()
    }
}

impl NeuronModel for Identity {
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
        [input]
    }

    #[inline(always)]
    fn margin<F: Real>(&self, _p: &[F], [v]: [F; 1]) -> F {
        v
    }

    fn reset<F: Real>(&self, _p: &[F], charged: [F; 1], _spike: F) -> [F; 1] {
        charged
    }

    fn equations(&self) -> String {
        "charge v = I;  never fires;  output v".to_owned()
    }
}
