//! Descriptions of parts of an experiment.

use crate::{
    cli::text::{self, thousands},
    core::{Augmentation, Gradient, Limit, Network, Neuron, Trace},
    models::{
        Built, Experiment,
        experiment::{Reduction, Start},
    },
};

/// Describes a network on one line: `1x28x28 -> 10 classes, 50 steps, Lif, 517,500 weights`.
pub(crate) fn network(network: &Network, steps: usize) -> String {
    let neuron = network.populations().first().map_or("", |population| population.neuron.name());
    let (classes, weights) = (network.classes(), thousands(network.parameters()));
    let steps = text::counted(steps, "step");
    format!("{} -> {classes} classes, {steps}, {neuron}, {weights} weights", network.input())
}

/// Short name of the gradient of a neuron: that of its surrogate, or of its spike-gated gradient.
pub(crate) fn gradient_name(neuron: &Neuron) -> String {
    let name = match neuron.gradient() {
        Gradient::Surrogate { surrogate, .. } => surrogate.to_string(),
        Gradient::SpikeGated { correction: Some(_), .. } => "LeakCorrected".to_owned(),
        Gradient::SpikeGated { correction: None, .. } if neuron.fires() => "spike-gated".to_owned(),
        Gradient::SpikeGated { .. } => "LeakFree".to_owned(),
        Gradient::Exact => "Exact".to_owned(),
    };
    name.split('(').next().unwrap_or_default().to_owned()
}

/// Describes how error is backpropagated through a neuron.
pub(crate) fn gradient(neuron: &Neuron) -> String {
    match neuron.gradient() {
        Gradient::Surrogate { surrogate, detach_reset } => {
            let reset = if *detach_reset { "no error passes the reset" } else { "error passes the reset, too" };
            format!("through time, the slope of a spike is {surrogate}; {reset}")
        }
        Gradient::SpikeGated { threshold, correction: Some(correction) } => {
            let after = match correction.trace {
                Trace::AfterDropout => "after dropout",
                Trace::BeforeDropout => "before dropout",
            };
            let rule = format!("d(t) = C g(t){} where it spiked, else d(t+1)", over(*threshold));
            format!("leak-corrected: {rule}; C from its spikes {after} and leak {}", correction.leak)
        }
        Gradient::SpikeGated { threshold, correction: None } if neuron.fires() => {
            format!("spike-gated: d(t) = g(t){} where it spiked, else d(t+1)", over(*threshold))
        }
        Gradient::SpikeGated { threshold, .. } => format!("leak-free: d(t) = d(t+1) + g(t){}", over(*threshold)),
        Gradient::Exact => "the derivative as it is".to_owned(),
    }
}

fn over(threshold: f32) -> String {
    if threshold == 1.0 { String::new() } else { format!(" / {threshold}") }
}

/// Describes how currents are normalised; empty if they are not.
pub(crate) fn norm(network: &Network) -> String {
    let Some(norm) = network.norms().next() else { return String::new() };
    format!(
        "y = scale (x - mean) / sqrt(variance + {:e}) + shift, for each channel over {} samples, all steps and pixels",
        norm.epsilon, norm.group
    )
}

/// Describes how output over time is converted to scores.
pub(crate) fn score(built: &Built) -> String {
    let last = built.network.populations().last();
    let output = last.map_or_else(String::new, |last| {
        let what = if last.neuron.fires() { "spikes" } else { "output" };
        format!(", where y are the {what} of {}", last.name).replace("are the output", "is the output")
    });
    format!("score {}{output}", built.score.equation())
}

/// Describes the penalty added to the loss, if there is one.
pub(crate) fn penalty(experiment: &Experiment) -> Option<String> {
    let rates = experiment.rates?;
    let epochs =
        rates.epochs.map_or_else(String::new, |epochs| format!(", in the first {}", text::counted(epochs, "epoch")));
    Some(format!(
        "{} (r - {})² an image, for the mean firing rate r of each hidden population{epochs}",
        rates.weight, rates.target
    ))
}

/// Describes the initial weights of training; empty for randomly drawn ones.
pub(crate) fn start(experiment: &Experiment) -> String {
    match &experiment.start {
        Start::Drawn => String::new(),
        Start::Calibrated { images, .. } => {
            format!("drawn, then scaled until every population fires as often as it should, on {images} images")
        }
        Start::From { checkpoint } => format!("the weights of {checkpoint} that fit, others as they are drawn"),
    }
}

/// Describes epochs, batches and images of training.
pub(crate) fn training(built: &Built) -> String {
    let training = &built.experiment.training;
    let images = training.limit.map_or(built.data.training_images(), Limit::count) - training.validation.count();
    let clip = training.clip.map_or_else(String::new, |clip| format!(", gradient norm at most {clip}"));
    let shift = match training.augmentation {
        Augmentation::None => String::new(),
        Augmentation::Shift { pixels, flip } => {
            let flip = if flip { ", every second one mirrored" } else { "" };
            format!(", each shifted by up to {pixels} pixel{}{flip}", if pixels == 1 { "" } else { "s" })
        }
    };
    let reduction = match training.reduction {
        Reduction::Mean => "mean",
        Reduction::Sum => "sum",
    };
    let from = match training.dropout_from {
        0 => String::new(),
        epoch => format!(", no dropout in the first {}", text::counted(epoch, "epoch")),
    };
    let frozen = match &training.freeze[..] {
        [] => String::new(),
        patterns => format!(", {} frozen", patterns.join(", ")),
    };
    let average = training
        .average
        .map_or_else(String::new, |kept| format!(", answers by an average that keeps {kept} an update"));
    format!(
        "{} of {} images in batches of {}{shift}, gradient of the {reduction} of the losses{clip}{from}{frozen}{average}; {} held out; seed {}",
        text::counted(training.epochs, "epoch"),
        thousands(images),
        training.batch,
        thousands(training.validation.count()),
        training.seed
    )
}
