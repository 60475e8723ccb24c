//! A penalty on firing rates.

use serde::{Deserialize, Serialize};

use crate::Network;

/// Firing-rate regulariser: adds `weight · N · Σ_p (r_p - target)²` to the loss of a batch of `N` samples, where `r_p` is
/// the mean firing rate of population `p` (what it emitted, spikes times dropout mask, a neuron, step and sample), over
/// all populations that fire but the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatePenalty {
    /// Firing rate to aim at, spikes a neuron and step, in `[0, 1]`.
    pub target: f32,
    /// Weight of the penalty, greater than 0.
    pub weight: f32,
}

impl RatePenalty {
    /// The penalty for what the populations emitted ([`crate::Activity::emitted`]) in a trial of `steps` steps and
    /// `samples` samples, and `dL/d emitted` of each population.
    pub fn evaluate(&self, network: &Network, steps: usize, samples: usize, emitted: &[f64]) -> (f64, Vec<f32>) {
        let (target, weight) = (f64::from(self.target), f64::from(self.weight));
        let last = network.populations().len() - 1;
        let mut penalty = 0.0;
        let mut d_emitted = vec![0.0; network.populations().len()];
        for (index, population) in network.populations()[..last].iter().enumerate() {
            let trials = (population.shape.len() * steps * samples) as f64;
            let excess = emitted[index] / trials - target;
            penalty += weight * samples as f64 * excess * excess;
            d_emitted[index] = (2.0 * weight * samples as f64 * excess / trials) as f32;
        }
        (penalty, d_emitted)
    }
}
