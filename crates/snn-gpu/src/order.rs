//! Neurons on the card stand in the order `[row][column][channel]`, elsewhere `[channel][row][column]`.

use snn_core::Shape;

/// For each neuron in the order of the card, its place elsewhere.
pub(crate) fn elsewhere(shape: Shape) -> impl Iterator<Item = usize> + Clone {
    let (channels, pixels) = (shape.channels, shape.pixels());
    (0..shape.len()).map(move |on_card| on_card % channels * pixels + on_card / channels)
}

/// Values of neurons of `shape`, sample by sample, in the order of the card.
pub(crate) fn to_card<T: Copy>(values: &[T], shape: Shape) -> Vec<T> {
    values.chunks(shape.len()).flat_map(|sample| elsewhere(shape).map(|at| sample[at])).collect()
}

/// The reverse of [`to_card`].
pub(crate) fn from_card<T: Copy + Default>(values: &[T], shape: Shape) -> Vec<T> {
    let mut ordered = vec![T::default(); values.len()];
    for (to, from) in ordered.chunks_mut(shape.len()).zip(values.chunks(shape.len())) {
        for (value, at) in from.iter().zip(elsewhere(shape)) {
            to[at] = *value;
        }
    }
    ordered
}
