//! The backward pass. It runs word by word from the last to the first, and within a word from the last population to
//! the first, so that errors are stored for one word only. With normalisations, whose errors depend on those of all
//! steps, it runs population by population instead, and within each word by word.

use snn_core::{Error, Errors};

use super::stages::{BackwardKernels, GroupKernels, PopulationKernels};
use super::{GpuSession, buffers::Group};
use crate::buffers::upload;
use crate::kernel::Commands;
use crate::layout::{ErrorStorage, GradientRule, PopulationLayout};
use crate::order::to_gpu;
use crate::programs::first_error;
use crate::window::WindowConstants;

impl GpuSession {
    /// Computes the gradients of the last trial, which stay on the GPU.
    pub(super) fn go_back(&mut self, errors: Errors<'_>) -> Result<(), Error> {
        if !self.layout.plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let last = self.last.as_ref().ok_or(Error::Order("no trial to go back through"))?;
        let samples = last.samples;
        errors.check(&self.given, &self.layout.plan, samples)?;
        self.upload_errors(errors.output, samples);
        let stages = last.stages.clone();
        self.submit_backward(samples, &stages, errors.emitted)?;
        if let Some(stages) = self.tune_after_backward()? {
            self.submit_backward(samples, &stages, errors.emitted)?; // the measurements overwrote errors and gradients
        }
        Ok(())
    }

    fn submit_backward(&mut self, samples: usize, stages: &[GroupKernels], emitted: &[f32]) -> Result<(), Error> {
        let mut timer = self.timer.take();
        let mut commands = Commands::new(&self.gpu, timer.as_mut());
        commands.encoder().clear_buffer(&self.buffers.gradients, 0, None);
        for (index, (group, stages)) in self.buffers.groups.iter().zip(stages).enumerate() {
            let count = self.layout.samples(index, samples);
            if count > 0 {
                self.go_back_group(&mut commands, group, stages, emitted, count);
            }
        }
        for grouped in &self.grouped {
            commands.run_on(grouped, &[], 1);
        }
        for (index, _) in self.network.tensors().iter().enumerate().filter(|(_, tensor)| !tensor.is_trained()) {
            self.layout.arena.clear(&mut commands, &self.buffers.gradients, index);
        }
        commands.submit();
        self.timer = timer;
        self.read_timer()
    }

    /// Uploads the errors `[T, N, K]` of the output, as `[T][sample][K]` for each group.
    fn upload_errors(&self, output: &[f32], samples: usize) {
        let (layout, classes) = (&self.layout, self.network.classes());
        let Some(shape) = self.network.populations().last().map(|last| last.shape) else { return };
        for (index, group) in self.buffers.groups.iter().enumerate() {
            let (first, count) = (index * layout.group, layout.samples(index, samples));
            if count == 0 {
                break;
            }
            let mut errors = vec![0.0; layout.plan.steps * layout.group * classes];
            for (row, all) in errors.chunks_mut(layout.group * classes).zip(output.chunks(samples * classes)) {
                let part = &all[first * classes..(first + count) * classes];
                row[..count * classes].copy_from_slice(&to_gpu(part, shape));
            }
            upload(&self.gpu, &group.output_errors, &errors);
        }
    }

    fn go_back_group(
        &self,
        commands: &mut Commands<'_>,
        group: &Group,
        stages: &GroupKernels,
        emitted: &[f32],
        samples: usize,
    ) {
        let (layout, steps) = (&self.layout, self.layout.plan.steps);
        let whole = WindowConstants::whole(steps, samples, false);
        for ((own, stage), place) in group.populations.iter().zip(&stages.populations).zip(&layout.populations) {
            commands.encoder().clear_buffer(&own.carried, 0, None);
            if place.errors == ErrorStorage::OfTrial {
                let slot = 4 * (layout.group * place.len) as u64; // the extra slot after the last step
                commands.encoder().clear_buffer(&own.errors, steps as u64 * slot, Some(slot));
            }
            if let Some(correction) = &stage.correction {
                commands.run(correction, whole);
            }
        }
        let populations = || stages.populations.iter().zip(&layout.populations).enumerate().rev();
        let windows = || WindowConstants::all(steps, samples, false).rev();
        // Errors stop at the first population that trains something.
        let needs_errors = |index: usize| layout.plan.record || self.network.graph().needs_errors(index);
        let mut go = |index: usize, stage: &PopulationKernels, place: &PopulationLayout, window: WindowConstants| {
            let Some(backward) = stage.backward.as_ref().filter(|_| needs_errors(index)) else { return };
            let d_emitted = self.origins[index].and_then(|origin| emitted.get(origin).copied()).unwrap_or(0.0);
            let window = WindowConstants { d_emitted, ..window };
            self.pass_back(commands, stage, backward, place, window);
            add_gradients(commands, backward, place, window);
            let is_done = window.start == 0;
            for measure in backward.measures.iter().filter(|_| is_done) {
                commands.run(measure, whole);
            }
        };
        if layout.is_by_population {
            for (index, (stage, place)) in populations() {
                windows().for_each(|window| go(index, stage, place, window));
            }
        } else {
            for window in windows() {
                populations().for_each(|(index, (stage, place))| go(index, stage, place, window));
            }
        }
        for constants in stages.populations.iter().filter_map(|stage| stage.backward.as_ref()?.constants.as_ref()) {
            commands.run(constants, whole);
        }
    }

    /// Runs one window of a population backward: the errors of its output, then those of its currents. A recurrent
    /// population runs step by step.
    pub(super) fn pass_back(
        &self,
        commands: &mut Commands<'_>,
        stage: &PopulationKernels,
        backward: &BackwardKernels,
        place: &PopulationLayout,
        window: WindowConstants,
    ) {
        let own = WindowConstants { errors: first_error(place, window.word), ..window };
        if matches!(place.rule, GradientRule::Unrolled { is_stage: false, .. }) {
            for current in stage.biases.iter().chain(&stage.currents) {
                commands.run(current, window);
            }
        }
        let of_reader = |window: WindowConstants, reader: usize| WindowConstants {
            errors: first_error(&self.layout.populations[reader], window.word),
            ..window
        };
        // The spike-gated kernel replaces the last adjoint. Otherwise the last adjoints are those of recurrent
        // connections.
        let apart = if backward.spike_gated.is_some() { 1 } else { place.own };
        let (others, last) = backward.adjoints.split_at(backward.adjoints.len() - apart);
        for (adjoint, reader) in others.iter().zip(&place.readers) {
            commands.run(adjoint, of_reader(window, reader.population));
        }
        match &backward.spike_gated {
            Some(spike_gated) => commands.run(spike_gated, own),
            None if last.is_empty() => commands.run(&backward.scan, own),
            None => {
                for moment in own.each_step().rev() {
                    for adjoint in last {
                        commands.run(adjoint, moment);
                    }
                    commands.run(&backward.scan, moment);
                }
            }
        }
    }
}

/// Adds the weight gradients of a window of a population.
pub(super) fn add_gradients(
    commands: &mut Commands<'_>,
    backward: &BackwardKernels,
    place: &PopulationLayout,
    window: WindowConstants,
) {
    let own = WindowConstants { errors: first_error(place, window.word), ..window };
    for gradient in &backward.gradients {
        own.slices(place.pixels, backward.pairs_at_once).for_each(|slice| commands.run(gradient, slice));
    }
}
