//! The engine interface: an engine compiles a network for a plan into a session, which runs trials.

mod plan;
mod trial;

use std::fmt::Debug;

use crate::error::Error;
use crate::network::{GroupStatistics, Network, Weights};
use crate::optimizer::Optimizer;
use crate::spikes::SpikeTrain;

pub use plan::Plan;
pub use trial::{Draws, Dropout, Errors, Stimulus, Trial};

/// An execution backend: compiles networks into sessions that run on its device.
pub trait Engine: Debug + Send + Sync {
    /// Name that selects the engine, such as `cpu`.
    fn name(&self) -> &'static str;

    /// Describes the device that it runs on, for people to read.
    fn describe(&self) -> String;

    /// Describes the engine for a list of engines. It does not search for or open a device, so it cannot name the one
    /// present.
    fn summary(&self) -> String {
        self.describe()
    }

    /// What determines the rounding of its sums, such as `cpu, AVX2`. Two engines with the same text compute identical
    /// bits, if both come from the same build of this program. The number of threads is not part of it.
    fn arithmetic(&self) -> String {
        self.name().to_owned()
    }

    /// Compiles `network` for `plan`. The memory that the session takes is fixed from here on.
    ///
    /// # Errors
    /// [`Error::Range`] for a plan of zero steps or samples, or of more than the engine supports.
    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error>;

    /// Memory that a session for `network` and `plan` takes, by purpose; equals its [`Session::memory`]. The default
    /// compiles a session. Override it if the engine can compute this without allocating, and without opening a device
    /// that is not in use yet.
    ///
    /// # Errors
    /// As [`Engine::compile`].
    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        self.compile(network, plan).map(|session| session.memory())
    }

    /// Whether sessions allocate device memory (a GPU's) rather than host memory.
    fn uses_device_memory(&self) -> bool {
        false
    }

    /// Measures the device's peak throughput, within about a second. `None` for engines that do not measure it.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn peak(&self) -> Result<Option<Peak>, Error> {
        Ok(None)
    }
}

/// Peak throughput of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Single-precision multiply-adds per second.
    pub multiply_adds: f64,
    /// Bytes read and written per second, in memory too large for any cache.
    pub bandwidth: f64,
}

/// A network compiled for a plan.
///
/// ```
/// use snn_core::prelude::*;
/// use snn_core::{Final, SquaredError, grade, reference::Reference};
///
/// let mut builder = Network::builder(Shape::features(4));
/// let linear = |source, features| vec![Projection::new(source, Map::Linear { features })];
/// let hidden = builder.add("hidden", Neuron::lif(), linear(Source::Input, 8))?;
/// builder.add("readout", Neuron::readout(), linear(hidden, 2))?;
/// let network = builder.build()?;
///
/// let mut session = Reference.compile(&network, Plan::new(20, 1).train())?;
/// session.load(&network.initial_weights(1))?;
/// let mut input = SpikeTrain::silent(20, 1, network.input());
/// input.set(3, 0, 2, 1); // at step 3, in sample 0, neuron 2 fires
/// let activity = session.forward(&Trial { stimulus: Stimulus::Spikes(&input), dropout: Dropout::Off })?;
///
/// let grades = grade(&SquaredError {}, &Final {}, &activity.output, &[1], network.classes());
/// let mut gradients = network.zeros();
/// session.backward(Errors::of_output(&grades.d_output), &mut gradients)?;
/// # Ok::<(), Error>(())
/// ```
pub trait Session: Send {
    /// Memory that the session takes, by purpose.
    fn memory(&self) -> Memory;

    /// Sets the weights for the following trials, and discards the last trial.
    ///
    /// # Errors
    /// [`Error::Size`] if `weights` does not fit the network.
    fn load(&mut self, weights: &Weights) -> Result<(), Error>;

    /// Runs a trial: a forward pass over all `T` steps.
    ///
    /// # Errors
    /// [`Error::Size`] if the trial does not fit network and plan; [`Error::Order`] before [`Session::load`].
    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error>;

    /// Runs a trial that continues the last one: sample `i` starts from the final state of sample `from[i]` rather than
    /// from rest. Consecutive trials of `T` steps give the same result as one long trial. Samples may be left out on
    /// the way; the remaining ones keep their order. Encoders restart with every trial, so use spikes or numbers as
    /// stimulus if the input changes over time.
    ///
    /// # Errors
    /// As [`Session::forward`]; [`Error::Order`] in a session that was not compiled to stream, or before the first
    /// trial; [`Error::Size`] if `from` does not name samples of the last trial in increasing order, one for each
    /// sample of this trial.
    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        let (_, _) = (trial, from);
        Err(Error::Order("this engine cannot go on from the last trial"))
    }

    /// Computes the gradients of the last trial from the errors of its results. Overwrites `gradients`.
    ///
    /// # Errors
    /// [`Error::Order`] without a trial to backpropagate through, or in a session not compiled for training;
    /// [`Error::Size`].
    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error>;

    /// Running times of the kernels since the last call; empty for engines that do not time them.
    fn timings(&mut self) -> Vec<Timing> {
        Vec::new()
    }

    /// Everything that `population` did in the last trial, including its errors after a backward pass.
    ///
    /// # Errors
    /// [`Error::Order`] in a session not compiled to record, or before the first trial.
    fn record(&self, population: usize) -> Result<Record, Error>;

    /// The session as a `Learner`, if it is one. The answer never changes during a session's life.
    fn learner(&mut self) -> Option<&mut dyn Learner> {
        None
    }
}

/// A session that keeps weights, gradients and optimizer state on its device, so that a training step transfers none of
/// them. [`Session::load`] sets the weights and does not change the optimizer or its state; [`Session::memory`]
/// includes room for the state of any optimizer.
pub trait Learner {
    /// Sets the optimizer and its state: one element for each of [`Optimizer::state_kinds`], in that order, each in the
    /// form of the weights.
    ///
    /// # Errors
    /// As [`Optimizer::check_state`]; [`Error::Order`] in a session not compiled for training; [`Error::Device`].
    fn set_optimizer(&mut self, optimizer: Optimizer, state: &[Weights]) -> Result<(), Error>;

    /// Backpropagates as [`Session::backward`] does, but leaves the gradients on the device. Returns the Euclidean norm
    /// of all gradients together, summed in double precision. It is not finite if any gradient is not.
    ///
    /// # Errors
    /// As [`Session::backward`]; [`Error::Device`].
    fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error>;

    /// Updates the weights once: by the gradients of the last backward pass times `scale`, at learning rate `rate`
    /// instead of the optimizer's own. `updates` is the number of updates since the optimizer state was 0, including
    /// this one, so the first is 1. Tensors that are not trained do not change, except the running means and variances
    /// of normalisations, which take in the statistics of the last trial. The following trials use the new weights; the
    /// last trial is discarded.
    ///
    /// # Errors
    /// [`Error::Order`] without gradients of the last trial, or before [`Learner::set_optimizer`]; [`Error::Device`].
    fn update(&mut self, scale: f32, rate: f32, updates: u64) -> Result<(), Error>;

    /// The gradients of the last backward pass, in the form of the weights; 0 for tensors that are not trained.
    ///
    /// # Errors
    /// [`Error::Order`] without gradients of the last trial; [`Error::Device`].
    fn gradients(&mut self) -> Result<Weights, Error>;

    /// The current weights.
    ///
    /// # Errors
    /// [`Error::Order`] before [`Session::load`]; [`Error::Device`].
    fn weights(&mut self) -> Result<Weights, Error>;

    /// The current optimizer state, in the order of [`Optimizer::state_kinds`].
    ///
    /// # Errors
    /// [`Error::Order`] before [`Learner::set_optimizer`]; [`Error::Device`].
    fn optimizer_state(&mut self) -> Result<Vec<Weights>, Error>;
}

/// Results of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Output of the last population, `[T, N, K]`: its spikes, or the float output of neurons that do not fire.
    pub output: Vec<f32>,
    /// Number of input spikes, of either sign, over all samples and steps; 0 for an input of numbers.
    pub input_spikes: u64,
    /// Number of spikes of each population before dropout, over all samples and steps; 0 for neurons that do not fire.
    pub spikes: Vec<u64>,
    /// Sum of the spikes of each population times its dropout mask, over all samples and steps; without dropout the
    /// same as `spikes`.
    pub emitted: Vec<f64>,
    /// Mean and variance of each group of each normalisation, in a session compiled for training. The running ones do
    /// not change until [`GroupStatistics::update_running`] is called.
    pub statistics: Vec<GroupStatistics>,
}

/// Full record of one population in one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Spikes before dropout; silent for neurons that do not fire.
    pub spikes: SpikeTrain,
    /// Numbers that neurons passed on to other populations, before dropout, `[T, N, ...]`; empty for neurons that pass
    /// on spikes and for readouts.
    pub values: Vec<f32>,
    /// Leaky trace of the spikes at the last step `[N, ...]`; empty unless the gradient is leak-corrected.
    pub trace: Vec<f32>,
    /// Sum of the spikes `[N, ...]`; empty unless the gradient is leak-corrected.
    pub count: Vec<f32>,
    /// Leak correction `[N, ...]`; empty unless the gradient is leak-corrected.
    pub correction: Vec<f32>,
    /// Membrane potential after the last step `[N, ...]`.
    pub membrane: Vec<f32>,
    /// `d(t) = dL/dI(t)` `[T, N, ...]`; empty before a backward pass.
    pub delta: Vec<f32>,
}

/// Total running time of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Population and kernel, such as `conv1: current`.
    pub name: String,
    /// Number of runs.
    pub runs: usize,
    /// Time in nanoseconds.
    pub nanos: f64,
}

/// Memory by purpose, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Purpose and bytes of each part, such as `("spikes", 70_000_000)`, in the order in which they are needed.
    pub parts: Vec<(&'static str, usize)>,
}

impl Memory {
    /// Sum of all parts.
    pub fn total(&self) -> usize {
        self.parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}
