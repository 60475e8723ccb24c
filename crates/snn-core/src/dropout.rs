//! Dropout masks, drawn once per trial and held over all its steps.

use crate::{Population, Purpose, Stream};

/// Mask of one sample for the population at `index`: 0 with the population's probability `p`, else `1 / (1 - p)`.
/// All ones where `p` is 0.
pub fn dropout_mask(population: &Population, index: usize, seed: u64, epoch: u32, sample: u32) -> Vec<f32> {
    let p = population.dropout;
    let stream = Stream::new(seed, Purpose::Dropout);
    let below = (f64::from(p) * 4_294_967_296.0).ceil() as u64;
    let keep = 1.0 / (1.0 - p);
    let draw = |neuron| u64::from(stream.word(epoch, sample, index as u32, neuron)) < below;
    (0..population.shape.len() as u32).map(|neuron| if draw(neuron) { 0.0 } else { keep }).collect()
}
