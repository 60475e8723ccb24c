//! The session of the GPU engine: a network compiled for a plan, with its buffers and kernels.

mod backward;
mod buffers;
mod forward;
mod input;
pub(crate) mod learner;
mod record;
mod stages;
mod tune;

use std::collections::BTreeMap;
use std::sync::Arc;

use snn_core::{
    Activity, Error, Errors, GroupStatistics, Learner, Memory, Network, Plan, Pool, Record, Role, Session, Split,
    Timing, Trial, Weights,
};

use crate::device::Gpu;
use crate::form::Forms;
use crate::kernel::{Bound, Kernels, Timer};
use crate::layout::Layout;
use crate::programs::{InputKind, Loops, Programs};
use crate::tuner::{Tuner, USUAL};
use crate::{GpuOptions, Opened};
use buffers::Buffers;
use stages::{Binder, GroupKernels};
use tune::Tuning;

/// What bound kernels depend on: the kind of input, which populations have dropout masks, and the forms.
type BindingKey = (InputKind, Vec<bool>, Vec<Forms>);

/// The session of a network and a plan.
pub(crate) struct GpuSession {
    gpu: Arc<Gpu>,
    kernels: Arc<Kernels>,
    /// The original network, and the network that kernels are made for. The stages of the latter are populations of
    /// their own, see [`Network::split`].
    given: Network,
    network: Network,
    /// For each population of the split network, the index of the original population; `None` for stages.
    origins: Vec<Option<usize>>,
    layout: Layout,
    buffers: Buffers,
    /// The forms of each population's kernels, whether they have been measured, and the state of the measurements.
    forms: Vec<Forms>,
    is_measured: Vec<bool>,
    tuning: Tuning,
    tuner: Arc<Tuner>,
    /// Cache of bound kernels.
    stages: BTreeMap<BindingKey, Arc<Vec<GroupKernels>>>,
    /// Staging buffer from which the host reads the results of a trial.
    staging: wgpu::Buffer,
    has_weights: bool,
    last: Option<Last>,
    /// Whether there was a backward pass since the last trial.
    went_back: bool,
    /// The optimizer, if the session updates weights itself.
    optimizer: Option<learner::OptimizerKernels>,
    /// Kernels that set the gradients between channels of different groups to 0.
    grouped: Vec<Bound>,
    /// The kept means and variances of normalisations, by tensor index, as they were last loaded or updated.
    /// `statistics` has those of the groups of the last trial.
    kept: BTreeMap<usize, Vec<f32>>,
    statistics: Vec<GroupStatistics>,
    timer: Option<Timer>,
    /// Run times of kernels since they were last queried.
    timings: Vec<Timing>,
}

/// The last trial.
struct Last {
    samples: usize,
    stages: Arc<Vec<GroupKernels>>,
    input: InputKind,
    masked: Vec<bool>,
}

impl GpuSession {
    /// Creates a session for `network`. Kernels have the given forms, or else those that are measured to be the
    /// fastest.
    pub(crate) fn new(
        opened: &Opened,
        network: &Network,
        plan: Plan,
        options: &GpuOptions,
        forms: Option<Forms>,
    ) -> Result<Self, Error> {
        let Opened { gpu, kernels, .. } = opened;
        if gpu.adapter.is_software() {
            check_sums(network, plan)?;
        }
        let most = gpu.adapter.largest_buffer();
        let split = network.split();
        let (layout, buffers) = room(gpu, Layout::new(&split, plan, most, options.group)?, &split, options.memory)?;
        let mut grouped = Vec::new();
        for (weight, program) in layout.arena.grouped().filter(|_| plan.train) {
            let gradient = layout.arena.binding(&buffers.gradients, weight);
            grouped.push(kernels.get(gpu, &program)?.bind(gpu, &[gradient], program.extent)?);
        }
        Ok(Self {
            timer: (options.timed && gpu.has_timestamps()).then(|| Timer::new(gpu)),
            gpu: gpu.clone(),
            kernels: kernels.clone(),
            given: network.clone(),
            buffers,
            forms: vec![forms.unwrap_or(USUAL); split.origins.len()],
            is_measured: vec![false; split.origins.len()],
            network: split.network,
            origins: split.origins,
            tuning: if forms.is_some() { Tuning::Done } else { Tuning::Due },
            tuner: opened.tuner.clone(),
            stages: BTreeMap::new(),
            staging: buffers::staging(gpu, &layout),
            layout,
            has_weights: false,
            last: None,
            went_back: false,
            optimizer: None,
            grouped,
            kept: BTreeMap::new(),
            statistics: Vec::new(),
            timings: Vec::new(),
        })
    }

    /// Returns the kernels for a kind of input and a choice of masks, binding them if they are not in the cache.
    fn stages(&mut self, input: InputKind, masked: &[bool]) -> Result<Arc<Vec<GroupKernels>>, Error> {
        let key = (input, masked.to_vec(), self.forms.clone());
        if let Some(stages) = self.stages.get(&key) {
            return Ok(stages.clone());
        }
        let stages = Arc::new(self.binder(input, masked, &self.forms).stages()?);
        self.stages.insert(key, stages.clone());
        Ok(stages)
    }

    /// Returns a binder for kernels of the given forms.
    fn binder<'a>(&'a self, input: InputKind, masked: &'a [bool], forms: &'a [Forms]) -> Binder<'a> {
        let Self { gpu, kernels, network, layout, buffers, .. } = self;
        let loops = if gpu.adapter.is_software() { Loops::Short } else { Loops::Long };
        Binder {
            gpu,
            kernels,
            network,
            layout,
            buffers,
            programs: Programs { network, layout, input, masked, loops, matrices: gpu.adapter.matrix_edge },
            forms,
        }
    }

    fn start(&mut self, trial: &Trial<'_>, is_resumed: bool) -> Result<Activity, Error> {
        let samples = trial.check(&self.given, &self.layout.plan)?;
        if !self.has_weights {
            return Err(Error::Order("load weights before the first trial"));
        }
        self.last = None;
        self.went_back = false;
        let needs = self.show(trial, samples)?;
        self.tune_before_forward(needs.input);
        let activity = self.run(&needs, samples, is_resumed)?;
        self.tune_after_forward(is_resumed)?;
        Ok(activity)
    }
}

/// Checks that no sum of a population is so long that a software driver would abort its kernel, see [`Loops::Short`].
fn check_sums(network: &Network, plan: Plan) -> Result<(), Error> {
    for population in network.populations() {
        let of_weight = |weight: usize| {
            let weight = &network.tensors()[weight];
            weight.fan_in().max(weight.len() / weight.shape.get(1).copied().unwrap_or(1).max(1))
        };
        // One loop iteration per step and sample that may run at the same time, a third of what a term costs
        // elsewhere.
        let of_norm = population.shape.pixels().max(plan.steps.saturating_mul(plan.batch).div_ceil(3));
        let of_pool = |pool: Pool| {
            let windows = pool.size.div_ceil(pool.stride.max(1)).saturating_mul(pool.size);
            windows.saturating_mul(windows)
        };
        for input in &population.inputs {
            let norm = input.norm.filter(|_| plan.train).map_or(0, |_| of_norm);
            let terms = input.weight.map_or(0, of_weight).max(norm).max(input.pool.map_or(0, of_pool));
            if terms > MOST_TERMS {
                return Err(Error::Device(format!(
                    "\"{}\" sums {terms} terms, more than the {MOST_TERMS} that a software card is trusted with, as \
                     its driver breaks off long loops; use --engine cpu",
                    population.name
                )));
            }
        }
    }
    Ok(())
}

/// Maximum number of terms of a sum, at three loop iterations each, within the limit of [`Loops::Short`].
const MOST_TERMS: usize = 20_000;

/// Allocates the buffers of `layout`, with smaller groups of samples if they do not fit in device memory or in a limit
/// in MiB.
fn room(gpu: &Gpu, mut layout: Layout, split: &Split, limit: Option<usize>) -> Result<(Layout, Buffers), Error> {
    let plan = layout.plan;
    let make = |layout: &Layout| {
        let is_allowed = limit.is_none_or(|limit| layout.memory().total() >> 20 < limit);
        is_allowed.then(|| Buffers::new(gpu, layout).ok()).flatten()
    };
    let least = loop {
        if let Some(buffers) = make(&layout) {
            return Ok((layout, buffers));
        }
        match layout.halved(split).filter(|_| !plan.stream) {
            Some(halved) => layout = halved,
            None => break layout.memory().total(),
        }
    };
    let (mut fits, mut is_too_large) = (0, plan.batch);
    while is_too_large - fits > 1 {
        let batch = usize::midpoint(fits, is_too_large);
        let group = if plan.stream { batch } else { 1 };
        match make(&Layout::of_group(split, Plan { batch, ..plan }, group)) {
            Some(_) => fits = batch,
            None => is_too_large = batch,
        }
    }
    let advice = match fits {
        0 => "not even one sample fits; allow more, use fewer steps, or --engine cpu".to_owned(),
        batch => format!("the largest batch that fits is {batch} (training.batch, --batch)"),
    };
    Err(Error::Device(format!(
        "{}: {} too few for a batch of {}, which needs at least {} MiB; {advice}",
        gpu.adapter.name(),
        limit.map_or_else(|| "its memory is".to_owned(), |limit| format!("{limit} MiB are")),
        plan.batch,
        (least >> 20) + 1
    )))
}

impl Session for GpuSession {
    fn memory(&self) -> Memory {
        self.layout.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.network.check_weights(weights)?;
        self.layout.arena.upload(&self.gpu, &self.buffers.weights, weights);
        let tensors = self.network.tensors().iter().zip(weights).enumerate();
        let kept = tensors.filter(|(_, (tensor, _))| tensor.role == Role::Running);
        self.kept = kept.map(|(index, (_, values))| (index, values.clone())).collect();
        self.has_weights = true;
        self.last = None;
        self.went_back = false;
        self.statistics.clear();
        self.gpu.check()
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.start(trial, false)
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        trial.check_resume(&self.given, &self.layout.plan, from, self.last.as_ref().map(|last| last.samples))?;
        let indices: Vec<u32> = from.iter().map(|&sample| sample as u32).collect();
        if let Some(group) = self.buffers.groups.first() {
            crate::buffers::upload(&self.gpu, &group.from, &indices);
        }
        self.start(trial, true)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        self.go_back(errors)?;
        self.went_back = true;
        *gradients = self.layout.arena.download(&self.gpu, &self.buffers.gradients)?;
        Ok(())
    }

    fn learner(&mut self) -> Option<&mut dyn Learner> {
        if self.layout.plan.train { Some(self) } else { None }
    }

    fn timings(&mut self) -> Vec<Timing> {
        std::mem::take(&mut self.timings)
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        self.read_record(population)
    }
}
