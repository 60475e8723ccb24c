//! The backward pass of a trial, in rounds of samples. Each round goes through chunks and populations from last to
//! first, and runs each for all samples of the round.

use rayon::prelude::*;
use snn_core::{Errors, Weights};

use super::slot_backward::ChunkStart;
use super::stages::Affine;
use super::{Loaded, Slot};
use crate::kernels::walk;
use crate::layout::Layout;
use crate::sample::{LastTrial, SampleState};
use crate::simd::{Lane, flat};

/// The samples that run backward together, one in each slot.
pub(super) struct BackwardRound<'a> {
    pub(super) loaded: Loaded<'a>,
    pub(super) trial: &'a LastTrial,
    /// Index in the batch of the first sample.
    pub(super) first: usize,
    pub(super) samples: &'a mut [(SampleState, Vec<Vec<f32>>)],
    pub(super) slots: &'a mut [Slot],
    pub(super) groups: &'a [Vec<Affine>],
    pub(super) gradients: &'a mut Weights,
    pub(super) linear_gradients: &'a mut [Vec<Lane>],
}

impl BackwardRound<'_> {
    /// Backpropagates through all chunks and populations, last to first.
    pub(super) fn run(&mut self, errors: Errors<'_>, d_values: &mut [Vec<f64>]) {
        let Self { loaded, trial, first, samples, slots, .. } = self;
        slots.par_iter_mut().zip(&**samples).enumerate().for_each(|(i, (slot, (sample, _)))| {
            slot.start_backward(loaded, &trial.masks, *first + i, sample);
        });
        for chunk in self.loaded.unrolled.chunks().rev() {
            for index in (0..self.loaded.compiled().populations.len()).rev() {
                if !self.loaded.compiled().needs_errors(index) {
                    continue;
                }
                let has_norms = self.loaded.unrolled.norms(index).next().is_some();
                let Self { loaded, trial, first, samples, slots, groups, .. } = self;
                let group = |i: usize| loaded.unrolled.group_of(*first + i).map_or(&[][..], |group| &groups[group]);
                slots.par_iter_mut().zip(&mut **samples).enumerate().for_each(|(i, (slot, (sample, saved)))| {
                    let Errors { output: d_output, emitted: d_emitted } = errors;
                    let start = ChunkStart { saved, d_output, n: *first + i, samples: trial.samples, d_emitted };
                    slot.backward_neurons(loaded, index, &chunk, start, group(i), sample);
                    if !has_norms {
                        slot.backward_projections(loaded, index, &chunk, (&[], &[]), sample);
                        slot.record_if_asked(loaded, index, &chunk, sample);
                    }
                });
                if !has_norms {
                    self.sum(index, chunk.steps.len());
                    continue;
                }
                let means = self.means_of_errors(index);
                let Self { loaded, first, samples, slots, groups, .. } = self;
                let group = |i: usize| loaded.unrolled.group_of(*first + i).map_or(&[][..], |group| &groups[group]);
                let size = loaded.compiled().group().unwrap_or(slots.len().max(1));
                slots.par_iter_mut().zip(&mut **samples).enumerate().for_each(|(i, (slot, (sample, _)))| {
                    let means = means.get(i / size).map_or(&[][..], Vec::as_slice);
                    slot.backward_projections(loaded, index, &chunk, (group(i), means), sample);
                    slot.record_if_asked(loaded, index, &chunk, sample);
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

    /// Adds the gradients of the scales and shifts of a population's normalisations. Returns, for each group of the
    /// round and each normalisation, the means per channel of the errors, and of the errors times the normalised
    /// current.
    fn means_of_errors(&mut self, index: usize) -> Vec<Vec<Vec<[f64; 2]>>> {
        let unrolled = self.loaded.unrolled;
        let size = unrolled.compiled.group().unwrap_or(self.slots.len().max(1));
        let norms: Vec<(usize, usize)> = unrolled.norms(index).collect();
        if norms.is_empty() {
            return Vec::new();
        }
        let mut means = Vec::new();
        for slots in self.slots.chunks(size) {
            let mut own = vec![Vec::new(); unrolled.norms.len()];
            for &(projection, norm) in &norms {
                let tensors = unrolled.norms[norm].norm.tensors;
                let mut sums = vec![[0.0; 2]; self.gradients[tensors.scale].len()];
                for slot in slots {
                    for (sum, of_slot) in sums.iter_mut().zip(&slot.stages[projection].sums) {
                        sum.iter_mut().zip(of_slot).for_each(|(sum, x)| *sum += x);
                    }
                }
                for (c, [d, dx]) in sums.iter().enumerate() {
                    self.gradients[tensors.shift][c] += *d as f32;
                    self.gradients[tensors.scale][c] += *dx as f32;
                }
                let count = slots.len() * unrolled.compiled.plan.steps * unrolled.pixels(norm);
                let share = if unrolled.is_of_group(norm) { 1.0 / count as f64 } else { 0.0 };
                sums.iter_mut().flatten().for_each(|sum| *sum *= share);
                own[norm] = sums;
            }
            means.push(own);
        }
        means
    }

    /// Sums the gradients of the projections into a population over samples, for a chunk of `steps` steps. The sums go
    /// group by group, so that they do not depend on the number of groups in a round.
    fn sum(&mut self, index: usize, steps: usize) {
        let (compiled, slots) = (self.loaded.compiled(), &*self.slots);
        let size = compiled.group().unwrap_or(slots.len().max(1));
        for slots in slots.chunks(size) {
            compiled.add_convolutions(index, slots.len(), |slot, j| &slots[slot].gradients[j], self.gradients);
        }
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
        for (j, feed) in compiled.feeds[index].iter().enumerate() {
            let weight = compiled.weight_of(index, feed);
            let Some(weight) = weight.filter(|&w| compiled.is_linear(w) && compiled.is_trained(w)) else { continue };
            let projection = compiled.projection(index, feed);
            let pairs = slots
                .iter()
                .map(|slot| (slot.reads(j, feed), walk::ErrorsOverTime::Rows(slot.errors_of(projection, feed))));
            let samples: Vec<_> = pairs.collect();
            let packed = &mut self.linear_gradients[weight];
            compiled.add_linear_map((index, feed), &samples, steps, packed);
        }
    }
}

/// Sums errors, `[step][pixel][lane]`, over steps and pixels, for each channel.
fn sums_over_time(rows: &[Lane], layout: &Layout) -> Vec<f32> {
    let mut sums = vec![Lane::ZERO; layout.lanes];
    for pixel in rows.chunks_exact(layout.lanes) {
        for (sum, lane) in sums.iter_mut().zip(pixel) {
            sum.0.iter_mut().zip(lane.0).for_each(|(sum, d)| *sum += d);
        }
    }
    flat(&sums)[..layout.channels].to_vec()
}
