//! Measures which forms of kernels are the quickest, on the trial that the card has just run.
//!
//! Forms compute the same but for rounding in errors and gradients, so a choice must not change from run to run: it is made
//! once for a card and kind of population, and remembered.

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

/// Measurements of each form; the quickest one counts.
const REPEATS: usize = 3;

/// Where the choice of forms stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// It is made.
    Done,
    /// Forward passes have been measured, backward passes not.
    Forward,
    /// Nothing has been measured.
    Due,
}

impl GpuSession {
    /// Takes the forms that are known, before a trial runs by them.
    pub(super) fn tune_before_forward(&mut self, input: InputKind) {
        if self.tuning == Tuning::Due && !self.recall_forms(input) {
            self.tuning = Tuning::Done;
        }
    }

    /// Measures forward passes, if that is due, once a trial has run from rest.
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

    /// Measures backward passes, if that is due, once a trial has gone back; gives the kernels that it must then go back by again.
    pub(super) fn tune_after_backward(&mut self) -> Result<Option<Arc<Vec<GroupKernels>>>, Error> {
        let Some(mut last) = self.last.take_if(|_| self.tuning == Tuning::Forward) else { return Ok(None) };
        self.tune_backward(&last)?;
        last.stages = self.stages(last.input, &last.masked)?;
        let stages = last.stages.clone();
        self.last = Some(last);
        Ok(Some(stages))
    }

    /// Takes the forms that are known. Whether those of a population are missing.
    fn recall_forms(&mut self, input: InputKind) -> bool {
        for index in 0..self.forms.len() {
            if let Some(forms) = self.tuner.find(&self.key(index, input)) {
                self.forms[index] = forms;
                self.is_measured[index] = true;
            }
        }
        self.is_measured.contains(&false)
    }

    /// Populations whose forms are to be measured.
    fn unmeasured(&self) -> Vec<usize> {
        (0..self.forms.len()).filter(|&index| !self.is_measured[index]).collect()
    }

    /// What the choice for a population depends on.
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

    /// Measures forward passes; spikes stay what they are.
    fn tune_forward(&mut self, last: &Last) -> Result<(), Error> {
        let samples = self.layout.samples(0, last.samples);
        for index in self.unmeasured() {
            let forms = [KernelForm::Tiled, KernelForm::Fused, KernelForm::Events];
            self.forms[index].forward =
                self.quickest(last, index, &forms, |session, commands, stage, place, form| {
                    let is_same = form != KernelForm::Tiled && stage.fused.is_none();
                    if is_same {
                        return false; // there is no such form; it would run the plain kernels
                    }
                    super::forward::run_population(commands, stage, place, session.layout.plan.steps, samples, false);
                    true
                })?;
        }
        Ok(())
    }

    /// Measures backward passes, on one word; errors and gradients are then what they happen to be.
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

    /// Remembers the forms as they are: the choice is made.
    fn remember_forms(&self, input: InputKind) -> Tuning {
        let keys: Vec<String> = (0..self.forms.len()).map(|index| self.key(index, input)).collect();
        self.tuner.remember(keys.into_iter().zip(self.forms.iter().copied()));
        Tuning::Done
    }

    /// The quickest of `forms` by what `run` does with the kernels of population `index` bound for it. A form for which it
    /// gives false is left out; if all are, it is the plain one.
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
