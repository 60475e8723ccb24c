//! Memory layout of neurons and weights: pixels outermost, channels innermost and padded to whole lanes.

use std::ops::Range;

use rayon::prelude::*;
use snn_core::Shape;

use crate::simd::{LANE, Lane, flat, flat_mut, lanes};

/// The memory layout of the neurons of one population (or of the input): `[pixel][channel]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Number of lanes of one pixel.
    pub(crate) lanes: usize,
}

impl Layout {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { channels: shape.channels, height: shape.height, width: shape.width, lanes: lanes(shape.channels) }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Number of lanes of all pixels.
    pub(crate) fn width(&self) -> usize {
        self.pixels() * self.lanes
    }

    /// Index in `C, H, W` order.
    pub(crate) fn neuron(&self, pixel: usize, channel: usize) -> usize {
        channel * self.pixels() + pixel
    }

    /// Writes the outputs of a block of neurons at one step to `output`, in `C, H, W` order.
    pub(crate) fn scatter(&self, block: &Range<usize>, rows: &[Lane], output: &mut [f32]) {
        for (lane, values) in block.clone().zip(rows) {
            let (pixel, first) = (lane / self.lanes, lane % self.lanes * LANE);
            for channel in first..self.channels.min(first + LANE) {
                output[self.neuron(pixel, channel)] = values.0[channel - first];
            }
        }
    }

    /// Cuts the channels into tiles of at most `tile_lanes` lanes.
    pub(crate) fn tiles(&self, tile_lanes: usize) -> impl Iterator<Item = Tile> + use<> {
        let lanes = self.lanes;
        (0..lanes).step_by(tile_lanes).map(move |start| Tile { start, lanes: tile_lanes.min(lanes - start) })
    }
}

/// A contiguous range of the channel lanes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// First lane.
    pub(crate) start: usize,
    pub(crate) lanes: usize,
}

impl Tile {
    /// Channels of the tile, padding included.
    pub(crate) fn channels(&self) -> Range<usize> {
        self.start * LANE..(self.start + self.lanes) * LANE
    }
}

/// The shape of a weight `[C_out, C_in, taps]`. A linear map counts as a convolution whose taps are the pixels of its
/// input.
///
/// The packed weight has one row per input channel and tap, which holds the output channels of a tile:
/// `[tile][tap][input][output in tile]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WeightShape {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) taps: usize,
    /// Groups of channels. A row has an entry for every output; entries of outputs in other groups are zero.
    pub(crate) groups: usize,
}

impl WeightShape {
    /// The shape of a map without weights.
    pub(crate) const NONE: Self = Self { outputs: 0, inputs: 0, taps: 0, groups: 1 };

    /// Number of input channels of one group.
    fn seen(&self) -> usize {
        self.inputs / self.groups
    }

    /// The index of `input` within the group of inputs that `output` reads, or `None` if it is in another group.
    fn own(&self, output: usize, input: usize) -> Option<usize> {
        let first = output / (self.outputs / self.groups) * self.seen();
        input.checked_sub(first).filter(|own| *own < self.seen())
    }

    /// Number of lanes of the packed weight.
    pub(crate) fn packed_lanes(&self) -> usize {
        self.inputs * self.taps * lanes(self.outputs)
    }

    /// The range of lanes of the packed weight that belongs to `tile`.
    pub(crate) fn tile_range(&self, tile: Tile) -> Range<usize> {
        let per_lane = self.inputs * self.taps;
        per_lane * tile.start..per_lane * (tile.start + tile.lanes)
    }

    /// The range of lanes of one tap, within the range of the tile.
    pub(crate) fn tap_range(&self, tile: Tile, tap: usize) -> Range<usize> {
        let per_tap = self.inputs * tile.lanes;
        per_tap * tap..per_tap * (tap + 1)
    }

    /// Packs row-major `[C_out, C_in / groups, taps]` values. Padding is not written and stays zero.
    pub(crate) fn pack(&self, values: &[f32], packed: &mut [Lane], tile_lanes: usize) {
        packed.par_chunks_mut(self.inputs * self.taps * tile_lanes).enumerate().for_each(|(tile, packed)| {
            let width = packed.len() / (self.inputs * self.taps) * LANE;
            let first = tile * tile_lanes * LANE;
            let packed = flat_mut(packed);
            for input in 0..self.inputs {
                for i in 0..width.min(self.outputs - first) {
                    let Some(own) = self.own(first + i, input) else { continue };
                    let source = &values[((first + i) * self.seen() + own) * self.taps..][..self.taps];
                    for (tap, value) in source.iter().enumerate() {
                        packed[(tap * self.inputs + input) * width + i] = *value;
                    }
                }
            }
        });
    }

    /// Unpacks several packed copies and adds them to row-major values, in the order of the copies.
    pub(crate) fn add_unpacked(&self, copies: &[&[Lane]], values: &mut [f32], tile_lanes: usize) {
        let lanes = lanes(self.outputs);
        let (per_output, seen) = (self.inputs * self.taps, self.seen() * self.taps);
        // Each task handles the outputs of one lane, so that it reads whole lanes.
        values.par_chunks_mut(seen * LANE).enumerate().for_each(|(lane, values)| {
            let start = lane / tile_lanes * tile_lanes;
            let width = tile_lanes.min(lanes - start) * LANE;
            let offset = start * LANE * per_output + (lane - start) * LANE;
            for input in 0..self.inputs {
                for tap in 0..self.taps {
                    let at = offset + (tap * self.inputs + input) * width;
                    let mut sum = [0.0; LANE];
                    for copy in copies {
                        let lane = &flat(copy)[at..at + LANE];
                        for i in 0..LANE {
                            sum[i] += lane[i];
                        }
                    }
                    for (i, (values, sum)) in values.chunks_mut(seen).zip(sum).enumerate() {
                        if let Some(own) = self.own(lane * LANE + i, input) {
                            values[own * self.taps + tap] += sum;
                        }
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_give_the_values_back() {
        let shapes = [(37, 21, 1), (36, 21, 3), (40, 40, 40)];
        for (shape, tile_lanes) in shapes.into_iter().flat_map(|shape| (1..=4).map(move |lanes| (shape, lanes))) {
            let (outputs, inputs, groups) = shape;
            let shape = WeightShape { outputs, inputs, taps: 6, groups };
            let values: Vec<f32> = (0..outputs * inputs / groups * 6).map(|i| i as f32).collect();
            let mut packed = vec![Lane::ZERO; shape.packed_lanes()];
            shape.pack(&values, &mut packed, tile_lanes);
            let mut sum = vec![1.0; values.len()];
            shape.add_unpacked(&[&packed, &packed], &mut sum, tile_lanes);
            assert!(sum.iter().zip(&values).all(|(sum, value)| *sum == 1.0 + 2.0 * value), "{tile_lanes} lanes");
        }
    }
}
