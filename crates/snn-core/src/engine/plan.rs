//! The plan of a session: sizes and options that it is compiled for.

use crate::encoder::Input;
use crate::error::Error;
use crate::network::{Network, Population};

/// Sizes and options that a session is compiled for.
///
/// ```
/// use snn_core::Plan;
///
/// let inference = Plan::new(100, 32); // trials of 100 time steps, up to 32 samples at once
/// let training = inference.train();
/// let stream = Plan::new(10, 1).stream(); // parts of ten steps, each of which goes on from the one before
/// assert!(training.train && !stream.train);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
pub struct Plan {
    /// Time steps `T` of a trial.
    pub steps: usize,
    /// Largest number of samples `N` in a trial.
    pub batch: usize,
    /// Whether backward passes will be run.
    pub train: bool,
    /// Whether [`Session::record`](super::Session::record) will be called; costs memory in proportion to `T`.
    pub record: bool,
    /// Whether [`Session::resume`](super::Session::resume) will be called; cannot be combined with `train`.
    pub stream: bool,
    /// Whether the input is numbers that differ from step to step ([`Stimulus::Numbers`](super::Stimulus::Numbers),
    /// [`Encoded::Numbers`](crate::Encoded::Numbers)). They take more memory than spikes.
    pub numbers: bool,
    /// Number of steps that a backward pass with surrogate gradients holds in memory at a time; their states are
    /// recomputed from the spikes. `None` lets the engine choose. Engines may round it up, and may ignore it where all
    /// gradients are spike-gated.
    pub chunk: Option<usize>,
}

impl Plan {
    /// A plan for trials of `steps` steps and up to `batch` samples, without backward passes.
    pub fn new(steps: usize, batch: usize) -> Self {
        Self { steps, batch, train: false, record: false, stream: false, numbers: false, chunk: None }
    }

    /// The same plan with backward passes.
    #[must_use]
    pub fn train(self) -> Self {
        Self { train: true, ..self }
    }

    /// The same plan with records.
    #[must_use]
    pub fn record(self) -> Self {
        Self { record: true, ..self }
    }

    /// The same plan, for an input of numbers that differ from step to step.
    #[must_use]
    pub fn numbers(self) -> Self {
        Self { numbers: true, ..self }
    }

    /// The same plan, for trials that continue the last one.
    #[must_use]
    pub fn stream(self) -> Self {
        Self { stream: true, ..self }
    }

    /// Checks that steps, batch and chunk are at least 1, and that the plan does not combine stream and training.
    ///
    /// # Errors
    /// [`Error::Range`], [`Error::Order`].
    pub fn check(&self) -> Result<(), Error> {
        if self.stream && self.train {
            return Err(Error::Order("a session that goes on from trial to trial cannot be compiled for training"));
        }
        for (what, count) in [("steps", self.steps), ("batch", self.batch), ("chunk", self.chunk.unwrap_or(1))] {
            if count == 0 {
                return Err(Error::range(what, "at least 1", count));
            }
        }
        Ok(())
    }

    /// Checks that the session was compiled for an input of numbers that differ from step to step.
    pub(super) fn check_numbers(&self) -> Result<(), Error> {
        let reason = "the session was not compiled for an input of numbers that differ from step to step; set numbers in its plan";
        if self.numbers { Ok(()) } else { Err(Error::Order(reason)) }
    }

    /// Checks the plan as [`Plan::check`] does, and that its memory sizes cannot overflow: neurons, inputs and weights
    /// of `network`, times steps, times samples must be at most 2^56. This leaves room for engines to multiply by the
    /// size of each.
    ///
    /// # Errors
    /// As [`Plan::check`]; [`Error::Range`].
    pub fn check_with(&self, network: &Network) -> Result<(), Error> {
        self.check()?;
        let of = |(index, population): (usize, &Population)| {
            let read = network.connections(index).map(|(connection, _)| network.shape(connection.source).len() as u128);
            (1 + population.neuron.state().len() as u128) * population.shape.len() as u128 + read.sum::<u128>()
        };
        let numbers: u128 = network.populations().iter().enumerate().map(of).sum();
        let weights: u128 = network.tensors().iter().map(|weight| weight.len() as u128).sum();
        let all = (numbers + weights + network.input().len() as u128) * self.steps as u128 * self.batch as u128;
        if all > MOST_NUMBERS {
            let found = format!("{} steps of {} samples", self.steps, self.batch);
            return Err(Error::range("a trial", "shorter, or of fewer samples, for a network of this size", found));
        }
        Ok(())
    }
}

/// Largest number of values in a trial.
const MOST_NUMBERS: u128 = 1 << 56;

impl Input {
    /// A plan for trials with this input, of `steps` steps and up to `batch` samples.
    pub fn plan(&self, steps: usize, batch: usize) -> Plan {
        Plan { numbers: self.numbers(), ..Plan::new(steps, batch) }
    }
}
