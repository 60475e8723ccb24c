//! Populations, and the values of their neurons' trainable constants.

use super::Projection;
use crate::neuron::Neuron;
use crate::neuron::{Float, Per};
use crate::shape::Shape;

/// A population: neurons of one kind, their shape, and the projections that feed them.
#[derive(Debug, Clone)]
pub struct Population {
    /// Unique name, such as `conv1`.
    pub name: String,
    /// Shape of one sample at one time step.
    pub shape: Shape,
    /// The neuron model.
    pub neuron: Neuron,
    /// Indices into [`Network::tensors`](crate::Network::tensors) of the neuron's trainable constants, in the order of
    /// [`Neuron::parameters`].
    pub parameters: Vec<usize>,
    /// Probability with which a neuron's output is dropped for a whole training trial, in `[0, 1)`.
    pub dropout: f32,
    /// Projections whose currents are summed.
    pub inputs: Vec<Projection>,
}

impl Population {
    /// Values of the trainable constants for the neurons of `samples` samples, as [`Neuron::step`] takes them: `[P]` if
    /// all neurons share them, else `[P][samples · neurons]`. `tensors` are all tensors of the network.
    pub fn constants<F: Float>(&self, tensors: &[Vec<F>], samples: usize) -> Vec<F> {
        let each = self.neuron.parameters().into_iter().zip(&self.parameters);
        let values = each.flat_map(|(parameter, &tensor)| {
            let trained = &tensors[tensor];
            let copies = if self.neuron.per() == Per::Population { 1 } else { samples * self.shape.len() };
            (0..copies).map(move |neuron| parameter.link.value(trained[self.place(neuron)]))
        });
        values.collect()
    }

    /// Adds the gradients of the trainable constants to `gradients`, given the errors `d` of their values in the form
    /// of [`Population::constants`].
    pub fn constants_adjoint<F: Float>(&self, tensors: &[Vec<F>], samples: usize, d: &[f64], gradients: &mut [Vec<F>]) {
        let copies = if self.neuron.per() == Per::Population { 1 } else { samples * self.shape.len() };
        for ((parameter, &tensor), d) in self.neuron.parameters().iter().zip(&self.parameters).zip(d.chunks(copies)) {
            let mut sums = vec![0.0; tensors[tensor].len()];
            for (neuron, d) in d.iter().enumerate() {
                sums[self.place(neuron)] += d;
            }
            for ((gradient, trained), sum) in gradients[tensor].iter_mut().zip(&tensors[tensor]).zip(sums) {
                let slope = parameter.link.value(crate::real::Dual::variable(*trained)).slope;
                *gradient = *gradient + slope * F::narrow(sum);
            }
        }
    }

    /// Shape of the tensor of each trainable constant.
    pub(super) fn constant_shape(neuron: &Neuron, shape: Shape) -> Vec<usize> {
        match neuron.per() {
            Per::Population => vec![1],
            Per::Channel => vec![shape.channels],
            Per::Neuron => vec![shape.channels, shape.height, shape.width],
        }
    }

    /// Index of a neuron's value in the tensor of a constant; `neuron` counts over all samples.
    fn place(&self, neuron: usize) -> usize {
        match self.neuron.per() {
            Per::Population => 0,
            Per::Channel => neuron / self.shape.pixels() % self.shape.channels,
            Per::Neuron => neuron % self.shape.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Network, Source};
    use crate::neuron::Gradient;
    use crate::neuron::Plif;
    use crate::surrogate::Atan;

    fn population(per: Per) -> (Network, Vec<Vec<f64>>) {
        let plif = Plif { learn_threshold: true, per, ..Plif::default() };
        let neuron = Neuron::new("Plif", plif, Gradient::surrogate(Atan::default()));
        let mut builder = Network::builder(Shape::new(2, 1, 3));
        builder.add("a", neuron, vec![Projection::new(Source::Input, Map::Subsample { stride: 1 })]).unwrap();
        let network = builder.build().unwrap();
        let values = |(index, tensor): (usize, &crate::network::Tensor)| {
            (0..tensor.len()).map(|i| (10 * index + i) as f64).collect::<Vec<f64>>()
        };
        let tensors = network.tensors().iter().enumerate().map(values).collect();
        (network, tensors)
    }

    #[test]
    fn neurons_find_the_constants_of_their_channel() {
        let (network, tensors) = population(Per::Channel);
        assert_eq!(network.tensors()[1].shape, [2]);
        let found = network.populations()[0].constants(&tensors, 2);
        let thresholds = [10.0, 10.0, 10.0, 11.0, 11.0, 11.0];
        assert_eq!(found[12..], [thresholds, thresholds].concat());
        assert_eq!(found[0], 0.5, "the sigmoid of 0");
    }

    #[test]
    fn errors_of_neurons_are_summed_where_they_share_a_constant() {
        let d: Vec<f64> = (0..24).map(f64::from).collect();
        for (per, expected) in [
            (
                Per::Channel,
                vec![
                    vec![0.0; 2],
                    vec![13.0 + 14.0 + 12.0 + 18.0 + 19.0 + 20.0, 15.0 + 16.0 + 17.0 + 21.0 + 22.0 + 23.0],
                ],
            ),
            (Per::Neuron, vec![vec![0.0; 6], (0..6).map(|i| f64::from(2 * i) + 30.0).collect()]),
        ] {
            let (network, tensors) = population(per);
            let mut gradients = expected.iter().map(|values| vec![0.0; values.len()]).collect::<Vec<_>>();
            network.populations()[0].constants_adjoint(&tensors, 2, &d, &mut gradients);
            assert_eq!(gradients[1], expected[1]);
        }
        let (network, tensors) = population(Per::Population);
        let mut gradients = vec![vec![0.0], vec![0.0]];
        network.populations()[0].constants_adjoint(&tensors, 2, &[4.0, 3.0], &mut gradients);
        assert_eq!(gradients, [[1.0], [3.0]]);
    }
}
