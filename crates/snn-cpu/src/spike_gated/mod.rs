//! Sessions of networks whose gradients are all functions of spikes: the paper's rule.
//!
//! The backward pass needs only the spikes of a trial, one bit each. The work of the forward pass, the backward pass
//! and the weight gradients is proportional to the number of spikes.

mod backward;
mod forward;
pub(crate) mod memory;
mod population;

use std::sync::Arc;

use rayon::ThreadPool;
use snn_core::neuron::PlainLif;
use snn_core::{
    Activity, Error, Errors, Gradient, Memory, Network, Plan, Population, Projection, Record, Session, Source, Trial,
    Weights,
};

use crate::compiled::Compiled;
use crate::events::Events;
use crate::kernels::adjoint::Scratch;
use crate::masks::Masks;
use crate::sample::{LastTrial, SampleState, record};
use crate::simd::Lane;
use population::PartScratch;

/// Returns the neurons of a network if this kind of session can run it, else `None`. All neurons must be plain leaky
/// integrate-and-fire, the last population must not fire, there must be no recurrence, and for training the gradients
/// must be spike-gated.
pub(crate) fn neurons(network: &Network, plan: Plan) -> Option<Vec<PlainLif>> {
    // An input of numbers has no events to list.
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

pub(crate) struct SpikeGatedSession {
    compiled: Compiled,
    /// Neurons of each population.
    neurons: Vec<PlainLif>,
    pool: Arc<ThreadPool>,
    /// Packed weights; empty before the first load.
    weights: Vec<Vec<Lane>>,
    /// Biases of each population, see [`Compiled::bias`].
    biases: Vec<Vec<Lane>>,
    /// State of each sample of the batch.
    samples: Vec<SampleState>,
    /// Scratch buffers of each sample of a round.
    slots: Vec<Slot>,
    /// Packed gradients of linear maps, accumulated over samples.
    linear_gradients: Vec<Vec<Lane>>,
    trial: Option<LastTrial>,
}

/// Scratch buffers of one sample of a round.
#[derive(Default)]
struct Slot {
    /// Events of the sources of the population that is being run forward.
    sources: Vec<Events>,
    works: Vec<PartScratch>,
    scratch: Scratch,
    /// Events and errors of each population, while the backward pass needs them.
    errors: Vec<Option<Events>>,
    input: Events,
    /// Gradients of the convolutions into the current population of the backward pass.
    gradients: Vec<Vec<Lane>>,
}

impl SpikeGatedSession {
    pub(crate) fn new(compiled: Compiled, neurons: Vec<PlainLif>, pool: Arc<ThreadPool>) -> Self {
        let samples = (0..compiled.plan.batch).map(|_| SampleState::default()).collect();
        let slots = (0..compiled.round).map(|_| Slot::default()).collect();
        let none = Vec::new;
        let (weights, biases, linear_gradients) = (none(), none(), none());
        Self { compiled, neurons, pool, weights, biases, samples, slots, linear_gradients, trial: None }
    }
}

impl Session for SpikeGatedSession {
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

/// Lists all events of `source` for sample `n`.
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
    /// The events of `source`, with their errors, if they are held.
    fn events(&self, source: Source) -> Option<&Events> {
        match source {
            Source::Input => Some(&self.input),
            Source::Population(index) => self.errors[index].as_ref(),
        }
    }
}
