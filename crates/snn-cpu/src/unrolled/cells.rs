//! Runs the neurons of a population for one sample, block by block. Within a block, states are stored as
//! `[S][neuron]`; the blocks follow each other in memory.

use std::ops::Range;

use snn_core::Neuron;
use snn_core::neuron::Per;

use crate::layout::Layout;
use crate::simd::{LANE, Lane, Simd, SimdJob};

/// The neurons of a population, cut into blocks.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) neuron: &'a Neuron,
    /// Values of their trainable constants: `[P]` where all neurons share them. Otherwise `[P][neuron]` of each block,
    /// one block after the other.
    pub(super) p: &'a [f32],
    pub(super) layout: Layout,
    /// Number of lanes of a block.
    pub(super) block: usize,
}

impl Cells<'_> {
    /// The range of lanes of each block.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (width, block) = (self.layout.width(), self.block);
        (0..width).step_by(block).map(move |start| start..width.min(start + block))
    }

    /// The range of a block's states among all states.
    pub(super) fn part(&self, block: &Range<usize>) -> Range<usize> {
        let states = self.neuron.state().len() * LANE;
        block.start * states..block.end * states
    }

    /// The range of a block's constants among all constants.
    pub(super) fn constants(&self, block: &Range<usize>) -> Range<usize> {
        let each = self.p.len() / (self.layout.width() * LANE);
        if self.shares_constants() { 0..self.p.len() } else { block.start * LANE * each..block.end * LANE * each }
    }

    fn shares_constants(&self) -> bool {
        self.neuron.per() == Per::Population
    }

    /// Reorders constants from the order of [`snn_core::Population::constants`] for one sample to the order of blocks.
    pub(super) fn pack(&self, constants: Vec<f32>) -> Vec<f32> {
        if self.shares_constants() || constants.is_empty() {
            return constants;
        }
        let mut packed = vec![constants[0]; self.layout.width() * LANE * self.count(constants.len())];
        self.each_constant(constants.len(), |neuron, at| packed[at] = constants[neuron]);
        packed
    }

    /// Reorders errors of constants from the order of blocks to that of [`snn_core::Population::constants_adjoint`]
    /// for one sample.
    pub(super) fn unpack(&self, packed: Vec<f64>) -> Vec<f64> {
        if self.shares_constants() || packed.is_empty() {
            return packed;
        }
        let neurons = self.layout.pixels() * self.layout.channels;
        let mut errors = vec![0.0; neurons * (packed.len() / (self.layout.width() * LANE))];
        self.each_constant(errors.len(), |neuron, at| errors[neuron] = packed[at]);
        errors
    }

    /// The number of constants of one neuron, given the number `all` of the constants of all neurons.
    fn count(&self, all: usize) -> usize {
        all / (self.layout.pixels() * self.layout.channels)
    }

    /// Calls `each` for all constants, with the index in the order of neurons and the index in the order of blocks.
    fn each_constant(&self, all: usize, mut each: impl FnMut(usize, usize)) {
        let Layout { lanes, channels, .. } = self.layout;
        let (count, neurons) = (self.count(all), self.layout.pixels() * channels);
        for block in self.blocks() {
            let first = block.start * LANE * count;
            for (row, k) in (0..count).map(|k| (first + k * block.len() * LANE, k)) {
                for (i, lane) in block.clone().enumerate() {
                    let (pixel, start) = (lane / lanes, lane % lanes * LANE);
                    for channel in start..channels.min(start + LANE) {
                        each(k * neurons + self.layout.neuron(pixel, channel), row + i * LANE + channel - start);
                    }
                }
            }
        }
    }

    /// Sets `states` to the states of all neurons before the first step.
    pub(super) fn rest(&self, states: &mut Vec<f32>) {
        states.clear();
        states.reserve_exact(self.part(&(0..self.layout.width())).len());
        self.blocks().for_each(|block| self.add_rest(&block, states));
    }

    /// Appends the states of one block before the first step.
    pub(super) fn add_rest(&self, block: &Range<usize>, states: &mut Vec<f32>) {
        for entry in self.neuron.rest::<f32>(1) {
            states.resize(states.len() + block.len() * LANE, entry);
        }
    }

    /// Copies the membrane potentials from the `states` of all neurons to `membrane`, `[pixel][channel]`.
    pub(super) fn membranes(&self, states: &[f32], membrane: &mut [f32]) {
        for block in self.blocks() {
            let neurons = block.start * LANE..block.end * LANE;
            let len = neurons.len();
            membrane[neurons].copy_from_slice(&states[self.part(&block)][..len]);
        }
    }
}

/// Collects the spikes of a block step by step and stores them as bits.
pub(super) struct Spikes<'a> {
    pub(super) layout: Layout,
    /// The range of lanes of the block.
    pub(super) block: Range<usize>,
    /// Bits of the whole population, `[pixel][word][channel]`.
    pub(super) bits: &'a mut [u32],
    /// Number of words of each neuron.
    pub(super) words: usize,
    /// The word that is being filled, `[lane]`.
    pub(super) word: &'a mut Vec<[u32; LANE]>,
}

impl Spikes<'_> {
    /// Starts a new word.
    pub(super) fn start(&mut self) {
        self.word.clear();
        self.word.resize(self.block.len(), [0; LANE]);
    }

    /// Stores the word as word number `word` of the block's neurons, without the bits of padding.
    pub(super) fn store(&mut self, word: usize) {
        let Layout { lanes, channels, .. } = self.layout;
        for (lane, fired) in self.block.clone().zip(&*self.word) {
            let (pixel, lane) = (lane / lanes, lane % lanes);
            let at = ((pixel * self.words + word) * lanes + lane) * LANE;
            let known = (channels - lane * LANE).min(LANE);
            self.bits[at..at + known].copy_from_slice(&fired[..known]);
        }
    }
}

/// The job that sets `bit` in the words of the neurons that fired.
pub(super) struct Mark<'a> {
    /// Outputs of the neurons: 1 or 0.
    pub(super) output: &'a [Lane],
    pub(super) word: &'a mut [[u32; LANE]],
    pub(super) bit: u32,
}

impl SimdJob for Mark<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (word, output) in self.word.iter_mut().zip(self.output) {
            for i in 0..LANE {
                word[i] |= if output.0[i] > 0.5 { self.bit } else { 0 };
            }
        }
    }
}
