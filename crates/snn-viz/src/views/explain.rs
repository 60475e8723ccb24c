//! What the quantities are, with their equations, for those who point at them.

pub(super) const RATE: &str = "Firing rate: spikes at this step over neurons.\nr(t) = 1/n Σ s_i(t)";
pub(super) const MEMBRANE: &str = "Membrane potential v(t) after the input has come in and before the reset: \
    a neuron fires where v(t) > threshold. The colour runs from 0 to the threshold; grey is below 0.";
pub(super) const SPIKES: &str = "Spikes s(t): 1 where v(t) > threshold, else 0.";
pub(super) const COUNTS: &str =
    "Spikes of each neuron up to this step: Σ s(τ) over τ ≤ t. The brightest neuron has the most.";
pub(super) const RASTER: &str = "Every spike of the population: time runs to the right, neurons lie below each other. Where \
    there are more neurons than rows, a row stands for several and is the brighter the more of them fire.";
pub(super) const SCORES: &str =
    "Score of each class, had the trial ended after this step; the largest one is the answer.";
pub(super) const TRACES: &str = "Membrane potential of the pinned neurons: it rises with the input current I(t), falls by \
    reset and leak at the end of each step, and spikes (triangles) where it exceeds the threshold (dashed).\n\
    Click neurons of the large map to pin them.";
pub(super) const INPUT: &str = "What the network is shown, and the input spikes of this step. With a random encoder, every \
    draw gives another train of spikes.";
