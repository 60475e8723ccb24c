//! What is known of a network and a plan before the first trial: layouts, packed shapes, sizes.

use snn_core::{Error, Map, Memory, Network, Plan, Projection, Role, Shape, Source, Weights};

use crate::events::Events;
use crate::feed::{self, Feed};
use crate::layout::{Layout, WeightShape};
use crate::rule::SpikeGated;
use crate::simd::{LANE, Lane, Level, flat_mut};

/// Most steps that an event list can address.
const MAX_STEPS: usize = 1 << 16;

/// Most samples whose errors are held at once, for networks so small that it costs little.
const MAX_ROUND: usize = 16;

/// Neurons of all samples of a round together, which bounds the round of larger networks.
const ROUND_NEURONS: usize = 1 << 20;

/// Fewest samples of a round, whatever their size.
const MIN_ROUND: usize = 6;

/// A network laid out for a plan.
pub(crate) struct Compiled {
    pub(crate) network: Network,
    pub(crate) plan: Plan,
    pub(crate) level: Level,
    /// Density of the events above which the dense path is taken.
    pub(crate) dense_above: f32,
    pub(crate) input: Layout,
    pub(crate) populations: Vec<Layout>,
    /// Per population: what it reads.
    pub(crate) feeds: Vec<Vec<Feed>>,
    /// Per weight of the network.
    pub(crate) weights: Vec<WeightShape>,
    /// Per population: how errors pass its neurons, if by the paper's rule.
    pub(crate) rules: Vec<Option<SpikeGated>>,
    /// Words of 32 steps.
    pub(crate) words: usize,
    /// Samples whose errors are held at once, at most; each has a gradient buffer of its own.
    pub(crate) round: usize,
}

impl Compiled {
    pub(crate) fn new(network: &Network, plan: Plan, level: Level, dense_above: f32) -> Result<Self, Error> {
        plan.check_with(network)?;
        if plan.steps > MAX_STEPS {
            return Err(Error::Range {
                what: "steps".to_owned(),
                range: format!("at most {MAX_STEPS} on the cpu engine"),
                found: plan.steps.to_string(),
            });
        }
        let connections = || (0..network.populations().len()).flat_map(|index| network.connections(index));
        // An input that only linear maps read, with weights of their own, is better off as one long pixel.
        let is_shared = |weight: usize| connections().filter(|(_, other)| other.weight == Some(weight)).count() > 1;
        let is_flat =
            connections().filter(|(connection, _)| connection.source == Source::Input).all(|(_, projection)| {
                matches!(projection.map, Map::Linear { .. })
                    && projection.weight.is_none_or(|weight| !is_shared(weight))
            });
        let shape = network.input();
        let input = Layout::new(if is_flat { Shape::features(shape.len()) } else { shape });
        let populations: Vec<Layout> = network.populations().iter().map(|p| Layout::new(p.shape)).collect();
        let mut weights = vec![WeightShape::NONE; network.tensors().len()];
        for (index, target) in populations.iter().enumerate() {
            for (connection, projection) in network.connections(index) {
                let source = match connection.source {
                    Source::Input => &input,
                    Source::Population(index) => &populations[index],
                };
                if let Some(weight) = projection.weight {
                    let (taps, groups) = match projection.map {
                        Map::Conv(conv) => (conv.window.size[0] * conv.window.size[1], conv.groups),
                        _ => (source.pixels(), 1),
                    };
                    weights[weight] = WeightShape { outputs: target.channels, inputs: source.channels, taps, groups };
                }
            }
        }
        let rules = SpikeGated::of_all(network.populations().iter().map(|population| &population.neuron), plan.steps);
        let neurons: usize = populations.iter().map(|layout| layout.pixels() * layout.channels).sum();
        let round = (ROUND_NEURONS / neurons).clamp(MIN_ROUND, MAX_ROUND);
        let feeds = feed::of_all(network, plan);
        let (network, words) = (network.clone(), plan.steps.div_ceil(32));
        let mut compiled =
            Self { network, plan, level, dense_above, input, populations, feeds, weights, rules, words, round };
        // Samples of a group stay together, as they share their statistics.
        let group = compiled.group().unwrap_or(1);
        compiled.round = (round / group).max(1).saturating_mul(group).min(plan.batch);
        Ok(compiled)
    }

    /// Samples of the groups whose statistics normalise currents; none if those that are kept do.
    pub(crate) fn group(&self) -> Option<usize> {
        let mut norms = self.network.norms().filter(|norm| !self.network.is_fixed(norm));
        norms.next().filter(|_| self.plan.train).map(|norm| norm.group)
    }

    /// The projection of a population by which it is fed so.
    pub(crate) fn projection(&self, population: usize, feed: &Feed) -> &Projection {
        &self.network.populations()[population].inputs[feed.projection]
    }

    /// The weight that a feed goes through.
    pub(crate) fn weight_of(&self, population: usize, feed: &Feed) -> Option<usize> {
        self.projection(population, feed).weight
    }

    /// Layout of what the map of a projection gives, before it is pooled.
    pub(crate) fn mapped(&self, population: usize, projection: usize) -> Layout {
        Layout::new(self.network.mapped_shape(&self.network.populations()[population].inputs[projection]))
    }

    pub(crate) fn source(&self, source: Source) -> &Layout {
        match source {
            Source::Input => &self.input,
            Source::Population(index) => &self.populations[index],
        }
    }

    /// Bits of one sample of a population, in words; none for a readout.
    pub(crate) fn bit_words(&self, population: usize) -> usize {
        let layout = &self.populations[population];
        let fires = self.network.populations()[population].neuron.fires();
        if fires { layout.pixels() * self.words * layout.lanes * LANE } else { 0 }
    }

    /// Lanes of the numbers of one sample that a population passes on to others; none for those that fire, and for a readout.
    pub(crate) fn values(&self, population: usize) -> usize {
        let is_last = population + 1 == self.populations.len();
        let fires = self.network.populations()[population].neuron.fires();
        if fires || is_last { 0 } else { self.plan.steps * self.populations[population].width() }
    }

    /// Lanes of the numbers of one sample's input; none where it is spikes, or a current.
    pub(crate) fn input_values(&self) -> usize {
        if self.plan.numbers { self.plan.steps * self.input.width() } else { 0 }
    }

    /// The populations that fire, but that nothing reads.
    pub(crate) fn unread(&self) -> impl Iterator<Item = usize> {
        let populations = self.network.populations();
        let is_read = |index: usize| self.network.graph().last_reader(index).is_some();
        (0..populations.len()).filter(move |&index| populations[index].neuron.fires() && !is_read(index))
    }

    /// Whether events of a population or input so laid out are better turned into matrices.
    pub(crate) fn is_dense(&self, events: &Events, layout: &Layout) -> bool {
        events.density(layout, self.plan.steps) > self.dense_above
    }

    /// Shape of a projection's weight; no taps for maps without one.
    pub(crate) fn weight_shape(&self, weight: Option<usize>) -> WeightShape {
        weight.map_or(WeightShape::NONE, |index| self.weights[index])
    }

    /// The most that populations whose errors are held together take, each what `size` says of it. While the pass goes back
    /// through a population, these are itself and the earlier ones that it or a later one reads.
    pub(crate) fn most_live(&self, size: impl Fn(usize) -> usize) -> usize {
        let (mut most, mut held, mut ended) = (0, 0, vec![0; self.populations.len() + 1]);
        for index in 0..self.populations.len() {
            let own = size(index);
            held -= ended[index];
            most = most.max(held + own);
            if let Some(last) = self.network.graph().last_reader(index).filter(|&last| last > index) {
                held += own;
                ended[last + 1] += own;
            }
        }
        most
    }

    /// Whether errors of a population are asked for: by what is trained at or before it, or by a record.
    pub(crate) fn needs_errors(&self, population: usize) -> bool {
        self.plan.record || self.network.graph().needs_errors(population)
    }

    /// Whether a tensor is trained.
    pub(crate) fn is_trained(&self, tensor: usize) -> bool {
        self.network.tensors()[tensor].is_trained()
    }

    /// Whether a tensor is the weight of a linear map.
    pub(crate) fn is_linear(&self, tensor: usize) -> bool {
        let tensor = &self.network.tensors()[tensor];
        tensor.role == Role::Weight && tensor.shape.len() == 2
    }

    /// Whether a population has a bias that is trained.
    pub(crate) fn trains_bias(&self, population: usize) -> bool {
        let mut biases = self.network.populations()[population].inputs.iter().filter_map(|projection| projection.bias);
        biases.any(|bias| self.is_trained(bias))
    }

    /// The sum of the biases of a population, `[lane]`, those left out whose current is pooled first; empty if it has none.
    pub(crate) fn bias(&self, population: usize, weights: &Weights) -> Vec<Lane> {
        let inputs = self.network.populations()[population].inputs.iter();
        let mut sum = Vec::new();
        for bias in inputs.filter(|projection| projection.is_linear()).filter_map(|projection| projection.bias) {
            sum.resize(self.populations[population].lanes, Lane::ZERO);
            flat_mut(&mut sum).iter_mut().zip(&weights[bias]).for_each(|(sum, b)| *sum += b);
        }
        sum
    }

    /// Adds to the gradients of a population's biases the sums of its errors, `[channel]`.
    pub(crate) fn add_bias_gradients(&self, population: usize, sums: &[f32], gradients: &mut Weights) {
        let biases = self.network.populations()[population].inputs.iter().filter_map(|projection| projection.bias);
        for bias in biases.filter(|&bias| self.is_trained(bias)) {
            gradients[bias].iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += sum);
        }
    }

    /// Lanes of one sample's gradient buffers for convolutions: the largest of any population.
    pub(crate) fn gradient_lanes(&self) -> usize {
        let lanes = |index: usize| -> usize {
            let weights = self.feeds[index].iter().filter_map(|feed| self.weight_of(index, feed));
            weights.filter(|&weight| !self.is_linear(weight)).map(|weight| self.weights[weight].packed_lanes()).sum()
        };
        (0..self.populations.len()).map(lanes).max().unwrap_or(0)
    }

    /// Packs weights into rows.
    pub(crate) fn pack(&self, weights: &Weights, packed: &mut Vec<Vec<Lane>>) {
        packed.resize(weights.len(), Vec::new());
        let tensors = self.weights.iter().zip(weights).zip(packed);
        for ((shape, values), packed) in tensors.filter(|((shape, _), _)| shape.taps > 0) {
            packed.resize(shape.packed_lanes(), Lane::ZERO);
            shape.pack(values, packed, self.level.tile_lanes());
        }
    }

    /// What every session takes: weights, what trials leave behind, gradients as rows, and records.
    pub(crate) fn memory(&self) -> Memory {
        let Plan { batch, steps, train, record, stream, .. } = self.plan;
        let packed: usize = self.weights.iter().map(WeightShape::packed_lanes).sum();
        let neurons: usize = self.populations.iter().map(|layout| layout.width() * LANE).sum();
        let bits: usize = (0..self.populations.len()).map(|index| self.bit_words(index)).sum();
        let input = self.network.input().len();
        let outputs = steps * self.network.classes();
        let mut parts = vec![
            ("weights as rows", packed * size_of::<Lane>()),
            ("spikes", (bits + 2 * input * self.words + input) * size_of::<u32>() * batch),
            (
                "numbers",
                ((0..self.populations.len()).map(|index| self.values(index)).sum::<usize>() + self.input_values())
                    * size_of::<Lane>()
                    * batch,
            ),
            ("output over time", 2 * outputs * batch * size_of::<f32>()),
        ];
        if train {
            let linear = self.weights.iter().enumerate().filter(|(weight, _)| self.is_linear(*weight));
            let linear: usize = linear.map(|(_, shape)| shape.packed_lanes()).sum();
            parts.push(("gradients as rows", (linear + self.gradient_lanes() * self.round) * size_of::<Lane>()));
        }
        if record {
            let errors = if train { steps } else { 0 };
            parts.push(("record", neurons * batch * (1 + errors) * size_of::<f32>()));
        } else if stream {
            parts.push(("membranes", neurons * batch * size_of::<f32>()));
        }
        Memory { parts }
    }
}
