//! The kernels: inner loops over one sample and one projection, generic over the level of vector instructions.
//!
//! In the forward pass, [`currents`] sums the input currents of a population. In the backward pass, [`adjoint`]
//! computes, from the errors of a target, those of its source at the source's spikes and the gradient of the weight;
//! [`spread`] computes the errors of all neurons of the source, fired or not. These kernels use the others: [`walk`]
//! is the loop over spikes in `adjoint`, [`numbers`] handles sources that pass on numbers, [`dense`] has the matrix
//! products for sources where nearly all neurons fire, and [`taps`] enumerates the pairs of pixels that a map
//! connects.

pub(crate) mod adjoint;
pub(crate) mod currents;
pub(crate) mod dense;
pub(crate) mod numbers;
pub(crate) mod spread;
pub(crate) mod taps;
pub(crate) mod walk;
