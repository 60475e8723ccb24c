//! The forward pass of a round of samples, population by population. Within a population, each sample runs chunk by
//! chunk, block by block, step by step.

use rayon::prelude::*;
use snn_core::{Trial, Weights};

use super::stages::{self, Affine};
use super::{Loaded, Slot};
use crate::masks::Masks;
use crate::sample::SampleState;

/// The samples that run forward together, one in each slot.
pub(super) struct ForwardRound<'a> {
    pub(super) loaded: Loaded<'a>,
    pub(super) trial: &'a Trial<'a>,
    pub(super) masks: &'a Masks,
    /// Index in the batch of the first sample.
    pub(super) first: usize,
    /// Whether samples start from their current states.
    pub(super) resumes: bool,
    /// Each sample with the states of each population at the start of every chunk but the first. In a stream, the
    /// vectors hold instead what a population needs to continue: its states after the last step and, if it is
    /// recurrent, its last output.
    pub(super) samples: &'a mut [(SampleState, Vec<Vec<f32>>)],
    pub(super) slots: &'a mut [Slot],
    pub(super) weights: &'a Weights,
    /// The normalisations of each group of the batch; the forward pass fills them in.
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
        // A population can be normalised by group only when all samples of the group have reached it. The populations
        // between such points run sample by sample, so that each sample's working set stays in the cache.
        let mut start = 0;
        for end in (1..=compiled.populations.len())
            .filter(|&end| end == compiled.populations.len() || self.loaded.unrolled.has_group_norm(end))
        {
            if self.loaded.unrolled.has_group_norm(start) {
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

    /// Computes mean and variance of the currents of a population over each group of the round. With group
    /// normalisation, a trial is always one chunk.
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
