//! Creates, fills and reads buffers on the GPU.

use snn_core::Error;
use wgpu::BufferUsages;

use crate::device::Gpu;

/// Creates a storage buffer of `words` 32-bit values, all 0. If `words` is 0 it has one value, as empty buffers are
/// not allowed.
pub(crate) fn storage(gpu: &Gpu, label: &str, words: usize) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: 4 * words.max(1) as u64,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    })
}

/// Writes `values` to the start of `buffer`, before the commands that are submitted next.
pub(crate) fn upload<T: bytemuck::NoUninit>(gpu: &Gpu, buffer: &wgpu::Buffer, values: &[T]) {
    gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(values));
}

/// Creates a staging buffer, which the host can read.
pub(crate) fn staging(gpu: &Gpu, words: usize) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: 4 * words.max(1) as u64,
        usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Waits for the GPU and reads all of a staging buffer.
pub(crate) fn read(gpu: &Gpu, staging: &wgpu::Buffer) -> Result<Vec<u8>, Error> {
    let fail = |reason: String| Error::Device(format!("{}: cannot read results: {reason}", gpu.adapter.name()));
    let (sender, receiver) = std::sync::mpsc::channel();
    staging.map_async(wgpu::MapMode::Read, .., move |result| {
        sender.send(result).ok();
    });
    gpu.wait()?;
    match receiver.try_recv() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(fail(error.to_string())),
        Err(error) => return Err(fail(error.to_string())),
    }
    let bytes = staging.get_mapped_range(..).map_err(|error| fail(error.to_string()))?.to_vec();
    staging.unmap();
    Ok(bytes)
}

/// Reads `bytes` bytes of `buffer` from `offset` on, through a temporary staging buffer.
pub(crate) fn download(gpu: &Gpu, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>, Error> {
    let staging = staging(gpu, bytes.div_ceil(4) as usize);
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("download") });
    encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, bytes);
    gpu.queue.submit([encoder.finish()]);
    let mut read = read(gpu, &staging)?;
    read.truncate(bytes as usize);
    Ok(read)
}

/// Reads the first `count` values of `buffer`.
pub(crate) fn numbers<T: bytemuck::AnyBitPattern>(
    gpu: &Gpu,
    buffer: &wgpu::Buffer,
    count: usize,
) -> Result<Vec<T>, Error> {
    Ok(values(&download(gpu, buffer, 0, 4 * count as u64)?))
}

/// Converts `bytes` to values.
pub(crate) fn values<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
}
