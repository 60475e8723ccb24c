//! Inference in small batches, with optional early exit and measured latency.

use std::ops::Range;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use snn_core::{Activity, Draws, Dropout, Encoded, Engine, Input, SampleKey, Session, SpikeTrain, Trial, Weights};
use snn_data::{Batch, Dataset, Loader};
use snn_models::Built;

use crate::evaluate::{EPOCH, check_images, check_output};
use crate::{EncodedBatch, Event, Observer, TrainError};

/// Early exit: a network answers at the first multiple of `every` time steps at which the largest class score, if the
/// trial ended there, exceeds the second largest by more than `margin`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// Required lead of the best class, in units of the scores; at least 0.
    pub margin: f32,
    /// Number of time steps between two checks of the scores; must divide the time steps of the trial.
    pub every: usize,
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// Index of the image in the data set.
    pub image: usize,
    /// Its true class.
    pub label: usize,
    /// Predicted class.
    pub class: usize,
    /// Whether the prediction is correct.
    pub correct: bool,
    /// Number of time steps until the answer.
    pub steps: usize,
    /// Time from the image to the answer, without one-time preparation; serialized in milliseconds. All images of a
    /// batch start together.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
}

/// Serializes durations as milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(1e3 * duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(millis / 1e3).map_err(serde::de::Error::custom)
    }
}

/// Predictions for a set of images, and the spikes they took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inference {
    /// The answers, in the order of the data set.
    pub answers: Vec<Prediction>,
    /// Spikes of all populations, over all images.
    pub spikes: u64,
    /// Input spikes, over all images; `None` if the input is numbers.
    pub input_spikes: Option<u64>,
}

impl Inference {
    /// Fraction of images classified correctly.
    pub fn accuracy(&self) -> f64 {
        self.answers.iter().filter(|answer| answer.correct).count() as f64 / self.answers.len() as f64
    }

    /// Mean number of time steps per image.
    pub fn steps(&self) -> f64 {
        self.answers.iter().map(|answer| answer.steps as f64).sum::<f64>() / self.answers.len() as f64
    }

    /// The latency that the fraction `share` of the answers, such as 0.5, does not exceed.
    pub fn latency(&self, share: f64) -> Duration {
        let mut all: Vec<Duration> = self.answers.iter().map(|answer| answer.latency).collect();
        all.sort_unstable();
        let rank = (share * all.len() as f64).ceil() as usize;
        all.get(rank.clamp(1, all.len().max(1)) - 1).copied().unwrap_or_default()
    }
}

/// Options of [`infer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InferenceOptions {
    /// Batch size, at least 1.
    pub batch: usize,
    /// When to answer before the last time step; `None` to always run all time steps.
    pub exit: Option<Exit>,
}

/// Runs the network on `images` of `data`, a batch at a time, until each is answered. Input spikes are those of
/// [`evaluate`](crate::evaluate()). Returns `None` if the observer stops it.
///
/// # Errors
/// [`TrainError::Setup`] if data and network do not match, `images` are not in `data`, or the early exit does not fit
/// the trial; [`TrainError::NotFinite`] if an output is not finite; [`TrainError::Core`].
pub fn infer(
    engine: &dyn Engine,
    built: &Built,
    weights: &Weights,
    data: &Dataset,
    images: &[u32],
    options: InferenceOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Inference>, TrainError> {
    check_images(built, data, images)?;
    let InferenceOptions { batch, exit } = options;
    let (steps, batch) = (built.experiment.steps, batch.clamp(1, images.len()));
    check_exit(exit, steps)?;
    let plan = match exit {
        Some(exit) => built.input.plan(exit.every, batch).stream(),
        None => built.input.plan(steps, batch),
    };
    let mut session = engine.compile(&built.network, plan)?;
    session.load(weights)?;
    let mut loader = Loader::in_order(data, images.iter().copied(), batch);
    let input_spikes = built.input.spikes().then_some(0);
    let mut inference = Inference { answers: Vec::with_capacity(images.len()), spikes: 0, input_spikes };
    for index in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, index) else { break };
        let draws = Draws { seed: built.experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        if index == 0 {
            // The first trial includes one-time preparation, such as compiling kernels. It is run once without being
            // counted.
            let mut inference = inference.clone();
            let session = session.as_mut();
            Watched { built, steps, batch, draws, session, inference: &mut inference }.decide(exit)?;
        }
        let started = Instant::now();
        let session = session.as_mut();
        let decided = Watched { built, steps, batch, draws, session, inference: &mut inference }.decide(exit)?;
        for ((&image, &label), (class, steps, at)) in batch.samples.iter().zip(&batch.labels).zip(decided) {
            let (label, latency) = (usize::from(label), at - started);
            let correct = class == label;
            inference.answers.push(Prediction { image: image as usize, label, class, correct, steps, latency });
        }
        let done = Event::Evaluating { done: inference.answers.len(), images: images.len() };
        if observer.on_event(&done).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(inference))
}

fn check_exit(exit: Option<Exit>, steps: usize) -> Result<(), TrainError> {
    let Some(Exit { margin, every }) = exit else { return Ok(()) };
    if !(margin >= 0.0 && margin.is_finite()) {
        return Err(TrainError::setup("margin of the exit", format!("must be at least 0 and finite, found {margin}")));
    }
    if every == 0 || !steps.is_multiple_of(every) {
        let reason = format!("must divide the {steps} steps of a trial, found {every}");
        return Err(TrainError::setup("steps between two looks", reason));
    }
    Ok(())
}

/// Class, number of time steps and instant of an answer.
type Decision = (usize, usize, Instant);

/// A batch during inference.
struct Watched<'a> {
    built: &'a Built,
    steps: usize,
    batch: &'a Batch,
    draws: Draws<'a>,
    session: &'a mut dyn Session,
    inference: &'a mut Inference,
}

impl Watched<'_> {
    fn decide(&mut self, exit: Option<Exit>) -> Result<Vec<Decision>, TrainError> {
        match exit {
            Some(exit) => self.until_sure(exit),
            None => self.whole(),
        }
    }

    /// Runs all time steps at once.
    fn whole(&mut self) -> Result<Vec<Decision>, TrainError> {
        let shown = EncodedBatch::new(self.built, self.steps, self.batch);
        let activity = self.session.forward(&Trial { stimulus: shown.stimulus(self.draws), dropout: Dropout::Off })?;
        check_output(&activity.output)?;
        self.count(&activity);
        let scores = scores(self.built, &activity.output, self.batch.samples.len());
        let now = |scores: &Vec<f64>| (best(scores).0, self.steps, Instant::now());
        Ok(scores.iter().map(now).collect())
    }

    /// Runs `exit.every` time steps at a time. Samples leave the batch once they are decided.
    fn until_sure(&mut self, exit: Exit) -> Result<Vec<Decision>, TrainError> {
        let (samples, classes) = (self.batch.samples.len(), self.built.network.classes());
        let input = input(self.built, self.steps, self.batch, self.draws);
        let mut outputs: Vec<Vec<f64>> = vec![Vec::with_capacity(self.steps * classes); samples];
        let mut decided: Vec<Option<Decision>> = vec![None; samples];
        // Indices of the undecided samples, and their positions in the batch of the previous trial.
        let mut left: Vec<usize> = (0..samples).collect();
        let mut from = Vec::new();
        for start in (0..self.steps).step_by(exit.every) {
            let end = start + exit.every;
            let part = input.part(start..end, self.steps, &left);
            let trial = Trial { stimulus: part.stimulus(), dropout: Dropout::Off };
            let activity = if start == 0 { self.session.forward(&trial) } else { self.session.resume(&trial, &from) }?;
            check_output(&activity.output)?;
            self.count(&activity);
            for row in activity.output.chunks(left.len() * classes) {
                for (&n, row) in left.iter().zip(row.chunks(classes)) {
                    outputs[n].extend(row.iter().map(|&y| f64::from(y)));
                }
            }
            from.clear();
            for (at, &n) in left.iter().enumerate() {
                let (class, lead) = best(&self.built.score.scores(&outputs[n], classes));
                if lead > f64::from(exit.margin) || end == self.steps {
                    decided[n] = Some((class, end, Instant::now()));
                } else {
                    from.push(at);
                }
            }
            left = from.iter().map(|&at| left[at]).collect();
            if left.is_empty() {
                break;
            }
        }
        Ok(decided.into_iter().flatten().collect())
    }

    fn count(&mut self, activity: &Activity) {
        self.inference.spikes += activity.spikes.iter().sum::<u64>();
        if let Some(sum) = &mut self.inference.input_spikes {
            *sum += activity.input_spikes;
        }
    }
}

/// The class scores of each of `samples` samples, from the network output `[T, N, classes]`.
pub(crate) fn scores(built: &Built, output: &[f32], samples: usize) -> Vec<Vec<f64>> {
    let classes = built.network.classes();
    let rows = |n: usize| output.chunks(samples * classes).flat_map(move |row| &row[n * classes..][..classes]);
    let outputs = (0..samples).map(|n| rows(n).map(|&y| f64::from(y)).collect::<Vec<f64>>());
    outputs.map(|output| built.score.scores(&output, classes)).collect()
}

/// Encodes the input of a whole trial.
pub(crate) fn input(built: &Built, steps: usize, batch: &Batch, draws: Draws<'_>) -> EncodedInput {
    let shape = built.data.shape();
    let encoder = match &built.input {
        Input::Recordings(frames) if frames.counts => {
            let count = |events| frames.count(std::slice::from_ref(events), shape, steps);
            return EncodedInput::Numbers(batch.recordings.iter().map(count).collect());
        }
        Input::Recordings(frames) => return EncodedInput::Spikes(frames.encode(&batch.recordings, shape, steps)),
        Input::Images(encoder) => encoder,
    };
    let (mut trains, mut currents, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (image, &index) in batch.pixels.chunks(shape.len()).zip(&batch.samples) {
        let sample = SampleKey { seed: draws.seed, epoch: draws.epoch, index };
        match encoder.encode(image, shape, steps, sample) {
            Encoded::Spikes(train) => trains.push(train),
            Encoded::Current(values) => currents.push(values),
            Encoded::Numbers(values) => numbers.push(values),
        }
    }
    match (trains.is_empty(), numbers.is_empty()) {
        (false, _) => EncodedInput::Spikes(SpikeTrain::join(&trains)),
        (true, false) => EncodedInput::Numbers(numbers),
        (true, true) => EncodedInput::Currents(currents),
    }
}

/// The encoded input of a batch.
pub(crate) enum EncodedInput {
    /// `[T, N, ...]`.
    Spikes(SpikeTrain),
    /// `[N][...]`, the same at every step.
    Currents(Vec<Vec<f32>>),
    /// `[N][T, ...]`.
    Numbers(Vec<Vec<f32>>),
}

impl EncodedInput {
    /// The part of the input at the time steps `steps`, of `all` in the trial, for the given samples.
    pub(crate) fn part(&self, steps: Range<usize>, all: usize, samples: &[usize]) -> Encoded {
        match self {
            Self::Spikes(train) => Encoded::Spikes(train.part(steps, samples)),
            Self::Currents(values) => Encoded::Current(samples.iter().flat_map(|&n| &values[n]).copied().collect()),
            Self::Numbers(values) => {
                let row =
                    |n: usize, t: usize| values[n].chunks((values[n].len() / all).max(1)).nth(t).into_iter().flatten();
                Encoded::Numbers(steps.flat_map(|t| samples.iter().flat_map(move |&n| row(n, t))).copied().collect())
            }
        }
    }
}

/// The class with the largest score, the first of equals, and its lead over the next one.
pub(crate) fn best(scores: &[f64]) -> (usize, f64) {
    let mut best = 0;
    for (k, &score) in scores.iter().enumerate() {
        if score > scores[best] {
            best = k;
        }
    }
    let others = scores.iter().enumerate().filter(|&(k, _)| k != best).map(|(_, &score)| score);
    (best, scores[best] - others.fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_is_that_over_the_second_best() {
        assert_eq!(best(&[0.5, 2.0, -1.0]), (1, 1.5));
        assert_eq!(best(&[1.0, 1.0]), (0, 0.0));
        assert_eq!(best(&[1.0]), (0, f64::INFINITY));
    }

    #[test]
    fn a_latency_is_that_of_a_share_of_the_answers() {
        let answer = |millis| Prediction {
            image: 0,
            label: 0,
            class: 0,
            correct: true,
            steps: 1,
            latency: Duration::from_millis(millis),
        };
        let inference = Inference { answers: (1..=20).map(answer).collect(), spikes: 0, input_spikes: None };
        let millis = |share| inference.latency(share).as_millis();
        assert_eq!((millis(0.0), millis(0.5), millis(0.95), millis(1.0)), (1, 10, 19, 20));
    }
}
