//! The CPU engine. The forward pass of any network is event-driven; so is the backward pass under the paper's rule.
//!
//! Spikes are stored at one bit per neuron and step. Kernels walk lists of events made from those bits, one pixel at a
//! time, with time as the innermost axis. A network runs in one of two kinds of session:
//!
//! - `spike_gated`, for plain leaky integrate-and-fire neurons with the paper's gradients. These gradients are
//!   functions of spikes, so the backward pass needs only the spike bits, and its work is proportional to the number
//!   of spikes. Where nearly all neurons fire, a matrix product is used instead, decided per population and sample.
//! - `unrolled`, for all others: any neuron, surrogate gradients, recurrent populations, a last population that fires.
//!   Backpropagation through time runs chunk by chunk ([`Plan::chunk`](snn_core::Plan::chunk), rounded up to whole
//!   words of 32 steps) and recomputes neuron states from the spikes.
//!
//! Samples run in parallel. How gradients are grouped and summed depends on the plan and the data, never on the number
//! of threads.
//!
//! ```
//! use snn_core::{Engine as _, Map, Network, Neuron, Plan, Projection, Shape, Source};
//!
//! let mut builder = Network::builder(Shape::features(4));
//! let map = Map::Linear { features: 2 };
//! builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)])?;
//! let session = snn_cpu::Cpu::new(2)
//!     .compile(&builder.build()?, Plan::new(10, 8).train())?;
//! println!("{} bytes planned", session.memory().total());
//! # Ok::<(), snn_core::Error>(())
//! ```

mod compiled;
mod events;
mod feed;
mod kernels;
mod layout;
mod listing;
mod masks;
mod reduce;
mod rule;
mod sample;
mod simd;
mod spike_gated;
mod unrolled;

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};
use snn_core::part::{PartError, range};
use snn_core::registry::{Registry, RegistryError};
use snn_core::{Engine, Error, Memory, Network, Plan, Session, fold_unless_training};

use crate::simd::Level;

/// The engine named `cpu`.
#[derive(Debug, Clone)]
pub struct Cpu {
    threads: usize,
    level: Level,
    dense_above: f32,
    groups_at_once: usize,
}

/// Spike density at which the event-driven and the dense path were measured to be equally fast
/// (`cargo bench --bench engine -- density`).
const DENSE_ABOVE: f32 = 0.9;

impl Cpu {
    /// Returns an engine that runs on `threads` threads; 0 means one per core. Results do not depend on the number of
    /// threads.
    pub fn new(threads: usize) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores() } else { threads };
        Self { threads, level: Level::detect(), dense_above: DENSE_ABOVE, groups_at_once: 0 }
    }

    /// Returns one engine for each level of vector instructions that this processor has, the best one last. For tests.
    pub fn at_every_level(threads: usize) -> Vec<Self> {
        let engine = Self::new(threads);
        Level::available().into_iter().map(|level| Self { level, ..engine.clone() }).collect()
    }

    /// Returns the same engine at this level of vector instructions.
    ///
    /// # Errors
    /// [`Error::Device`] if this processor does not have it.
    pub fn at_level(self, level: VectorLevel) -> Result<Self, Error> {
        let wanted = level.name();
        if wanted.is_empty() {
            return Ok(Self { level: Level::detect(), ..self });
        }
        let available = Level::available();
        if let Some(&level) = available.iter().find(|level| level.name() == wanted) {
            return Ok(Self { level, ..self });
        }
        let names: Vec<&str> = available.iter().map(|level| level.name()).collect();
        Err(Error::Device(format!("this processor has no {wanted}; it has {}", names.join(", "))))
    }

    /// Returns the same engine with another crossover density: populations whose neurons fire at more than this share
    /// of steps take the dense path. 0 always takes it, 1 never. For measurements.
    #[must_use]
    pub fn dense_above(self, density: f32) -> Self {
        Self { dense_above: density, ..self }
    }

    /// Returns the same engine with rounds of this many groups, for training networks that normalise currents by group
    /// statistics. By default, a round has as many groups as fit its usual size. Results do not change by a bit. For
    /// tests.
    #[must_use]
    pub fn groups_at_once(self, groups: usize) -> Self {
        Self { groups_at_once: groups, ..self }
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    fn compiled(&self, network: &Network, plan: Plan) -> Result<compiled::Compiled, Error> {
        let mut compiled = compiled::Compiled::new(network, plan, self.level, self.dense_above)?;
        if let Some(group) = compiled.group().filter(|_| self.groups_at_once > 0) {
            compiled.round = (group * self.groups_at_once).min(plan.batch);
        }
        Ok(compiled)
    }

    fn pool(&self) -> Result<Arc<ThreadPool>, Error> {
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).thread_name(|i| format!("snn-cpu-{i}")).build();
        pool.map(Arc::new).map_err(|error| Error::Threads { threads: self.threads, reason: error.to_string() })
    }
}

impl Engine for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn describe(&self) -> String {
        let plural = if self.threads == 1 { "" } else { "s" };
        format!("cpu, {} thread{plural}, {}", self.threads, self.level.name())
    }

    fn arithmetic(&self) -> String {
        format!("cpu, {}", self.level.name())
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        fold_unless_training(network, plan, |network| {
            let compiled = self.compiled(network, plan)?;
            match spike_gated::neurons(network, plan) {
                Some(neurons) => {
                    Ok(Box::new(spike_gated::SpikeGatedSession::new(compiled, neurons, self.pool()?))
                        as Box<dyn Session>)
                }
                None => Ok(Box::new(unrolled::UnrolledSession::new(compiled, self.pool()?))),
            }
        })
    }

    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        let network = if plan.train { network.clone() } else { network.folded() };
        let compiled = self.compiled(&network, plan)?;
        Ok(match spike_gated::neurons(&network, plan) {
            Some(_) => spike_gated::memory::of(&compiled, self.threads),
            None => unrolled::memory(compiled),
        })
    }
}

/// Adds the engine `cpu` to the registry, with the fields of [`CpuOptions`].
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry.engines.add("cpu", |options: &mut CpuOptions, _| {
        let is_share = (0.0..=1.0).contains(&options.dense_above);
        range::require(is_share, "dense_above", "at least 0 and at most 1", &options.dense_above)?;
        let engine = Cpu::new(options.threads).dense_above(options.dense_above);
        let engine = engine.at_level(options.level).map_err(|error| PartError::other("level", error.to_string()))?;
        Ok(Arc::new(engine) as Arc<dyn Engine>)
    })
}

/// The fields of the engine `cpu` in an experiment file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CpuOptions {
    /// Number of threads; 0 means one per core.
    pub threads: usize,
    /// Vector instructions to use.
    pub level: VectorLevel,
    /// Spike density above which matrix products are used, see [`Cpu::dense_above`].
    pub dense_above: f32,
}

/// The vector instructions that the engine uses. Results of two levels differ in their last bits; results of one level
/// are bit-identical on every processor that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum VectorLevel {
    /// The best that the processor has.
    #[default]
    Best,
    /// Runs on every processor.
    Portable,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512.
    Avx512,
}

impl VectorLevel {
    /// The name that the engine's description uses; empty for the best level.
    fn name(self) -> &'static str {
        match self {
            Self::Best => "",
            Self::Portable => "portable SIMD",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        }
    }
}

impl Default for CpuOptions {
    fn default() -> Self {
        Self { threads: 0, level: VectorLevel::Best, dense_above: DENSE_ABOVE }
    }
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
