//! Sessions of all other networks: backpropagation through time, with any neuron and any gradient.
//!
//! In the forward pass, currents come from events, as in spike-gated sessions. The neurons then run step by step. The
//! session keeps the spikes of a trial, one bit each, and the neuron states at a few steps: the trial is cut into
//! chunks of time, and the backward pass recomputes the states of a chunk from the spikes before it backpropagates
//! through it. Weight gradients come from walks over spikes. The errors of all neurons at all steps are a matrix
//! product ([`crate::kernels::spread`]).
//!
//! Where the time goes, in LeNet over eight steps: about two fifths into the neurons (forward twice, and their
//! transposes), a fifth into currents, and a sixth into that matrix product, whose number of multiply-adds does not
//! depend on the spikes. The rest lists events, sums gradients and copies rows. Memory grows with the length of
//! chunks, while the time hardly shrinks with it.

mod backward;
mod cells;
mod forward;
mod plan;
mod slot_backward;
mod slot_forward;
mod stages;

use std::sync::Arc;

use rayon::ThreadPool;
use snn_core::{
    Activity, Error, Errors, GroupStatistics, Memory, Population, Record, Role, Session, Tensor, Trial, Weights,
};

use crate::compiled::Compiled;
use crate::events::Events;
use crate::kernels::adjoint::Scratch;
use crate::masks::Masks;
use crate::sample::{LastTrial, SampleState, activity, record};
use crate::simd::{LANE, Lane};
use backward::BackwardRound;
use cells::Cells;
use plan::Unrolled;
use slot_backward::Carried;
use stages::{Affine, StageScratch};

/// The memory that a session needs.
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
    /// Biases of projections that pool their currents, by population and projection. `kept` has the normalisations by
    /// kept statistics.
    staged_biases: Vec<Vec<Vec<Lane>>>,
    kept: Vec<Affine>,
    /// Tensors other than weights; entries of weights are empty. `values` has the constants that they give for each
    /// population, see [`Cells::p`].
    trained: Weights,
    values: Vec<Vec<f32>>,
    /// State of each sample of the batch, with the states of each population at the start of every chunk but the
    /// first. In a stream, the vectors have the states after the last step.
    samples: Vec<(SampleState, Vec<Vec<f32>>)>,
    /// The normalisations of each group of the last trial; entries of normalisations by kept statistics stay empty.
    groups: Vec<Vec<Affine>>,
    /// Scratch buffers of each sample of a round.
    slots: Vec<Slot>,
    /// Packed gradients of linear maps, accumulated over samples.
    linear_gradients: Vec<Vec<Lane>>,
    trial: Option<LastTrial>,
}

/// A compiled network with its loaded weights.
#[derive(Clone, Copy)]
struct Loaded<'a> {
    unrolled: &'a Unrolled,
    weights: &'a [Vec<Lane>],
    biases: &'a [Vec<Lane>],
    staged_biases: &'a [Vec<Vec<Lane>>],
    kept: &'a [Affine],
    values: &'a [Vec<f32>],
}

/// Scratch buffers of one sample of a round.
#[derive(Default)]
struct Slot {
    /// Per feed of the current population: events of the source, or numbers if it is read as numbers. `own` has events
    /// of the current population itself.
    sources: Vec<Events>,
    numbers: Vec<Vec<Lane>>,
    joined: Vec<Lane>,
    own: Events,
    delayed: Vec<u32>,
    /// Currents of the current population over a chunk, then their errors, `[step][pixel][lane]`.
    rows: Vec<Lane>,
    current: Vec<Lane>,
    /// Scratch buffers of each projection of the current population that pools or normalises.
    stages: Vec<StageScratch>,
    scratch: Scratch,
    /// States of the current population or block, and its output at one step.
    state: Vec<f32>,
    output: Vec<Lane>,
    word: Vec<[u32; LANE]>,
    /// For the current block over a chunk: states before each step, and spikes.
    before: Vec<f32>,
    outputs: Vec<Lane>,
    d_input: Vec<Lane>,
    /// Dropout masks of all populations in `C, H, W` order, empty where there are none. `mask` has that of the current
    /// population as `[pixel][lane]`.
    masks: Vec<Vec<f32>>,
    mask: Vec<Lane>,
    /// Errors of each population's outputs as read by others, over a chunk, while they are being summed.
    errors: Vec<Option<Vec<Lane>>>,
    /// Error buffers that are not in use.
    spare: Vec<Vec<Lane>>,
    carried: Vec<Carried>,
    /// Gradients of the convolutions into the current population.
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
            staged_biases: Vec::new(),
            kept: Vec::new(),
            groups: Vec::new(),
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
        let Self { unrolled, pool, weights: packed, biases, staged_biases, kept, trained, values, .. } = self;
        let network = &unrolled.compiled.network;
        network.check_weights(weights)?;
        pool.install(|| unrolled.compiled.pack(weights, packed));
        *biases = (0..network.populations().len()).map(|index| unrolled.compiled.bias(index, weights)).collect();
        *staged_biases = (0..network.populations().len()).map(|index| unrolled.staged_biases(index, weights)).collect();
        *kept = unrolled.norms.iter().map(|found| Affine::kept(&found.norm, weights)).collect();
        let is_kept = |tensor: &Tensor| !matches!(tensor.role, Role::Weight);
        let constants = network.tensors().iter().zip(weights);
        *trained = constants.map(|(t, values)| if is_kept(t) { values.clone() } else { Vec::new() }).collect();
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
        let Self {
            unrolled, pool, weights, biases, staged_biases, kept, trained, values, samples, groups, slots, ..
        } = self;
        let (linear_gradients, compiled) = (&mut self.linear_gradients, &unrolled.compiled);
        let trial = LastTrial::to_go_back_through(self.trial.as_ref(), compiled, errors)?;
        compiled.reset_gradients(gradients, linear_gradients);
        let loaded = Loaded { unrolled, weights, biases, staged_biases, kept, values };
        let mut d_values: Vec<Vec<f64>> = values.iter().map(|values| vec![0.0; values.len()]).collect();
        pool.install(|| {
            for (round, samples) in samples[..trial.samples].chunks_mut(slots.len()).enumerate() {
                let (first, slots) = (round * slots.len(), &mut slots[..samples.len()]);
                let mut round =
                    BackwardRound { loaded, trial, first, samples, slots, groups, gradients, linear_gradients };
                round.run(errors, &mut d_values);
            }
            compiled.add_linear(linear_gradients, gradients);
        });
        for ((index, population), d_values) in compiled.network.populations().iter().enumerate().zip(d_values) {
            let d_values = unrolled.cells(index, &[]).unpack(d_values);
            population.constants_adjoint(trained, 1, &d_values, gradients);
        }
        compiled.network.zero_untrained(gradients);
        Ok(())
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        let samples = self.samples.iter().map(|(sample, _)| sample);
        record(&self.unrolled.compiled, self.trial.as_ref(), samples, population)
    }
}

impl UnrolledSession {
    /// Runs a trial. If it `resumes`, samples start from their current states.
    fn run(&mut self, trial: &Trial<'_>, resumes: bool) -> Result<Activity, Error> {
        let Self {
            unrolled, pool, weights, biases, staged_biases, kept, trained, values, samples, slots, groups, ..
        } = self;
        let compiled = &unrolled.compiled;
        let n = trial.check(&compiled.network, &compiled.plan)?;
        if weights.len() != compiled.weights.len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let masks = Masks::keep(trial);
        let loaded = Loaded { unrolled, weights, biases, staged_biases, kept, values };
        groups.clear();
        groups.resize(compiled.group().map_or(0, |group| n.div_ceil(group)), vec![Affine::default(); kept.len()]);
        pool.install(|| {
            for (round, samples) in samples[..n].chunks_mut(slots.len()).enumerate() {
                let (first, slots, masks) = (round * slots.len(), &mut slots[..samples.len()], &masks);
                forward::ForwardRound {
                    loaded,
                    trial,
                    masks,
                    first,
                    resumes,
                    samples,
                    slots,
                    weights: trained,
                    groups,
                }
                .run();
            }
        });
        self.trial = Some(LastTrial { samples: n, masks });
        let activity = activity(&self.unrolled.compiled, self.samples[..n].iter().map(|(sample, _)| sample));
        Ok(Activity { statistics: self.statistics(n), ..activity })
    }

    /// The statistics that each normalisation found for each group of the last trial of `samples` samples.
    fn statistics(&self, samples: usize) -> Vec<GroupStatistics> {
        let (unrolled, size) = (&self.unrolled, self.unrolled.compiled.group().unwrap_or(1));
        let all = unrolled.norms.iter().enumerate().filter(|(norm, _)| unrolled.is_of_group(*norm));
        let of_norm = |(index, found): (usize, &plan::Normalised)| {
            let values = unrolled.compiled.plan.steps * unrolled.pixels(index);
            let of_group = move |(group, affines): (usize, &Vec<Affine>)| {
                let count = values * size.min(samples - group * size);
                found.norm.statistics(&affines[index].moments, count as f64)
            };
            self.groups.iter().enumerate().map(of_group).collect::<Vec<_>>()
        };
        all.flat_map(of_norm).collect()
    }
}

impl<'a> Loaded<'a> {
    fn compiled(&self) -> &'a Compiled {
        &self.unrolled.compiled
    }

    fn cells(&self, population: usize) -> Cells<'a> {
        self.unrolled.cells(population, &self.values[population])
    }

    /// The bias, `[lane]`, of a projection that pools its current; empty if it has none.
    fn staged_bias(&self, population: usize, projection: usize) -> &'a [Lane] {
        &self.staged_biases[population][projection]
    }

    /// The normalisation `norm`: that of a sample's group, or the one by kept statistics.
    fn affine<'b>(&self, norm: usize, group: &'b [Affine]) -> &'b Affine
    where
        'a: 'b,
    {
        if self.unrolled.is_of_group(norm) { &group[norm] } else { &self.kept[norm] }
    }
}

/// Resizes `values` to `len` without allocating more than that; new elements are `value`.
fn fit<T: Clone>(values: &mut Vec<T>, len: usize, value: T) {
    values.reserve_exact(len.saturating_sub(values.len()));
    values.resize(len, value);
}
