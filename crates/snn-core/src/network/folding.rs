//! Folding of normalisations into weights and biases, for use after training.

use super::{Network, Norm, Projection, Tensor, Weights};
use crate::pool::PoolKind;

impl Network {
    /// All normalisations, in evaluation order.
    pub fn norms(&self) -> impl Iterator<Item = &Norm> {
        let projections = self.populations.iter().flat_map(|population| &population.inputs);
        projections.filter_map(|projection| projection.norm.as_ref())
    }

    /// Group size of the normalisations, in samples; `None` without normalisations.
    pub fn norm_group(&self) -> Option<usize> {
        self.norms().next().map(|norm| norm.group)
    }

    /// Whether a normalisation always uses its running mean and variance, because both are frozen.
    pub fn is_fixed(&self, norm: &Norm) -> bool {
        [norm.tensors.mean, norm.tensors.variance].iter().all(|&tensor| self.tensors[tensor].frozen)
    }

    /// Returns the network for inference: each normalisation is folded into its weight and into a bias that replaces
    /// its shift, so that engines need not implement normalisation. A normalisation after max pooling remains, because
    /// a negative scale does not commute with the maximum. [`Network::fold`] computes the weights.
    #[must_use]
    pub fn folded(&self) -> Self {
        let mut network = self.clone();
        let mut is_left_out = vec![false; self.tensors.len()];
        for norm in self.foldable().filter_map(|projection| projection.norm) {
            let [scale, shift, mean, variance] = norm.tensors.all();
            for tensor in [scale, mean, variance] {
                is_left_out[tensor] = true;
            }
            let bias = self.tensors[shift].name.strip_suffix("shift").unwrap_or_default();
            network.tensors[shift] = Tensor {
                frozen: self.tensors[shift].frozen,
                ..Tensor::bias(format!("{bias}bias"), self.tensors[shift].len())
            };
        }
        let mut kept = is_left_out.iter();
        network.tensors.retain(|_| kept.next() == Some(&false));
        let moved =
            |tensor: &mut usize| *tensor -= is_left_out[..*tensor].iter().filter(|is_left_out| **is_left_out).count();
        for population in &mut network.populations {
            population.parameters.iter_mut().for_each(moved);
            for projection in &mut population.inputs {
                if is_foldable(projection)
                    && let Some(norm) = projection.norm.take()
                {
                    projection.bias = Some(norm.tensors.shift);
                    projection.is_biased = true;
                }
                projection.weight.iter_mut().chain(&mut projection.bias).for_each(moved);
                if let Some(norm) = &mut projection.norm {
                    let tensors = &mut norm.tensors;
                    let all = [&mut tensors.scale, &mut tensors.shift, &mut tensors.mean, &mut tensors.variance];
                    all.into_iter().for_each(moved);
                }
            }
        }
        network
    }

    /// Computes the weights of [`Network::folded`] from those of this network.
    pub fn fold(&self, weights: &Weights) -> Weights {
        let mut folded: Vec<Option<Vec<f32>>> = weights.iter().cloned().map(Some).collect();
        for projection in self.foldable() {
            let (Some(norm), Some(weight)) = (projection.norm, projection.weight) else { continue };
            let [scale, shift, mean, variance] = norm.tensors.all();
            let channel =
                |c: usize| norm.affine([scale, shift, mean, variance].map(|tensor| f64::from(weights[tensor][c])));
            let channels: Vec<[f64; 2]> = (0..weights[shift].len()).map(channel).collect();
            let rows = weights[weight].chunks(self.tensors[weight].fan_in().max(1)).zip(&channels);
            let scaled = rows.flat_map(|(row, [factor, _])| row.iter().map(move |w| (factor * f64::from(*w)) as f32));
            folded[weight] = Some(scaled.collect());
            folded[shift] = Some(channels.iter().map(|[_, added]| *added as f32).collect());
            for tensor in [scale, mean, variance] {
                folded[tensor] = None;
            }
        }
        folded.into_iter().flatten().collect()
    }

    /// Projections whose normalisation can be folded into weight and bias.
    fn foldable(&self) -> impl Iterator<Item = &Projection> {
        let projections = self.populations.iter().flat_map(|population| &population.inputs);
        projections.filter(|projection| projection.norm.is_some() && is_foldable(projection))
    }
}

/// Whether scaling the current commutes with the projection's pool, if it has one.
fn is_foldable(projection: &Projection) -> bool {
    projection.pool.is_none_or(|pool| pool.kind == PoolKind::Mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Activity, Dropout, Engine as _, Errors, Plan, Stimulus, Trial};
    use crate::map::Map;
    use crate::network::Source;
    use crate::neuron::{Gradient, Neuron};
    use crate::pool::Pool;
    use crate::reference::Reference;
    use crate::shape::Shape;
    use crate::surrogate::Atan;

    const INPUT: Shape = Shape::new(2, 6, 6);

    /// Convolutions, of which the last has max pooling, and a readout.
    fn network() -> Network {
        let lif = || Neuron::lif().with_gradient(Gradient::surrogate(Atan::default()));
        let mut builder = Network::builder(INPUT);
        let normed =
            |source, channels| Projection::new(source, Map::conv(channels, [3, 3], 1, 1)).with_norm(Norm::new(4));
        let a = builder.add("a", lif(), vec![normed(Source::Input, 3)]).unwrap();
        let b = builder.add("b", lif(), vec![normed(a, 4).with_pool(Pool::mean(2))]).unwrap();
        let shortcut = Projection::new(a, Map::conv(4, [1, 1], 2, 0)).named("shortcut").with_bias();
        let c = builder.add("c", lif(), vec![normed(b, 4), shortcut]).unwrap();
        let d = builder.add("d", lif(), vec![normed(c, 5).with_pool(Pool::max(3))]).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(d, Map::Linear { features: 3 })]).unwrap();
        builder.build().unwrap()
    }

    fn pixels(samples: usize) -> Vec<f32> {
        (0..samples * INPUT.len()).map(|i| ((i * i + 7 * i) % 13) as f32 / 6.0 - 1.0).collect()
    }

    fn run(network: &Network, weights: &Weights, plan: Plan) -> Activity {
        let mut session = Reference.compile(network, plan).unwrap();
        session.load(weights).unwrap();
        session.forward(&Trial { stimulus: Stimulus::Current(&pixels(6)), dropout: Dropout::Off }).unwrap()
    }

    #[test]
    fn a_folded_network_does_what_the_kept_means_say() {
        let network = network();
        let mut weights = network.initial_weights(1);
        // Means and variances as training leaves them behind, and scales of either sign.
        for _ in 0..30 {
            run(&network, &weights, Plan::new(5, 6).train())
                .statistics
                .iter()
                .for_each(|group| group.update_running(&mut weights));
        }
        for norm in network.norms() {
            weights[norm.tensors.scale].iter_mut().enumerate().for_each(|(c, x)| *x = [1.2, -0.8, 0.9][c % 3]);
            weights[norm.tensors.shift].iter_mut().enumerate().for_each(|(c, x)| *x = 0.1 * c as f32);
        }
        let unfolded = run(&network, &weights, Plan::new(5, 6));
        assert!(unfolded.statistics.is_empty());
        let (folded, fold) = (network.folded(), network.fold(&weights));
        folded.check_weights(&fold).unwrap();
        let names: Vec<&str> = folded.tensors().iter().map(|tensor| &*tensor.name).collect();
        let expected = [
            "a",
            "a.bias",
            "b",
            "b.bias",
            "c",
            "c.bias",
            "shortcut",
            "shortcut.bias",
            "d",
            "d.scale",
            "d.shift",
            "d.mean",
            "d.variance",
            "readout",
        ];
        assert_eq!(names, expected, "a scale does not pass through a pool of the largest");
        let found = run(&folded, &fold, Plan::new(5, 6));
        assert_eq!(found.spikes, unfolded.spikes);
        assert!(unfolded.spikes[..4].iter().all(|spikes| *spikes > 0), "{:?}", unfolded.spikes);
        let difference = found.output.iter().zip(&unfolded.output).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn groups_have_statistics_of_their_own() {
        let network = network();
        let weights = network.initial_weights(1);
        let statistics = run(&network, &weights, Plan::new(5, 6).train()).statistics;
        // Four normalisations, each over 4 samples and over the 2 that are left.
        assert_eq!(statistics.len(), 8);
        assert_eq!((statistics[0].mean_tensor, statistics[1].mean_tensor), (3, 3));
        assert_ne!(statistics[0].mean, statistics[1].mean);
        let mut kept = weights.clone();
        statistics[0].update_running(&mut kept);
        assert_eq!(kept[3][0], 0.1 * statistics[0].mean[0]);
        assert_eq!(kept[4][0], 0.9 + 0.1 * statistics[0].variance[0]);
    }

    #[test]
    fn frozen_means_are_used_in_training_too() {
        let network = network();
        let frozen: Vec<bool> =
            network.tensors().iter().map(|tensor| tensor.role == crate::network::Role::Running).collect();
        let weights = network.initial_weights(1);
        let fixed = network.clone().freeze(&frozen);
        let trained = run(&fixed, &weights, Plan::new(5, 6).train());
        assert_eq!(trained, run(&network, &weights, Plan::new(5, 6)));
        let mut session = Reference.compile(&network, Plan::new(5, 6).train()).unwrap();
        session.load(&weights).unwrap();
        let trial = Trial { stimulus: Stimulus::Current(&pixels(6)), dropout: Dropout::Off };
        let outputs = session.forward(&trial).unwrap().output.len();
        let mut gradients = Weights::new();
        session.backward(Errors::of_output(&vec![1.0; outputs]), &mut gradients).unwrap();
        for norm in network.norms() {
            assert!(
                gradients[norm.tensors.mean].iter().all(|d| *d == 0.0),
                "nothing is learned in a mean that is kept"
            );
        }
    }
}
