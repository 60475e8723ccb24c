//! Initial weights.

use snn_core::{Network, Purpose, Stream, Weights};

use crate::{Experiment, experiment::NetworkSpec};

impl Experiment {
    /// Weights to start training from: normal with mean 0 and variance `kappa / fan_in`, drawn from the seed of
    /// [`Experiment::training`]. `network` is what [`Experiment::network`] gives.
    pub fn initial_weights(&self, network: &Network) -> Weights {
        let NetworkSpec::Sequence { kappa, .. } = self.network;
        let stream = Stream::new(self.training.seed, Purpose::Initialisation);
        let tensors = network.weights().iter().enumerate();
        let draw = |(index, weight): (usize, &snn_core::Weight)| {
            let deviation = (kappa / weight.fan_in() as f32).sqrt();
            (0..weight.len()).map(|element| deviation * stream.normal(0, 0, index as u32, element as u32)).collect()
        };
        tensors.map(draw).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn weights_have_variance_kappa_over_fan_in() {
        let experiment = Experiment::from_ron(presets::all()[0].text, "", &[]).unwrap();
        let network = experiment.network().unwrap();
        let weights = experiment.initial_weights(&network);
        network.check_weights(&weights).unwrap();
        let variance = weights[2].iter().map(|w| f64::from(w * w)).sum::<f64>() / weights[2].len() as f64;
        assert!((variance * 2450.0 / 2.0 - 1.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let weights = |seed: &str| {
            let experiment = Experiment::from_ron(presets::all()[0].text, "", &[("training.seed", seed)]).unwrap();
            experiment.initial_weights(&experiment.network().unwrap())
        };
        assert_eq!(weights("1"), weights("1"));
        assert_ne!(weights("1")[0][0], weights("2")[0][0]);
    }
}
