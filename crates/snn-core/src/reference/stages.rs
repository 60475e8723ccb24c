//! Pooling and normalisation of a projection's current, over all steps of all samples.

use crate::network::{GroupStatistics, Network, Norm};
use crate::neuron::Float;
use crate::pool::{Pool, PoolKind};
use crate::shape::Shape;

/// Values that the backward pass through pooling and normalisation needs. Currents are `[T][N · neurons]`.
#[derive(Debug, Clone, Default)]
pub(super) struct CurrentStages<F> {
    /// For each output of max pooling, the index of the input that was the maximum; empty without max pooling.
    largest: Vec<Vec<usize>>,
    /// Current before normalisation; empty without normalisation.
    normalised: Vec<Vec<F>>,
    /// Mean and variance of each channel of each group, as used for the normalisation.
    groups: Vec<Vec<[f64; 2]>>,
}

/// Division of the samples into groups that share a mean and a variance per channel.
struct Groups {
    /// Number of values per sample and step.
    len: usize,
    pixels: usize,
    channels: usize,
    /// Samples per group, and samples in total.
    group: usize,
    samples: usize,
}

impl<F: Float> CurrentStages<F> {
    /// Pools a current of shape `mapped` into one of shape `output`.
    pub(super) fn pool(&mut self, pool: Pool, mapped: Shape, output: Shape, current: &[Vec<F>]) -> Vec<Vec<F>> {
        let share = F::from(1.0 / (pool.size * pool.size) as f32);
        let step = |row: &Vec<F>| {
            let mut largest = Vec::new();
            let mut pooled = Vec::new();
            for (plane, values) in row.chunks(mapped.pixels()).enumerate() {
                for pixel in 0..output.pixels() {
                    let (mut sum, mut best) = (F::from(0.0), None);
                    pool.for_each_pixel(mapped, output, pixel, |at| {
                        sum = sum + values[at];
                        if best.is_none_or(|best: usize| values[at] > values[best]) {
                            best = Some(at);
                        }
                    });
                    let best = best.unwrap_or_default();
                    pooled.push(if pool.kind == PoolKind::Max { values[best] } else { share * sum });
                    largest.push(plane * mapped.pixels() + best);
                }
            }
            (pooled, largest)
        };
        let (pooled, largest) = current.iter().map(step).unzip();
        if pool.kind == PoolKind::Max {
            self.largest = largest;
        }
        pooled
    }

    /// Transpose of [`CurrentStages::pool`].
    pub(super) fn pool_back(&self, pool: Pool, mapped: Shape, output: Shape, d: &[Vec<F>]) -> Vec<Vec<F>> {
        let share = F::from(1.0 / (pool.size * pool.size) as f32);
        let step = |(t, row): (usize, &Vec<F>)| {
            let planes = row.len() / output.pixels();
            let mut spread = vec![F::from(0.0); planes * mapped.pixels()];
            for (i, d) in row.iter().enumerate() {
                if let Some(largest) = self.largest.get(t) {
                    spread[largest[i]] = spread[largest[i]] + *d;
                    continue;
                }
                let first = i / output.pixels() * mapped.pixels();
                pool.for_each_pixel(mapped, output, i % output.pixels(), |at| {
                    spread[first + at] = spread[first + at] + share * *d;
                });
            }
            spread
        };
        d.iter().enumerate().map(step).collect()
    }

    /// Normalises a current in place: by the mean and variance of each group if `trains`, else by the running ones.
    pub(super) fn normalise(
        &mut self,
        (norm, trains): (&Norm, bool),
        shape: Shape,
        samples: usize,
        tensors: &[Vec<F>],
        current: &mut [Vec<F>],
    ) {
        let groups = Groups::new(norm, shape, samples);
        self.normalised = current.to_vec();
        let kept = |tensor: usize, c: usize| tensors[tensor][c].into();
        for group in 0..groups.count() {
            let moments = |c: usize| {
                if !trains {
                    return [kept(norm.tensors.mean, c), kept(norm.tensors.variance, c)];
                }
                let (mut sum, mut squares, count) = (0.0, 0.0, groups.values(group, current.len()));
                groups.for_each(group, c, |i| current.iter().for_each(|row| sum += row[i].into()));
                let mean: f64 = sum / count;
                groups.for_each(group, c, |i| current.iter().for_each(|row| squares += (row[i].into() - mean).powi(2)));
                [mean, squares / count]
            };
            let found: Vec<[f64; 2]> = (0..shape.channels).map(moments).collect();
            for (c, [mean, variance]) in found.iter().enumerate() {
                let [scale, shift] = [norm.tensors.scale, norm.tensors.shift].map(|tensor| kept(tensor, c));
                let [factor, added] = norm.affine([scale, shift, *mean, *variance]).map(F::narrow);
                groups.for_each(group, c, |i| current.iter_mut().for_each(|row| row[i] = factor * row[i] + added));
            }
            self.groups.push(found);
        }
    }

    /// Transpose of [`CurrentStages::normalise`], in place. Adds to the gradients of scale and shift.
    pub(super) fn normalise_back(
        &self,
        (norm, trains): (&Norm, bool),
        shape: Shape,
        samples: usize,
        (tensors, gradients): (&[Vec<F>], &mut [Vec<F>]),
        d: &mut [Vec<F>],
    ) {
        let groups = Groups::new(norm, shape, samples);
        for (group, found) in self.groups.iter().enumerate() {
            for (c, [mean, variance]) in found.iter().enumerate() {
                let deviation = (variance + f64::from(norm.epsilon)).sqrt();
                let x = |t: usize, i: usize| (self.normalised[t][i].into() - mean) / deviation;
                let (mut sum, mut product) = (0.0, 0.0);
                groups.for_each(group, c, |i| {
                    for (t, row) in d.iter().enumerate() {
                        let d: f64 = row[i].into();
                        sum += d;
                        product += d * x(t, i);
                    }
                });
                for (tensor, gradient) in [(norm.tensors.scale, product), (norm.tensors.shift, sum)] {
                    gradients[tensor][c] = gradients[tensor][c] + F::narrow(gradient);
                }
                let scale: f64 = tensors[norm.tensors.scale][c].into();
                let factor = scale / deviation;
                let count = groups.values(group, d.len());
                let (mean_d, mean_dx) = if trains { (sum / count, product / count) } else { (0.0, 0.0) };
                groups.for_each(group, c, |i| {
                    for (t, row) in d.iter_mut().enumerate() {
                        row[i] = F::narrow(factor * (row[i].into() - mean_d - x(t, i) * mean_dx));
                    }
                });
            }
        }
    }

    /// Statistics of each group; empty if the normalisation uses its running mean and variance because both are frozen.
    pub(super) fn statistics(
        &self,
        network: &Network,
        norm: &Norm,
        shape: Shape,
        samples: usize,
    ) -> Vec<GroupStatistics> {
        let groups = Groups::new(norm, shape, samples);
        let of_group = |(group, found): (usize, &Vec<[f64; 2]>)| {
            let count = groups.values(group, self.normalised.len());
            norm.statistics(found, count)
        };
        if network.is_fixed(norm) { Vec::new() } else { self.groups.iter().enumerate().map(of_group).collect() }
    }
}

impl Groups {
    fn new(norm: &Norm, shape: Shape, samples: usize) -> Self {
        Self { len: shape.len(), pixels: shape.pixels(), channels: shape.channels, group: norm.group, samples }
    }

    fn count(&self) -> usize {
        self.samples.div_ceil(self.group)
    }

    fn samples(&self, group: usize) -> std::ops::Range<usize> {
        group * self.group..self.samples.min((group + 1) * self.group)
    }

    /// Number of values of one channel in a group, over all steps.
    fn values(&self, group: usize, steps: usize) -> f64 {
        (self.samples(group).len() * self.pixels * steps) as f64
    }

    /// Calls `visit` with the index, within a step, of each value of one channel in a group.
    fn for_each(&self, group: usize, channel: usize, mut visit: impl FnMut(usize)) {
        debug_assert!(channel < self.channels, "a channel of the current");
        for sample in self.samples(group) {
            for pixel in 0..self.pixels {
                visit(sample * self.len + channel * self.pixels + pixel);
            }
        }
    }
}
