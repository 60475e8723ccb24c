//! The GPU engine: runs whole trials and training steps in WGSL compute shaders, on any GPU that Vulkan, Metal or DX12
//! supports.

mod arena;
mod buffers;
mod device;
mod form;
mod kernel;
mod layout;
mod matrices;
mod order;
mod probe;
mod programs;
mod reflection;
mod session;
mod tuner;
mod wgsl;
mod window;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize};
use snn_core::registry::{Registry, RegistryError};
use snn_core::{Engine, Error, Memory, Network, Peak, Plan, Session, fold_unless_training};

use crate::device::Gpu;
use crate::kernel::Kernels;
use crate::tuner::{Tuner, USUAL};

pub mod selftest;
pub mod testing;

pub use device::{AdapterSummary, NO_ADAPTER, adapters};
pub use form::{Forms, KernelForm};
pub use kernel::Program;
pub use probe::probe;

/// The engine named `gpu`.
#[derive(Debug, Clone, Default)]
pub struct GpuEngine {
    options: GpuOptions,
    /// File that stores which kernels are fastest. `None`: a file in the user's cache folder.
    remembered: Option<PathBuf>,
    /// The open GPU, once it was needed, or the reason why it cannot be opened.
    opened: Arc<OnceLock<Result<Opened, Error>>>,
}

#[derive(Debug)]
struct Opened {
    gpu: Arc<Gpu>,
    kernels: Arc<Kernels>,
    tuner: Arc<Tuner>,
}

/// The fields of the engine `gpu` in an experiment file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GpuOptions {
    /// Number of the GPU in `snn devices`, or a part of its name. `None`: the first one.
    #[serde(deserialize_with = "number_or_name")]
    pub adapter: Option<String>,
    /// Whether to measure the run time of each kernel.
    pub timed: bool,
    /// Which kernels to use.
    pub kernels: KernelChoice,
    /// Maximum number of samples that run at the same time, except samples that are normalised together. Larger
    /// batches run in groups, one after the other. `None`: as many as fit.
    pub group: Option<usize>,
    /// Maximum device memory, in MiB, that a session (of training, of evaluation) may plan for. `None`: as much as it
    /// needs.
    pub memory: Option<usize>,
}

/// Deserializes a GPU, given by its number or by a part of its name.
fn number_or_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Adapter {
        Number(usize),
        Name(String),
    }
    let adapter = Option::<Adapter>::deserialize(deserializer)?;
    Ok(adapter.map(|adapter| match adapter {
        Adapter::Number(number) => number.to_string(),
        Adapter::Name(name) => name,
    }))
}

/// Which kernels to use. Results differ by rounding only. Those of [`KernelForm::Cooperative`] differ because weights
/// are rounded to 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KernelChoice {
    /// The fastest form for each population on this GPU: measured on the first trial, then remembered. Software GPUs,
    /// for which no form is made, use fixed forms.
    #[default]
    Quickest,
    /// The fastest form as in `Quickest`, measured on software GPUs too.
    Measured,
    /// [`KernelForm::Plain`].
    Plain,
    /// [`KernelForm::Tiled`].
    Tiled,
    /// [`KernelForm::Fused`].
    Fused,
    /// [`KernelForm::Events`].
    Events,
    /// [`KernelForm::Cooperative`], in a build with the feature of that name, on a GPU that supports it.
    Cooperative,
}

impl KernelChoice {
    /// The choices of a single form, among those that give the same spikes.
    pub const FORMS: [Self; 4] = [Self::Plain, Self::Tiled, Self::Fused, Self::Events];
}

/// Maximum buffer size in bytes, assumed where no GPU is open: the limit of 32-bit sizes, as on most GPUs.
const USUAL_BUFFER: u64 = (1 << 32) - 4;

impl GpuEngine {
    /// Returns an engine with these options. The GPU is opened when it is first needed.
    pub fn new(options: GpuOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Returns the same engine, which runs at most this many samples at the same time, even if the GPU has memory for
    /// more. A batch then runs in groups, one after the other, as a large batch does.
    #[must_use]
    pub fn in_groups_of(self, samples: usize) -> Self {
        Self { options: GpuOptions { group: Some(samples), ..self.options }, ..self }
    }

    /// Returns the same engine, which stores in `file` which kernels it has measured to be the fastest.
    #[must_use]
    pub fn remembering_in(self, file: impl Into<PathBuf>) -> Self {
        Self { remembered: Some(file.into()), ..self }
    }

    fn opened(&self) -> Result<&Opened, Error> {
        let open = || {
            let gpu = Gpu::open(self.options.adapter.as_deref(), self.options.kernels == KernelChoice::Cooperative)?;
            Ok(Opened {
                gpu: Arc::new(gpu),
                kernels: Arc::default(),
                tuner: Arc::new(Tuner::open(self.remembered.clone())),
            })
        };
        self.opened.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// Opens the GPU, unless it is open.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no GPU, or none that matches the options, or if it cannot be opened. The message
    /// says what to do.
    pub fn open(&self) -> Result<(), Error> {
        self.opened().map(|_| ())
    }
}

/// The number of samples of a trial that run at the same time on a GPU with these buffer limits. Larger batches run in
/// groups, one after the other.
///
/// # Errors
/// [`Error::Device`] if not even one sample fits.
pub fn samples_at_once(network: &Network, plan: Plan, adapter: &AdapterSummary) -> Result<usize, Error> {
    Ok(layout::Layout::new(&network.split(), plan, adapter.largest_buffer(), None)?.group)
}

/// Returns the WGSL of all kernels of `network` for `plan`, for each kind of input, and of the kernels that every
/// network uses. It can be read, or validated without a GPU.
///
/// # Errors
/// As [`Engine::compile`], on a GPU with the default limits of wgpu.
pub fn programs(network: &Network, plan: Plan) -> Result<Vec<Program>, Error> {
    let split = network.split();
    let layout = layout::Layout::new(&split, plan, wgpu::Limits::default().max_storage_buffer_binding_size, None)?;
    let network = &split.network;
    let masked: Vec<bool> = network.populations().iter().map(|population| population.dropout > 0.0).collect();
    let (layout, masked, loops) = (&layout, &masked[..], programs::Loops::Long);
    let mut inputs = vec![programs::InputKind::Spikes, programs::InputKind::Signed, programs::InputKind::Constant];
    inputs.extend(plan.numbers.then_some(programs::InputKind::Numbers));
    let kinds = inputs.into_iter().flat_map(|input| matrices::EDGES.map(|edge| (input, Some(edge))));
    let of_kind = |(input, matrices)| programs::Programs { network, layout, input, masked, loops, matrices }.all();
    let grouped = layout.arena.grouped().map(|(_, program)| program);
    let common = session::learner::programs().into_iter().chain(probe::programs()).chain(grouped);
    Ok(kinds.flat_map(of_kind).chain(common).collect())
}

impl Engine for GpuEngine {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn describe(&self) -> String {
        match self.opened() {
            Ok(opened) => {
                let name = opened.gpu.adapter.name();
                let is_software = opened.gpu.adapter.is_software();
                let advice = if is_software { ", software on the CPU: --engine cpu is many times quicker" } else { "" };
                format!("gpu, {name}{advice}")
            }
            Err(error) => format!("gpu, {error}"),
        }
    }

    fn summary(&self) -> String {
        "gpu, a graphics card through Vulkan, Metal or DX12; snn devices lists those that are here".to_owned()
    }

    fn arithmetic(&self) -> String {
        self.opened().map_or_else(|_| self.name().to_owned(), |opened| format!("gpu, {}", opened.gpu.adapter.name()))
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        let opened = self.opened()?;
        let is_software = opened.gpu.adapter.is_software();
        let forms = match self.options.kernels {
            KernelChoice::Quickest if is_software => Some(USUAL),
            KernelChoice::Quickest | KernelChoice::Measured => None,
            KernelChoice::Plain => Some(Forms::all(KernelForm::Plain)),
            KernelChoice::Tiled => Some(Forms::all(KernelForm::Tiled)),
            KernelChoice::Fused => Some(Forms::all(KernelForm::Fused)),
            KernelChoice::Events => Some(Forms::all(KernelForm::Events)),
            KernelChoice::Cooperative => {
                Some(Forms { forward: KernelForm::Cooperative, ..Forms::all(KernelForm::Tiled) })
            }
        };
        fold_unless_training(network, plan, |network| {
            let session = session::GpuSession::new(opened, network, plan, &self.options, forms)?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        let most = match self.opened.get() {
            Some(opened) => opened.as_ref().map_err(Clone::clone)?.gpu.adapter.largest_buffer(),
            None => USUAL_BUFFER,
        };
        let network = if plan.train { network.clone() } else { network.folded() };
        Ok(layout::Layout::new(&network.split(), plan, most, self.options.group)?.memory())
    }

    fn uses_device_memory(&self) -> bool {
        self.opened().is_ok_and(|opened| opened.gpu.adapter.has_own_memory())
    }

    fn peak(&self) -> Result<Option<Peak>, Error> {
        probe(self).map(Some)
    }
}

/// Adds the engine `gpu` to the registry, with the fields of [`GpuOptions`].
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry
        .engines
        .add("gpu", |options: &mut GpuOptions, _| Ok(Arc::new(GpuEngine::new(options.clone())) as Arc<dyn Engine>))
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
