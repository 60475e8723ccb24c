//! Diagnosis of a network that does not learn: the cause, and the change of a setting that fixes it.
//!
//! The doctor shows the network real training images and examines it population by population. If a population is
//! silent or saturated, it changes the settings that may be the cause one at a time, towards usual values, and shows
//! the images again. A change that fixes the population becomes a finding. The change is kept and the search continues
//! with the changed network until no problem is left. A user who makes all the changes gets a network in which every
//! population fires. Updates are then examined in the same way: whether one changes the weights too much or too little,
//! or leaves some weights unchanged.

mod changes;
mod unusual;
mod updates;
mod vitals;

use std::ops::ControlFlow;

use snn_core::registry::Registry;
use snn_core::{Engine, Weights};
use snn_data::Dataset;
use snn_models::experiment::Start;
use snn_models::{Built, Experiment};

use crate::{Checkpoint, Event, Observer, TrainError, calibrate};
use changes::{FiringFault, candidates};
use vitals::{Probe, Rates};

pub use vitals::{Learning, Vitals};

/// Number of training images that are shown.
const IMAGES: usize = 32;

/// Maximum number of changes searched for, one after the other.
const MOST_CHANGES: usize = 8;

/// Largest usual dropout. A dropout mask holds for a whole trial.
const LARGEST_DROPOUT: f32 = 0.5;

/// The network to examine, with its data.
#[derive(Clone, Copy)]
pub struct Patient<'a> {
    /// The engine to compute on.
    pub engine: &'a dyn Engine,
    /// Registry for building changed experiments.
    pub registry: &'a Registry,
    /// The experiment to examine, with the network and the components built from it.
    pub built: &'a Built,
    /// Initial weights of a run, before any calibration; `None` for randomly drawn ones.
    pub initial: Option<&'a Weights>,
    /// Trained weights and optimizer state; `None` to examine the network at the start of a run.
    pub checkpoint: Option<&'a Checkpoint>,
    /// Training images, including those held out for validation.
    pub train: &'a Dataset,
}

/// A change of one setting.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SettingChange {
    /// Path of the setting, such as `network.neuron.threshold`.
    pub path: String,
    /// Its new value, in RON.
    pub value: String,
    /// RON to paste: the field of the experiment, of its network or of its training that holds the setting, with the
    /// new value.
    pub ron: String,
}

/// A problem that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The population at fault, if the problem lies in one.
    pub population: Option<String>,
    /// Description of the problem, as a sentence.
    pub problem: String,
    /// The change that fixes it; `None` if none was found.
    pub change: Option<SettingChange>,
    /// The measured effect of the change, as a sentence.
    pub outcome: Option<String>,
}

/// Result of an examination.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Examination {
    /// Number of images shown.
    pub images: usize,
    /// Spikes per input neuron and time step; `None` if the input is numbers.
    pub input: Option<f32>,
    /// Measurements of each population of the unchanged network.
    pub populations: Vec<Vitals>,
    /// The problems, in the order in which they should be fixed.
    pub findings: Vec<Finding>,
}

/// Examines a network. The observer is notified of images shown and of calibration progress. Returns `None` if it stops
/// the examination.
///
/// # Errors
/// [`TrainError::Setup`] if network and data do not match; [`TrainError::Mismatch`] if the checkpoint is of another
/// network; [`TrainError::Core`].
pub fn examine(patient: &Patient<'_>, observer: &mut dyn Observer) -> Result<Option<Examination>, TrainError> {
    let mut state = PendingChanges::of(patient);
    if !state.prepare(patient, observer)? {
        return Ok(None);
    }
    let probe = state.probe(patient);
    let Some(rates) = probe.rates(observer)? else { return Ok(None) };
    let (input, images) = (rates.input, rates.images);
    let populations = probe.vitals(&rates, patient.checkpoint)?;
    let mut findings = state.dropouts(patient);
    if !state.mend(patient, rates, &mut findings, observer)? {
        return Ok(None);
    }
    // As long as a population does not fire, updates do not tell whether the learning rate is right.
    if findings.iter().all(|finding| finding.population.is_none() || finding.outcome.is_some()) {
        updates::mend(&mut state, patient, &mut findings)?;
    }
    Ok(Some(Examination { images, input, populations, findings }))
}

/// The experiment and its network with the changes made so far.
struct PendingChanges {
    built: Built,
    weights: Weights,
    /// Whether nothing has been changed.
    is_unchanged: bool,
}

/// A change that fixes a problem.
struct Found {
    changed: PendingChanges,
    change: SettingChange,
    /// Firing rates after the change.
    after: Rates,
}

impl PendingChanges {
    fn of(patient: &Patient<'_>) -> Self {
        let Patient { built, .. } = *patient;
        Self { built: built.clone(), weights: Weights::new(), is_unchanged: true }
    }

    /// Sets the weights: the trained ones, or the initial ones of a run. Returns false if a calibration is stopped.
    fn prepare(&mut self, patient: &Patient<'_>, observer: &mut dyn Observer) -> Result<bool, TrainError> {
        if let Some(checkpoint) = patient.checkpoint {
            self.weights = checkpoint.weights_for(&self.built.network)?;
            return Ok(true);
        }
        let Self { built, .. } = self;
        let experiment = &built.experiment;
        let takes_them =
            matches!(experiment.start, Start::From { .. }) && experiment.start == patient.built.experiment.start;
        let fits = |weights: &&Weights| takes_them && built.network.check_weights(weights).is_ok();
        let drawn = || built.network.initial_weights(experiment.training.seed);
        self.weights = patient.initial.filter(fits).cloned().unwrap_or_else(drawn);
        if !matches!(self.built.experiment.start, Start::Calibrated { .. }) {
            return Ok(true);
        }
        match calibrate(patient.engine, &self.built, patient.train, &mut self.weights, observer) {
            Ok(rows) => Ok(rows.is_some()),
            // A run would refuse this setup. The doctor explains it instead.
            Err(TrainError::Setup { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn probe<'a>(&'a self, patient: &'a Patient<'a>) -> Probe<'a> {
        let Self { built, weights, .. } = self;
        Probe { engine: patient.engine, built, weights, train: patient.train, images: IMAGES }
    }

    /// The network with one setting changed; `None` if the experiment is then invalid.
    fn with(&self, patient: &Patient<'_>, (path, value): (&str, &str)) -> Option<Self> {
        let changes = [(path, value)];
        let experiment = Experiment::from_ron(&self.built.experiment.to_ron(), "", &changes, patient.registry).ok()?;
        let built = experiment.build(patient.registry).ok()?;
        Some(Self { built, weights: Weights::new(), is_unchanged: false })
    }

    /// The network with one setting changed, and with its initial or trained weights. Returns `None` if the experiment
    /// is then invalid, or if a calibration fails.
    fn prepared_with(&self, patient: &Patient<'_>, setting: (&str, &str)) -> Result<Option<Self>, TrainError> {
        let Some(mut changed) = self.with(patient, setting) else { return Ok(None) };
        let is_of_training = setting.0.starts_with("training.");
        if is_of_training || patient.checkpoint.is_some() {
            changed.weights.clone_from(&self.weights);
        } else if !changed.prepare(patient, &mut |_: &Event| ControlFlow::Continue(()))? {
            return Ok(None);
        }
        // Optimizer state is valid only for the same optimizer.
        changed.is_unchanged = self.is_unchanged && is_of_training && setting.0 != "training.optimizer";
        Ok(Some(changed))
    }

    fn change(&self, (path, value): (&str, &str)) -> SettingChange {
        let ron = self.built.experiment.field(path).unwrap_or_else(|| format!("{path}: {value}"));
        SettingChange { path: path.to_owned(), value: value.to_owned(), ron }
    }

    /// Searches for changes until every population fires as it should, or no further change helps. Returns false if the
    /// observer stops it.
    fn mend(
        &mut self,
        patient: &Patient<'_>,
        mut rates: Rates,
        findings: &mut Vec<Finding>,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let is_trained = patient.checkpoint.is_some();
        let mut hopeless: Vec<usize> = Vec::new();
        for _ in 0..MOST_CHANGES {
            let network = &self.built.network;
            let Some(doubt) = FiringFault::first(network, &rates, &hopeless) else { break };
            let problem = |path: &str| doubt.problem(network, &rates, &self.built.experiment, path);
            let population = doubt.population(network);
            let ControlFlow::Continue(found) = self.search(patient, doubt, observer)? else { return Ok(false) };
            if let Some(Found { changed, change, after }) = found {
                let outcome = Some(doubt.outcome(network, &rates, &after));
                findings.push(Finding { population, problem: problem(&change.path), change: Some(change), outcome });
                (*self, rates) = (changed, after);
            } else {
                let change = doubt.last_resort(is_trained, &self.built.experiment);
                findings.push(Finding { population, problem: problem(""), change, outcome: None });
                hopeless.push(doubt.index());
            }
        }
        Ok(true)
    }

    /// The first candidate change that fixes the problem.
    fn search(
        &self,
        patient: &Patient<'_>,
        doubt: FiringFault,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), Option<Found>>, TrainError> {
        let network = &self.built.network;
        for (path, value) in candidates(doubt, network, &self.built.experiment, patient.checkpoint.is_some()) {
            let setting = (path.as_str(), value.as_str());
            let Some(mut changed) = self.with(patient, setting) else { continue };
            if !doubt.is_touched_by(&path, network, &changed.built.network) {
                continue;
            }
            if !changed.prepare(patient, observer)? {
                return Ok(ControlFlow::Break(()));
            }
            let Some(after) = changed.probe(patient).rates(observer)? else { return Ok(ControlFlow::Break(())) };
            if !doubt.holds(network, &after) {
                let change = changed.change(setting);
                return Ok(ControlFlow::Continue(Some(Found { changed, change, after })));
            }
        }
        Ok(ControlFlow::Continue(None))
    }

    /// Reports dropout that silences too many neurons, and reduces it.
    fn dropouts(&mut self, patient: &Patient<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let values = self.built.experiment.values("dropout");
        for (path, value) in values {
            let dropout = value.parse::<f32>().unwrap_or(0.0);
            let setting = (path.as_str(), "0.2");
            let Some(changed) = (dropout > LARGEST_DROPOUT).then(|| self.with(patient, setting)).flatten() else {
                continue;
            };
            let of = |network: &snn_core::Network| network.populations().iter().map(|p| p.dropout).collect::<Vec<_>>();
            let pairs = self.built.network.populations().iter().zip(of(&changed.built.network));
            let names: Vec<&str> = pairs.filter(|(p, now)| p.dropout != *now).map(|(p, _)| p.name.as_str()).collect();
            if names.is_empty() {
                continue;
            }
            findings.push(Finding {
                population: (names.len() == 1).then(|| names[0].to_owned()),
                problem: format!(
                    "dropout is too strong: {} of the neurons of {} are silenced for the whole of a training trial, and learn \
                     nothing from it",
                    share(dropout),
                    names.join(", ")
                ),
                change: Some(changed.change(setting)),
                outcome: None,
            });
            let weights = std::mem::take(&mut self.weights);
            *self = Self { weights, is_unchanged: self.is_unchanged, ..changed };
        }
        findings
    }
}

/// Formats a fraction as `30 %`.
fn share(share: f32) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 0.1 || percent >= 1e6 {
        format!("{percent:.0e} %")
    } else {
        format!("{} %", crate::units::significant(f64::from(percent)))
    }
}

/// Formats a number with one significant digit, in RON syntax.
fn one_digit(value: f32) -> String {
    let text = format!("{value:.0e}");
    text.parse::<f32>().map_or(text, |value| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_as_people_do() {
        assert_eq!([0.00314, 12.0, 0.5, 2.6e-7].map(one_digit), ["0.003", "10.0", "0.5", "3e-7"]);
        assert_eq!([0.0, 0.3, 0.00012, 0.9999].map(share), ["0 %", "30 %", "1e-2 %", "100 %"]);
    }
}
