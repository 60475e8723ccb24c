//! The kernels of a network: which files of `snn-shaders` make them, and with which constants.

use snn_core::{Map, Network, Population, Projection, Shape, Source};
use snn_shaders as wgsl;

use crate::arena::row;
use crate::form::Form;
use crate::kernel::Program;
use crate::layout::{Errors, Layout, Place, Rule};
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

/// Makes the programs of one network, laid out in one way.
pub(crate) struct Programs<'a> {
    pub(crate) network: &'a Network,
    pub(crate) layout: &'a Layout,
    pub(crate) input: Input,
    /// Whether each population has a dropout mask.
    pub(crate) masked: &'a [bool],
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
        let (kernel, stride, padding) = geometry(projection.map, input);
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

    fn name(&self, index: usize, what: &str) -> String {
        format!("{}: {what}", self.network.populations()[index].name)
    }

    /// The current of the projection that runs as number `order`.
    pub(crate) fn current(&self, index: usize, order: usize) -> Program {
        let (population, place) = self.population(index);
        let projection = &population.inputs[place.projections[order]];
        let mut constants = self.projection(index, projection);
        constants.push(("ADD", flag(order > 0)));
        let main = if projection.weight.is_some() { wgsl::CONV_CURRENT } else { wgsl::POOL_CURRENT };
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, main];
        Program::new(self.name(index, "current"), &parts, &constants)
    }

    /// What the errors of the reader number `order` of a population make of its error.
    pub(crate) fn adjoint(&self, index: usize, order: usize) -> Program {
        let (_, place) = self.population(index);
        let (reader, projection) = place.readers[order];
        let projection = &self.network.populations()[reader].inputs[projection];
        let mut constants = self.projection(reader, projection);
        // The errors of the output are there before any reader's.
        constants.extend([("ADD", flag(order > 0 || place.is_last)), ("G_OF_TRIAL", flag(place.is_last))]);
        let main = if projection.weight.is_some() { wgsl::CONV_ADJOINT } else { wgsl::POOL_ADJOINT };
        Program::new(self.name(index, "adjoint"), &[wgsl::WINDOW, wgsl::PROJECTION, main], &constants)
    }

    /// The gradient of the weights of a projection.
    pub(crate) fn gradient(&self, index: usize, projection: usize, form: Form) -> Program {
        let projection = &self.population(index).0.inputs[projection];
        let hears_spikes = match projection.source {
            Source::Input => self.input != Input::Constant,
            Source::Population(source) => source != index && self.layout.populations[source].fires,
        };
        let is_events = form == Form::Events && hears_spikes;
        let main = if is_events { wgsl::CONV_GRADIENT_EVENTS } else { wgsl::CONV_GRADIENT };
        let name = if is_events { "gradient events" } else { "gradient" };
        let mut constants = self.projection(index, projection);
        constants.push(("ADD", 0.0));
        Program::new(self.name(index, name), &[wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, main], &constants)
    }

    /// Steps of the neurons.
    pub(crate) fn scan_forward(&self, index: usize) -> Program {
        let neuron = written::neuron(&self.population(index).0.neuron);
        let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_STEP, wgsl::SCAN_FORWARD];
        Program::new(self.name(index, "scan forward"), &parts, &self.neurons(index))
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
        let main = match form {
            Form::Plain => return None,
            Form::Fused => wgsl::CONV_FUSED,
            Form::Events => wgsl::CONV_EVENTS,
        };
        let mut constants = self.neurons(index);
        constants.retain(|(name, _)| *name != "MASKED");
        constants.extend(self.projection(index, projection));
        constants.extend([
            ("ADD", flag(place.projections.len() > 1)),
            ("CHANNELS_AT_ONCE", channels_at_once(population.shape.channels) as f64),
        ]);
        let neuron = written::neuron(&population.neuron);
        let parts = [wgsl::WINDOW, wgsl::PROJECTION, wgsl::SOURCE, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_STEP, main];
        Some(Program::new(self.name(index, form.name()), &parts, &constants))
    }

    /// The adjoint of the last reader and the neurons in one kernel, if `form` is events, and they can do it.
    pub(crate) fn gated_events(&self, index: usize, form: Form) -> Option<Program> {
        let (_, place) = self.population(index);
        let (reader, projection) = *place.readers.last()?;
        let projection = &self.network.populations()[reader].inputs[projection];
        let Rule::Gated { threshold, correction } = place.rule else { return None };
        let can = place.fires && !place.is_recurrent && !place.is_last && projection.weight.is_some();
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
        Some(Program::new(self.name(index, "gated events"), &parts, &constants))
    }

    /// Steps of the neurons backward.
    pub(crate) fn scan_backward(&self, index: usize) -> Program {
        let (population, place) = self.population(index);
        let mut constants = self.neurons(index);
        match place.rule {
            Rule::Gated { threshold, correction } => {
                constants.extend([("THRESHOLD", f64::from(threshold)), ("CORRECTED", flag(correction.is_some()))]);
                Program::new(self.name(index, "scan backward"), &[wgsl::WINDOW, wgsl::SCAN_GATED], &constants)
            }
            Rule::Unrolled { detached } => {
                constants.push(("DETACHED", flag(detached)));
                let neuron = written::neuron(&population.neuron);
                let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_UNROLLED];
                Program::new(self.name(index, "scan backward"), &parts, &constants)
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
        Some(Program::new(self.name(index, "constants"), &parts, &self.neurons(index)))
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
        Some(Program::new(self.name(index, "correction"), &parts, &constants))
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
        Program::new(name, &[wgsl::WINDOW, wgsl::TRIAL_COUNT], &constants)
    }

    /// Dropout masks of a population.
    pub(crate) fn masks(&self, index: usize) -> Program {
        let parts = [wgsl::PHILOX, wgsl::TRIAL_MASKS];
        Program::new(self.name(index, "mask"), &parts, &self.neurons(index))
    }

    /// Input spikes that are drawn.
    pub(crate) fn encode(&self) -> Program {
        let mut constants = self.trial();
        let (len, channels) = (self.layout.input, self.network.input().channels);
        constants.extend([("LEN", len as f64), ("CHANNELS", channels as f64)]);
        Program::new("input: encode".to_owned(), &[wgsl::PHILOX, wgsl::TRIAL_ENCODE], &constants)
    }

    /// The four kernels that take a population's samples along to the next trial.
    pub(crate) fn gather(&self, index: usize) -> [Program; 4] {
        let mut constants = self.neurons(index);
        constants.push(("ENTRIES", self.layout.populations[index].state as f64));
        ["take_states", "put_states", "take_spikes", "put_spikes"].map(|entry| {
            let parts = [wgsl::WINDOW, wgsl::TRIAL_GATHER];
            Program::new(self.name(index, entry), &parts, &constants).entry(entry)
        })
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Program> {
        let mut programs = vec![self.encode(), self.count(Source::Input)];
        for (index, place) in self.layout.populations.iter().enumerate() {
            let inputs = &self.network.populations()[index].inputs;
            programs.extend((0..inputs.len()).map(|order| self.current(index, order)));
            programs.extend((0..place.readers.len()).map(|order| self.adjoint(index, order)));
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

/// Threads of a workgroup that walks the events of a pixel.
pub(crate) fn channels_at_once(channels: usize) -> usize {
    channels.next_multiple_of(16).min(64)
}

/// Kernel, stride and padding of a map; a linear map is a convolution whose kernel covers its input.
fn geometry(map: Map, input: Shape) -> ([usize; 2], usize, usize) {
    match map {
        Map::Conv { kernel, stride, padding, .. } => (kernel, stride, padding),
        Map::Linear { .. } => ([input.height, input.width], 1, 0),
        Map::AvgPool { size, stride } => ([size, size], stride, 0),
        Map::Subsample { stride } => ([1, 1], stride, 0),
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
