//! The kernels of a network: which files of `snn-shaders` make them, and with which constants.

use snn_core::{Map, Network, Population, Projection, Shape, Source};
use snn_shaders as wgsl;

use crate::arena::row;
use crate::form::Form;
use crate::kernel::{Extent, Program};
use crate::layout::{Errors, Layout, Place, Rule};
use crate::session::PARTS;
use crate::wgsl as written;

/// What a trial shows the network, as far as kernels differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input {
    /// Spikes of +1.
    Spikes,
    /// Spikes of either sign.
    Signed,
    /// Numbers that are the same at every step.
    Constant,
}

/// How long a thread may loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loops {
    /// A fraction of a second, so that no driver takes a kernel for one that hangs.
    Long,
    /// Mesa's software drivers break off, without a word, what goes on for more than 65,535 rounds, counting those of all loops
    /// of a thread together.
    Short,
}

impl Loops {
    /// Rounds that a thread may make.
    fn rounds(self) -> usize {
        match self {
            Self::Long => 1 << 24,
            Self::Short => 60_000,
        }
    }

    /// Pairs of a sample and an output pixel that the gradient of a weight is summed over at a time; each takes at most 40
    /// rounds for each chunk of its terms.
    pub(crate) fn pairs_at_once(self) -> usize {
        self.rounds() / 80
    }
}

/// Makes the programs of one network, laid out in one way.
pub(crate) struct Programs<'a> {
    pub(crate) network: &'a Network,
    pub(crate) layout: &'a Layout,
    pub(crate) input: Input,
    /// Whether each population has a dropout mask.
    pub(crate) masked: &'a [bool],
    pub(crate) loops: Loops,
}

type Constants = Vec<(&'static str, f64)>;

impl Programs<'_> {
    fn population(&self, index: usize) -> (&Population, &Place) {
        (&self.network.populations()[index], &self.layout.populations[index])
    }

    /// Sizes of the trial.
    fn trial(&self) -> Constants {
        vec![
            ("GROUP", self.layout.group as f64),
            ("STEPS", self.layout.plan.steps as f64),
            ("WORDS", self.layout.words as f64),
        ]
    }

    /// Sizes of a population, what its neurons emit, and what reads it.
    fn neurons(&self, index: usize) -> Constants {
        let (population, place) = self.population(index);
        let mut constants = self.trial();
        constants.extend([
            ("LEN", place.len as f64),
            ("CHANNELS", population.shape.channels as f64),
            ("OUTPUT_ROWS", place.rows as f64),
            ("FIRES", flag(place.fires)),
            ("MASKED", flag(self.masked[index])),
            ("SAVES", flag(self.layout.saves(place))),
            ("IS_READ", flag(!place.readers.is_empty() || place.is_last)),
            ("G_OF_TRIAL", flag(place.is_last)),
        ]);
        constants
    }

    /// Sizes of a projection, and what it reads.
    fn projection(&self, index: usize, projection: &Projection) -> Constants {
        let (population, _) = self.population(index);
        let input = self.network.shape(projection.source);
        let (input, kernel, stride, padding) = geometry(projection.map, input);
        let output = population.shape;
        let (source, rows, masked) = match projection.source {
            Source::Input => match self.input {
                Input::Spikes => (0, 2 * self.layout.words, false),
                Input::Signed => (1, 2 * self.layout.words, false),
                Input::Constant => (3, 1, false),
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
            ("STRIDE", stride),
            ("PADDING", padding),
            ("SOURCE", source),
            ("ROWS", rows),
            ("WEIGHT_ROW", row(output.channels)),
        ];
        constants.extend(sizes.map(|(name, size)| (name, size as f64)));
        constants.extend([
            ("MASKED", flag(masked)),
            ("DELAY", flag(self.network.is_recurrent(index, projection))),
            ("SHARE", 1.0 / (kernel[0] * kernel[1]) as f64),
        ]);
        constants
    }

    fn each_neuron(&self, index: usize) -> Extent {
        Extent::OfSample(self.layout.populations[index].len)
    }

    fn name(&self, index: usize, what: &str) -> String {
        format!("{}: {what}", self.network.populations()[index].name)
    }

    /// The current of the projection that runs as number `order`.
    pub(crate) fn current(&self, index: usize, order: usize, form: Form) -> Program {
        let (population, place) = self.population(index);
        let projection = &population.inputs[place.projections[order]];
        let mut constants = self.projection(index, projection);
        constants.push(("ADD", flag(order > 0)));
        // What comes from the population itself comes one step at a time.
        let is_tiled = form == Form::Tiled && !self.network.is_recurrent(index, projection);
        let shape = population.shape;
        let (name, main, extent) = match projection.weight {
            None => ("current", wgsl::POOL_CURRENT, Extent::OfMoment(shape.len())),
            Some(_) if is_tiled => {
                let tiles = shape.pixels().div_ceil(2) * shape.channels.div_ceil(TILE);
                ("current tiled", wgsl::CONV_CURRENT_TILED, Extent::GroupsOfSample(tiles))
            }
            Some(_) => ("current", wgsl::CONV_CURRENT, Extent::OfMoment(shape.len())),
        };
        let tile = if is_tiled { wgsl::CONV_TILE } else { "" };
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, tile, main];
        Program::new(self.name(index, name), &parts, &constants, extent)
    }

    /// What the errors of the reader number `order` of a population make of its error.
    pub(crate) fn adjoint(&self, index: usize, order: usize, form: Form) -> Program {
        let (_, place) = self.population(index);
        let (reader, projection) = place.readers[order];
        let projection = &self.network.populations()[reader].inputs[projection];
        let mut constants = self.projection(reader, projection);
        // The errors of the output are there before any reader's.
        constants.extend([("ADD", flag(order > 0 || place.is_last)), ("G_OF_TRIAL", flag(place.is_last))]);
        let is_tiled = form == Form::Tiled && reader != index;
        let (shape, ..) = geometry(projection.map, self.network.shape(projection.source));
        let (name, main, extent) = match projection.weight {
            None => ("adjoint", wgsl::POOL_ADJOINT, Extent::OfMoment(shape.len())),
            Some(_) if is_tiled => {
                let tiles = shape.pixels().div_ceil(2) * shape.channels.div_ceil(TILE);
                ("adjoint tiled", wgsl::CONV_ADJOINT_TILED, Extent::GroupsOfSample(tiles))
            }
            Some(_) => ("adjoint", wgsl::CONV_ADJOINT, Extent::OfMoment(shape.len())),
        };
        let tile = if is_tiled { wgsl::CONV_TILE } else { "" };
        Program::new(self.name(index, name), &[wgsl::WINDOW, wgsl::PROJECTION, tile, main], &constants, extent)
    }

    /// The gradient of the weights of a projection.
    pub(crate) fn gradient(&self, index: usize, projection: usize, form: Form) -> Program {
        let projection = &self.population(index).0.inputs[projection];
        let hears_spikes = match projection.source {
            Source::Input => self.input != Input::Constant,
            Source::Population(source) => source != index && self.layout.populations[source].fires,
        };
        let (input, output) = (self.network.shape(projection.source), self.population(index).0.shape);
        let (input, kernel, ..) = geometry(projection.map, input);
        let taps = kernel[0] * kernel[1];
        let all = Extent::Threads(taps * input.channels * output.channels);
        let tiles = taps * input.channels.div_ceil(TILE) * output.channels.div_ceil(TILE);
        let (name, main, extent) = match form {
            Form::Events if hears_spikes => ("gradient events", wgsl::CONV_GRADIENT_EVENTS, all),
            Form::Tiled => ("gradient tiled", wgsl::CONV_GRADIENT_TILED, Extent::Groups(tiles)),
            _ => ("gradient", wgsl::CONV_GRADIENT, all),
        };
        let mut constants = self.projection(index, projection);
        constants.push(("ADD", 0.0));
        let tile = if extent == all { "" } else { wgsl::CONV_TILE };
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, tile, main];
        Program::new(self.name(index, name), &parts, &constants, extent)
    }

    /// Steps of the neurons.
    pub(crate) fn scan_forward(&self, index: usize) -> Program {
        let neuron = written::neuron(&self.population(index).0.neuron);
        let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_STEP, wgsl::SCAN_FORWARD];
        Program::new(self.name(index, "scan forward"), &parts, &self.neurons(index), self.each_neuron(index))
    }

    /// The last projection and the neurons in one kernel, if `form` is one of those, and can do it.
    pub(crate) fn fused(&self, index: usize, form: Form) -> Option<Program> {
        let (population, place) = self.population(index);
        let projection = &population.inputs[*place.projections.last()?];
        let hears_spikes = match projection.source {
            Source::Input => self.input != Input::Constant,
            Source::Population(source) => self.layout.populations[source].fires,
        };
        if place.is_recurrent || projection.weight.is_none() || !hears_spikes {
            return None;
        }
        let shape = population.shape;
        // A round for each weight that a neuron hears, and with events one for each of its spikes in a word.
        let weights = projection.weight.map_or(0, |weight| self.network.weights()[weight].fan_in());
        let is_too_long = form == Form::Events && 33 * weights > self.loops.rounds();
        let form = if is_too_long { Form::Fused } else { form };
        let ([currents, main], extent) = match form {
            Form::Plain | Form::Tiled => return None,
            Form::Fused => (
                [wgsl::CONV_FUSED_CURRENTS, wgsl::CONV_FUSED],
                Extent::OfSample(shape.pixels() * shape.channels.div_ceil(4)),
            ),
            Form::Events => {
                let blocks = shape.channels.div_ceil(channels_at_once(shape.channels));
                (["", wgsl::CONV_EVENTS], Extent::GroupsOfSample(shape.pixels() * blocks))
            }
        };
        let mut constants = self.neurons(index);
        constants.retain(|(name, _)| *name != "MASKED");
        constants.extend(self.projection(index, projection));
        constants.extend([
            ("ADD", flag(place.projections.len() > 1)),
            ("CHANNELS_AT_ONCE", channels_at_once(population.shape.channels) as f64),
        ]);
        let neuron = written::neuron(&population.neuron);
        let parts = [
            wgsl::WINDOW,
            wgsl::PROJECTION,
            wgsl::SOURCE,
            currents,
            wgsl::SCAN_NEURONS,
            &neuron,
            wgsl::SCAN_STEP,
            main,
        ];
        Some(Program::new(self.name(index, form.name()), &parts, &constants, extent))
    }

    /// The adjoint of the last reader and the neurons in one kernel, if `form` is events, and they can do it.
    pub(crate) fn gated_events(&self, index: usize, form: Form) -> Option<Program> {
        let (_, place) = self.population(index);
        let (reader, projection) = *place.readers.last()?;
        let projection = &self.network.populations()[reader].inputs[projection];
        let Rule::Gated { threshold, correction } = place.rule else { return None };
        let reader_shape = self.network.populations()[reader].shape;
        let (_, kernel, ..) = geometry(projection.map, self.network.shape(projection.source));
        // At each step of a word, under each kernel pixel, all channels.
        let is_short = 32 * kernel[0] * kernel[1] * (1 + reader_shape.channels) <= self.loops.rounds();
        let can = place.fires && !place.is_recurrent && !place.is_last && projection.weight.is_some() && is_short;
        if form != Form::Events || !can {
            return None;
        }
        let mut constants = self.projection(reader, projection);
        let of_trial = |index: usize| flag(self.layout.populations[index].errors == Errors::OfTrial);
        constants.extend([
            ("ADD", flag(place.readers.len() > 1)),
            ("OUTPUT_ROWS", place.rows as f64),
            ("THRESHOLD", f64::from(threshold)),
            ("CORRECTED", flag(correction.is_some())),
            ("HEARD_OF_TRIAL", of_trial(reader)),
            ("D_OF_TRIAL", of_trial(index)),
        ]);
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::CONV_GATED_EVENTS];
        Some(Program::new(self.name(index, "gated events"), &parts, &constants, Extent::OfSample(place.len)))
    }

    /// Steps of the neurons backward.
    pub(crate) fn scan_backward(&self, index: usize) -> Program {
        let (population, place) = self.population(index);
        let mut constants = self.neurons(index);
        match place.rule {
            Rule::Gated { threshold, correction } => {
                constants.extend([("THRESHOLD", f64::from(threshold)), ("CORRECTED", flag(correction.is_some()))]);
                let parts = [wgsl::WINDOW, wgsl::SCAN_GATED];
                Program::new(self.name(index, "scan backward"), &parts, &constants, self.each_neuron(index))
            }
            Rule::Unrolled { detached } => {
                constants.push(("DETACHED", flag(detached)));
                let neuron = written::neuron(&population.neuron);
                let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_UNROLLED];
                Program::new(self.name(index, "scan backward"), &parts, &constants, self.each_neuron(index))
            }
        }
    }

    /// Gradients of the trainable constants; none where there are none.
    pub(crate) fn constants(&self, index: usize) -> Option<Program> {
        let (population, place) = self.population(index);
        if place.constants == 0 || !matches!(place.rule, Rule::Unrolled { .. }) {
            return None;
        }
        let neuron = written::neuron(&population.neuron);
        let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_CONSTANTS];
        Some(Program::new(self.name(index, "constants"), &parts, &self.neurons(index), Extent::Groups(1)))
    }

    /// The leak correction; none where there is none.
    pub(crate) fn correction(&self, index: usize) -> Option<Program> {
        let (_, place) = self.population(index);
        let Rule::Gated { correction: Some(correction), .. } = place.rule else { return None };
        let is_after = correction.trace == snn_core::Trace::AfterDropout;
        let mut constants = self.neurons(index);
        constants.retain(|(name, _)| *name != "MASKED");
        constants
            .extend([("MASKED", flag(self.masked[index] && is_after)), ("LN_LEAK", f64::from(correction.leak.ln()))]);
        let parts = [wgsl::WINDOW, wgsl::SCAN_CORRECTION];
        Some(Program::new(self.name(index, "correction"), &parts, &constants, self.each_neuron(index)))
    }

    /// Numbers of spikes of a population, or of the input.
    pub(crate) fn count(&self, source: Source) -> Program {
        let (name, mut constants) = match source {
            Source::Population(index) => (self.name(index, "count"), self.neurons(index)),
            Source::Input => ("input: count".to_owned(), self.trial()),
        };
        if source == Source::Input {
            let (len, rows) = (self.layout.input as f64, 2.0 * self.layout.words as f64);
            constants.extend([("LEN", len), ("OUTPUT_ROWS", rows), ("MASKED", 0.0)]);
        }
        Program::new(name, &[wgsl::WINDOW, wgsl::TRIAL_COUNT], &constants, Extent::Threads(PARTS))
    }

    /// Dropout masks of a population.
    pub(crate) fn masks(&self, index: usize) -> Program {
        let parts = [wgsl::PHILOX, wgsl::TRIAL_MASKS];
        let threads = self.layout.populations[index].len.div_ceil(4);
        Program::new(self.name(index, "mask"), &parts, &self.neurons(index), Extent::OfSample(threads))
    }

    /// Input spikes that are drawn.
    pub(crate) fn encode(&self) -> Program {
        let mut constants = self.trial();
        let (len, channels) = (self.layout.input, self.network.input().channels);
        constants.extend([("LEN", len as f64), ("CHANNELS", channels as f64)]);
        let threads = self.layout.words * len.div_ceil(4);
        let parts = [wgsl::PHILOX, wgsl::TRIAL_ENCODE];
        Program::new("input: encode".to_owned(), &parts, &constants, Extent::OfSample(threads))
    }

    /// The four kernels that take a population's samples along to the next trial.
    pub(crate) fn gather(&self, index: usize) -> [Program; 4] {
        let mut constants = self.neurons(index);
        let place = &self.layout.populations[index];
        constants.push(("ENTRIES", place.state as f64));
        let (states, spikes) = (place.state * place.len, place.len);
        let entries =
            [("take_states", states), ("put_states", states), ("take_spikes", spikes), ("put_spikes", spikes)];
        entries.map(|(entry, threads)| {
            let parts = [wgsl::WINDOW, wgsl::TRIAL_GATHER];
            Program::new(self.name(index, entry), &parts, &constants, Extent::OfSample(threads)).entry(entry)
        })
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Program> {
        let mut programs = vec![self.encode(), self.count(Source::Input)];
        for (index, place) in self.layout.populations.iter().enumerate() {
            let inputs = &self.network.populations()[index].inputs;
            for form in Form::ALL {
                programs.extend((0..inputs.len()).map(|order| self.current(index, order, form)));
                programs.extend((0..place.readers.len()).map(|order| self.adjoint(index, order, form)));
            }
            let weighted = (0..inputs.len()).filter(|&projection| inputs[projection].weight.is_some());
            for projection in weighted {
                programs.extend(Form::ALL.map(|form| self.gradient(index, projection, form)));
            }
            for form in Form::ALL {
                programs.extend(self.fused(index, form).into_iter().chain(self.gated_events(index, form)));
            }
            programs.extend([self.scan_forward(index), self.scan_backward(index)]);
            programs.extend(self.constants(index).into_iter().chain(self.correction(index)));
            programs.extend([self.count(Source::Population(index)), self.masks(index)]);
            programs.extend(self.gather(index));
        }
        programs
    }
}

/// Rows and columns of a tile. Mirrors shaders/conv/tile.wgsl.
const TILE: usize = 64;

/// Threads of a workgroup that walks the events of a pixel.
pub(crate) fn channels_at_once(channels: usize) -> usize {
    channels.next_multiple_of(16).min(64)
}

/// Input as it is seen, kernel, stride and padding of a map. A linear map is a convolution of a single pixel whose channels
/// are all neurons.
fn geometry(map: Map, input: Shape) -> (Shape, [usize; 2], usize, usize) {
    match map {
        Map::Conv { kernel, stride, padding, .. } => (input, kernel, stride, padding),
        Map::Linear { .. } => (Shape::features(input.len()), [1, 1], 1, 0),
        Map::AvgPool { size, stride } => (input, [size, size], stride, 0),
        Map::Subsample { stride } => (input, [1, 1], stride, 0),
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// The step that the first slot of a population's errors stands for, in a window that begins at `word`.
pub(crate) fn first_error(place: &Place, word: u32) -> u32 {
    match place.errors {
        Errors::OfTrial => 0,
        Errors::OfWord(_) => word,
    }
}
