//! The dropout masks of a trial, kept for its backward pass.

use snn_core::{Dropout, Trial, dropout_mask};

use crate::compiled::Compiled;

/// The masks of a trial, or the seed they are drawn from.
#[derive(Clone)]
pub(crate) enum Masks {
    Off,
    Given(Vec<Vec<f32>>),
    Drawn { seed: u64, epoch: u32, samples: Vec<u32> },
}

impl Masks {
    /// Copies what the backward pass needs of the trial's dropout.
    pub(crate) fn keep(trial: &Trial<'_>) -> Self {
        match trial.dropout {
            Dropout::Off => Self::Off,
            Dropout::Masks(masks) => Self::Given(masks.to_vec()),
            Dropout::Drawn(draws) => {
                Self::Drawn { seed: draws.seed, epoch: draws.epoch, samples: draws.samples.to_vec() }
            }
        }
    }

    /// Whether a population has a dropout mask.
    pub(crate) fn has(&self, compiled: &Compiled, population: usize) -> bool {
        match self {
            Self::Off => false,
            Self::Given(masks) => masks.get(population).is_some_and(|mask| !mask.is_empty()),
            Self::Drawn { .. } => compiled.network.populations()[population].dropout > 0.0,
        }
    }

    /// The mask of sample `n` of a population, in `C, H, W` order; empty if there is none.
    pub(crate) fn of(&self, compiled: &Compiled, population: usize, n: usize) -> Vec<f32> {
        let p = &compiled.network.populations()[population];
        match self {
            Self::Given(masks) if self.has(compiled, population) => {
                masks[population][n * p.shape.len()..][..p.shape.len()].to_vec()
            }
            Self::Drawn { seed, epoch, samples } if self.has(compiled, population) => {
                dropout_mask(p, population, *seed, *epoch, samples[n])
            }
            _ => Vec::new(),
        }
    }
}
