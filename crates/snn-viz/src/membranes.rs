//! Membrane potentials of a whole population over a range of time steps, recomputed from the spikes of a trial.

use std::ops::Range;
use std::thread;

use crate::{OpenNetwork, ViewError, ViewedTrial};

/// Memory budget for membrane potentials. A longer trial is computed in windows of this size.
pub const BUDGET_BYTES: usize = 48 << 20;

/// Number of neurons computed together.
const BLOCK: usize = 128;

/// Membrane potentials of a population over some time steps of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Membranes {
    /// The population.
    pub population: usize,
    /// The range of time steps.
    pub steps: Range<usize>,
    /// Number of neurons.
    pub neurons: usize,
    /// Membrane potential after the input and before the reset, `[T', n]`.
    pub charged: Vec<f32>,
    /// Reference potential for display: the threshold at the first time step, or, for neurons that do not fire, the
    /// largest absolute potential.
    pub scale: f32,
}

impl Membranes {
    /// The window of time steps to compute in order to show step `t` of a trial of `steps` steps: all of them, if the
    /// budget allows it.
    pub fn window(t: usize, steps: usize, neurons: usize) -> Range<usize> {
        let most = (BUDGET_BYTES / (neurons.max(1) * size_of::<f32>())).clamp(1, steps.max(1));
        let start = (t / most) * most;
        start..(start + most).min(steps)
    }

    /// Computes the membrane potentials of `population` at the time steps `steps`.
    ///
    /// # Errors
    /// As [`snn_core::Replay::traces`].
    pub fn compute(
        subject: &OpenNetwork,
        trial: &ViewedTrial,
        population: usize,
        steps: Range<usize>,
    ) -> Result<Self, ViewError> {
        let found = &subject.network().populations()[population];
        let neurons = found.shape.len();
        let replay = trial.replay(subject)?;
        let mut charged = vec![0.0; steps.len() * neurons];
        let blocks: Vec<Range<usize>> =
            (0..neurons).step_by(BLOCK).map(|start| start..(start + BLOCK).min(neurons)).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(blocks.len().max(1));
        // Each thread computes every k-th block. Results are copied afterwards, because the rows of different blocks
        // interleave.
        let share = |k: usize| {
            let mut done = Vec::new();
            for block in blocks.iter().skip(k).step_by(threads) {
                let traces = replay.traces(population, &block.clone().collect::<Vec<usize>>())?;
                let rows = steps.start * block.len()..steps.end * block.len();
                done.push((block.clone(), traces.charged[rows].to_vec(), traces.charged[0] - traces.margin[0]));
            }
            Ok::<_, snn_core::Error>(done)
        };
        let mut threshold = 1.0;
        thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|k| scope.spawn(move || share(k))).collect();
            for handle in handles {
                let Ok(done) = handle.join() else { continue };
                for (block, rows, first) in done? {
                    if block.start == 0 {
                        threshold = first;
                    }
                    for (t, row) in rows.chunks(block.len()).enumerate() {
                        charged[t * neurons + block.start..][..block.len()].copy_from_slice(row);
                    }
                }
            }
            Ok::<(), snn_core::Error>(())
        })?;
        let largest = charged.iter().fold(0.0, |largest: f32, v| largest.max(v.abs()));
        let scale = match found.neuron.fires() {
            true => threshold,
            false if largest > 0.0 => largest,
            false => 1.0,
        };
        Ok(Self { population, steps, neurons, charged, scale })
    }

    /// Potentials of all neurons at step `t`, if it is in the window.
    pub fn at(&self, t: usize) -> Option<&[f32]> {
        let row = t.checked_sub(self.steps.start).filter(|_| t < self.steps.end)?;
        self.charged.get(row * self.neurons..(row + 1) * self.neurons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_whole_trial_if_it_fits() {
        assert_eq!(Membranes::window(50, 100, 65_536), 0..100);
        let window = Membranes::window(999, 1000, 65_536);
        assert!(window.len() * 65_536 * 4 <= BUDGET_BYTES && window.contains(&999), "{window:?}");
        assert_eq!(Membranes::window(3, 10, 100_000_000), 3..4);
    }
}
