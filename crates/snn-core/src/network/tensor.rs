//! Trainable tensors of a network: what each is for, and what it starts as.

/// Name, shape, role and first values of one trainable tensor.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tensor {
    /// Unique name, such as `conv1`, or `conv1.leak` for a constant of the neurons.
    pub name: String,
    /// `[C_out, C_in, kh, kw]` or `[out, in]` for weights; `[1]`, `[C]` or `[C, H, W]` for constants of neurons.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
    /// Its values before training.
    pub initial: Initial,
    /// Whether each output channel is [standardised](crate::standardise) in training.
    pub standardised: bool,
    /// Whether it stays as it is: its gradient is not asked for, and is 0.
    pub frozen: bool,
}

/// What a trainable tensor is for. Optimizers and counters go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Weight of a convolution or linear map.
    Weight,
    /// Current of each output channel, added at every step `[C_out]`: of a map, or after a normalisation.
    Bias,
    /// Factor on each output channel of a standardised weight, or of a normalised current `[C_out]`.
    Scale,
    /// Constant of a population's neurons, such as a leak.
    Constant,
    /// Mean or variance that a normalisation keeps `[C_out]`: no gradient moves it, see [`GroupStatistics`](crate::GroupStatistics).
    Running,
}

impl Role {
    /// Whether weight decay applies: to weights alone, as a bias, a scale or a leak that decays has another meaning.
    pub fn decays(self) -> bool {
        self == Self::Weight
    }
}

/// Values before training.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Initial {
    /// Drawn: normal with mean 0 and variance `kappa / fan_in`.
    Normal,
    /// All the same.
    Value(f32),
}

impl Tensor {
    /// A weight of that shape, drawn, not standardised.
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

    /// A bias of so many channels, which starts at 0.
    pub fn bias(name: impl Into<String>, channels: usize) -> Self {
        let initial = Initial::Value(0.0);
        Self { name: name.into(), shape: vec![channels], role: Role::Bias, initial, standardised: false, frozen: false }
    }

    /// A constant of neurons that starts as `value`.
    pub fn constant(name: impl Into<String>, shape: Vec<usize>, value: f32) -> Self {
        let initial = Initial::Value(value);
        Self { name: name.into(), shape, role: Role::Constant, initial, standardised: false, frozen: false }
    }

    /// The scales of the output channels of a standardised weight. A trainer sets them to what its values say.
    pub(super) fn gain(&self) -> Self {
        let (name, shape) = (format!("{}.gain", self.name), vec![self.shape[0]]);
        let initial = Initial::Value(1.0);
        Self { name, shape, role: Role::Scale, initial, standardised: false, frozen: self.frozen }
    }

    /// Whether gradients move it.
    pub fn is_trained(&self) -> bool {
        !self.frozen && self.role != Role::Running
    }

    /// Whether weight decay applies: as [`Role::decays`], but not to what is frozen.
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

    /// Inputs of one output: all extents but the first.
    pub fn fan_in(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}
