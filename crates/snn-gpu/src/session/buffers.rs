//! The GPU buffers of a session.

use snn_core::Error;

use crate::buffers::storage;
use crate::device::Gpu;
use crate::layout::{ErrorStorage, GradientRule, Layout, Normalised, PopulationLayout};
use crate::programs::PARTS;

/// Number of values that a count kernel writes: partial sums of spikes, and of their values.
pub(crate) const SUMS: usize = 2 * PARTS;

/// All buffers of a session on the GPU.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) weights: wgpu::Buffer,
    pub(crate) gradients: wgpu::Buffer,
    /// Currents of a population over a word of steps; `g` has the errors of its output.
    pub(crate) current: wgpu::Buffer,
    pub(crate) g: wgpu::Buffer,
    /// Placeholder for a binding that a kernel does not use.
    pub(crate) nothing: wgpu::Buffer,
    pub(crate) groups: Vec<Group>,
}

/// The buffers of a group of samples.
#[derive(Debug)]
pub(crate) struct Group {
    /// Spike probabilities of the input; `samples` has the data set index of each sample.
    pub(crate) values: wgpu::Buffer,
    pub(crate) samples: wgpu::Buffer,
    pub(crate) input: wgpu::Buffer,
    /// Which samples of the last trial are resumed.
    pub(crate) from: wgpu::Buffer,
    /// Spike counts of the input and of each population.
    pub(crate) sums: wgpu::Buffer,
    /// Errors of the output, `[T][sample][K]`.
    pub(crate) output_errors: wgpu::Buffer,
    pub(crate) populations: Vec<Own>,
}

/// The buffers of a population for a group; some may be shared with others.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) output: wgpu::Buffer,
    /// Dropout masks; `None` until they are first needed.
    pub(crate) mask: Option<wgpu::Buffer>,
    pub(crate) state: wgpu::Buffer,
    pub(crate) saved: wgpu::Buffer,
    pub(crate) carried: wgpu::Buffer,
    pub(crate) correction: wgpu::Buffer,
    /// Powers of the leak, for the trace of the leak correction.
    pub(crate) decay: wgpu::Buffer,
    pub(crate) errors: wgpu::Buffer,
    /// The buffers of each normalisation, in the order of [`PopulationLayout::norms`].
    pub(crate) norms: Vec<OfNorm>,
}

/// The buffers of a normalisation. Mirrors shaders/norm/group.wgsl.
#[derive(Debug)]
pub(crate) struct OfNorm {
    pub(crate) measured: wgpu::Buffer,
    pub(crate) found: wgpu::Buffer,
}

impl Buffers {
    /// Allocates all buffers of `layout`.
    ///
    /// # Errors
    /// [`Error::Device`] if they do not fit in device memory.
    pub(crate) fn new(gpu: &Gpu, layout: &Layout) -> Result<Self, Error> {
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = Self::allocate(gpu, layout);
        match pollster::block_on(scope.pop()) {
            Some(_) => Err(Error::Device("out of memory".to_owned())),
            None => Ok(buffers),
        }
    }

    fn allocate(gpu: &Gpu, layout: &Layout) -> Self {
        let make = |label: &str, words: usize| storage(gpu, label, words);
        let train = layout.plan.train;
        let shared: Vec<wgpu::Buffer> =
            (layout.shared.iter()).map(|len| make("errors", if train { layout.word_of(*len) } else { 0 })).collect();
        let states = (!layout.keeps_states()).then(|| make("states", layout.shared_state()));
        let decays: Vec<wgpu::Buffer> =
            layout.populations.iter().map(|place| decay(gpu, layout.plan.steps, place)).collect();
        // Groups share these buffers, as they run one after the other. Records are read later, so with them each group
        // has its own.
        let scratch = |place: &PopulationLayout| {
            [make("carried", layout.carried_words(place)), make("correction", layout.correction_words(place))]
        };
        let common: Vec<[wgpu::Buffer; 2]> = layout.populations.iter().map(scratch).collect();
        let trial_errors: Vec<wgpu::Buffer> =
            layout.populations.iter().map(|place| make("errors", layout.trial_errors(place))).collect();
        let of_norm = |norm: &Normalised| OfNorm {
            measured: make("measured", layout.measured_words(norm)),
            found: make("found", layout.found_words(norm)),
        };
        let own = |(index, place): (usize, &PopulationLayout)| {
            let [carried, correction] = if layout.plan.record { scratch(place) } else { common[index].clone() };
            Own {
                output: make("output", layout.output_words(place)),
                mask: None,
                state: states.clone().unwrap_or_else(|| make("states", layout.state_words(place))),
                saved: make("saved states", layout.saved_words(place)),
                carried,
                correction,
                decay: decays[index].clone(),
                errors: match place.errors {
                    ErrorStorage::OfWord(buffer) => shared[buffer].clone(),
                    ErrorStorage::OfTrial if layout.plan.record => make("errors", layout.trial_errors(place)),
                    ErrorStorage::OfTrial => trial_errors[index].clone(),
                },
                norms: place.norms.iter().map(of_norm).collect(),
            }
        };
        let group = |_| Group {
            values: make("values", layout.group * layout.input),
            samples: make("samples", layout.group),
            input: make("input", layout.input_words()),
            from: make("from", layout.group),
            sums: make("sums", SUMS * (1 + layout.populations.len())),
            output_errors: make("errors of the output", layout.output_errors()),
            populations: layout.populations.iter().enumerate().map(own).collect(),
        };
        Self {
            weights: make("weights", layout.arena.len),
            gradients: make("gradients", if train { layout.arena.len } else { 0 }),
            current: make("current", layout.word_of(layout.largest)),
            g: make("g", if train { layout.word_of(layout.largest) } else { 0 }),
            nothing: make("nothing", 1),
            groups: (0..layout.groups).map(group).collect(),
        }
    }

    /// Allocates the dropout masks of population `index`, unless they exist.
    pub(crate) fn make_mask(&mut self, gpu: &Gpu, layout: &Layout, index: usize) {
        let words = layout.group * layout.populations[index].len;
        for group in &mut self.groups {
            group.populations[index].mask.get_or_insert_with(|| storage(gpu, "mask", words));
        }
    }
}

/// Creates the staging buffer for the results of a trial: the output and the spike counts of each group.
pub(crate) fn staging(gpu: &Gpu, layout: &Layout) -> wgpu::Buffer {
    let output = layout.populations.last().map_or(0, |last| layout.output_words(last));
    crate::buffers::staging(gpu, layout.groups * (output + SUMS * (1 + layout.populations.len())))
}

/// Uploads the powers of a population's leak from 0 on, each rounded once.
fn decay(gpu: &Gpu, steps: usize, place: &PopulationLayout) -> wgpu::Buffer {
    let GradientRule::SpikeGated { correction: Some(correction), .. } = place.rule else {
        return storage(gpu, "decay", 1);
    };
    let leak = snn_core::neuron::exact_leak(correction.leak);
    let powers: Vec<f32> = std::iter::successors(Some(1.0_f64), |power| Some(power * leak))
        .take(steps)
        .map(|power| power as f32)
        .collect();
    let buffer = storage(gpu, "decay", steps);
    crate::buffers::upload(gpu, &buffer, &powers);
    buffer
}
