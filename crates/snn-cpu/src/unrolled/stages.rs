//! The stages of a projection after its map: pooling and normalising its current, for one sample over all steps of a
//! chunk.
//!
//! Mean and variance of a group are combined from those of its samples, in sample order, so that they do not depend on
//! the assignment of samples to threads.

use snn_core::{Norm, Pool, PoolKind, Shape, Weights};

use crate::layout::Layout;
use crate::simd::{LANE, Lane, flat, flat_mut};

/// Scratch buffers of a projection that pools or normalises.
#[derive(Default)]
pub(super) struct StageScratch {
    /// Output of the map, `[step][pixel][lane]`; the backward pass replaces it by its errors.
    pub(super) mapped: Vec<Lane>,
    /// Output of the pool; empty if there is none.
    pub(super) pooled: Vec<Lane>,
    /// Sums over the steps and pixels of a sample, for each channel. In the forward pass: of the current, and of the
    /// squared distances from its mean. In the backward pass: of the errors, and of the errors times the normalised
    /// current.
    pub(super) sums: Vec<[f64; 2]>,
}

impl StageScratch {
    /// The current that is normalised: the pooled one, if there is a pool.
    pub(super) fn current(&self) -> &[Lane] {
        if self.pooled.is_empty() { &self.mapped } else { &self.pooled }
    }
}

/// A normalisation with given moments: `y = factor · x + added`.
#[derive(Debug, Clone, Default)]
pub(super) struct Affine {
    /// `[lane]`, 0 for padding.
    factor: Vec<Lane>,
    added: Vec<Lane>,
    /// Mean and variance of each channel.
    pub(super) moments: Vec<[f64; 2]>,
    /// `x̂ = (x - mean) / deviation`, written as `inverse · x + offset`.
    inverse: Vec<Lane>,
    offset: Vec<Lane>,
}

impl Affine {
    /// The normalisation with given moments.
    pub(super) fn new(norm: &Norm, weights: &Weights, moments: Vec<[f64; 2]>) -> Self {
        let lanes = || vec![Lane::ZERO; moments.len().div_ceil(LANE)];
        let [mut factor, mut added, mut inverse, mut offset] = [lanes(), lanes(), lanes(), lanes()];
        for (c, [mean, variance]) in moments.iter().enumerate() {
            let [scale, shift] = [norm.tensors.scale, norm.tensors.shift].map(|tensor| f64::from(weights[tensor][c]));
            let all = norm
                .affine([scale, shift, *mean, *variance])
                .into_iter()
                .chain(norm.affine([1.0, 0.0, *mean, *variance]));
            for (values, value) in [&mut factor, &mut added, &mut inverse, &mut offset].into_iter().zip(all) {
                flat_mut(values)[c] = value as f32;
            }
        }
        Self { factor, added, moments, inverse, offset }
    }

    /// The normalisation with the kept moments.
    pub(super) fn kept(norm: &Norm, weights: &Weights) -> Self {
        let [mean, variance] = [norm.tensors.mean, norm.tensors.variance].map(|tensor| &weights[tensor]);
        let moments = mean.iter().zip(variance).map(|(mean, variance)| [f64::from(*mean), f64::from(*variance)]);
        Self::new(norm, weights, moments.collect())
    }

    /// The normalisation of a group. `sums` has the sums of each of its samples, each over `count` values per channel.
    pub(super) fn of_group<'a>(
        norm: &Norm,
        weights: &Weights,
        sums: impl Iterator<Item = &'a [[f64; 2]]>,
        count: f64,
    ) -> Self {
        let sums: Vec<&[[f64; 2]]> = sums.collect();
        let counted = count * sums.len() as f64;
        let channel = |c: usize| {
            let mean = sums.iter().map(|sums| sums[c][0]).sum::<f64>() / counted;
            // Squared distances from the group's mean are those from the sample's mean, plus that of the sample's mean
            // from the group's.
            let apart = |[sum, squares]: [f64; 2]| squares + count * (sum / count - mean).powi(2);
            [mean, sums.iter().map(|sums| apart(sums[c])).sum::<f64>() / counted]
        };
        let all = (0..sums.first().map_or(0, |sums| sums.len())).map(channel).collect();
        Self::new(norm, weights, all)
    }

    /// Adds the normalised current to rows.
    pub(super) fn apply(&self, x: &[Lane], rows: &mut [Lane]) {
        let lanes = self.factor.len();
        for (row, x) in rows.chunks_exact_mut(lanes).zip(x.chunks_exact(lanes)) {
            for (((y, x), factor), added) in row.iter_mut().zip(x).zip(&self.factor).zip(&self.added) {
                for i in 0..LANE {
                    y.0[i] += factor.0[i] * x.0[i] + added.0[i];
                }
            }
        }
    }

    /// Sums the errors `d`, and the errors times the normalised current, per channel, given the current `x`.
    pub(super) fn error_sums(&self, x: &[Lane], d: &[Lane]) -> Vec<[f64; 2]> {
        let lanes = self.factor.len();
        let mut both = vec![([0.0_f64; LANE], [0.0_f64; LANE]); lanes];
        for (x, d) in x.chunks_exact(lanes).zip(d.chunks_exact(lanes)) {
            for (lane, (sum, product)) in both.iter_mut().enumerate() {
                let (inverse, offset) = (&self.inverse[lane].0, &self.offset[lane].0);
                for i in 0..LANE {
                    let d = d[lane].0[i];
                    sum[i] += f64::from(d);
                    product[i] += f64::from(d * (inverse[i] * x[lane].0[i] + offset[i]));
                }
            }
        }
        let channel = |c: usize| [both[c / LANE].0[c % LANE], both[c / LANE].1[c % LANE]];
        (0..self.moments.len()).map(channel).collect()
    }

    /// Replaces the current `x` by its errors, given the errors `d` of the normalised current. `means` are the means
    /// over the group of the errors and of the errors times the normalised current (0 for kept moments).
    pub(super) fn errors(&self, means: &[[f64; 2]], x: &mut [Lane], d: &[Lane]) {
        let lanes = self.factor.len();
        let lane = |which: usize| {
            let mut values = vec![Lane::ZERO; lanes];
            means.iter().enumerate().for_each(|(c, mean)| flat_mut(&mut values)[c] = mean[which] as f32);
            values
        };
        let (mean_d, mean_dx) = (lane(0), lane(1));
        for (x, d) in x.chunks_exact_mut(lanes).zip(d.chunks_exact(lanes)) {
            for (lane, x) in x.iter_mut().enumerate() {
                for i in 0..LANE {
                    let normalised = self.inverse[lane].0[i] * x.0[i] + self.offset[lane].0[i];
                    x.0[i] =
                        self.factor[lane].0[i] * (d[lane].0[i] - mean_d[lane].0[i] - normalised * mean_dx[lane].0[i]);
                }
            }
        }
    }
}

/// The sum of each channel, and the sum of its squared distances from the mean.
pub(super) fn moments(x: &[Lane], layout: &Layout) -> Vec<[f64; 2]> {
    let count = (x.len() / layout.lanes) as f64;
    let mut means = vec![[0.0_f64; LANE]; layout.lanes];
    let mut squares = means.clone();
    for pixel in x.chunks_exact(layout.lanes) {
        for (mean, x) in means.iter_mut().zip(pixel) {
            mean.iter_mut().zip(x.0).for_each(|(mean, x)| *mean += f64::from(x));
        }
    }
    let sums_of_values = means.clone();
    means.iter_mut().flatten().for_each(|mean| *mean /= count);
    for pixel in x.chunks_exact(layout.lanes) {
        for ((squares, mean), x) in squares.iter_mut().zip(&means).zip(pixel) {
            for i in 0..LANE {
                let distance = f64::from(x.0[i]) - mean[i];
                squares[i] += distance * distance;
            }
        }
    }
    (0..layout.channels).map(|c| [sums_of_values[c / LANE][c % LANE], squares[c / LANE][c % LANE]]).collect()
}

/// Pools each step of a current `x` with layout `mapped`.
pub(super) fn pool(pool: Pool, mapped: &Layout, output: &Layout, x: &[Lane], pooled: &mut Vec<Lane>) {
    let [input_shape, output_shape] = [mapped, output].map(shape);
    let (lanes, share) = (mapped.lanes, 1.0 / (pool.size * pool.size) as f32);
    let first = if pool.kind == PoolKind::Max { f32::NEG_INFINITY } else { 0.0 };
    pooled.clear();
    for step in x.chunks_exact(mapped.width()) {
        for pixel in 0..output.pixels() {
            let start = pooled.len();
            pooled.resize(start + lanes, Lane([first; LANE]));
            let sums = &mut pooled[start..];
            pool.for_each_pixel(input_shape, output_shape, pixel, |at| {
                for (sum, x) in sums.iter_mut().zip(&step[at * lanes..][..lanes]) {
                    for i in 0..LANE {
                        let (y, x) = (sum.0[i], x.0[i]);
                        sum.0[i] = if pool.kind == PoolKind::Max { if x > y { x } else { y } } else { y + x };
                    }
                }
            });
            if pool.kind == PoolKind::Mean {
                for sum in flat_mut(sums) {
                    *sum *= share;
                }
            }
        }
    }
}

/// Replaces a current `x` with layout `mapped` by its errors, given the errors `d` of the pooled current.
pub(super) fn pool_back(pool: Pool, mapped: &Layout, output: &Layout, x: &mut [Lane], d: &[Lane]) {
    let [input_shape, output_shape] = [mapped, output].map(shape);
    let (lanes, share) = (mapped.lanes, 1.0 / (pool.size * pool.size) as f32);
    let mut errors = vec![Lane::ZERO; mapped.width()];
    for (step, d) in x.chunks_exact_mut(mapped.width()).zip(d.chunks_exact(output.width())) {
        errors.fill(Lane::ZERO);
        for (pixel, d) in d.chunks_exact(lanes).enumerate() {
            let mut largest = vec![[(f32::NEG_INFINITY, usize::MAX); LANE]; lanes];
            pool.for_each_pixel(input_shape, output_shape, pixel, |at| {
                for lane in 0..lanes {
                    for i in 0..LANE {
                        if pool.kind == PoolKind::Mean {
                            errors[at * lanes + lane].0[i] += share * d[lane].0[i];
                        } else if largest[lane][i].1 == usize::MAX || step[at * lanes + lane].0[i] > largest[lane][i].0
                        {
                            largest[lane][i] = (step[at * lanes + lane].0[i], at);
                        }
                    }
                }
            });
            if pool.kind == PoolKind::Max {
                for lane in 0..lanes {
                    for i in 0..LANE {
                        errors[largest[lane][i].1 * lanes + lane].0[i] += d[lane].0[i];
                    }
                }
            }
        }
        step.copy_from_slice(&errors);
    }
}

/// Adds a current to rows.
pub(super) fn add(rows: &mut [Lane], x: &[Lane]) {
    flat_mut(rows).iter_mut().zip(flat(x)).for_each(|(row, x)| *row += x);
}

fn shape(layout: &Layout) -> Shape {
    Shape::new(layout.channels, layout.height, layout.width)
}
