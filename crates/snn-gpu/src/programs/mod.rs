//! The kernels of a network: assembles each from files of `snn-shaders` and constants.

mod neurons;
mod projections;
mod stages;

use snn_core::{Connection, Map, Network, Pool, Population, Projection, Shape, Source, Window};

use crate::arena::row;
use crate::form::KernelForm;
use crate::kernel::{Extent, Program};
use crate::layout::{ErrorStorage, Layout, PopulationLayout};

pub(crate) use stages::Stage;

/// The kind of input of a trial, where kernels depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum InputKind {
    /// Positive spikes only.
    Spikes,
    /// Spikes of both signs.
    Signed,
    /// Numbers that are constant over time.
    Constant,
    /// Numbers that change over time.
    Numbers,
}

/// The limit on the loops of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loops {
    /// Long loops, but at most a fraction of a second, so that no driver assumes that a kernel hangs.
    Long,
    /// Short loops, for Mesa's software drivers. They silently abort a thread after 65,535 loop iterations, counted
    /// over all of its loops.
    Short,
}

impl Loops {
    /// Maximum number of loop iterations of a thread.
    fn rounds(self) -> usize {
        match self {
            Self::Long => 1 << 24,
            Self::Short => 60_000,
        }
    }

    /// Maximum number of pairs of a sample and an output pixel that a weight gradient kernel sums in one dispatch.
    /// Each pair takes at most 40 iterations for each chunk of its terms.
    pub(crate) fn pairs_at_once(self) -> usize {
        self.rounds() / 80
    }
}

/// Assembles the programs of one network with one layout.
pub(crate) struct Programs<'a> {
    pub(crate) network: &'a Network,
    pub(crate) layout: &'a Layout,
    pub(crate) input: InputKind,
    /// Whether each population has a dropout mask.
    pub(crate) masked: &'a [bool],
    pub(crate) loops: Loops,
    /// Side length of the matrices of the GPU's matrix instructions, if it has any.
    pub(crate) matrices: Option<u32>,
}

type Constants = Vec<(&'static str, f64)>;

impl Programs<'_> {
    fn population(&self, index: usize) -> (&Population, &PopulationLayout) {
        (&self.network.populations()[index], &self.layout.populations[index])
    }

    /// Constants for the sizes of a trial.
    fn trial(&self) -> Constants {
        vec![
            ("GROUP", self.layout.group as f64),
            ("STEPS", self.layout.plan.steps as f64),
            ("WORDS", self.layout.words as f64),
        ]
    }

    /// Constants of a population: its sizes, its output, and whether it is read.
    fn neurons(&self, index: usize) -> Constants {
        let (population, place) = self.population(index);
        let mut constants = self.trial();
        constants.extend([
            ("LEN", place.len as f64),
            ("CHANNELS", population.shape.channels as f64),
            (
                "CONSTANT_STRIDE",
                population.parameters.first().map_or(0, |&first| self.layout.arena.stride(first)) as f64,
            ),
            ("CONSTANT_PER", f64::from(population.neuron.per() as u8)),
            ("OUTPUT_ROWS", place.rows as f64),
            ("FIRES", flag(place.fires)),
            ("OWN_MASKED", flag(self.masked[index])),
            ("SAVES", flag(self.layout.saves(place))),
            ("IS_READ", flag(!place.readers.is_empty() || place.is_last)),
            ("G_OF_TRIAL", flag(place.is_last)),
        ]);
        constants
    }

    /// The connection with index `connection` of a population, and the projection that it belongs to.
    fn connection(&self, index: usize, connection: usize) -> (Connection, &Projection) {
        let connection = self.network.graph().connections(index)[connection];
        (connection, &self.network.populations()[index].inputs[connection.projection])
    }

    /// Constants of a connection into a population, and of its source.
    fn projection(&self, index: usize, (connection, projection): (Connection, &Projection)) -> Constants {
        let (population, _) = self.population(index);
        let input = self.network.shape(connection.source);
        let (input, window) = geometry(projection, input);
        let Window { size: kernel, stride, padding, dilation } = window;
        let output = population.shape;
        let (source, rows, masked) = match connection.source {
            Source::Input => match self.input {
                InputKind::Spikes => (0, 2 * self.layout.words, false),
                InputKind::Signed => (1, 2 * self.layout.words, false),
                InputKind::Constant => (3, 1, false),
                InputKind::Numbers => (2, self.layout.plan.steps, false),
            },
            Source::Population(source) => {
                let place = &self.layout.populations[source];
                (if place.fires { 0 } else { 2 }, place.rows, self.masked[source])
            }
        };
        let mut constants = self.trial();
        let sizes = [
            ("IN_C", input.channels),
            ("IN_H", input.height),
            ("IN_W", input.width),
            ("OUT_C", output.channels),
            ("OUT_H", output.height),
            ("OUT_W", output.width),
            ("KERNEL_H", kernel[0]),
            ("KERNEL_W", kernel[1]),
            ("STRIDE_H", stride[0]),
            ("STRIDE_W", stride[1]),
            ("PADDING_H", padding[0]),
            ("PADDING_W", padding[1]),
            ("DILATION_H", dilation[0]),
            ("DILATION_W", dilation[1]),
            ("SOURCE", source),
            ("ROWS", rows),
            ("WEIGHT_ROW", row(output.channels)),
        ];
        constants.extend(sizes.map(|(name, size)| (name, size as f64)));
        constants.extend([
            ("SOURCE_MASKED", flag(masked)),
            ("DELAY", flag(connection.is_recurrent)),
            ("SHARE", f64::from(projection.map.share())),
        ]);
        constants
    }

    fn each_neuron(&self, index: usize) -> Extent {
        Extent::OfSample(self.layout.populations[index].len)
    }

    fn name(&self, index: usize, what: &str) -> String {
        format!("{}: {what}", self.network.populations()[index].name)
    }

    /// All programs of the network, in every form.
    pub(crate) fn all(&self) -> Vec<Program> {
        let mut programs = vec![self.encode(), self.count(Source::Input)];
        for (index, place) in self.layout.populations.iter().enumerate() {
            let connections: Vec<(Connection, &Projection)> = self.network.connections(index).collect();
            for form in KernelForm::ALL {
                programs.extend((0..place.connections.len()).map(|order| self.current(index, order, form)));
                programs.extend((0..place.readers.len()).map(|order| self.adjoint(index, order, form)));
            }
            let weighted = (0..connections.len()).filter(|&number| connections[number].1.weight.is_some());
            for connection in weighted {
                programs.extend(KernelForm::ALL.map(|form| self.gradient(index, connection, form)));
            }
            let biases = self.network.populations()[index].inputs.iter().filter_map(|projection| projection.bias);
            programs.extend(biases.enumerate().map(|(order, _)| self.bias(index, order)));
            programs.extend(place.has_bias.then(|| self.bias_gradient(index)));
            for norm in &place.norms {
                programs.extend(self.measures(index, norm).into_iter().chain(self.error_measures(index, norm)));
            }
            for form in KernelForm::ALL {
                programs.extend(self.fused(index, form).into_iter().chain(self.spike_gated_events(index, form)));
            }
            programs.extend([self.scan_forward(index), self.scan_backward(index)]);
            programs.extend(self.constants(index).into_iter().chain(self.correction(index)));
            programs.extend([self.count(Source::Population(index)), self.masks(index)]);
            programs.extend(self.gather(index));
        }
        programs
    }
}

/// Number of threads that count spikes, and of their partial sums. Mirrors shaders/trial/count.wgsl.
pub(crate) const PARTS: usize = 1024;

/// The shape of a projection's input, and the window through which the map reads it. A linear map counts as a
/// convolution of a single pixel whose channels are all neurons.
fn geometry(projection: &Projection, input: Shape) -> (Shape, Window) {
    match projection.map {
        Map::Linear { .. } => (Shape::features(input.len()), Window::new([1, 1])),
        map => (input, projection.pool.as_ref().map_or_else(|| map.window(input), Pool::window)),
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// The step of the first slot of a population's errors, in a window that begins at `word`.
pub(crate) fn first_error(place: &PopulationLayout, word: u32) -> u32 {
    match place.errors {
        ErrorStorage::OfTrial => 0,
        ErrorStorage::OfWord(_) => word,
    }
}
