//! Networks of which every gradient is a function of spikes: the paper's rule.
//!
//! The spikes of a trial, one bit each, are all that its backward pass needs, and work is in proportion to them, forward,
//! backward and for the weight gradients.

mod forward;
mod gradients;
pub(crate) mod memory;

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use snn_core::neuron::PlainLif;
use snn_core::{
    Activity, Error, Errors, Gradient, Memory, Network, Plan, Population, Projection, Record, Session, Source, Trial,
    Weights,
};

use crate::backward::Scratch;
use crate::compiled::Compiled;
use crate::currents::Incoming;
use crate::events::Events;
use crate::listing::count;
use crate::masks::Masks;
use crate::numbers::Reads;
use crate::sample::{LastTrial, SampleState, activity, record};
use crate::simd::Lane;
use forward::{Forward, Left, PartScratch};

/// The neurons of a network that the event-driven path can run: leaky integrate-and-fire without more ado, a last
/// population that does not fire, no recurrence and, if gradients are asked for, the paper's.
pub(crate) fn neurons(network: &Network, plan: Plan) -> Option<Vec<PlainLif>> {
    // An input of numbers has no events to go by.
    if plan.numbers {
        return None;
    }
    let populations = network.populations();
    let is_last = |index: usize| index + 1 == populations.len();
    let neuron = |(index, population): (usize, &Population)| {
        let neuron = &population.neuron;
        let has_rule = !plan.train || matches!(neuron.gradient(), Gradient::SpikeGated { .. });
        let is_linear = population.inputs.iter().all(Projection::is_linear);
        let fits = has_rule && is_linear && !network.graph().is_recurrent(index) && neuron.fires() != is_last(index);
        neuron.as_plain_lif().filter(|_| fits)
    };
    populations.iter().enumerate().map(neuron).collect()
}

pub(crate) struct GatedSession {
    compiled: Compiled,
    /// Neurons of each population.
    neurons: Vec<PlainLif>,
    pool: Arc<ThreadPool>,
    /// Packed weights; empty before the first load.
    weights: Vec<Vec<Lane>>,
    /// Biases of each population, see [`Compiled::bias`].
    biases: Vec<Vec<Lane>>,
    /// One for each sample of the batch.
    samples: Vec<SampleState>,
    /// One for each sample of a round.
    slots: Vec<Slot>,
    /// Gradients of linear maps, packed, summed over samples as they come.
    linear_gradients: Vec<Vec<Lane>>,
    trial: Option<LastTrial>,
}

/// Work space of one sample in flight.
#[derive(Default)]
struct Slot {
    /// Events of the sources of the population that runs forward.
    sources: Vec<Events>,
    works: Vec<PartScratch>,
    scratch: Scratch,
    /// Events and errors of the populations, while the backward pass needs them.
    errors: Vec<Option<Events>>,
    input: Events,
    /// Gradients of the convolutions into the population that the pass is at.
    gradients: Vec<Vec<Lane>>,
}

impl GatedSession {
    pub(crate) fn new(compiled: Compiled, neurons: Vec<PlainLif>, pool: Arc<ThreadPool>) -> Self {
        let samples = (0..compiled.plan.batch).map(|_| SampleState::default()).collect();
        let slots = (0..compiled.round).map(|_| Slot::default()).collect();
        let none = Vec::new;
        let (weights, biases, linear_gradients) = (none(), none(), none());
        Self { compiled, neurons, pool, weights, biases, samples, slots, linear_gradients, trial: None }
    }
}

impl Session for GatedSession {
    fn memory(&self) -> Memory {
        memory::of(&self.compiled, self.pool.current_num_threads())
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        let Self { compiled, pool, weights: packed, biases, .. } = self;
        compiled.network.check_weights(weights)?;
        pool.install(|| compiled.pack(weights, packed));
        *biases = (0..compiled.populations.len()).map(|index| compiled.bias(index, weights)).collect();
        self.trial = None;
        Ok(())
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.run(trial, false)
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        let Self { compiled, samples, trial: last, .. } = self;
        trial.check_resume(&compiled.network, &compiled.plan, from, last.as_ref().map(|last| last.samples))?;
        from.iter().enumerate().for_each(|(i, &from)| samples.swap(i, from));
        self.run(trial, true)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        self.gradients(errors, gradients)
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        record(&self.compiled, self.trial.as_ref(), self.samples.iter(), population)
    }
}

impl GatedSession {
    /// Runs a trial; if it `resumes`, from the membranes that the samples have.
    fn run(&mut self, trial: &Trial<'_>, resumes: bool) -> Result<Activity, Error> {
        let Self { compiled, neurons, pool, weights, biases, samples, slots, .. } = self;
        let n = trial.check(&compiled.network, &compiled.plan)?;
        if weights.len() != compiled.weights.len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let masks = Masks::keep(trial);
        pool.install(|| {
            for (round, samples) in samples[..n].chunks_mut(slots.len()).enumerate() {
                let first = round * slots.len();
                let parts = parts(samples.len(), pool.current_num_threads());
                for slot in &mut *slots {
                    slot.works.resize_with(parts, PartScratch::default);
                }
                samples.par_iter_mut().zip(&mut *slots).enumerate().for_each(|(i, (sample, slot))| {
                    sample.begin(compiled, trial, first + i);
                    let loaded = Loaded { neurons, weights, biases };
                    forward(compiled, loaded, &masks, (first + i, resumes), sample, slot);
                });
            }
        });
        self.trial = Some(LastTrial { samples: n, masks });
        Ok(activity(&self.compiled, self.samples[..n].iter()))
    }
}

/// Parts of a population that run at the same time, for each thread; so many, as some have more spikes than others.
const PARTS_PER_THREAD: usize = 4;

/// In how many parts each of `samples` samples runs on `threads` threads: one, where there are samples enough.
fn parts(samples: usize, threads: usize) -> usize {
    (PARTS_PER_THREAD * threads).div_ceil(samples)
}

/// Neurons, weights and biases.
#[derive(Clone, Copy)]
struct Loaded<'a> {
    neurons: &'a [PlainLif],
    weights: &'a [Vec<Lane>],
    biases: &'a [Vec<Lane>],
}

/// Runs all populations for sample `n`, which may go on from its membranes.
fn forward(
    compiled: &Compiled,
    Loaded { neurons, weights, biases }: Loaded<'_>,
    masks: &Masks,
    (n, resumes): (usize, bool),
    sample: &mut SampleState,
    slot: &mut Slot,
) {
    for (index, population) in compiled.network.populations().iter().enumerate() {
        let feeds = &compiled.feeds[index];
        slot.sources.resize_with(slot.sources.len().max(feeds.len()), Events::default);
        for (events, feed) in slot.sources.iter_mut().zip(feeds) {
            list(compiled, sample, feed.source, masks, n, false, events);
            if let Source::Population(source) = feed.source
                && masks.has(compiled, source)
            {
                sample.emitted[source] = events.emitted();
            }
        }
        let incoming: Vec<Incoming<'_>> = std::iter::zip(feeds, &slot.sources)
            .map(|(feed, events)| {
                let is_dense = compiled.is_dense(events, compiled.source(feed.source));
                Incoming { is_dense, ..Incoming::new(compiled, (index, feed), weights, Reads::Events(events)) }
            })
            .collect();
        let job = Forward {
            neuron: neurons[index],
            layout: compiled.populations[index],
            incoming: &incoming,
            bias: &biases[index],
            steps: compiled.plan.steps,
            resumes,
        };
        let left = Left {
            bits: &mut sample.bits[index],
            output: if population.neuron.fires() { &mut [] } else { &mut sample.output },
            membrane: &mut sample.membrane[index],
        };
        job.run(compiled.level, &mut slot.works, left);
        let spikes = count(compiled.level, &sample.bits[index]);
        sample.spikes.push(spikes);
        sample.emitted[index] = spikes as f64; // where there is a mask, its worth replaces it
    }
    for index in compiled.unread() {
        sample.emitted[index] = sample.emitted_by(compiled, index, &masks.of(compiled, index, n));
    }
}

/// Lists all events of `source` of sample `n`.
fn list(
    compiled: &Compiled,
    sample: &SampleState,
    source: Source,
    masks: &Masks,
    n: usize,
    with_gains: bool,
    events: &mut Events,
) {
    let mask = match source {
        Source::Input => Vec::new(),
        Source::Population(index) => masks.of(compiled, index, n),
    };
    sample.list(compiled, source, 0..compiled.words, &mask, with_gains, events);
}

impl Slot {
    /// Events of what `source` is, with errors, if they are held.
    fn events(&self, source: Source) -> Option<&Events> {
        match source {
            Source::Input => Some(&self.input),
            Source::Population(index) => self.errors[index].as_ref(),
        }
    }
}
