//! The backward pass of a trial, in rounds of samples. Each round goes through the populations from last to first.

use rayon::prelude::*;
use snn_core::{Error, Errors, Source, Weights};

use super::memory::event_budget;
use super::{Slot, SpikeGatedSession, list};
use crate::compiled::Compiled;
use crate::events::Events;
use crate::kernels::adjoint::Adjoint;
use crate::kernels::numbers::Reads;
use crate::kernels::walk;
use crate::layout::Layout;
use crate::sample::{LastTrial, SampleState};
use crate::simd::{Lane, dispatch};

impl SpikeGatedSession {
    pub(super) fn gradients(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        let Self { compiled, pool, weights, samples, slots, linear_gradients, trial, .. } = self;
        let trial = LastTrial::to_go_back_through(trial.as_ref(), compiled, errors)?;
        compiled.reset_gradients(gradients, linear_gradients);
        pool.install(|| {
            let rows = rows(errors.output, trial.samples * compiled.network.classes());
            let mut first = 0;
            while first < trial.samples {
                let size = round_size(compiled, &samples[first..trial.samples], slots.len(), rows.len());
                let mut round = BackwardRound {
                    compiled,
                    trial,
                    weights,
                    first,
                    samples: &mut samples[first..first + size],
                    slots: &mut slots[..size],
                    gradients,
                    linear_gradients,
                    d_emitted: errors.emitted,
                };
                round.run(&rows);
                first += size;
            }
            compiled.add_linear(linear_gradients, gradients);
        });
        Ok(())
    }
}

/// The number of leading samples of `samples` whose events and errors together fit the memory budget; at least one.
/// `rows` is the number of steps at which the output has errors.
fn round_size(compiled: &Compiled, samples: &[SampleState], most: usize, rows: usize) -> usize {
    let (budget, outputs) = (event_budget(compiled), rows * compiled.network.classes());
    let mut sum = 0;
    let fits = |sample: &&SampleState| {
        let events = |index: usize| {
            let fires = compiled.network.populations()[index].neuron.fires();
            if fires { sample.spikes[index] as usize } else { outputs }
        };
        let bytes = |index: usize| Events::bytes(&compiled.populations[index], events(index), true);
        sum += compiled.most_live(bytes);
        sum <= budget
    };
    samples.iter().take(most).take_while(fits).count().max(1)
}

/// The samples that run backward together, one in each slot.
struct BackwardRound<'a> {
    compiled: &'a Compiled,
    trial: &'a LastTrial,
    weights: &'a [Vec<Lane>],
    /// Index in the batch of the first sample.
    first: usize,
    samples: &'a mut [SampleState],
    slots: &'a mut [Slot],
    gradients: &'a mut Weights,
    linear_gradients: &'a mut [Vec<Lane>],
    /// `dL/d emitted` of each population, or empty.
    d_emitted: &'a [f32],
}

/// The rows `[N · K]` of the output's errors that are not all 0, each with its step, ascending.
fn rows(d_output: &[f32], width: usize) -> Vec<(u16, &[f32])> {
    let rows = d_output.chunks_exact(width).enumerate().map(|(t, row)| (t as u16, row));
    rows.filter(|(_, row)| row.iter().any(|d| *d != 0.0)).collect()
}

impl BackwardRound<'_> {
    fn run(&mut self, rows: &[(u16, &[f32])]) {
        let compiled = self.compiled;
        let readout = compiled.populations.len() - 1;
        let classes = compiled.network.classes();
        let threshold = compiled.rules[readout].as_ref().map_or(1.0, |rule| rule.threshold);
        for (i, slot) in self.slots.iter_mut().enumerate() {
            slot.errors.resize_with(compiled.populations.len(), || None);
            let errors = slot.errors[readout].insert(Events::default());
            errors.list_gathered(&compiled.populations[readout], rows, (self.first + i) * classes, threshold);
        }
        for index in (0..=readout).rev() {
            if compiled.needs_errors(index) {
                self.population(index);
                self.record(index);
                self.sum(index);
            }
            for slot in &mut *self.slots {
                slot.errors[index] = None;
            }
        }
    }

    /// Completes the errors of a population and backpropagates them through its projections, for each sample.
    fn population(&mut self, index: usize) {
        let Self { compiled, trial, weights, first, samples, slots, d_emitted, .. } = self;
        slots.par_iter_mut().zip(&**samples).enumerate().for_each(|(i, (slot, sample))| {
            let list = |source| {
                let mut events = Events::default();
                list(compiled, sample, source, &trial.masks, *first + i, true, &mut events);
                if let Source::Population(index) = source
                    && compiled.needs_errors(index)
                {
                    events.start_errors(d_emitted.get(index).copied().unwrap_or(0.0));
                }
                events
            };
            let mut errors = slot.errors[index].take().unwrap_or_else(|| list(Source::Population(index)));
            if compiled.network.populations()[index].neuron.fires() {
                errors.finish_errors();
            }
            compiled.reset_convolutions(index, &mut slot.gradients);
            for (j, feed) in compiled.feeds[index].iter().enumerate() {
                let projection = compiled.projection(index, feed);
                let mut events = match feed.source {
                    Source::Input => list(Source::Input),
                    Source::Population(source) => slot.errors[source].take().unwrap_or_else(|| list(feed.source)),
                };
                let source = *compiled.source(feed.source);
                let job = Adjoint {
                    map: projection.map,
                    source,
                    target: compiled.populations[index],
                    errors: walk::ErrorsOverTime::Changes(&errors),
                    is_dense: projection.weight.is_some() && compiled.is_dense(&events, &source),
                    events: &mut events,
                    numbers: &[],
                    weight: projection.weight.map_or(&[], |weight| &weights[weight]),
                    gradient: &mut slot.gradients[j],
                    shape: compiled.weight_shape(projection.weight),
                    steps: compiled.plan.steps,
                    tile_lanes: compiled.level.tile_lanes(),
                    scratch: &mut slot.scratch,
                };
                dispatch(compiled.level, job);
                match feed.source {
                    Source::Input => slot.input = events,
                    Source::Population(source) => slot.errors[source] = Some(events),
                }
            }
            slot.errors[index] = Some(errors);
        });
    }

    /// Sums the gradients of the projections into a population over samples.
    fn sum(&mut self, index: usize) {
        let (compiled, slots) = (self.compiled, &*self.slots);
        if compiled.trains_bias(index) {
            for slot in slots {
                let Some(errors) = Slot::events(slot, Source::Population(index)) else { continue };
                compiled.add_bias_gradients(
                    index,
                    &sums_over_time(errors, &compiled.populations[index]),
                    self.gradients,
                );
            }
        }
        compiled.add_convolutions(index, slots.len(), |slot, i| &slots[slot].gradients[i], self.gradients);
        for feed in &compiled.feeds[index] {
            let weight = compiled.weight_of(index, feed);
            let Some(weight) = weight.filter(|&w| compiled.is_linear(w) && compiled.is_trained(w)) else {
                continue;
            };
            let target = Source::Population(index);
            let pair = |slot| {
                let reads = Reads::Events(Slot::events(slot, feed.source)?);
                Some((reads, walk::ErrorsOverTime::Changes(Slot::events(slot, target)?)))
            };
            let samples: Vec<_> = slots.iter().filter_map(pair).collect();
            let packed = &mut self.linear_gradients[weight];
            compiled.add_linear_map((index, feed), &samples, compiled.plan.steps, packed);
        }
    }

    /// Stores the errors of a population over time, if the plan records.
    fn record(&mut self, population: usize) {
        let compiled = self.compiled;
        if !compiled.plan.record {
            return;
        }
        let (layout, steps) = (compiled.populations[population], compiled.plan.steps);
        let neurons = layout.pixels() * layout.channels;
        for (sample, slot) in self.samples.iter_mut().zip(&*self.slots) {
            let delta = sample.delta_mut(compiled, population);
            delta.fill(0.0);
            let Some(events) = &slot.errors[population] else { continue };
            for pixel in 0..layout.pixels() {
                for active in events.at(pixel) {
                    let (mut d, mut end) = (0.0, steps);
                    for spike in active.spikes().rev() {
                        let time = usize::from(events.times[spike]);
                        for t in time + 1..end {
                            delta[t * neurons + layout.neuron(pixel, active.channel as usize)] = d;
                        }
                        d += events.delta[spike];
                        end = time + 1;
                    }
                    for t in 0..end {
                        delta[t * neurons + layout.neuron(pixel, active.channel as usize)] = d;
                    }
                }
            }
        }
    }
}

/// Sums the errors of each channel over all steps and pixels. A change at step `t` counts for all steps up to and
/// including `t`.
fn sums_over_time(errors: &Events, layout: &Layout) -> Vec<f32> {
    let mut sums = vec![0.0; layout.channels];
    for pixel in 0..layout.pixels() {
        for active in errors.at(pixel) {
            let spikes = active.spikes();
            let steps = errors.times[spikes.clone()].iter().map(|&t| f32::from(t) + 1.0);
            let sum = steps.zip(&errors.delta[spikes]).map(|(steps, delta)| steps * delta).sum::<f32>();
            sums[active.channel as usize] += sum;
        }
    }
    sums
}
