//! An experiment: what a RON file describes, and all that is needed to repeat a run.

use serde::{Deserialize, Serialize};
use snn_core::{Encoder, Neuron};

/// Data, input, network, loss and training of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Data set.
    pub data: Data,
    /// How an image becomes spikes.
    #[serde(default)]
    pub input: Encoder,
    /// Time steps `T` of a trial.
    pub steps: usize,
    /// Populations and what connects them.
    pub network: NetworkSpec,
    /// Loss on the class scores.
    #[serde(default)]
    pub loss: Loss,
    /// Epochs, batch, optimizer and all else of training.
    pub training: Training,
}

/// Data sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Data {
    /// Handwritten digits, 28x28x1, 10 classes, 60,000 training and 10,000 test images; pixels scaled to `[0, 1]`.
    Mnist,
}

/// Losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Loss {
    /// Sum over batch and classes of `(y - onehot)^2`.
    #[default]
    SquaredError,
}

/// A network as a RON file spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NetworkSpec {
    /// Layers one after the other.
    Sequence {
        /// Neuron of every `Conv` and `Linear` layer that names none of its own.
        #[serde(default = "Neuron::lif")]
        neuron: Neuron,
        /// Neuron of every `AvgPool` layer.
        #[serde(default = "Neuron::pool_if")]
        pool: Neuron,
        /// Dropout of every `Conv` and `Linear` layer, in `[0, 1)`.
        #[serde(default)]
        dropout: f32,
        /// Variance of the initial weights times their fan-in.
        #[serde(default = "default_kappa")]
        kappa: f32,
        /// The layers; the last one is a `Readout`.
        layers: Vec<Layer>,
    },
}

/// One layer of a [`NetworkSpec::Sequence`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Layer {
    /// 2-D convolution and its neurons.
    Conv {
        /// Output channels.
        channels: usize,
        /// Kernel height and width.
        kernel: usize,
        /// Step between windows.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros on every side.
        #[serde(default)]
        padding: usize,
        /// Neuron of this layer, where it differs from the network's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Neuron>,
    },
    /// Average pool over `size x size` windows, stride `size`, and its integrate-and-fire neurons.
    AvgPool {
        /// Window and stride.
        size: usize,
    },
    /// Every input to every output, and its neurons.
    Linear {
        /// Output features.
        features: usize,
        /// Neuron of this layer, where it differs from the network's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Neuron>,
    },
    /// Every input to one leaky integrator a class, which never fires.
    Readout {
        /// Number of classes.
        classes: usize,
        /// Share of the membrane that is kept from step to step.
        #[serde(default = "default_leak")]
        leak: f32,
    },
}

/// How the weights are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images of one optimizer step.
    pub batch: usize,
    /// Update rule and its constants.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Largest Euclidean norm of the whole gradient; larger ones are scaled down to it. None: no clipping.
    #[serde(default)]
    pub clip: Option<f32>,
    /// Change made to each training image before it is encoded.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Images at the end of the training set that are held out to choose the best checkpoint.
    #[serde(default = "default_validation")]
    pub validation: usize,
    /// Use only this many images of the training set, the first ones, and as many of the test set. None: all.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Seed of everything random.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

/// Update rules. `w` is a weight, `g` its gradient summed (not averaged) over the batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Optimizer {
    /// `g' = g + weight_decay · w`; `m = momentum · m + g'`; `w -= rate · m`.
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Share of the last update that is kept, in `[0, 1)`.
        #[serde(default)]
        momentum: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Kingma and Ba, 2015, with bias correction; the L2 penalty is added to the gradient.
    Adam {
        /// Learning rate.
        rate: f32,
        /// Decay of the first and second moments.
        #[serde(default = "default_betas")]
        betas: (f32, f32),
        /// Added to the root of the second moment.
        #[serde(default = "default_epsilon")]
        epsilon: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Loshchilov and Hutter, 2019: as Adam, but weights shrink by `rate · weight_decay · w` apart from the moments.
    AdamW {
        /// Learning rate.
        rate: f32,
        /// Decay of the first and second moments.
        #[serde(default = "default_betas")]
        betas: (f32, f32),
        /// Added to the root of the second moment.
        #[serde(default = "default_epsilon")]
        epsilon: f32,
        /// Decoupled weight decay.
        #[serde(default)]
        weight_decay: f32,
    },
}

/// Factor on the optimizer's learning rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// `factor` once for every epoch of `at` (counted from 0) that was reached.
    Steps {
        /// Epochs at which the rate drops.
        at: Vec<usize>,
        /// What it is multiplied by each time.
        factor: f32,
    },
    /// From 1 down to `floor` along half a cosine over all optimizer steps, after a linear rise over `warmup` epochs.
    Cosine {
        /// Factor at the end.
        #[serde(default)]
        floor: f32,
        /// Epochs of linear rise from 0 at the start.
        #[serde(default)]
        warmup: f32,
    },
}

/// Change made to each training image, drawn anew in every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Augmentation {
    /// None.
    #[default]
    None,
    /// Moves the image by up to `pixels` rows and columns, filling with zeros.
    Shift {
        /// Largest move in each direction.
        pixels: usize,
    },
}

fn one() -> usize {
    1
}

fn default_kappa() -> f32 {
    2.0
}

fn default_leak() -> f32 {
    0.99
}

fn default_betas() -> (f32, f32) {
    (0.9, 0.999)
}

fn default_epsilon() -> f32 {
    1e-8
}

fn default_validation() -> usize {
    5000
}

fn default_seed() -> u64 {
    1
}
