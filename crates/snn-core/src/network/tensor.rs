//! Tensors of a network: name, shape, role and initial values.

/// Description of one tensor: name, shape, role and initial values, but not its current values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tensor {
    /// Unique name, such as `conv1`, or `conv1.leak` for a constant of the neurons.
    pub name: String,
    /// `[C_out, C_in, kh, kw]` or `[out, in]` for weights; `[1]`, `[C]` or `[C, H, W]` for constants of neurons.
    pub shape: Vec<usize>,
    /// Its role in the network.
    pub role: Role,
    /// Its values before training.
    pub initial: Initial,
    /// Whether each output channel is [standardised](crate::standardise) in training.
    pub standardised: bool,
    /// Whether it is frozen: never updated, with a gradient of 0.
    pub frozen: bool,
}

/// Role of a tensor. Optimizers and parameter counts depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Weight of a convolution or linear map.
    Weight,
    /// Constant added to the current of each output channel at every step, `[C_out]`: by a map, or as the shift of a
    /// normalisation.
    Bias,
    /// Factor on each output channel of a standardised weight or of a normalised current, `[C_out]`.
    Scale,
    /// Constant of a population's neurons, such as a leak.
    Constant,
    /// Running mean or variance of a normalisation, `[C_out]`. It is updated from statistics, not by gradients, see
    /// [`GroupStatistics`](crate::GroupStatistics).
    Running,
}

impl Role {
    /// Whether weight decay applies: only to weights, as decay would change the meaning of a bias, a scale or a leak.
    pub fn decays(self) -> bool {
        self == Self::Weight
    }
}

/// Initial values of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Initial {
    /// Drawn from a normal distribution with mean 0 and variance `kappa / fan_in`.
    Normal,
    /// One value for all.
    Value(f32),
}

impl Tensor {
    /// A weight of shape `shape`, drawn at random and not standardised.
    pub fn weight(name: impl Into<String>, shape: Vec<usize>) -> Self {
        Self {
            name: name.into(),
            shape,
            role: Role::Weight,
            initial: Initial::Normal,
            standardised: false,
            frozen: false,
        }
    }

    /// A bias of `channels` channels, initially 0.
    pub fn bias(name: impl Into<String>, channels: usize) -> Self {
        let initial = Initial::Value(0.0);
        Self { name: name.into(), shape: vec![channels], role: Role::Bias, initial, standardised: false, frozen: false }
    }

    /// A constant of neurons, initially `value`.
    pub fn constant(name: impl Into<String>, shape: Vec<usize>, value: f32) -> Self {
        let initial = Initial::Value(value);
        Self { name: name.into(), shape, role: Role::Constant, initial, standardised: false, frozen: false }
    }

    /// The gain of a standardised weight, one scale per output channel. A trainer initialises it from the values of the
    /// weight.
    pub(super) fn gain(&self) -> Self {
        let (name, shape) = (format!("{}.gain", self.name), vec![self.shape[0]]);
        let initial = Initial::Value(1.0);
        Self { name, shape, role: Role::Scale, initial, standardised: false, frozen: self.frozen }
    }

    /// Whether it is updated by its gradient.
    pub fn is_trained(&self) -> bool {
        !self.frozen && self.role != Role::Running
    }

    /// Whether weight decay applies: as [`Role::decays`], but not to frozen tensors.
    pub fn decays(&self) -> bool {
        self.role.decays() && !self.frozen
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor holds no value; never true of a network's tensors.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fan-in of one output: the product of all dimensions but the first.
    pub fn fan_in(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}
