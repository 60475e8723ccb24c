//! Whether two engines make the same of a trial.

use crate::engine::{Activity, Record};
use crate::network::{GroupStatistics, Weights};

/// Differences up to this share of the largest magnitude of a tensor are rounding.
pub const BOUND: f32 = 1e-4;

/// What a session gives back of a trial and, if there was one, of a backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialResults {
    /// Of the trial.
    pub activity: Activity,
    /// Of each population.
    pub records: Vec<Record>,
    /// Of the weights; empty without a backward pass.
    pub gradients: Weights,
}

/// What counts as large for errors and gradients, tensor by tensor: their largest magnitude, best over several errors of
/// the output. What rounding leaves of a sum is in proportion to its terms, and these may cancel for one of them.
#[derive(Debug, Clone, Default)]
pub struct Scales {
    /// Of each population.
    pub errors: Vec<f32>,
    /// Of each weight.
    pub gradients: Vec<f32>,
}

/// A spike that one engine has and the other has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flip {
    /// Sample of the trial, step, index of the population, neuron.
    pub place: [usize; 4],
}

/// How far an engine is from what was expected of it.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// Spikes that were expected.
    pub spikes: u64,
    /// Places that have a spike in one and not in the other; with any, the differences say nothing.
    pub flips: u64,
    /// The first flip of each sample that has one.
    pub first: Vec<Flip>,
    /// Whether input spikes and what was emitted are the same.
    pub counts: bool,
    /// Largest differences, each relative to the largest magnitude of its tensor: of the output, of what is left of states
    /// and corrections after the trial, of errors, of gradients.
    pub output: f32,
    /// See above.
    pub states: f32,
    /// See above.
    pub errors: f32,
    /// See above.
    pub gradients: f32,
    /// Of the means and variances of groups that were normalised.
    pub statistics: f32,
}

impl TrialResults {
    /// Outputs, gradients and errors as they are stored.
    pub fn bits(&self) -> Vec<Vec<u32>> {
        let errors = self.records.iter().map(|record| &record.delta);
        let values = [&self.activity.output].into_iter().chain(&self.gradients).chain(errors);
        values.map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
    }
}

impl Scales {
    /// Takes in the errors and gradients of one backward pass.
    pub fn measure(&mut self, outcome: &TrialResults) {
        self.errors.resize(outcome.records.len(), 0.0);
        self.gradients.resize(outcome.gradients.len(), 0.0);
        for (scale, record) in self.errors.iter_mut().zip(&outcome.records) {
            *scale = scale.max(largest(&record.delta));
        }
        for (scale, gradient) in self.gradients.iter_mut().zip(&outcome.gradients) {
            *scale = scale.max(largest(gradient));
        }
    }
}

impl Agreement {
    /// Compares `found` with what was `expected`.
    pub fn of(found: &TrialResults, expected: &TrialResults, scales: &Scales) -> Self {
        let mut agreement = Self { counts: same_counts(&found.activity, &expected.activity), ..Self::default() };
        agreement.count_flips(&found.records, &expected.records);
        let output = (&found.activity.output, &expected.activity.output);
        agreement.output = difference(output.0, output.1, largest(output.1));
        for (index, (found, expected)) in found.records.iter().zip(&expected.records).enumerate() {
            let states = [
                (&found.membrane, &expected.membrane),
                (&found.values, &expected.values),
                (&found.trace, &expected.trace),
                (&found.count, &expected.count),
                (&found.correction, &expected.correction),
            ];
            for (found, expected) in states {
                agreement.states = agreement.states.max(difference(found, expected, largest(expected)));
            }
            let scale = scales.errors.get(index).copied().unwrap_or(0.0);
            agreement.errors = agreement.errors.max(difference(&found.delta, &expected.delta, scale));
        }
        agreement.statistics = statistics(&found.activity.statistics, &expected.activity.statistics);
        for (index, (found, expected)) in found.gradients.iter().zip(&expected.gradients).enumerate() {
            let scale = scales.gradients.get(index).copied().unwrap_or(0.0);
            agreement.gradients = agreement.gradients.max(difference(found, expected, scale));
        }
        agreement
    }

    /// The largest of all differences.
    pub fn largest(&self) -> f32 {
        [self.output, self.states, self.errors, self.gradients, self.statistics].into_iter().fold(0.0, f32::max)
    }

    fn count_flips(&mut self, found: &[Record], expected: &[Record]) {
        let Some(any) = expected.first() else { return };
        for sample in 0..any.spikes.samples() {
            let mut first: Option<Flip> = None;
            for (population, (found, expected)) in found.iter().zip(expected).enumerate() {
                for neuron in 0..expected.spikes.shape().len() {
                    let words =
                        found.spikes.words(sample, neuron).0.iter().zip(expected.spikes.words(sample, neuron).0);
                    for (row, (found, expected)) in words.enumerate() {
                        self.spikes += u64::from(expected.count_ones());
                        let flipped = found ^ expected;
                        self.flips += u64::from(flipped.count_ones());
                        let step = row * 32 + flipped.trailing_zeros() as usize;
                        if flipped != 0 && first.is_none_or(|first| step < first.place[1]) {
                            first = Some(Flip { place: [sample, step, population, neuron] });
                        }
                    }
                }
            }
            self.first.extend(first);
        }
    }
}

fn same_counts(found: &Activity, expected: &Activity) -> bool {
    let emitted = || found.emitted.iter().zip(&expected.emitted);
    found.input_spikes == expected.input_spikes
        && found.spikes == expected.spikes
        && emitted().all(|(found, expected)| (found - expected).abs() <= 1e-5 * expected.abs())
}

/// The largest difference between what was found of groups and what was expected, relative to the values that were normalised.
fn statistics(found: &[GroupStatistics], expected: &[GroupStatistics]) -> f32 {
    let of_group = |(found, expected): (&GroupStatistics, &GroupStatistics)| {
        if found.mean_tensor != expected.mean_tensor || found.variance_tensor != expected.variance_tensor {
            return f32::INFINITY;
        }
        let spread = largest(&expected.mean) + largest(&expected.variance).sqrt();
        let mean = difference(&found.mean, &expected.mean, spread);
        mean.max(difference(&found.variance, &expected.variance, spread * spread))
    };
    if found.len() == expected.len() {
        found.iter().zip(expected).map(of_group).fold(0.0, f32::max)
    } else {
        f32::INFINITY
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// The largest difference between `found` and `expected`, relative to `scale`: endless if their sizes differ, or if a
/// value is no number.
fn difference(found: &[f32], expected: &[f32], scale: f32) -> f32 {
    if found.len() != expected.len() || !found.iter().all(|value| value.is_finite()) {
        return f32::INFINITY;
    }
    let difference = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    if difference == 0.0 { 0.0 } else { difference / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_and_no_number_is_never_close() {
        assert_eq!(difference(&[1.0, 2.0], &[1.0, 2.5], 5.0), 0.1);
        assert_eq!(difference(&[0.0], &[0.0], 0.0), 0.0);
        assert_eq!(difference(&[1e-9], &[0.0], 0.0), f32::INFINITY);
        assert_eq!(difference(&[f32::NAN], &[0.0], 1.0), f32::INFINITY);
        assert_eq!(difference(&[], &[0.0], 1.0), f32::INFINITY);
    }
}
