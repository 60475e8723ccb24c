//! The firing-rate penalty of the loss.

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// Firing-rate regulariser: adds `weight · N · Σ_p (r_p - target)²` to the loss of a batch of `N` samples. The sum is
/// over all firing populations but the last; `r_p` is the mean firing rate of population `p`: its spikes times dropout
/// mask, per neuron, step and sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatePenalty {
    /// Target firing rate in spikes per neuron and step, in `[0, 1]`.
    pub target: f32,
    /// Weight of the penalty, greater than 0.
    pub weight: f32,
    /// Number of epochs of training, from the first, in which it applies. `None`: in all of them, and in evaluations.
    #[serde(default)]
    pub epochs: Option<usize>,
}

impl RatePenalty {
    /// Computes the penalty and `dL/d emitted` of each population, from what the populations emitted
    /// ([`crate::Activity::emitted`]) in a trial of `steps` steps and `samples` samples.
    pub fn evaluate(&self, network: &Network, steps: usize, samples: usize, emitted: &[f64]) -> (f64, Vec<f32>) {
        let (target, weight) = (f64::from(self.target), f64::from(self.weight));
        let last = network.populations().len() - 1;
        let mut penalty = 0.0;
        let mut d_emitted = vec![0.0; network.populations().len()];
        let hidden = network.populations()[..last].iter().enumerate();
        for (index, population) in hidden.filter(|(_, population)| population.neuron.fires()) {
            let trials = (population.shape.len() * steps * samples) as f64;
            let excess = emitted[index] / trials - target;
            penalty += weight * samples as f64 * excess * excess;
            d_emitted[index] = (2.0 * weight * samples as f64 * excess / trials) as f32;
        }
        (penalty, d_emitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Projection, Source};
    use crate::neuron::Neuron;
    use crate::shape::Shape;

    #[test]
    fn hidden_populations_are_drawn_to_the_target_rate() {
        let mut builder = Network::builder(Shape::features(3));
        let linear = |source, features| vec![Projection::new(source, Map::Linear { features })];
        let hidden = builder.add("hidden", Neuron::lif(), linear(Source::Input, 5)).unwrap();
        builder.add("last", Neuron::lif(), linear(hidden, 2)).unwrap();
        let network = builder.build().unwrap();
        // 15 spikes of 5 neurons in 4 steps of 3 samples: a rate of 0.25, by 0.125 over the target.
        let penalty = RatePenalty { target: 0.125, weight: 2.0, epochs: None };
        let (value, d_emitted) = penalty.evaluate(&network, 4, 3, &[15.0, 7.0]);
        assert_eq!(value, 2.0 * 3.0 * 0.125 * 0.125);
        assert_eq!(d_emitted, [2.0 * 2.0 * 3.0 * 0.125 / 60.0, 0.0]);
    }
}
