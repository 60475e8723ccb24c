//! How files spell what happens to a current before it reaches neurons, and what stands between blocks.

use serde::{Deserialize, Serialize};
use snn_core::PoolKind;
use snn_core::part::{PartError, range};

use super::WINDOW;
use crate::check::LARGE;

/// How currents are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NormSpec {
    /// Batch normalisation over time: for each channel, over the samples of a group, all steps and all pixels. A layer that is
    /// normalised has no bias, as the normalisation has a shift.
    BatchNorm {
        /// Samples of a group, a divisor of the batch: what is computed does not depend on how many are computed together.
        group: usize,
        /// First value of the scale; the neurons' threshold for threshold-dependent normalisation (tdBN).
        #[serde(default = "unit")]
        scale: f32,
        /// What is added to the variance.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// Share of a group's mean and variance that the kept ones take on after an update.
        #[serde(default = "momentum")]
        momentum: f32,
    },
}

/// A pool of a current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PoolSpec {
    /// The largest of each window.
    Max {
        /// Window.
        size: usize,
        /// Step between windows. None: as large as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// The mean of each window.
    Mean {
        /// Window.
        size: usize,
        /// Step between windows. None: as large as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
}

/// What pools 2 x 2 between the blocks of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Pooling {
    /// Neurons of their own (`pool`) that hear the mean of four spikes: the paper's.
    #[default]
    Neurons,
    /// The largest of four spikes: one where any of them is. No neurons.
    Max,
    /// The mean of four spikes, as a number. No neurons.
    Mean,
    /// The largest of four currents of the convolution before, which then has a quarter of the neurons.
    CurrentMax,
    /// The mean of four currents of the convolution before, which then has a quarter of the neurons.
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
    /// The normalisation, once its values, whose field is at `path`, are in their ranges.
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

    /// How a file spells a normalisation.
    pub(crate) fn of(norm: &snn_core::Norm) -> Self {
        let snn_core::Norm { group, epsilon, momentum, initial_scale: scale, .. } = *norm;
        Self::BatchNorm { group, scale, epsilon, momentum }
    }
}

impl PoolSpec {
    /// The pool, once its fields, which stand at `path`, are in their ranges.
    pub(super) fn make(self, path: &str) -> Result<snn_core::Pool, PartError> {
        let (Self::Max { size, stride } | Self::Mean { size, stride }) = self;
        let stride = windows(path, size, stride)?;
        let kind = if matches!(self, Self::Max { .. }) { PoolKind::Max } else { PoolKind::Mean };
        Ok(snn_core::Pool::new(kind, size).with_stride(stride))
    }

    /// How a file spells a pool.
    pub(crate) fn of(pool: snn_core::Pool) -> Self {
        let (size, stride) = (pool.size, own_stride(pool.size, pool.stride));
        match pool.kind {
            PoolKind::Max => Self::Max { size, stride },
            PoolKind::Mean => Self::Mean { size, stride },
        }
    }
}

/// The step between windows of `size`, whose fields stand at `path`, once both are in their ranges.
pub(super) fn windows(path: &str, size: usize, stride: Option<usize>) -> Result<usize, PartError> {
    range::count(&format!("{path}.size"), size, WINDOW)?;
    if let Some(stride) = stride {
        range::count(&format!("{path}.stride"), stride, WINDOW)?;
    }
    Ok(stride.unwrap_or(size))
}

/// A step between windows where a file has to say it.
pub(crate) fn own_stride(size: usize, stride: usize) -> Option<usize> {
    (stride != size).then_some(stride)
}

impl Pooling {
    /// The pool of the current of the convolution before, if it is one.
    pub(super) fn of_current(self) -> Option<snn_core::Pool> {
        match self {
            Self::CurrentMax => Some(snn_core::Pool::max(super::POOL)),
            Self::CurrentMean => Some(snn_core::Pool::mean(super::POOL)),
            Self::Neurons | Self::Max | Self::Mean => None,
        }
    }
}
