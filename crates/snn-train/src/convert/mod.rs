//! Conversion of a trained network of rectified linear units to integrate-and-fire neurons, by threshold balancing.
//!
//! Dividing the weights of a neuron by a factor has the same effect as multiplying its threshold by it. Thresholds
//! therefore stay 1, and the weights are scaled.

mod data_norm;
mod spike_norm;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use snn_core::neuron::{If, Lif};
use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{Engine, Input, Limit, Network, Population, Source, Tensor, Weights};
use snn_data::Dataset;
use snn_models::{Built, Experiment, ExperimentError};

use crate::evaluate::check_data;
use crate::{Observer, TrainError};

/// Images per calibration batch. It is small because the currents of all time steps are recorded.
const BATCH: usize = 4;

/// How thresholds are determined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Balance {
    /// Data-based normalisation: the weights of a population are scaled so that its largest activation in the trained
    /// network becomes 1; or its largest weight, if that is larger, as in Diehl et al., "Fast-classifying,
    /// high-accuracy spiking deep networks through weight and threshold balancing", IJCNN 2015. With a `share` below 1,
    /// such as 0.999, the scale is the activation that this fraction of the positive activations does not exceed, and
    /// weights are not considered: the robust form of Rueckauer et al. 2017.
    DataNorm {
        /// Fraction in `(0, 1]`.
        share: f64,
    },
    /// Spike-norm: population by population, the threshold is the largest current at any time step caused by the spikes
    /// of earlier populations, as in Sengupta et al., "Going deeper in spiking neural networks: VGG and residual
    /// architectures", Front. Neurosci. 13:95, 2019.
    SpikeNorm,
}

/// A converted network.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Conversion {
    /// The experiment, with spiking neurons, spike input and time steps.
    pub experiment: Experiment,
    /// Its weights.
    pub weights: Weights,
    /// Name of each population with weights, and the value that its threshold of 1 represents: an activation of the
    /// trained network (data-norm), or a current in the network with its earlier populations converted (spike-norm).
    pub thresholds: Vec<(String, f32)>,
}

/// The trained network to convert, and the images to measure it on.
#[derive(Clone, Copy)]
pub struct Trained<'a> {
    /// The experiment, with one time step, `Relu` neurons and direct input, and the network built from it.
    pub built: &'a Built,
    /// Its weights.
    pub weights: &'a Weights,
    /// Data set for finding the thresholds: the training set.
    pub data: &'a Dataset,
    /// Number of images to use, the first ones of each class.
    pub images: usize,
}

/// The spiking network to convert to.
#[derive(Debug, Clone, Copy)]
pub struct ConversionTarget<'a> {
    /// RON text of the hidden neurons: an `If` or `Lif` of threshold 1, such as `If(reset: Soft)`.
    pub neuron: &'a str,
    /// Time steps of a trial.
    pub steps: usize,
}

impl Trained<'_> {
    /// Indices of the images to show.
    fn samples(&self) -> Vec<u32> {
        Limit::Spread(self.images).samples(self.data.labels())
    }
}

/// Converts a trained network to a spiking network. Its input is Poisson spikes. Data-norm keeps the scale of the
/// output, spike-norm does not. Returns `None` if the observer stops it.
///
/// # Errors
/// [`TrainError::Setup`] if the network does not consist of `Relu`s with direct input over one step, cannot be
/// balanced, or if `neuron` is of another kind;
pub fn convert(
    engine: &dyn Engine,
    registry: &Registry,
    trained: Trained<'_>,
    balance: Balance,
    target: ConversionTarget<'_>,
    observer: &mut dyn Observer,
) -> Result<Option<Conversion>, TrainError> {
    let ConversionTarget { neuron, steps } = target;
    let scale = check(&trained)?;
    let plain = without_norms(registry, &trained)?;
    let trained = plain.as_ref().map_or(trained, |(built, weights)| Trained { built, weights, ..trained });
    let (input, steps) = (format!("Poisson(scale: {scale:?})"), steps.to_string());
    let settings = [("input", input.as_str()), ("network.neuron", neuron), ("network.pool", neuron), ("steps", &steps)];
    let text = trained.built.experiment.to_ron();
    let experiment = Experiment::from_ron(&text, "the trained experiment", &settings, registry)?;
    let spiking = experiment.build(registry)?;
    check_neuron(neuron, &spiking.network)?;
    let mut conversion = Conversion { experiment, weights: trained.weights.clone(), thresholds: Vec::new() };
    let done = match balance {
        Balance::DataNorm { share } => data_norm::balance(engine, &trained, share, &mut conversion, observer)?,
        Balance::SpikeNorm => spike_norm::balance(engine, &trained, &spiking, &mut conversion, observer)?,
    };
    spiking.network.check_weights(&conversion.weights)?;
    Ok(done.then_some(conversion))
}

/// The network with its normalisations folded into weights and biases, and its weights. `None` if it has no
/// normalisations.
fn without_norms(registry: &Registry, trained: &Trained<'_>) -> Result<Option<(Built, Weights)>, TrainError> {
    let network = &trained.built.network;
    if network.norms().next().is_none() {
        return Ok(None);
    }
    let folded = network.folded();
    if folded.norms().next().is_some() {
        let reason = "must not normalise currents behind a pool that takes the largest, as with pooling: CurrentMax; the scale does \
                      not pass through it";
        return Err(TrainError::setup("the network to convert", reason.to_owned()));
    }
    let settings = [("network.norm", "None"), ("network.bias", "true")];
    let experiment =
        Experiment::from_ron(&trained.built.experiment.to_ron(), "the trained experiment", &settings, registry)?;
    let built = experiment.build(registry)?;
    let known: HashMap<&str, Vec<f32>> =
        folded.tensors().iter().map(|tensor| tensor.name.as_str()).zip(network.fold(trained.weights)).collect();
    // A readout is not normalised. Its bias, which the trained network does not have, is 0.
    let values = |tensor: &Tensor| known.get(&*tensor.name).cloned().unwrap_or_else(|| vec![0.0; tensor.len()]);
    let weights = built.network.tensors().iter().map(values).collect();
    Ok(Some((built, weights)))
}

/// Checks that the network can be converted, and returns the scale of its input.
fn check(trained: &Trained<'_>) -> Result<f32, TrainError> {
    let &Trained { built, data, images, .. } = trained;
    let fail = |reason: String| Err(TrainError::setup("the network to convert", reason));
    check_data(built, data)?;
    if images == 0 || images > data.len() {
        let reason = format!("must be 1 to the {} there are, found {images}", data.len());
        return Err(TrainError::setup("images to measure on", reason));
    }
    if built.experiment.network.name == "Populations" {
        return fail("must be a LeNet, Vgg, ResNet or Sequence, whose neurons can be changed all at once".to_owned());
    }
    let Some((_, hidden)) = built.network.populations().split_last() else { return fail("is empty".to_owned()) };
    if let Some(other) = hidden.iter().find(|population| population.neuron.name() != "Relu") {
        let (name, neuron) = (&other.name, other.neuron.name());
        return fail(format!("must have Relu neurons in all hidden layers, but {name} has {neuron}"));
    }
    if let Some(weight) = shared(&built.network) {
        return fail(format!("must not share weights between layers, whose scales differ, as it does {weight}"));
    }
    if built.experiment.steps != 1 {
        return fail(format!("must have been trained with steps: 1, not {}", built.experiment.steps));
    }
    let direct: Option<f32> = match &built.input {
        Input::Images(_) if built.experiment.input.name == "Direct" => {
            built.experiment.input.clone().resolve::<snn_core::Direct>().ok().map(|direct| direct.scale)
        }
        _ => None,
    };
    direct.map_or_else(|| fail(format!("must have direct input, not {}", built.experiment.input.name)), Ok)
}

/// Checks that all hidden populations of the `spiking` network have the given neuron, and that this neuron can be
/// balanced.
fn check_neuron(text: &str, spiking: &Network) -> Result<(), TrainError> {
    let fail = |reason: String| Err(TrainError::setup("neuron of the hidden layers", reason));
    let mut part = Part::parse(text).unwrap_or_else(|_| Part::new(text));
    let threshold = match part.name.as_str() {
        "If" => part.resolve::<If>().map(|neuron| neuron.threshold),
        "Lif" => part.resolve::<Lif>().map(|neuron| neuron.threshold),
        other => return fail(format!("must be If or Lif, not {other}")),
    };
    if threshold.is_ok_and(|threshold| threshold != 1.0) {
        return fail(format!("must have a threshold of 1, as weights are scaled in its place, not {text}"));
    }
    let hidden = spiking.populations().split_last().map_or(&[][..], |(_, hidden)| hidden);
    match hidden.iter().find(|population| population.neuron.name() != part.name) {
        Some(Population { name, neuron, .. }) => fail(format!(
            "{name} has a neuron of its own in the experiment, {}; train a network whose layers name none",
            neuron.name()
        )),
        None => Ok(()),
    }
}

/// Divides the currents of `population` by `threshold`, and multiplies what it reads from each source by that source's
/// `gain`. Sources that are summed before a weight have the same gain.
fn scale(network: &Network, population: usize, threshold: f32, gain: impl Fn(Source) -> f32, weights: &mut Weights) {
    for projection in &network.populations()[population].inputs {
        if let (Some(weight), Some(&source)) = (projection.weight, projection.sources.first()) {
            let factor = gain(source) / threshold;
            weights[weight].iter_mut().for_each(|w| *w *= factor);
        }
        if let Some(bias) = projection.bias {
            weights[bias].iter_mut().for_each(|b| *b /= threshold);
        }
    }
}

/// Name of a weight that several projections share, if there is one.
fn shared(network: &Network) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    let mut weights = network.populations().iter().flat_map(|p| p.inputs.iter().filter_map(|input| input.weight));
    weights.find(|weight| !seen.insert(*weight)).map(|weight| network.tensors()[weight].name.as_str())
}

/// Whether any input of the population has weights.
fn is_weighted(network: &Network, population: usize) -> bool {
    network.populations()[population].inputs.iter().any(|projection| projection.weight.is_some())
}

fn silent(population: &str) -> TrainError {
    let reason = format!("{population} is silent for all images that were shown; measure on more, or train longer");
    TrainError::setup("the network to convert", reason)
}

impl From<ExperimentError> for TrainError {
    fn from(error: ExperimentError) -> Self {
        Self::Experiment(Box::new(error))
    }
}
