//! What engines make of a case, and whether two make the same of it.
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use crate::agreement::TrialResults;
use crate::engine::{Activity, Record};
use crate::network::{Network, Norm, Source, Weights};
use crate::shape::Shape;

/// Share of a tensor's usual largest magnitude by which an error or a gradient may be off: sums of some thousand terms,
/// in another order.
const SHARE: f32 = 2e-5;

/// Share of the sum of magnitudes by which a sum may be off where its terms cancel.
const ROUNDING: f32 = 2.0 * f32::EPSILON;

/// What an engine must make of a case. Forward that is the same to the bit; errors and gradients are sums in any order.
///
/// What rounding leaves of a sum is in proportion to its terms, which may cancel, so that a sum by itself does not say how
/// far off it may be: least of all the gradient of a trainable constant, a single number. Its size for several errors of
/// the output does: terms that cancel for one of them hardly do for all. Where they do, as in a network whose states swing,
/// the size that the sum would have if the signs of its terms were drawn says it: the root of the sum of their squares.
#[derive(Debug)]
pub struct Expected {
    /// What the reference makes of it.
    pub outcome: TrialResults,
    /// Largest magnitude in the errors of each population and in each gradient, over several errors of the output.
    largest_errors: Vec<f32>,
    largest_gradients: Vec<f32>,
}

impl Expected {
    /// What is expected, given what the reference makes of it.
    pub fn new(outcome: TrialResults) -> Self {
        let largest_errors = outcome.records.iter().map(|record| largest(&record.delta)).collect();
        let largest_gradients = outcome.gradients.iter().map(|gradient| largest(gradient)).collect();
        Self { outcome, largest_errors, largest_gradients }
    }

    /// Takes in the errors and gradients that follow from other errors of the output.
    pub fn measure(&mut self, gradients: &Weights, records: &[Record]) {
        for (size, record) in self.largest_errors.iter_mut().zip(records) {
            *size = size.max(largest(&record.delta));
        }
        for (size, gradient) in self.largest_gradients.iter_mut().zip(gradients) {
            *size = size.max(largest(gradient));
        }
    }

    /// What counts as large in the errors of each population and in each gradient: the largest magnitude, and where errors
    /// have passed a normalisation a share of what they were before its means were taken away, as little may be left.
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

    /// Whether nothing has grown beyond all bounds.
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
    /// Fails unless `outcome`, of what `engine` names, is what is expected: spikes and membranes to the bit.
    pub fn check(&self, engine: &str, network: &Network, outcome: &TrialResults) {
        let Self { outcome: expected, largest_errors, largest_gradients } = self;
        let without_statistics = |activity: &Activity| Activity { statistics: Vec::new(), ..activity.clone() };
        assert_eq!(without_statistics(&outcome.activity), without_statistics(&expected.activity), "{engine}");
        // Sums in another order, in double precision: what they are off by shows where nothing varies.
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
            // Errors grow on their way through a normalisation, and what they were off by with them.
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
            // What a source that passes on numbers multiplies errors by.
            let numbers = p.inputs.iter().flat_map(|input| &input.sources).filter_map(|source| match source {
                Source::Population(source) => Some(largest(&expected.records[*source].values)),
                Source::Input => None,
            });
            let growth = growth * numbers.fold(1.0, f32::max);
            for weight in p.inputs.iter().filter_map(|input| input.weight) {
                // Errors that cancel to nothing in one order of summing may leave their rounding in another.
                let trials = (expected_delta.len() / p.shape.len()) as f32;
                let sum = largest_channel_sum(expected_delta, p.shape, f32::abs) + ROUNDING * behind * trials;
                let drawn = largest_channel_sum(expected_delta, p.shape, |x| x * x).sqrt();
                let name = format!("{engine}: gradient of {}", network.tensors()[weight].name);
                let bound = (SHARE * largest_gradients[weight].max(drawn) + ROUNDING * sum) * growth;
                check(&name, &outcome.gradients[weight], &expected.gradients[weight], bound);
            }
            for &weight in &p.parameters {
                // A sum over all neurons and steps, of errors times states.
                let name = format!("{engine}: gradient of {}", network.tensors()[weight].name);
                let sum: f32 = expected_delta.iter().map(|d| d.abs()).sum();
                let state = largest(&expected.records[index].membrane).max(1.0);
                let has_norms = !expected.activity.statistics.is_empty();
                let behind = if has_norms { behind * expected_delta.len() as f32 } else { 0.0 };
                let bound = SHARE * largest_gradients[weight] + ROUNDING * (sum * state + behind);
                check(&name, &outcome.gradients[weight], &expected.gradients[weight], bound);
            }
            for bias in p.inputs.iter().filter_map(|input| input.bias) {
                // A sum of errors, each of which may be off by what is behind it.
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

/// How much errors can grow on their way through a normalisation.
trait Growth {
    /// The largest factor of a normalisation.
    fn factor(&self, norm: &Norm) -> f32;

    /// How much rounding can grow.
    fn growth(&self, norm: &Norm) -> f32 {
        // Of a few values little more than rounding is left, once their mean is taken away, and what is along themselves: each
        // error is a difference of three numbers, rounded in every step.
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

/// The largest, over channels, of the sums of the `size` of `values`, `[T, N, C, H, W]`.
fn largest_channel_sum(values: &[f32], shape: Shape, size: impl Fn(f32) -> f32) -> f32 {
    let mut sums = vec![0.0_f32; shape.channels];
    for (i, value) in values.iter().enumerate() {
        sums[i % shape.len() / shape.pixels()] += size(*value);
    }
    sums.into_iter().fold(0.0, f32::max)
}

/// Fails unless all of `found` lie within `bound` of what was `expected`.
fn check(what: &str, found: &[f32], expected: &[f32], bound: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    assert!(found.iter().all(|x| x.is_finite()), "{what} are not finite");
    let error = std::iter::zip(found, expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
    assert!(error <= bound, "{what}: off by {error:e}, {bound:e} is allowed");
}
