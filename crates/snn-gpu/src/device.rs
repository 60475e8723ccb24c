//! Lists and opens GPUs, and collects the errors of their drivers.

use std::sync::{Arc, Mutex, PoisonError};

use snn_core::Error;
use wgpu::{Features, Limits};

use crate::matrices;

/// Error message if no GPU was found.
pub const NO_ADAPTER: &str = "no GPU was found: install a Vulkan driver (for a card, that of its maker; for a software one on \
Linux, mesa-vulkan-drivers), or compute on the CPU with --engine cpu";

/// Error message if the program was built without matrix instructions.
const NO_MATRICES_BUILT: &str = "kernels: Cooperative is an experiment that this program was built without: build it with \
--features cooperative, or take another form, such as kernels: Tiled";

/// Error message if the GPU has no suitable matrix instructions.
const NO_MATRICES: &str = "kernels: Cooperative needs matrix instructions of 16x16x16 or 8x8x8 with factors in f16 and sums \
in f32, which this card does not offer; take another form, such as kernels: Tiled";

/// An open device and its queue.
#[derive(Debug)]
pub(crate) struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) adapter: AdapterSummary,
    pub(crate) limits: Limits,
    pub(crate) features: Features,
    /// The first error that the driver reported and that no call has returned yet.
    failure: Arc<Mutex<Option<String>>>,
}

/// A GPU, and the properties that this engine uses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AdapterSummary {
    /// Index in the list of GPUs, by which it can be chosen.
    pub index: usize,
    /// Name, vendor, driver, device type, backend.
    pub info: wgpu::AdapterInfo,
    /// Supported features.
    pub features: Features,
    /// Supported limits.
    pub limits: Limits,
    /// The matrix products that it computes in one instruction, if any: `M x N x K`, and the types of operands and
    /// sums.
    pub cooperative_matrices: Vec<String>,
    /// Side length of the square matrices that the form `Cooperative` uses, if the GPU supports it.
    pub matrix_edge: Option<u32>,
}

/// Returns all GPUs; software ones, which compute on the CPU, come last.
pub fn adapters() -> Vec<AdapterSummary> {
    found().into_iter().map(|(_, summary)| summary).collect()
}

fn found() -> Vec<(wgpu::Adapter, AdapterSummary)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::VirtualGpu => 1,
        wgpu::DeviceType::Other => 2,
        wgpu::DeviceType::Cpu => 3,
    });
    let describe = |(index, adapter): (usize, wgpu::Adapter)| {
        let matrices = adapter.cooperative_matrix_properties();
        let summary = AdapterSummary {
            index,
            info: adapter.get_info(),
            features: adapter.features(),
            limits: adapter.limits(),
            matrix_edge: matrices::edge(adapter.features(), &matrices),
            cooperative_matrices: (matrices.iter())
                .map(|m| format!("{}x{}x{} {:?} to {:?}", m.m_size, m.n_size, m.k_size, m.ab_type, m.cr_type))
                .collect(),
        };
        (adapter, summary)
    };
    adapters.into_iter().enumerate().map(describe).collect()
}

impl AdapterSummary {
    /// Whether it is a software GPU that computes on the CPU, such as lavapipe or llvmpipe.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Name and graphics API, such as `NVIDIA RTX 4070 (Vulkan)`.
    pub fn name(&self) -> String {
        format!("{} ({})", self.info.name, self.api())
    }

    /// The device type: `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub fn kind(&self) -> &'static str {
        match self.info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        }
    }

    /// The graphics API, such as `Vulkan`.
    pub fn api(&self) -> String {
        format!("{:?}", self.info.backend)
    }

    /// Name and version of the driver, as the driver reports them.
    pub fn driver(&self) -> String {
        format!("{} {}", self.info.driver, self.info.driver_info).trim().to_owned()
    }

    /// Whether it has device memory of its own, separate from host memory.
    pub fn has_own_memory(&self) -> bool {
        matches!(self.info.device_type, wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::VirtualGpu)
    }

    /// Whether the engine can use it. It must support immediates: small values that are passed with a dispatch.
    pub fn is_usable(&self) -> bool {
        self.features.contains(Features::IMMEDIATES)
    }

    /// Whether kernels can be timed.
    pub fn has_timestamps(&self) -> bool {
        self.features.contains(Features::TIMESTAMP_QUERY)
    }

    /// Whether it supports 16-bit floats.
    pub fn has_f16(&self) -> bool {
        self.features.contains(Features::SHADER_F16)
    }

    /// Whether it supports subgroups: threads that run in lockstep and can exchange values without memory.
    pub fn has_subgroups(&self) -> bool {
        self.features.contains(Features::SUBGROUP)
    }

    /// Maximum size in bytes of a buffer that a kernel can use.
    pub fn largest_buffer(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }
}

impl Gpu {
    /// Opens the GPU with index `adapter`, or whose name contains it. Without `adapter`, opens the first GPU that does
    /// not compute on the CPU, else the first one. Enables its matrix instructions if `matrices` is set.
    pub(crate) fn open(adapter: Option<&str>, matrices: bool) -> Result<Self, Error> {
        let mut found = found();
        if found.is_empty() {
            return Err(Error::Device(NO_ADAPTER.to_owned()));
        }
        let index = match adapter {
            None => 0,
            Some(wanted) => {
                let by_index = wanted.parse::<usize>().ok().filter(|&index| index < found.len());
                let contains =
                    |(_, summary): &(_, AdapterSummary)| summary.name().to_lowercase().contains(&wanted.to_lowercase());
                by_index.or_else(|| found.iter().position(contains)).ok_or_else(|| {
                    let names: Vec<String> =
                        found.iter().map(|(_, summary)| format!("{} {}", summary.index, summary.name())).collect();
                    Error::Device(format!("no GPU is called \"{wanted}\"; there is: {}", names.join(", ")))
                })?
            }
        };
        let (adapter, summary) = found.swap_remove(index);
        let fail = |reason: String| {
            Error::Device(format!("{}: {reason}; another one can be chosen, see snn devices", summary.name()))
        };
        if !summary.is_usable() {
            return Err(fail("it does not take immediates, which all kernels here need".to_owned()));
        }
        let mut features = summary.features & (Features::IMMEDIATES | Features::TIMESTAMP_QUERY);
        let mut experimental = wgpu::ExperimentalFeatures::disabled();
        if matrices {
            experimental = matrices::experimental().ok_or_else(|| Error::Device(NO_MATRICES_BUILT.to_owned()))?;
            if summary.matrix_edge.is_none() {
                return Err(fail(NO_MATRICES.to_owned()));
            }
            features |= matrices::FEATURES;
        }
        let limits = Limits {
            max_storage_buffer_binding_size: summary.limits.max_storage_buffer_binding_size,
            max_buffer_size: summary.limits.max_buffer_size,
            max_immediate_size: 64,
            ..Limits::default()
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("snn"),
            required_features: features,
            required_limits: limits.clone(),
            experimental_features: experimental,
            ..wgpu::DeviceDescriptor::default()
        };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| fail(format!("it cannot be opened: {error}")))?;
        let failure = Arc::new(Mutex::new(None));
        watch(&device, &failure);
        Ok(Self { device, queue, adapter: summary, limits, features, failure })
    }

    /// Whether kernels can be timed.
    pub(crate) fn has_timestamps(&self) -> bool {
        self.features.contains(Features::TIMESTAMP_QUERY)
    }

    /// Returns the error that the driver has reported since the last call, if any.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), |failure| Err(Error::Device(format!("{}: {failure}", self.adapter.name()))))
    }

    /// Waits until all submitted work is done.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(|_| ()).map_err(|error| Error::Device(format!("{}: {error}", self.adapter.name())))
    }
}

/// Stores errors that the driver reports, and the loss of the device, in `failure`.
fn watch(device: &wgpu::Device, failure: &Arc<Mutex<Option<String>>>) {
    let keep = |failure: &Arc<Mutex<Option<String>>>, message: String| {
        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    };
    let errors = failure.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let message = match &error {
            wgpu::Error::OutOfMemory { .. } => {
                "out of memory; use a smaller batch (training.batch), or fewer steps".to_owned()
            }
            error => error.to_string(),
        };
        keep(&errors, message);
    }));
    let lost = failure.clone();
    device.set_device_lost_callback(move |reason, message| {
        if reason != wgpu::DeviceLostReason::Destroyed {
            let message = format!(
                "the device was lost ({}); the last checkpoint is whole, go on with snn train --resume",
                message.trim()
            );
            keep(&lost, message);
        }
    });
}
