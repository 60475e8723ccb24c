//! Examines weight updates before any training: how far one update changes the weights, and how far all updates of a
//! run could.

use snn_core::Optimizer;
use snn_models::Experiment;

use super::unusual::unusual;
use super::vitals::Learning;
use super::{Finding, Patient, PendingChanges, one_digit, share};
use crate::{TrainError, factor};

/// An update that changes a weight tensor by more than this fraction of its norm destroys its content.
const LARGE_UPDATE: f32 = 0.25;

/// All updates of a run together must be able to change at least one weight tensor by this fraction of its norm.
const SMALL_WAY: f32 = 0.1;

/// Fraction of its norm by which a healthy update changes a weight tensor.
const GOOD_UPDATE: f32 = 0.01;

/// All updates of a run together must be able to change every weight tensor by this fraction of its norm.
const NO_WAY: f32 = 1e-3;

/// A change that makes an update smaller, or larger, by this factor helps, even if other problems remain.
const FAR: f32 = 10.0;

/// Maximum number of learning rates to try.
const MOST_RATES: usize = 6;

/// Maximum number of faults to look for, one after the other.
const MOST_FAULTS: usize = 3;

/// An optimizer whose updates do not depend on the size of the gradient.
const ADAPTIVE: &str = "Adam(lr: 0.0005)";

/// A fault of the updates of a run.
#[derive(Debug, Clone, PartialEq)]
enum UpdateFault {
    /// A weight, or its gradient, is no longer finite.
    NotFinite { weight: String },
    /// One update changes the weight by this (too large) fraction of its norm.
    Large { weight: String, share: f32 },
    /// No weight changes by more than this (too small) fraction of its norm per update.
    Small { weight: String, share: f32 },
    /// Some weights learn, but these hardly do: their largest relative change per update.
    Vanishing { weights: Vec<String>, share: f32 },
}

/// Finds faults of the updates, and fixes them as long as changes help.
pub(super) fn mend(
    state: &mut PendingChanges,
    patient: &Patient<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), TrainError> {
    for _ in 0..MOST_FAULTS {
        let Some(fault) = fault(state, patient)? else { return Ok(()) };
        let (mended, finding) = search(state, patient, &fault)?;
        if findings.iter().any(|earlier| earlier.change.is_some() && earlier.change == finding.change) {
            return Ok(());
        }
        findings.push(finding);
        let Some(mended) = mended else { return Ok(()) };
        *state = mended;
    }
    Ok(())
}

fn fault(state: &PendingChanges, patient: &Patient<'_>) -> Result<Option<UpdateFault>, TrainError> {
    let weights = state.probe(patient).learning(patient.checkpoint.filter(|_| state.is_unchanged))?;
    let decay = decay(&state.built.experiment.training.optimizer);
    Ok(judge(&weights, decay, way(&state.built.experiment, patient)))
}

/// Finds the fault of the updates measured in `weights`. `way` is the number of updates of the run, in units of updates
/// at the full learning rate. Weight decay shrinks the weights by the fraction `decay` per update.
fn judge(weights: &[Learning], decay: f32, way: f32) -> Option<UpdateFault> {
    if let Some(weight) = weights.iter().find(|weight| !weight.update.is_finite() || !weight.gradient.is_finite()) {
        return Some(UpdateFault::NotFinite { weight: weight.weight.clone() });
    }
    let moved: Vec<&Learning> = weights.iter().filter(|weight| weight.norm > 0.0).collect();
    let largest = moved.iter().max_by(|a, b| a.share().total_cmp(&b.share()))?;
    let (weight, share) = (largest.weight.clone(), largest.share());
    if share > LARGE_UPDATE {
        return Some(UpdateFault::Large { weight, share });
    }
    if share * way < SMALL_WAY {
        return Some(UpdateFault::Small { weight, share });
    }
    let learned = |weight: &Learning| (weight.share() - decay).max(0.0);
    let stuck: Vec<&Learning> = moved.into_iter().filter(|weight| learned(weight) * way < NO_WAY).collect();
    let share = stuck.iter().map(|weight| learned(weight)).fold(0.0, f32::max);
    let weights: Vec<String> = stuck.into_iter().map(|weight| weight.weight.clone()).collect();
    (!weights.is_empty()).then_some(UpdateFault::Vanishing { weights, share })
}

/// Fraction by which weight decay shrinks the weights per update.
fn decay(optimizer: &Optimizer) -> f32 {
    match *optimizer {
        Optimizer::Sgd { lr, weight_decay, .. } | Optimizer::AdamW { lr, weight_decay, .. } => lr * weight_decay,
        Optimizer::Adam { .. } => 0.0,
    }
}

/// Number of updates of a run, each weighted by the schedule's factor on the learning rate.
fn way(experiment: &Experiment, patient: &Patient<'_>) -> f32 {
    let training = &experiment.training;
    let [learned, _] = training.validation.split(patient.train.labels());
    let batches = learned.len().div_ceil(training.batch.max(1));
    let of_epoch = |epoch| {
        let all = (0..batches).map(|step| factor(&training.schedule, epoch, step, batches, training.epochs));
        all.map(f64::from).sum::<f64>()
    };
    (0..training.epochs.min(10_000)).map(of_epoch).sum::<f64>() as f32
}

/// Searches for the first change that fixes the fault. Returns the changed network, if any, and the finding to report.
fn search(
    state: &PendingChanges,
    patient: &Patient<'_>,
    fault: &UpdateFault,
) -> Result<(Option<PendingChanges>, Finding), TrainError> {
    let told = |cause: String| Finding { problem: fault.problem(&cause, state, patient), ..Finding::default() };
    for setting in unusual(&state.built.experiment) {
        let change = (setting.path.as_str(), setting.value);
        let Some(changed) = state.prepared_with(patient, change)? else { continue };
        if fault_is_gone(fault, &changed, patient)? {
            let name = setting.path.rsplit('.').next().unwrap_or_default();
            let size = if setting.is_large { "large" } else { "small" };
            let mut finding = told(format!("{name} ({}) is far too {size}", setting.found));
            finding.change = Some(changed.change(change));
            return Ok((Some(changed), finding));
        }
    }
    if let UpdateFault::Vanishing { .. } = fault {
        let change = ("training.optimizer", ADAPTIVE);
        let changed = state.prepared_with(patient, change)?;
        let helps = |changed: &PendingChanges| fault_is_gone(fault, changed, patient);
        return Ok(match changed {
            Some(changed) if helps(&changed)? => {
                let cause = "the gradient is so small there that this optimizer makes nothing of it".to_owned();
                let finding = Finding { change: Some(changed.change(change)), ..told(cause) };
                (Some(changed), finding)
            }
            _ => (None, told("no setting was found that mends it by itself".to_owned())),
        });
    }
    let size = if matches!(fault, UpdateFault::Small { .. }) { "low" } else { "high" };
    let finding = told(format!("the learning rate is too {size}"));
    let Some((value, changed)) = good_rate(state, patient, fault)? else {
        let few = "the run has too few updates for its learning rate: more epochs, or more images, give more of them";
        let is_few = matches!(fault, UpdateFault::Small { share, .. } if *share > 0.1 * GOOD_UPDATE);
        return Ok((None, if is_few { told(few.to_owned()) } else { finding }));
    };
    let change = Some(changed.change(("training.optimizer.lr", &value)));
    Ok((Some(changed), Finding { change, ..finding }))
}

/// Whether a change has fixed a fault, or made it far smaller, without causing the opposite fault.
fn fault_is_gone(before: &UpdateFault, changed: &PendingChanges, patient: &Patient<'_>) -> Result<bool, TrainError> {
    Ok(match (before, fault(changed, patient)?) {
        (_, None) => true,
        (UpdateFault::Vanishing { .. }, _) | (_, Some(UpdateFault::NotFinite { .. })) => false,
        (_, Some(UpdateFault::Vanishing { .. })) | (UpdateFault::NotFinite { .. }, Some(_)) => true,
        (UpdateFault::Large { share: before, .. }, Some(UpdateFault::Large { share: after, .. })) => {
            after < before / FAR
        }
        (UpdateFault::Small { share: before, .. }, Some(UpdateFault::Small { share: after, .. })) => {
            after > before * FAR
        }
        _ => false,
    })
}

/// Searches for a learning rate that gives healthy updates; `None` if none is found. Candidates are tried out, because
/// updates are not proportional to the learning rate where rounding absorbs them.
fn good_rate(
    state: &PendingChanges,
    patient: &Patient<'_>,
    fault: &UpdateFault,
) -> Result<Option<(String, PendingChanges)>, TrainError> {
    let now = state.built.experiment.training.optimizer.learning_rate();
    let mut rate = now;
    let mut ratio = match *fault {
        UpdateFault::Large { share, .. } | UpdateFault::Small { share, .. } | UpdateFault::Vanishing { share, .. } => {
            Some(share)
        }
        UpdateFault::NotFinite { .. } => None,
    };
    for _ in 0..MOST_RATES {
        rate *= match ratio {
            Some(ratio) if ratio > 0.0 => (GOOD_UPDATE / ratio).clamp(1e-6, 1e6),
            Some(_) => 1e6,
            None => 1e-6,
        };
        let value = one_digit(rate);
        let Some(changed) = state.prepared_with(patient, ("training.optimizer.lr", &value))? else { return Ok(None) };
        let weights = changed.probe(patient).learning(patient.checkpoint.filter(|_| changed.is_unchanged))?;
        let shares = weights.iter().filter(|weight| weight.norm > 0.0).map(Learning::share);
        let largest = shares.fold(0.0, |largest: f32, share| if share.is_nan() { share } else { largest.max(share) });
        if largest > 0.3 * GOOD_UPDATE && largest < 3.0 * GOOD_UPDATE {
            let is_other = changed.built.experiment.training.optimizer.learning_rate() != now;
            return Ok((is_other && fault_is_gone(fault, &changed, patient)?).then_some((value, changed)));
        }
        ratio = largest.is_finite().then_some(largest);
    }
    Ok(None)
}

impl UpdateFault {
    fn problem(&self, cause: &str, state: &PendingChanges, patient: &Patient<'_>) -> String {
        let rate = state.built.experiment.training.optimizer.learning_rate();
        let at = format!("at a learning rate of {rate:?}");
        let way = way(&state.built.experiment, patient);
        match self {
            Self::NotFinite { weight } => {
                format!("{cause}: one update {at} makes {weight}, or its gradient, numbers that are not finite")
            }
            Self::Large { weight, share: moved } => format!(
                "{cause}: one update {at} changes the weights of {weight} by {} of their norm, which destroys what they hold",
                share(*moved)
            ),
            Self::Small { weight, share: moved } => format!(
                "{cause}: an update {at} changes no weights by more than {} of their norm ({weight}), so the {way:.0} updates \
                 of the run together change them by {} at most",
                share(*moved),
                share(moved * way)
            ),
            Self::Vanishing { weights, share: moved } => format!(
                "the gradient vanishes on the way back to {}: {cause}; all updates of the run together change these weights \
                 by {} of their norm at most",
                snn_core::text::list(weights),
                share(moved * way)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(weight: &str, update: f32) -> Learning {
        Learning { weight: weight.to_owned(), norm: 1.0, gradient: 1.0, update }
    }

    #[test]
    fn updates_are_judged_by_the_largest_and_by_those_that_do_not_learn() {
        let of = |updates: [f32; 2], decay| judge(&[moved("a", updates[0]), moved("b", updates[1])], decay, 1000.0);
        assert_eq!(of([0.01, 0.001], 0.0), None);
        assert_eq!(of([0.01, 0.3], 0.0), Some(UpdateFault::Large { weight: "b".to_owned(), share: 0.3 }));
        assert_eq!(of([1e-5, 1e-6], 0.0), Some(UpdateFault::Small { weight: "a".to_owned(), share: 1e-5 }));
        assert_eq!(of([f32::NAN, 0.01], 0.0), Some(UpdateFault::NotFinite { weight: "a".to_owned() }));
        let vanishing = Some(UpdateFault::Vanishing { weights: vec!["b".to_owned()], share: 0.0 });
        assert_eq!(of([0.01, 1e-4], 1e-4), vanishing, "decay is no learning");
    }
}
