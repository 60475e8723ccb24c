//! Batch normalisation over time.

use super::{Initial, Role, Tensor};

/// Batch normalisation of a current over the samples of a group, all steps and all pixels, for each channel:
/// `y = scale · (x - mean) / sqrt(variance + epsilon) + shift`.
///
/// While a network is trained, mean and variance are those of the group, and errors pass through them; the means that a
/// network keeps are moved towards them after each update. Otherwise the kept ones are used, and
/// [`Network::fold`](crate::Network::fold) makes weight and bias of all four tensors.
///
/// # Equals
/// `torch.nn.BatchNorm2d` on steps and samples folded into one axis; threshold-dependent batch normalisation (Zheng et al.,
/// "Going deeper with directly-trained larger spiking neural networks", 2021), whose factor is the scale's first value:
/// [`Norm::starting_at`] the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Norm {
    /// Samples of a group. Those of a trial are cut into groups in their order; the last one may be smaller.
    pub group: usize,
    /// What is added to the variance.
    pub epsilon: f32,
    /// Share of the group's mean and variance that the kept ones take on after an update.
    pub momentum: f32,
    /// First value of the scale.
    pub initial_scale: f32,
    /// Indices of its four tensors in [`Network::tensors`](crate::Network::tensors), each `[C]`.
    pub tensors: NormTensors,
}

/// Where the tensors of a [`Norm`] stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NormTensors {
    /// Factor, trained.
    pub scale: usize,
    /// What is added, trained.
    pub shift: usize,
    /// The mean that is kept.
    pub mean: usize,
    /// The variance that is kept, as estimated from a sample: the sum of squares over one less than their number.
    pub variance: usize,
}

impl NormTensors {
    /// All four.
    pub fn all(self) -> [usize; 4] {
        [self.scale, self.shift, self.mean, self.variance]
    }
}

impl Norm {
    /// Normalisation over groups of so many samples, with PyTorch's constants: epsilon 1e-5, momentum 0.1, a scale of 1.
    pub fn new(group: usize) -> Self {
        let tensors = NormTensors::default();
        Self { group, epsilon: 1e-5, momentum: 0.1, initial_scale: 1.0, tensors }
    }

    /// The same with another scale to start from.
    #[must_use]
    pub fn starting_at(mut self, scale: f32) -> Self {
        self.initial_scale = scale;
        self
    }

    /// The same with another epsilon.
    #[must_use]
    pub fn with_epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The same with another momentum.
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

    /// Its four tensors for the weight called `weight`, in the order of [`NormTensors::all`].
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

    /// The factor and what is added of each channel, `y = factor · x + added`, given mean and variance of what is normalised:
    /// `scale / sqrt(variance + epsilon)`, and `shift - factor · mean`.
    pub fn affine(&self, [scale, shift, mean, variance]: [f64; 4]) -> [f64; 2] {
        let factor = scale / (variance + f64::from(self.epsilon)).sqrt();
        [factor, shift - factor * mean]
    }

    /// What a trial found of a group: mean and variance of each channel, over `count` values each.
    pub fn statistics(&self, found: &[[f64; 2]], count: f64) -> GroupStatistics {
        // What is kept estimates the variance of all data, of which the group is a sample.
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

/// Mean and variance of a group, as a trial of training found them.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatistics {
    /// Index of the tensor that keeps the mean.
    pub mean_tensor: usize,
    /// Index of the tensor that keeps the variance.
    pub variance_tensor: usize,
    /// Share that they take on.
    pub momentum: f32,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Variance of each channel, as estimated from a sample.
    pub variance: Vec<f32>,
}

impl GroupStatistics {
    /// Moves what is kept among `tensors` towards this.
    pub fn keep(&self, tensors: &mut [Vec<f32>]) {
        for (tensor, found) in [(self.mean_tensor, &self.mean), (self.variance_tensor, &self.variance)] {
            self.keep_one(&mut tensors[tensor], found);
        }
    }

    /// Moves one tensor that is kept towards what was found for it.
    pub fn keep_one(&self, kept: &mut [f32], found: &[f32]) {
        for (kept, found) in kept.iter_mut().zip(found) {
            *kept = (1.0 - self.momentum) * *kept + self.momentum * found;
        }
    }
}
