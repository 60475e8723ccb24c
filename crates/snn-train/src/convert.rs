//! From a trained network of rectified linear units to one of integrate-and-fire neurons: threshold balancing.
//!
//! A neuron whose weights are divided by the threshold that it ought to have does what it would do with that threshold;
//! so thresholds stay 1 here, and weights change.

use serde::{Deserialize, Serialize};
use snn_core::neuron::{If, Lif, Relu};
use snn_core::registry::{Part, Registry};
use snn_core::{
    Draws, Dropout, Encoder, Engine, Input, Network, Neuron, Plan, Population, Projection, Source, Stimulus, Trial,
    Weights,
};
use snn_data::{Dataset, Loader};
use snn_models::{Built, Experiment, ExperimentError};

use crate::evaluate::{EPOCH, check_data};
use crate::{Event, Observer, TrainError};

/// Images of a calibration batch: few, as currents of all steps are looked at.
const BATCH: usize = 4;

/// How thresholds are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Balance {
    /// Data-based normalisation: the weights of a population are scaled so that its largest activation in the trained
    /// network becomes 1; or its largest weight, if that is larger, as in Diehl et al., "Fast-classifying, high-accuracy
    /// spiking deep networks through weight and threshold balancing", IJCNN 2015. With a `share` below 1, such as 0.999,
    /// it is the activation that this share of the activations above 0 do not exceed, whatever the weights: the robust
    /// form of Rueckauer et al. 2017.
    DataNorm {
        /// In `(0, 1]`.
        share: f64,
    },
    /// Spike-norm: population by population, the threshold is the largest current that the spikes of those before it cause
    /// at a step, as in Sengupta et al., "Going deeper in spiking neural networks: VGG and residual architectures", Front.
    /// Neurosci. 13:95, 2019.
    SpikeNorm,
}

/// A converted network.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The experiment, with spiking neurons, spikes as input, and time steps.
    pub experiment: Experiment,
    /// Its weights.
    pub weights: Weights,
    /// Name of each population with weights, and what its threshold of 1 now stands for: an activation of the trained
    /// network (data-norm), or a current in the network whose earlier populations are converted already (spike-norm).
    pub thresholds: Vec<(String, f32)>,
}

/// What is to be converted, and on what it is measured.
#[derive(Clone, Copy)]
pub struct Trained<'a> {
    /// Experiment of one time step, with `Relu` neurons and direct input.
    pub experiment: &'a Experiment,
    /// What its names stand for.
    pub built: &'a Built,
    /// Its weights.
    pub weights: &'a Weights,
    /// Data set whose first images are shown to find the thresholds: the training set.
    pub data: &'a Dataset,
    /// How many of them.
    pub images: usize,
}

/// Converts a trained network into one whose hidden neurons are `neuron`, an `If` or `Lif` of threshold 1 such as
/// `If(reset: Soft)`, that sees Poisson spikes for `steps` time steps. The scale of its output is that of the trained
/// network with data-norm, and another one with spike-norm. None if the observer broke off.
///
/// # Errors
/// [`TrainError::Setup`] if the network is not one of `Relu`s with direct input over one step, or cannot be balanced, or
/// if `neuron` is another one;
/// [`TrainError::Experiment`] if the spiking experiment cannot be built; [`TrainError::Core`].
pub fn convert(
    engine: &dyn Engine,
    registry: &Registry,
    trained: Trained<'_>,
    balance: Balance,
    (neuron, steps): (&str, usize),
    observer: &mut dyn Observer,
) -> Result<Option<Conversion>, TrainError> {
    let scale = check(&trained)?;
    let (input, steps) = (format!("Poisson(scale: {scale:?})"), steps.to_string());
    let settings = [("input", input.as_str()), ("network.neuron", neuron), ("network.pool", neuron), ("steps", &steps)];
    let text = trained.experiment.to_ron();
    let experiment = Experiment::from_ron(&text, "the trained experiment", &settings, registry)?;
    let spiking = experiment.build(registry)?;
    check_neuron(neuron, &spiking.network)?;
    let mut conversion = Conversion { experiment, weights: trained.weights.clone(), thresholds: Vec::new() };
    let done = match balance {
        Balance::DataNorm { share } => data_norm(engine, &trained, share, &mut conversion, observer)?,
        Balance::SpikeNorm => spike_norm(engine, &trained, &spiking, &mut conversion, observer)?,
    };
    Ok(done.then_some(conversion))
}

/// Checks that the network can be converted; the factor on its input.
fn check(trained: &Trained<'_>) -> Result<f32, TrainError> {
    let &Trained { experiment, built, data, images, .. } = trained;
    let fail = |reason: String| Err(TrainError::setup("the network to convert", reason));
    check_data(built, data)?;
    if images == 0 || images > data.len() {
        let reason = format!("must be 1 to the {} there are, found {images}", data.len());
        return Err(TrainError::setup("images to measure on", reason));
    }
    if experiment.network.name == "Populations" {
        return fail("must be a LeNet, Vgg, ResNet or Sequence, whose neurons can be changed all at once".to_owned());
    }
    if experiment.steps != 1 {
        return fail(format!("must have been trained with steps: 1, not {}", experiment.steps));
    }
    let Some((_, hidden)) = built.network.populations().split_last() else { return fail("is empty".to_owned()) };
    if let Some(other) = hidden.iter().find(|population| population.neuron.name() != "Relu") {
        let (name, neuron) = (&other.name, other.neuron.name());
        return fail(format!("must have Relu neurons in all hidden layers, but {name} has {neuron}"));
    }
    let direct: Option<f32> = match &built.input {
        Input::Images(_) if experiment.input.name == "Direct" => {
            experiment.input.clone().resolve::<snn_core::Direct>().ok().map(|direct| direct.scale)
        }
        _ => None,
    };
    direct.map_or_else(|| fail(format!("must have direct input, not {}", experiment.input.name)), Ok)
}

/// Checks that all hidden populations of the `spiking` network have the neuron, and that it is one that can be balanced.
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
/// `gain`.
fn scale(network: &Network, population: usize, threshold: f32, gain: impl Fn(Source) -> f32, weights: &mut Weights) {
    for projection in &network.populations()[population].inputs {
        let Some(weight) = projection.weight else { continue };
        let factor = gain(projection.source) / threshold;
        weights[weight].iter_mut().for_each(|w| *w *= factor);
    }
}

/// Whether some of what feeds the population goes through weights.
fn is_weighted(network: &Network, population: usize) -> bool {
    network.populations()[population].inputs.iter().any(|projection| projection.weight.is_some())
}

fn data_norm(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    share: f64,
    conversion: &mut Conversion,
    observer: &mut dyn Observer,
) -> Result<bool, TrainError> {
    if !(share > 0.0 && share <= 1.0) {
        let reason = format!("must be greater than 0 and at most 1, found {share}");
        return Err(TrainError::setup("share of the activations", reason));
    }
    let network = &trained.built.network;
    let Some(mut largest) = activations(engine, trained, share, observer)? else { return Ok(false) };
    if share == 1.0 {
        for (index, largest) in largest.iter_mut().enumerate() {
            let weights = network.populations()[index].inputs.iter().filter_map(|projection| projection.weight);
            *largest = weights.flat_map(|weight| &trained.weights[weight]).copied().fold(*largest, f32::max);
        }
    }
    share_scales(network, &mut largest);
    let hidden = largest.len();
    for index in 0..network.populations().len() {
        let threshold = largest.get(index).copied().unwrap_or(1.0);
        let gain = |source| match source {
            Source::Input => 1.0,
            Source::Population(source) => largest[source],
        };
        scale(network, index, threshold, gain, &mut conversion.weights);
        if index < hidden && is_weighted(network, index) {
            conversion.thresholds.push((network.populations()[index].name.clone(), threshold));
        }
    }
    Ok(true)
}

/// Gives populations that one reads from the other without weights, where nothing can be scaled, the same scale: the
/// `largest` of theirs; or that of the input, 1, if one of them so reads it.
fn share_scales(network: &Network, largest: &mut [f32]) {
    let unweighted: Vec<(usize, Source)> = (0..largest.len())
        .flat_map(|index| network.populations()[index].inputs.iter().map(move |projection| (index, projection)))
        .filter(|(_, projection)| projection.weight.is_none())
        .map(|(index, projection)| (index, projection.source))
        .collect();
    let mut is_input = vec![false; largest.len()];
    // A scale may have to pass through all of them.
    for _ in 0..largest.len() {
        for &(index, source) in &unweighted {
            match source {
                Source::Input => is_input[index] = true,
                Source::Population(source) => {
                    let (both, either) = (largest[index].max(largest[source]), is_input[index] || is_input[source]);
                    (largest[index], largest[source]) = (both, both);
                    (is_input[index], is_input[source]) = (either, either);
                }
            }
        }
    }
    for (largest, _) in largest.iter_mut().zip(is_input).filter(|(_, is_input)| *is_input) {
        *largest = 1.0;
    }
}

/// The activation of each hidden population that `share` of its activations above 0 do not exceed.
fn activations(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    share: f64,
    observer: &mut dyn Observer,
) -> Result<Option<Vec<f32>>, TrainError> {
    let &Trained { experiment, built, weights, data, images } = trained;
    let mut session = engine.compile(&built.network, Plan::new(1, BATCH).record())?;
    session.load(weights)?;
    let hidden = built.network.populations().len() - 1;
    let mut found: Vec<Vec<f32>> = vec![Vec::new(); hidden];
    let mut loader = Loader::in_order(data, 0..images, BATCH);
    for batch in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, batch) else { break };
        let draws = Draws { seed: experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let shown = crate::Shown::new(built, 1, batch);
        session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
        for (index, found) in found.iter_mut().enumerate() {
            let record = session.record(index)?;
            if share < 1.0 {
                found.extend(record.membrane.iter().filter(|v| **v > 0.0));
            } else {
                let largest = record.membrane.iter().copied().fold(0.0, f32::max);
                found.push(largest);
            }
        }
        let done = batch.samples.last().map_or(images, |last| *last as usize + 1);
        if observer.on_event(&Event::Evaluating { done, images }).is_break() {
            return Ok(None);
        }
    }
    let mut largest = Vec::with_capacity(hidden);
    for (population, mut values) in built.network.populations().iter().zip(found) {
        values.sort_unstable_by(f32::total_cmp);
        let rank = (share * values.len() as f64).ceil() as usize;
        match values.get(rank.max(1) - 1) {
            Some(&value) if value > 0.0 => largest.push(value),
            _ => return Err(silent(&population.name)),
        }
    }
    Ok(Some(largest))
}

fn silent(population: &str) -> TrainError {
    let reason = format!("{population} is silent for all images that were shown; measure on more, or train longer");
    TrainError::setup("the network to convert", reason)
}

fn spike_norm(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    spiking: &Built,
    conversion: &mut Conversion,
    observer: &mut dyn Observer,
) -> Result<bool, TrainError> {
    let network = &spiking.network;
    let Input::Images(encoder) = &spiking.input else {
        return Err(TrainError::setup("the network to convert", "must see images".to_owned()));
    };
    let hidden = network.populations().len() - 1;
    let weighted: Vec<usize> = (0..hidden).filter(|&index| is_weighted(network, index)).collect();
    let images = trained.images;
    for (done, &index) in weighted.iter().enumerate() {
        let population = &network.populations()[index];
        if population.inputs.iter().any(|projection| projection.weight.is_none()) {
            let reason = format!(
                "{} reads another layer without weights, which spike-norm cannot scale; take data-norm",
                population.name
            );
            return Err(TrainError::setup("the network to convert", reason));
        }
        let shown = (spiking, encoder.as_ref());
        let Some(largest) = largest_current(engine, trained, shown, index, conversion, &mut |images_done| {
            let (done, images) = (done * images + images_done, weighted.len() * images);
            observer.on_event(&Event::Evaluating { done, images }).is_continue()
        })?
        else {
            return Ok(false);
        };
        if largest <= 0.0 {
            return Err(silent(&population.name));
        }
        scale(network, index, largest, |_| 1.0, &mut conversion.weights);
        conversion.thresholds.push((population.name.clone(), largest));
    }
    Ok(true)
}

/// The largest current into the neurons of `population` at any step, by the spikes of those before it. None if `go_on`,
/// which is told how many images are done, says no.
fn largest_current(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    (spiking, encoder): (&Built, &dyn Encoder),
    population: usize,
    conversion: &Conversion,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<f32>, TrainError> {
    let (network, experiment) = (up_to(&spiking.network, population)?, &conversion.experiment);
    let weights = conversion.weights[..network.weights().len()].to_vec();
    let mut session = engine.compile(&network, Plan::new(experiment.steps, BATCH))?;
    session.load(&weights)?;
    let mut largest = 0.0_f32;
    let mut loader = Loader::in_order(trained.data, 0..trained.images, BATCH);
    for batch in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, batch) else { break };
        let draws = Draws { seed: experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let stimulus = Stimulus::Images { pixels: &batch.pixels, shape: spiking.data.shape(), encoder, draws };
        let activity = session.forward(&Trial { stimulus, dropout: Dropout::Off })?;
        largest = activity.output.iter().copied().fold(largest, f32::max);
        if !go_on(batch.samples.last().map_or(0, |last| *last as usize + 1)) {
            return Ok(None);
        }
    }
    Ok(Some(largest))
}

/// The network up to `last`, whose output is its current where that is above 0.
fn up_to(network: &Network, last: usize) -> Result<Network, TrainError> {
    let mut builder = Network::builder(network.input());
    for (index, population) in network.populations()[..=last].iter().enumerate() {
        let neuron: Neuron = if index == last { Relu {}.neuron() } else { population.neuron.clone() };
        let inputs = population.inputs.iter().map(|projection| {
            let copy = Projection::new(projection.source, projection.map);
            match projection.weight {
                Some(weight) => copy.named(&network.weights()[weight].name),
                None => copy,
            }
        });
        builder.add(&population.name, neuron, inputs.collect())?;
    }
    Ok(builder.build()?)
}

impl From<ExperimentError> for TrainError {
    fn from(error: ExperimentError) -> Self {
        Self::Experiment(Box::new(error))
    }
}
