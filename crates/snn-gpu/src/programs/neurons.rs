//! Kernels of neurons, and kernels around a trial: encoding, dropout masks, spike counts, and state for resumed
//! trials.

use snn_core::{Source, Trace};
use snn_shaders as wgsl;

use super::{PARTS, Programs, flag};
use crate::kernel::{Extent, Program};
use crate::layout::GradientRule;
use crate::wgsl as written;

impl Programs<'_> {
    /// The kernel that runs the neurons forward.
    pub(crate) fn scan_forward(&self, index: usize) -> Program {
        let neuron = written::neuron(&self.population(index).0.neuron);
        let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_STEP, wgsl::SCAN_FORWARD];
        Program::new(self.name(index, "scan forward"), &parts, &self.neurons(index), self.each_neuron(index))
    }

    /// The kernel that runs the neurons backward.
    pub(crate) fn scan_backward(&self, index: usize) -> Program {
        let (population, place) = self.population(index);
        let mut constants = self.neurons(index);
        match place.rule {
            GradientRule::SpikeGated { threshold, correction } => {
                constants.extend([("THRESHOLD", f64::from(threshold)), ("CORRECTED", flag(correction.is_some()))]);
                let parts = [wgsl::WINDOW, wgsl::SCAN_SPIKE_GATED];
                Program::new(self.name(index, "scan backward"), &parts, &constants, self.each_neuron(index))
            }
            GradientRule::Unrolled { detached, .. } => {
                constants.push(("DETACHED", flag(detached)));
                let neuron = written::neuron(&population.neuron);
                let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_UNROLLED];
                Program::new(self.name(index, "scan backward"), &parts, &constants, self.each_neuron(index))
            }
        }
    }

    /// The kernel of the gradients of trainable constants; `None` if there are none.
    pub(crate) fn constants(&self, index: usize) -> Option<Program> {
        let (population, place) = self.population(index);
        if place.constants == 0 || !matches!(place.rule, GradientRule::Unrolled { .. }) {
            return None;
        }
        let neuron = written::neuron(&population.neuron);
        let parts = [wgsl::WINDOW, wgsl::SCAN_NEURONS, &neuron, wgsl::SCAN_CONSTANTS];
        Some(Program::new(self.name(index, "constants"), &parts, &self.neurons(index), Extent::Groups(1)))
    }

    /// The kernel of the leak correction; `None` if the gradient has none.
    pub(crate) fn correction(&self, index: usize) -> Option<Program> {
        let (_, place) = self.population(index);
        let GradientRule::SpikeGated { correction: Some(correction), .. } = place.rule else { return None };
        let is_after = correction.trace == Trace::AfterDropout;
        let mut constants = self.neurons(index);
        constants.extend([
            ("TRACE_MASKED", flag(self.masked[index] && is_after)),
            ("LN_LEAK", f64::from(correction.leak.ln())),
        ]);
        let parts = [wgsl::WINDOW, wgsl::SCAN_CORRECTION];
        Some(Program::new(self.name(index, "correction"), &parts, &constants, self.each_neuron(index)))
    }

    /// The kernel that counts the spikes of a population, or of the input.
    pub(crate) fn count(&self, source: Source) -> Program {
        let (name, mut constants) = match source {
            Source::Population(index) => (self.name(index, "count"), self.neurons(index)),
            Source::Input => ("input: count".to_owned(), self.trial()),
        };
        if source == Source::Input {
            let (len, rows) = (self.layout.input as f64, 2.0 * self.layout.words as f64);
            constants.extend([("LEN", len), ("OUTPUT_ROWS", rows), ("OWN_MASKED", 0.0)]);
        }
        Program::new(name, &[wgsl::WINDOW, wgsl::TRIAL_COUNT], &constants, Extent::Threads(PARTS))
    }

    /// The kernel that draws the dropout masks of a population.
    pub(crate) fn masks(&self, index: usize) -> Program {
        let parts = [wgsl::PHILOX, wgsl::TRIAL_MASKS];
        let threads = self.layout.populations[index].len.div_ceil(4);
        Program::new(self.name(index, "mask"), &parts, &self.neurons(index), Extent::OfSample(threads))
    }

    /// The kernel that draws the input spikes.
    pub(crate) fn encode(&self) -> Program {
        let mut constants = self.trial();
        let (len, channels) = (self.layout.input, self.network.input().channels);
        constants.extend([("LEN", len as f64), ("CHANNELS", channels as f64)]);
        let threads = self.layout.words * len.div_ceil(4);
        let parts = [wgsl::PHILOX, wgsl::TRIAL_ENCODE];
        Program::new("input: encode".to_owned(), &parts, &constants, Extent::OfSample(threads))
    }

    /// The four kernels that carry the samples of a population over to the next trial.
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
}
