//! Random networks and trials, and what engines make of them.
//!
//! Weights are multiples of 1/64, masks of 1/2, currents of 1/32, and averages are over 2x2, so that single precision holds
//! every current exactly, in whatever order it is summed. Membranes are then equal to the bit, and so are spikes.
//! (Averages over 3x3 are not exact; they stand alone in their population, where both engines sum in the same order.)
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on has failed")]

use crate::encoder::{Direct, Encoder, Poisson};
use crate::engine::{Activity, Draws, Dropout, Engine, Errors, Plan, Record, Session, Stimulus, Trial};
use crate::map::Map;
use crate::network::{Join, Network, Norm, Projection, Role, Source, Weights};
use crate::neuron::{Gradient, Neuron};
use crate::pool::{Pool, PoolKind};
use crate::reference::Reference;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

use super::Expected;
use super::maps::{fitted, is_exact, projections_onto};
use super::words::Words;
use crate::agreement::TrialResults;

/// Multiply-accumulates of a trial in the reference, at most: it is slow.
const BUDGET: u64 = 2_000_000;

/// A random network and a random trial of it.
#[derive(Debug, Clone)]
pub struct EngineCase {
    /// Shape of the input.
    pub input: Shape,
    /// Hidden populations.
    pub layers: Vec<LayerCase>,
    /// The output.
    pub last: LayerCase,
    /// Largest weight in 64ths.
    pub largest: u32,
    /// Steps of a trial.
    pub steps: usize,
    /// Samples of a trial.
    pub samples: usize,
    /// Samples that the plan has room for besides.
    pub spare: usize,
    /// What is shown.
    pub stimulus: InputCase,
    /// What is dropped.
    pub dropout: DropoutCase,
    /// When the output has errors.
    pub output_errors: OutputErrors,
    /// Whether the loss depends on what was emitted.
    pub emitted_errors: bool,
    /// See [`Plan::chunk`].
    pub chunk: Option<usize>,
    /// Seed of weights, input, masks and errors.
    pub seed: u64,
    /// What is made smaller if the case takes too long: the first two in turn, then the third.
    pub shrink: [usize; 3],
    /// Bit `i` freezes tensor `i`.
    pub frozen: u32,
    /// Samples of the groups over which currents are normalised.
    pub group: usize,
}

/// One population. What does not fit the network is bent until it does.
#[derive(Debug, Clone)]
pub struct LayerCase {
    /// The map of the first projection.
    pub map: Map,
    /// How many populations back its source lies.
    pub back: usize,
    /// Whether the first projection has a bias.
    pub bias: bool,
    /// Which of all sources of the same shape the first projection reads too: summed before the map, or through a projection of
    /// its own that shares the weight.
    pub also: Option<(usize, bool)>,
    /// Which of all projections that would fit is added to the first one.
    pub second: Option<usize>,
    /// What is done to the current of the first projection, and what it joins.
    pub stages: StagesCase,
    /// The neurons.
    pub neuron: Neuron,
    /// Which of all projections from itself that would fit is added, if the neuron fires.
    pub own: Option<usize>,
    /// Probability with which a neuron drops out.
    pub dropout: f32,
}

/// What the first projection does besides its map, where it can.
#[derive(Debug, Clone, Copy, Default)]
pub struct StagesCase {
    /// The pool of the current.
    pub pool: Option<Pool>,
    /// Whether the current is normalised.
    pub is_normalised: bool,
    /// Which of all populations of the same shape is joined to the source, instead of the map.
    pub join: Option<(Join, usize)>,
}

/// What a trial shows.
#[derive(Debug, Clone, Copy)]
pub enum InputCase {
    /// Spikes.
    Spikes {
        /// Share of steps and neurons that have one.
        density: f32,
        /// Whether half of them are negative.
        signed: bool,
    },
    /// Images, encoded by [`Poisson`].
    Poisson {
        /// Factor on the probability of a spike.
        scale: f32,
        /// Whether half of the pixels are negative.
        signed: bool,
    },
    /// Images, encoded by [`Direct`].
    Direct,
    /// Numbers that are the input at every step.
    Current,
    /// Numbers that differ from step to step.
    Numbers,
}

/// How neurons drop out.
#[derive(Debug, Clone, Copy)]
pub enum DropoutCase {
    /// Not at all.
    Off,
    /// By masks that are given.
    Masks,
    /// By masks that are drawn.
    Drawn,
}

/// The steps at which the output has errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutputErrors {
    /// The last one.
    Final,
    /// A third of them.
    Some,
    /// All.
    All,
}

impl EngineCase {
    /// The same case with smaller extents, if it takes the reference too long.
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

    /// The same case with one channel in the input.
    fn narrowed(mut self) -> Self {
        self.input.channels = 1;
        self
    }

    fn operations(&self) -> u64 {
        let network = self.network();
        let operations = |source: Source, map: Map, target: Shape| match map {
            Map::AvgPool { size, .. } => (size * size * target.len()) as u64,
            Map::Subsample { .. } => target.len() as u64,
            map => map.dense_operations(network.shape(source)),
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
    /// If the case cannot be bent into one, which is a fault of this proof.
    pub fn network(&self) -> Network {
        let mut builder = Network::builder(self.input);
        let mut sources = vec![(Source::Input, self.input)];
        // Populations that fire, and those that pass on numbers that single precision rounds.
        let (mut firing, mut rounded): (Vec<Source>, Vec<Source>) = (Vec::new(), Vec::new());
        for (i, layer) in self.layers.iter().chain([&self.last]).enumerate() {
            let name = format!("p{i}");
            let (source, shape) = sources[sources.len() - 1 - layer.back % sources.len()];
            let is_rounded = rounded.contains(&source);
            let reads_numbers = source != Source::Input && !firing.contains(&source);
            let map = match fitted(layer.map, shape) {
                // All engines sum up a convolution in one order, but not a linear map.
                Map::Linear { .. } if is_rounded => Map::IDENTITY,
                map => map,
            };
            let mut first = Projection::new(source, map);
            let alike: Vec<Source> = sources.iter().filter(|(_, other)| *other == shape).map(|(s, _)| *s).collect();
            let both: Vec<Source> = alike.iter().copied().filter(|source| firing.contains(source)).collect();
            if let Some((join, other)) = layer.stages.join.filter(|_| firing.contains(&source)) {
                let join = if join == Join::And { Projection::and } else { Projection::and_not };
                first = join(source, both[other % both.len()]);
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
                let fitting = projections_onto(target, &[(builder.itself(), target)]);
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

    /// From two thirds of `-largest` to `largest`, so that most networks are kept awake.
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

    /// The plan of a session that goes back and records.
    pub fn plan(&self) -> Plan {
        let numbers = matches!(self.stimulus, InputCase::Numbers);
        Plan { chunk: self.chunk, numbers, ..Plan::new(self.steps, self.samples + self.spare).train().record() }
    }

    /// What the first `samples` samples are shown in the trial numbered `trial`.
    fn shown(&self, network: &Network, trial: u32, samples: usize) -> Given {
        let words = Words::new(self.seed, 1 + trial);
        let neurons = network.input().len();
        let mut spikes = SpikeTrain::silent(self.steps, samples, network.input());
        let mut pixels = Vec::new();
        match self.stimulus {
            InputCase::Spikes { density, signed } => {
                for (t, i) in (0..self.steps).flat_map(|t| (0..samples * neurons).map(move |i| (t, i))) {
                    let sign = if signed && words.below(t, 2 * i + 1, 2) == 0 { -1 } else { 1 };
                    if words.uniform(t, 2 * i) < density {
                        spikes.set(t, i / neurons, i % neurons, sign);
                    }
                }
            }
            InputCase::Poisson { signed, .. } => {
                let lowest = if signed { -1.0 } else { 0.0 };
                pixels.extend((0..samples * neurons).map(|i| lowest + (1.0 - lowest) * words.uniform(0, i)));
            }
            InputCase::Numbers => {
                pixels.extend((0..self.steps * samples * neurons).map(|i| words.below(0, i, 33) as f32 / 16.0 - 1.0));
            }
            InputCase::Direct | InputCase::Current => {
                pixels.extend((0..samples * neurons).map(|i| words.below(0, i, 33) as f32 / 16.0 - 1.0));
            }
        }
        let mask = |population: usize, len: usize| -> Vec<f32> {
            let value = |i| [0.0, 0.5, 1.0, 2.0][words.below(100 + population, i, 4) as usize];
            let is_masked = population + 1 < network.populations().len();
            if is_masked && words.below(99, population, 4) > 0 { (0..len).map(value).collect() } else { Vec::new() }
        };
        let populations = network.populations().iter().enumerate();
        let is_hidden = |index: usize| index + 1 < network.populations().len();
        let d_output = |i: usize| words.below(97, i, 33) as f32 / 16.0 - 1.0;
        let has_errors = |t: usize| match self.output_errors {
            OutputErrors::Final => t + 1 == self.steps,
            OutputErrors::Some => words.below(96, t, 3) == 0,
            OutputErrors::All => true,
        };
        let outputs = samples * network.classes();
        Given {
            spikes,
            pixels,
            masks: populations.map(|(index, p)| mask(index, samples * p.shape.len())).collect(),
            indices: (0..samples).map(|n| words.below(98, n, 60_000)).collect(),
            d_output: (0..self.steps * outputs)
                .map(|i| if has_errors(i / outputs) { d_output(i) } else { 0.0 })
                .collect(),
            d_emitted: (0..if self.emitted_errors { network.populations().len() } else { 0 })
                .map(|index| if is_hidden(index) { words.below(95, index, 17) as f32 / 16.0 - 0.5 } else { 0.0 })
                .collect(),
        }
    }

    /// Shows it to a session.
    fn show(&self, session: &mut dyn Session, shown: &Given) -> Activity {
        let draws = Draws { seed: self.seed, epoch: 3, samples: &shown.indices };
        let encoder = self.encoder();
        let stimulus = match self.stimulus {
            InputCase::Spikes { .. } => Stimulus::Spikes(&shown.spikes),
            InputCase::Current => Stimulus::Current(&shown.pixels),
            InputCase::Numbers => Stimulus::Numbers(&shown.pixels),
            InputCase::Poisson { .. } | InputCase::Direct => {
                Stimulus::Images { pixels: &shown.pixels, shape: self.input, encoder: encoder.as_ref(), draws }
            }
        };
        let dropout = match self.dropout {
            DropoutCase::Off => Dropout::Off,
            DropoutCase::Masks => Dropout::Masks(&shown.masks),
            DropoutCase::Drawn => Dropout::Drawn(draws),
        };
        session.forward(&Trial { stimulus, dropout }).unwrap()
    }

    /// Shows it to a session, and goes back; what all populations did at last.
    fn run(
        &self,
        session: &mut dyn Session,
        network: &Network,
        shown: &Given,
        gradients: &mut Weights,
    ) -> TrialResults {
        let activity = self.show(session, shown);
        for population in 0..network.populations().len() {
            assert!(session.record(population).unwrap().delta.is_empty(), "errors before a backward pass");
        }
        let (gradients, records) = go_back(session, network, shown, &shown.d_output, gradients);
        TrialResults { activity, records, gradients }
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        match self.stimulus {
            InputCase::Poisson { scale, .. } => Box::new(Poisson { scale }),
            _ => Box::new(Direct { scale: 0.5 }),
        }
    }

    /// What an engine makes of the case, in a session that was used before.
    pub fn outcome(&self, engine: &dyn Engine, network: &Network) -> TrialResults {
        let mut session = engine.compile(network, self.plan()).unwrap();
        assert_eq!(engine.memory(network, self.plan()).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        self.run(session.as_mut(), network, &self.shown(network, 1, self.plan().batch), &mut gradients);
        self.run(session.as_mut(), network, &self.shown(network, 0, self.samples), &mut gradients)
    }

    /// The gradients of a session that keeps no records, and so need not pass errors on to where nothing is trained.
    pub fn gradients(&self, engine: &dyn Engine, network: &Network) -> Weights {
        let plan = Plan { record: false, ..self.plan() };
        let mut session = engine.compile(network, plan).unwrap();
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        for trial in [1, 0] {
            let shown = self.shown(network, trial, self.samples);
            self.show(session.as_mut(), &shown);
            let errors = Errors { output: &shown.d_output, emitted: &shown.d_emitted };
            session.backward(errors, &mut gradients).unwrap();
        }
        gradients
    }

    /// What an engine makes of it in a session that cannot go back.
    pub fn inference(&self, engine: &dyn Engine, network: &Network) -> Activity {
        let plan = Plan { train: false, record: false, ..self.plan() };
        let mut session = engine.compile(network, plan).unwrap();
        assert_eq!(engine.memory(network, plan).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// What the reference makes of it in a session that cannot go back, once normalisations are parts of weights and biases.
    pub fn folded_inference(&self, network: &Network) -> Activity {
        let folded = network.folded();
        let mut session = Reference.compile(&folded, Plan { train: false, record: false, ..self.plan() }).unwrap();
        session.load(&network.fold(&self.weights(network))).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// The output of the last sample at every step, if the trial is run in so many parts and the other samples drop out
    /// one after the other.
    pub fn streamed(&self, engine: &dyn Engine, network: &Network, parts: usize) -> Vec<f32> {
        let shown = self.shown(network, 0, self.samples);
        let (mut output, mut staying) = (Vec::new(), (0..self.samples).collect::<Vec<usize>>());
        let part = self.steps / parts;
        let plan = Plan { numbers: self.plan().numbers, ..Plan::new(part, self.samples).stream() };
        let mut session = engine.compile(network, plan).unwrap();
        assert_eq!(engine.memory(network, plan).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        for index in 0..parts {
            let from: Vec<usize> = if index > 0 && staying.len() > 1 {
                (1..staying.len()).collect()
            } else {
                (0..staying.len()).collect()
            };
            staying = from.iter().map(|&from| staying[from]).collect();
            let spikes = shown.spikes.part(index * part..(index + 1) * part, &staying);
            let len = network.input().len();
            let mut pixels = Vec::new();
            let stimulus = match self.stimulus {
                InputCase::Current => {
                    pixels.extend(staying.iter().flat_map(|&n| &shown.pixels[n * len..][..len]));
                    Stimulus::Current(&pixels)
                }
                InputCase::Numbers => {
                    let rows = shown.pixels.chunks(self.samples * len).skip(index * part).take(part);
                    pixels.extend(rows.flat_map(|row| staying.iter().flat_map(move |&n| &row[n * len..][..len])));
                    Stimulus::Numbers(&pixels)
                }
                _ => Stimulus::Spikes(&spikes),
            };
            let trial = Trial { stimulus, dropout: Dropout::Off };
            let activity = if index == 0 { session.forward(&trial) } else { session.resume(&trial, &from) }.unwrap();
            let rows = activity.output.chunks(staying.len() * network.classes());
            output.extend(rows.flat_map(|row| &row[row.len() - network.classes()..]));
        }
        output
    }

    /// What the reference makes of it; and how large errors and gradients are with other errors of the output.
    pub fn expected(&self, network: &Network) -> Expected {
        let mut session = Reference.compile(network, self.plan()).unwrap();
        assert_eq!(Reference.memory(network, self.plan()).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        let shown = self.shown(network, 0, self.samples);
        let mut gradients = Weights::new();
        let outcome = self.run(session.as_mut(), network, &shown, &mut gradients);
        let mut expected = Expected::new(outcome);
        let words = Words::new(self.seed, 3);
        for draw in 0..2 {
            let d_output: Vec<f32> =
                (0..shown.d_output.len()).map(|i| words.below(draw, i, 33) as f32 / 16.0 - 1.0).collect();
            let (gradients, records) = go_back(session.as_mut(), network, &shown, &d_output, &mut gradients);
            expected.measure(&gradients, &records);
        }
        expected
    }
}

/// Goes back through the last trial: the gradients, and what all populations did.
fn go_back(
    session: &mut dyn Session,
    network: &Network,
    shown: &Given,
    d_output: &[f32],
    gradients: &mut Weights,
) -> (Weights, Vec<Record>) {
    session.backward(Errors { output: d_output, emitted: &shown.d_emitted }, gradients).unwrap();
    let records = (0..network.populations().len()).map(|population| session.record(population).unwrap());
    (gradients.clone(), records.collect())
}

/// Everything that a session is given in one trial.
struct Given {
    spikes: SpikeTrain,
    pixels: Vec<f32>,
    masks: Vec<Vec<f32>>,
    indices: Vec<u32>,
    d_output: Vec<f32>,
    d_emitted: Vec<f32>,
}
