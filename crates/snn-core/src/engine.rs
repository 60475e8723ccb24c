//! What every engine offers: compile a network for a plan, then run trials.

use std::fmt::Debug;

use crate::{Encoder, Error, GroupStatistics, Network, Population, Sample, Shape, SpikeTrain, UpdateRule, Weights};

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
    /// Whether [`Session::record`] will be asked for; costs memory in proportion to `T`.
    pub record: bool,
    /// Whether [`Session::resume`] will be asked for; not together with `train`.
    pub stream: bool,
    /// Whether trials show numbers that differ from step to step ([`Stimulus::Numbers`], [`Encoded::Numbers`](crate::Encoded::Numbers)), which take more
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
    fn check_numbers(&self) -> Result<(), Error> {
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

/// A session that keeps weights, gradients and the memories of the update rule where it computes, so that a training
/// step moves none of them. [`Session::load`] sets the weights and leaves rule and memories as they are;
/// [`Session::memory`] leaves room for the memories of any rule.
pub trait Learner {
    /// Sets the update rule and what it remembers: `memories` in the order of [`UpdateRule::memories`], each in the form
    /// of the weights.
    ///
    /// # Errors
    /// As [`UpdateRule::check_memories`]; [`Error::Order`] in a session not compiled for training; [`Error::Device`].
    fn remember(&mut self, rule: UpdateRule, memories: &[Weights]) -> Result<(), Error>;

    /// As [`Session::backward`], but the gradients stay where they are. Gives the Euclidean norm of all gradients
    /// together, summed in double precision; it is not finite if any of them is not.
    ///
    /// # Errors
    /// As [`Session::backward`]; [`Error::Device`].
    fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error>;

    /// One update of the weights by the gradients of the last backward pass times `scale`, at learning rate `rate` in
    /// place of that of the rule; `updates` counts the updates since the memories were 0, from 1, this one included. Tensors
    /// that are not trained stay as they are, but for the means and variances that normalisations keep: they take in the
    /// statistics of the last trial. The trials that follow see the new weights, and the last trial is forgotten.
    ///
    /// # Errors
    /// [`Error::Order`] without gradients of the last trial, or before [`Learner::remember`]; [`Error::Device`].
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

    /// The memories as they are now, in the order of [`UpdateRule::memories`].
    ///
    /// # Errors
    /// [`Error::Order`] before [`Learner::remember`]; [`Error::Device`].
    fn memories(&mut self) -> Result<Vec<Weights>, Error>;
}

/// Where a backward pass starts.
#[derive(Debug, Clone, Copy)]
pub struct Errors<'a> {
    /// `dL/d output` `[T, N, K]`, for [`Activity::output`].
    pub output: &'a [f32],
    /// `dL/d emitted` of each population, for [`Activity::emitted`]; empty if the loss does not depend on them.
    pub emitted: &'a [f32],
}

impl<'a> Errors<'a> {
    /// Errors of the output alone.
    pub fn of_output(output: &'a [f32]) -> Self {
        Self { output, emitted: &[] }
    }

    /// Checks that the errors fit a trial of `samples` samples.
    ///
    /// # Errors
    /// [`Error::Size`].
    pub fn check(&self, network: &Network, plan: &Plan, samples: usize) -> Result<(), Error> {
        let (outputs, populations) = (plan.steps * samples * network.classes(), network.populations().len());
        if self.output.len() != outputs {
            return Err(Error::size("errors of the output", outputs, self.output.len()));
        }
        if !self.emitted.is_empty() && self.emitted.len() != populations {
            return Err(Error::size("errors of the spike counts", populations, self.emitted.len()));
        }
        Ok(())
    }
}

/// One trial: what the network is shown, and what is dropped.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// Input of each sample.
    pub stimulus: Stimulus<'a>,
    /// Dropout of each sample.
    pub dropout: Dropout<'a>,
}

impl Trial<'_> {
    /// Checks that the trial can go on with samples `from` of a last trial of `last` samples.
    ///
    /// # Errors
    /// As [`Session::resume`].
    pub fn check_resume(
        &self,
        network: &Network,
        plan: &Plan,
        from: &[usize],
        last: Option<usize>,
    ) -> Result<(), Error> {
        if !plan.stream {
            return Err(Error::Order("the session was not compiled to go on from trial to trial"));
        }
        let last = last.ok_or(Error::Order("no trial to go on from"))?;
        let samples = self.check(network, plan)?;
        let rises = from.is_sorted_by(|a, b| a < b) && from.last().is_none_or(|&from| from < last);
        if samples != from.len() || !rises {
            let expected = format!("{samples} of the {last} samples of the last trial in rising order");
            return Err(Error::size("samples to go on with", expected, format!("{from:?}")));
        }
        Ok(())
    }

    /// Number of samples; checks that all parts of the trial fit `network` and `plan`.
    ///
    /// # Errors
    /// [`Error::Size`] that names the part at fault.
    pub fn check(&self, network: &Network, plan: &Plan) -> Result<usize, Error> {
        let input = network.input();
        let samples = match self.stimulus {
            Stimulus::Spikes(train) => {
                if train.shape() != input || train.steps() != plan.steps {
                    let found = format!("{} over {} steps", train.shape(), train.steps());
                    return Err(Error::size("input spikes", format!("{input} over {} steps", plan.steps), found));
                }
                train.samples()
            }
            Stimulus::Images { pixels, shape, encoder, draws } => {
                if encoder.shape(shape) != input {
                    return Err(Error::size("encoded images", input, encoder.shape(shape)));
                }
                if pixels.len() != draws.samples.len() * shape.len() {
                    let expected = format!("{} x {shape}", draws.samples.len());
                    return Err(Error::size("images", expected, format!("{} values", pixels.len())));
                }
                if encoder.numbers() {
                    plan.check_numbers()?;
                }
                draws.samples.len()
            }
            Stimulus::Numbers(values) => {
                plan.check_numbers()?;
                let sample = plan.steps * input.len();
                if !values.len().is_multiple_of(sample) {
                    let expected = format!("{} steps x N x {input}", plan.steps);
                    return Err(Error::size("input numbers", expected, format!("{} values", values.len())));
                }
                values.len() / sample
            }
            Stimulus::Current(values) => {
                if !values.len().is_multiple_of(input.len()) {
                    return Err(Error::size(
                        "input current",
                        format!("N x {input}"),
                        format!("{} values", values.len()),
                    ));
                }
                values.len() / input.len()
            }
        };
        if samples == 0 || samples > plan.batch {
            return Err(Error::size("samples of a trial", format!("1 to {}", plan.batch), samples));
        }
        match self.dropout {
            Dropout::Off => {}
            Dropout::Masks(masks) => {
                for (index, population) in network.populations().iter().enumerate() {
                    let found = masks.get(index).map_or(0, Vec::len);
                    if found != 0 && found != samples * population.shape.len() {
                        let expected = format!("{samples} x {} values, or none", population.shape);
                        return Err(Error::size(format!("mask of \"{}\"", population.name), expected, found));
                    }
                    if found != 0 && (!population.neuron.feeds() || index + 1 == network.populations().len()) {
                        let what = format!("mask of \"{}\"", population.name);
                        return Err(Error::size(what, "none, as only hidden neurons that fire take dropout", "one"));
                    }
                }
            }
            Dropout::Drawn(draws) => {
                if draws.samples.len() != samples {
                    return Err(Error::size("samples to draw masks for", samples, draws.samples.len()));
                }
            }
        }
        Ok(samples)
    }
}

/// What a trial shows the network.
#[derive(Debug, Clone, Copy)]
pub enum Stimulus<'a> {
    /// Spikes `[T, N, C, H, W]`.
    Spikes(&'a SpikeTrain),
    /// Numbers `[N, C, H, W]` that are the input at every step.
    Current(&'a [f32]),
    /// Numbers `[T, N, C, H, W]`, others at every step; for sessions compiled for them, see [`Plan::numbers`].
    Numbers(&'a [f32]),
    /// Images `[N, C, H, W]`, encoded as the trial runs.
    Images {
        /// Values after normalisation.
        pixels: &'a [f32],
        /// Shape of one image.
        shape: Shape,
        /// How they become input.
        encoder: &'a dyn Encoder,
        /// Where the encoder's random words come from.
        draws: Draws<'a>,
    },
}

/// Dropout of a trial.
#[derive(Debug, Clone, Copy)]
pub enum Dropout<'a> {
    /// None, as in evaluation.
    Off,
    /// Given masks `[N, C, H, W]`, one for each population; an empty one means none.
    Masks(&'a [Vec<f32>]),
    /// Masks drawn by [`crate::dropout_mask`] with each population's probability.
    Drawn(Draws<'a>),
}

/// Address of a trial's random words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, or any number that tells one pass over the data from another.
    pub epoch: u32,
    /// Index in the data set of each sample `[N]`.
    pub samples: &'a [u32],
}

impl Draws<'_> {
    /// Address of the words of sample `n` of the trial.
    pub fn sample(&self, n: usize) -> Sample {
        Sample { seed: self.seed, epoch: self.epoch, index: self.samples[n] }
    }
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
