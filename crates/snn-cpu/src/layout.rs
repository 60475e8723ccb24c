//! Where neurons and weights lie in memory: pixels outside, channels inside, channels padded to whole lanes.

use std::ops::Range;

use rayon::prelude::*;
use snn_core::Shape;

use crate::simd::{LANE, Lane, flat, flat_mut, lanes};

/// Neurons of one population (or of the input) as the engine stores them: `[pixel][channel]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Lanes of one pixel.
    pub(crate) lanes: usize,
}

impl Layout {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { channels: shape.channels, height: shape.height, width: shape.width, lanes: lanes(shape.channels) }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Index in `C, H, W` order.
    pub(crate) fn neuron(&self, pixel: usize, channel: usize) -> usize {
        channel * self.pixels() + pixel
    }

    /// Tiles of the channels, at most `tile_lanes` lanes each.
    pub(crate) fn tiles(&self, tile_lanes: usize) -> impl Iterator<Item = Tile> + use<> {
        let lanes = self.lanes;
        (0..lanes).step_by(tile_lanes).map(move |start| Tile { start, lanes: tile_lanes.min(lanes - start) })
    }
}

/// Some lanes of the channels of a pixel.
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

/// Two rows of weights that a convolution or linear map is made of, as `[C_out, C_in, taps]`: a linear map is a
/// convolution whose taps are the pixels of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WeightShape {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) taps: usize,
}

/// Which channels of a weight make up its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// A row for each input channel, of all output channels: `[tile of outputs][tap][input][output in tile]`.
    OfOutputs,
    /// A row for each output channel, of all input channels: `[tile of inputs][tap][output][input in tile]`.
    OfInputs,
}

impl WeightShape {
    /// Number of rows of a tap, and number of values of a row.
    fn extents(&self, rows: Rows) -> (usize, usize) {
        match rows {
            Rows::OfOutputs => (self.inputs, self.outputs),
            Rows::OfInputs => (self.outputs, self.inputs),
        }
    }

    /// Size of the packed weight in lanes.
    pub(crate) fn packed_lanes(&self, rows: Rows) -> usize {
        let (n_rows, n_values) = self.extents(rows);
        n_rows * self.taps * lanes(n_values)
    }

    /// Lanes of the packed weight that belong to `tile`: `[tap][row][lane in tile]`.
    pub(crate) fn tile_range(&self, rows: Rows, tile: Tile) -> Range<usize> {
        let (n_rows, _) = self.extents(rows);
        let per_lane = n_rows * self.taps;
        per_lane * tile.start..per_lane * (tile.start + tile.lanes)
    }

    /// Lanes of one tap within a tile's range.
    pub(crate) fn tap_range(&self, rows: Rows, tile: Tile, tap: usize) -> Range<usize> {
        let (n_rows, _) = self.extents(rows);
        let per_tap = n_rows * tile.lanes;
        per_tap * tap..per_tap * (tap + 1)
    }

    /// Packs row-major `[C_out, C_in, taps]` values into rows. Padding stays as it is: zero.
    pub(crate) fn pack(&self, rows: Rows, values: &[f32], packed: &mut [Lane], tile_lanes: usize) {
        let (n_rows, n_values) = self.extents(rows);
        packed.par_chunks_mut(n_rows * self.taps * tile_lanes).enumerate().for_each(|(tile, packed)| {
            let width = packed.len() / (n_rows * self.taps) * LANE;
            let first = tile * tile_lanes * LANE;
            let packed = flat_mut(packed);
            for row in 0..n_rows {
                for i in 0..width.min(n_values - first) {
                    let source = &values[self.at(rows, row, first + i)..][..self.taps];
                    for (tap, value) in source.iter().enumerate() {
                        packed[(tap * n_rows + row) * width + i] = *value;
                    }
                }
            }
        });
    }

    /// Adds copies of packed rows onto row-major values, in the order of the copies.
    pub(crate) fn add_unpacked(&self, rows: Rows, copies: &[&[Lane]], values: &mut [f32], tile_lanes: usize) {
        let (n_rows, n_values) = self.extents(rows);
        let lanes = lanes(n_values);
        let per_output = self.inputs * self.taps;
        // Outputs are grouped so that a task reads whole rows of them.
        values.par_chunks_mut(per_output * LANE).enumerate().for_each(|(group, values)| {
            for (output, values) in values.chunks_mut(per_output).enumerate() {
                let output = group * LANE + output;
                for input in 0..self.inputs {
                    let (row, i) = match rows {
                        Rows::OfOutputs => (input, output),
                        Rows::OfInputs => (output, input),
                    };
                    let start = i / LANE / tile_lanes * tile_lanes;
                    let width = tile_lanes.min(lanes - start) * LANE;
                    for copy in copies {
                        let tile = &flat(copy)[start * LANE * n_rows * self.taps..];
                        for tap in 0..self.taps {
                            values[input * self.taps + tap] += tile[(tap * n_rows + row) * width + i - start * LANE];
                        }
                    }
                }
            }
        });
    }

    /// Index of the first tap's value.
    fn at(&self, rows: Rows, row: usize, i: usize) -> usize {
        let (output, input) = match rows {
            Rows::OfOutputs => (i, row),
            Rows::OfInputs => (row, i),
        };
        (output * self.inputs + input) * self.taps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_give_the_values_back() {
        let shape = WeightShape { outputs: 37, inputs: 21, taps: 6 };
        let values: Vec<f32> = (0..37 * 21 * 6).map(|i| i as f32).collect();
        for rows in [Rows::OfOutputs, Rows::OfInputs] {
            for tile_lanes in 1..=4 {
                let mut packed = vec![Lane::ZERO; shape.packed_lanes(rows)];
                shape.pack(rows, &values, &mut packed, tile_lanes);
                let mut sum = vec![1.0; values.len()];
                shape.add_unpacked(rows, &[&packed, &packed], &mut sum, tile_lanes);
                assert!(sum.iter().zip(&values).all(|(sum, value)| *sum == 1.0 + 2.0 * value), "{rows:?} {tile_lanes}");
            }
        }
    }
}
