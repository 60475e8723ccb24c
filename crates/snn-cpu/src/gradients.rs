//! The backward pass of a trial: rounds of samples, sources from last to first, gradients summed in a fixed order.

use rayon::prelude::*;
use snn_core::{Error, Map, Neuron, Source, Weights};

use crate::backward::{Backward, InputGradient, LinearGradient, Outgoing, Scratch};
use crate::compiled::{Compiled, Consumer};
use crate::events::Events;
use crate::layout::{Rows, Tile};
use crate::session::{CpuSession, LastTrial, Sample, Slot};
use crate::simd::{Lane, dispatch};

impl CpuSession {
    pub(crate) fn add_gradients(&mut self, d_output: &[f32], gradients: &mut Weights) -> Result<(), Error> {
        let Self { compiled, pool, inputs, samples, slots, linear_gradients, trial, .. } = self;
        if !compiled.plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let trial = trial.as_ref().ok_or(Error::Order("no trial to go back through"))?;
        let classes = compiled.network.classes();
        if d_output.len() != trial.samples * classes {
            return Err(Error::size("gradient of the output", trial.samples * classes, d_output.len()));
        }
        if compiled.network.check_weights(gradients).is_err() {
            *gradients = compiled.network.zeros();
        }
        gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
        linear_gradients.resize(compiled.weights.len(), Vec::new());
        for (weight, packed) in
            linear_gradients.iter_mut().enumerate().filter(|(weight, _)| compiled.is_linear(*weight))
        {
            packed.clear();
            packed.resize(compiled.weights[weight].packed_lanes(Rows::OfInputs), Lane::ZERO);
        }
        pool.install(|| {
            let mut first = 0;
            while first < trial.samples {
                let size = round_size(compiled, &samples[first..trial.samples], slots.len());
                let mut round = Round {
                    compiled,
                    trial,
                    weights: inputs,
                    first,
                    samples: &mut samples[first..first + size],
                    slots: &mut slots[..size],
                    gradients,
                    linear_gradients,
                };
                round.run(&d_output[first * classes..(first + size) * classes]);
                first += size;
            }
            let tile_lanes = compiled.level.tile_lanes();
            for (weight, packed) in linear_gradients.iter().enumerate().filter(|(_, packed)| !packed.is_empty()) {
                compiled.weights[weight].add_unpacked(Rows::OfInputs, &[packed], &mut gradients[weight], tile_lanes);
            }
        });
        Ok(())
    }
}

/// Number of samples at the start of `samples` whose events and errors fit the budget together; at least one.
fn round_size(compiled: &Compiled, samples: &[Sample], most: usize) -> usize {
    let budget = compiled.event_budget();
    let mut sum = 0;
    let fits = |sample: &&Sample| {
        let bytes = |index: usize| Events::bytes(&compiled.populations[index], sample.spikes[index] as usize, true);
        let live = |index: usize| {
            let consumers = compiled.consumers(Source::Population(index));
            bytes(index) + consumers.map(|consumer| bytes(consumer.population)).sum::<usize>()
        };
        sum += (0..compiled.populations.len()).map(live).max().unwrap_or(0);
        sum <= budget
    };
    samples.iter().take(most).take_while(fits).count().max(1)
}

/// Samples that go back together, one in each slot.
struct Round<'a> {
    compiled: &'a Compiled,
    trial: &'a LastTrial,
    weights: &'a [Vec<Lane>],
    /// Index in the batch of the first sample.
    first: usize,
    samples: &'a mut [Sample],
    slots: &'a mut [Slot],
    gradients: &'a mut Weights,
    linear_gradients: &'a mut [Vec<Lane>],
}

impl Round<'_> {
    fn run(&mut self, d_output: &[f32]) {
        let compiled = self.compiled;
        let readout = compiled.populations.len() - 1;
        let Neuron::Readout { threshold, .. } = compiled.neuron(readout) else { return };
        let factor = compiled.plan.steps as f32 * threshold;
        for (slot, d_output) in self.slots.iter_mut().zip(d_output.chunks(compiled.network.classes())) {
            slot.errors.resize_with(compiled.populations.len(), Events::default);
            slot.errors[readout].list_readout(d_output.iter().map(|d_y| d_y / factor), compiled.plan.steps);
        }
        self.record(readout);
        for index in (0..readout).rev() {
            self.population(index);
            self.record(index);
            self.free(index);
        }
        self.input();
    }

    /// Errors of a population and gradients of what reads it.
    fn population(&mut self, index: usize) {
        let Self { compiled, trial, weights, first, samples, slots, .. } = self;
        let source = Source::Population(index);
        let consumers: Vec<Consumer> = compiled.consumers(source).collect();
        slots.par_iter_mut().zip(&**samples).enumerate().for_each(|(i, (slot, sample))| {
            let mut events = std::mem::take(&mut slot.errors[index]);
            let decay = &compiled.decay[index];
            sample.list(compiled, source, &trial.masks, *first + i, decay, &mut slot.mask, &mut events);
            reset_gradients(compiled, &consumers, Rows::OfInputs, &mut slot.gradients);
            let mut outgoing: Vec<Outgoing<'_>> = std::iter::zip(&consumers, &mut slot.gradients)
                .map(|(consumer, gradient)| Outgoing {
                    map: consumer.map,
                    target: compiled.populations[consumer.population],
                    events: &slot.errors[consumer.population],
                    is_dense: matches!(consumer.map, Map::Conv { .. })
                        && compiled
                            .is_dense(&slot.errors[consumer.population], &compiled.populations[consumer.population]),
                    weight: consumer.weight.map_or(&[], |weight| &weights[weight]),
                    shape: compiled.weight_shape(consumer.weight),
                    gradient,
                })
                .collect();
            let job = Backward {
                layout: compiled.populations[index],
                events: &mut events,
                outgoing: &mut outgoing,
                steps: compiled.plan.steps,
                tile_lanes: compiled.level.tile_lanes(),
                scratch: &mut slot.scratch,
            };
            dispatch(compiled.level, job);
            slot.errors[index] = events;
        });
        self.sum_convolutions(&consumers, Rows::OfInputs);
        self.sum_linear(source, &consumers);
    }

    /// Gradients of what reads the input.
    fn input(&mut self) {
        let Self { compiled, trial, first, samples, slots, .. } = self;
        let consumers: Vec<Consumer> = compiled.consumers(Source::Input).collect();
        slots.par_iter_mut().zip(&**samples).enumerate().for_each(|(i, (slot, sample))| {
            let mut input = std::mem::take(&mut slot.input);
            sample.list(compiled, Source::Input, &trial.masks, *first + i, &[], &mut slot.mask, &mut input);
            reset_gradients(compiled, &consumers, Rows::OfOutputs, &mut slot.gradients);
            for (consumer, gradient) in
                consumers.iter().zip(&mut slot.gradients).filter(|(_, gradient)| !gradient.is_empty())
            {
                let job = InputGradient {
                    map: consumer.map,
                    source: compiled.input,
                    target: compiled.populations[consumer.population],
                    input: &input,
                    errors: &slot.errors[consumer.population],
                    shape: compiled.weight_shape(consumer.weight),
                    gradient,
                    steps: compiled.plan.steps,
                    tile_lanes: compiled.level.tile_lanes(),
                    scratch: &mut slot.scratch,
                };
                dispatch(compiled.level, job);
            }
            slot.input = input;
        });
        self.sum_convolutions(&consumers, Rows::OfOutputs);
        self.sum_linear(Source::Input, &consumers);
    }

    /// Adds the gradients of the slots, in their order, to those of the batch.
    fn sum_convolutions(&mut self, consumers: &[Consumer], rows: Rows) {
        for (i, consumer) in consumers.iter().enumerate() {
            let Some(weight) = consumer.weight.filter(|&weight| !self.compiled.is_linear(weight)) else { continue };
            let copies: Vec<&[Lane]> = self.slots.iter().map(|slot| &*slot.gradients[i]).collect();
            let tile_lanes = self.compiled.level.tile_lanes();
            self.compiled.weights[weight].add_unpacked(rows, &copies, &mut self.gradients[weight], tile_lanes);
        }
    }

    /// Gradients of the linear maps among `consumers`: a task for each pixel and tile of the source.
    fn sum_linear(&mut self, source: Source, consumers: &[Consumer]) {
        let compiled = self.compiled;
        for consumer in consumers.iter().filter(|consumer| matches!(consumer.map, Map::Linear { .. })) {
            let Some(weight) = consumer.weight else { continue };
            let target = Source::Population(consumer.population);
            let samples: Vec<_> = self.slots.iter().map(|slot| (slot.events(source), slot.events(target))).collect();
            let layout = compiled.source(source);
            let mut rest = &mut self.linear_gradients[weight][..];
            let mut tasks: Vec<(usize, Tile, &mut [Lane])> = Vec::new();
            for tile in layout.tiles(compiled.level.tile_lanes()) {
                for pixel in 0..layout.pixels() {
                    let size = compiled.weights[weight].outputs * tile.lanes;
                    let (gradient, others) = rest.split_at_mut(size);
                    tasks.push((pixel, tile, gradient));
                    rest = others;
                }
            }
            tasks.into_par_iter().for_each_init(Scratch::default, |scratch, (pixel, tile, gradient)| {
                let steps = compiled.plan.steps;
                dispatch(compiled.level, LinearGradient { samples: &samples, pixel, tile, gradient, steps, scratch });
            });
        }
    }

    /// Frees the errors of populations of which `index` was the first source.
    fn free(&mut self, index: usize) {
        for (population, p) in self.compiled.network.populations().iter().enumerate() {
            let first = p.inputs.iter().map(|projection| match projection.source {
                Source::Input => None,
                Source::Population(source) => Some(source),
            });
            if first.min() == Some(Some(index)) {
                for slot in &mut *self.slots {
                    slot.errors[population] = Events::default();
                }
            }
        }
    }

    /// Keeps the errors of a population over time, if the plan records.
    fn record(&mut self, population: usize) {
        let compiled = self.compiled;
        if !compiled.plan.record {
            return;
        }
        let (layout, steps) = (compiled.populations[population], compiled.plan.steps);
        let neurons = layout.pixels() * layout.channels;
        for (sample, slot) in self.samples.iter_mut().zip(&*self.slots) {
            sample.delta.resize(compiled.populations.len(), Vec::new());
            let delta = &mut sample.delta[population];
            delta.clear();
            delta.resize(steps * neurons, 0.0);
            let events = &slot.errors[population];
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

/// Zeroes a gradient buffer for each convolution among `consumers`; the buffers of other maps become empty.
fn reset_gradients(compiled: &Compiled, consumers: &[Consumer], rows: Rows, gradients: &mut Vec<Vec<Lane>>) {
    gradients.resize(gradients.len().max(consumers.len()), Vec::new());
    for (consumer, gradient) in consumers.iter().zip(gradients) {
        gradient.clear();
        if let Some(weight) = consumer.weight.filter(|&weight| !compiled.is_linear(weight)) {
            gradient.resize(compiled.weights[weight].packed_lanes(rows), Lane::ZERO);
        }
    }
}
