//! The inner loops, each over one sample and one projection, at any level of vector instructions.
//!
//! Forward, [`currents`] adds up what a population's neurons receive. Backward, [`adjoint`] goes from the errors of a target to
//! those of its source at the source's spikes, and to the gradient of the weight; [`spread`] to the errors of all neurons of the
//! source, fired or not. [`walk`] is the loop along spikes that the first two backward kernels share, [`numbers`] the kernels
//! of sources that pass on numbers, [`dense`] the matrix products that take over where nearly all neurons fire, [`taps`] the
//! pairs of pixels that a map connects.

pub(crate) mod adjoint;
pub(crate) mod currents;
pub(crate) mod dense;
pub(crate) mod numbers;
pub(crate) mod spread;
pub(crate) mod taps;
pub(crate) mod walk;
