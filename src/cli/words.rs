//! Parts of an experiment in words.

use snn::{
    core::{Encoder, Network, Neuron},
    models::{
        Experiment,
        experiment::{Augmentation, Loss, Optimizer, Schedule},
    },
};

use crate::cli::text::thousands;

/// A network on one line: `1x28x28 -> 10 classes, 60 steps, Lif leak 0.99, 517,500 weights`.
pub(crate) fn network(network: &Network, steps: usize) -> String {
    let neuron = network
        .populations()
        .iter()
        .map(|population| population.neuron)
        .find(|neuron| matches!(neuron, Neuron::Lif { .. }));
    let neuron = neuron.map_or_else(String::new, |neuron| format!(", Lif leak {}", neuron.leak()));
    let (classes, weights) = (network.classes(), thousands(network.parameters()));
    format!("{} -> {classes} classes, {steps} steps{neuron}, {weights} weights", network.input())
}

/// How images become spikes.
pub(crate) fn input(experiment: &Experiment) -> String {
    let Encoder::Poisson { scale } = experiment.input;
    let factor = if scale == 1.0 { String::new() } else { format!("{scale} ") };
    let steps = experiment.steps;
    format!("Poisson: at each of {steps} steps a value x spikes with probability min(1, {factor}|x|) and the sign of x")
}

/// The loss.
pub(crate) fn loss(experiment: &Experiment) -> &'static str {
    match experiment.loss {
        Loss::SquaredError => "sum over batch and classes of (score - target)^2; the target is 1 for the class, else 0",
    }
}

/// The update rule with its constants.
pub(crate) fn optimizer(experiment: &Experiment) -> String {
    let decay = |weight_decay: f32| if weight_decay > 0.0 { format!(" + {weight_decay} w") } else { String::new() };
    let adam = |name: &str, rate, (first, second): (f32, f32), epsilon, gradient: String, shrink: String| {
        format!(
            "{name}: m = {first} m + {:.4} {gradient};  q = {second} q + {:.4} {gradient}^2;  w -= {rate} m' / (sqrt q' + {epsilon:e}){shrink}",
            1.0 - first,
            1.0 - second
        )
    };
    match experiment.training.optimizer {
        Optimizer::Sgd { rate, momentum: 0.0, weight_decay } if weight_decay > 0.0 => {
            format!("Sgd: w -= {rate} (g{})", decay(weight_decay))
        }
        Optimizer::Sgd { rate, momentum: 0.0, .. } => format!("Sgd: w -= {rate} g"),
        Optimizer::Sgd { rate, momentum, weight_decay } => {
            format!("Sgd: m = {momentum} m + g{};  w -= {rate} m", decay(weight_decay))
        }
        Optimizer::Adam { rate, betas, epsilon, weight_decay } => {
            let gradient = if weight_decay > 0.0 { format!("(g{})", decay(weight_decay)) } else { "g".to_owned() };
            adam("Adam", rate, betas, epsilon, gradient, String::new())
        }
        Optimizer::AdamW { rate, betas, epsilon, weight_decay } => {
            adam("AdamW", rate, betas, epsilon, "g".to_owned(), format!(" + {} w", rate * weight_decay))
        }
    }
}

/// How the learning rate changes.
pub(crate) fn schedule(experiment: &Experiment) -> String {
    match &experiment.training.schedule {
        Schedule::Constant => "always the same rate".to_owned(),
        Schedule::Steps { at, factor } => {
            let at: Vec<String> = at.iter().map(usize::to_string).collect();
            format!("rate times {factor} from epoch {} on, counted from 0", at.join(", and again from "))
        }
        Schedule::Cosine { floor, warmup } => {
            let rise = if *warmup > 0.0 { format!("up from 0 over {warmup} epochs, then ") } else { String::new() };
            let end = if *floor > 0.0 { format!("{floor} of it") } else { "0".to_owned() };
            format!("{rise}from the full rate to {end} along half a cosine over all epochs")
        }
    }
}

/// Epochs, batches and images.
pub(crate) fn training(experiment: &Experiment) -> String {
    let training = &experiment.training;
    let images = experiment.data.training_images() - training.validation;
    let clip = training.clip.map_or_else(String::new, |clip| format!(", gradient norm at most {clip}"));
    let shift = match training.augmentation {
        Augmentation::None => String::new(),
        Augmentation::Shift { pixels } => {
            format!(", each shifted by up to {pixels} pixel{}", if pixels == 1 { "" } else { "s" })
        }
    };
    format!(
        "{} epochs of {} images in batches of {}{shift}{clip}; {} held out; seed {}",
        training.epochs,
        thousands(images),
        training.batch,
        thousands(training.validation),
        training.seed
    )
}
