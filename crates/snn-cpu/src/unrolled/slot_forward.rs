//! The forward pass of one sample through one population, chunk by chunk, block by block, step by step.

use snn_core::Source;

use super::cells::{Cells, Mark, Spikes};
use super::plan::Chunk;
use super::stages::{self, Affine, StageScratch};
use super::{Loaded, Slot, fit};
use crate::compiled::Compiled;
use crate::events::Events;
use crate::feed::Feed;
use crate::kernels::currents::{Currents, Incoming};
use crate::kernels::numbers::Reads;
use crate::listing::count;
use crate::masks::Masks;
use crate::sample::SampleState;
use crate::simd::{LANE, Lane, dispatch, flat, flat_mut};

impl Slot {
    /// Runs a population for one sample.
    pub(super) fn forward(
        &mut self,
        loaded: &Loaded<'_>,
        index: usize,
        resumes: bool,
        group: &[Affine],
        sample: &mut SampleState,
        saved: &mut Vec<f32>,
    ) {
        let compiled = loaded.compiled();
        let cells = loaded.cells(index);
        cells.rest(&mut self.state);
        if resumes {
            let (state, output) = saved.split_at(self.state.len());
            self.state.copy_from_slice(state);
            fit(&mut self.output, output.len() / LANE, Lane::ZERO);
            flat_mut(&mut self.output).copy_from_slice(output);
        }
        saved.clear();
        for chunk in loaded.unrolled.chunks() {
            if compiled.plan.train && chunk.index > 0 {
                saved.extend_from_slice(&self.state);
            }
            if !loaded.unrolled.has_group_norm(index) {
                self.list_sources(loaded, index, &chunk, sample);
                self.run_stages(loaded, index, &chunk);
            }
            self.add_currents(loaded, index, &chunk, group, false);
            run(loaded, index, &chunk, &cells, sample, self, resumes);
        }
        sample.spikes.push(count(compiled.level, &sample.bits[index]));
        if compiled.network.populations()[index].neuron.fires() {
            sample.emitted[index] = sample.emitted_by(compiled, index, &self.masks[index]);
        }
        if compiled.plan.stream {
            saved.extend_from_slice(&self.state);
            if loaded.unrolled.is_recurrent(index) {
                saved.extend_from_slice(flat(&self.output));
            }
        }
        if compiled.plan.record {
            cells.membranes(&self.state, &mut sample.membrane[index]);
        }
    }
}

/// Runs the neurons of a population over a chunk, given the currents of all of its projections except recurrent ones.
/// If the trial resumes, the slot has the population's output at the step before the first.
fn run(
    loaded: &Loaded<'_>,
    index: usize,
    chunk: &Chunk,
    cells: &Cells<'_>,
    sample: &mut SampleState,
    slot: &mut Slot,
    resumes: bool,
) {
    let compiled = loaded.compiled();
    let (layout, classes) = (cells.layout, compiled.network.classes());
    let is_last = index + 1 == compiled.populations.len();
    for block in cells.blocks() {
        let mut spikes = Spikes {
            layout,
            block: block.clone(),
            bits: &mut sample.bits[index],
            words: compiled.words,
            word: &mut slot.word,
        };
        for (i, t) in chunk.steps.clone().enumerate() {
            if loaded.unrolled.is_recurrent(index) && (t > 0 || resumes) {
                let (mask, row) = (&slot.masks[index], &mut slot.rows[i * layout.width()..][..layout.width()]);
                slot.own.list_step(&layout, &slot.output, mask);
                add_own(loaded, index, &slot.own, row, &mut slot.current);
            }
            fit(&mut slot.output, block.len(), Lane::ZERO);
            let row = &slot.rows[i * layout.width()..][block.clone()];
            let state = &mut slot.state[cells.part(&block)];
            cells.neuron.step(&cells.p[cells.constants(&block)], state, flat(row), flat_mut(&mut slot.output));
            if cells.neuron.fires() {
                if t % 32 == 0 {
                    spikes.start();
                }
                dispatch(compiled.level, Mark { output: &slot.output, word: spikes.word, bit: 1 << (t % 32) });
                if t % 32 == 31 || t + 1 == chunk.steps.end {
                    spikes.store(t / 32);
                }
            }
            if let Some(values) = sample.values[index].get_mut(t * layout.width()..(t + 1) * layout.width()) {
                values[block.clone()].copy_from_slice(&slot.output);
            }
            if is_last {
                layout.scatter(&block, &slot.output, &mut sample.output[t * classes..][..classes]);
            }
        }
    }
}

/// Adds the currents from a population's own spikes of the previous step to the currents of one step.
fn add_own(loaded: &Loaded<'_>, index: usize, own: &Events, row: &mut [Lane], current: &mut Vec<Lane>) {
    let compiled = loaded.compiled();
    let recurrent = compiled.feeds[index].iter().filter(|feed| feed.is_recurrent);
    let incoming: Vec<Incoming<'_>> =
        recurrent.map(|feed| Incoming::new(compiled, (index, feed), loaded.weights, Reads::Events(own))).collect();
    let job = Currents {
        layout: compiled.populations[index],
        incoming: &incoming,
        tile_lanes: compiled.level.tile_lanes(),
        rows: row,
        is_begun: true,
        bias: &[],
        current,
        patches: &mut Vec::new(),
    };
    dispatch(compiled.level, job);
}

impl Slot {
    /// Draws the dropout masks of sample `n`.
    pub(super) fn draw_masks(&mut self, compiled: &Compiled, masks: &Masks, n: usize) {
        self.masks.clear();
        self.masks.extend((0..compiled.populations.len()).map(|index| masks.of(compiled, index, n)));
    }

    /// Lists the events of a population's sources over a chunk, those of recurrent projections one step late, or
    /// expands the sources to numbers.
    pub(super) fn list_sources(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, sample: &SampleState) {
        let compiled = loaded.compiled();
        let feeds = &compiled.feeds[index];
        self.sources.resize_with(self.sources.len().max(feeds.len()), Events::default);
        self.numbers.resize_with(self.numbers.len().max(feeds.len()), Vec::new);
        for (j, feed) in feeds.iter().enumerate() {
            let (window, events) = (chunk.window.clone(), &mut self.sources[j]);
            self.numbers[j].clear();
            match feed.source {
                _ if feed.is_numbers => self.expand(compiled, (j, feed), chunk, sample),
                Source::Population(_) if feed.is_recurrent => {
                    let delayed = &mut self.delayed;
                    sample.list_delayed(compiled, index, window, &self.masks[index], delayed, events);
                }
                Source::Population(source) => {
                    sample.list(compiled, feed.source, window, &self.masks[source], false, events);
                }
                Source::Input => sample.list(compiled, Source::Input, window, &[], false, events),
            }
        }
    }

    /// Expands a feed to numbers over a chunk.
    fn expand(&mut self, compiled: &Compiled, (j, feed): (usize, &Feed), chunk: &Chunk, sample: &SampleState) {
        let mask = |source: Source| match source {
            Source::Input => &[][..],
            Source::Population(source) => &self.masks[source],
        };
        sample.expand(compiled, feed.source, chunk.steps.clone(), mask(feed.source), &mut self.numbers[j]);
        if let Some((join, other)) = feed.joined {
            sample.expand(compiled, other, chunk.steps.clone(), mask(other), &mut self.joined);
            for (a, b) in flat_mut(&mut self.numbers[j]).iter_mut().zip(flat(&self.joined)) {
                *a = join.apply(*a, *b);
            }
        }
    }

    /// What the kernels read of a feed.
    pub(super) fn reads(&self, j: usize, feed: &Feed) -> Reads<'_> {
        if feed.is_numbers { Reads::Numbers(&self.numbers[j]) } else { Reads::Events(&self.sources[j]) }
    }

    /// Maps the sources of the projections that pool or normalise, over a chunk, and pools their currents.
    pub(super) fn run_stages(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk) {
        let compiled = loaded.compiled();
        let inputs = &compiled.network.populations()[index].inputs;
        self.stages.resize_with(self.stages.len().max(inputs.len()), StageScratch::default);
        for (projection, input) in inputs.iter().enumerate().filter(|(_, input)| input.is_staged()) {
            let layout = compiled.mapped(index, projection);
            let mut stages = std::mem::take(&mut self.stages[projection]);
            let mut current = std::mem::take(&mut self.current);
            fit(&mut stages.mapped, chunk.steps.len() * layout.width(), Lane::ZERO);
            let feeds = compiled.feeds[index].iter().enumerate().filter(|(_, feed)| feed.projection == projection);
            let incoming: Vec<Incoming<'_>> = feeds
                .map(|(j, feed)| Incoming::new(compiled, (index, feed), loaded.weights, self.reads(j, feed)))
                .collect();
            let job = Currents {
                layout,
                incoming: &incoming,
                tile_lanes: compiled.level.tile_lanes(),
                rows: &mut stages.mapped,
                is_begun: false,
                bias: loaded.staged_bias(index, projection),
                current: &mut current,
                patches: &mut Vec::new(),
            };
            dispatch(compiled.level, job);
            self.current = current;
            stages.pooled.clear();
            if let Some(pool) = input.pool {
                stages::pool(pool, &layout, &compiled.populations[index], &stages.mapped, &mut stages.pooled);
            }
            self.stages[projection] = stages;
        }
    }

    /// Computes the currents of a population over a chunk. Its sources must have been listed and its stages run.
    /// Recurrent projections are left out unless `with_own`, which then come last, as in [`run`].
    pub(super) fn add_currents(
        &mut self,
        loaded: &Loaded<'_>,
        index: usize,
        chunk: &Chunk,
        group: &[Affine],
        with_own: bool,
    ) {
        let compiled = loaded.compiled();
        let (layout, inputs) = (compiled.populations[index], &compiled.network.populations()[index].inputs);
        let mut rows = std::mem::take(&mut self.rows);
        let mut current = std::mem::take(&mut self.current);
        fit(&mut rows, chunk.steps.len() * layout.width(), Lane::ZERO);
        let feeds: Vec<(usize, &Feed)> = compiled.feeds[index].iter().enumerate().collect();
        let is_staged = |feed: &Feed| inputs[feed.projection].is_staged();
        // Consecutive feeds without stages are handled together; so are all feeds of a projection with stages.
        let alike = |a: &(usize, &Feed), b: &(usize, &Feed)| {
            is_staged(a.1) == is_staged(b.1) && (!is_staged(a.1) || a.1.projection == b.1.projection)
        };
        let mut is_begun = false;
        for feeds in feeds.chunk_by(alike) {
            let feed = feeds[0].1;
            if is_staged(feed) {
                if !is_begun {
                    begin(&loaded.biases[index], &layout, &mut rows);
                }
                let stages = &self.stages[feed.projection];
                let x = stages.current();
                match loaded.unrolled.norm(index, feed.projection) {
                    Some(norm) => loaded.affine(norm, group).apply(x, &mut rows),
                    None => stages::add(&mut rows, x),
                }
            } else {
                let incoming: Vec<Incoming<'_>> = feeds
                    .iter()
                    .filter(|(_, feed)| with_own || !feed.is_recurrent)
                    .map(|(j, feed)| Incoming::new(compiled, (index, feed), loaded.weights, self.reads(*j, feed)))
                    .collect();
                let job = Currents {
                    layout,
                    incoming: &incoming,
                    tile_lanes: compiled.level.tile_lanes(),
                    rows: &mut rows,
                    is_begun,
                    bias: &loaded.biases[index],
                    current: &mut current,
                    patches: &mut Vec::new(),
                };
                dispatch(compiled.level, job);
            }
            is_begun = true;
        }
        (self.rows, self.current) = (rows, current);
    }
}

/// Initialises the currents of every step to the bias, `[lane]`, or to 0 if it is empty.
fn begin(bias: &[Lane], layout: &crate::layout::Layout, rows: &mut [Lane]) {
    for pixel in rows.chunks_exact_mut(layout.lanes) {
        if bias.is_empty() {
            pixel.fill(Lane::ZERO);
        } else {
            pixel.copy_from_slice(bias);
        }
    }
}
