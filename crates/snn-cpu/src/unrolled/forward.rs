//! The forward pass of one sample: population by population, chunk by chunk, block by block, step by step.

use snn_core::Source;

use super::cells::{Cells, Mark, Spikes, scatter};
use super::plan::Chunk;
use super::{Loaded, Slot, fit};
use crate::currents::{Currents, Incoming};
use crate::events::Events;
use crate::listing::count;
use crate::masks::Masks;
use crate::sample::Sample;
use crate::simd::{LANE, Lane, dispatch, flat, flat_mut};

/// Runs all populations for sample `n`; `saved` becomes the states of each population at the start of every chunk but the
/// first. In a stream it becomes what each population needs to go on (its states after the last step and, if it is
/// recurrent, what it then passed on), and a trial that resumes starts from it.
pub(super) fn forward(
    loaded: &Loaded<'_>,
    masks: &Masks,
    (n, resumes): (usize, bool),
    sample: &mut Sample,
    saved: &mut Vec<Vec<f32>>,
    slot: &mut Slot,
) {
    let compiled = loaded.compiled();
    slot.draw_masks(compiled, masks, n);
    saved.resize(compiled.populations.len(), Vec::new());
    for (index, population) in compiled.network.populations().iter().enumerate() {
        let cells = loaded.cells(index);
        cells.rest(&mut slot.state);
        if resumes {
            let (state, output) = saved[index].split_at(slot.state.len());
            slot.state.copy_from_slice(state);
            fit(&mut slot.output, output.len() / LANE, Lane::ZERO);
            flat_mut(&mut slot.output).copy_from_slice(output);
        }
        saved[index].clear();
        for chunk in loaded.unrolled.chunks() {
            if compiled.plan.train && chunk.index > 0 {
                saved[index].extend_from_slice(&slot.state);
            }
            slot.list_sources(loaded, index, &chunk, sample);
            slot.add_currents(loaded, index, &chunk, false);
            run(loaded, index, &chunk, &cells, sample, slot, resumes);
        }
        sample.spikes.push(count(compiled.level, &sample.bits[index]));
        if population.neuron.fires() {
            sample.emitted[index] = sample.emitted_by(compiled, index, &slot.masks[index]);
        }
        if compiled.plan.stream {
            saved[index].extend_from_slice(&slot.state);
            if loaded.unrolled.is_recurrent(index) {
                saved[index].extend_from_slice(flat(&slot.output));
            }
        }
        if compiled.plan.record {
            cells.membranes(&slot.state, &mut sample.membrane[index]);
        }
    }
}

/// Runs the neurons of a population over a chunk, given the currents of all of its projections but the recurrent ones.
/// A trial that resumes finds in the slot what the population passed on at the step before the first.
fn run(
    loaded: &Loaded<'_>,
    index: usize,
    chunk: &Chunk,
    cells: &Cells<'_>,
    sample: &mut Sample,
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
            if !sample.values[index].is_empty() {
                scatter(&layout, &block, &slot.output, &mut sample.values[index]);
            }
            if is_last {
                scatter(&layout, &block, &slot.output, &mut sample.output[t * classes..][..classes]);
            }
        }
    }
}

/// Adds to the currents of one step what a population's own spikes of the step before make of them.
fn add_own(loaded: &Loaded<'_>, index: usize, own: &Events, row: &mut [Lane], current: &mut Vec<Lane>) {
    let compiled = loaded.compiled();
    let recurrent = compiled.network.connections(index).filter(|(connection, _)| connection.is_recurrent);
    let incoming: Vec<Incoming<'_>> =
        recurrent.map(|connection| Incoming::new(compiled, connection, loaded.weights, own)).collect();
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
    /// Draws the masks of sample `n`.
    pub(super) fn draw_masks(&mut self, compiled: &crate::compiled::Compiled, masks: &Masks, n: usize) {
        self.masks.clear();
        self.masks.extend((0..compiled.populations.len()).map(|index| masks.of(compiled, index, n)));
    }

    /// Lists the events of a chunk of the sources of a population; recurrent ones one step late.
    pub(super) fn list_sources(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, sample: &Sample) {
        let compiled = loaded.compiled();
        let connections = compiled.network.graph().connections(index);
        self.sources.resize_with(self.sources.len().max(connections.len()), Events::default);
        for (events, connection) in self.sources.iter_mut().zip(connections) {
            let window = chunk.window.clone();
            match connection.source {
                Source::Population(_) if connection.is_recurrent => {
                    let delayed = &mut self.delayed;
                    sample.list_delayed(compiled, index, window, &self.masks[index], delayed, events);
                }
                Source::Population(source) => {
                    sample.list(compiled, connection.source, window, &self.masks[source], false, events);
                }
                Source::Input => sample.list(compiled, Source::Input, window, &[], false, events),
            }
        }
    }

    /// Currents of a chunk of a population from the sources that are listed; without those of recurrent projections unless
    /// `with_own`, which come last, as in [`run`].
    pub(super) fn add_currents(&mut self, loaded: &Loaded<'_>, index: usize, chunk: &Chunk, with_own: bool) {
        let compiled = loaded.compiled();
        let layout = compiled.populations[index];
        let all = std::iter::zip(compiled.network.connections(index), &self.sources);
        let all = all.filter(|((connection, _), _)| with_own || !connection.is_recurrent);
        let all = all.map(|(connection, events)| Incoming::new(compiled, connection, loaded.weights, events));
        let all: Vec<Incoming<'_>> = all.collect();
        fit(&mut self.rows, chunk.steps.len() * layout.width(), Lane::ZERO);
        let job = Currents {
            layout,
            incoming: &all,
            tile_lanes: compiled.level.tile_lanes(),
            rows: &mut self.rows,
            is_begun: false,
            bias: &loaded.biases[index],
            current: &mut self.current,
            patches: &mut Vec::new(),
        };
        dispatch(compiled.level, job);
    }
}
