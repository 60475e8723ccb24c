//! The backward pass of one sample through one population and chunk. It recomputes the states, backpropagates from the
//! last step to the first, and then through the projections to the sources.

use std::ops::Range;

use snn_core::neuron::Moment;
use snn_core::{Projection, Source};

use super::cells::Cells;
use super::plan::Chunk;
use super::stages::{self, Affine};
use super::{Loaded, Slot, fit};
use crate::compiled::Compiled;
use crate::events::Events;
use crate::feed::Feed;
use crate::kernels::adjoint::Adjoint;
use crate::kernels::spread::Spread;
use crate::kernels::walk;
use crate::masks::Masks;
use crate::sample::SampleState;
use crate::simd::{LANE, Lane, dispatch, flat, flat_mut};

/// The inputs of one sample's backward pass through a chunk.
#[derive(Clone, Copy)]
pub(super) struct ChunkStart<'a> {
    /// States of each population at the start of every chunk except the first.
    pub(super) saved: &'a [Vec<f32>],
    /// `dL/d output` `[T, N, K]`.
    pub(super) d_output: &'a [f32],
    /// Index of the sample in the batch, and number of samples.
    pub(super) n: usize,
    pub(super) samples: usize,
    /// `dL/d emitted` of each population, or empty.
    pub(super) d_emitted: &'a [f32],
}

impl Slot {
    /// Prepares the backward pass of sample `n`.
    pub(super) fn start_backward(&mut self, loaded: &Loaded<'_>, masks: &Masks, n: usize, sample: &SampleState) {
        let compiled = loaded.compiled();
        self.draw_masks(compiled, masks, n);
        self.errors.resize_with(compiled.populations.len(), || None);
        self.carried.resize_with(compiled.populations.len(), Carried::default);
        for index in 0..compiled.populations.len() {
            let (cells, carried) = (loaded.cells(index), &mut self.carried[index]);
            let states = cells.part(&(0..cells.layout.width())).len();
            carried.d_state.clear();
            carried.d_state.resize(states, 0.0);
            carried.d_p.clear();
            carried.d_p.resize(cells.p.len(), 0.0);
            carried.late.clear();
            if loaded.unrolled.is_recurrent(index) {
                carried.late.resize(cells.layout.width(), Lane::ZERO);
            }
            list_corrections(compiled, index, sample, &self.masks[index], &mut self.own, &mut carried.correction);
        }
    }

    /// Backpropagates through the neurons of a population over a chunk. Leaves the errors of its currents in `rows`,
    /// the inputs in `sources` and `numbers`, and the summed errors of normalised currents in `stages`.
    pub(super) fn backward_neurons(
        &mut self,
        loaded: &Loaded<'_>,
        index: usize,
        chunk: &Chunk,
        start: ChunkStart<'_>,
        group: &[Affine],
        sample: &SampleState,
    ) {
        let compiled = loaded.compiled();
        let layout = compiled.populations[index];
        self.list_sources(loaded, index, chunk, sample);
        self.run_stages(loaded, index, chunk);
        self.add_currents(loaded, index, chunk, group, true);
        let mut g = self.errors[index].take().unwrap_or_else(|| self.no_errors(loaded, index, chunk));
        if index + 1 == compiled.populations.len() {
            add_output_errors(compiled, chunk, start, &mut g);
        }
        if let Some(last) = g.chunks_exact_mut(layout.width()).next_back() {
            for (g, late) in last.iter_mut().zip(&mut self.carried[index].late) {
                add_lane(g, late);
                *late = Lane::ZERO;
            }
        }
        self.step_back(loaded, index, chunk, start, &mut g);
        self.spare.push(g);
        for (projection, norm) in loaded.unrolled.norms(index) {
            let stages = &mut self.stages[projection];
            let d = &self.rows[..chunk.steps.len() * layout.width()];
            stages.sums = loaded.affine(norm, group).error_sums(stages.current(), d);
        }
    }

    /// Continues through normalisations and pools, leaves the gradients of convolutions in `gradients`, and adds to
    /// the errors of the population's sources. `means` are the mean errors of each group's normalisations.
    pub(super) fn backward_projections(
        &mut self,
        loaded: &Loaded<'_>,
        index: usize,
        chunk: &Chunk,
        (group, means): (&[Affine], &[Vec<[f64; 2]>]),
        sample: &SampleState,
    ) {
        let compiled = loaded.compiled();
        let layout = compiled.populations[index];
        let inputs = compiled.network.populations()[index].inputs.iter().enumerate();
        for (projection, input) in inputs.filter(|(_, input)| input.is_staged()) {
            let d = &self.rows[..chunk.steps.len() * layout.width()];
            let stages = &mut self.stages[projection];
            let x = if input.pool.is_some() { &mut stages.pooled } else { &mut stages.mapped };
            match loaded.unrolled.norm(index, projection) {
                Some(norm) => loaded.affine(norm, group).errors(&means[norm], x, d),
                None => x.copy_from_slice(d),
            }
            if let Some(pool) = input.pool {
                stages::pool_back(
                    pool,
                    &compiled.mapped(index, projection),
                    &layout,
                    &mut stages.mapped,
                    &stages.pooled,
                );
            }
        }
        self.add_gradients(loaded, index, chunk);
        self.add_to_sources(loaded, index, chunk, sample);
    }

    /// Errors of the output of a projection's map, `[step][pixel][lane]`.
    pub(super) fn errors_of(&self, input: &Projection, feed: &Feed) -> &[Lane] {
        if input.is_staged() { &self.stages[feed.projection].mapped } else { &self.rows }
    }

    /// Returns an error buffer of a population over a chunk, all 0.
    fn no_errors(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk) -> Vec<Lane> {
        let mut g = self.spare.pop().unwrap_or_default();
        fit(&mut g, chunk.steps.len() * loaded.compiled().populations[index].width(), Lane::ZERO);
        flat_mut(&mut g).fill(0.0);
        g
    }

    /// Sets `mask` to the dropout mask of a population as `[pixel][lane]`, with 0 for padding.
    fn set_mask(&mut self, loaded: &Loaded<'_>, index: usize) {
        let layout = loaded.compiled().populations[index];
        self.mask.clone_from(&loaded.unrolled.ones[index]);
        for (i, value) in self.masks[index].iter().enumerate() {
            let (pixel, channel) = (i % layout.pixels(), i / layout.pixels());
            flat_mut(&mut self.mask)[pixel * layout.lanes * LANE + channel] = *value;
        }
    }
    /// Runs the steps of a chunk, first forward to recompute states, then backward. `rows` are the currents and are
    /// replaced by their errors, given the errors `g` of the outputs as read by others.
    fn step_back(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, start: ChunkStart<'_>, g: &mut [Lane]) {
        let cells = loaded.cells(index);
        let width = cells.layout.width();
        let is_recurrent = loaded.unrolled.is_recurrent(index);
        let d_emitted = start.d_emitted.get(index).copied().unwrap_or(0.0);
        let is_weighed = d_emitted != 0.0 || !self.masks[index].is_empty();
        if is_weighed {
            self.set_mask(loaded, index);
        }
        for block in cells.blocks() {
            let (part, constants) = (cells.part(&block), cells.constants(&block));
            self.compute_states(&cells, &block, chunk, &start.saved[index]);
            fit(&mut self.d_input, block.len(), Lane::ZERO);
            for i in (0..chunk.steps.len()).rev() {
                let g_now = &mut g[i * width..][block.clone()];
                if is_weighed {
                    weigh(g_now, &self.mask[block.clone()], d_emitted);
                }
                let Carried { d_state, d_p, correction, late } = &mut self.carried[index];
                let moment = Moment {
                    p: &cells.p[constants.clone()],
                    before: &self.before[i * part.len()..][..part.len()],
                    input: flat(&self.rows[i * width..][block.clone()]),
                    output: flat(&self.outputs[i * block.len()..][..block.len()]),
                    correction: correction.get(block.start * LANE..block.end * LANE).unwrap_or(&[]),
                };
                let (d_state, d_input) = (&mut d_state[part.clone()], flat_mut(&mut self.d_input));
                cells.neuron.adjoint(moment, flat(g_now), d_state, d_input, &mut d_p[constants.clone()]);
                let d = &mut self.rows[i * width..][block.clone()];
                d.copy_from_slice(&self.d_input);
                if is_recurrent {
                    let earlier = if i > 0 { &mut g[(i - 1) * width..][..width] } else { &mut late[..] };
                    for own in loaded.compiled().feeds[index].iter().filter(|feed| feed.is_recurrent) {
                        spread(loaded, index, own, d, earlier);
                    }
                }
            }
        }
    }

    /// Recomputes the spikes of a block and its states before each step of a chunk, given all currents. `saved` has
    /// the states at the starts of chunks.
    fn compute_states(&mut self, cells: &Cells<'_>, block: &Range<usize>, chunk: &Chunk, saved: &[f32]) {
        let (part, width) = (cells.part(block), cells.layout.width());
        self.state.clear();
        match chunk.index.checked_sub(1) {
            None => cells.add_rest(block, &mut self.state),
            Some(border) => {
                let states = cells.part(&(0..width)).len();
                self.state.extend_from_slice(&saved[border * states..][part.clone()]);
            }
        }
        fit(&mut self.before, chunk.steps.len() * part.len(), 0.0);
        fit(&mut self.outputs, chunk.steps.len() * block.len(), Lane::ZERO);
        for i in 0..chunk.steps.len() {
            self.before[i * part.len()..][..part.len()].copy_from_slice(&self.state);
            let output = &mut self.outputs[i * block.len()..][..block.len()];
            let input = flat(&self.rows[i * width..][block.clone()]);
            cells.neuron.step(&cells.p[cells.constants(block)], &mut self.state, input, flat_mut(output));
        }
    }

    /// Computes the gradients of the convolutions into a population. Those of linear maps are computed later for all
    /// samples together.
    fn add_gradients(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk) {
        let compiled = loaded.compiled();
        compiled.reset_convolutions(index, &mut self.gradients);
        for (j, feed) in compiled.feeds[index].iter().enumerate() {
            if self.gradients[j].is_empty() {
                continue;
            }
            let projection = compiled.projection(index, feed);
            let staged = self.stages.get(feed.projection).filter(|_| projection.is_staged());
            let job = Adjoint {
                map: projection.map,
                source: *compiled.source(feed.source),
                target: compiled.mapped(index, feed.projection),
                errors: walk::ErrorsOverTime::Rows(staged.map_or(&self.rows, |stages| &stages.mapped)),
                events: &mut self.sources[j],
                numbers: &self.numbers[j],
                weight: projection.weight.map_or(&[], |weight| &loaded.weights[weight]),
                gradient: &mut self.gradients[j],
                shape: compiled.weight_shape(projection.weight),
                is_dense: false,
                steps: chunk.steps.len(),
                tile_lanes: compiled.level.tile_lanes(),
                scratch: &mut self.scratch,
            };
            dispatch(compiled.level, job);
        }
    }

    /// Adds the errors of a population's currents, backpropagated through its projections, to the errors of its
    /// sources.
    fn add_to_sources(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, sample: &SampleState) {
        let compiled = loaded.compiled();
        for feed in &compiled.feeds[index] {
            let Source::Population(source) = feed.source else { continue };
            if feed.is_recurrent {
                continue;
            }
            if feed.joined.is_some() {
                self.add_to_joined(loaded, (index, feed), chunk, sample);
                continue;
            }
            if compiled.needs_errors(source) {
                let mut g = self.errors[source].take().unwrap_or_else(|| self.no_errors(loaded, source, chunk));
                spread(loaded, index, feed, self.errors_of(compiled.projection(index, feed), feed), &mut g);
                self.errors[source] = Some(g);
            }
        }
    }

    /// Adds to the errors of two joined sources. See [`Join::slope`](snn_core::Join::slope).
    fn add_to_joined(
        &mut self,
        loaded: &Loaded<'_>,
        (index, feed): (usize, &Feed),
        chunk: &Chunk,
        sample: &SampleState,
    ) {
        let compiled = loaded.compiled();
        let (Source::Population(first), Some((join, Source::Population(second)))) = (feed.source, feed.joined) else {
            return;
        };
        let mut d = self.no_errors(loaded, first, chunk);
        spread(loaded, index, feed, self.errors_of(compiled.projection(index, feed), feed), &mut d);
        for (position, own, other) in [(0, first, second), (1, second, first)] {
            if !compiled.needs_errors(own) {
                continue;
            }
            let (mask, steps) = (&self.masks[other], chunk.steps.clone());
            sample.expand(compiled, Source::Population(other), steps, mask, &mut self.joined);
            let mut g = self.errors[own].take().unwrap_or_else(|| self.no_errors(loaded, own, chunk));
            for ((g, d), other) in flat_mut(&mut g).iter_mut().zip(flat(&d)).zip(flat(&self.joined)) {
                *g += d * join.slope(position, *other);
            }
            self.errors[own] = Some(g);
        }
        self.spare.push(d);
    }

    /// Stores the errors of a population's currents over a chunk, which are in `rows`, if the plan records.
    pub(super) fn record_if_asked(&self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, sample: &mut SampleState) {
        let compiled = loaded.compiled();
        if !compiled.plan.record {
            return;
        }
        let delta = sample.delta_mut(compiled, index);
        let layout = compiled.populations[index];
        let neurons = layout.pixels() * layout.channels;
        let rows = self.rows.chunks_exact(layout.width()).zip(chunk.steps.clone());
        for (row, t) in rows {
            layout.scatter(&(0..layout.width()), row, &mut delta[t * neurons..][..neurons]);
        }
    }
}

/// Values that the backward pass of a population carries from one chunk to the chunk before it in time.
#[derive(Default)]
pub(super) struct Carried {
    /// Errors of the states at the end of the chunk.
    d_state: Vec<f32>,
    /// Errors of the values of the trainable constants, in the order of blocks.
    pub(super) d_p: Vec<f64>,
    /// Leak correction of each neuron; empty unless the gradient is leak-corrected.
    correction: Vec<f32>,
    /// Contribution of recurrent projections to `g` of the last step of the chunk; empty if there are none.
    late: Vec<Lane>,
}

/// Backpropagates the errors `d` of a feed's map and adds the result to the errors `g` of its source.
fn spread(loaded: &Loaded<'_>, index: usize, feed: &Feed, d: &[Lane], g: &mut [Lane]) {
    let compiled = loaded.compiled();
    let projection = compiled.projection(index, feed);
    let job = Spread {
        map: projection.map,
        source: *compiled.source(feed.source),
        target: compiled.mapped(index, feed.projection),
        weight: projection.weight.map_or(&[], |weight| &loaded.weights[weight]),
        shape: compiled.weight_shape(projection.weight),
        tile_lanes: compiled.level.tile_lanes(),
        d,
        g,
    };
    dispatch(compiled.level, job);
}

/// Computes the leak correction of each neuron of a population, `[pixel][channel]`, from all of its spikes. Empty
/// unless the gradient is leak-corrected.
fn list_corrections(
    compiled: &Compiled,
    index: usize,
    sample: &SampleState,
    mask: &[f32],
    events: &mut Events,
    corrections: &mut Vec<f32>,
) {
    corrections.clear();
    let Some(leak_correction) = compiled.rules[index].as_ref().and_then(|rule| rule.correction.as_ref()) else {
        return;
    };
    let layout = compiled.populations[index];
    corrections.resize(layout.width() * LANE, 0.0);
    sample.list(compiled, Source::Population(index), 0..compiled.words, mask, false, events);
    for pixel in 0..layout.pixels() {
        for active in events.at(pixel) {
            let at = pixel * layout.lanes * LANE + active.channel as usize;
            corrections[at] = leak_correction.correction(active.scale, &events.times[active.spikes()]);
        }
    }
}

/// Adds `dL/d output` over a chunk to the errors of the last population.
fn add_output_errors(compiled: &Compiled, chunk: &Chunk, start: ChunkStart<'_>, g: &mut [Lane]) {
    let (layout, classes) = (compiled.populations[compiled.populations.len() - 1], compiled.network.classes());
    for (g, t) in g.chunks_exact_mut(layout.width()).zip(chunk.steps.clone()) {
        let row = &start.d_output[(t * start.samples + start.n) * classes..][..classes];
        for (k, d) in row.iter().enumerate() {
            let (pixel, channel) = (k % layout.pixels(), k / layout.pixels());
            flat_mut(g)[pixel * layout.lanes * LANE + channel] += d;
        }
    }
}

/// Converts the errors of outputs as read by others to errors of spikes: `mask · (g + d_emitted)`.
fn weigh(g: &mut [Lane], mask: &[Lane], d_emitted: f32) {
    for (g, mask) in g.iter_mut().zip(mask) {
        for (g, mask) in g.0.iter_mut().zip(mask.0) {
            *g = mask * (*g + d_emitted);
        }
    }
}

fn add_lane(sum: &mut Lane, lane: &Lane) {
    for (sum, x) in sum.0.iter_mut().zip(lane.0) {
        *sum += x;
    }
}
