//! Spike-norm: scales weights by the currents that spikes cause, one population after the other.

use snn_core::neuron::Relu;
use snn_core::{Draws, Dropout, Encoder, Engine, Input, Stimulus, Trial};
use snn_data::Loader;
use snn_models::Built;

use super::{BATCH, Conversion, Trained, is_weighted, scale, silent};
use crate::evaluate::{EPOCH, check_output};
use crate::{Event, Observer, TrainError};

/// Scales the weights of the conversion. Returns false if the observer stops it.
pub(super) fn balance(
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
        if population.inputs.iter().any(|projection| projection.bias.is_some()) {
            let reason = format!("{} has a bias, of which spike-norm knows nothing; take data-norm", population.name);
            return Err(TrainError::setup("the network to convert", reason));
        }
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

/// The largest current into any neuron of `population` at any time step, caused by the spikes of earlier populations.
/// Returns `None` if `go_on`, which receives the number of images done, returns false.
fn largest_current(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    (spiking, encoder): (&Built, &dyn Encoder),
    population: usize,
    conversion: &Conversion,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<f32>, TrainError> {
    // The output is the population's current, rectified.
    let network = spiking.network.up_to(population, &Relu {}.neuron())?;
    let experiment = &conversion.experiment;
    let weights = conversion.weights[..network.tensors().len()].to_vec();
    let mut session = engine.compile(&network, spiking.input.plan(experiment.steps, BATCH))?;
    session.load(&weights)?;
    let mut largest = 0.0_f32;
    let mut loader = Loader::in_order(trained.data, trained.samples(), BATCH);
    let mut done = 0;
    for batch in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, batch) else { break };
        let draws = Draws { seed: experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let stimulus = Stimulus::Images { pixels: &batch.pixels, shape: spiking.data.shape(), encoder, draws };
        let activity = session.forward(&Trial { stimulus, dropout: Dropout::Off })?;
        check_output(&activity.output)?;
        largest = activity.output.iter().copied().fold(largest, f32::max);
        done += batch.samples.len();
        if !go_on(done) {
            return Ok(None);
        }
    }
    Ok(Some(largest))
}
