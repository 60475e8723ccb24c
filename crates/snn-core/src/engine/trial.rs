//! One trial: the input of a network, its dropout, and the errors that start its backward pass.

use super::Plan;
use crate::encoder::{Encoded, Encoder, SampleKey};
use crate::error::Error;
use crate::network::Network;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// Errors that a backward pass starts from.
#[derive(Debug, Clone, Copy)]
pub struct Errors<'a> {
    /// `dL/d output` `[T, N, K]`, for [`Activity::output`](super::Activity::output).
    pub output: &'a [f32],
    /// `dL/d emitted` of each population, for [`Activity::emitted`](super::Activity::emitted); empty if the loss does
    /// not depend on them.
    pub emitted: &'a [f32],
}

impl<'a> Errors<'a> {
    /// Errors of the output only.
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

/// One trial: the input and the dropout of a batch of samples.
///
/// ```
/// use snn_core::{Dropout, Encoded, Shape, SpikeTrain, Stimulus, Trial};
///
/// let spikes = SpikeTrain::silent(100, 2, Shape::new(1, 28, 28)); // 100 steps of 2 samples, without a spike
/// let shown = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
///
/// let currents = Encoded::Current(vec![0.5; 2 * 28 * 28]); // the same numbers at every step
/// let trial = Trial { stimulus: currents.stimulus(), ..shown };
/// # let _ = trial;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// Input of each sample.
    pub stimulus: Stimulus<'a>,
    /// Dropout of each sample.
    pub dropout: Dropout<'a>,
}

impl Trial<'_> {
    /// Checks that the trial can continue from samples `from` of a last trial of `last` samples.
    ///
    /// # Errors
    /// As [`Session::resume`](super::Session::resume).
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

    /// Checks that all parts of the trial fit `network` and `plan`, and returns the number of samples.
    ///
    /// # Errors
    /// [`Error::Size`] naming the part that does not fit; `Error::Order` for numbers over time in a session not
    /// compiled for them.
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
                    if found != 0 && (population.neuron.is_readout() || index + 1 == network.populations().len()) {
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

/// Input of a trial.
#[derive(Debug, Clone, Copy)]
pub enum Stimulus<'a> {
    /// Spikes `[T, N, C, H, W]`.
    Spikes(&'a SpikeTrain),
    /// Numbers `[N, C, H, W]`, the same input at every step.
    Current(&'a [f32]),
    /// Numbers `[T, N, C, H, W]` that differ from step to step; only for sessions compiled with [`Plan::numbers`].
    Numbers(&'a [f32]),
    /// Images `[N, C, H, W]`, encoded by the session during the trial.
    Images {
        /// Pixel values after normalisation.
        pixels: &'a [f32],
        /// Shape of one image.
        shape: Shape,
        /// Encoder that turns images into input.
        encoder: &'a dyn Encoder,
        /// Address of the encoder's random words.
        draws: Draws<'a>,
    },
}

/// Dropout of a trial.
#[derive(Debug, Clone, Copy)]
pub enum Dropout<'a> {
    /// No dropout, as in evaluation.
    Off,
    /// Given masks `[N, C, H, W]`, one for each population; an empty mask means no dropout.
    Masks(&'a [Vec<f32>]),
    /// Masks drawn by [`crate::dropout_mask`] with each population's probability.
    Drawn(Draws<'a>),
}

/// Address of a trial's random words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, or any number that distinguishes one pass over the data from another.
    pub epoch: u32,
    /// Index of each sample in the data set, `[N]`.
    pub samples: &'a [u32],
}

impl Draws<'_> {
    /// Address of the random words of sample `n` of the trial.
    pub fn sample(&self, n: usize) -> SampleKey {
        SampleKey { seed: self.seed, epoch: self.epoch, index: self.samples[n] }
    }
}

impl Encoded {
    /// The encoded input as the stimulus of a trial.
    pub fn stimulus(&self) -> Stimulus<'_> {
        match self {
            Self::Spikes(train) => Stimulus::Spikes(train),
            Self::Current(values) => Stimulus::Current(values),
            Self::Numbers(values) => Stimulus::Numbers(values),
        }
    }
}
