//! Measurements of a population: how it fires, how close its membranes come to the threshold, how much error reaches
//! it, and how far an update changes its weights.

use serde::Serialize;
use snn_core::optimizer::{clip_factor, norm};
use snn_core::{
    Draws, Dropout, Encoded, Engine, Error, Errors, Plan, Replay, Role, Session, Source, SpikeTrain, TrainingSession,
    Trial, Weights,
};
use snn_data::{Dataset, Loader};
use snn_models::Built;

use crate::evaluate::{Judgement, check_data, check_output, judge};
use crate::inference::input;
use crate::{Checkpoint, Event, Observer, TrainError};

/// A neuron that fires at more than this fraction of the time steps counts as saturated.
const SATURATED: f32 = 0.9;

/// Maximum number of neurons per population whose membranes are computed.
const MOST_MEMBRANES: usize = 256;

/// Measurements of one population, over all images shown, without dropout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Vitals {
    /// Name of the population.
    pub population: String,
    /// Spikes per neuron and time step; `None` if it does not fire.
    pub rate: Option<f32>,
    /// Fraction of its neurons that fire on none of the images.
    pub silent: Option<f32>,
    /// Fraction of its neurons that fire at more than 0.9 of all time steps.
    pub saturated: Option<f32>,
    /// How close the membranes come to the threshold on the first image: each neuron's highest potential during the
    /// trial as a fraction of the threshold (1 for a neuron that fires), averaged over neurons. `None` if the
    /// population does not fire, or reads numbers from another population.
    pub membrane: Option<f32>,
    /// Fraction of its neurons that receive error, averaged over the images of a batch.
    pub errors: f32,
    /// Its weights, in the order of its projections.
    pub weights: Vec<Learning>,
}

/// The effect of one update on a weight tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Learning {
    /// Name of the weight.
    pub weight: String,
    /// Euclidean norm of its values.
    pub norm: f32,
    /// Norm of its gradient, before clipping.
    pub gradient: f32,
    /// Norm of the change by one update at the full learning rate; infinite if the new weights are not finite.
    pub update: f32,
}

impl Learning {
    /// Norm of the update relative to that of the weights.
    pub fn share(&self) -> f32 {
        if self.norm > 0.0 { self.update / self.norm } else { 0.0 }
    }
}

/// Firing statistics of all populations.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    pub(super) images: usize,
    /// Spikes per input neuron and time step; `None` if the input is numbers.
    pub(super) input: Option<f32>,
    /// Among the pixels above 0 and below half of the largest value, the fraction that fires at nearly every time step.
    /// `None` if there are no such pixels, or the input is numbers.
    pub(super) clipped: Option<f32>,
    pub(super) populations: Vec<Fired>,
}

/// Firing statistics of a population.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fired {
    /// Spikes per neuron and time step.
    pub(super) rate: f32,
    /// Spikes per neuron and trial.
    pub(super) spikes: f32,
    pub(super) silent: f32,
    pub(super) saturated: f32,
}

/// A network with its weights and the images to show.
pub(super) struct Probe<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) built: &'a Built,
    pub(super) weights: &'a Weights,
    pub(super) train: &'a Dataset,
    pub(super) images: usize,
}

impl Probe<'_> {
    /// A loader of the training images, in the order of the first epoch.
    fn loader(&self) -> Loader<'_> {
        let training = &self.built.experiment.training;
        let [learned, _] = training.validation.split(self.train.labels());
        let batch = training.batch.min(learned.len()).clamp(1, self.images);
        Loader::shuffled(self.train, learned, batch, training.seed, training.augmentation)
    }

    fn session(&self, plan: impl FnOnce(Plan) -> Plan) -> Result<Box<dyn Session>, TrainError> {
        let batch = self.built.experiment.training.batch.clamp(1, self.images);
        let chunk = self.built.experiment.training.chunk;
        let plan = Plan { chunk, ..plan(self.built.input.plan(self.built.experiment.steps, batch)) };
        let mut session = self.engine.compile(&self.built.network, plan)?;
        session.load(self.weights)?;
        Ok(session)
    }

    /// Measures how all populations fire. Returns `None` if the observer stops it.
    pub(super) fn rates(&self, observer: &mut dyn Observer) -> Result<Option<Rates>, TrainError> {
        check_data(self.built, self.train)?;
        let Self { built, .. } = *self;
        let (populations, steps) = (built.network.populations(), built.experiment.steps);
        let mut loader = self.loader();
        let mut session = self.session(Plan::record)?;
        let mut counts: Vec<Vec<u32>> = populations.iter().map(|population| vec![0; population.shape.len()]).collect();
        let (mut images, mut input_spikes, mut faint) = (0, 0, [0_usize; 2]);
        for index in 0..self.images.div_ceil(built.experiment.training.batch.clamp(1, self.images)) {
            let Some(batch) = loader.batch(0, index) else { break };
            let samples = batch.samples.len();
            let draws = Draws { seed: built.experiment.training.seed, epoch: 0, samples: &batch.samples };
            let all: Vec<usize> = (0..samples).collect();
            let part = input(built, steps, batch, draws).part(0..steps, steps, &all);
            if let Some(train) = part.spikes() {
                count_clipped(&batch.pixels, train, &mut faint);
            }
            let activity = session.forward(&Trial { stimulus: part.stimulus(), dropout: Dropout::Off })?;
            check_output(&activity.output)?;
            input_spikes += activity.input_spikes;
            for (index, counts) in counts.iter_mut().enumerate() {
                if populations[index].neuron.fires() {
                    count(&session.record(index)?.spikes, counts);
                }
            }
            images += samples;
            if observer.on_event(&Event::Evaluating { done: images, images: self.images.max(images) }).is_break() {
                return Ok(None);
            }
        }
        let trials = images.max(1) as f32;
        let fired = |counts: &Vec<u32>| {
            let neurons = counts.len().max(1) as f32;
            let spikes = counts.iter().map(|&count| f64::from(count)).sum::<f64>() as f32 / neurons / trials;
            let share = |is: &dyn Fn(u32) -> bool| counts.iter().filter(|&&count| is(count)).count() as f32 / neurons;
            Fired {
                rate: spikes / steps as f32,
                spikes,
                silent: share(&|count| count == 0),
                saturated: share(&|count| count as f32 > SATURATED * steps as f32 * trials),
            }
        };
        let inputs = (built.network.input().len() * steps) as f32 * trials;
        Ok(Some(Rates {
            images,
            input: built.input.spikes().then(|| input_spikes as f32 / inputs),
            clipped: (faint[0] > 0).then(|| faint[1] as f32 / faint[0] as f32),
            populations: counts.iter().map(fired).collect(),
        }))
    }

    /// All measurements, given the firing statistics.
    pub(super) fn vitals(&self, rates: &Rates, checkpoint: Option<&Checkpoint>) -> Result<Vec<Vitals>, TrainError> {
        let populations = self.built.network.populations();
        let membranes = self.membranes()?;
        let errors = self.errors()?;
        let mut learning = self.learning(checkpoint)?;
        let mut of = |index: usize| {
            let population = &populations[index];
            let fired = population.neuron.fires().then(|| rates.populations[index]);
            let own = population.inputs.iter().filter_map(|input| input.weight);
            let names: Vec<&str> = own.map(|weight| self.built.network.tensors()[weight].name.as_str()).collect();
            let (weights, rest) = learning.drain(..).partition(|weight| names.contains(&weight.weight.as_str()));
            learning = rest;
            Vitals {
                population: population.name.clone(),
                rate: fired.map(|fired| fired.rate),
                silent: fired.map(|fired| fired.silent),
                saturated: fired.map(|fired| fired.saturated),
                membrane: membranes[index],
                errors: errors[index],
                weights,
            }
        };
        Ok((0..populations.len()).map(&mut of).collect())
    }

    /// The first batch as network input, limited to `samples` samples, with its labels.
    fn first_batch(&self, samples: usize) -> Result<(Encoded, Vec<u8>), TrainError> {
        let Self { built, .. } = *self;
        let mut loader = self.loader();
        let Some(batch) = loader.batch(0, 0) else {
            return Err(TrainError::setup("training images", "at least 1 expected, found 0".to_owned()));
        };
        let draws = Draws { seed: built.experiment.training.seed, epoch: 0, samples: &batch.samples };
        let shown: Vec<usize> = (0..batch.samples.len().min(samples)).collect();
        let part = input(built, built.experiment.steps, batch, draws).part(
            0..built.experiment.steps,
            built.experiment.steps,
            &shown,
        );
        Ok((part, batch.labels[..shown.len()].to_vec()))
    }

    /// For each population, how close the membranes come to the threshold on the first image.
    fn membranes(&self) -> Result<Vec<Option<f32>>, TrainError> {
        let Self { built, weights, .. } = *self;
        let populations = built.network.populations();
        let (encoded, _) = self.first_batch(1)?;
        let mut session = self.session(Plan::record)?;
        session.forward(&Trial { stimulus: encoded.stimulus(), dropout: Dropout::Off })?;
        let trains = (0..populations.len()).map(|index| Ok(session.record(index)?.spikes));
        let trains = trains.collect::<Result<Vec<SpikeTrain>, TrainError>>()?;
        let replay = Replay::new(&built.network, weights, &encoded, &trains, built.experiment.steps)?;
        let reads_numbers = |index: usize| {
            let mut sources = built.network.graph().connections(index).iter().map(|connection| connection.source);
            sources.any(|source| matches!(source, Source::Population(source) if !populations[source].neuron.fires()))
        };
        let of = |index: usize| {
            if !populations[index].neuron.fires() || reads_numbers(index) {
                return Ok(None);
            }
            let all = populations[index].shape.len();
            let neurons: Vec<usize> = (0..all).step_by(all.div_ceil(MOST_MEMBRANES).max(1)).collect();
            let traces = replay.traces(index, &neurons)?;
            let mut highest = vec![0.0_f32; neurons.len()];
            for (at, (charged, margin)) in traces.charged.iter().zip(&traces.margin).enumerate() {
                let level = if *margin > 0.0 { 1.0 } else { charged / (charged - margin) };
                let highest = &mut highest[at % neurons.len()];
                *highest = highest.max(level.min(1.0));
            }
            Ok(Some(highest.iter().sum::<f32>() / neurons.len() as f32))
        };
        (0..populations.len()).map(of).collect()
    }

    /// For each population, the fraction of neurons that receive error on the first batch.
    fn errors(&self) -> Result<Vec<f32>, TrainError> {
        let (part, labels) = self.first_batch(self.images)?;
        let mut session = self.session(|plan| plan.train().record())?;
        let activity = session.forward(&Trial { stimulus: part.stimulus(), dropout: Dropout::Off })?;
        let Judgement { grades, d_emitted, .. } = judge(self.built, &activity, &labels, Some(0));
        session.backward(Errors { output: &grades.d_output, emitted: &d_emitted }, &mut Weights::new())?;
        let of = |index: usize| {
            let delta = session.record(index)?.delta;
            let row = delta.len() / self.built.experiment.steps.max(1);
            let reached = (0..row).filter(|&at| delta.iter().skip(at).step_by(row).any(|d| *d != 0.0)).count();
            Ok(reached as f32 / row.max(1) as f32)
        };
        (0..self.built.network.populations().len()).map(of).collect()
    }

    /// How far one update on the first batch changes each weight. Uses the optimizer state of `checkpoint`, if it has
    /// one.
    pub(super) fn learning(&self, checkpoint: Option<&Checkpoint>) -> Result<Vec<Learning>, TrainError> {
        let Self { built, weights, .. } = *self;
        let (network, training) = (&built.network, &built.experiment.training);
        let (part, labels) = self.first_batch(self.images)?;
        let trial = Trial { stimulus: part.stimulus(), dropout: Dropout::Off };
        let mut session = self.session(Plan::train)?;
        let activity = session.forward(&trial)?;
        let Judgement { grades, d_emitted, .. } = judge(built, &activity, &labels, Some(0));
        let errors = Errors { output: &grades.d_output, emitted: &d_emitted };
        let mut gradients = Weights::new();
        session.backward(errors, &mut gradients)?;

        let mut updates = TrainingSession::new(session, network, training.optimizer, training.average, weights)?;
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| !checkpoint.optimizer.is_empty()) {
            checkpoint.restore(&mut updates, network, training.optimizer)?;
        }
        let before = updates.weights()?.clone();
        updates.forward(&trial)?;
        let gradient = updates.backward(errors)?;
        let scale = training.clip.map_or(1.0, |limit| clip_factor(gradient, limit));
        let after = match updates.update(scale, training.optimizer.learning_rate()).and_then(|()| updates.weights()) {
            Ok(after) => after.clone(),
            // These weights are not finite, so no engine accepts them.
            Err(Error::NotFinite { .. }) => before.iter().map(|values| vec![f32::INFINITY; values.len()]).collect(),
            Err(error) => return Err(error.into()),
        };
        let length = |values: Vec<f32>| norm(&vec![values]) as f32;
        let rows = network.tensors().iter().zip(before.iter().zip(&after)).zip(gradients);
        let rows = rows.filter(|((weight, _), _)| weight.role == Role::Weight && !weight.frozen);
        let rows = rows.map(|((weight, (before, after)), gradient)| Learning {
            weight: weight.name.clone(),
            norm: length(before.clone()),
            gradient: length(gradient),
            update: length(before.iter().zip(after).map(|(before, after)| after - before).collect()),
        });
        Ok(rows.collect())
    }
}

/// Adds the spikes of each neuron, summed over all samples, to `counts`.
fn count(train: &SpikeTrain, counts: &mut [u32]) {
    for sample in 0..train.samples() {
        for (neuron, count) in counts.iter_mut().enumerate() {
            *count += spikes_of(train, sample, neuron);
        }
    }
}

fn spikes_of(train: &SpikeTrain, sample: usize, neuron: usize) -> u32 {
    train.words(sample, neuron).0.iter().map(|word| word.count_ones()).sum()
}

/// Counts nonzero pixels below half of the largest value (`faint`), and those among them that fire at nearly every time
/// step (`clipped`).
fn count_clipped(pixels: &[f32], train: &SpikeTrain, [faint, clipped]: &mut [usize; 2]) {
    let largest = pixels.iter().fold(0.0_f32, |largest, pixel| largest.max(pixel.abs()));
    let neurons = train.shape().len();
    if pixels.len() != neurons * train.samples() {
        return;
    }
    for (index, pixel) in pixels.iter().enumerate() {
        if *pixel != 0.0 && pixel.abs() < 0.5 * largest {
            let spikes = spikes_of(train, index / neurons, index % neurons);
            *faint += 1;
            *clipped += usize::from(spikes as f32 > SATURATED * train.steps() as f32);
        }
    }
}
