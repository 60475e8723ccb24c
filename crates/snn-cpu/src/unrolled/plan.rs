//! Cuts a trial into chunks of time and blocks of neurons, and computes the memory that this needs.

use std::ops::Range;

use snn_core::neuron::Per;
use snn_core::{Memory, Norm, Projection, Weights};

use super::cells::Cells;
use crate::compiled::Compiled;
use crate::events::Events;
use crate::layout::Layout;
use crate::simd::{LANE, Lane, flat_mut};

/// Maximum bytes of the scratch buffers of a round, where the plan does not set the length of chunks. Chunks are then
/// the longest that fit, but at least one word. Longer ones save little: only the sums of gradients between them.
const WORK_SPACE: usize = 256 << 20;

/// Maximum bytes of the states and spikes of a block of neurons over a chunk, so that they stay in the L2 cache.
const BLOCK: usize = 512 << 10;

/// Number of steps in one word of bits.
const WORD: usize = 32;

/// A compiled network with its chunks and blocks.
pub(super) struct Unrolled {
    pub(super) compiled: Compiled,
    /// Number of steps of a chunk: a multiple of a word, or all steps.
    chunk: usize,
    /// All normalisations, in evaluation order.
    pub(super) norms: Vec<Normalised>,
    /// For each population, `[pixel][lane]` with 1 for each neuron and 0 for padding.
    pub(super) ones: Vec<Vec<Lane>>,
}

/// A projection whose current is normalised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normalised {
    population: usize,
    projection: usize,
    pub(super) norm: Norm,
    /// Whether mean and variance are those of a group, rather than the kept ones.
    is_of_group: bool,
}

/// A range of steps that are held in memory together.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) index: usize,
    pub(super) steps: Range<usize>,
    /// The range of the words of their bits.
    pub(super) window: Range<usize>,
}

impl Unrolled {
    pub(super) fn new(compiled: Compiled) -> Self {
        let ones = compiled.populations.iter().map(ones).collect();
        Self { ones, ..Self::cut(compiled) }
    }

    /// Computes the chunks but leaves [`Unrolled::ones`] empty, which is enough to compute the memory.
    pub(super) fn cut(compiled: Compiled) -> Self {
        let steps = compiled.plan.steps;
        let longest = steps.div_ceil(WORD);
        let norms = norms(&compiled);
        let mut unrolled = Self { compiled, chunk: steps, norms, ones: Vec::new() };
        if unrolled.compiled.group().is_some() {
            return unrolled; // the statistics of a group cover all steps
        }
        let fits = |parts: &[(&str, usize)]| {
            let work_space = parts.iter().map(|(_, bytes)| bytes).sum::<usize>();
            work_space * unrolled.compiled.round <= WORK_SPACE
        };
        // Everything except the blocks grows with the chunk, so the search can start where these parts alone no longer
        // fit.
        let may_fit = |words: usize| {
            let [events, currents, _, states, stages] = unrolled.slot(words * WORD);
            fits(&[events, currents, states, stages])
        };
        let (mut fitting, mut too_long) = (1, longest + 1);
        while too_long - fitting > 1 {
            let words = usize::midpoint(fitting, too_long);
            if may_fit(words) { fitting = words } else { too_long = words }
        }
        let found = || (1..=fitting).rev().map(|words| words * WORD).find(|chunk| fits(&unrolled.slot(*chunk)));
        let asked = unrolled.compiled.plan.chunk.map(|chunk| chunk.next_multiple_of(WORD));
        unrolled.chunk = asked.or_else(found).unwrap_or(WORD).min(steps);
        unrolled
    }

    /// All chunks, in order of time.
    pub(super) fn chunks(&self) -> impl DoubleEndedIterator<Item = Chunk> + use<> {
        let (steps, chunk) = (self.compiled.plan.steps, self.chunk);
        (0..steps.div_ceil(chunk)).map(move |index| {
            let steps = index * chunk..steps.min((index + 1) * chunk);
            let window = steps.start / WORD..steps.end.div_ceil(WORD);
            Chunk { index, steps, window }
        })
    }

    /// The neurons of a population, with the values `p` of their trainable constants.
    pub(super) fn cells<'a>(&'a self, population: usize, p: &'a [f32]) -> Cells<'a> {
        let neuron = &self.compiled.network.populations()[population].neuron;
        Cells { neuron, p, layout: self.compiled.populations[population], block: self.block(population) }
    }

    /// The normalisations of a population, each as the index of its projection and its index in `norms`.
    pub(super) fn norms(&self, population: usize) -> impl Iterator<Item = (usize, usize)> {
        let of = move |(index, found): (usize, &Normalised)| {
            (found.population == population).then_some((found.projection, index))
        };
        self.norms.iter().enumerate().filter_map(of)
    }

    /// The index of a projection's normalisation.
    pub(super) fn norm(&self, population: usize, projection: usize) -> Option<usize> {
        self.norms(population).find(|(found, _)| *found == projection).map(|(_, norm)| norm)
    }

    /// The number of pixels of the population whose current is normalised.
    pub(super) fn pixels(&self, norm: usize) -> usize {
        self.compiled.populations[self.norms[norm].population].pixels()
    }

    /// For each projection of a population, the bias `[lane]` if the projection pools its current; empty for the
    /// others.
    pub(super) fn staged_biases(&self, population: usize, weights: &Weights) -> Vec<Vec<Lane>> {
        let lanes = self.compiled.populations[population].lanes;
        let bias = |input: &Projection| {
            let Some(bias) = input.bias.filter(|_| !input.is_linear()) else { return Vec::new() };
            let mut packed = vec![Lane::ZERO; lanes];
            flat_mut(&mut packed)[..weights[bias].len()].copy_from_slice(&weights[bias]);
            packed
        };
        self.compiled.network.populations()[population].inputs.iter().map(bias).collect()
    }

    /// Whether a normalisation uses mean and variance of a group.
    pub(super) fn is_of_group(&self, norm: usize) -> bool {
        self.norms[norm].is_of_group
    }

    /// Whether a population has a normalisation that uses group statistics.
    pub(super) fn has_group_norm(&self, population: usize) -> bool {
        self.norms(population).any(|(_, norm)| self.is_of_group(norm))
    }

    /// The group of sample `n` of a batch, if there are groups.
    pub(super) fn group_of(&self, n: usize) -> Option<usize> {
        self.compiled.group().map(|group| n / group)
    }

    /// Whether a population has a projection from itself.
    pub(super) fn is_recurrent(&self, population: usize) -> bool {
        self.compiled.network.graph().is_recurrent(population)
    }

    /// The number of lanes of a block of a population's neurons. A recurrent population is a single block.
    pub(super) fn block(&self, population: usize) -> usize {
        self.block_within(population, self.chunk)
    }

    fn block_within(&self, population: usize, chunk: usize) -> usize {
        let width = self.compiled.populations[population].width();
        if self.is_recurrent(population) {
            return width;
        }
        let lane = chunk * (1 + self.states(population)) * size_of::<Lane>();
        (BLOCK / lane).max(1).min(width)
    }

    /// Number of state variables of a population's neurons.
    fn states(&self, population: usize) -> usize {
        self.compiled.network.populations()[population].neuron.state().len()
    }

    /// Number of constants that each neuron of a population has of its own.
    fn constants(&self, population: usize) -> usize {
        let neuron = &self.compiled.network.populations()[population].neuron;
        if neuron.per() == Per::Population { 0 } else { neuron.parameters().len() }
    }

    pub(super) fn memory(&self) -> Memory {
        let compiled = &self.compiled;
        let mut memory = compiled.memory();
        let constants = |index: usize| self.constants(index) * compiled.populations[index].width() * size_of::<Lane>();
        let constants = (0..compiled.populations.len()).map(constants).sum();
        if constants > 0 {
            memory.parts.push(("constants of neurons", constants));
        }
        if compiled.plan.train {
            let state = |index: usize| self.states(index) * compiled.populations[index].width() * size_of::<Lane>();
            let states: usize = (0..compiled.populations.len()).map(state).sum();
            let borders = compiled.plan.steps.div_ceil(self.chunk) - 1;
            memory.parts.push(("states between chunks", states * borders * compiled.plan.batch));
        }
        if compiled.plan.stream {
            let kept =
                |index: usize| (self.states(index) + 1) * compiled.populations[index].width() * size_of::<Lane>();
            let kept: usize = (0..compiled.populations.len()).map(kept).sum();
            memory.parts.push(("states between trials", kept * compiled.plan.batch));
        }
        memory.parts.extend(self.slot(self.chunk).map(|(purpose, bytes)| (purpose, bytes * compiled.round)));
        memory
    }

    /// Bytes of the scratch buffers of one sample, by purpose.
    fn slot(&self, chunk: usize) -> [(&'static str, usize); 5] {
        let compiled = &self.compiled;
        let (populations, lane) = (0..compiled.populations.len(), size_of::<Lane>());
        let width = |index: usize| compiled.populations[index].width();
        let state = |index: usize| self.states(index) * width(index);
        let widest = populations.clone().map(width).max().unwrap_or(0);
        let block = |index: usize| {
            let (block, states) = (self.block_within(index, chunk), self.states(index));
            block * (chunk * (1 + states) + 2 * states + 6)
        };
        let blocks = populations.clone().map(block).max().unwrap_or(0);
        let tiles = 2 * chunk * compiled.level.tile_lanes();
        let mut rows = chunk * widest;
        let mut neurons = populations.clone().map(state).max().unwrap_or(0) + 2 * widest;
        if compiled.plan.train {
            rows += chunk * widest * compiled.most_live(|_| 1);
            let constants = |index: usize| 2 * self.constants(index) * width(index); // in double precision
            neurons += populations.map(|index| state(index) + constants(index) + 2 * width(index)).sum::<usize>();
        }
        let masks: usize = compiled.populations.iter().map(|layout| layout.pixels() * layout.channels).sum();
        [
            ("events", self.lists(chunk)),
            ("currents and errors of a chunk", (rows + tiles) * lane),
            ("states and spikes of a block", blocks * lane),
            ("states, masks and corrections", neurons * lane + masks * size_of::<f32>()),
            ("currents before pools and norms, numbers", chunk * self.stages() * lane),
        ]
    }

    /// Number of lanes, per step, of the currents that projections pool or normalise, and of sources read as numbers.
    fn stages(&self) -> usize {
        let compiled = &self.compiled;
        let mut inputs: Vec<[usize; 2]> = Vec::new(); // the largest of the first, second, ... projections of all populations
        let mut feeds: Vec<usize> = Vec::new();
        let mut joined = 0;
        for (index, population) in compiled.network.populations().iter().enumerate() {
            inputs.resize(inputs.len().max(population.inputs.len()), [0; 2]);
            for (projection, (largest, input)) in inputs.iter_mut().zip(&population.inputs).enumerate() {
                if input.is_staged() {
                    let pooled = input.pool.map_or(0, |_| compiled.populations[index].width());
                    *largest = [largest[0].max(compiled.mapped(index, projection).width()), largest[1].max(pooled)];
                }
            }
            feeds.resize(feeds.len().max(compiled.feeds[index].len()), 0);
            for (largest, feed) in feeds.iter_mut().zip(&compiled.feeds[index]).filter(|(_, feed)| feed.is_numbers) {
                *largest = (*largest).max(compiled.source(feed.source).width());
                joined = joined.max(feed.joined.map_or(0, |(_, other)| 2 * compiled.source(other).width()));
            }
        }
        inputs.iter().flatten().chain(&feeds).sum::<usize>() + joined
    }

    /// Maximum bytes of the event lists of one sample, reached if every neuron fires at every step.
    fn lists(&self, chunk: usize) -> usize {
        let compiled = &self.compiled;
        let most = |layout: &Layout, steps| Events::bytes(layout, layout.pixels() * layout.channels * steps, false);
        let populations = compiled.network.populations();
        let mut inputs: Vec<usize> = Vec::new(); // the largest of the first, second, ... feeds of all populations
        for feeds in &compiled.feeds {
            inputs.resize(inputs.len().max(feeds.len()), 0);
            for (largest, feed) in inputs.iter_mut().zip(feeds).filter(|(_, feed)| !feed.is_numbers) {
                *largest = (*largest).max(most(compiled.source(feed.source), chunk));
            }
        }
        let corrected = |(layout, rule): (&Layout, &Option<crate::rule::SpikeGated>)| {
            let is_corrected = rule.as_ref().is_some_and(|rule| rule.correction.is_some());
            if is_corrected && compiled.plan.train { most(layout, compiled.plan.steps) } else { 0 }
        };
        let corrected = compiled.populations.iter().zip(&compiled.rules).map(corrected).max().unwrap_or(0);
        let delayed = (0..populations.len()).filter(|&index| self.is_recurrent(index));
        let delayed = delayed.map(|index| compiled.bit_words(index) * size_of::<u32>()).max().unwrap_or(0);
        inputs.iter().sum::<usize>() + corrected + delayed
    }
}

/// The normalisations of a network, in evaluation order.
fn norms(compiled: &Compiled) -> Vec<Normalised> {
    let mut norms = Vec::new();
    for (population, found) in compiled.network.populations().iter().enumerate() {
        for (projection, norm) in found.inputs.iter().enumerate().filter_map(|(i, input)| Some((i, input.norm?))) {
            let is_of_group = compiled.plan.train && !compiled.network.is_fixed(&norm);
            norms.push(Normalised { population, projection, norm, is_of_group });
        }
    }
    norms
}

/// Returns `[pixel][lane]` with 1 for each neuron and 0 for padding.
fn ones(layout: &Layout) -> Vec<Lane> {
    let mut rows = vec![Lane::ZERO; layout.width()];
    for pixel in rows.chunks_exact_mut(layout.lanes) {
        for channel in 0..layout.channels {
            pixel[channel / LANE].0[channel % LANE] = 1.0;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;
    use snn_core::neuron::LeakyIntegrator;
    use snn_core::{Map, Network, Plan, Projection, Shape, Source};

    fn unrolled(side: usize, plan: Plan) -> Unrolled {
        let mut builder = Network::builder(Shape::new(1, side, side));
        let relay = vec![Projection::new(Source::Input, Map::Subsample { stride: 1 })];
        builder.add("readout", LeakyIntegrator::default().neuron(), relay).expect("the relay fits");
        let network = builder.build().expect("the network is whole");
        Unrolled::new(Compiled::new(&network, plan, Level::Portable, 1.0).expect("the plan is valid"))
    }

    fn lengths(unrolled: &Unrolled) -> Vec<usize> {
        unrolled.chunks().map(|chunk| chunk.steps.len()).collect()
    }

    #[test]
    fn chunks_are_whole_words_and_cover_all_steps() {
        let with = |chunk| Plan { chunk: Some(chunk), ..Plan::new(100, 2).train() };
        assert_eq!(lengths(&unrolled(2, with(1))), [32, 32, 32, 4]);
        assert_eq!(lengths(&unrolled(2, with(33))), [64, 36]);
        assert_eq!(lengths(&unrolled(2, with(1000))), [100]);
        let windows: Vec<_> = unrolled(2, with(33)).chunks().map(|chunk| chunk.window).collect();
        assert_eq!(windows, [0..2, 2..4]);
    }

    #[test]
    fn without_a_wish_chunks_are_as_long_as_the_work_space_allows() {
        assert_eq!(lengths(&unrolled(2, Plan::new(100, 2).train())), [100]);
        let large = unrolled(256, Plan::new(1000, 16).train());
        let work_space = |chunk| large.slot(chunk).iter().map(|(_, bytes)| bytes).sum::<usize>() * large.compiled.round;
        assert!(large.chunk >= WORD && large.chunk < 1000 && large.chunk.is_multiple_of(WORD));
        assert!(large.chunk == WORD || work_space(large.chunk) <= WORK_SPACE);
        assert!(work_space(large.chunk + WORD) > WORK_SPACE);
    }
}
