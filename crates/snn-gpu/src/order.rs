//! Conversion between the order of neurons on the GPU, `[row][column][channel]`, and the order elsewhere,
//! `[channel][row][column]`.

use snn_core::Shape;

/// For each neuron in the GPU's order, returns its index in the order used elsewhere.
pub(crate) fn host_order(shape: Shape) -> impl Iterator<Item = usize> + Clone {
    let (channels, pixels) = (shape.channels, shape.pixels());
    (0..shape.len()).map(move |on_card| on_card % channels * pixels + on_card / channels)
}

/// Reorders values of neurons of `shape` to the GPU's order, sample by sample.
pub(crate) fn to_gpu<T: Copy>(values: &[T], shape: Shape) -> Vec<T> {
    values.chunks(shape.len()).flat_map(|sample| host_order(shape).map(|at| sample[at])).collect()
}

/// The inverse of [`to_gpu`].
pub(crate) fn from_gpu<T: Copy + Default>(values: &[T], shape: Shape) -> Vec<T> {
    let mut ordered = vec![T::default(); values.len()];
    for (to, from) in ordered.chunks_mut(shape.len()).zip(values.chunks(shape.len())) {
        for (value, at) in from.iter().zip(host_order(shape)) {
            to[at] = *value;
        }
    }
    ordered
}
