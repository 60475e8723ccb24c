//! The reference result of a case, and the comparison of an engine's result with it.
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use crate::agreement::TrialResults;
use crate::engine::{Activity, Record};
use crate::network::{Network, Norm, Source, Weights};
use crate::shape::Shape;

/// Allowed difference of an error or gradient, relative to the usual largest magnitude of its tensor: for sums of some
/// thousand terms in another order.
const SHARE: f32 = 2e-5;

/// Allowed difference of a sum whose terms cancel, relative to the sum of their magnitudes.
const ROUNDING: f32 = 2.0 * f32::EPSILON;

/// Expected result of a case. The forward pass must be bit-identical; errors and gradients may be summed in any order.
///
/// Rounding error is proportional to the terms of a sum, not to the sum, since terms may cancel. So the value of a sum
/// does not bound its error, least of all for the gradient of a trainable constant, which is a single number. Its
/// largest magnitude over several output errors does: terms that cancel for one of them rarely cancel for all. Where
/// they do, as in a network with oscillating states, the bound uses the expected size of the sum if the signs of its
/// terms were random: the root of the sum of their squares.
#[derive(Debug)]
pub struct Expected {
    /// Result of the reference engine.
    pub outcome: TrialResults,
    /// Largest magnitude in the errors of each population and in each gradient, over several output errors.
    largest_errors: Vec<f32>,
    largest_gradients: Vec<f32>,
}

impl Expected {
    /// Creates the expectation from the reference result.
    pub fn new(outcome: TrialResults) -> Self {
        let largest_errors = outcome.records.iter().map(|record| largest(&record.delta)).collect();
        let largest_gradients = outcome.gradients.iter().map(|gradient| largest(gradient)).collect();
        Self { outcome, largest_errors, largest_gradients }
    }

    /// Updates the largest magnitudes with the errors and gradients that follow from other output errors.
    pub fn measure(&mut self, gradients: &Weights, records: &[Record]) {
        for (size, record) in self.largest_errors.iter_mut().zip(records) {
            *size = size.max(largest(&record.delta));
        }
        for (size, gradient) in self.largest_gradients.iter_mut().zip(gradients) {
            *size = size.max(largest(gradient));
        }
    }

    /// Scales of the errors of each population and of each gradient, to which differences are relative. A scale is the
    /// largest magnitude. Behind a normalisation it is at least a share of the errors' size before the normalisation
    /// subtracts their means, because little may remain afterwards.
    pub fn scales(&self, network: &Network) -> (Vec<f32>, Vec<f32>) {
        const LEFT: f32 = 5e-2;
        let (mut errors, mut gradients) = (self.largest_errors.clone(), self.largest_gradients.clone());
        let mut behind = 0.0_f32;
        for (index, p) in network.populations().iter().enumerate().rev() {
            errors[index] = errors[index].max(LEFT * behind);
            for norm in p.inputs.iter().filter_map(|input| input.norm) {
                behind = behind.max(errors[index] * self.outcome.activity.factor(&norm));
            }
            let terms = (self.outcome.records[index].delta.len() / p.shape.channels) as f32;
            for tensor in
                p.inputs.iter().flat_map(crate::network::Projection::all_tensors).chain(p.parameters.iter().copied())
            {
                gradients[tensor] = gradients[tensor].max(LEFT * behind * terms.sqrt());
            }
        }
        (errors, gradients)
    }

    /// Whether all values are finite.
    pub fn is_finite(&self) -> bool {
        let TrialResults { activity, gradients, records } = &self.outcome;
        let tensors = records.iter().flat_map(|record| [&record.membrane, &record.delta]).chain(gradients);
        let mut values = tensors.chain([&activity.output, &self.largest_errors, &self.largest_gradients]).flatten();
        values.all(|x| x.is_finite())
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

impl Expected {
    /// Asserts that `outcome` of the engine named `engine` is as expected, with bit-identical spikes and membranes.
    pub fn check(&self, engine: &str, network: &Network, outcome: &TrialResults) {
        let Self { outcome: expected, largest_errors, largest_gradients } = self;
        let without_statistics = |activity: &Activity| Activity { statistics: Vec::new(), ..activity.clone() };
        assert_eq!(without_statistics(&outcome.activity), without_statistics(&expected.activity), "{engine}");
        // Statistics are summed in another order, in double precision. Differences show where values hardly vary, so
        // the bound includes the means.
        assert_eq!(outcome.activity.statistics.len(), expected.activity.statistics.len(), "{engine}: statistics");
        for (found, expected) in outcome.activity.statistics.iter().zip(&expected.activity.statistics) {
            assert_eq!(found.mean_tensor, expected.mean_tensor, "{engine}: statistics");
            let bound = f32::EPSILON * (1.0 + largest(&expected.mean) + largest(&expected.variance));
            check(&format!("{engine}: means"), &found.mean, &expected.mean, bound);
            check(&format!("{engine}: variances"), &found.variance, &expected.variance, bound);
        }
        let populations = network.populations();
        for (p, (found, expected)) in populations.iter().zip(outcome.records.iter().zip(&expected.records)) {
            let name = format!("{engine}: {}", p.name);
            assert_eq!(found.spikes, expected.spikes, "{name}: spikes");
            assert_eq!(found.membrane, expected.membrane, "{name}: membranes");
            assert_eq!(found.count, expected.count, "{name}: counts");
            check(&format!("{name}: traces"), &found.trace, &expected.trace, SHARE * largest(&expected.trace));
            check(
                &format!("{name}: corrections"),
                &found.correction,
                &expected.correction,
                SHARE * largest(&expected.correction),
            );
        }
        let mut behind = 0.0_f32;
        for (index, p) in populations.iter().enumerate().rev() {
            let (found, expected_delta) = (&outcome.records[index].delta, &expected.records[index].delta);
            let bound = SHARE * largest_errors[index] + ROUNDING * behind;
            check(&format!("{engine}: errors of {}", p.name), found, expected_delta, bound);
            let sums = expected_delta.chunks(p.shape.len()).map(|d| d.iter().map(|d| d.abs()).sum());
            behind = sums.fold(behind, f32::max);
            // Errors can grow as they pass through a normalisation, and their rounding grows with them.
            let growth = p.inputs.iter().filter_map(|input| input.norm).map(|norm| expected.activity.growth(&norm));
            let growth = growth.fold(1.0, f32::max);
            behind *= growth;
            for norm in p.inputs.iter().filter_map(|input| input.norm) {
                for tensor in [norm.tensors.scale, norm.tensors.shift] {
                    let name = format!("{engine}: gradient of {}", network.tensors()[tensor].name);
                    let terms = (expected_delta.len() / p.shape.channels) as f32;
                    let sum = largest_channel_sum(expected_delta, p.shape, f32::abs) + ROUNDING * behind * terms;
                    let bound = SHARE * largest_gradients[tensor] + 4.0 * ROUNDING * (sum + behind * terms);
                    check(&name, &outcome.gradients[tensor], &expected.gradients[tensor], bound);
                }
            }
            let has_norms = !expected.activity.statistics.is_empty();
            // Largest factor by which the values of a numeric source multiply errors.
            let numbers = p.inputs.iter().flat_map(|input| &input.sources).filter_map(|source| match source {
                Source::Population(source) => Some(largest(&expected.records[*source].values)),
                Source::Input => None,
            });
            let growth = growth * numbers.fold(1.0, f32::max);
            for weight in p.inputs.iter().filter_map(|input| input.weight) {
                // Errors that cancel to 0 in one summation order may leave a rounding residue in another.
                let trials = (expected_delta.len() / p.shape.len()) as f32;
                let sum = largest_channel_sum(expected_delta, p.shape, f32::abs) + ROUNDING * behind * trials;
                let drawn = largest_channel_sum(expected_delta, p.shape, |x| x * x).sqrt();
                let name = format!("{engine}: gradient of {}", network.tensors()[weight].name);
                // Behind a normalisation, each of the errors that are summed has the rounding error from there.
                let behind = if has_norms { behind * trials } else { 0.0 };
                let bound = (SHARE * largest_gradients[weight].max(drawn) + ROUNDING * (sum + behind)) * growth;
                check(&name, &outcome.gradients[weight], &expected.gradients[weight], bound);
            }
            for &weight in &p.parameters {
                // A sum of errors times states over all neurons and steps.
                let name = format!("{engine}: gradient of {}", network.tensors()[weight].name);
                let sum: f32 = expected_delta.iter().map(|d| d.abs()).sum();
                let state = largest(&expected.records[index].membrane).max(1.0);
                let behind = if has_norms { behind * expected_delta.len() as f32 } else { 0.0 };
                let bound = SHARE * largest_gradients[weight] + ROUNDING * (sum * state + behind);
                check(&name, &outcome.gradients[weight], &expected.gradients[weight], bound);
            }
            for bias in p.inputs.iter().filter_map(|input| input.bias) {
                // A sum of errors, each with the rounding error from the populations behind it.
                let terms = (expected_delta.len() / p.shape.channels) as f32;
                let sum = largest_channel_sum(expected_delta, p.shape, f32::abs) + ROUNDING * behind * terms;
                let drawn = largest_channel_sum(expected_delta, p.shape, |x| x * x).sqrt();
                let name = format!("{engine}: gradient of {}", network.tensors()[bias].name);
                let bound = SHARE * largest_gradients[bias].max(drawn) + ROUNDING * (sum + behind * terms);
                check(&name, &outcome.gradients[bias], &expected.gradients[bias], bound);
            }
        }
    }
}

/// Growth of errors that pass through a normalisation.
trait Growth {
    /// Largest factor that a normalisation can apply.
    fn factor(&self, norm: &Norm) -> f32;

    /// Factor by which rounding errors can grow.
    fn growth(&self, norm: &Norm) -> f32 {
        // With few values per channel, little more than rounding remains after the normalisation removes the mean and
        // the component along the values themselves. Each error is a difference of three numbers, rounded in every
        // operation.
        const STEPS: f32 = 8.0;
        2.0 * STEPS * self.factor(norm)
    }
}

impl Growth for Activity {
    fn factor(&self, norm: &Norm) -> f32 {
        const LARGEST_SCALE: f32 = 1.25;
        let groups = self.statistics.iter().filter(|group| group.mean_tensor == norm.tensors.mean);
        let least = groups.flat_map(|group| &group.variance).fold(0.5, |least: f32, variance| least.min(*variance));
        LARGEST_SCALE / (0.5 * least + norm.epsilon).sqrt()
    }
}

/// Maximum over channels of the sum of `size(x)` over the values `x` of the channel; `values` is `[T, N, C, H, W]`.
fn largest_channel_sum(values: &[f32], shape: Shape, size: impl Fn(f32) -> f32) -> f32 {
    let mut sums = vec![0.0_f32; shape.channels];
    for (i, value) in values.iter().enumerate() {
        sums[i % shape.len() / shape.pixels()] += size(*value);
    }
    sums.into_iter().fold(0.0, f32::max)
}

/// Asserts that all of `found` are finite and within `bound` of `expected`.
fn check(what: &str, found: &[f32], expected: &[f32], bound: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    assert!(found.iter().all(|x| x.is_finite()), "{what} are not finite");
    let error = std::iter::zip(found, expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
    assert!(error <= bound, "{what}: off by {error:e}, {bound:e} is allowed");
}
