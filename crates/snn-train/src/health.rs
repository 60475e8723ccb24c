//! Watches for populations that have stopped to learn.

/// Firing rate below which a population counts as silent.
const SILENT: f32 = 1e-5;
/// Firing rate above which a population counts as saturated.
const SATURATED: f32 = 0.9;
/// Successive steps after which a warning is due.
const PATIENCE: usize = 20;

/// How long each population has been silent or saturated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    populations: Vec<Watch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Watch {
    silent: usize,
    saturated: usize,
    warned: bool,
}

impl Health {
    /// Takes in the firing rates of one step and returns the warnings that are due: one for each population that has
    /// been silent (below 1e-5) or saturated (above 0.9) over 20 successive steps, and never a second one.
    pub fn observe(&mut self, rates: &[(String, f32)]) -> Vec<String> {
        self.populations.resize(rates.len(), Watch::default());
        let mut warnings = Vec::new();
        for (watch, (name, rate)) in self.populations.iter_mut().zip(rates) {
            watch.silent = if *rate < SILENT { watch.silent + 1 } else { 0 };
            watch.saturated = if *rate > SATURATED { watch.saturated + 1 } else { 0 };
            if watch.warned || watch.silent.max(watch.saturated) < PATIENCE {
                continue;
            }
            watch.warned = true;
            warnings.push(if watch.silent > 0 {
                format!(
                    "population \"{name}\" has been silent for {PATIENCE} updates, so nothing before it learns; try \
                     larger initial weights (kappa), a lower threshold, more time steps, or a lower learning rate"
                )
            } else {
                format!(
                    "population \"{name}\" has fired at nearly every step for {PATIENCE} updates, so its spikes say \
                     little; try smaller initial weights (kappa), a higher threshold, or a lower learning rate"
                )
            });
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of warnings at each of 50 steps.
    fn warnings(rate: impl Fn(usize) -> f32) -> Vec<usize> {
        let mut health = Health::default();
        (0..50).map(|step| health.observe(&[("a".to_owned(), 0.1), ("b".to_owned(), rate(step))]).len()).collect()
    }

    #[test]
    fn a_silent_population_is_warned_of_once_after_20_steps() {
        let warnings = warnings(|_| 0.0);
        assert_eq!((warnings[19], warnings.iter().sum::<usize>()), (1, 1));
    }

    #[test]
    fn a_saturated_population_is_warned_of_once() {
        assert_eq!(warnings(|_| 0.95).iter().sum::<usize>(), 1);
    }

    #[test]
    fn one_live_step_starts_the_count_anew() {
        assert_eq!(warnings(|step| if step % 20 == 19 { 0.1 } else { 0.0 }).iter().sum::<usize>(), 0);
    }

    #[test]
    fn a_warning_names_the_population_and_what_to_try() {
        let mut health = Health::default();
        let message = (0..20).flat_map(|_| health.observe(&[("conv1".to_owned(), 0.0)])).collect::<String>();
        assert_eq!(
            message,
            "population \"conv1\" has been silent for 20 updates, so nothing before it learns; try larger initial \
             weights (kappa), a lower threshold, more time steps, or a lower learning rate"
        );
    }
}
