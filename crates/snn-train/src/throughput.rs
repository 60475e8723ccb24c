//! Measures the speed of an engine on a network, on images of its data set or on synthetic ones of similar sparsity.

use std::ops::ControlFlow;
use std::time::Instant;

use snn_core::{
    Activity, AddressEvent, DatasetKind, Draws, Dropout, Engine, Errors, Memory, Network, Plan, Purpose, Session,
    Stream, Timing, TrainingSession, Trial,
};
use snn_data::{Batch, Dataset, Loader};
use snn_models::Built;

use crate::evaluate::{EPOCH, judge};
use crate::{EncodedBatch, TrainError};

/// Number of events of a synthetic recording, and its duration in microseconds: similar to N-MNIST.
const EVENTS: u32 = 4000;
const LASTS: u32 = 300_000;

/// The kind of work that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimedWork {
    /// Forward pass, loss, backward pass and update, as in [`fit`](crate::fit). The learning rate is 0, so that every
    /// repetition computes the same.
    Training,
    /// Forward pass and scores.
    Inference,
}

impl TimedWork {
    /// Name of the kind of work.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Inference => "inference",
        }
    }

    /// Number of passes over all weights, each with the operations of a forward pass. Training takes three: currents,
    /// errors with respect to the sources, and gradients.
    pub fn passes(self) -> usize {
        match self {
            Self::Training => 3,
            Self::Inference => 1,
        }
    }
}

/// Timings of a batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Throughput {
    /// What was timed.
    pub work: TimedWork,
    /// Number of images per batch.
    pub batch: usize,
    /// Milliseconds per batch, in the order measured.
    pub millis: Vec<f64>,
    /// Multiply-adds of a batch if computed densely: operations of all maps with weights, times time steps, images and
    /// [`TimedWork::passes`].
    pub multiply_adds: f64,
    /// Input spikes per image; `None` if the input is numbers.
    pub input_spikes: Option<f64>,
    /// Spikes of all populations, per image.
    pub spikes: f64,
    /// Memory of the session.
    pub memory: Memory,
    /// Times of the kernels, summed over all timed batches; empty for engines that do not time kernels.
    pub timings: Vec<Timing>,
}

impl Throughput {
    /// Median milliseconds per batch.
    pub fn median(&self) -> f64 {
        let mut millis = self.millis.clone();
        millis.sort_by(f64::total_cmp);
        let middle = millis.len() / 2;
        match millis.get(middle) {
            Some(&upper) if millis.len().is_multiple_of(2) => f64::midpoint(millis[middle - 1], upper),
            Some(&middle) => middle,
            None => f64::NAN,
        }
    }

    /// Minimum milliseconds per batch.
    pub fn best(&self) -> f64 {
        self.millis.iter().copied().fold(f64::NAN, f64::min)
    }

    /// Images per second, from the median.
    pub fn images_per_second(&self) -> f64 {
        self.batch as f64 / self.median() * 1e3
    }

    /// Dense multiply-adds per second, from the median.
    pub fn multiply_adds_per_second(&self) -> f64 {
        self.multiply_adds / self.median() * 1e3
    }
}

/// Times batches of the experiment's `training.batch` images, the first ones of `data`, on initial weights. Continues
/// until `watch`, which receives the milliseconds of each batch so far, returns `Break`. Without `data`, or if it has
/// fewer images than a batch, images are synthetic: pixels from 0 to 1, of which four in five are 0 if there is one
/// channel, as in images of digits; or events at random places. The first batch is not timed. Everything is determined
/// by the experiment's seed, and all batches are the same.
///
/// # Errors
/// [`TrainError::Core`].
pub fn throughput(
    engine: &dyn Engine,
    built: &Built,
    work: TimedWork,
    data: Option<&Dataset>,
    watch: &mut dyn FnMut(&[f64]) -> ControlFlow<()>,
) -> Result<Throughput, TrainError> {
    let training = &built.experiment.training;
    let network = &built.network;
    let plan = built.input.plan(built.experiment.steps, training.batch);
    let weights = network.initial_weights(training.seed);
    let mut worker = match work {
        TimedWork::Training => {
            let session = engine.compile(network, Plan { chunk: training.chunk, ..plan.train() })?;
            let (rule, average) = (training.optimizer, training.average);
            Worker::Training(Box::new(TrainingSession::new(session, network, rule, average, &weights)?))
        }
        TimedWork::Inference => {
            let mut session = engine.compile(network, plan)?;
            session.load(&weights)?;
            Worker::Inference(session)
        }
    };
    let batch = genuine(data, training.batch).unwrap_or_else(|| made_up(built, training.batch, training.seed));
    worker.step(built, &batch)?;
    worker.timings();
    let mut millis = Vec::new();
    let activity = loop {
        let started = Instant::now();
        let activity = worker.step(built, &batch)?;
        millis.push(started.elapsed().as_secs_f64() * 1e3);
        if watch(&millis).is_break() {
            break activity;
        }
    };
    let per_image = |sum: u64| sum as f64 / training.batch as f64;
    Ok(Throughput {
        work,
        batch: training.batch,
        millis,
        multiply_adds: dense_operations(network) * (built.experiment.steps * training.batch * work.passes()) as f64,
        input_spikes: built.input.spikes().then(|| per_image(activity.input_spikes)),
        spikes: per_image(activity.spikes.iter().sum()),
        memory: worker.memory(),
        timings: worker.timings(),
    })
}

/// Dense multiply-adds per image and time step.
fn dense_operations(network: &Network) -> f64 {
    let inputs = network.populations().iter().flat_map(|population| &population.inputs);
    // The outputs of several sources are summed before the map, so the map counts once.
    let operations =
        inputs.filter_map(|input| Some(input.map.dense_operations(network.shape(*input.sources.first()?))));
    operations.map(|count| count as f64).sum()
}

enum Worker {
    Training(Box<TrainingSession>),
    Inference(Box<dyn Session>),
}

impl Worker {
    /// Computes one batch with everything except loading.
    fn step(&mut self, built: &Built, batch: &Batch) -> Result<Activity, TrainError> {
        let draws = Draws { seed: built.experiment.training.seed, epoch: 0, samples: &batch.samples };
        let shown = EncodedBatch::new(built, built.experiment.steps, batch);
        let stimulus = shown.stimulus(draws);
        match self {
            Self::Training(learning) => {
                let activity = learning.forward(&Trial { stimulus, dropout: Dropout::Drawn(draws) })?;
                let judgement = judge(built, &activity, &batch.labels, Some(0));
                let errors = Errors { output: &judgement.grades.d_output, emitted: &judgement.d_emitted };
                learning.backward(errors)?;
                learning.update(1.0, 0.0)?;
                Ok(activity)
            }
            Self::Inference(session) => {
                let activity = session.forward(&Trial { stimulus, dropout: Dropout::Off })?;
                judge(built, &activity, &batch.labels, Some(0));
                Ok(activity)
            }
        }
    }

    fn timings(&mut self) -> Vec<Timing> {
        match self {
            Self::Training(learning) => learning.timings(),
            Self::Inference(session) => session.timings(),
        }
    }

    fn memory(&self) -> Memory {
        match self {
            Self::Training(learning) => learning.memory(),
            Self::Inference(session) => session.memory(),
        }
    }
}

/// The first `count` samples of `data`; `None` if it has fewer.
fn genuine(data: Option<&Dataset>, count: usize) -> Option<Batch> {
    let data = data.filter(|data| data.len() >= count)?;
    Loader::in_order(data, 0..count as u32, count).batch(EPOCH, 0).cloned()
}

/// In a synthetic image with one channel, one pixel in this many is nonzero.
const LIT: u32 = 5;

/// A synthetic batch of `count` samples with the data set's shape: pixels from 0 to 1, or events at random places.
fn made_up(built: &Built, count: usize, seed: u64) -> Batch {
    let words = Stream::new(seed, Purpose::Augmentation);
    let (len, classes) = (built.data.shape().len(), built.network.classes());
    let samples: Vec<u32> = (0..count as u32).collect();
    let labels = samples.iter().map(|sample| (*sample as usize % classes) as u8).collect();
    let mut batch = Batch { labels, ..Batch::default() };
    match built.data.kind() {
        DatasetKind::Images => {
            let one_in = if built.data.shape().channels == 1 { LIT } else { 1 };
            let pixel = |sample: u32| {
                move |index| {
                    let word = words.word(0, sample, 0, index);
                    if word.is_multiple_of(one_in) { word as f32 / u32::MAX as f32 } else { 0.0 }
                }
            };
            batch.pixels = samples.iter().flat_map(|&sample| (0..len as u32).map(pixel(sample))).collect();
        }
        DatasetKind::Recordings => {
            let event = |sample: u32| {
                move |index| AddressEvent {
                    time: index * (LASTS / EVENTS),
                    pixel: ((u64::from(words.word(0, sample, 0, index)) * len as u64) >> 32) as u32,
                }
            };
            batch.recordings = samples.iter().map(|&sample| (0..EVENTS).map(event(sample)).collect()).collect();
        }
    }
    Batch { samples, ..batch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_batches_took_longer_than_the_median() {
        let of = |millis: &[f64]| Throughput {
            work: TimedWork::Inference,
            batch: 4,
            millis: millis.to_vec(),
            multiply_adds: 8.0,
            input_spikes: None,
            spikes: 0.0,
            memory: Memory::default(),
            timings: Vec::new(),
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(of(&[4.0, 1.0]).best(), 1.0);
        assert_eq!(of(&[2.0]).images_per_second(), 2000.0);
        assert_eq!(of(&[2.0]).multiply_adds_per_second(), 4000.0);
    }
}
