//! Dropout masks, drawn once per trial and used at all its steps.

use crate::network::Population;
use crate::random::{Purpose, Stream};

/// Draws the mask of one sample for the population at `index`: 0 with the population's dropout probability `p`, else
/// `1 / (1 - p)`. All ones if `p` is 0.
pub fn dropout_mask(population: &Population, index: usize, seed: u64, epoch: u32, sample: u32) -> Vec<f32> {
    let p = population.dropout;
    let stream = Stream::new(seed, Purpose::Dropout);
    let below = (f64::from(p) * 4_294_967_296.0).ceil() as u64;
    let keep = 1.0 / (1.0 - p);
    let neurons = population.shape.len();
    let mut mask = Vec::with_capacity(neurons.next_multiple_of(4));
    for block in 0..neurons.div_ceil(4) as u32 {
        let words = stream.block(epoch, sample, index as u32, block);
        mask.extend(words.map(|word| if u64::from(word) < below { 0.0 } else { keep }));
    }
    mask.truncate(neurons);
    mask
}
