//! Networks: populations in evaluation order, each of which sums the currents of its projections.

mod builder;
mod folding;
mod graph;
mod norm;
mod population;
mod projection;
mod splitting;
mod tensor;

use std::fmt::Debug;

use crate::error::Error;
use crate::finite::{LARGEST_WEIGHT, check_finite};
use crate::neuron::Neuron;
use crate::random::{Purpose, Stream};
use crate::shape::Shape;
use crate::standardisation::standardise;

pub use builder::Builder;
pub use graph::{Connection, Graph, Reader};
pub use norm::{GroupStatistics, Norm, NormTensors};
pub use population::Population;
pub use projection::{Join, Projection, Source};
pub use splitting::Split;
pub use tensor::{Initial, Role, Tensor};

/// Values of all tensors of a network, row-major, in the order of [`Network::tensors`]. Gradients and optimizer state
/// have the same form.
pub type Weights = Vec<Vec<f32>>;

/// A validated network: all shapes fit, all names are unique, and only the loss reads the last population.
#[derive(Debug, Clone)]
pub struct Network {
    input: Shape,
    populations: Vec<Population>,
    tensors: Vec<Tensor>,
    graph: Graph,
    kappa: f32,
}

impl Network {
    /// Starts building a network with an input of shape `input`.
    pub fn builder(input: Shape) -> Builder {
        let network = Self { input, populations: Vec::new(), tensors: Vec::new(), graph: Graph::default(), kappa: 2.0 };
        Builder::new(network)
    }

    /// Shape of the input.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Populations in evaluation order; the last one gives the output.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// Trainable tensors, in the order in which they were added.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Number of parameters: values of all tensors, including frozen ones. Running means and variances of
    /// normalisations do not count, as they are not learned.
    pub fn parameters(&self) -> usize {
        self.tensors.iter().filter(|tensor| tensor.role != Role::Running).map(Tensor::len).sum()
    }

    /// Variance of initial weights times their fan-in.
    pub fn kappa(&self) -> f32 {
        self.kappa
    }

    /// Number of classes: neurons of the last population.
    pub fn classes(&self) -> usize {
        self.populations.last().map_or(0, |readout| readout.shape.len())
    }

    /// Shape of the output of `source`.
    pub fn shape(&self, source: Source) -> Shape {
        match source {
            Source::Input => self.input,
            Source::Population(index) => self.populations[index].shape,
        }
    }

    /// Output shape of the map of a projection of this network, before pooling.
    ///
    /// # Panics
    /// If the projection does not belong to this network and its map does not fit.
    pub fn mapped_shape(&self, projection: &Projection) -> Shape {
        let source = projection.sources.first().map_or(self.input, |source| self.shape(*source));
        projection.map.output(source).expect("the map was checked when its population was added")
    }

    /// The connections between populations.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Connections of the population at `index`, in the order of [`Graph::connections`], each with its projection.
    pub fn connections(&self, index: usize) -> impl ExactSizeIterator<Item = (Connection, &Projection)> {
        let inputs = &self.populations[index].inputs;
        self.graph.connections(index).iter().map(|connection| (*connection, &inputs[connection.projection]))
    }

    /// Returns the network truncated after the population at `last`, without dropout, and with `neuron` in that
    /// population. Its tensors are the first tensors of this network.
    ///
    /// # Errors
    /// [`Error::Network`] if there is no such population; [`Error::Population`] if the neuron does not fit there.
    pub fn up_to(&self, last: usize, neuron: &Neuron) -> Result<Self, Error> {
        let missing = || Error::Network(format!("it has {} populations, none at {last}", self.populations.len()));
        let mut builder = Self::builder(self.input);
        builder.network.kappa = self.kappa;
        for (index, population) in self.populations.get(..=last).ok_or_else(missing)?.iter().enumerate() {
            let neuron = if index == last { neuron } else { &population.neuron };
            builder.add(&population.name, neuron.clone(), population.inputs.clone())?;
        }
        for (weight, own) in builder.network.tensors.iter_mut().zip(&self.tensors) {
            weight.standardised = own.standardised;
            weight.frozen = own.frozen;
        }
        builder.build()
    }

    /// Draws initial weights from `seed`: normal with mean 0 and variance `kappa / fan_in`. Weights to be standardised
    /// are standardised after the draw. Constants of neurons and other tensors with a fixed initial value start from
    /// it.
    pub fn initial_weights(&self, seed: u64) -> Weights {
        let stream = Stream::new(seed, Purpose::Initialisation);
        let draw = |(index, weight): (usize, &Tensor)| {
            if let Initial::Value(value) = weight.initial {
                return vec![value; weight.len()];
            }
            let deviation = (self.kappa / weight.fan_in() as f32).sqrt();
            let mut drawn: Vec<f32> =
                (0..weight.len()).map(|i| deviation * stream.normal(0, 0, index as u32, i as u32)).collect();
            if weight.standardised {
                standardise(&drawn.clone(), &vec![self.kappa.sqrt(); weight.shape[0]], &mut drawn);
            }
            drawn
        };
        self.tensors.iter().enumerate().map(draw).collect()
    }

    /// Returns the network with an additional tensor `<weight>.gain` `[C_out]` for each standardised weight, after all
    /// others: the tensors that an optimizer updates. `None` if no weight is standardised.
    pub fn with_gains(&self) -> Option<Self> {
        let standardised = self.tensors.iter().filter(|weight| weight.standardised);
        let gains: Vec<Tensor> = standardised.map(Tensor::gain).collect();
        (!gains.is_empty()).then(|| Self { tensors: [self.tensors.clone(), gains].concat(), ..self.clone() })
    }

    /// Freezes the tensors for which `frozen` holds, in the order of [`Network::tensors`], and unfreezes the others.
    /// Frozen weights are no longer standardised, as this would change them.
    #[must_use]
    pub fn freeze(mut self, frozen: &[bool]) -> Self {
        for (tensor, frozen) in self.tensors.iter_mut().zip(frozen) {
            tensor.frozen = *frozen;
            tensor.standardised &= !*frozen;
        }
        self.graph.mark_trained(&self.populations, &self.tensors);
        self
    }

    /// Sets the gradients of tensors that are not trained to 0.
    pub fn zero_untrained(&self, gradients: &mut Weights) {
        for (_, gradient) in self.tensors.iter().zip(gradients).filter(|(tensor, _)| !tensor.is_trained()) {
            gradient.fill(0.0);
        }
    }

    /// Zeros in the form of the weights.
    pub fn zeros(&self) -> Weights {
        self.tensors.iter().map(|weight| vec![0.0; weight.len()]).collect()
    }

    /// Checks that `weights` has the form of this network's weights, and that all values are finite and no larger in
    /// magnitude than [`LARGEST_WEIGHT`].
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::NotFinite`] naming the first tensor that fails.
    pub fn check_weights(&self, weights: &Weights) -> Result<(), Error> {
        self.check_form(weights)?;
        let mut named = self.tensors.iter().zip(weights);
        named.try_for_each(|(weight, values)| {
            check_finite(|| format!("weight \"{}\"", weight.name), values, LARGEST_WEIGHT)
        })
    }

    /// Checks that `weights` has the form of this network's weights, without looking at the values.
    ///
    /// # Errors
    /// [`Error::Size`] naming the first tensor that fails.
    pub fn check_form(&self, weights: &Weights) -> Result<(), Error> {
        if weights.len() != self.tensors.len() {
            return Err(Error::size("weights", format!("{} tensors", self.tensors.len()), weights.len()));
        }
        for (weight, values) in self.tensors.iter().zip(weights) {
            if values.len() != weight.len() {
                let expected = format!("{:?} = {} values", weight.shape, weight.len());
                return Err(Error::size(format!("weight \"{}\"", weight.name), expected, values.len()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::neuron::Gradient;
    use crate::pool::Pool;

    fn conv(channels: usize, kernel: usize, stride: usize, padding: usize) -> Map {
        Map::conv(channels, [kernel, kernel], stride, padding)
    }

    fn message(result: Result<Source, Error>) -> String {
        result.expect_err("the population is wrong").to_string()
    }

    #[test]
    fn a_residual_block_sums_two_projections() {
        let mut builder = Network::builder(Shape::new(3, 8, 8));
        let stem = builder.add("stem", Neuron::lif(), vec![Projection::new(Source::Input, conv(4, 3, 1, 1))]).unwrap();
        let inner = builder.add("inner", Neuron::lif(), vec![Projection::new(stem, conv(4, 3, 1, 1))]).unwrap();
        let sum = vec![Projection::new(inner, conv(4, 3, 2, 1)), Projection::new(stem, Map::Subsample { stride: 2 })];
        let block = builder.add("block", Neuron::lif(), sum).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(block, Map::Linear { features: 2 })]).unwrap();
        let network = builder.build().unwrap();
        assert_eq!(network.shape(block), Shape::new(4, 4, 4));
        assert_eq!(network.tensors()[3], Tensor::weight("readout", vec![2, 64]));
        assert_eq!(network.parameters(), 3 * 4 * 9 + 2 * 4 * 4 * 9 + 128);
    }

    #[test]
    fn projections_whose_weights_are_named_alike_share_one_and_sources_can_be_summed() {
        let mut builder = Network::builder(Shape::new(2, 4, 4));
        let relay = |source| vec![Projection::new(source, Map::Subsample { stride: 1 })];
        let [a, b] = ["a", "b"].map(|name| builder.add(name, Neuron::lif(), relay(Source::Input)).unwrap());
        let same = conv(3, 3, 1, 1);
        let inputs =
            vec![Projection::new(vec![a, b], same).named("w").with_bias(), Projection::new(a, same).named("w")];
        let c = builder.add("c", Neuron::lif(), inputs).unwrap();
        let again = vec![Projection::new(b, same).named("w").with_bias()];
        builder.add("d", Neuron::lif(), again).unwrap();
        let other = vec![Projection::new(b, conv(2, 3, 1, 1)).named("w")];
        assert_eq!(
            message(builder.clone().add("e", Neuron::lif(), other)),
            "population \"e\": it cannot share the weight \"w\": [2, 2, 3, 3] of what is 2x4x4 is needed, and that is [3, 2, \
             3, 3] of what is 2x4x4"
        );
        assert_eq!(
            message(builder.clone().add("e", Neuron::lif(), vec![Projection::new(vec![a, c], same)])),
            "population \"e\": what is summed up before a map differs in shape: 2x4x4 and 3x4x4"
        );
        builder.add("readout", Neuron::readout(), vec![Projection::new(c, Map::Linear { features: 2 })]).unwrap();
        let network = builder.build().unwrap();
        let names: Vec<&str> = network.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["w", "w.bias", "readout"]);
        assert_eq!(network.tensors()[1].shape, [3]);
        let tensors =
            |index: usize| network.populations()[index].inputs.iter().map(|p| (p.weight, p.bias)).collect::<Vec<_>>();
        assert_eq!(tensors(2), [(Some(0), Some(1)), (Some(0), None)]);
        assert_eq!(tensors(3), [(Some(0), Some(1))]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut builder = Network::builder(Shape::new(1, 4, 4));
        let input = |map| vec![Projection::new(Source::Input, map)];
        assert_eq!(
            message(builder.add("a", Neuron::lif(), input(conv(2, 7, 1, 1)))),
            "population \"a\": input 1x4x4: height 4 with padding 1 is smaller than the window of 7"
        );
        assert_eq!(message(builder.add("a", Neuron::lif(), vec![])), "population \"a\": it has no input");
        builder.add("a", Neuron::lif(), input(conv(2, 3, 1, 1))).unwrap();
        assert_eq!(
            message(builder.add("a", Neuron::lif(), input(conv(2, 3, 1, 1)))),
            "population \"a\": another population has this name"
        );
        let sum = [input(conv(2, 3, 1, 1)), input(conv(3, 3, 1, 1))].concat();
        assert_eq!(
            message(builder.add("b", Neuron::lif(), sum)),
            "population \"b\": its inputs differ in shape: 2x4x4 and 3x4x4"
        );
        builder.add("b", Neuron::readout(), input(conv(2, 3, 1, 1))).unwrap();
        builder.add("c", Neuron::readout(), input(conv(2, 3, 1, 1))).unwrap();
        assert_eq!(
            builder.build().unwrap_err().to_string(),
            "network: only the last population may be a readout, as the neuron LeakyIntegrator of \"b\" makes it"
        );
    }

    #[test]
    fn what_can_be_neither_joined_pooled_nor_normalised_is_told() {
        let mut builder = Network::builder(Shape::new(1, 4, 4));
        let surrogate = || Neuron::lif().with_gradient(Gradient::surrogate(crate::surrogate::Atan::default()));
        let input = |map| Projection::new(Source::Input, map);
        let a = builder.add("a", surrogate(), vec![input(conv(2, 3, 1, 1))]).unwrap();
        let b = builder.add("b", surrogate(), vec![input(conv(3, 3, 1, 1))]).unwrap();
        let numbers = builder.add("n", crate::neuron::Identity {}.neuron(), vec![input(conv(2, 3, 1, 1))]).unwrap();
        let normed = |group| Projection::new(a, conv(2, 3, 1, 1)).with_norm(Norm::new(group));
        let mut told = |neuron: Neuron, input: Projection| message(builder.add("c", neuron, vec![input]));
        for (projection, expected) in [
            (Projection::and(a, b), "what is joined differs in shape: 2x4x4 and 3x4x4"),
            (Projection::and_not(a, Source::Input), "what is joined differs in shape: 2x4x4 and 1x4x4"),
            (Projection::and(a, numbers), "AND joins spikes, and \"n\" (Identity) passes on numbers"),
            (
                Projection { join: Join::AndNot, ..Projection::new(a, conv(2, 3, 1, 1)) },
                "AND-NOT joins two sources, not 1",
            ),
            (
                Projection::new(a, conv(2, 3, 1, 1)).with_pool(Pool::max(5)),
                "the pool of its current, 2x4x4: height 4 with padding 0 is smaller than the window of 5",
            ),
            (normed(0), "a group of its normalisation must have at least 1 sample"),
            (
                normed(4).with_bias(),
                "a bias before a normalisation does nothing, as the mean is taken away; leave the bias out, the normalisation \
                 has a shift",
            ),
            (
                Projection::new(a, Map::IDENTITY).with_norm(Norm::new(4)),
                "a normalisation follows a map with a weight, of which it becomes a part once training is done",
            ),
        ] {
            assert_eq!(told(surrogate(), projection), format!("population \"c\": {expected}"));
        }
        assert_eq!(
            told(Neuron::lif(), normed(4)),
            "population \"c\": the paper's rule goes by spikes alone and passes no error through a normalisation; take a \
             surrogate gradient, or `standardise: true`, which acts on weights alone"
        );
        let mut alone = Network::builder(Shape::new(2, 4, 4));
        assert_eq!(
            message(alone.add("d", surrogate(), vec![Projection::and(Source::Input, Source::Input)])),
            "population \"d\": AND joins spikes of populations and cannot read the input; read it by a population first"
        );
        let mut mixed = builder.clone();
        mixed.add("c", surrogate(), vec![normed(4)]).unwrap();
        mixed.add("d", surrogate(), vec![normed(8)]).unwrap();
        assert_eq!(
            mixed.build().unwrap_err().to_string(),
            "network: \"c\" is normalised over groups of 4 samples, \"d\" over groups of 8; all must be alike"
        );
        builder.add("c", surrogate(), vec![normed(4).named("w")]).unwrap();
        builder.add("d", surrogate(), vec![Projection::new(a, conv(2, 3, 1, 1)).named("w")]).unwrap();
        assert_eq!(
            builder.build().unwrap_err().to_string(),
            "population \"c\": its weight \"w\" is shared, and cannot become one with a normalisation; sum the sources up \
             instead"
        );
    }

    #[test]
    fn a_population_that_failed_leaves_no_weight_behind() {
        let mut builder = Network::builder(Shape::new(1, 4, 4));
        let sum = vec![
            Projection::new(Source::Input, conv(2, 3, 1, 1)),
            Projection::new(Source::Input, conv(3, 3, 1, 1)).named("other"),
        ];
        builder.add("a", Neuron::lif(), sum).unwrap_err();
        builder.add("a", Neuron::readout(), vec![Projection::new(Source::Input, Map::Linear { features: 2 })]).unwrap();
        assert_eq!(builder.build().unwrap().tensors().len(), 1);
    }

    #[test]
    fn a_network_can_end_earlier() {
        let mut builder = Network::builder(Shape::new(1, 6, 6));
        let lif = Neuron::lif();
        let first =
            builder.add_with_dropout("a", lif.clone(), 0.5, vec![Projection::new(Source::Input, conv(2, 3, 1, 1))]);
        let first = first.unwrap();
        builder.add("b", lif.clone(), vec![Projection::new(first, conv(3, 3, 1, 1))]).unwrap();
        let whole = builder.build().unwrap();
        let part = whole.up_to(0, &lif).unwrap();
        assert_eq!((part.tensors(), part.classes()), (&whole.tensors()[..1], 2 * 6 * 6));
        assert_eq!((&*part.populations()[0].name, part.populations()[0].dropout), ("a", 0.0));
        assert_eq!(part.initial_weights(3)[..], whole.initial_weights(3)[..1]);
        assert!(whole.up_to(2, &lif).is_err());
    }

    #[test]
    fn hidden_weights_can_be_standardised() {
        let mut builder = Network::builder(Shape::new(3, 6, 6));
        builder.standardise(true);
        let hidden = vec![Projection::new(Source::Input, conv(2, 3, 1, 1))];
        let hidden = builder.add("conv1", Neuron::lif(), hidden).unwrap();
        let output = vec![Projection::new(hidden, Map::Linear { features: 2 })];
        builder.add("readout", Neuron::readout(), output).unwrap();
        let network = builder.build().unwrap();
        assert_eq!(network.tensors().iter().map(|weight| weight.standardised).collect::<Vec<_>>(), [true, false]);
        let form = network.with_gains().unwrap();
        let gain = network.tensors()[0].gain();
        assert_eq!((&*gain.name, &*gain.shape, gain.role), ("conv1.gain", &[2][..], Role::Scale));
        assert_eq!(form.tensors(), [network.tensors(), &[gain]].concat());
        let drawn = network.initial_weights(1);
        assert!(drawn[0].chunks(27).all(|channel| channel.iter().sum::<f32>().abs() < 1e-5), "mean 0");
        assert!(network.up_to(0, &Neuron::lif()).unwrap().with_gains().is_some());
        assert!(network.up_to(0, &Neuron::readout()).unwrap().with_gains().is_some(), "as it is in the whole network");
    }

    #[test]
    fn names_of_gains_are_taken() {
        let mut builder = Network::builder(Shape::features(3));
        builder.standardise(true);
        let linear = Map::Linear { features: 3 };
        let a = builder.add("a", Neuron::lif(), vec![Projection::new(Source::Input, linear)]).unwrap();
        let gain = vec![Projection::new(a, linear).named("a.gain")];
        assert_eq!(
            message(builder.clone().add("b", Neuron::lif(), gain)),
            "population \"b\": another weight is named \"a.gain\"; give this one a name of its own"
        );
        let output = vec![Projection::new(a, linear).named("a")];
        assert_eq!(
            message(builder.add("readout", Neuron::readout(), output)),
            "population \"readout\": it cannot share the weight \"a\", as only one of both would be standardised"
        );
    }

    #[test]
    fn frozen_weights_are_not_standardised() {
        let mut builder = Network::builder(Shape::features(3));
        builder.standardise(true);
        let linear = Map::Linear { features: 3 };
        let a = builder.add("a", Neuron::lif(), vec![Projection::new(Source::Input, linear)]).unwrap();
        builder.add("b", Neuron::lif(), vec![Projection::new(a, linear)]).unwrap();
        let network = builder.build().unwrap().freeze(&[true, false]);
        let names: Vec<String> = network.with_gains().unwrap().tensors().iter().map(|t| t.name.clone()).collect();
        assert_eq!(names, ["a", "b", "b.gain"]);
        let mut gradients = vec![vec![1.0; 9], vec![1.0; 9]];
        network.zero_untrained(&mut gradients);
        assert_eq!(gradients, [[0.0; 9], [1.0; 9]]);
    }

    #[test]
    fn a_population_may_feed_itself_once_its_shape_is_known() {
        let mut builder = Network::builder(Shape::features(3));
        let own = Projection::new(builder.recurrent_source(), Map::Linear { features: 4 });
        assert_eq!(
            message(builder.add("a", Neuron::lif(), vec![own.clone()])),
            "population \"a\": its first input cannot be the population itself"
        );
        let inputs = vec![Projection::new(Source::Input, Map::Linear { features: 4 }), own];
        builder.add("a", Neuron::lif(), inputs).unwrap();
        let network = builder.build().unwrap();
        assert_eq!((network.tensors()[1].name.as_str(), &network.tensors()[1].shape), ("a.recurrent", &vec![4, 4]));
    }

    #[test]
    fn weights_have_variance_kappa_over_fan_in() {
        let mut builder = Network::builder(Shape::features(500));
        builder.kappa(3.0).unwrap();
        let map = Map::Linear { features: 100 };
        builder.add("a", Neuron::lif(), vec![Projection::new(Source::Input, map)]).unwrap();
        let network = builder.build().unwrap();
        let weights = network.initial_weights(1);
        network.check_weights(&weights).unwrap();
        let variance = weights[0].iter().map(|w| f64::from(w * w)).sum::<f64>() / 50_000.0;
        assert!((variance * 500.0 / 3.0 - 1.0).abs() < 0.02, "{variance}");
        assert_ne!(weights, network.initial_weights(2));
    }
}
