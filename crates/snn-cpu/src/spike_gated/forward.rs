//! The forward pass of a trial, in rounds of samples. Each sample runs through all populations, first to last.

use rayon::prelude::*;
use snn_core::neuron::PlainLif;
use snn_core::{Activity, Error, Source, Trial};

use super::population::{ForwardOutput, PartScratch, PopulationForward};
use super::{Slot, SpikeGatedSession, list};
use crate::compiled::Compiled;
use crate::events::Events;
use crate::kernels::currents::Incoming;
use crate::kernels::numbers::Reads;
use crate::listing::count;
use crate::masks::Masks;
use crate::sample::{LastTrial, SampleState, activity};
use crate::simd::Lane;

impl SpikeGatedSession {
    /// Runs a trial. If it `resumes`, samples start from their current membranes.
    pub(super) fn run(&mut self, trial: &Trial<'_>, resumes: bool) -> Result<Activity, Error> {
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
                    forward(compiled, loaded, &masks, Turn { n: first + i, resumes }, sample, slot);
                });
            }
        });
        self.trial = Some(LastTrial { samples: n, masks });
        Ok(activity(&self.compiled, self.samples[..n].iter()))
    }
}

/// Number of parts of a population per thread. It is more than one, as some parts have more spikes than others.
const PARTS_PER_THREAD: usize = 4;

/// The number of parts into which each of `samples` samples is cut on `threads` threads. It is one where there are
/// enough samples.
pub(super) fn parts(samples: usize, threads: usize) -> usize {
    (PARTS_PER_THREAD * threads).div_ceil(samples)
}

/// The neurons, weights and biases.
#[derive(Clone, Copy)]
struct Loaded<'a> {
    neurons: &'a [PlainLif],
    weights: &'a [Vec<Lane>],
    biases: &'a [Vec<Lane>],
}

/// The sample of the batch that runs.
#[derive(Clone, Copy)]
struct Turn {
    n: usize,
    /// Whether it starts from its current membranes.
    resumes: bool,
}

/// Runs all populations for one sample.
fn forward(
    compiled: &Compiled,
    Loaded { neurons, weights, biases }: Loaded<'_>,
    masks: &Masks,
    Turn { n, resumes }: Turn,
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
        let job = PopulationForward {
            neuron: neurons[index],
            layout: compiled.populations[index],
            incoming: &incoming,
            bias: &biases[index],
            steps: compiled.plan.steps,
            resumes,
        };
        let left = ForwardOutput {
            bits: &mut sample.bits[index],
            output: if population.neuron.fires() { &mut [] } else { &mut sample.output },
            membrane: &mut sample.membrane[index],
        };
        job.run(compiled.level, &mut slot.works, left);
        let spikes = count(compiled.level, &sample.bits[index]);
        sample.spikes.push(spikes);
        sample.emitted[index] = spikes as f64; // replaced where a dropout mask changes the values of spikes
    }
    for index in compiled.unread() {
        sample.emitted[index] = sample.emitted_by(compiled, index, &masks.of(compiled, index, n));
    }
}
