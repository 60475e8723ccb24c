//! Sizes that a session is compiled for.

use crate::encoder::Input;
use crate::error::Error;
use crate::network::{Network, Population};

/// Sizes that a session is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
pub struct Plan {
    /// Time steps `T` of a trial.
    pub steps: usize,
    /// Most samples `N` of a trial.
    pub batch: usize,
    /// Whether backward passes will be asked for.
    pub train: bool,
    /// Whether [`Session::record`](super::Session::record) will be asked for; costs memory in proportion to `T`.
    pub record: bool,
    /// Whether [`Session::resume`](super::Session::resume) will be asked for; not together with `train`.
    pub stream: bool,
    /// Whether trials show numbers that differ from step to step ([`Stimulus::Numbers`](super::Stimulus::Numbers), [`Encoded::Numbers`](crate::Encoded::Numbers)), which take more
    /// memory than spikes.
    pub numbers: bool,
    /// Steps that a backward pass with surrogate gradients holds in memory at a time; the states within are computed
    /// anew from the spikes. None: what the engine finds best. Engines may round it up, and need it not where all
    /// gradients are functions of spikes.
    pub chunk: Option<usize>,
}

impl Plan {
    /// A plan to run trials of `steps` steps and up to `batch` samples, without backward passes.
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

    /// The same plan, for trials that show numbers which differ from step to step.
    #[must_use]
    pub fn numbers(self) -> Self {
        Self { numbers: true, ..self }
    }

    /// The same plan, for trials that go on where the last one ended.
    #[must_use]
    pub fn stream(self) -> Self {
        Self { stream: true, ..self }
    }

    /// Checks that there is at least one step, one sample and one step a chunk, and that a stream is not to be learned
    /// from.
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

    /// Checks that the session was compiled for numbers that differ from step to step.
    pub(super) fn check_numbers(&self) -> Result<(), Error> {
        let reason = "the session was not compiled for an input of numbers that differ from step to step; set numbers in its plan";
        if self.numbers { Ok(()) } else { Err(Error::Order(reason)) }
    }

    /// Checks the plan, as [`Plan::check`] does, and that what `network` takes can be counted: that its neurons, inputs and
    /// weights times steps times samples are at most 2^56, so that engines may multiply them by what each takes.
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

/// Most numbers of a trial.
const MOST_NUMBERS: u128 = 1 << 56;

impl Input {
    /// A plan to show it, in trials of `steps` steps and up to `batch` samples.
    pub fn plan(&self, steps: usize, batch: usize) -> Plan {
        Plan { numbers: self.numbers(), ..Plan::new(steps, batch) }
    }
}
