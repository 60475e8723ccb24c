//! The backward pass: word by word from the last to the first, and in each from the last population to the first, so that
//! errors are kept for the length of a word only.

use snn_core::{Error, Errors};

use super::stages::{Backward, Stage, Stages};
use super::{GpuSession, buffers::Group};
use crate::buffers::upload;
use crate::kernel::Commands;
use crate::layout::{Errors as Kept, Place, Rule};
use crate::programs::first_error;
use crate::window::Window;

impl GpuSession {
    /// Leaves the gradients of the last trial on the card.
    pub(super) fn go_back(&mut self, errors: Errors<'_>) -> Result<(), Error> {
        if !self.layout.plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let last = self.last.as_ref().ok_or(Error::Order("no trial to go back through"))?;
        let (samples, stages) = (last.samples, last.stages.clone());
        errors.check(&self.network, &self.layout.plan, samples)?;
        self.upload_errors(errors.output, samples);
        let mut timer = self.timer.take();
        let mut commands = Commands::new(&self.gpu, timer.as_mut());
        commands.encoder.clear_buffer(&self.buffers.gradients, 0, None);
        for (index, (group, stages)) in self.buffers.groups.iter().zip(&*stages).enumerate() {
            let count = self.layout.samples(index, samples);
            if count > 0 {
                self.go_back_group(&mut commands, group, stages, errors.emitted, count);
            }
        }
        commands.submit();
        self.timer = timer;
        self.read_timer()
    }

    /// Brings the errors `[T, N, K]` of the output to the card, `[T][sample][K]` for each group.
    fn upload_errors(&self, output: &[f32], samples: usize) {
        let (layout, classes) = (&self.layout, self.network.classes());
        for (index, group) in self.buffers.groups.iter().enumerate() {
            let (first, count) = (index * layout.group, layout.samples(index, samples));
            if count == 0 {
                break;
            }
            let mut errors = vec![0.0; layout.plan.steps * layout.group * classes];
            for (row, all) in errors.chunks_mut(layout.group * classes).zip(output.chunks(samples * classes)) {
                row[..count * classes].copy_from_slice(&all[first * classes..(first + count) * classes]);
            }
            upload(&self.gpu, &group.output_errors, &errors);
        }
    }

    fn go_back_group(
        &self,
        commands: &mut Commands<'_>,
        group: &Group,
        stages: &Stages,
        emitted: &[f32],
        samples: usize,
    ) {
        let (layout, steps) = (&self.layout, self.layout.plan.steps);
        let whole = Window::whole(steps, samples, false);
        for ((own, stage), place) in group.populations.iter().zip(&stages.populations).zip(&layout.populations) {
            commands.encoder.clear_buffer(&own.carried, 0, None);
            if place.errors == Kept::OfTrial {
                let slot = 4 * (layout.group * place.len) as u64; // the slot after the last step
                commands.encoder.clear_buffer(&own.errors, steps as u64 * slot, Some(slot));
            }
            if let Some(correction) = &stage.correction {
                commands.run(correction, whole.bytes(), samples * place.len);
            }
        }
        for window in Window::all(steps, samples, false).rev() {
            for (index, (stage, place)) in stages.populations.iter().zip(&layout.populations).enumerate().rev() {
                let Some(backward) = &stage.backward else { continue };
                let window = Window { d_emitted: emitted.get(index).copied().unwrap_or(0.0), ..window };
                self.step_back(commands, stage, backward, place, window);
            }
        }
        for (stage, place) in stages.populations.iter().zip(&layout.populations) {
            if let Some(constants) = stage.backward.as_ref().and_then(|backward| backward.constants.as_ref()) {
                debug_assert!(place.constants > 0);
                commands.run_groups(constants, whole.bytes(), 1);
            }
        }
    }

    /// One window of a population backward: the error of what it emits, that of its currents, and the gradients of its
    /// weights. A population that reads itself goes step by step.
    fn step_back(
        &self,
        commands: &mut Commands<'_>,
        stage: &Stage,
        backward: &Backward,
        place: &Place,
        window: Window,
    ) {
        let own = Window { errors: first_error(place, window.word), ..window };
        if matches!(place.rule, Rule::Unrolled { .. }) {
            for current in &stage.currents {
                commands.run(current, window.bytes(), window.moments() * place.len);
            }
        }
        let of_reader = |window: Window, reader: usize| Window {
            errors: first_error(&self.layout.populations[reader], window.word),
            ..window
        };
        let (others, itself) = backward.adjoints.split_at(backward.adjoints.len() - usize::from(place.is_recurrent));
        for (adjoint, &(reader, _)) in others.iter().zip(&place.readers) {
            commands.run(adjoint, of_reader(window, reader).bytes(), window.moments() * place.len);
        }
        let neurons = window.samples as usize * place.len;
        if itself.is_empty() {
            commands.run(&backward.scan, own.bytes(), neurons);
        }
        for moment in own.each_step().rev().filter(|_| !itself.is_empty()) {
            for adjoint in itself {
                commands.run(adjoint, moment.bytes(), neurons);
            }
            commands.run(&backward.scan, moment.bytes(), neurons);
        }
        for (gradient, weights) in &backward.gradients {
            commands.run(gradient, own.bytes(), *weights);
        }
    }
}
