//! Every other network: backpropagation through time, with any neuron and any gradient.
//!
//! Forward, currents come from events as on the path of the paper's rule; the neurons then run step by step as their
//! authors wrote them. Of a trial, the spikes are kept, one bit each, and the states at a few steps: the trial is cut
//! into chunks of time, and the backward pass computes the states of a chunk anew from the spikes before it goes
//! through it. Weight gradients are walks along spikes; the errors of all neurons at all steps are a matrix product
//! ([`crate::spread`]).
//!
//! What limits it, in LeNet over eight steps: some two fifths of the time go into the neurons (forward twice, and their
//! transposes), a fifth into currents, a sixth into that product, whose number of multiply-adds does not depend on the
//! spikes; the rest lists events, sums gradients and moves rows. Memory grows with the length of chunks, the time hardly
//! shrinks with it.

mod backward;
mod cells;
mod forward;
mod plan;

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use snn_core::{Activity, Error, Errors, Memory, Population, Record, Role, Session, Tensor, Trial, Weights};

use crate::backward::Scratch;
use crate::compiled::Compiled;
use crate::events::Events;
use crate::layout::Layout;
use crate::masks::Masks;
use crate::sample::{LastTrial, Sample, activity, record};
use crate::simd::{LANE, Lane, flat};
use crate::walk;
use backward::{Carried, Start};
use cells::Cells;
use plan::Unrolled;

/// What a session takes.
pub(crate) fn memory(compiled: Compiled) -> Memory {
    Unrolled::cut(compiled).memory()
}

pub(crate) struct UnrolledSession {
    unrolled: Unrolled,
    pool: Arc<ThreadPool>,
    /// Packed weights; empty before the first load.
    weights: Vec<Vec<Lane>>,
    /// Biases of each population, see [`Compiled::bias`].
    biases: Vec<Vec<Lane>>,
    /// The tensors of trained constants, none of the others; and the values that they give for each population, see
    /// [`Cells::p`].
    trained: Weights,
    values: Vec<Vec<f32>>,
    /// One for each sample of the batch, with its states of each population at the start of every chunk but the first; in
    /// a stream, those after the last step.
    samples: Vec<(Sample, Vec<Vec<f32>>)>,
    /// One for each sample of a round.
    slots: Vec<Slot>,
    /// Gradients of linear maps, packed, summed over samples as they come.
    linear_gradients: Vec<Vec<Lane>>,
    trial: Option<LastTrial>,
}

/// A network with its weights.
#[derive(Clone, Copy)]
struct Loaded<'a> {
    unrolled: &'a Unrolled,
    weights: &'a [Vec<Lane>],
    biases: &'a [Vec<Lane>],
    values: &'a [Vec<f32>],
}

/// Work space of one sample in flight.
#[derive(Default)]
struct Slot {
    /// Events of the sources of the population at hand, and of itself.
    sources: Vec<Events>,
    own: Events,
    delayed: Vec<u32>,
    /// Currents of the population at hand over a chunk, then their errors, `[step][pixel][lane]`.
    rows: Vec<Lane>,
    current: Vec<Lane>,
    scratch: Scratch,
    /// States of the population or block at hand, and what it passes on at one step.
    state: Vec<f32>,
    output: Vec<Lane>,
    word: Vec<[u32; LANE]>,
    /// Of the block at hand, over a chunk: states before each step, and spikes.
    before: Vec<f32>,
    outputs: Vec<Lane>,
    d_input: Vec<Lane>,
    /// Dropout masks of all populations in `C, H, W` order, empty where there are none; and that of the one at hand as
    /// `[pixel][lane]`.
    masks: Vec<Vec<f32>>,
    mask: Vec<Lane>,
    /// Errors of what others saw of each population over a chunk, while they are being summed.
    errors: Vec<Option<Vec<Lane>>>,
    /// Buffers of errors that are not in use.
    spare: Vec<Vec<Lane>>,
    carried: Vec<Carried>,
    /// Gradients of the convolutions into the population at hand.
    gradients: Vec<Vec<Lane>>,
}

impl UnrolledSession {
    pub(crate) fn new(compiled: Compiled, pool: Arc<ThreadPool>) -> Self {
        let samples = (0..compiled.plan.batch).map(|_| Default::default()).collect();
        let slots = (0..compiled.round).map(|_| Slot::default()).collect();
        let none = Vec::new;
        Self {
            unrolled: Unrolled::new(compiled),
            pool,
            weights: none(),
            biases: none(),
            trained: Vec::new(),
            values: Vec::new(),
            samples,
            slots,
            linear_gradients: none(),
            trial: None,
        }
    }
}

impl Session for UnrolledSession {
    fn memory(&self) -> Memory {
        self.unrolled.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        let Self { unrolled, pool, weights: packed, biases, trained, values, .. } = self;
        let network = &unrolled.compiled.network;
        network.check_weights(weights)?;
        pool.install(|| unrolled.compiled.pack(weights, packed));
        *biases = (0..network.populations().len()).map(|index| unrolled.compiled.bias(index, weights)).collect();
        let is_constant = |tensor: &Tensor| tensor.role == Role::Constant;
        let constants = network.tensors().iter().zip(weights);
        *trained = constants.map(|(t, values)| if is_constant(t) { values.clone() } else { Vec::new() }).collect();
        let value = |(index, population): (usize, &Population)| {
            unrolled.cells(index, &[]).pack(population.constants(weights, 1))
        };
        *values = network.populations().iter().enumerate().map(value).collect();
        self.trial = None;
        Ok(())
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.run(trial, false)
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        let Self { unrolled: Unrolled { compiled, .. }, samples, trial: last, .. } = self;
        trial.check_resume(&compiled.network, &compiled.plan, from, last.as_ref().map(|last| last.samples))?;
        from.iter().enumerate().for_each(|(i, &from)| samples.swap(i, from));
        self.run(trial, true)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        let Self { unrolled, pool, weights, biases, trained, values, samples, slots, linear_gradients, trial } = self;
        let compiled = &unrolled.compiled;
        let trial = LastTrial::to_go_back_through(trial.as_ref(), compiled, errors)?;
        compiled.reset_gradients(gradients, linear_gradients);
        let loaded = Loaded { unrolled, weights, biases, values };
        let mut d_values: Vec<Vec<f64>> = values.iter().map(|values| vec![0.0; values.len()]).collect();
        pool.install(|| {
            for (round, samples) in samples[..trial.samples].chunks_mut(slots.len()).enumerate() {
                let (first, slots) = (round * slots.len(), &mut slots[..samples.len()]);
                let mut round = Round { loaded, trial, first, samples, slots, gradients, linear_gradients };
                round.run(errors, &mut d_values);
            }
            compiled.add_linear(linear_gradients, gradients);
        });
        for ((index, population), d_values) in compiled.network.populations().iter().enumerate().zip(d_values) {
            let d_values = unrolled.cells(index, &[]).unpack(d_values);
            population.constants_adjoint(trained, 1, &d_values, gradients);
        }
        compiled.network.zero_frozen(gradients);
        Ok(())
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        let samples = self.samples.iter().map(|(sample, _)| sample);
        record(&self.unrolled.compiled, self.trial.as_ref(), samples, population)
    }
}

impl UnrolledSession {
    /// Runs a trial; if it `resumes`, from the states that the samples have.
    fn run(&mut self, trial: &Trial<'_>, resumes: bool) -> Result<Activity, Error> {
        let Self { unrolled, pool, weights, biases, values, samples, slots, .. } = self;
        let compiled = &unrolled.compiled;
        let n = trial.check(&compiled.network, &compiled.plan)?;
        if weights.len() != compiled.weights.len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let masks = Masks::keep(trial);
        let loaded = Loaded { unrolled, weights, biases, values };
        pool.install(|| {
            for (round, samples) in samples[..n].chunks_mut(slots.len()).enumerate() {
                let first = round * slots.len();
                samples.par_iter_mut().zip(&mut *slots).enumerate().for_each(|(i, ((sample, saved), slot))| {
                    sample.begin(compiled, trial, first + i);
                    forward::forward(&loaded, &masks, (first + i, resumes), sample, saved, slot);
                });
            }
        });
        self.trial = Some(LastTrial { samples: n, masks });
        Ok(activity(&self.unrolled.compiled, self.samples[..n].iter().map(|(sample, _)| sample)))
    }
}

/// Samples that go back together, one in each slot.
struct Round<'a> {
    loaded: Loaded<'a>,
    trial: &'a LastTrial,
    /// Index in the batch of the first sample.
    first: usize,
    samples: &'a mut [(Sample, Vec<Vec<f32>>)],
    slots: &'a mut [Slot],
    gradients: &'a mut Weights,
    linear_gradients: &'a mut [Vec<Lane>],
}

impl Round<'_> {
    /// Goes back through all chunks and populations, last to first.
    fn run(&mut self, errors: Errors<'_>, d_values: &mut [Vec<f64>]) {
        let Self { loaded, trial, first, samples, slots, .. } = self;
        slots.par_iter_mut().zip(&**samples).enumerate().for_each(|(i, (slot, (sample, _)))| {
            slot.start_backward(loaded, &trial.masks, *first + i, sample);
        });
        for chunk in self.loaded.unrolled.chunks().rev() {
            for index in (0..self.loaded.compiled().populations.len()).rev() {
                if !self.loaded.compiled().needs_errors(index) {
                    continue;
                }
                let Self { loaded, trial, first, samples, slots, .. } = self;
                slots.par_iter_mut().zip(&mut **samples).enumerate().for_each(|(i, (slot, (sample, saved)))| {
                    let Errors { output: d_output, emitted: d_emitted } = errors;
                    let start = Start { saved, d_output, n: *first + i, samples: trial.samples, d_emitted };
                    slot.go_back(loaded, index, &chunk, start, sample);
                    if loaded.compiled().plan.record {
                        slot.record(loaded.compiled(), index, &chunk, sample.delta_mut(loaded.compiled(), index));
                    }
                });
                self.sum(index, chunk.steps.len());
            }
        }
        for slot in &*self.slots {
            for (sums, carried) in d_values.iter_mut().zip(&slot.carried) {
                for (sum, d) in sums.iter_mut().zip(&carried.d_p) {
                    *sum += d;
                }
            }
        }
    }

    /// Adds up the gradients of the projections into a population, of a chunk of `steps` steps.
    fn sum(&mut self, index: usize, steps: usize) {
        let (compiled, slots) = (self.loaded.compiled(), &*self.slots);
        compiled.add_convolutions(index, slots.len(), |slot, j| &slots[slot].gradients[j], self.gradients);
        if compiled.trains_bias(index) {
            let layout = compiled.populations[index];
            for slot in slots {
                compiled.add_bias_gradients(
                    index,
                    &sums_over_time(&slot.rows[..steps * layout.width()], &layout),
                    self.gradients,
                );
            }
        }
        for (j, (_, projection)) in compiled.network.connections(index).enumerate() {
            let Some(weight) = projection.weight.filter(|&w| compiled.is_linear(w) && compiled.is_trained(w)) else {
                continue;
            };
            let pairs = slots.iter().map(|slot| (&slot.sources[j], walk::Errors::Rows(&slot.rows)));
            let samples: Vec<_> = pairs.collect();
            let packed = &mut self.linear_gradients[weight];
            compiled.add_linear_map(weight, compiled.populations[index], &samples, steps, packed);
        }
    }
}

impl<'a> Loaded<'a> {
    fn compiled(&self) -> &'a Compiled {
        &self.unrolled.compiled
    }

    fn cells(&self, population: usize) -> Cells<'a> {
        self.unrolled.cells(population, &self.values[population])
    }
}

/// The sums of errors, `[step][pixel][lane]`, of each channel over steps and pixels.
fn sums_over_time(rows: &[Lane], layout: &Layout) -> Vec<f32> {
    let mut sums = vec![Lane::ZERO; layout.lanes];
    for pixel in rows.chunks_exact(layout.lanes) {
        for (sum, lane) in sums.iter_mut().zip(pixel) {
            sum.0.iter_mut().zip(lane.0).for_each(|(sum, d)| *sum += d);
        }
    }
    flat(&sums)[..layout.channels].to_vec()
}

/// Makes `values` `len` long, at no more memory than that takes; new ones are `value`.
fn fit<T: Clone>(values: &mut Vec<T>, len: usize, value: T) {
    values.reserve_exact(len.saturating_sub(values.len()));
    values.resize(len, value);
}
