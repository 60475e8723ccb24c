//! What every engine offers: compile a network for a plan, then run trials.

mod plan;
mod trial;

use std::fmt::Debug;

use crate::error::Error;
use crate::network::{GroupStatistics, Network, Weights};
use crate::optimizer::Optimizer;
use crate::spikes::SpikeTrain;

pub use plan::Plan;
pub use trial::{Draws, Dropout, Errors, Stimulus, Trial};

/// Runs networks on some device.
pub trait Engine: Debug + Send + Sync {
    /// Name by which an engine is chosen, such as `cpu`.
    fn name(&self) -> &'static str;

    /// What it runs on, in words.
    fn describe(&self) -> String;

    /// What it is, in words for a list: no device is looked for or opened, so that nothing is said of the one that there is.
    fn about(&self) -> String {
        self.describe()
    }

    /// What decides the last bits of its sums, in words, such as `cpu, AVX2`: two engines that say the same give the same bits
    /// if they are of the same build of this program. The number of threads is no part of it.
    fn arithmetic(&self) -> String {
        self.name().to_owned()
    }

    /// Prepares to run `network` as `plan` says. What it will take is known from here on.
    ///
    /// # Errors
    /// [`Error::Range`] for a plan of zero steps or samples, or of more than the engine can do.
    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error>;

    /// Memory that a session for `network` and `plan` takes, by purpose: what [`Session::memory`] of it says. An engine that
    /// can tell so without taking it should, and without touching a device that is not in use yet.
    ///
    /// # Errors
    /// As [`Engine::compile`].
    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        self.compile(network, plan).map(|session| session.memory())
    }

    /// Whether what sessions take is memory of the device's own, as that of a card is, and not of the computer.
    fn has_own_memory(&self) -> bool {
        false
    }

    /// What the device can do at most, measured now, within a second or so; none for engines that do not measure it.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn peak(&self) -> Result<Option<Peak>, Error> {
        Ok(None)
    }
}

/// What a device can do at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Multiply-adds in single precision a second.
    pub multiply_adds: f64,
    /// Bytes read and written a second, of memory too large for any cache.
    pub bandwidth: f64,
}

/// A network compiled for a plan.
pub trait Session: Send {
    /// Memory that the session takes, by purpose.
    fn memory(&self) -> Memory;

    /// Sets the weights for the trials that follow, and forgets the last trial.
    ///
    /// # Errors
    /// [`Error::Size`] if `weights` does not fit the network.
    fn load(&mut self, weights: &Weights) -> Result<(), Error>;

    /// Runs a trial of all `T` steps.
    ///
    /// # Errors
    /// [`Error::Size`] if the trial does not fit network and plan; [`Error::Order`] before [`Session::load`].
    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error>;

    /// Runs a trial in which sample `i` goes on where sample `from[i]` of the last trial ended, rather than from rest:
    /// trials of `T` steps one after the other give what one long trial gives. Samples may drop out on the way; those that
    /// stay keep their order. Encoders start anew: show spikes or numbers where the input changes over time.
    ///
    /// # Errors
    /// As [`Session::forward`]; [`Error::Order`] in a session that was not compiled to stream, or before a trial;
    /// [`Error::Size`] if `from` does not name samples of the last trial in rising order, one for each of this one.
    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        let (_, _) = (trial, from);
        Err(Error::Order("this engine cannot go on from the last trial"))
    }

    /// Gradients of the last trial, given the errors of what it gave; `gradients` is overwritten.
    ///
    /// # Errors
    /// [`Error::Order`] without a trial to go back through, or in a session not compiled for training;
    /// [`Error::Size`].
    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error>;

    /// What the kernels took that ran since the last call; empty for engines that do not time them.
    fn timings(&mut self) -> Vec<Timing> {
        Vec::new()
    }

    /// What `population` did in the last trial (and, after a backward pass, its errors).
    ///
    /// # Errors
    /// [`Error::Order`] in a session not compiled to record, or before a trial.
    fn record(&self, population: usize) -> Result<Record, Error>;

    /// The session as one that learns where it computes, if it can: at any time, or never.
    fn learner(&mut self) -> Option<&mut dyn Learner> {
        None
    }
}

/// A session that keeps weights, gradients and the state of the optimizer where it computes, so that a training
/// step moves none of them. [`Session::load`] sets the weights and leaves the optimizer and its state as they are;
/// [`Session::memory`] leaves room for the state of any optimizer.
pub trait Learner {
    /// Sets the optimizer and its state: tensors in the order of [`Optimizer::state_kinds`], each in the form
    /// of the weights.
    ///
    /// # Errors
    /// As [`Optimizer::check_state`]; [`Error::Order`] in a session not compiled for training; [`Error::Device`].
    fn set_optimizer(&mut self, optimizer: Optimizer, state: &[Weights]) -> Result<(), Error>;

    /// As [`Session::backward`], but the gradients stay where they are. Gives the Euclidean norm of all gradients
    /// together, summed in double precision; it is not finite if any of them is not.
    ///
    /// # Errors
    /// As [`Session::backward`]; [`Error::Device`].
    fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error>;

    /// One update of the weights by the gradients of the last backward pass times `scale`, at learning rate `rate` in
    /// place of the optimizer's own; `updates` counts the updates since its state was 0, from 1, this one included. Tensors
    /// that are not trained stay as they are, but for the means and variances that normalisations keep: they take in the
    /// statistics of the last trial. The trials that follow see the new weights, and the last trial is forgotten.
    ///
    /// # Errors
    /// [`Error::Order`] without gradients of the last trial, or before [`Learner::set_optimizer`]; [`Error::Device`].
    fn update(&mut self, scale: f32, rate: f32, updates: u64) -> Result<(), Error>;

    /// The gradients of the last backward pass, in the form of the weights: 0 where nothing is trained.
    ///
    /// # Errors
    /// [`Error::Order`] without gradients of the last trial; [`Error::Device`].
    fn gradients(&mut self) -> Result<Weights, Error>;

    /// The weights as they are now.
    ///
    /// # Errors
    /// [`Error::Order`] before [`Session::load`]; [`Error::Device`].
    fn weights(&mut self) -> Result<Weights, Error>;

    /// The state of the optimizer as it is now, in the order of [`Optimizer::state_kinds`].
    ///
    /// # Errors
    /// [`Error::Order`] before [`Learner::set_optimizer`]; [`Error::Device`].
    fn optimizer_state(&mut self) -> Result<Vec<Weights>, Error>;
}

/// What a trial gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// What the last population passed on, `[T, N, K]`: its spikes, or the output of neurons that do not
    /// fire.
    pub output: Vec<f32>,
    /// Spikes of the input, of either sign, over all samples and steps; 0 for numbers.
    pub input_spikes: u64,
    /// Spikes of each population before dropout, over all samples and steps; 0 for neurons that do not fire.
    pub spikes: Vec<u64>,
    /// Sum of what each population emitted, spikes times dropout mask, over all samples and steps; without dropout the
    /// same as `spikes`.
    pub emitted: Vec<f64>,
    /// Mean and variance of each group of each normalisation, in a session compiled for training; those that are kept do not
    /// change before [`GroupStatistics::keep`] is called.
    pub statistics: Vec<GroupStatistics>,
}

/// Everything that can be known of one population in one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Spikes before dropout; silent for neurons that do not fire.
    pub spikes: SpikeTrain,
    /// What neurons that pass on numbers to others passed on, before dropout, `[T, N, ...]`; empty for all others.
    pub values: Vec<f32>,
    /// Leaky trace of the spikes at the last step `[N, ...]`; empty but for leak-corrected gradients.
    pub trace: Vec<f32>,
    /// Sum of the spikes `[N, ...]`; empty but for leak-corrected gradients.
    pub count: Vec<f32>,
    /// Leak correction `[N, ...]`; empty but for leak-corrected gradients.
    pub correction: Vec<f32>,
    /// Membrane after the last step `[N, ...]`.
    pub membrane: Vec<f32>,
    /// `d(t) = dL/dI(t)` `[T, N, ...]`; empty before a backward pass.
    pub delta: Vec<f32>,
}

/// What a kernel took, the sum of all its runs.
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
    /// Purposes in the order of their need, such as `("spikes", 70_000_000)`.
    pub parts: Vec<(&'static str, usize)>,
}

impl Memory {
    /// Sum of all parts.
    pub fn total(&self) -> usize {
        self.parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}
