//! The RON types for normalisation, for pooling of currents, and for the pools between blocks.

use serde::{Deserialize, Serialize};
use snn_core::PoolKind;
use snn_core::part::{PartError, range};

use super::WINDOW;
use crate::check::LARGE;

/// Normalisation of currents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Norm")]
pub enum NormSpec {
    /// Batch normalisation over time: statistics for each channel, over the samples of a group, all time steps and all
    /// pixels. A normalised layer has no bias, because the normalisation has a shift.
    BatchNorm {
        /// Number of samples in a group, a divisor of the batch size. Results thus do not depend on how many samples
        /// are computed together.
        group: usize,
        /// Initial value of the scale. Set it to the neurons' threshold for threshold-dependent batch normalisation
        /// (tdBN).
        #[serde(default = "unit")]
        scale: f32,
        /// Added to the variance.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// Weight of a group's mean and variance in the update of the running statistics.
        #[serde(default = "momentum")]
        momentum: f32,
    },
}

/// A pool of currents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Pool")]
pub enum PoolSpec {
    /// Max pooling.
    Max {
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Average pooling.
    Mean {
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
}

/// Kind of 2 x 2 pooling between the blocks of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Pooling {
    /// Average pooling by spiking neurons (field `pool`), which receive the mean of four spikes. This is the paper's
    /// pooling.
    #[default]
    Neurons,
    /// Max pooling of spikes: a spike if any of the four neurons spiked. No neurons.
    Max,
    /// Average pooling of spikes to a number. No neurons.
    Mean,
    /// Max pooling of the currents of the previous convolution, which then has a quarter of the neurons.
    CurrentMax,
    /// Average pooling of the currents of the previous convolution, which then has a quarter of the neurons.
    CurrentMean,
}

fn unit() -> f32 {
    1.0
}

fn epsilon() -> f32 {
    snn_core::Norm::new(1).epsilon
}

fn momentum() -> f32 {
    snn_core::Norm::new(1).momentum
}

impl NormSpec {
    /// Creates the normalisation after checking the ranges of its values. `path` is that of the field that holds it.
    pub(super) fn make(self, path: &str) -> Result<snn_core::Norm, PartError> {
        let Self::BatchNorm { group, scale, epsilon, momentum } = self;
        let at = |field: &str| format!("{path}.{field}");
        range::count(&at("group"), group, LARGE)?;
        range::finite(&at("scale"), scale)?;
        range::positive(&at("epsilon"), epsilon)?;
        let is_share = momentum > 0.0 && momentum <= 1.0;
        range::require(is_share, &at("momentum"), "greater than 0 and at most 1", &momentum)?;
        Ok(snn_core::Norm::new(group).starting_at(scale).with_epsilon(epsilon).with_momentum(momentum))
    }

    /// Converts a normalisation to its RON type.
    pub(crate) fn of(norm: &snn_core::Norm) -> Self {
        let snn_core::Norm { group, epsilon, momentum, initial_scale: scale, .. } = *norm;
        Self::BatchNorm { group, scale, epsilon, momentum }
    }
}

impl PoolSpec {
    /// Creates the pool after checking the ranges of its fields. `path` is that of the pool.
    pub(super) fn make(self, path: &str) -> Result<snn_core::Pool, PartError> {
        let (Self::Max { size, stride } | Self::Mean { size, stride }) = self;
        let stride = windows(path, size, stride)?;
        let kind = if matches!(self, Self::Max { .. }) { PoolKind::Max } else { PoolKind::Mean };
        Ok(snn_core::Pool::new(kind, size).with_stride(stride))
    }

    /// Converts a pool to its RON type.
    pub(crate) fn of(pool: snn_core::Pool) -> Self {
        let (size, stride) = (pool.size, own_stride(pool.size, pool.stride));
        match pool.kind {
            PoolKind::Max => Self::Max { size, stride },
            PoolKind::Mean => Self::Mean { size, stride },
        }
    }
}

/// Returns the stride of windows of `size`, after checking both. `path` is that of the value that holds them.
pub(super) fn windows(path: &str, size: usize, stride: Option<usize>) -> Result<usize, PartError> {
    range::count(&format!("{path}.size"), size, WINDOW)?;
    if let Some(stride) = stride {
        range::count(&format!("{path}.stride"), stride, WINDOW)?;
    }
    Ok(stride.unwrap_or(size))
}

/// The stride as written in a file: `None` if it equals the window size.
pub(crate) fn own_stride(size: usize, stride: usize) -> Option<usize> {
    (stride != size).then_some(stride)
}

impl Pooling {
    /// The pool of the current of the previous convolution, for the kinds that pool currents.
    pub(super) fn of_current(self) -> Option<snn_core::Pool> {
        match self {
            Self::CurrentMax => Some(snn_core::Pool::max(super::POOL)),
            Self::CurrentMean => Some(snn_core::Pool::mean(super::POOL)),
            Self::Neurons | Self::Max | Self::Mean => None,
        }
    }
}
