//! The latest updates of a run, and what is wrong with them.

use std::collections::VecDeque;

use snn_train::{Health, units};

/// Updates over which a population must be silent or saturated; [`Health`] asks for as many.
const RATES: usize = 20;

/// Updates whose losses are compared with the best as many before.
const LOSSES: usize = 50;

/// The latest updates.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    rates: VecDeque<Vec<(String, f32)>>,
    losses: VecDeque<f64>,
    millis: VecDeque<f64>,
    /// The lowest mean of successive losses so far.
    best: Option<f64>,
}

impl Latest {
    /// Takes in an update: its loss, its duration in milliseconds and its firing rates.
    pub(super) fn observe(&mut self, loss: f64, millis: f64, rates: Vec<(String, f32)>) {
        push(&mut self.rates, rates, RATES);
        push(&mut self.losses, loss, LOSSES);
        push(&mut self.millis, millis, LOSSES);
        if self.losses.len() == LOSSES {
            let mean = mean(&self.losses);
            let is_better = mean.is_finite() && self.best.is_none_or(|best| mean < best);
            self.best = if is_better { Some(mean) } else { self.best };
        }
    }

    /// Mean duration of an update in milliseconds; none before the first one.
    pub(super) fn millis(&self) -> Option<f64> {
        Some(mean(&self.millis)).filter(|millis| *millis > 0.0)
    }

    /// What is wrong at present, in sentences.
    pub(super) fn alarms(&self) -> Vec<String> {
        let mut health = Health::default();
        let silent_or_saturated = self.rates.iter().flat_map(|rates| health.observe(rates));
        self.divergence().into_iter().chain(silent_or_saturated).collect()
    }

    fn divergence(&self) -> Option<String> {
        if self.losses.iter().any(|loss| !loss.is_finite()) {
            let text = "the loss is no longer a finite number: learning has diverged; try a lower learning rate, or clip \
                        the gradient (training.clip)";
            return Some(text.to_owned());
        }
        let (mean, best) = (mean(&self.losses), self.best?);
        (mean > 2.0 * best).then(|| {
            format!(
                "the loss has risen to {} over the latest {LOSSES} updates, from {} at its best: learning may be \
                 diverging; try a lower learning rate, or clip the gradient (training.clip)",
                units::significant(mean),
                units::significant(best)
            )
        })
    }
}

fn push<T>(queue: &mut VecDeque<T>, value: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(value);
}

fn mean(values: &VecDeque<f64>) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(updates: usize, update: impl Fn(usize) -> (f64, f32)) -> Vec<String> {
        let mut latest = Latest::default();
        for (loss, rate) in (0..updates).map(update) {
            latest.observe(loss, 1.0, vec![("conv1".to_owned(), 0.1), ("fc1".to_owned(), rate)]);
        }
        latest.alarms()
    }

    #[test]
    fn nothing_is_wrong_with_a_run_that_learns() {
        assert!(after(200, |k| (1.0 / (k + 1) as f64, 0.05)).is_empty());
        assert!(after(0, |_| (1.0, 0.0)).is_empty());
    }

    #[test]
    fn a_population_is_silent_or_saturated_after_as_many_updates_as_health_asks_for() {
        assert!(after(RATES - 1, |_| (1.0, 0.0)).is_empty());
        let silent = after(RATES, |_| (1.0, 0.0));
        assert!(silent.len() == 1 && silent[0].starts_with("population \"fc1\" has been silent"), "{silent:?}");
        let saturated = after(300, |_| (1.0, 0.95));
        assert!(saturated.len() == 1 && saturated[0].contains("has fired at nearly every step"), "{saturated:?}");
    }

    #[test]
    fn a_population_that_recovers_is_no_longer_an_alarm() {
        assert!(after(300, |k| (1.0, if k < 299 { 0.0 } else { 0.1 })).is_empty());
    }

    #[test]
    fn a_loss_twice_its_best_is_an_alarm() {
        let risen = |to: f64| after(200, move |k| (if k < 150 { 0.5 } else { to }, 0.1));
        assert!(risen(0.99).is_empty());
        let alarms = risen(1.25);
        assert!(alarms[0].starts_with("the loss has risen to 1.25 over the latest 50 updates, from 0.5"), "{alarms:?}");
    }

    #[test]
    fn a_loss_that_is_not_finite_is_an_alarm() {
        let alarms = after(3, |k| (if k == 1 { f64::INFINITY } else { 1.0 }, 0.1));
        assert!(alarms[0].starts_with("the loss is no longer a finite number"), "{alarms:?}");
    }
}
