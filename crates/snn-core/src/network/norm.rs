//! Batch normalisation over time.

use super::{Initial, Role, Tensor};

/// Batch normalisation of a current. Statistics are per channel, over all samples of a group, all steps and all pixels:
/// `y = scale · (x - mean) / sqrt(variance + epsilon) + shift`.
///
/// In training, mean and variance are those of the group, and errors are backpropagated through them. The running mean
/// and variance move towards them after each update. Otherwise the running values are used;
/// [`Network::fold`](crate::Network::fold) then folds all four tensors into weight and bias.
///
/// # Equals
/// `torch.nn.BatchNorm2d` with steps and samples folded into one axis; threshold-dependent batch normalisation (Zheng
/// et al., "Going deeper with directly-trained larger spiking neural networks", 2021), whose factor is the initial
/// value of the scale: [`Norm::starting_at`] the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Norm {
    /// Samples per group. The samples of a trial are divided into groups in order; the last group may be smaller.
    pub group: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Weight of the group's statistics in the update of the running mean and variance.
    pub momentum: f32,
    /// Initial value of the scale.
    pub initial_scale: f32,
    /// Indices of its four tensors in [`Network::tensors`](crate::Network::tensors), each `[C]`.
    pub tensors: NormTensors,
}

/// Indices of the tensors of a [`Norm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NormTensors {
    /// Scale, trained.
    pub scale: usize,
    /// Shift, trained.
    pub shift: usize,
    /// Running mean.
    pub mean: usize,
    /// Running variance, an unbiased estimate: the sum of squared deviations divided by their number minus one.
    pub variance: usize,
}

impl NormTensors {
    /// Indices of scale, shift, mean and variance, in this order.
    pub fn all(self) -> [usize; 4] {
        [self.scale, self.shift, self.mean, self.variance]
    }
}

impl Norm {
    /// Normalisation over groups of `group` samples, with PyTorch's constants: epsilon 1e-5, momentum 0.1, scale 1.
    pub fn new(group: usize) -> Self {
        let tensors = NormTensors::default();
        Self { group, epsilon: 1e-5, momentum: 0.1, initial_scale: 1.0, tensors }
    }

    /// The same normalisation with another initial scale.
    #[must_use]
    pub fn starting_at(mut self, scale: f32) -> Self {
        self.initial_scale = scale;
        self
    }

    /// The same normalisation with another epsilon.
    #[must_use]
    pub fn with_epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The same normalisation with another momentum.
    #[must_use]
    pub fn with_momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// Checks the constants.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.group == 0 {
            return Err("a group of its normalisation must have at least 1 sample".to_owned());
        }
        let is_positive = |x: f32| x > 0.0 && x.is_finite();
        if !is_positive(self.epsilon) || !is_positive(self.momentum) || self.momentum > 1.0 {
            return Err(format!(
                "the epsilon of its normalisation must be greater than 0, its momentum in (0, 1]; found {} and {}",
                self.epsilon, self.momentum
            ));
        }
        if !self.initial_scale.is_finite() {
            return Err(format!("the scale of its normalisation must be finite, found {}", self.initial_scale));
        }
        Ok(())
    }

    /// Makes its four tensors for the weight named `weight`, in the order of [`NormTensors::all`].
    pub(super) fn new_tensors(&self, weight: &str, channels: usize) -> [Tensor; 4] {
        let tensor = |suffix: &str, role: Role, value: f32| Tensor {
            name: format!("{weight}.{suffix}"),
            shape: vec![channels],
            role,
            initial: Initial::Value(value),
            standardised: false,
            frozen: false,
        };
        [
            tensor("scale", Role::Scale, self.initial_scale),
            tensor("shift", Role::Bias, 0.0),
            tensor("mean", Role::Running, 0.0),
            tensor("variance", Role::Running, 1.0),
        ]
    }

    /// The normalisation of one channel as `y = factor · x + added`, given its mean and variance:
    /// `factor = scale / sqrt(variance + epsilon)` and `added = shift - factor · mean`.
    pub fn affine(&self, [scale, shift, mean, variance]: [f64; 4]) -> [f64; 2] {
        let factor = scale / (variance + f64::from(self.epsilon)).sqrt();
        [factor, shift - factor * mean]
    }

    /// Statistics of one group, from the mean and (biased) variance of each channel over `count` values.
    pub fn statistics(&self, found: &[[f64; 2]], count: f64) -> GroupStatistics {
        // The running variance estimates that of all data, of which the group is a sample.
        let estimate = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        GroupStatistics {
            mean_tensor: self.tensors.mean,
            variance_tensor: self.tensors.variance,
            momentum: self.momentum,
            mean: found.iter().map(|[mean, _]| *mean as f32).collect(),
            variance: found.iter().map(|[_, variance]| (variance * estimate) as f32).collect(),
        }
    }
}

/// Mean and variance of one group in a trial of training.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatistics {
    /// Index of the tensor of running means.
    pub mean_tensor: usize,
    /// Index of the tensor of running variances.
    pub variance_tensor: usize,
    /// Momentum: weight of these statistics in the update of the running ones.
    pub momentum: f32,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Variance of each channel, an unbiased estimate.
    pub variance: Vec<f32>,
}

impl GroupStatistics {
    /// Updates the running mean and variance among `tensors` with these statistics.
    pub fn update_running(&self, tensors: &mut [Vec<f32>]) {
        for (tensor, found) in [(self.mean_tensor, &self.mean), (self.variance_tensor, &self.variance)] {
            self.update_one(&mut tensors[tensor], found);
        }
    }

    /// Updates the running values `kept` with `found`: `kept = (1 - momentum) · kept + momentum · found`.
    pub fn update_one(&self, kept: &mut [f32], found: &[f32]) {
        for (kept, found) in kept.iter_mut().zip(found) {
            *kept = (1.0 - self.momentum) * *kept + self.momentum * found;
        }
    }
}
