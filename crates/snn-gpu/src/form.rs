//! Kernel forms: alternative implementations of the same computation.

use serde::{Deserialize, Serialize};

/// An implementation of the kernels that compute the current, the errors or the gradient of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KernelForm {
    /// A direct sum: one thread per output value, one kernel per job. The reference that the other forms are tested
    /// against.
    Plain,
    /// Tiled matrix products through workgroup memory.
    Tiled,
    /// Current and neurons in one kernel, which keeps many steps in registers. The backward pass is that of `Plain`.
    Fused,
    /// Event-driven, forward and backward: the work is proportional to the number of spikes. With surrogate gradients,
    /// where neurons that did not fire have errors too, errors are backpropagated as in `Plain`.
    Events,
    /// Currents by the GPU's matrix instructions. Weights are rounded to 16 bits, so the spikes differ from those of
    /// the other forms. For sources that pass on numbers, and for the backward pass, it is the same as `Tiled`.
    /// Recurrent projections of a population from itself are `Plain` in both.
    Cooperative,
}

impl KernelForm {
    /// All forms.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Tiled, Self::Fused, Self::Events, Self::Cooperative];

    /// The name of the form in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tiled => "tiled",
            Self::Fused => "fused",
            Self::Events => "events",
            Self::Cooperative => "cooperative",
        }
    }
}

/// The forms of one population's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Forms {
    /// Form of the forward kernels: current and neurons.
    pub forward: KernelForm,
    /// Form of the kernels that backpropagate errors.
    pub backward: KernelForm,
    /// Form of the kernels for weight gradients.
    pub gradient: KernelForm,
}

impl Forms {
    /// Returns the same form for all kernels.
    pub const fn all(form: KernelForm) -> Self {
        Self { forward: form, backward: form, gradient: form }
    }
}
