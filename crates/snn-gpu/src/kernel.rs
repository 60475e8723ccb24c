//! Kernels: assembled from text, compiled, and bound to buffers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use snn_core::Error;

use crate::device::Gpu;
use crate::reflection::Declarations;
use crate::window::WindowConstants;

/// Number of threads of a workgroup; the same in all kernels.
pub(crate) const LANES: u32 = 64;

/// Maximum number of workgroups along one axis.
const MOST_WORKGROUPS: u32 = 65_535;

/// Size in bytes of the immediates of every kernel; a kernel reads as many of the first bytes as it needs.
const IMMEDIATES: u32 = 64;

/// A kernel as WGSL text, with values for its constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Name of the kernel, such as `conv1: current`.
    pub name: String,
    /// The WGSL source.
    pub text: String,
    /// Name of the entry point.
    pub entry: &'static str,
    /// Values of the `override`s that the text declares.
    pub constants: Vec<(&'static str, f64)>,
    /// The number of threads that run it.
    pub(crate) extent: Extent,
    /// Number of each buffer's binding, ascending, and whether the buffer is read-only.
    buffers: Vec<(u32, bool)>,
}

/// The number of threads or workgroups that run a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    /// A fixed number of threads.
    Threads(usize),
    /// A number of threads per sample.
    OfSample(usize),
    /// A number of threads per step of the window and sample.
    OfMoment(usize),
    /// A fixed number of workgroups.
    Groups(usize),
    /// A number of workgroups per sample.
    GroupsOfSample(usize),
    /// A number of workgroups per block of output pixels of all samples: `(groups, at once, pixels)`, with `groups`
    /// workgroups for every `at once` output pixels, where each sample has `pixels`.
    GroupsOfPixels(usize, usize, usize),
}

impl Extent {
    /// The number of workgroups for `window`.
    fn groups(self, window: WindowConstants) -> usize {
        let samples = window.samples as usize;
        match self {
            Self::Threads(threads) => threads.div_ceil(LANES as usize),
            Self::OfSample(threads) => (samples * threads).div_ceil(LANES as usize),
            Self::OfMoment(threads) => (window.moments() * threads).div_ceil(LANES as usize),
            Self::Groups(groups) => groups,
            Self::GroupsOfSample(groups) => samples * groups,
            Self::GroupsOfPixels(groups, at_once, pixels) => groups * (samples * pixels).div_ceil(at_once),
        }
    }
}

impl Program {
    /// The kernel with the entry point `main`, made of the files `parts` joined together. Only those of `constants`
    /// that the text declares are used.
    pub(crate) fn new(name: String, parts: &[&str], constants: &[(&'static str, f64)], extent: Extent) -> Self {
        let text = parts.join("\n");
        let Declarations { overrides, buffers } = Declarations::of(&text);
        let mut constants: Vec<(&'static str, f64)> =
            constants.iter().copied().filter(|(name, _)| overrides.contains(*name)).collect();
        constants.sort_by(|(a, x), (b, y)| a.cmp(b).then(x.total_cmp(y)));
        constants.dedup(); // a population and its projections both give the sizes of the trial
        Self { name, text, entry: "main", constants, extent, buffers }
    }

    /// Returns the same program with another entry point.
    pub(crate) fn entry(self, entry: &'static str) -> Self {
        Self { entry, ..self }
    }

    /// The name of a constant that was given two values.
    fn conflict(&self) -> Option<&'static str> {
        self.constants.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0)
    }

    /// A key that is unique for each program.
    fn key(&self) -> String {
        format!("{}\n{:?}\n{}", self.entry, self.constants, self.text)
    }
}

/// A compiled kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Name of the kernel.
    pub(crate) name: String,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    /// The numbers of its bindings.
    bindings: Vec<u32>,
}

/// Cache of compiled kernels, by text and constants.
#[derive(Debug, Default)]
pub(crate) struct Kernels(Mutex<BTreeMap<String, Arc<Kernel>>>);

impl Kernels {
    /// Returns the kernel of `program`, compiling it if it is not in the cache.
    pub(crate) fn get(&self, gpu: &Gpu, program: &Program) -> Result<Arc<Kernel>, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = known.get(&program.key()) {
            return Ok(kernel.clone());
        }
        let kernel = Arc::new(Kernel::compile(gpu, program)?);
        known.insert(program.key(), kernel.clone());
        Ok(kernel)
    }
}

impl Kernel {
    fn compile(gpu: &Gpu, program: &Program) -> Result<Self, Error> {
        dump(program);
        if let Some(name) = program.conflict() {
            return Err(Error::Device(format!(
                "the kernel \"{}\" has two values for its constant {name}",
                program.name
            )));
        }
        let device = &gpu.device;
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let label = Some(program.name.as_str());
        let source = wgpu::ShaderSource::Wgsl(program.text.as_str().into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let bindings = &program.buffers;
        let entries: Vec<wgpu::BindGroupLayoutEntry> = (bindings.iter())
            .map(|&(binding, read_only)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage { read_only },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: IMMEDIATES,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(program.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &program.constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        let internal = pollster::block_on(internal.pop());
        let invalid = pollster::block_on(scope.pop());
        if let Some(error) = internal.or(invalid) {
            return Err(Error::Device(format!(
                "{}: the driver rejects the kernel \"{}\": {error}; a newer driver may take it, else compute with \
                 --engine cpu (SNN_DUMP_WGSL=DIR writes the text of all kernels)",
                gpu.adapter.name(),
                program.name
            )));
        }
        let bindings = bindings.iter().map(|&(binding, _)| binding).collect();
        Ok(Self { name: program.name.clone(), pipeline, layout, bindings })
    }

    /// Binds the kernel to buffers, in the order of its bindings, to be run by as many threads as `extent` says.
    pub(crate) fn bind(
        self: &Arc<Self>,
        gpu: &Gpu,
        buffers: &[wgpu::BindingResource<'_>],
        extent: Extent,
    ) -> Result<Bound, Error> {
        if buffers.len() != self.bindings.len() {
            let name = &self.name;
            return Err(Error::size(format!("buffers of the kernel \"{name}\""), self.bindings.len(), buffers.len()));
        }
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (self.bindings.iter())
            .zip(buffers)
            .map(|(&binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
            .collect();
        let descriptor = wgpu::BindGroupDescriptor { label: Some(&self.name), layout: &self.layout, entries: &entries };
        Ok(Bound { kernel: self.clone(), group: gpu.device.create_bind_group(&descriptor), extent })
    }
}

/// Maximum number of kernels with the same name that are written to a folder.
const MOST_OF_A_NAME: usize = 1000;

/// Writes the text of a kernel to the folder in the environment variable `SNN_DUMP_WGSL`.
fn dump(program: &Program) {
    let Some(folder) = std::env::var_os("SNN_DUMP_WGSL") else { return };
    let name: String = program.name.chars().map(|c| if c.is_alphanumeric() || c == '.' { c } else { '_' }).collect();
    let text = format!("// {}, entry {}, {:?}\n{}", program.name, program.entry, program.constants, program.text);
    // This is a debugging aid, so a failure to write must not become an error of its own.
    std::fs::create_dir_all(&folder).ok();
    let file = |ending: String| std::path::Path::new(&folder).join(format!("{name}{ending}.wgsl"));
    // Kernels with the same name, such as those of different inputs or networks, are numbered. Existing files are not
    // overwritten.
    let files = std::iter::once(String::new()).chain((2..).map(|number| format!("_{number}"))).map(file);
    let is_free = |file: &std::path::PathBuf| std::fs::read_to_string(file).map_or(true, |there| there == text);
    if let Some(file) = files.take(MOST_OF_A_NAME).find(is_free) {
        std::fs::write(file, &text).ok();
    }
}

/// A kernel, its buffers, and the number of threads that run it.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    kernel: Arc<Kernel>,
    group: wgpu::BindGroup,
    extent: Extent,
}

/// Commands that are being recorded for the GPU.
pub(crate) struct Commands<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    /// One compute pass for many kernels, or for each kernel if they are timed.
    pass: Option<wgpu::ComputePass<'static>>,
    timer: Option<&'a mut Timer>,
}

impl<'a> Commands<'a> {
    pub(crate) fn new(gpu: &'a Gpu, timer: Option<&'a mut Timer>) -> Self {
        let encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("snn") });
        Self { gpu, encoder, pass: None, timer }
    }

    /// The encoder, for commands that are not kernels, such as copies.
    pub(crate) fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        self.pass = None;
        &mut self.encoder
    }

    /// Runs a kernel on `window`.
    pub(crate) fn run(&mut self, bound: &Bound, window: WindowConstants) {
        self.run_with(bound, window.bytes(), bound.extent.groups(window));
    }

    /// Runs a kernel with other immediates, on `samples` samples.
    pub(crate) fn run_on(&mut self, bound: &Bound, immediates: &[u8], samples: usize) {
        self.run_with(bound, immediates, bound.extent.groups(WindowConstants::whole(0, samples, false)));
    }

    fn run_with(&mut self, bound: &Bound, immediates: &[u8], workgroups: usize) {
        if workgroups == 0 {
            return;
        }
        let workgroups = workgroups as u32;
        let rows = workgroups.div_ceil(MOST_WORKGROUPS);
        let timestamps = self.timer.as_mut().and_then(|timer| timer.next(&bound.kernel.name));
        let is_timed = timestamps.is_some();
        if is_timed {
            self.pass = None;
        }
        let encoder = &mut self.encoder;
        let pass = self.pass.get_or_insert_with(|| {
            let timestamp_writes = timestamps.as_ref().map(|(queries, first)| wgpu::ComputePassTimestampWrites {
                query_set: queries,
                beginning_of_pass_write_index: Some(*first),
                end_of_pass_write_index: Some(*first + 1),
            });
            let descriptor = wgpu::ComputePassDescriptor { label: Some("snn"), timestamp_writes };
            encoder.begin_compute_pass(&descriptor).forget_lifetime()
        });
        let mut padded = [0; IMMEDIATES as usize];
        padded[..immediates.len()].copy_from_slice(immediates);
        pass.set_pipeline(&bound.kernel.pipeline);
        pass.set_bind_group(0, &bound.group, &[]);
        pass.set_immediates(0, &padded);
        pass.dispatch_workgroups(workgroups.div_ceil(rows), rows, 1);
        if is_timed {
            self.pass = None;
        }
    }

    /// Submits the commands to the GPU.
    pub(crate) fn submit(self) {
        let Self { gpu, mut encoder, pass, timer } = self;
        drop(pass);
        if let Some(timer) = timer {
            timer.resolve(&mut encoder);
        }
        gpu.queue.submit([encoder.finish()]);
    }
}

/// Maximum number of kernels that are timed between two readings.
const MOST_TIMED: u32 = 2048;

/// Measures the run times of kernels by timestamps before and after each.
#[derive(Debug)]
pub(crate) struct Timer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    names: Vec<String>,
}

impl Timer {
    pub(crate) fn new(gpu: &Gpu) -> Self {
        let count = 2 * MOST_TIMED;
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timer"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timer"),
            size: u64::from(count) * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Self { queries, resolved, names: Vec::new() }
    }

    /// The queries of the next kernel; `None` if the maximum is reached.
    fn next(&mut self, name: &str) -> Option<(wgpu::QuerySet, u32)> {
        let index = self.names.len() as u32;
        if index >= MOST_TIMED {
            return None;
        }
        self.names.push(name.to_owned());
        Some((self.queries.clone(), 2 * index))
    }

    fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        let count = 2 * self.names.len() as u32;
        if count > 0 {
            encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
        }
    }

    /// Returns name and nanoseconds of each kernel since the last reading, in the order in which they ran.
    pub(crate) fn take(&mut self, gpu: &Gpu) -> Result<Vec<(String, f64)>, Error> {
        let names = std::mem::take(&mut self.names);
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = crate::buffers::download(gpu, &self.resolved, 0, names.len() as u64 * 16)?;
        let ticks: Vec<u64> = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
        let period = f64::from(gpu.queue.get_timestamp_period());
        let times = ticks.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 * period);
        Ok(names.into_iter().zip(times).collect())
    }
}
