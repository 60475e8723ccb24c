//! Optimizer state and updates. All updates are element-wise, so that results do not depend on the number of threads.

use rayon::prelude::*;

use crate::error::Error;
use crate::network::{Network, Weights};
use crate::optimizer::Optimizer;

/// Minimum number of values that one thread processes at a time.
const CHUNK: usize = 1 << 14;

/// An optimizer and its state. Weight decay applies only to weights. Constants of neurons are excluded, because a leak
/// that decays towards 0 makes another neuron, not a simpler one.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState {
    optimizer: Optimizer,
    updates: u64,
    /// Factor on the weight decay of each tensor: 1 for weights, 0 for all others.
    decays: Vec<f32>,
    /// Whether each tensor is excluded from updates, because it is frozen or not trained.
    frozen: Vec<bool>,
    /// The state: one element for each of [`Optimizer::state_kinds`], in the form of the weights.
    tensors: Vec<Weights>,
}

impl OptimizerState {
    /// The optimizer before its first update of the weights of `network`, with a state of 0.
    pub fn new(optimizer: Optimizer, network: &Network) -> Self {
        let decays = network.tensors().iter().map(|weight| if weight.decays() { 1.0 } else { 0.0 });
        let tensors = optimizer.state_kinds().iter().map(|_| network.zeros()).collect();
        let frozen = network.tensors().iter().map(|tensor| !tensor.is_trained()).collect();
        Self { optimizer, updates: 0, decays: decays.collect(), frozen, tensors }
    }

    /// The optimizer after `updates` updates, restored from the [`tensors`](Self::tensors) that it had then.
    ///
    /// # Errors
    /// As [`Optimizer::check_state`].
    pub fn restored(
        optimizer: Optimizer,
        network: &Network,
        tensors: Vec<Weights>,
        updates: u64,
    ) -> Result<Self, Error> {
        optimizer.check_state(network, &tensors)?;
        Ok(Self { updates, tensors, ..Self::new(optimizer, network) })
    }

    /// Learning rate before any schedule.
    pub fn learning_rate(&self) -> f32 {
        self.optimizer.learning_rate()
    }

    /// The values of the state, in the order of [`Optimizer::state_kinds`].
    pub fn tensors(&self) -> &[Weights] {
        &self.tensors
    }

    /// Number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Updates `weights` once by `gradients`, both in the form of the network's weights, at learning rate `lr`.
    pub fn update(&mut self, weights: &mut Weights, gradients: &Weights, lr: f32) {
        self.updates += 1;
        let tensors = weights.iter_mut().zip(gradients).zip(&self.decays).zip(&self.frozen);
        match (self.optimizer, &mut self.tensors[..]) {
            (Optimizer::Sgd { momentum, weight_decay, nesterov, .. }, [velocity]) => {
                for ((((weights, gradients), decays), _), velocity) in
                    tensors.zip(velocity).filter(|((_, frozen), _)| !**frozen)
                {
                    let weight_decay = decays * weight_decay;
                    each((weights, gradients, velocity), |(w, g, m)| {
                        let g = g + weight_decay * *w;
                        *m = momentum * *m + g;
                        *w -= lr * if nesterov { g + momentum * *m } else { *m };
                    });
                }
            }
            (Optimizer::Sgd { weight_decay, .. }, _) => {
                for (((weights, gradients), decays), _) in tensors.filter(|(_, frozen)| !**frozen) {
                    let weight_decay = decays * weight_decay;
                    each((weights, gradients), |(w, g)| *w -= lr * (g + weight_decay * *w));
                }
            }
            (
                Optimizer::Adam { betas, epsilon, weight_decay, .. }
                | Optimizer::AdamW { betas, epsilon, weight_decay, .. },
                moments,
            ) => {
                let [first, second] = moments else { return };
                let decoupled = matches!(self.optimizer, Optimizer::AdamW { .. });
                let (penalty, shrink) = if decoupled { (0.0, lr * weight_decay) } else { (weight_decay, 0.0) };
                let bias = |beta: f32| 1.0 - f64::from(beta).powi(self.updates.min(i32::MAX as u64) as i32);
                let (step, root_bias) = ((f64::from(lr) / bias(betas.0)) as f32, bias(betas.1).sqrt() as f32);
                let tensors = tensors.zip(first.iter_mut().zip(second)).filter(|((_, frozen), _)| !**frozen);
                for ((((weights, gradients), decays), _), (first, second)) in tensors {
                    let (penalty, shrink) = (decays * penalty, decays * shrink);
                    each((weights, gradients, first, second), |(w, g, m, v)| {
                        let g = g + penalty * *w;
                        *m = betas.0 * *m + (1.0 - betas.0) * g;
                        *v = betas.1 * *v + (1.0 - betas.1) * g * g;
                        *w -= shrink * *w;
                        *w -= step * *m / (v.sqrt() / root_bias + epsilon);
                    });
                }
            }
        }
    }
}

/// Euclidean norm of all gradients together, summed in double precision in a fixed order, whatever the number of
/// threads.
pub fn norm(gradients: &Weights) -> f64 {
    let square = |chunk: &[f32]| chunk.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
    let tensor =
        |values: &Vec<f32>| values.par_chunks(CHUNK).map(square).collect::<Vec<f64>>().into_iter().sum::<f64>();
    gradients.iter().map(tensor).sum::<f64>().sqrt()
}

/// Scales all gradients down to the norm `limit` if their norm, given as `norm`, is larger.
pub fn clip(gradients: &mut Weights, norm: f64, limit: f32) {
    scale(gradients, clip_factor(norm, limit));
}

/// Factor that clips gradients of norm `norm` to the norm `limit`: 1 if they are not larger.
pub fn clip_factor(norm: f64, limit: f32) -> f32 {
    if norm > f64::from(limit) { (f64::from(limit) / norm) as f32 } else { 1.0 }
}

/// Multiplies all gradients by `factor`.
pub fn scale(gradients: &mut Weights, factor: f32) {
    if factor != 1.0 {
        for values in gradients {
            each(values, |g| *g *= factor);
        }
    }
}

/// Applies `rule` in parallel to corresponding elements of several slices.
pub fn each<S>(slices: S, rule: impl Fn(S::Item) + Sync + Send)
where
    S: IntoParallelIterator<Iter: IndexedParallelIterator>,
{
    slices.into_par_iter().with_min_len(CHUNK).for_each(rule);
}

#[cfg(test)]
mod tests {
    use crate::map::Map;
    use crate::network::{Projection, Source};
    use crate::neuron::Neuron;
    use crate::part::Part;
    use crate::registry::Registry;
    use crate::shape::Shape;

    use super::*;

    /// A network of one weight `readout` of shape `[1, 2]`.
    fn network() -> Network {
        let mut builder = Network::builder(Shape::features(2));
        let map = Map::Linear { features: 1 };
        builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
        builder.build().unwrap()
    }

    /// A neuron that trains its leak.
    fn learning() -> Neuron {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        registry.neurons.make(&mut Part::new("Plif"), &registry).unwrap()
    }

    /// The weights, initially `[1, -2]`, after each of the updates by the given gradients, at the optimizer's learning
    /// rate.
    fn run<const N: usize>(optimizer: Optimizer, gradients: [[f32; 2]; N]) -> [[f32; 2]; N] {
        let mut optimizer = OptimizerState::new(optimizer, &network());
        let mut weights = vec![vec![1.0, -2.0]];
        gradients.map(|g| {
            optimizer.update(&mut weights, &vec![g.to_vec()], optimizer.learning_rate());
            [weights[0][0], weights[0][1]]
        })
    }

    fn assert_close<const N: usize>(found: [[f32; 2]; N], expected: [[f32; 2]; N]) {
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn sgd_follows_the_gradient() {
        let optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0, nesterov: false };
        assert_close(run(optimizer, [[1.0, 0.0], [-2.0, 4.0]]), [[0.9, -2.0], [1.1, -2.4]]);
    }

    /// With decay 0.5: g' = 1 + 0.5 · 1 = 1.5, then 0 + 0.5 · 0.85 = 0.425.
    #[test]
    fn sgd_adds_the_weight_decay_to_the_gradient() {
        let optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.5, nesterov: false };
        assert_close(run(optimizer, [[1.0, 0.0], [0.0, 0.0]]), [[0.85, -1.9], [0.8075, -1.805]]);
    }

    /// With momentum 0.5: m = 1, 1.5, 0.75.
    #[test]
    fn sgd_remembers_a_share_of_the_last_update() {
        let optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.5, weight_decay: 0.0, nesterov: false };
        let gradients = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]];
        assert_close(run(optimizer, gradients), [[0.9, -2.0], [0.75, -2.0], [0.675, -2.0]]);
    }

    /// With momentum 0.5: m = 1, 1.5, 0.75; g + 0.5 m = 1.5, 1.75, 0.375.
    #[test]
    fn nesterov_looks_one_update_ahead() {
        let optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.5, weight_decay: 0.0, nesterov: true };
        let gradients = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]];
        assert_close(run(optimizer, gradients), [[0.85, -2.0], [0.675, -2.0], [0.6375, -2.0]]);
    }

    /// With betas 0.5, 0.5: m = 1, 1.5; v = 2, 3 (for g = 2, 2), corrected to 2, 2 and 4, 4: steps of 0.1.
    #[test]
    fn adam_steps_by_the_rate_under_a_steady_gradient() {
        let optimizer = Optimizer::Adam { lr: 0.1, betas: (0.5, 0.5), epsilon: 0.0, weight_decay: 0.0 };
        assert_close(run(optimizer, [[2.0, -3.0], [2.0, -3.0]]), [[0.9, -1.9], [0.8, -1.8]]);
    }

    /// With betas 0.5, 0.75, g = 2 then 0: m = 1, 0.5, corrected by 0.5 and 0.75 to 2 and 2/3; v = 1, 0.75, corrected
    /// by 0.25 and 0.4375 to 4 and 12/7; the second step is 0.1 · (2/3) / sqrt(12/7) = 0.0509175.
    #[test]
    fn adam_corrects_the_bias_of_its_moments() {
        let optimizer = Optimizer::Adam { lr: 0.1, betas: (0.5, 0.75), epsilon: 0.0, weight_decay: 0.0 };
        let found = run(optimizer, [[2.0, 2.0], [0.0, 0.0]]);
        assert_close(found, [[0.9, -2.1], [0.849_082_5, -2.150_917_5]]);
    }

    /// The penalty makes the gradient 0.5 · w, whose sign alone counts in the first step.
    #[test]
    fn adam_puts_the_weight_decay_through_its_moments() {
        let optimizer = Optimizer::Adam { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.5 };
        assert_close(run(optimizer, [[0.0, 0.0]]), [[0.9, -1.9]]);
    }

    /// Without a gradient the weights shrink by 0.1 · 0.5 each time.
    #[test]
    fn adam_w_keeps_the_weight_decay_apart() {
        let optimizer = Optimizer::AdamW { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.5 };
        assert_close(run(optimizer, [[0.0, 0.0], [0.0, 0.0]]), [[0.95, -1.9], [0.9025, -1.805]]);
    }

    #[test]
    fn constants_of_neurons_do_not_decay() {
        let mut builder = Network::builder(Shape::features(1));
        let map = Map::Linear { features: 1 };
        builder.add("fc", learning(), vec![Projection::new(Source::Input, map)]).unwrap();
        let network = builder.build().unwrap();
        let decay = 0.5;
        for optimizer in [
            Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: decay, nesterov: false },
            Optimizer::Sgd { lr: 0.1, momentum: 0.9, weight_decay: decay, nesterov: false },
            Optimizer::Adam { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: decay },
            Optimizer::AdamW { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: decay },
        ] {
            let mut weights = vec![vec![1.0], vec![2.0]];
            OptimizerState::new(optimizer, &network).update(&mut weights, &network.zeros(), 0.1);
            assert!(weights[0][0] < 1.0 && weights[1] == [2.0], "{optimizer:?}: {weights:?}");
        }
    }

    #[test]
    fn a_restored_optimizer_goes_on_as_the_first_would() {
        let optimizer = Optimizer::Adam { lr: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.1 };
        let mut first = OptimizerState::new(optimizer, &network());
        let mut weights = vec![vec![1.0, -2.0]];
        first.update(&mut weights, &vec![vec![0.3, 0.7]], 0.1);
        let tensors = first.tensors().to_vec();
        let mut second = OptimizerState::restored(optimizer, &network(), tensors.clone(), first.updates()).unwrap();
        assert_eq!(second, first);
        for optimizer in [&mut first, &mut second] {
            optimizer.update(&mut weights.clone(), &vec![vec![-0.2, 0.1]], 0.1);
        }
        assert_eq!(second, first);
        let sgd = Optimizer::Sgd { lr: 0.1, momentum: 0.9, weight_decay: 0.0, nesterov: false };
        assert!(OptimizerState::restored(sgd, &network(), tensors, 1).is_err());
    }

    #[test]
    fn the_norm_is_of_all_tensors_together() {
        assert_eq!(norm(&vec![vec![3.0], vec![0.0, 4.0]]), 5.0);
        assert!(norm(&vec![vec![f32::NAN]]).is_nan());
    }

    #[test]
    fn clipping_scales_down_and_never_up() {
        let mut gradients = vec![vec![3.0], vec![0.0, 4.0]];
        clip(&mut gradients, 5.0, 10.0);
        assert_eq!(gradients, [vec![3.0], vec![0.0, 4.0]]);
        clip(&mut gradients, 5.0, 2.5);
        assert_eq!(gradients, [vec![1.5], vec![0.0, 2.0]]);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let gradients = vec![(0..100_000).map(|i| (i as f32).sin()).collect::<Vec<f32>>()];
        let norms = [1, 2, 7].map(|threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| norm(&gradients))
        });
        assert!(norms.iter().all(|norm| norm.to_bits() == norms[0].to_bits()));
    }
}
