//! Scaled weight standardisation: the network computes with weights of mean 0 and a trained standard deviation, which
//! are derived from the raw values that the optimizer updates.
//!
//! Source: Brock et al., "Characterizing signal propagation to close the performance gap in unnormalized `ResNets`",
//! ICLR 2021. For an output channel with `N` raw values `w` of mean `m` and standard deviation `s`, and gain `g`, the
//! weights are `g x / sqrt(N)` with `x = (w - m) / s`. Given the gradients `d` of the weights, the gradients of the raw
//! values are `g / (s sqrt(N)) · (d - mean(d) - x mean(d x))`, and that of the gain is `sum(d x) / sqrt(N)`. Only
//! weights are affected, so engines need not know of it.

/// Lower bound on the standard deviation that is divided by. A channel whose raw values are all equal gets weights of
/// 0.
const LEAST: f64 = 1e-12;

/// Mean and standard deviation of the values of a channel.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / count;
    let variance = values.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt().max(LEAST))
}

/// Computes `weights` from raw values `[channels, ...]`, with one gain in `gains` for each channel.
pub fn standardise(raw: &[f32], gains: &[f32], weights: &mut [f32]) {
    let count = (raw.len() / gains.len().max(1)).max(1);
    for ((values, &gain), weights) in raw.chunks(count).zip(gains).zip(weights.chunks_mut(count)) {
        let (mean, deviation) = moments(values);
        let scale = f64::from(gain) / (deviation * (count as f64).sqrt());
        for (&w, weight) in values.iter().zip(weights) {
            *weight = (scale * (f64::from(w) - mean)) as f32;
        }
    }
}

/// The gains with which [`standardise`] preserves the standard deviation of each channel of `weights`.
pub fn gains(weights: &[f32], channels: usize) -> Vec<f32> {
    let count = (weights.len() / channels.max(1)).max(1);
    weights.chunks(count).map(|values| (moments(values).1 * (count as f64).sqrt()) as f32).collect()
}

/// Backward pass of [`standardise`] for the same raw values and gains. Replaces the gradients of the weights in
/// `gradients` by those of the raw values, and writes those of the gains to `d_gains`.
pub fn standardise_backward(raw: &[f32], gains: &[f32], gradients: &mut [f32], d_gains: &mut [f32]) {
    let count = (raw.len() / gains.len().max(1)).max(1);
    let root = (count as f64).sqrt();
    let channels = raw.chunks(count).zip(gradients.chunks_mut(count)).zip(gains.iter().zip(d_gains));
    for ((values, gradients), (&gain, d_gain)) in channels {
        let (mean, deviation) = moments(values);
        let x = |w: f32| (f64::from(w) - mean) / deviation;
        let sum = gradients.iter().map(|&d| f64::from(d)).sum::<f64>();
        let product = values.iter().zip(&*gradients).map(|(&w, &d)| x(w) * f64::from(d)).sum::<f64>();
        let (mean_d, mean_dx) = (sum / count as f64, product / count as f64);
        let scale = f64::from(gain) / (deviation * root);
        for (&w, d) in values.iter().zip(gradients) {
            *d = (scale * (f64::from(*d) - mean_d - x(w) * mean_dx)) as f32;
        }
        *d_gain = (product / root) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_have_mean_0_and_the_deviation_of_their_gain() {
        let raw = [1.0, 2.0, 3.0, 4.0, -7.0, 5.0, 5.0, 5.0];
        let weights = standardised(&raw, &[2.0, 0.5]);
        for (values, gain) in weights.chunks(4).zip([2.0, 0.5]) {
            let (mean, deviation) = moments(values);
            assert!(mean.abs() < 1e-7 && (deviation - gain / 2.0).abs() < 1e-6, "{values:?}");
        }
        let again = standardised(&weights, &gains(&weights, 2));
        assert!(weights.iter().zip(again).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(standardised(&[3.0, 3.0], &[1.0]), [0.0, 0.0]);
    }

    fn standardised(raw: &[f32], gains: &[f32]) -> Vec<f32> {
        let mut weights = vec![0.0; raw.len()];
        standardise(raw, gains, &mut weights);
        weights
    }

    proptest! {
        /// Against central differences of `sum(c · weights)`.
        #[test]
        fn gradients_are_exact(
            raw in prop::collection::vec(-1.0_f32..1.0, 6),
            gains in prop::collection::vec(0.2_f32..2.0, 2),
            c in prop::collection::vec(-1.0_f32..1.0, 6),
        ) {
            prop_assume!(raw.chunks(3).all(|values| moments(values).1 > 0.1));
            let value = |raw: &[f32], gains: &[f32]| {
                standardised(raw, gains).iter().zip(&c).map(|(&w, &c)| f64::from(w) * f64::from(c)).sum::<f64>()
            };
            let (mut gradients, mut d_gains) = (c.clone(), vec![0.0; 2]);
            standardise_backward(&raw, &gains, &mut gradients, &mut d_gains);
            let step = 1e-2_f32;
            let difference = |at: usize, is_gain: bool| {
                let moved = |by: f32| {
                    let (mut raw, mut gains) = (raw.clone(), gains.clone());
                    if is_gain { gains[at] += by } else { raw[at] += by }
                    value(&raw, &gains)
                };
                // Fourth-order differences, as the step must be large enough for single precision.
                (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * f64::from(step))
            };
            for (at, &found) in gradients.iter().enumerate() {
                let expected = difference(at, false);
                prop_assert!((f64::from(found) - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{found} {expected}");
            }
            for (at, &found) in d_gains.iter().enumerate() {
                let expected = difference(at, true);
                prop_assert!((f64::from(found) - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }
}
