//! Monitors a run: detects populations that have stopped learning, and a loss that grows.

use std::collections::VecDeque;
use std::path::Path;

use crate::error::DIVERGED;
use crate::records::Records;
use crate::run_folder::METRICS;
use crate::{Event, TrainError, units};

/// Number of successive updates for which a population must be silent or saturated before a warning.
const PATIENCE: usize = 20;

/// Number of successive updates whose mean loss is compared with the lowest such mean before.
const LOSSES: usize = 50;

/// A mean loss of this many times the lowest one indicates divergence.
const RISE: f64 = 2.0;

/// Whether a firing rate is so low that a population passes on nothing and learns nothing.
pub(crate) fn is_silent(rate: f32) -> bool {
    rate < 1e-5
}

/// Whether a firing rate is so high that spikes carry little information.
pub(crate) fn is_saturated(rate: f32) -> bool {
    rate > 0.9
}

/// The state of a run according to its latest updates. The training loop issues warnings from it; the viewer and the
/// doctor query it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    populations: Vec<Watch>,
    losses: VecDeque<f64>,
    /// The lowest mean of successive losses so far.
    best: Option<f64>,
    /// Whether a warning about the loss was issued.
    warned: bool,
    /// The error message, if the run ended by diverging.
    end: Option<String>,
}

/// Number of successive updates for which a population has been silent or saturated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Watch {
    name: String,
    silent: usize,
    saturated: usize,
    warned: bool,
}

impl Health {
    /// Processes the loss and the firing rates of one update, and returns new warnings: one for each population that
    /// has been silent (a rate below 1e-5) or saturated (above 0.9) over 20 successive updates, and one for a loss that
    /// is not finite or has risen to twice its lowest mean over 50 updates. Each warning is issued only once.
    pub fn observe(&mut self, loss: f64, rates: &[(String, f32)]) -> Vec<String> {
        self.populations.resize(rates.len(), Watch::default());
        if self.losses.len() == LOSSES {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
        if self.losses.len() == LOSSES {
            let mean = self.mean();
            let is_better = mean.is_finite() && self.best.is_none_or(|best| mean < best);
            self.best = if is_better { Some(mean) } else { self.best };
        }
        let mut warnings = Vec::new();
        if let Some(warning) = self.divergence().filter(|_| !self.warned) {
            self.warned = true;
            warnings.push(warning);
        }
        for (watch, (name, rate)) in self.populations.iter_mut().zip(rates) {
            watch.name.clone_from(name);
            watch.silent = if is_silent(*rate) { watch.silent + 1 } else { 0 };
            watch.saturated = if is_saturated(*rate) { watch.saturated + 1 } else { 0 };
            if let Some(warning) = watch.alarm().filter(|_| !watch.warned) {
                watch.warned = true;
                warnings.push(warning);
            }
        }
        warnings
    }

    /// Processes a record; ignores all but updates and the warning at the end of a diverged run.
    pub(crate) fn take(&mut self, event: &Event) {
        match event {
            Event::Update { loss, rates, .. } => {
                self.end = None;
                self.observe(f64::from(*loss), rates);
            }
            Event::Warning { message, .. } if message.starts_with(DIVERGED) => self.end = Some(message.clone()),
            _ => {}
        }
    }

    /// The health of the run in `folder` according to its records, up to the first damaged one.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub fn of_run(folder: &Path) -> Result<Self, TrainError> {
        let mut records = Records::open(&folder.join(METRICS))?;
        let mut health = Self::default();
        while let Some((Ok(event), _)) = records.following()? {
            health.take(&event);
        }
        Ok(health)
    }

    /// The problems that exist after the latest update, as sentences. Problems that no longer exist are not included.
    pub fn alarms(&self) -> Vec<String> {
        let loss = self.end.clone().or_else(|| self.divergence());
        loss.into_iter().chain(self.populations.iter().filter_map(Watch::alarm)).collect()
    }

    fn mean(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }

    fn divergence(&self) -> Option<String> {
        let remedy = "try a lower learning rate, or clip the gradient (training.clip)";
        if self.losses.iter().any(|loss| !loss.is_finite()) {
            return Some(format!("the loss is no longer a finite number: learning has diverged; {remedy}"));
        }
        let (mean, best) = (self.mean(), self.best?);
        (mean > RISE * best).then(|| {
            format!(
                "the loss has risen to {} over the latest {LOSSES} updates, from {} at its best: learning may be \
                 diverging; {remedy}",
                units::significant(mean),
                units::significant(best)
            )
        })
    }
}

impl Watch {
    fn alarm(&self) -> Option<String> {
        let name = &self.name;
        if self.silent >= PATIENCE {
            Some(format!(
                "population \"{name}\" has been silent for {PATIENCE} updates, so nothing before it learns; snn doctor \
                 finds out why: often weights that are too small (start: Calibrated()), a threshold that is too high, or \
                 a learning rate that is"
            ))
        } else if self.saturated >= PATIENCE {
            Some(format!(
                "population \"{name}\" has fired at nearly every step for {PATIENCE} updates, so its spikes say little; \
                 snn doctor finds out why: often weights that are too large (start: Calibrated()), a threshold that is too \
                 low, or a learning rate that is too high"
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of warnings at each of `updates` updates, and the alarms after them.
    fn after(updates: usize, update: impl Fn(usize) -> (f64, f32)) -> (Vec<usize>, Vec<String>) {
        let mut health = Health::default();
        let rates = |rate| [("conv1".to_owned(), 0.1), ("fc1".to_owned(), rate)];
        let warnings = (0..updates).map(update).map(|(loss, rate)| health.observe(loss, &rates(rate)).len()).collect();
        (warnings, health.alarms())
    }

    #[test]
    fn nothing_is_wrong_with_a_run_that_learns() {
        assert_eq!(after(200, |k| (1.0 / (k + 1) as f64, 0.05)), (vec![0; 200], Vec::new()));
        assert_eq!(after(0, |_| (1.0, 0.0)).1, Vec::<String>::new());
    }

    #[test]
    fn a_silent_population_is_warned_of_once_after_20_updates_and_stays_an_alarm() {
        let (warnings, alarms) = after(50, |_| (1.0, 0.0));
        assert_eq!((warnings[19], warnings.iter().sum::<usize>()), (1, 1));
        assert!(alarms.len() == 1 && alarms[0].starts_with("population \"fc1\" has been silent for 20"), "{alarms:?}");
        assert!(after(19, |_| (1.0, 0.0)).1.is_empty());
    }

    #[test]
    fn a_saturated_population_is_warned_of_once() {
        let (warnings, alarms) = after(50, |_| (1.0, 0.95));
        assert_eq!(warnings.iter().sum::<usize>(), 1);
        assert!(alarms[0].contains("has fired at nearly every step"), "{alarms:?}");
    }

    #[test]
    fn one_live_update_starts_the_count_anew() {
        assert_eq!(after(50, |k| (1.0, if k % 20 == 19 { 0.1 } else { 0.0 })).0.iter().sum::<usize>(), 0);
        assert!(after(300, |k| (1.0, if k < 299 { 0.0 } else { 0.1 })).1.is_empty(), "it recovers");
    }

    #[test]
    fn a_loss_twice_its_best_is_warned_of_once() {
        let risen = |to: f64| after(300, move |k| (if k < 150 { 0.5 } else { to }, 0.1));
        assert_eq!(risen(0.99).1, Vec::<String>::new());
        let (warnings, alarms) = risen(1.25);
        assert_eq!(warnings.iter().sum::<usize>(), 1);
        assert!(alarms[0].starts_with("the loss has risen to 1.25 over the latest 50 updates, from 0.5"), "{alarms:?}");
    }

    #[test]
    fn a_loss_that_is_not_finite_is_an_alarm() {
        let (warnings, alarms) = after(3, |k| (if k == 1 { f64::INFINITY } else { 1.0 }, 0.1));
        assert_eq!(warnings, [0, 1, 0]);
        assert!(alarms[0].starts_with("the loss is no longer a finite number"), "{alarms:?}");
    }
}
