//! Everything that follows from a network and a plan before the first trial: layouts, packed weight shapes, buffer
//! sizes.

use snn_core::{Error, Map, Memory, Network, Plan, Projection, Role, Shape, Source, Weights};

use crate::events::Events;
use crate::feed::{self, Feed};
use crate::layout::{Layout, WeightShape};
use crate::rule::SpikeGated;
use crate::simd::{LANE, Lane, Level, flat_mut};

/// Maximum number of steps that an event list can address.
const MAX_STEPS: usize = 1 << 16;

/// Maximum number of samples in a round, reached by networks so small that holding their errors costs little.
const MAX_ROUND: usize = 16;

/// Maximum number of neurons of all samples of a round together; it bounds the round of larger networks.
const ROUND_NEURONS: usize = 1 << 20;

/// Minimum number of samples in a round, whatever their size.
const MIN_ROUND: usize = 6;

/// A network, laid out for a plan.
pub(crate) struct Compiled {
    pub(crate) network: Network,
    pub(crate) plan: Plan,
    pub(crate) level: Level,
    /// Spike density above which the dense path is taken.
    pub(crate) dense_above: f32,
    pub(crate) input: Layout,
    pub(crate) populations: Vec<Layout>,
    /// The feeds of each population.
    pub(crate) feeds: Vec<Vec<Feed>>,
    /// The packed shape of each tensor of the network; `WeightShape::NONE` for tensors that are not weights.
    pub(crate) weights: Vec<WeightShape>,
    /// The spike-gated gradient of each population; `None` for other gradients.
    pub(crate) rules: Vec<Option<SpikeGated>>,
    /// Number of 32-step words of a spike train.
    pub(crate) words: usize,
    /// Maximum number of samples that run together; each has a gradient buffer of its own.
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
        // An input that is read only by linear maps with unshared weights is faster when laid out as one long pixel.
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
        // A round holds whole groups, as the samples of a group share their statistics.
        let group = compiled.group().unwrap_or(1);
        compiled.round = (round / group).max(1).saturating_mul(group).min(plan.batch);
        Ok(compiled)
    }

    /// Number of samples in a group, whose shared statistics normalise currents; `None` unless the session trains a
    /// network that normalises by group statistics.
    pub(crate) fn group(&self) -> Option<usize> {
        let mut norms = self.network.norms().filter(|norm| !self.network.is_fixed(norm));
        norms.next().filter(|_| self.plan.train).map(|norm| norm.group)
    }

    /// The projection that a feed belongs to.
    pub(crate) fn projection(&self, population: usize, feed: &Feed) -> &Projection {
        &self.network.populations()[population].inputs[feed.projection]
    }

    /// The index of a feed's weight tensor.
    pub(crate) fn weight_of(&self, population: usize, feed: &Feed) -> Option<usize> {
        self.projection(population, feed).weight
    }

    /// Layout of the output of a projection's map, before it is pooled.
    pub(crate) fn mapped(&self, population: usize, projection: usize) -> Layout {
        Layout::new(self.network.mapped_shape(&self.network.populations()[population].inputs[projection]))
    }

    pub(crate) fn source(&self, source: Source) -> &Layout {
        match source {
            Source::Input => &self.input,
            Source::Population(index) => &self.populations[index],
        }
    }

    /// Number of words of the spike bits of one sample of a population; 0 if its neurons do not fire.
    pub(crate) fn bit_words(&self, population: usize) -> usize {
        let layout = &self.populations[population];
        let fires = self.network.populations()[population].neuron.fires();
        if fires { layout.pixels() * self.words * layout.lanes * LANE } else { 0 }
    }

    /// Number of lanes of the numbers that a population passes on to others, for one sample; 0 for populations that
    /// fire, and for a readout.
    pub(crate) fn values(&self, population: usize) -> usize {
        let is_last = population + 1 == self.populations.len();
        let fires = self.network.populations()[population].neuron.fires();
        if fires || is_last { 0 } else { self.plan.steps * self.populations[population].width() }
    }

    /// Number of lanes of one sample's input as numbers; 0 where the input is spikes or a current.
    pub(crate) fn input_values(&self) -> usize {
        if self.plan.numbers { self.plan.steps * self.input.width() } else { 0 }
    }

    /// The indices of populations that fire but are read by no other.
    pub(crate) fn unread(&self) -> impl Iterator<Item = usize> {
        let populations = self.network.populations();
        let is_read = |index: usize| self.network.graph().last_reader(index).is_some();
        (0..populations.len()).filter(move |&index| populations[index].neuron.fires() && !is_read(index))
    }

    /// Whether a source with this layout fires often enough for the dense path.
    pub(crate) fn is_dense(&self, events: &Events, layout: &Layout) -> bool {
        events.density(layout, self.plan.steps) > self.dense_above
    }

    /// Shape of a projection's weight; `WeightShape::NONE` for maps without weights.
    pub(crate) fn weight_shape(&self, weight: Option<usize>) -> WeightShape {
        weight.map_or(WeightShape::NONE, |index| self.weights[index])
    }

    /// The maximum, over the backward pass, of the summed `size` of the populations whose errors are held at the same
    /// time. While the pass is at a population, these are itself and the earlier ones that it or a later one reads.
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

    /// Whether a population's errors are needed: by a trained tensor at or before it, or by a record.
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

    /// The sum of a population's biases, `[lane]`, without those of projections that pool their current; empty if
    /// there are none.
    pub(crate) fn bias(&self, population: usize, weights: &Weights) -> Vec<Lane> {
        let inputs = self.network.populations()[population].inputs.iter();
        let mut sum = Vec::new();
        for bias in inputs.filter(|projection| projection.is_linear()).filter_map(|projection| projection.bias) {
            sum.resize(self.populations[population].lanes, Lane::ZERO);
            flat_mut(&mut sum).iter_mut().zip(&weights[bias]).for_each(|(sum, b)| *sum += b);
        }
        sum
    }

    /// Adds the summed errors of a population, `[channel]`, to the gradients of its biases.
    pub(crate) fn add_bias_gradients(&self, population: usize, sums: &[f32], gradients: &mut Weights) {
        let biases = self.network.populations()[population].inputs.iter().filter_map(|projection| projection.bias);
        for bias in biases.filter(|&bias| self.is_trained(bias)) {
            gradients[bias].iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += sum);
        }
    }

    /// Number of lanes of one sample's gradient buffers for convolutions: those of the population that needs most.
    pub(crate) fn gradient_lanes(&self) -> usize {
        let lanes = |index: usize| -> usize {
            let weights = self.feeds[index].iter().filter_map(|feed| self.weight_of(index, feed));
            weights.filter(|&weight| !self.is_linear(weight)).map(|weight| self.weights[weight].packed_lanes()).sum()
        };
        (0..self.populations.len()).map(lanes).max().unwrap_or(0)
    }

    /// Packs all weights into rows.
    pub(crate) fn pack(&self, weights: &Weights, packed: &mut Vec<Vec<Lane>>) {
        packed.resize(weights.len(), Vec::new());
        let tensors = self.weights.iter().zip(weights).zip(packed);
        for ((shape, values), packed) in tensors.filter(|((shape, _), _)| shape.taps > 0) {
            packed.resize(shape.packed_lanes(), Lane::ZERO);
            shape.pack(values, packed, self.level.tile_lanes());
        }
    }

    /// The memory that both kinds of session need: packed weights, the results of trials, packed gradients, and
    /// records.
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
