//! The experiment type: the content of a RON file, which is all that is needed to repeat a run.

use serde::{Deserialize, Serialize};
use snn_core::part::Part;
use snn_core::{Augmentation, HoldOut, Limit, Optimizer, RatePenalty};

/// The data, input, network, loss and training of one run. A [`Part`] is a name of a registry with its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Data set.
    pub data: Part,
    /// Encoder: how an image is converted to network input.
    #[serde(default = "default_input")]
    pub input: Part,
    /// Time steps `T` of a trial.
    pub steps: usize,
    /// Network: populations and the projections between them.
    pub network: Part,
    /// How the output of the network is reduced to class scores.
    #[serde(default = "default_score")]
    pub score: Part,
    /// Loss.
    #[serde(default = "default_loss")]
    pub loss: Part,
    /// Firing-rate penalty, added to the loss. `None`: no penalty.
    #[serde(default)]
    pub rates: Option<RatePenalty>,
    /// Initial weights, before the first update.
    #[serde(default)]
    pub start: Start,
    /// Epochs, batch, optimizer and the other settings of training.
    pub training: Training,
}

/// Initial weights, before the first update.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Start {
    /// Random weights with the variance that the network sets.
    #[default]
    Drawn,
    /// Random weights, then scaled so that each population fires at a target rate that depends on its depth.
    Calibrated {
        /// Firing rate (spikes per neuron and time step) of the first population with weights. `None`: `0.8 / sqrt(T)`,
        /// at most 0.3.
        #[serde(default)]
        first: Option<f32>,
        /// Firing rate of the last firing population with weights. The rates in between form a geometric sequence.
        /// `None`: `1.6 / T`, at most 0.3.
        #[serde(default)]
        last: Option<f32>,
        /// Number of training images on which firing rates are measured.
        #[serde(default = "default_calibration_images")]
        images: usize,
    },
    /// The weights of a checkpoint, matched by name and shape. Tensors that are missing there or have another shape are
    /// random. The code that creates the run copies the weights.
    From {
        /// The checkpoint: a file, the folder of a run, or an entry of the zoo.
        checkpoint: String,
    },
}

impl Start {
    /// Creates a calibration with all defaults.
    pub fn calibrated() -> Self {
        Self::Calibrated { first: None, last: None, images: default_calibration_images() }
    }

    /// Target firing rate of the population at `depth` among the `depths` firing populations with weights, in trials of
    /// `steps` time steps. `None` without calibration.
    pub fn target(&self, steps: usize, depth: usize, depths: usize) -> Option<f32> {
        let Self::Calibrated { first, last, .. } = *self else { return None };
        let first = first.unwrap_or((0.8 / (steps as f32).sqrt()).min(HIGHEST_RATE));
        let last = last.unwrap_or((1.6 / steps as f32).min(HIGHEST_RATE));
        let share = depth as f32 / (depths.max(2) - 1) as f32;
        Some(if depth == 0 { first } else { first * (last / first).powf(share) })
    }
}

/// Upper limit of the default firing rates of a calibration.
const HIGHEST_RATE: f32 = 0.3;

/// How the weights are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training images.
    pub epochs: usize,
    /// Number of images in a batch, for which the weights are updated once.
    pub batch: usize,
    /// Optimizer and its hyperparameters.
    pub optimizer: Optimizer,
    /// How the gradients of the images of a batch are combined: mean or sum.
    #[serde(default)]
    pub reduction: Reduction,
    /// Learning rate schedule.
    #[serde(default)]
    pub schedule: Schedule,
    /// Gradient clipping: the maximum Euclidean norm of the gradient of all tensors together, to which larger gradients
    /// are scaled down. `None`: no clipping.
    #[serde(default)]
    pub clip: Option<f32>,
    /// Names of frozen tensors, which are not trained. `*` stands for any letters: `["conv1*"]`.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// Random augmentation of each training image before it is encoded.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// First epoch with dropout, counted from 0. Training without dropout at first lets deep networks start to fire.
    #[serde(default)]
    pub dropout_from: usize,
    /// Decay of the exponential moving average of the weights: the fraction of the average that an update keeps.
    /// Validation and test then use the average, while training uses the weights themselves. `None`: the weights are
    /// used everywhere.
    #[serde(default)]
    pub average: Option<f32>,
    /// Training images held out for validation, to select the best checkpoint: a number, spread over the classes, or
    /// `Last(number)`.
    #[serde(default = "default_validation")]
    pub validation: HoldOut,
    /// Use only this many images of the training set, and the same number of the test set: a number, spread over the
    /// classes, or `First(number)`. `None`: all.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Number of time steps that a backward pass with surrogate gradients holds in memory at a time. `None`: the
    /// engine's choice.
    #[serde(default)]
    pub chunk: Option<usize>,
    /// Seed of all random numbers.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

/// How the gradients of the images of a batch are combined, including that of the firing-rate penalty. The name and the
/// default are PyTorch's, so learning rate, weight decay and gradient clipping can be set to the same values as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Reduction {
    /// The mean over the images.
    #[default]
    Mean,
    /// The sum over the images, as in the programs of Lee et al. 2020: the gradient grows with the batch size.
    Sum,
}

impl Reduction {
    /// The factor by which the summed gradients of `images` images are multiplied.
    pub fn factor(self, images: usize) -> f32 {
        match self {
            Self::Mean => 1.0 / images.max(1) as f32,
            Self::Sum => 1.0,
        }
    }
}

/// Learning rate schedule: the factor by which the optimizer's learning rate is multiplied.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// `factor^n`, where `n` is the number of epochs in `at` (counted from 0) that were reached.
    Steps {
        /// Epochs at which the learning rate drops, in ascending order.
        at: Vec<usize>,
        /// Factor of each drop.
        factor: f32,
    },
    /// A linear warmup over `warmup` epochs, then half a cosine from 1 down to `floor` over the rest of all updates.
    Cosine {
        /// Factor at the end.
        #[serde(default)]
        floor: f32,
        /// Epochs of linear warmup from 0, fewer than the epochs of the run.
        #[serde(default)]
        warmup: f32,
    },
    /// From `start` to 1 over the first `rise` of all updates, then down to `end`, both linearly or along half a cosine
    /// (Smith and Topin, "Super-convergence", 2019). PyTorch's `OneCycleLR`, whose `max_lr` is the optimizer's learning
    /// rate here.
    OneCycle {
        /// Fraction of all updates in which the learning rate rises, above 0 and below 1.
        #[serde(default = "default_rise")]
        rise: f32,
        /// Factor at the first update.
        #[serde(default = "default_start")]
        start: f32,
        /// Factor after the last update.
        #[serde(default)]
        end: f32,
        /// Curve of both the rise and the fall.
        #[serde(default)]
        anneal: Anneal,
    },
}

impl Schedule {
    /// Describes the schedule in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Constant => "always the same rate".to_owned(),
            Self::Steps { at, factor } => {
                let at: Vec<String> = at.iter().map(usize::to_string).collect();
                format!("rate times {factor} from epoch {} on, counted from 0", at.join(", and again from "))
            }
            Self::OneCycle { rise, start, end, .. } => {
                let rise = 100.0 * rise;
                format!("one cycle: from {start} of the rate to all of it in the first {rise:.1} %, then to {end}")
            }
            Self::Cosine { floor, warmup } => {
                let rise = if *warmup > 0.0 { format!("up from 0 over {warmup} epochs, then ") } else { String::new() };
                let end = if *floor > 0.0 { format!("{floor} of it") } else { "0".to_owned() };
                format!("{rise}from the full rate to {end} along half a cosine over all epochs")
            }
        }
    }
}

/// Curve by which a learning rate rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cosine,
    /// Linear.
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
