//! Random networks and trials, and the results of engines on them.
//!
//! Weights are multiples of 1/64, masks of 1/2, currents of 1/32, and averages are over 2x2. Single precision then
//! represents every current exactly, in any order of summation, so membranes and spikes are bit-identical. (Averages
//! over 3x3 are not exact; they are the only input of their population, for which both engines sum in the same order.)
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
    /// Images, encoded by [`Poisson`].
    Poisson {
        /// Scale of the Poisson encoder: the firing probability of an input of 1.
        scale: f32,
        /// Whether half of the pixels are negative.
        signed: bool,
    },
    /// Images, encoded by [`Direct`].
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

    /// Inputs of the trial numbered `trial`, with `samples` samples.
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

    /// Runs the forward pass of a session on the inputs.
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

    /// Runs the forward and backward pass of a session on the inputs. Returns the activity, the records of all
    /// populations and the gradients.
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

    /// Result of an engine on the case, in a session that has already run another trial.
    pub fn outcome(&self, engine: &dyn Engine, network: &Network) -> TrialResults {
        let mut session = engine.compile(network, self.plan()).unwrap();
        assert_eq!(engine.memory(network, self.plan()).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        self.run(session.as_mut(), network, &self.shown(network, 1, self.plan().batch), &mut gradients);
        self.run(session.as_mut(), network, &self.shown(network, 0, self.samples), &mut gradients)
    }

    /// Gradients of a session without records, which need not compute errors where nothing is trained.
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

    /// Activity of an engine on the case, in a session without training.
    pub fn inference(&self, engine: &dyn Engine, network: &Network) -> Activity {
        let plan = Plan { train: false, record: false, ..self.plan() };
        let mut session = engine.compile(network, plan).unwrap();
        assert_eq!(engine.memory(network, plan).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// Activity of the reference engine on the folded network, in a session without training.
    pub fn folded_inference(&self, network: &Network) -> Activity {
        let folded = network.folded();
        let mut session = Reference.compile(&folded, Plan { train: false, record: false, ..self.plan() }).unwrap();
        session.load(&network.fold(&self.weights(network))).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// Output of the last sample at every step, if the trial is run in `parts` parts and the other samples leave one
    /// after the other.
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

    /// Result of the reference engine, with scales measured for other errors of the output.
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

/// Backpropagates through the last trial. Returns the gradients and the records of all populations.
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

/// Inputs of a session for one trial.
struct Given {
    spikes: SpikeTrain,
    pixels: Vec<f32>,
    masks: Vec<Vec<f32>>,
    indices: Vec<u32>,
    d_output: Vec<f32>,
    d_emitted: Vec<f32>,
}
