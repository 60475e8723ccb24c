//! Random networks, and the trials that they are tried by.
//!
//! Weights are multiples of 1/64, masks of 1/2, currents of 1/32, and averages are over 2x2. Single precision then
//! represents every current exactly, in any order of summation, so membranes and spikes are bit-identical. (Averages
//! over 3x3 are not exact; they are the only input of their population, for which both engines sum in the same order.)
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::engine::Plan;
use crate::map::Map;
use crate::network::{Join, Network, Norm, Projection, Role, Source, Weights};
use crate::neuron::{Gradient, Neuron};
use crate::pool::{Pool, PoolKind};
use crate::shape::Shape;

use super::maps::{fitted, is_exact, projections_onto};
use super::words::Words;

/// Limit on the multiply-accumulates of a trial in the reference engine, which is slow.
const BUDGET: u64 = 2_000_000;

/// A random network and a random trial of it.
#[derive(Debug, Clone)]
pub struct EngineCase {
    /// Shape of the input.
    pub input: Shape,
    /// Hidden populations.
    pub layers: Vec<LayerCase>,
    /// Output population.
    pub last: LayerCase,
    /// Largest weight, in units of 1/64.
    pub largest: u32,
    /// Steps of a trial.
    pub steps: usize,
    /// Samples of a trial.
    pub samples: usize,
    /// Additional samples that the plan has room for.
    pub spare: usize,
    /// Input of the trial.
    pub stimulus: InputCase,
    /// Dropout of the trial.
    pub dropout: DropoutCase,
    /// Steps at which the output has errors.
    pub output_errors: OutputErrors,
    /// Whether the loss depends on the emitted spike counts.
    pub emitted_errors: bool,
    /// See [`Plan::chunk`].
    pub chunk: Option<usize>,
    /// Seed of weights, input, masks and errors.
    pub seed: u64,
    /// Order in which the case is shrunk if it takes too long, as indices into steps, samples and input size: the first
    /// two alternate, then the third.
    pub shrink: [usize; 3],
    /// Bit `i` freezes tensor `i`.
    pub frozen: u32,
    /// Group size of normalisations, in samples.
    pub group: usize,
}

/// One population. Properties that do not fit the network are adjusted until they do.
#[derive(Debug, Clone)]
pub struct LayerCase {
    /// The map of the first projection.
    pub map: Map,
    /// Distance of its source, counted in populations backwards.
    pub back: usize,
    /// Whether the first projection has a bias.
    pub bias: bool,
    /// Selects another source of the same shape for the first projection. The flag says whether it is read through a
    /// projection of its own that shares the weight, rather than summed before the map.
    pub also: Option<(usize, bool)>,
    /// Selects an additional projection among all that fit.
    pub second: Option<usize>,
    /// Pool, normalisation and join of the first projection.
    pub stages: StagesCase,
    /// The neurons.
    pub neuron: Neuron,
    /// Selects a recurrent projection among all that fit, if the neuron fires.
    pub own: Option<usize>,
    /// Dropout probability.
    pub dropout: f32,
}

/// Operations of the first projection besides its map, used where they fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct StagesCase {
    /// Pool of the current.
    pub pool: Option<Pool>,
    /// Whether the current is normalised.
    pub is_normalised: bool,
    /// Joins the source with another firing population of the same shape, selected by index. A join replaces the map.
    pub join: Option<(Join, usize)>,
}

/// Kind of input of a trial.
#[derive(Debug, Clone, Copy)]
pub enum InputCase {
    /// Spikes.
    Spikes {
        /// Fraction of steps and neurons with a spike.
        density: f32,
        /// Whether half of them are negative.
        signed: bool,
    },
    /// Images, encoded by [`Poisson`](crate::Poisson).
    Poisson {
        /// Scale of the Poisson encoder: the firing probability of an input of 1.
        scale: f32,
        /// Whether half of the pixels are negative.
        signed: bool,
    },
    /// Images, encoded by [`Direct`](crate::Direct).
    Direct,
    /// Numbers, the same input at every step.
    Current,
    /// Numbers that differ from step to step.
    Numbers,
}

/// Kind of dropout of a trial.
#[derive(Debug, Clone, Copy)]
pub enum DropoutCase {
    /// No dropout.
    Off,
    /// Given masks.
    Masks,
    /// Masks drawn by the engine.
    Drawn,
}

/// Steps at which the output has errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutputErrors {
    /// The last step.
    Final,
    /// A random third of the steps.
    Some,
    /// All steps.
    All,
}

impl EngineCase {
    /// Shrinks the case until the reference engine is fast enough.
    #[must_use]
    pub fn within_budget(mut self) -> Self {
        while self.operations() > BUDGET {
            let Shape { height, width, .. } = self.input;
            let size = if height > width { &mut self.input.height } else { &mut self.input.width };
            let extents = [&mut self.steps, &mut self.samples, size];
            let shrink = self.shrink.into_iter().find(|&which| *extents[which] > 1);
            let Some(which) = shrink else { return self.narrowed() };
            *extents[which] = *extents[which] * 3 / 4;
            self.shrink.swap(0, 1);
        }
        self
    }

    /// The same case with one input channel.
    fn narrowed(mut self) -> Self {
        self.input.channels = 1;
        self
    }

    fn operations(&self) -> u64 {
        let network = self.network();
        let operations = |source: Source, map: Map, target: Shape| match map {
            Map::AvgPool { size, .. } => (size * size * target.len()) as u64,
            Map::Subsample { .. } => target.len() as u64,
            Map::Conv(_) | Map::Linear { .. } => map.dense_operations(network.shape(source)),
        };
        let of = |(index, p): (usize, &crate::network::Population)| {
            let connections = network.connections(index);
            connections.map(|(read, projection)| operations(read.source, projection.map, p.shape)).sum::<u64>()
        };
        let sum: u64 = network.populations().iter().enumerate().map(of).sum();
        sum * (self.steps * self.samples) as u64
    }

    /// The network.
    ///
    /// # Panics
    /// If no network can be made of the case, which is a bug of this test.
    pub fn network(&self) -> Network {
        let mut builder = Network::builder(self.input);
        let mut sources = vec![(Source::Input, self.input)];
        // Populations that fire, and populations that pass on numbers with rounding errors.
        let (mut firing, mut rounded): (Vec<Source>, Vec<Source>) = (Vec::new(), Vec::new());
        for (i, layer) in self.layers.iter().chain([&self.last]).enumerate() {
            let name = format!("p{i}");
            let (source, shape) = sources[sources.len() - 1 - layer.back % sources.len()];
            let is_rounded = rounded.contains(&source);
            let reads_numbers = source != Source::Input && !firing.contains(&source);
            let map = match fitted(layer.map, shape) {
                // All engines sum a convolution in the same order, but not a linear map.
                Map::Linear { .. } if is_rounded => Map::IDENTITY,
                map => map,
            };
            let mut first = Projection::new(source, map);
            let alike: Vec<Source> = sources.iter().filter(|(_, other)| *other == shape).map(|(s, _)| *s).collect();
            let both: Vec<Source> = alike.iter().copied().filter(|source| firing.contains(source)).collect();
            if let Some((join, other)) = layer.stages.join.filter(|_| firing.contains(&source)) {
                first = Projection::joined(join, source, both[other % both.len()]);
            }
            let (map, mapped) = (first.map, first.map.output(shape).unwrap());
            if let Some(pool) = layer.stages.pool {
                let size = pool.size.min(mapped.height).min(mapped.width);
                first = first.with_pool(Pool::new(pool.kind, size).with_stride(pool.stride));
            }
            let is_spike_gated = matches!(layer.neuron.gradient(), Gradient::SpikeGated { .. });
            if layer.stages.is_normalised && map.weight_shape(shape).is_some() && !is_spike_gated {
                first = first.with_norm(Norm::new(self.group));
            }
            let target = first.pool.map_or(mapped, |pool| pool.output(mapped).unwrap());
            let is_averaged = first.pool.is_some_and(|pool| pool.kind == PoolKind::Mean && pool.size == 3);
            let is_exact = is_exact(&map) && !is_rounded && !is_averaged && first.norm.is_none();
            let is_linear = first.is_linear();
            let mut inputs = vec![first];
            if let Some((also, shares)) = layer.also.filter(|_| is_exact && is_linear) {
                let alike: Vec<Source> = sources.iter().filter(|(_, other)| *other == shape).map(|(s, _)| *s).collect();
                let other = alike[also % alike.len()];
                if shares {
                    inputs = [source, other].map(|source| Projection::new(source, map).named(&name)).to_vec();
                } else {
                    inputs = vec![Projection::new(vec![source, other], map)];
                }
            }
            if layer.bias && inputs[0].norm.is_none() && inputs[0].join == Join::Sum {
                inputs[0] = inputs[0].clone().with_bias();
            }
            if let Some(second) = layer.second {
                let exact: Vec<_> = sources.iter().copied().filter(|(source, _)| !rounded.contains(source)).collect();
                let mut fitting = projections_onto(target, &exact);
                fitting.retain(|projection| is_exact || matches!(projection.map, Map::Subsample { .. }));
                inputs.extend(
                    fitting
                        .get(second % fitting.len().max(1))
                        .map(|projection| projection.clone().named(format!("{name} second"))),
                );
            }
            if let Some(own) = layer.own.filter(|_| layer.neuron.fires()) {
                let fitting = projections_onto(target, &[(builder.recurrent_source(), target)]);
                let projection = fitting[own % fitting.len()].clone();
                inputs.extend(is_exact.then_some(projection));
            }
            let dropout = if i < self.layers.len() { layer.dropout } else { 0.0 };
            let source = builder.add_with_dropout(&name, layer.neuron.clone(), dropout, inputs).unwrap();
            sources.push((source, target));
            if layer.neuron.fires() {
                firing.push(source);
            } else if !is_exact || reads_numbers {
                rounded.push(source); // products of products have too many digits
            }
        }
        let network = builder.build().unwrap();
        let frozen: Vec<bool> = (0..network.tensors().len()).map(|i| i < 32 && self.frozen >> i & 1 == 1).collect();
        network.freeze(&frozen)
    }

    /// Random weights from `-2/3 · largest` to `largest`, in units of 1/64. The mean is above 0, so that most networks
    /// fire.
    pub fn weights(&self, network: &Network) -> Weights {
        let words = Words::new(self.seed, 0);
        let below = self.largest * 2 / 3;
        let value = |weight, i| (words.below(weight, i, below + self.largest + 1) as f32 - below as f32) / 64.0;
        let variances: Vec<usize> = network.norms().map(|norm| norm.tensors.variance).collect();
        let of = |weight: usize, i| match network.tensors()[weight].role {
            Role::Running if variances.contains(&weight) => 0.5 + value(weight, i).abs(),
            Role::Scale => 0.75 + value(weight, i),
            _ => value(weight, i),
        };
        let weights = network.tensors().iter().enumerate();
        weights.map(|(weight, w)| (0..w.len()).map(|i| of(weight, i)).collect()).collect()
    }

    /// Plan of a session that trains and records.
    pub fn plan(&self) -> Plan {
        let numbers = matches!(self.stimulus, InputCase::Numbers);
        Plan { chunk: self.chunk, numbers, ..Plan::new(self.steps, self.samples + self.spare).train().record() }
    }
}
