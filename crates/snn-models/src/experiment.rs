//! An experiment: what a RON file describes, and all that is needed to repeat a run.

use serde::{Deserialize, Serialize};
use snn_core::part::Part;
use snn_core::{Augmentation, HoldOut, Limit, Optimizer, RatePenalty};

/// Data, input, network, loss and training of one run. A [`Part`] is a name of a registry with its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Data set.
    pub data: Part,
    /// Encoder: how an image becomes input.
    #[serde(default = "default_input")]
    pub input: Part,
    /// Time steps `T` of a trial.
    pub steps: usize,
    /// Network: populations and what connects them.
    pub network: Part,
    /// How the output of the network becomes class scores.
    #[serde(default = "default_score", alias = "readout")] // its name in files of version 0.1
    pub score: Part,
    /// Loss.
    #[serde(default = "default_loss")]
    pub loss: Part,
    /// Penalty on firing rates, added to the loss. None: no penalty.
    #[serde(default)]
    pub rates: Option<RatePenalty>,
    /// Weights before the first update.
    #[serde(default)]
    pub start: Start,
    /// Epochs, batch, optimizer and all else of training.
    pub training: Training,
}

/// Weights before the first update.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Start {
    /// As they are drawn, with the variance that the network says.
    #[default]
    Drawn,
    /// Drawn, then scaled so that each population fires at a rate that follows from its depth.
    Calibrated {
        /// Firing rate (spikes per neuron and time step) of the first population with weights. None: `0.8 / sqrt(T)`, at most
        /// 0.3.
        #[serde(default)]
        first: Option<f32>,
        /// Firing rate of the last population with weights that fires; those between follow in equal ratios. None: `1.6 / T`,
        /// at most 0.3.
        #[serde(default)]
        last: Option<f32>,
        /// Training images that rates are measured on.
        #[serde(default = "default_calibration_images")]
        images: usize,
    },
    /// Those of a checkpoint, by name and shape; tensors that it does not have, or in another shape, are drawn. Whoever makes the
    /// run takes them over.
    From {
        /// The checkpoint: a file, the folder of a run, or an entry of the zoo.
        checkpoint: String,
    },
}

impl Start {
    /// A calibration with all defaults.
    pub fn calibrated() -> Self {
        Self::Calibrated { first: None, last: None, images: default_calibration_images() }
    }

    /// The firing rate that is asked of the population at `depth` of `depths`, the populations with weights that fire, in
    /// trials of `steps` time steps. None without calibration.
    pub fn target(&self, steps: usize, depth: usize, depths: usize) -> Option<f32> {
        let Self::Calibrated { first, last, .. } = *self else { return None };
        let first = first.unwrap_or((0.8 / (steps as f32).sqrt()).min(HIGHEST_RATE));
        let last = last.unwrap_or((1.6 / steps as f32).min(HIGHEST_RATE));
        let share = depth as f32 / (depths.max(2) - 1) as f32;
        Some(if depth == 0 { first } else { first * (last / first).powf(share) })
    }
}

/// The highest firing rate that a calibration asks for by itself.
const HIGHEST_RATE: f32 = 0.3;

/// How the weights are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images of one update of the weights.
    pub batch: usize,
    /// Update rule and its constants.
    pub optimizer: Optimizer,
    /// What the gradient of an update is of: the mean or the sum of the losses of its images.
    #[serde(default)]
    pub reduction: Reduction,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Largest Euclidean norm of the whole gradient; larger ones are scaled down to it. None: no clipping.
    #[serde(default)]
    pub clip: Option<f32>,
    /// Names of tensors that stay as they are, with `*` for any letters: `["conv1*"]`.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// Change made to each training image before it is encoded.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Epoch, from 0, from which on neurons drop out; before it none does, so that deep networks wake first.
    #[serde(default)]
    pub dropout_from: usize,
    /// Share of the average of all weights so far that an update keeps, the rest being the new weights: the network then answers,
    /// in validation and test, with the average, and learns with the weights. None: it answers with the weights.
    #[serde(default)]
    pub average: Option<f32>,
    /// Images of the training set that are held out to choose the best checkpoint: a number, spread over the classes, or
    /// `Last(number)`.
    #[serde(default = "default_validation")]
    pub validation: HoldOut,
    /// Use only this many images of the training set, and as many of the test set: a number, spread over the classes, or
    /// `First(number)`. None: all.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Steps that a backward pass with surrogate gradients holds in memory at a time. None: the engine's choice.
    #[serde(default)]
    pub chunk: Option<usize>,
    /// Seed of everything random.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

/// What the gradient of an update is of, the penalty on firing rates included. PyTorch's word, and its default: a learning rate,
/// a weight decay and a limit on the norm of the gradient that are right there are right here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Reduction {
    /// The mean of the losses.
    #[default]
    Mean,
    /// Their sum, as the programs of Lee et al. 2020 have it: the gradient grows with the batch.
    Sum,
}

impl Reduction {
    /// What the sum of the gradients of `images` images is multiplied by.
    pub fn factor(self, images: usize) -> f32 {
        match self {
            Self::Mean => 1.0 / images.max(1) as f32,
            Self::Sum => 1.0,
        }
    }
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
        /// Epochs at which the rate drops, in rising order.
        at: Vec<usize>,
        /// What it is multiplied by each time.
        factor: f32,
    },
    /// From 1 down to `floor` along half a cosine over all updates, after a linear rise over `warmup` epochs.
    Cosine {
        /// Factor at the end.
        #[serde(default)]
        floor: f32,
        /// Epochs of linear rise from 0 at the start, fewer than there are.
        #[serde(default)]
        warmup: f32,
    },
    /// From `start` to 1 over the first `rise` of all updates, then down to `end`, both in a line or along half a cosine
    /// (Smith and Topin, "Super-convergence", 2019; PyTorch's `OneCycleLR`, whose `max_lr` is the rate of the optimizer).
    OneCycle {
        /// Share of all updates in which the rate rises, above 0 and below 1.
        #[serde(default = "default_rise")]
        rise: f32,
        /// Factor at the first update.
        #[serde(default = "default_start")]
        start: f32,
        /// Factor after the last update.
        #[serde(default)]
        end: f32,
        /// Shape of both ways.
        #[serde(default)]
        anneal: Anneal,
    },
}

/// Shape of the ways up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A line.
    Linear,
}

fn default_rise() -> f32 {
    0.3
}

fn default_start() -> f32 {
    0.04
}

fn default_input() -> Part {
    Part::new("Poisson")
}

fn default_score() -> Part {
    Part::new("Final")
}

fn default_loss() -> Part {
    Part::new("SquaredError")
}

fn default_calibration_images() -> usize {
    128
}

fn default_validation() -> HoldOut {
    HoldOut::Spread(5000)
}

fn default_seed() -> u64 {
    1
}
