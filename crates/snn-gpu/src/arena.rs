//! All tensors in one buffer, in the order in which kernels read them.

use snn_core::{Error, Map, Network, Weights};

use crate::buffers;
use crate::device::Gpu;
use crate::kernel::{Commands, Extent, Program};

/// Tensors start at multiples of this number of values, as bindings must start at multiples of 256 bytes.
pub(crate) const ALIGNMENT: usize = 64;

/// The position and the layout of each tensor in the buffer.
#[derive(Debug, Clone)]
pub(crate) struct Arena {
    tensors: Vec<ArenaTensor>,
    /// Total number of values.
    pub(crate) len: usize,
}

/// A tensor. On the GPU a weight is stored as `[kernel pixel][input channel][output channel]`. Rows of output channels
/// are padded with zeros to a multiple of 4, and entries for channels of other groups are zero. Elsewhere it is
/// `[output channel][channel of the group][kernel pixel]`.
#[derive(Debug, Clone)]
struct ArenaTensor {
    start: usize,
    outputs: usize,
    channels: usize,
    pixels: usize,
    groups: usize,
}

impl ArenaTensor {
    /// Number of values without padding.
    fn len(&self) -> usize {
        self.outputs * self.seen() * self.pixels
    }

    /// Number of input channels of a group.
    fn seen(&self) -> usize {
        self.channels / self.groups
    }

    /// Number of values on the GPU, padding included.
    fn room(&self) -> usize {
        row(self.outputs) * self.channels * self.pixels
    }

    /// For each value, its index on the GPU and its index elsewhere.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let (&Self { outputs, channels, pixels, groups, .. }, seen) = (self, self.seen());
        (0..self.len()).map(move |at| {
            let (output, own, pixel) = (at % outputs, at / outputs % seen, at / outputs / seen);
            let channel = output / (outputs / groups) * seen + own;
            let on_card = (pixel * channels + channel) * row(outputs) + output;
            (on_card, (output * seen + own) * pixels + pixel)
        })
    }
}

/// The length of a row of output channels on the GPU.
pub(crate) fn row(outputs: usize) -> usize {
    outputs.next_multiple_of(4)
}

impl Arena {
    pub(crate) fn new(network: &Network) -> Self {
        let mut shapes: Vec<[usize; 4]> = network.tensors().iter().map(|tensor| [tensor.len(), 1, 1, 1]).collect();
        let connections = (0..network.populations().len()).flat_map(|index| network.connections(index));
        for (connection, projection) in connections {
            let Some(weight) = projection.weight else { continue };
            let input = network.shape(connection.source);
            let outputs = network.tensors()[weight].shape[0];
            let (pixels, groups) = match projection.map {
                Map::Conv(conv) => (conv.window.size[0] * conv.window.size[1], conv.groups),
                _ => (input.pixels(), 1),
            };
            shapes[weight] = [outputs, input.channels, pixels, groups];
        }
        let mut start = 0;
        let place = |[outputs, channels, pixels, groups]: [usize; 4]| {
            let tensor = ArenaTensor { start, outputs, channels, pixels, groups };
            start += tensor.room().next_multiple_of(ALIGNMENT);
            tensor
        };
        let tensors = shapes.into_iter().map(place).collect();
        Self { tensors, len: start }
    }

    /// The kernels that set the gradients between channels of different groups to 0, each with the index of its
    /// weight, for all weights with groups.
    pub(crate) fn grouped(&self) -> impl Iterator<Item = (usize, Program)> {
        let grouped = self.tensors.iter().enumerate().filter(|(_, tensor)| tensor.groups > 1);
        grouped.map(|(index, tensor)| {
            let sizes = [
                ("LEN", tensor.room()),
                ("INPUTS", tensor.channels),
                ("OUTPUTS", tensor.outputs),
                ("WEIGHT_ROW", row(tensor.outputs)),
                ("GROUPS", tensor.groups),
            ];
            let constants = sizes.map(|(name, size)| (name, size as f64));
            let extent = Extent::Threads(tensor.room());
            (index, Program::new("groups".to_owned(), &[snn_shaders::LEARN_GROUPS], &constants, extent))
        })
    }

    /// Sets tensor `index` in `buffer` to 0.
    pub(crate) fn clear(&self, commands: &mut Commands<'_>, buffer: &wgpu::Buffer, index: usize) {
        let (start, len) = (4 * self.tensors[index].start as u64, 4 * self.room(index) as u64);
        commands.encoder().clear_buffer(buffer, start, Some(len));
    }

    /// Writes the values of tensor `index` to `buffer`.
    pub(crate) fn upload_one(&self, gpu: &Gpu, buffer: &wgpu::Buffer, index: usize, weight: &[f32]) {
        let tensor = &self.tensors[index];
        let mut values = vec![0.0_f32; tensor.room()];
        for (on_card, elsewhere) in tensor.places() {
            values[on_card] = weight[elsewhere];
        }
        gpu.queue.write_buffer(buffer, 4 * tensor.start as u64, bytemuck::cast_slice(&values));
    }

    /// Number of values of tensor `index` on the GPU, padding included.
    pub(crate) fn room(&self, index: usize) -> usize {
        self.tensors[index].room()
    }

    /// Binding of the part of `buffer` that holds tensor `index`.
    pub(crate) fn binding<'a>(&self, buffer: &'a wgpu::Buffer, index: usize) -> wgpu::BindingResource<'a> {
        range(buffer, self.tensors[index].start, self.room(index))
    }

    /// Binding of the part of `buffer` that holds the trainable constants `indices` of a population, which have one
    /// shape and follow each other, [`Arena::stride`] apart. The whole buffer if there are none.
    pub(crate) fn constants<'a>(&self, buffer: &'a wgpu::Buffer, indices: &[usize]) -> wgpu::BindingResource<'a> {
        match indices {
            [] => buffer.as_entire_binding(),
            [first, ..] => range(buffer, self.tensors[*first].start, indices.len() * self.stride(*first)),
        }
    }

    /// Number of values from the start of tensor `index` to that of the next.
    pub(crate) fn stride(&self, index: usize) -> usize {
        self.room(index).next_multiple_of(ALIGNMENT)
    }

    /// Uploads `weights` to `buffer`.
    pub(crate) fn upload(&self, gpu: &Gpu, buffer: &wgpu::Buffer, weights: &Weights) {
        let mut values = vec![0.0_f32; self.len];
        for (tensor, weight) in self.tensors.iter().zip(weights) {
            for (on_card, elsewhere) in tensor.places() {
                values[tensor.start + on_card] = weight[elsewhere];
            }
        }
        buffers::upload(gpu, buffer, &values);
    }

    /// Downloads weights from `buffer`.
    pub(crate) fn download(&self, gpu: &Gpu, buffer: &wgpu::Buffer) -> Result<Weights, Error> {
        let values: Vec<f32> = buffers::numbers(gpu, buffer, self.len)?;
        let weight = |tensor: &ArenaTensor| {
            let mut weight = vec![0.0; tensor.len()];
            for (on_card, elsewhere) in tensor.places() {
                weight[elsewhere] = values[tensor.start + on_card];
            }
            weight
        };
        Ok(self.tensors.iter().map(weight).collect())
    }
}

/// Binding of the part of `buffer` with `len` values from `start` on.
fn range(buffer: &wgpu::Buffer, start: usize, len: usize) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer,
        offset: 4 * start as u64,
        size: wgpu::BufferSize::new(4 * len as u64),
    })
}
