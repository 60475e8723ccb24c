//! A network on a card.

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

use snn_core::{Activity, Error, Errors, Learner, Memory, Network, Plan, Record, Session, Timing, Trial, Weights};

use crate::Opened;
use crate::device::Gpu;
use crate::form::Forms;
use crate::kernel::{Kernels, Timer};
use crate::layout::Layout;
use crate::programs::{Input, Programs};
use crate::tuner::{Tuner, USUAL};
pub(crate) use buffers::PARTS;

use buffers::Buffers;
use stages::{Binder, Stages};
use tune::Tuning;

/// Kind of input, dropout masks and forms that kernels are bound for.
type Choice = (Input, Vec<bool>, Vec<Forms>);

/// A network compiled for a plan.
pub(crate) struct GpuSession {
    gpu: Arc<Gpu>,
    kernels: Arc<Kernels>,
    network: Network,
    layout: Layout,
    buffers: Buffers,
    /// The forms of each population's kernels, and whether they are still to be measured.
    forms: Vec<Forms>,
    tuning: Tuning,
    tuner: Arc<Tuner>,
    /// Kernels that were bound already.
    stages: BTreeMap<Choice, Arc<Vec<Stages>>>,
    staging: Option<wgpu::Buffer>,
    has_weights: bool,
    last: Option<Last>,
    /// Whether there was a backward pass since.
    went_back: bool,
    /// The update rule, if weights are updated here.
    rule: Option<learner::Rule>,
    timer: Option<Timer>,
    /// What the kernels took since this was last asked.
    timings: Vec<Timing>,
}

/// The last trial.
struct Last {
    samples: usize,
    stages: Arc<Vec<Stages>>,
    input: Input,
    masked: Vec<bool>,
}

impl GpuSession {
    /// Prepares to run `network`; kernels are of the given forms, or of those that are measured to be the quickest.
    pub(crate) fn new(
        opened: &Opened,
        network: &Network,
        plan: Plan,
        group: Option<usize>,
        is_timed: bool,
        forms: Option<Forms>,
    ) -> Result<Self, Error> {
        let Opened { gpu, kernels, .. } = opened;
        let most = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size);
        let (layout, buffers) = room(gpu, Layout::new(network, plan, most, group)?, network)?;
        Ok(Self {
            timer: (is_timed && gpu.has_timestamps()).then(|| Timer::new(gpu)),
            gpu: gpu.clone(),
            kernels: kernels.clone(),
            network: network.clone(),
            layout,
            buffers,
            forms: vec![forms.unwrap_or(USUAL); network.populations().len()],
            tuning: if forms.is_some() { Tuning::Done } else { Tuning::Due },
            tuner: opened.tuner.clone(),
            stages: BTreeMap::new(),
            staging: None,
            has_weights: false,
            last: None,
            went_back: false,
            rule: None,
            timings: Vec::new(),
        })
    }

    /// The kernels for a kind of input and a choice of masks, bound unless they were before.
    fn stages(&mut self, input: Input, masked: &[bool]) -> Result<Arc<Vec<Stages>>, Error> {
        let key = (input, masked.to_vec(), self.forms.clone());
        if let Some(stages) = self.stages.get(&key) {
            return Ok(stages.clone());
        }
        let stages = Arc::new(self.binder(input, masked, &self.forms).stages()?);
        self.stages.insert(key, stages.clone());
        Ok(stages)
    }

    /// Binds kernels of the given forms.
    fn binder<'a>(&'a self, input: Input, masked: &'a [bool], forms: &'a [Forms]) -> Binder<'a> {
        let Self { gpu, kernels, network, layout, buffers, .. } = self;
        Binder { gpu, kernels, network, layout, buffers, programs: Programs { network, layout, input, masked }, forms }
    }

    fn start(&mut self, trial: &Trial<'_>, is_resumed: bool) -> Result<Activity, Error> {
        let samples = trial.check(&self.network, &self.layout.plan)?;
        if !self.has_weights {
            return Err(Error::Order("load weights before the first trial"));
        }
        self.last = None;
        self.went_back = false;
        let needs = self.show(trial, samples);
        self.run(&needs, samples, is_resumed)
    }
}

/// Buffers for `layout`, or for smaller groups of samples if the card has no room.
fn room(gpu: &Gpu, mut layout: Layout, network: &Network) -> Result<(Layout, Buffers), Error> {
    let plan = layout.plan;
    loop {
        match Buffers::new(gpu, &layout) {
            Ok(buffers) => return Ok((layout, buffers)),
            Err(_) if layout.group > 1 && !plan.stream => {
                layout = Layout::of_group(network, plan, layout.group.div_ceil(2));
            }
            Err(_) => break,
        }
    }
    let fits = |batch: usize| Buffers::new(gpu, &Layout::of_group(network, Plan { batch, ..plan }, 1)).is_ok();
    let largest = (0..usize::BITS).map(|halvings| plan.batch >> halvings).find(|&batch| batch == 0 || fits(batch));
    let advice = match largest {
        None | Some(0) => "not even one sample fits; use fewer steps, or --engine cpu".to_owned(),
        Some(batch) => format!("a batch of {batch} does fit"),
    };
    Err(Error::Device(format!(
        "{}: out of memory: {} MiB are needed for a batch of {}; {advice}",
        gpu.adapter.name(),
        layout.memory().total() >> 20,
        plan.batch
    )))
}

impl Session for GpuSession {
    fn memory(&self) -> Memory {
        self.layout.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.network.check_weights(weights)?;
        self.layout.arena.upload(&self.gpu, &self.buffers.weights, weights);
        self.has_weights = true;
        self.last = None;
        self.gpu.check()
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.start(trial, false)
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        trial.check_resume(&self.network, &self.layout.plan, from, self.last.as_ref().map(|last| last.samples))?;
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
