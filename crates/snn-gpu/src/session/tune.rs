//! Measures which kernel forms are the fastest, on the trial that has just run.
//!
//! Errors and gradients of different forms differ by rounding, so a choice must not change from run to run. It is made
//! once for a GPU and kind of population, and stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use snn_core::{Connection, Error, Projection, Reader, Source};

use super::backward::add_gradients;
use super::stages::{BackwardKernels, GroupKernels, PopulationKernels};
use super::{GpuSession, Last};
use crate::form::{Forms, KernelForm};
use crate::kernel::Commands;
use crate::layout::PopulationLayout;
use crate::programs::InputKind;
use crate::window::WindowConstants;

/// Number of measurements of each form, of which the fastest counts.
const REPEATS: usize = 3;

/// The state of the choice of forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// The choice is made.
    Done,
    /// Forward passes have been measured, backward passes not.
    Forward,
    /// Nothing has been measured.
    Due,
}

impl GpuSession {
    /// Loads the known forms before a trial runs.
    pub(super) fn tune_before_forward(&mut self, input: InputKind) {
        if self.tuning == Tuning::Due && !self.recall_forms(input) {
            self.tuning = Tuning::Done;
        }
    }

    /// Measures forward passes, if that is due, after a trial that was not resumed.
    pub(super) fn tune_after_forward(&mut self, is_resumed: bool) -> Result<(), Error> {
        if self.tuning == Tuning::Due
            && !is_resumed
            && let Some(mut last) = self.last.take()
        {
            self.tune_forward(&last)?;
            last.stages = self.stages(last.input, &last.masked)?;
            self.tuning = if self.layout.plan.train { Tuning::Forward } else { self.remember_forms(last.input) };
            self.last = Some(last);
        }
        Ok(())
    }

    /// Measures backward passes, if that is due, after a backward pass. Returns the kernels with which the backward
    /// pass must then be repeated.
    pub(super) fn tune_after_backward(&mut self) -> Result<Option<Arc<Vec<GroupKernels>>>, Error> {
        let Some(mut last) = self.last.take_if(|_| self.tuning == Tuning::Forward) else { return Ok(None) };
        self.tune_backward(&last)?;
        last.stages = self.stages(last.input, &last.masked)?;
        let stages = last.stages.clone();
        self.last = Some(last);
        Ok(Some(stages))
    }

    /// Loads the known forms. Returns whether those of any population are missing.
    fn recall_forms(&mut self, input: InputKind) -> bool {
        for index in 0..self.forms.len() {
            if let Some(forms) = self.tuner.find(&self.key(index, input)) {
                self.forms[index] = forms;
                self.is_measured[index] = true;
            }
        }
        self.is_measured.contains(&false)
    }

    /// The populations whose forms have not been measured.
    fn unmeasured(&self) -> Vec<usize> {
        (0..self.forms.len()).filter(|&index| !self.is_measured[index]).collect()
    }

    /// The key under which the forms of a population are stored: everything that the choice depends on.
    fn key(&self, index: usize, input: InputKind) -> String {
        let (population, place) = (&self.network.populations()[index], &self.layout.populations[index]);
        let info = &self.gpu.adapter.info;
        let read = |(connection, projection): (Connection, &Projection)| {
            let from = match connection.source {
                Source::Input => format!("{input:?}"),
                Source::Population(_) => "population".to_owned(),
            };
            format!("{from} {} {:?}", self.network.shape(connection.source), projection.map)
        };
        let inputs: Vec<String> = self.network.connections(index).map(read).collect();
        let read_by = |reader: &Reader| {
            let projection = self.network.graph().connections(reader.population)[reader.connection].projection;
            let reader = &self.network.populations()[reader.population];
            format!("{:?} to {}", reader.inputs[projection].map, reader.shape)
        };
        let readers: Vec<String> = place.readers.iter().map(read_by).collect();
        let rule =
            if matches!(place.rule, crate::layout::GradientRule::SpikeGated { .. }) { "gated" } else { "unrolled" };
        let (steps, group, train) = (self.layout.plan.steps, self.layout.group, self.layout.plan.train);
        format!(
            "{} {} {}; {} {rule} from {}; read by {}; {steps} steps, {group} samples, training {train}",
            info.name,
            info.driver,
            info.driver_info,
            population.neuron.name(),
            inputs.join(", "),
            readers.join(", ")
        )
    }

    /// Measures forward passes, which leave all spikes unchanged.
    fn tune_forward(&mut self, last: &Last) -> Result<(), Error> {
        let samples = self.layout.samples(0, last.samples);
        for index in self.unmeasured() {
            let forms = [KernelForm::Tiled, KernelForm::Fused, KernelForm::Events];
            self.forms[index].forward =
                self.quickest(last, index, &forms, |session, commands, stage, place, form| {
                    let is_same = form != KernelForm::Tiled && stage.fused.is_none();
                    if is_same {
                        return false; // the form does not exist here; the plain kernels would run
                    }
                    super::forward::run_population(commands, stage, place, session.layout.plan.steps, samples, false);
                    true
                })?;
        }
        Ok(())
    }

    /// Measures backward passes on one word, which overwrites errors and gradients.
    fn tune_backward(&mut self, last: &Last) -> Result<(), Error> {
        let samples = self.layout.samples(0, last.samples);
        let words: Vec<WindowConstants> = WindowConstants::all(self.layout.plan.steps, samples, false).collect();
        let Some(&window) = words.get(words.len() / 2) else { return Ok(()) };
        for index in self.unmeasured() {
            let forms = [KernelForm::Tiled, KernelForm::Events];
            let backward = |stage: &PopulationKernels,
                            commands: &mut Commands<'_>,
                            run: &dyn Fn(&mut Commands<'_>, &BackwardKernels) -> bool| {
                stage.backward.as_ref().is_some_and(|backward| run(commands, backward))
            };
            self.forms[index].backward =
                self.quickest(last, index, &forms, |session, commands, stage, place, form| {
                    let has_form =
                        |backward: &BackwardKernels| form == KernelForm::Tiled || backward.spike_gated.is_some();
                    backward(stage, commands, &|commands, backward| {
                        has_form(backward) && {
                            session.pass_back(commands, stage, backward, place, window);
                            true
                        }
                    })
                })?;
            self.forms[index].gradient = self.quickest(last, index, &forms, |_, commands, stage, place, _| {
                backward(stage, commands, &|commands, backward| {
                    add_gradients(commands, backward, place, window);
                    !backward.gradients.is_empty()
                })
            })?;
        }
        self.tuning = self.remember_forms(last.input);
        Ok(())
    }

    /// Stores the current forms, which completes the choice.
    fn remember_forms(&self, input: InputKind) -> Tuning {
        let keys: Vec<String> = (0..self.forms.len()).map(|index| self.key(index, input)).collect();
        self.tuner.remember(keys.into_iter().zip(self.forms.iter().copied()));
        Tuning::Done
    }

    /// Returns the fastest of `forms`, where `run` runs the kernels of population `index` in a form. Forms for which
    /// `run` returns false are skipped; if all are skipped, returns the plain form.
    fn quickest(
        &mut self,
        last: &Last,
        index: usize,
        forms: &[KernelForm],
        run: impl Fn(&Self, &mut Commands<'_>, &PopulationKernels, &PopulationLayout, KernelForm) -> bool,
    ) -> Result<KernelForm, Error> {
        let mut best: Option<(Duration, KernelForm)> = None;
        for &form in forms {
            let mut trial = self.forms.clone();
            trial[index] = Forms::all(form);
            let stage = self.binder(last.input, &last.masked, &trial).stage_of_first(index)?;
            let place = &self.layout.populations[index];
            let mut least = None;
            for _ in 0..=REPEATS {
                let start = Instant::now();
                let mut commands = Commands::new(&self.gpu, None);
                if !run(self, &mut commands, &stage, place, form) {
                    break;
                }
                commands.submit();
                self.gpu.wait()?;
                least = Some(least.map_or(start.elapsed(), |least: Duration| least.min(start.elapsed())));
            }
            if let Some(time) = least.filter(|time| best.is_none_or(|(best, _)| *time < best)) {
                best = Some((time, form));
            }
        }
        Ok(best.map_or(KernelForm::Plain, |(_, form)| form))
    }
}
