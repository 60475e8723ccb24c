//! Lays out a network and a plan on a GPU: buffer sizes of each population, how many samples run at the same time, and
//! the total memory, all known before anything is allocated. The network is one whose stages are populations of their
//! own, see [`Network::split`].

use snn_core::neuron::Correction;
use snn_core::{Connection, Error, Gradient, Join, Memory, Network, Norm, Plan, Projection, Reader, Source, Split};

use crate::arena::Arena;
use crate::window::WORD;

/// Size of a value in bytes.
const NUMBER: usize = 4;

/// Maximum total size in bytes of the buffers for a word of steps, unless a single sample needs more.
const SCRATCH: usize = 512 << 20;

/// Number of values stored per channel of a normalised group. Mirrors shaders/norm/group.wgsl.
pub(crate) const FOUND: usize = 6;

/// The sizes of all buffers.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) plan: Plan,
    /// Number of 32-step words of a trial.
    pub(crate) words: usize,
    /// Number of samples that run at the same time; groups of this size run one after the other.
    pub(crate) group: usize,
    pub(crate) groups: usize,
    /// Number of input neurons.
    pub(crate) input: usize,
    pub(crate) populations: Vec<PopulationLayout>,
    /// Number of neurons of the largest population.
    pub(crate) largest: usize,
    /// Size of each shared error buffer, in neurons.
    pub(crate) shared: Vec<usize>,
    pub(crate) arena: Arena,
    /// Number of samples that must run at the same time, as currents are normalised over them.
    unit: usize,
    /// Whether the backward pass runs population by population over the whole trial, as a normalisation needs the
    /// errors of all steps.
    pub(crate) is_by_population: bool,
}

/// The sizes of one population, and what its kernels need to know about it.
#[derive(Debug, Clone)]
pub(crate) struct PopulationLayout {
    /// Number of neurons, and number of pixels.
    pub(crate) len: usize,
    pub(crate) pixels: usize,
    /// Number of state variables per neuron, and number of trainable constants.
    pub(crate) state: usize,
    pub(crate) constants: usize,
    pub(crate) fires: bool,
    pub(crate) is_last: bool,
    /// The normalisations of its currents.
    pub(crate) norms: Vec<Normalised>,
    /// Number of connections from the population to itself.
    pub(crate) own: usize,
    /// Number of rows of its output per sample.
    pub(crate) rows: usize,
    /// How errors are backpropagated through its neurons.
    pub(crate) rule: GradientRule,
    /// The connections that read it, in the order in which their errors are summed: those without weights, those with
    /// weights, those of the population itself.
    pub(crate) readers: Vec<Reader>,
    /// Indices of its connections in the order in which they run: those without weights, those with weights, those
    /// from itself. Two joined sources count as one connection.
    pub(crate) connections: Vec<usize>,
    /// Whether its currents are initialised to a bias.
    pub(crate) has_bias: bool,
    /// Where its errors are stored.
    pub(crate) errors: ErrorStorage,
}

/// A normalisation of a population's current.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normalised {
    pub(crate) norm: Norm,
    pub(crate) channels: usize,
    /// Whether mean and variance are the kept ones.
    pub(crate) is_fixed: bool,
    /// Index of the population whose values are normalised.
    pub(crate) source: usize,
}

/// How errors are backpropagated through the neurons of a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum GradientRule {
    /// The paper's rule.
    SpikeGated { threshold: f32, correction: Option<Correction> },
    /// Backpropagation through time. `is_stage` marks a stage, whose neurons only pass on their current, so that their
    /// errors do not depend on it.
    Unrolled { detached: bool, is_stage: bool },
}

/// Where the errors of a population are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ErrorStorage {
    /// In a buffer of its own, for all steps and one more, which is 0.
    OfTrial,
    /// In the shared buffer of this index, for the steps of one word.
    OfWord(usize),
}

impl PopulationLayout {
    /// Whether the population reads its own spikes.
    pub(crate) fn is_recurrent(&self) -> bool {
        self.own > 0
    }
}

impl Layout {
    /// Lays out a network for `plan` on a GPU with buffers of at most `most` bytes, in groups of at most `group`
    /// samples, or more if more must run at the same time.
    pub(crate) fn new(split: &Split, plan: Plan, most: u64, group: Option<usize>) -> Result<Self, Error> {
        plan.check_with(&split.network)?;
        let batch = group.unwrap_or(plan.batch).clamp(1, plan.batch);
        let mut layout = Self::of_group(split, plan, batch);
        let fits = |layout: &Self| layout.largest_buffer() as u64 <= most;
        // Binary search for the smallest number of parts of the batch such that each part fits. Fewer than `fewest`
        // parts do not fit; `enough` parts do, or are single samples.
        let (mut fewest, mut enough) = (1, batch);
        while fewest < enough {
            let parts = usize::midpoint(fewest, enough);
            layout.set_group(batch.div_ceil(parts));
            if fits(&layout) && layout.scratch() <= SCRATCH {
                enough = parts;
            } else {
                fewest = parts + 1;
            }
        }
        layout.set_group(batch.div_ceil(enough));
        if !fits(&layout) {
            return Err(Error::Device(format!(
                "{} of {} steps needs a buffer of {} MiB, and the card's are limited to {} MiB; use fewer steps, or \
                 --engine cpu",
                if layout.unit > 1 { "a group of samples that are normalised together" } else { "one sample" },
                plan.steps,
                layout.largest_buffer() >> 20,
                most >> 20
            )));
        }
        if plan.stream && layout.groups > 1 {
            return Err(Error::Device(format!(
                "trials that go on need all samples in one buffer: a batch of {} does not fit, {} does",
                plan.batch, layout.group
            )));
        }
        Ok(layout)
    }

    /// The layout with groups of `group` samples, or of more if more must run at the same time.
    pub(crate) fn of_group(split: &Split, plan: Plan, group: usize) -> Self {
        let network = &split.network;
        let words = plan.steps.div_ceil(WORD);
        let mut populations: Vec<PopulationLayout> =
            (0..network.populations().len()).map(|index| place(split, plan, words, index)).collect();
        let is_by_population = plan.train && populations.iter().any(|place| !place.norms.is_empty());
        if is_by_population {
            for place in &mut populations {
                place.errors = ErrorStorage::OfTrial;
            }
        }
        let shared = share_errors(network, &mut populations);
        let largest = populations.iter().map(|place| place.len).max().unwrap_or(0);
        let measures = |place: &PopulationLayout| place.norms.iter().any(|norm| !norm.is_fixed);
        let unit = if populations.iter().any(measures) { network.norm_group().unwrap_or(1) } else { 1 };
        let mut layout = Self {
            plan,
            words,
            group: 0,
            groups: 0,
            input: network.input().len(),
            populations,
            largest,
            shared,
            arena: Arena::new(network),
            unit,
            is_by_population,
        };
        layout.set_group(group);
        layout
    }

    /// Divides the batch into groups of `group` samples, or of more if more must run at the same time.
    fn set_group(&mut self, group: usize) {
        self.group = group.next_multiple_of(self.unit).min(self.plan.batch);
        self.groups = self.plan.batch.div_ceil(self.group);
    }

    /// The layout with half as many samples in a group; `None` if the group cannot be smaller.
    pub(crate) fn halved(&self, split: &Split) -> Option<Self> {
        let halved = Self::of_group(split, self.plan, self.group.div_ceil(2));
        (halved.group < self.group).then_some(halved)
    }

    /// The number of normalisation groups among the samples that run at the same time.
    pub(crate) fn norm_groups(&self, norm: &Norm) -> usize {
        self.group.div_ceil(norm.group)
    }

    /// Size of the measurements of a normalised current, in values: two for each step and channel of a sample.
    pub(crate) fn measured_words(&self, norm: &Normalised) -> usize {
        2 * self.group * self.plan.steps * norm.channels
    }

    /// Size of the statistics of all groups of a normalised current, in values. Mirrors shaders/norm/group.wgsl.
    pub(crate) fn found_words(&self, norm: &Normalised) -> usize {
        FOUND * self.norm_groups(&norm.norm) * norm.channels
    }

    /// The number of samples of group `index`, in a trial of `samples` samples.
    pub(crate) fn samples(&self, index: usize, samples: usize) -> usize {
        samples.saturating_sub(index * self.group).min(self.group)
    }

    /// Whether the population's states are saved for the backward pass.
    pub(crate) fn saves(&self, place: &PopulationLayout) -> bool {
        self.plan.train && matches!(place.rule, GradientRule::Unrolled { .. })
    }

    /// Size of the input of a group, in values: spikes of both signs, or one current, or numbers of every step.
    pub(crate) fn input_words(&self) -> usize {
        let rows = if self.plan.numbers { self.plan.steps.max(2 * self.words) } else { 2 * self.words };
        self.group * self.input * rows
    }

    /// Size of the output of a population, in values.
    pub(crate) fn output_words(&self, place: &PopulationLayout) -> usize {
        self.group * place.rows * place.len
    }

    /// Size of the saved states of a population, in values.
    pub(crate) fn saved_words(&self, place: &PopulationLayout) -> usize {
        if self.saves(place) { self.words * place.state * self.group * place.len } else { 0 }
    }

    /// Size of the states of a population, in values.
    pub(crate) fn state_words(&self, place: &PopulationLayout) -> usize {
        place.state * self.group * place.len
    }

    /// Size of what the backward pass carries from word to word, in values.
    pub(crate) fn carried_words(&self, place: &PopulationLayout) -> usize {
        let rows = match place.rule {
            GradientRule::SpikeGated { .. } => 1,
            GradientRule::Unrolled { .. } => place.state + place.constants,
        };
        if self.plan.train { rows * self.group * place.len } else { 0 }
    }

    /// Size of the leak correction, trace and count of a population, in values.
    pub(crate) fn correction_words(&self, place: &PopulationLayout) -> usize {
        let is_corrected = matches!(place.rule, GradientRule::SpikeGated { correction: Some(_), .. });
        if is_corrected && (self.plan.train || self.plan.record) { 3 * self.group * place.len } else { 0 }
    }

    /// Size of the errors of a population that are stored for the whole trial, in values.
    pub(crate) fn trial_errors(&self, place: &PopulationLayout) -> usize {
        let is_kept = self.plan.train && place.errors == ErrorStorage::OfTrial;
        if is_kept { (self.plan.steps + 1) * self.group * place.len } else { 0 }
    }

    /// Size of a shared buffer for `len` neurons at each step of a word, in values.
    pub(crate) fn word_of(&self, len: usize) -> usize {
        WORD * self.group * len
    }

    /// Size of the errors of the output, in values.
    pub(crate) fn output_errors(&self) -> usize {
        let last = self.populations.last().map_or(0, |last| last.len);
        if self.plan.train { self.plan.steps * self.group * last } else { 0 }
    }

    /// Total size in bytes of the buffers for a word of steps, for one group.
    fn scratch(&self) -> usize {
        let errors: usize = if self.plan.train { self.shared.iter().map(|len| self.word_of(*len)).sum() } else { 0 };
        let carried: usize = self.populations.iter().map(|place| self.carried_words(place)).sum();
        let corrections: usize = self.populations.iter().map(|place| self.correction_words(place)).sum();
        let g = if self.plan.train { self.word_of(self.largest) } else { 0 };
        NUMBER * (self.word_of(self.largest) + g + errors + carried + corrections)
    }

    /// Size in bytes of the largest buffer.
    fn largest_buffer(&self) -> usize {
        let of_population = |place: &PopulationLayout| {
            let own = [
                self.output_words(place),
                self.saved_words(place),
                self.state_words(place),
                self.carried_words(place),
                self.correction_words(place),
                self.trial_errors(place),
                place.norms.iter().map(|norm| self.measured_words(norm)).max().unwrap_or(0),
            ];
            own.into_iter().max().unwrap_or(0)
        };
        let populations = self.populations.iter().map(of_population).max().unwrap_or(0);
        NUMBER * populations.max(self.word_of(self.largest)).max(self.input_words()).max(self.output_errors())
    }

    /// Device memory of a session, by purpose.
    pub(crate) fn memory(&self) -> Memory {
        let all = |words: &dyn Fn(&PopulationLayout) -> usize| -> usize {
            NUMBER * self.groups * self.populations.iter().map(words).sum::<usize>()
        };
        let copies = if self.plan.train { 4 } else { 1 }; // gradients, and at most two tensors of an optimizer state
        let mut parts = vec![
            ("weights, gradients, moments", NUMBER * self.arena.len * copies),
            ("input", NUMBER * self.groups * (self.input_words() + self.group * self.input)),
            ("spikes", all(&|place| self.output_words(place))),
            ("dropout masks", all(&|place| self.group * place.len)),
            ("states and errors", all(&|place| self.saved_words(place)) + self.errors_of_trials()),
            (
                "normalisation",
                all(&|place| place.norms.iter().map(|norm| self.measured_words(norm) + self.found_words(norm)).sum()),
            ),
            ("a word of currents and errors", self.scratch()),
        ];
        let states =
            if self.keeps_states() { all(&|place| self.state_words(place)) } else { self.shared_state() * NUMBER };
        parts.push(("membranes", states));
        Memory { parts }
    }

    /// Size in bytes of the errors stored for whole trials. They are shared by all groups, unless the plan records.
    fn errors_of_trials(&self) -> usize {
        let words: usize = self.populations.iter().map(|place| self.trial_errors(place)).sum();
        NUMBER * words * if self.plan.record { self.groups } else { 1 }
    }

    /// Whether states are kept after their population has run.
    pub(crate) fn keeps_states(&self) -> bool {
        self.plan.record || self.plan.stream
    }

    /// Size of the shared state buffer, in values: that of the population that needs most.
    pub(crate) fn shared_state(&self) -> usize {
        self.populations.iter().map(|place| self.state_words(place)).max().unwrap_or(0)
    }
}

/// The connections that read the population at `index`: those without weights, then those with weights, each from the
/// last population to the first; then those of the population itself.
fn readers(network: &Network, index: usize) -> Vec<Reader> {
    let is_weighted = |reader: &Reader| {
        let projection = network.graph().connections(reader.population)[reader.connection].projection;
        network.populations()[reader.population].inputs[projection].weight.is_some()
    };
    let mut readers: Vec<Reader> = network.graph().readers(index).to_vec();
    readers.sort_by_key(|reader| (std::cmp::Reverse(reader.population), reader.connection));
    readers.sort_by_key(|reader| (reader.population == index, is_weighted(reader)));
    readers
}

/// The position of a connection among those of its projection.
pub(crate) fn position(network: &Network, population: usize, connection: usize) -> usize {
    let connections = network.graph().connections(population);
    let is_same = |other: &&Connection| other.projection == connections[connection].projection;
    connections[..connection].iter().filter(is_same).count()
}

fn place(split: &Split, plan: Plan, words: usize, index: usize) -> PopulationLayout {
    let network = &split.network;
    let population = &network.populations()[index];
    let neuron = &population.neuron;
    let is_recurrent = network.graph().is_recurrent(index);
    let all: Vec<(Connection, &Projection)> = network.connections(index).collect();
    let is_run = |at: &usize| all[*at].1.join == Join::Sum || position(network, index, *at) == 0;
    let mut connections: Vec<usize> = (0..all.len()).filter(is_run).collect();
    let normalised = |projection: &Projection| {
        let (&[Source::Population(source)], Some(norm)) = (&projection.sources[..], projection.norm) else {
            return None;
        };
        let is_fixed = !plan.train || network.is_fixed(&norm);
        Some(Normalised { norm, channels: population.shape.channels, is_fixed, source })
    };
    connections.sort_by_key(|&at| (all[at].0.is_recurrent, all[at].1.weight.is_some()));
    PopulationLayout {
        len: population.shape.len(),
        pixels: population.shape.pixels(),
        state: neuron.state().len(),
        constants: population.parameters.len(),
        fires: neuron.fires(),
        is_last: index + 1 == network.populations().len(),
        norms: population.inputs.iter().filter_map(normalised).collect(),
        own: all.iter().filter(|(connection, _)| connection.is_recurrent).count(),
        rows: if neuron.fires() { words + usize::from(is_recurrent) } else { plan.steps },
        rule: match neuron.gradient() {
            Gradient::SpikeGated { threshold, correction } => {
                GradientRule::SpikeGated { threshold: *threshold, correction: *correction }
            }
            Gradient::Surrogate { detach_reset, .. } => {
                GradientRule::Unrolled { detached: *detach_reset, is_stage: false }
            }
            Gradient::Exact => GradientRule::Unrolled { detached: false, is_stage: split.origins[index].is_none() },
        },
        readers: readers(network, index),
        connections,
        has_bias: population.inputs.iter().any(|projection| projection.bias.is_some()),
        errors: if is_recurrent || plan.record { ErrorStorage::OfTrial } else { ErrorStorage::OfWord(0) },
    }
}

/// Assigns one of a few shared buffers to each population whose errors are stored for a word. The backward pass needs
/// these errors from the population on until the first one that it reads. Returns the size of each buffer, in neurons.
fn share_errors(network: &Network, places: &mut [PopulationLayout]) -> Vec<usize> {
    let mut buffers: Vec<(usize, usize)> = Vec::new(); // size, and the population until which it is in use
    for index in (0..places.len()).rev() {
        if places[index].errors == ErrorStorage::OfTrial {
            continue;
        }
        let until = network.graph().first_source(index).unwrap_or(index);
        let len = places[index].len;
        let free = buffers.iter().position(|(_, taken)| *taken > index);
        let buffer = free.unwrap_or(buffers.len());
        if free.is_none() {
            buffers.push((0, 0));
        }
        buffers[buffer] = (buffers[buffer].0.max(len), until);
        places[index].errors = ErrorStorage::OfWord(buffer);
    }
    buffers.into_iter().map(|(len, _)| len).collect()
}
