//! Comparison of the results of two engines on the same trial.

use crate::engine::{Activity, Record};
use crate::network::{GroupStatistics, Weights};

/// Bound on rounding: differences up to this fraction of the largest magnitude of a tensor are accepted.
pub const BOUND: f32 = 1e-4;

/// Results of a trial and, if there was one, of its backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialResults {
    /// Result of the forward pass.
    pub activity: Activity,
    /// Record of each population.
    pub records: Vec<Record>,
    /// Gradients of the weights; empty without a backward pass.
    pub gradients: Weights,
}

/// Scales of errors and gradients, tensor by tensor, to which differences are relative: their largest magnitude,
/// preferably over several errors of the output. Rounding error is proportional to the terms of a sum, and these may
/// cancel for one of the output errors.
#[derive(Debug, Clone, Default)]
pub struct Scales {
    /// Scale of the errors of each population.
    pub errors: Vec<f32>,
    /// Scale of the gradient of each weight.
    pub gradients: Vec<f32>,
}

/// A spike that one engine emits and the other does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flip {
    /// `[sample, step, population, neuron]`, as indices.
    pub place: [usize; 4],
}

/// Differences between the results of an engine and the expected ones.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Agreement {
    /// Number of expected spikes.
    pub spikes: u64,
    /// Number of spikes that only one of both has. If there are any, the differences below are meaningless.
    pub flips: u64,
    /// The first flip of each sample that has one.
    pub first: Vec<Flip>,
    /// Whether the numbers of input spikes and of emitted spikes are the same.
    pub counts: bool,
    /// Largest difference of the output. This and the following differences are relative to the largest magnitude of
    /// their tensor.
    pub output: f32,
    /// Largest difference of the final states, traces, counts, corrections and numbers that were passed on.
    pub states: f32,
    /// Largest difference of the errors.
    pub errors: f32,
    /// Largest difference of the gradients.
    pub gradients: f32,
    /// Largest difference of the means and variances of normalised groups.
    pub statistics: f32,
}

impl TrialResults {
    /// Bits of the outputs, gradients and errors, for exact comparison.
    pub fn bits(&self) -> Vec<Vec<u32>> {
        let errors = self.records.iter().map(|record| &record.delta);
        let values = [&self.activity.output].into_iter().chain(&self.gradients).chain(errors);
        values.map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
    }
}

impl Scales {
    /// Updates the scales with the errors and gradients of one backward pass.
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
    /// Compares `found` with `expected`.
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

    /// Largest of all relative differences.
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

/// Largest difference between the statistics found and expected, relative to the size of the normalised values;
/// infinite if they are of different tensors or groups.
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

/// Largest difference between `found` and `expected`, relative to `scale`; infinite if their sizes differ or a value is
/// not finite.
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
