//! Data-based normalisation: scales weights by the activations of the trained network.

use snn_core::{Draws, Dropout, Engine, Network, Plan, Source, Trial, check_finite};
use snn_data::Loader;

use super::{BATCH, Conversion, Trained, is_weighted, scale, silent};
use crate::evaluate::EPOCH;
use crate::{Event, Observer, TrainError};

/// Scales the weights of the conversion. Returns false if the observer stops it.
pub(super) fn balance(
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

/// Makes populations share one scale where no weight lies between them that could be scaled: if one reads the other
/// without weights, or if both are summed as sources of a projection. The shared scale is the `largest` of theirs, or
/// that of the input, 1, if they share with the input.
fn share_scales(network: &Network, largest: &mut [f32]) {
    let mut alike: Vec<[Source; 2]> = Vec::new();
    for (index, population) in network.populations().iter().enumerate() {
        for projection in &population.inputs {
            let summed = projection.sources.windows(2).map(|pair| [pair[0], pair[1]]);
            alike.extend(summed);
            if projection.weight.is_none() && index < largest.len() {
                alike.extend(projection.sources.iter().map(|&source| [Source::Population(index), source]));
            }
        }
    }
    let mut is_input = vec![false; largest.len()];
    // A scale may have to propagate through all of them.
    for _ in 0..largest.len() {
        for &pair in &alike {
            match pair {
                [Source::Input, Source::Input] => {}
                [Source::Population(index), Source::Input] | [Source::Input, Source::Population(index)] => {
                    is_input[index] = true;
                }
                [Source::Population(index), Source::Population(source)] => {
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

/// For each hidden population, the activation that the fraction `share` of its positive activations does not exceed.
fn activations(
    engine: &dyn Engine,
    trained: &Trained<'_>,
    share: f64,
    observer: &mut dyn Observer,
) -> Result<Option<Vec<f32>>, TrainError> {
    let &Trained { built, weights, data, images } = trained;
    let mut session = engine.compile(&built.network, Plan::new(1, BATCH).record())?;
    session.load(weights)?;
    let hidden = built.network.populations().len() - 1;
    let mut found: Vec<Vec<f32>> = vec![Vec::new(); hidden];
    let mut loader = Loader::in_order(data, trained.samples(), BATCH);
    let mut done = 0;
    for batch in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, batch) else { break };
        let draws = Draws { seed: built.experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let shown = crate::EncodedBatch::new(built, 1, batch);
        session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
        for (index, found) in found.iter_mut().enumerate() {
            let record = session.record(index)?;
            let what = || format!("activations of {}", built.network.populations()[index].name);
            check_finite(what, &record.membrane, f32::MAX)?;
            if share < 1.0 {
                found.extend(record.membrane.iter().filter(|v| **v > 0.0));
            } else {
                let largest = record.membrane.iter().copied().fold(0.0, f32::max);
                found.push(largest);
            }
        }
        done += batch.samples.len();
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
