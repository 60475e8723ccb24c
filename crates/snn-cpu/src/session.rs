//! A session: packed weights, the bits of the last trial, and the work spaces of the samples in flight.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use snn_core::{
    Activity, Dropout, Encoded, Error, Errors, Memory, Record, Session, Source, SpikeTrain, Stimulus, Trial, Weights,
    dropout_mask, neuron::PlainLif,
};

use crate::backward::Scratch;
use crate::compiled::Compiled;
use crate::events::{Events, ListInput, ListPopulation, Scaling};
use crate::forward::{Forward, Incoming};
use crate::layout::WeightShape;
use crate::simd::{LANE, Lane, dispatch};

pub(crate) struct CpuSession {
    pub(crate) compiled: Compiled,
    /// Neurons of each population.
    neurons: Vec<PlainLif>,
    pub(crate) pool: Arc<ThreadPool>,
    /// Packed weights; empty before the first load.
    pub(crate) weights: Vec<Vec<Lane>>,
    /// One for each sample of the batch.
    pub(crate) samples: Vec<Sample>,
    /// One for each sample of a round.
    pub(crate) slots: Vec<Slot>,
    /// Gradients of linear maps, packed, summed over samples as they come.
    pub(crate) linear_gradients: Vec<Vec<Lane>>,
    pub(crate) trial: Option<LastTrial>,
}

/// What a trial leaves behind of one sample.
#[derive(Default)]
pub(crate) struct Sample {
    /// Input spikes in the layout's neuron order, `[neuron][word]`; silent where the input is a current.
    pub(crate) fired: Vec<u32>,
    pub(crate) negative: Vec<u32>,
    /// Input current `[neuron]`; empty where the input is spikes.
    pub(crate) current: Vec<f32>,
    /// Spikes of each population, `[pixel][word][channel]`.
    pub(crate) bits: Vec<Vec<u32>>,
    /// Number of spikes of each population.
    pub(crate) spikes: Vec<u64>,
    /// Sum of what each population emitted.
    emitted: Vec<f64>,
    /// What the last population passed on, `[T][K]`.
    output: Vec<f32>,
    /// Final membranes of each population, `[pixel][channel]`; only if the plan records.
    pub(crate) membrane: Vec<Vec<f32>>,
    /// `d(t)` of each population, `[T][neuron]`; only if the plan records.
    pub(crate) delta: Vec<Vec<f32>>,
}

/// Work space of one sample in flight.
#[derive(Default)]
pub(crate) struct Slot {
    /// Events of the sources of the population that runs forward.
    sources: Vec<Events>,
    current: Vec<Lane>,
    pub(crate) scratch: Scratch,
    /// Events and errors of the populations, while the backward pass needs them.
    pub(crate) errors: Vec<Option<Events>>,
    pub(crate) input: Events,
    /// Gradients of the convolutions into the population that the pass is at.
    pub(crate) gradients: Vec<Vec<Lane>>,
}

/// What a backward pass must know of the trial besides its spikes.
pub(crate) struct LastTrial {
    pub(crate) samples: usize,
    pub(crate) masks: Masks,
}

/// Dropout of a trial, kept for its backward pass.
#[derive(Clone)]
pub(crate) enum Masks {
    Off,
    Given(Vec<Vec<f32>>),
    Drawn { seed: u64, epoch: u32, samples: Vec<u32> },
}

impl CpuSession {
    pub(crate) fn new(compiled: Compiled, neurons: Vec<PlainLif>, pool: Arc<ThreadPool>) -> Self {
        let plan = compiled.plan;
        let samples = (0..plan.batch).map(|_| Sample::default()).collect();
        let slots = (0..compiled.round).map(|_| Slot::default()).collect();
        let none = Vec::new;
        Self { compiled, neurons, pool, weights: none(), samples, slots, linear_gradients: none(), trial: None }
    }
}

impl Session for CpuSession {
    fn memory(&self) -> Memory {
        self.compiled.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        let Self { compiled, pool, weights: packed, .. } = self;
        compiled.network.check_weights(weights)?;
        let tile_lanes = compiled.level.tile_lanes();
        packed.resize(weights.len(), Vec::new());
        pool.install(|| {
            let tensors = compiled.weights.iter().zip(weights).zip(packed);
            for ((shape, values), packed) in tensors.filter(|((shape, _), _)| **shape != WeightShape::NONE) {
                packed.resize(shape.packed_lanes(), Lane::ZERO);
                shape.pack(values, packed, tile_lanes);
            }
        });
        self.trial = None;
        Ok(())
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        let Self { compiled, neurons, pool, weights, samples, slots, .. } = self;
        let n = trial.check(&compiled.network, &compiled.plan)?;
        if weights.len() != compiled.weights.len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let masks = Masks::keep(trial);
        pool.install(|| {
            for (round, samples) in samples[..n].chunks_mut(slots.len()).enumerate() {
                let first = round * slots.len();
                samples.par_iter_mut().zip(&mut *slots).enumerate().for_each(|(i, (sample, slot))| {
                    sample.set_input(compiled, trial, first + i);
                    sample.forward(compiled, neurons, weights, &masks, first + i, slot);
                });
            }
        });
        let (classes, samples) = (compiled.network.classes(), &samples[..n]);
        let row = |t: usize| samples.iter().flat_map(move |sample| &sample.output[t * classes..(t + 1) * classes]);
        let populations = 0..compiled.populations.len();
        let activity = Activity {
            output: (0..compiled.plan.steps).flat_map(row).copied().collect(),
            input_spikes: samples.iter().flat_map(|s| &s.fired).map(|word| u64::from(word.count_ones())).sum(),
            spikes: populations.clone().map(|population| samples.iter().map(|s| s.spikes[population]).sum()).collect(),
            emitted: populations.map(|population| samples.iter().map(|s| s.emitted[population]).sum()).collect(),
        };
        self.trial = Some(LastTrial { samples: n, masks });
        Ok(activity)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        self.gradients(errors, gradients)
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        let compiled = &self.compiled;
        if !compiled.plan.record {
            return Err(Error::Order("the session was not compiled to record"));
        }
        let trial = self.trial.as_ref().ok_or(Error::Order("no trial to record"))?;
        let found = compiled.network.populations().get(population);
        let shape = found.ok_or_else(|| Error::size("population", "an index of the network", population))?.shape;
        let (layout, gate) = (compiled.populations[population], &compiled.gates[population]);
        let mut spikes = SpikeTrain::silent(compiled.plan.steps, trial.samples, shape);
        let (mut trace, mut count, mut factor, mut membrane) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (n, sample) in self.samples[..trial.samples].iter().enumerate() {
            let mask = trial.masks.of(compiled, population, n);
            for i in 0..shape.len() {
                let (pixel, channel) = (i % layout.pixels(), i / layout.pixels());
                membrane.push(sample.membrane[population][pixel * layout.lanes * LANE + channel]);
                let times: Vec<u16> = (0..compiled.plan.steps)
                    .map(|t| t as u16)
                    .filter(|&t| sample.fired_at(compiled, population, pixel, channel, t))
                    .collect();
                for &t in &times {
                    spikes.set(usize::from(t), n, i, 1);
                }
                if let Some(fade) = gate.as_ref().and_then(|gate| gate.correction.as_ref()) {
                    let mask = mask.get(i).copied().unwrap_or(1.0);
                    let (f, g) = fade.trace(mask, &times);
                    trace.push(f);
                    count.push(g);
                    factor.push(fade.correction(mask, &times));
                }
            }
        }
        let step = |t: usize| {
            let row = move |sample: &'_ Sample| {
                let delta = sample.delta.get(population).map_or(&[][..], Vec::as_slice);
                delta.get(t * shape.len()..(t + 1) * shape.len()).unwrap_or(&[]).to_vec()
            };
            self.samples[..trial.samples].iter().flat_map(row)
        };
        let delta = (0..compiled.plan.steps).flat_map(step).collect();
        Ok(Record { spikes, trace, count, correction: factor, membrane, delta })
    }
}

impl Sample {
    /// Lists the input spikes of sample `n` of a trial.
    fn set_input(&mut self, compiled: &Compiled, trial: &Trial<'_>, n: usize) {
        let (words, neurons) = (compiled.words, compiled.network.input().len());
        self.fired.clear();
        self.fired.resize(neurons * words, 0);
        self.negative.clear();
        self.current.clear();
        match trial.stimulus {
            Stimulus::Spikes(train) => self.copy_words(train, n, words),
            Stimulus::Current(values) => self.current.extend_from_slice(&values[n * neurons..][..neurons]),
            Stimulus::Images { pixels, shape, encoder, draws } => {
                let image = &pixels[n * shape.len()..][..shape.len()];
                match encoder.encode(image, shape, compiled.plan.steps, draws.sample(n)) {
                    Encoded::Spikes(train) => self.copy_words(&train, 0, words),
                    Encoded::Current(values) => self.current = values,
                }
            }
        }
    }

    /// Copies sample `n` of a train.
    fn copy_words(&mut self, train: &SpikeTrain, n: usize, words: usize) {
        for neuron in 0..train.shape().len() {
            let (fired, negative) = train.words(n, neuron);
            self.fired[neuron * words..][..words].copy_from_slice(fired);
            self.negative.extend_from_slice(negative);
        }
    }

    /// Runs all populations for one sample.
    fn forward(
        &mut self,
        compiled: &Compiled,
        neurons: &[PlainLif],
        weights: &[Vec<Lane>],
        masks: &Masks,
        n: usize,
        slot: &mut Slot,
    ) {
        let populations = compiled.network.populations();
        self.output.resize(compiled.plan.steps * compiled.network.classes(), 0.0);
        self.emitted.clear();
        self.emitted.resize(populations.len(), 0.0);
        self.bits.resize(populations.len(), Vec::new());
        self.membrane.resize(populations.len(), Vec::new());
        self.spikes.clear();
        self.delta.iter_mut().for_each(Vec::clear);
        for (index, population) in populations.iter().enumerate() {
            let layout = compiled.populations[index];
            slot.sources.resize_with(slot.sources.len().max(population.inputs.len()), Events::default);
            for (events, projection) in slot.sources.iter_mut().zip(&population.inputs) {
                self.list(compiled, projection.source, masks, n, false, events);
                if let Source::Population(source) = projection.source {
                    self.emitted[source] = events.emitted();
                }
            }
            let incoming: Vec<Incoming<'_>> = std::iter::zip(&population.inputs, &slot.sources)
                .map(|(projection, events)| Incoming {
                    map: projection.map,
                    source: *compiled.source(projection.source),
                    events,
                    weight: projection.weight.map_or(&[], |weight| &weights[weight]),
                    shape: compiled.weight_shape(projection.weight),
                    is_dense: compiled.is_dense(events, compiled.source(projection.source)),
                })
                .collect();
            let bits = &mut self.bits[index];
            bits.resize(compiled.bit_words(index), 0);
            if compiled.plan.record {
                self.membrane[index].resize(layout.pixels() * layout.lanes * LANE, 0.0);
            }
            let job = Forward {
                neuron: neurons[index],
                layout,
                incoming: &incoming,
                steps: compiled.plan.steps,
                tile_lanes: compiled.level.tile_lanes(),
                current: &mut slot.current,
                patches: &mut slot.scratch.patches,
                bits,
                output: if population.neuron.fires() { &mut [] } else { &mut self.output },
                membrane: &mut self.membrane[index],
            };
            dispatch(compiled.level, job);
            self.spikes.push(bits.iter().map(|word| u64::from(word.count_ones())).sum());
        }
        for index in compiled.unread() {
            let mut events = Events::default();
            self.list(compiled, Source::Population(index), masks, n, false, &mut events);
            self.emitted[index] = events.emitted();
        }
    }

    /// Lists the events of `source`; if `with_gains`, also the gains of its neurons.
    pub(crate) fn list(
        &self,
        compiled: &Compiled,
        source: Source,
        masks: &Masks,
        n: usize,
        with_gains: bool,
        events: &mut Events,
    ) {
        match source {
            Source::Input if !self.current.is_empty() => events.list_current(&compiled.input, &self.current),
            Source::Input => {
                let (fired, negative) = (&self.fired, &self.negative);
                let spikes = fired.iter().map(|word| word.count_ones() as usize).sum();
                let job = ListInput { events, fired, negative, spikes, layout: compiled.input, words: compiled.words };
                dispatch(compiled.level, job);
            }
            Source::Population(index) => {
                let mask = masks.of(compiled, index, n);
                let gate = compiled.gates[index].as_ref().filter(|_| with_gains);
                let job = ListPopulation {
                    events,
                    bits: &self.bits[index],
                    spikes: self.spikes[index] as usize,
                    layout: compiled.populations[index],
                    words: compiled.words,
                    scaling: Scaling { gate, mask: &mask },
                };
                dispatch(compiled.level, job);
            }
        }
    }

    fn fired_at(&self, compiled: &Compiled, population: usize, pixel: usize, channel: usize, t: u16) -> bool {
        let width = compiled.populations[population].lanes * LANE;
        let word = (pixel * compiled.words + usize::from(t) / 32) * width + channel;
        self.bits[population].get(word).is_some_and(|bits| bits >> (t % 32) & 1 == 1)
    }
}

impl Slot {
    /// Events of what `source` is, with errors, if they are held.
    pub(crate) fn events(&self, source: Source) -> Option<&Events> {
        match source {
            Source::Input => Some(&self.input),
            Source::Population(index) => self.errors[index].as_ref(),
        }
    }
}

impl Masks {
    /// What a backward pass needs of the trial's dropout.
    fn keep(trial: &Trial<'_>) -> Self {
        match trial.dropout {
            Dropout::Off => Self::Off,
            Dropout::Masks(masks) => Self::Given(masks.to_vec()),
            Dropout::Drawn(draws) => {
                Self::Drawn { seed: draws.seed, epoch: draws.epoch, samples: draws.samples.to_vec() }
            }
        }
    }

    /// The mask of one sample of a population in `C, H, W` order; empty if it has none.
    fn of(&self, compiled: &Compiled, population: usize, n: usize) -> Vec<f32> {
        let p = &compiled.network.populations()[population];
        match self {
            Self::Drawn { seed, epoch, samples } if p.dropout > 0.0 => {
                dropout_mask(p, population, *seed, *epoch, samples[n])
            }
            Self::Given(masks) => match masks.get(population) {
                Some(mask) if !mask.is_empty() => mask[n * p.shape.len()..][..p.shape.len()].to_vec(),
                _ => Vec::new(),
            },
            Self::Off | Self::Drawn { .. } => Vec::new(),
        }
    }
}
