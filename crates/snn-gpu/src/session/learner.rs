//! Updates weights on the GPU, where gradients and optimizer state stay.

use bytemuck::{Pod, Zeroable};
use snn_core::{Error, Errors, Learner, Optimizer, Weights};
use snn_shaders as wgsl;

use super::GpuSession;
use crate::buffers::{numbers, storage};
use crate::kernel::{Bound, Commands, Extent, Program};

/// Number of partial sums of the gradient norm. Mirrors shaders/learn/norm.wgsl.
const PARTS: usize = 1024;

/// An optimizer, its state and its kernels.
#[derive(Debug)]
pub(crate) struct OptimizerKernels {
    optimizer: Optimizer,
    /// The buffers of the optimizer state, in the order of [`Optimizer::state_kinds`].
    state: Vec<wgpu::Buffer>,
    /// The update kernel of each tensor, and the number of its values.
    updates: Vec<(Bound, usize)>,
    norm: Bound,
    sums: wgpu::Buffer,
}

/// The immediates of the update kernel; the fields are explained in shaders/learn/update.wgsl.
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct UpdateConstants {
    length: u32,
    rate: f32,
    scale: f32,
    penalty: f32,
    shrink: f32,
    first_decay: f32,
    second_decay: f32,
    root_bias: f32,
    epsilon: f32,
    nesterov: u32,
}

/// The update kernel of a kind of optimizer: 0 without state, 1 with momentum, 2 with two moments.
fn update_program(kind: u8) -> Program {
    let name = format!("update {kind}");
    Program::new(name, &[wgsl::LEARN_UPDATE], &[("RULE", f64::from(kind))], Extent::Threads(0))
}

/// The kernel that sums the squares of the gradients.
fn norm_program() -> Program {
    Program::new("norm".to_owned(), &[wgsl::LEARN_NORM], &[], Extent::Threads(PARTS))
}

/// All kernels of this module.
pub(crate) fn programs() -> Vec<Program> {
    (0..3).map(update_program).chain([norm_program()]).collect()
}

impl UpdateConstants {
    /// The constants of update number `updates` of `optimizer`, where `decays` says whether weight decay applies to
    /// the tensor.
    fn new(optimizer: Optimizer, [scale, rate]: [f32; 2], updates: u64, decays: bool) -> Self {
        let decay = |weight_decay: f32| if decays { weight_decay } else { 0.0 };
        match optimizer {
            Optimizer::Sgd { momentum, weight_decay, nesterov, .. } => Self {
                rate,
                scale,
                penalty: decay(weight_decay),
                first_decay: momentum,
                nesterov: u32::from(nesterov),
                ..Self::default()
            },
            Optimizer::Adam { betas, epsilon, weight_decay, .. }
            | Optimizer::AdamW { betas, epsilon, weight_decay, .. } => {
                let is_decoupled = matches!(optimizer, Optimizer::AdamW { .. });
                let decay = decay(weight_decay);
                let bias = |beta: f32| 1.0 - f64::from(beta).powi(updates.min(i32::MAX as u64) as i32);
                Self {
                    length: 0,
                    rate: (f64::from(rate) / bias(betas.0)) as f32,
                    scale,
                    penalty: if is_decoupled { 0.0 } else { decay },
                    shrink: if is_decoupled { rate * decay } else { 0.0 },
                    first_decay: betas.0,
                    second_decay: betas.1,
                    root_bias: bias(betas.1).sqrt() as f32,
                    epsilon,
                    nesterov: 0,
                }
            }
        }
    }
}

impl GpuSession {
    fn kernels_of_optimizer(&self) -> Result<&OptimizerKernels, Error> {
        self.optimizer.as_ref().ok_or(Error::Order("no optimizer was set"))
    }

    /// Updates the kept means and variances of normalisations. They are few, so this is done on the host, with the
    /// same bits as on other engines.
    fn keep_statistics(&mut self) {
        for group in std::mem::take(&mut self.statistics) {
            for (tensor, found) in [(group.mean_tensor, &group.mean), (group.variance_tensor, &group.variance)] {
                if let Some(kept) = self.kept.get_mut(&tensor) {
                    group.update_one(kept, found);
                    self.layout.arena.upload_one(&self.gpu, &self.buffers.weights, tensor, kept);
                }
            }
        }
    }
}

impl Learner for GpuSession {
    fn set_optimizer(&mut self, optimizer: Optimizer, state: &[Weights]) -> Result<(), Error> {
        optimizer.check_state(&self.network, state)?;
        let (gpu, arena) = (&*self.gpu, &self.layout.arena);
        let buffers: Vec<wgpu::Buffer> = state.iter().map(|_| storage(gpu, "memory", arena.len)).collect();
        for (buffer, memory) in buffers.iter().zip(state) {
            arena.upload(gpu, buffer, memory);
        }
        let kernel = self.kernels.get(gpu, &update_program(optimizer.state_kinds().len() as u8))?;
        // Placeholders for bindings that an optimizer with less state does not need.
        let nothing = [storage(gpu, "nothing", 1), storage(gpu, "nothing", 1)];
        let update = |index: usize| {
            let memory = |which: usize| match buffers.get(which) {
                Some(buffer) => arena.binding(buffer, index),
                None => nothing[which].as_entire_binding(),
            };
            let weight = arena.binding(&self.buffers.weights, index);
            let gradient = arena.binding(&self.buffers.gradients, index);
            let length = arena.room(index);
            let bound = kernel.bind(gpu, &[weight, gradient, memory(0), memory(1)], Extent::Threads(length))?;
            Ok((bound, length))
        };
        let updates = (0..self.network.tensors().len()).map(update).collect::<Result<_, Error>>()?;
        let sums = storage(gpu, "norm", PARTS);
        let norm = self.kernels.get(gpu, &norm_program())?;
        let of_norm = [self.buffers.gradients.as_entire_binding(), sums.as_entire_binding()];
        let norm = norm.bind(gpu, &of_norm, Extent::Threads(PARTS))?;
        self.optimizer = Some(OptimizerKernels { optimizer, state: buffers, updates, norm, sums });
        gpu.check()
    }

    fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error> {
        self.go_back(errors)?;
        self.went_back = true;
        let set = self.kernels_of_optimizer()?;
        let mut commands = Commands::new(&self.gpu, None);
        let length = self.layout.arena.len as u32;
        commands.run_on(&set.norm, bytemuck::bytes_of(&length), 1);
        commands.submit();
        let sums: Vec<f32> = numbers(&self.gpu, &set.sums, PARTS)?;
        Ok(sums.iter().map(|sum| f64::from(*sum)).sum::<f64>().sqrt())
    }

    fn update(&mut self, scale: f32, rate: f32, updates: u64) -> Result<(), Error> {
        if !self.went_back {
            return Err(Error::Order("no gradients of the last trial to update by"));
        }
        let mut timer = self.timer.take();
        let set = self.kernels_of_optimizer()?;
        let mut commands = Commands::new(&self.gpu, timer.as_mut());
        let tensors = self.network.tensors().iter().zip(&set.updates);
        for (weight, (bound, length)) in tensors.filter(|(tensor, _)| tensor.is_trained()) {
            let update = UpdateConstants::new(set.optimizer, [scale, rate], updates, weight.decays());
            let update = UpdateConstants { length: *length as u32, ..update };
            commands.run_on(bound, bytemuck::bytes_of(&update), 1);
        }
        commands.submit();
        self.timer = timer;
        self.keep_statistics();
        self.last = None;
        self.went_back = false;
        self.read_timer()?;
        self.gpu.check()
    }

    fn gradients(&mut self) -> Result<Weights, Error> {
        if !self.went_back {
            return Err(Error::Order("no gradients of the last trial"));
        }
        self.layout.arena.download(&self.gpu, &self.buffers.gradients)
    }

    fn weights(&mut self) -> Result<Weights, Error> {
        if !self.has_weights {
            return Err(Error::Order("no weights were loaded"));
        }
        self.layout.arena.download(&self.gpu, &self.buffers.weights)
    }

    fn optimizer_state(&mut self) -> Result<Vec<Weights>, Error> {
        let set = self.kernels_of_optimizer()?;
        set.state.iter().map(|buffer| self.layout.arena.download(&self.gpu, buffer)).collect()
    }
}
