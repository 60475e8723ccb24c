//! Forms of kernels: several ways to compute the same.

use serde::{Deserialize, Serialize};

/// A way to compute the current, the errors or the gradient of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KernelForm {
    /// As the plain sum: one thread a number, one kernel a job. The reference that the others are tested against.
    Plain,
    /// As products of matrices in tiles, through workgroup memory.
    Tiled,
    /// Current and neurons in one kernel, many steps in registers; backward as `Plain`.
    Fused,
    /// From the events: only what spikes costs work, forward and backward. Where error reaches neurons that did not fire, as
    /// with surrogate gradients, errors are passed back as `Plain`.
    Events,
    /// Currents by the matrix instructions of the card, in which weights have 16 bits: spikes are not those of the other forms.
    /// Where a source gives numbers and not spikes, and for what is passed back, it is `Tiled`; what a population hears of itself
    /// is `Plain` in both.
    Cooperative,
}

impl KernelForm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Tiled, Self::Fused, Self::Events, Self::Cooperative];

    /// Its name in tables.
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

/// The forms of a population's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Forms {
    /// Of current and neurons.
    pub forward: KernelForm,
    /// Of the errors.
    pub backward: KernelForm,
    /// Of the gradients of weights.
    pub gradient: KernelForm,
}

impl Forms {
    /// One form for everything.
    pub const fn all(form: KernelForm) -> Self {
        Self { forward: form, backward: form, gradient: form }
    }
}
