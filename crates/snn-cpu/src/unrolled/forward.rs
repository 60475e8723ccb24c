//! The forward pass: population by population, and within each, for every sample of a round, chunk by chunk, block by block,
//! step by step.

use rayon::prelude::*;
use snn_core::{Trial, Weights};

use super::stages::{self, Affine};
use super::{Loaded, Slot};
use crate::masks::Masks;
use crate::sample::SampleState;

/// Samples that go forward together, one in each slot.
pub(super) struct ForwardRound<'a> {
    pub(super) loaded: Loaded<'a>,
    pub(super) trial: &'a Trial<'a>,
    pub(super) masks: &'a Masks,
    /// Index in the batch of the first sample.
    pub(super) first: usize,
    /// Whether samples go on from the states that they have.
    pub(super) resumes: bool,
    /// Each with its states of each population at the start of every chunk but the first. In a stream these become what each
    /// population needs to go on: its states after the last step and, if it is recurrent, what it then passed on.
    pub(super) samples: &'a mut [(SampleState, Vec<Vec<f32>>)],
    pub(super) slots: &'a mut [Slot],
    pub(super) weights: &'a Weights,
    /// The normalisations of each group of the batch, which are found on the way.
    pub(super) groups: &'a mut [Vec<Affine>],
}

impl ForwardRound<'_> {
    pub(super) fn run(&mut self) {
        let compiled = self.loaded.compiled();
        let Self { trial, masks, first, samples, slots, .. } = self;
        samples.par_iter_mut().zip(&mut **slots).enumerate().for_each(|(i, ((sample, saved), slot))| {
            sample.begin(compiled, trial, *first + i);
            slot.draw_masks(compiled, masks, *first + i);
            saved.resize(compiled.populations.len(), Vec::new());
        });
        // All samples of a group must have come to a population before it can be normalised. Where none is, each sample runs
        // through all populations by itself, while what it works on is in the cache.
        let mut start = 0;
        for end in (1..=compiled.populations.len())
            .filter(|&end| end == compiled.populations.len() || self.loaded.unrolled.has_groups(end))
        {
            if self.loaded.unrolled.has_groups(start) {
                self.find_groups(start);
            }
            let Self { loaded, first, resumes, samples, slots, groups, .. } = self;
            samples.par_iter_mut().zip(&mut **slots).enumerate().for_each(|(i, ((sample, saved), slot))| {
                let group = loaded.unrolled.group_of(*first + i).map_or(&[][..], |group| &groups[group]);
                for index in start..end {
                    slot.forward(loaded, index, *resumes, group, sample, &mut saved[index]);
                }
            });
            start = end;
        }
    }

    /// Finds mean and variance of the currents of a population, over each group of the round. A trial is then one chunk.
    fn find_groups(&mut self, index: usize) {
        let Self { loaded, first, samples, slots, weights, groups, .. } = self;
        let unrolled = loaded.unrolled;
        samples.par_iter().zip(&mut **slots).for_each(|((sample, _), slot)| {
            for chunk in unrolled.chunks() {
                slot.list_sources(loaded, index, &chunk, sample);
                slot.run_stages(loaded, index, &chunk);
            }
            for (projection, _) in unrolled.norms(index).filter(|(_, norm)| unrolled.is_of_group(*norm)) {
                let stages = &mut slot.stages[projection];
                stages.sums = stages::moments(stages.current(), &unrolled.compiled.populations[index]);
            }
        });
        let count = (unrolled.compiled.plan.steps * unrolled.compiled.populations[index].pixels()) as f64;
        let size = unrolled.compiled.group().unwrap_or(1);
        for (i, slots) in slots.chunks(size).enumerate() {
            for (projection, norm) in unrolled.norms(index).filter(|(_, norm)| unrolled.is_of_group(*norm)) {
                let sums = slots.iter().map(|slot| &*slot.stages[projection].sums);
                groups[*first / size + i][norm] = Affine::of_group(&unrolled.norms[norm].norm, weights, sums, count);
            }
        }
    }
}
