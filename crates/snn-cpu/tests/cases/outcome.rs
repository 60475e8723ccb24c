//! What engines make of a case, and whether two make the same of it.

use snn_core::{Activity, Network, Record, Shape, Weights};

/// Share of a tensor's largest magnitude by which an error or a gradient may be off: sums of some thousand terms, in
/// another order.
const SHARE: f32 = 2e-5;

/// Share of the sum of magnitudes by which a sum may be off where its terms cancel.
const ROUNDING: f32 = 2.0 * f32::EPSILON;

/// Everything that a session gives back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) activity: Activity,
    pub(crate) gradients: Weights,
    pub(crate) records: Vec<Record>,
}

impl Outcome {
    /// Fails unless this is what was `expected`.
    pub(crate) fn check(&self, engine: &str, network: &Network, expected: &Self) {
        assert_eq!(self.activity, expected.activity, "{engine}");
        let populations = network.populations();
        for (p, (found, expected)) in populations.iter().zip(self.records.iter().zip(&expected.records)) {
            let name = format!("{engine}: {}", p.name);
            assert_eq!(found.spikes, expected.spikes, "{name}: spikes");
            assert_eq!(found.membrane, expected.membrane, "{name}: membranes");
            assert_eq!(found.count, expected.count, "{name}: counts");
            check(&format!("{name}: traces"), &found.trace, &expected.trace, 0.0);
            check(&format!("{name}: corrections"), &found.correction, &expected.correction, 0.0);
        }
        let mut behind = 0.0_f32;
        for (index, p) in populations.iter().enumerate().rev() {
            let (found, expected_delta) = (&self.records[index].delta, &expected.records[index].delta);
            check(&format!("{engine}: errors of {}", p.name), found, expected_delta, ROUNDING * behind);
            let largest = expected_delta.chunks(p.shape.len()).map(|d| d.iter().map(|d| d.abs()).sum());
            behind = largest.fold(behind, f32::max);
            for weight in p.inputs.iter().filter_map(|input| input.weight) {
                // Errors that cancel to nothing in one order of summing may leave their rounding in another.
                let trials = (expected_delta.len() / p.shape.len()) as f32;
                let sum = largest_channel_sum(expected_delta, p.shape) + ROUNDING * behind * trials;
                let name = format!("{engine}: gradient of {}", network.weights()[weight].name);
                check(&name, &self.gradients[weight], &expected.gradients[weight], ROUNDING * sum);
            }
            for &weight in &p.parameters {
                // A sum over all neurons and steps, of errors times states.
                let name = format!("{engine}: gradient of {}", network.weights()[weight].name);
                let sum: f32 = expected_delta.iter().map(|d| d.abs()).sum();
                check(&name, &self.gradients[weight], &expected.gradients[weight], ROUNDING * sum);
            }
        }
    }
}

/// The largest, over channels, of the sums of magnitudes of `values`, `[T, N, C, H, W]`.
fn largest_channel_sum(values: &[f32], shape: Shape) -> f32 {
    let mut sums = vec![0.0_f32; shape.channels];
    for (i, value) in values.iter().enumerate() {
        sums[i % shape.len() / shape.pixels()] += value.abs();
    }
    sums.into_iter().fold(0.0, f32::max)
}

/// Fails unless all of `found` lie within [`SHARE`] of the largest magnitude, and `floor`, of what was `expected`.
fn check(what: &str, found: &[f32], expected: &[f32], floor: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    assert!(found.iter().all(|x| x.is_finite()), "{what} are not finite");
    let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let error = std::iter::zip(found, expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
    let bound = SHARE * largest + floor;
    assert!(error <= bound, "{what}: off by {error:e}, {bound:e} is allowed (largest value {largest:e})");
}

impl Outcome {
    /// Whether nothing has grown beyond all bounds.
    pub(crate) fn is_finite(&self) -> bool {
        let records = self.records.iter().flat_map(|record| [&record.membrane, &record.delta]);
        let mut values = records.chain(&self.gradients).chain([&self.activity.output]).flatten();
        values.all(|x| x.is_finite())
    }

    /// Outputs, gradients and errors as they are stored.
    pub(crate) fn bits(&self) -> Vec<Vec<u32>> {
        let errors = self.records.iter().map(|record| &record.delta);
        let values = [&self.activity.output].into_iter().chain(&self.gradients).chain(errors);
        values.map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
    }
}
