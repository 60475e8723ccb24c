//! Measures a network on images: counts spikes, synaptic operations and correct answers.

use rayon::prelude::*;
use snn_core::{
    Draws, Dropout, Encoded, Engine, Network, Population, Session, Source, Stimulus, Trial, Weights, argmax,
};
use snn_data::{Batch, Dataset, Loader};
use snn_models::{Built, summary};

use super::report::{
    ActivityReport, CurvePoint, Operations, PopulationActivity, ProjectionActivity, SATURATED, SCHEMA,
};
use super::tally::{self, Outgoing, SourceTally};
use super::{Energy, EnergyTable};
use crate::evaluate::{EPOCH, check_images, check_output};
use crate::{EncodedBatch, Event, Observer, TrainError};

/// Runs the network on `images` of `data`, with the same input spikes as [`evaluate`](crate::evaluate()), and counts
/// spikes and operations. Returns `None` if the observer stops it.
///
/// # Errors
/// [`TrainError::Setup`] if data and network do not match, or `images` are not in `data`; [`TrainError::Core`].
pub fn measure(
    engine: &dyn Engine,
    built: &Built,
    weights: &Weights,
    data: &Dataset,
    images: &[u32],
    observer: &mut dyn Observer,
) -> Result<Option<MeasuredActivity>, TrainError> {
    check_images(built, data, images)?;
    let network = &built.network;
    network.check_weights(weights)?;
    let batch = built.experiment.training.batch.clamp(1, images.len());
    let mut session = engine.compile(network, built.input.plan(built.experiment.steps, batch).record())?;
    session.load(weights)?;
    let mut loader = Loader::in_order(data, images.iter().copied(), batch);
    let mut meter = Meter::new(built, weights, built.experiment.steps)?;
    for index in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, index) else { break };
        meter.show(session.as_mut(), built.experiment.training.seed, batch)?;
        let done = Event::Evaluating { done: meter.images, images: images.len() };
        if observer.on_event(&done).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(MeasuredActivity { report: meter.report(), neurons: meter.neurons() }))
}

/// The activity report, and the spike count of each neuron.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MeasuredActivity {
    /// Means per inference.
    pub report: ActivityReport,
    /// Spikes of each neuron over all images, for each of the report's populations.
    pub neurons: Vec<Vec<u64>>,
}

impl MeasuredActivity {
    /// Indices of the neurons of a population of the report that never fired.
    pub fn silent(&self, population: usize) -> Vec<usize> {
        self.neurons_where(population, |spikes, _| spikes == 0)
    }

    /// Indices of the neurons of a population of the report whose firing rate is at least [`SATURATED`].
    pub fn saturated(&self, population: usize) -> Vec<usize> {
        self.neurons_where(population, |spikes, chances| spikes as f64 / chances >= SATURATED)
    }

    fn neurons_where(&self, population: usize, is_meant: impl Fn(u64, f64) -> bool) -> Vec<usize> {
        let chances = (self.report.images * self.report.steps) as f64;
        let neurons = self.neurons.get(population).into_iter().flatten().enumerate();
        neurons.filter(|(_, spikes)| is_meant(**spikes, chances)).map(|(neuron, _)| neuron).collect()
    }
}

/// Running sums over the images seen.
struct Meter<'a> {
    built: &'a Built,
    steps: usize,
    images: usize,
    /// Number of images classified correctly after each time step `[T]`.
    correct: Vec<u64>,
    /// The input, then every population that fires or is read by others.
    sources: Vec<SourceTally>,
}

impl<'a> Meter<'a> {
    fn new(built: &'a Built, weights: &Weights, steps: usize) -> Result<Self, TrainError> {
        let network = &built.network;
        let all = network.populations().iter().enumerate();
        let emitting = all.filter(|(_, Population { neuron, .. })| !neuron.is_readout());
        let sources = std::iter::once(Source::Input).chain(emitting.map(|(index, _)| Source::Population(index)));
        let sources = sources.map(|source| SourceTally::new(network, weights, source, steps));
        let sources = sources.collect::<Result<_, _>>()?;
        Ok(Self { built, steps, images: 0, correct: vec![0; steps], sources })
    }

    fn show(&mut self, session: &mut dyn Session, seed: u64, batch: &Batch) -> Result<(), TrainError> {
        let draws = Draws { seed, epoch: EPOCH, samples: &batch.samples };
        let shown = EncodedBatch::new(self.built, self.steps, batch);
        let activity = session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
        check_output(&activity.output)?;
        self.answers(&activity.output, &batch.labels);
        self.images += batch.labels.len();
        let Some((input, populations)) = self.sources.split_first_mut() else { return Ok(()) };
        match shown.stimulus(draws) {
            Stimulus::Spikes(train) => input.add_spikes(train),
            Stimulus::Current(values) => input.add_values(values),
            Stimulus::Numbers(values) => input.add_numbers(values),
            Stimulus::Images { pixels, shape, encoder, draws } => {
                for (n, image) in pixels.chunks(shape.len()).enumerate() {
                    match encoder.encode(image, shape, self.steps, draws.sample(n)) {
                        Encoded::Spikes(train) => input.add_spikes(&train),
                        Encoded::Current(values) => input.add_values(&values),
                        Encoded::Numbers(values) => input.add_numbers(&values),
                    }
                }
            }
        }
        let mut emitted = Vec::with_capacity(populations.len());
        for tally in &*populations {
            if let Source::Population(index) = tally.source {
                emitted.push((session.record(index)?, self.built.network.populations()[index].neuron.fires()));
            }
        }
        populations.par_iter_mut().zip(&emitted).for_each(|(tally, (record, fires))| {
            if *fires {
                tally.add_spikes(&record.spikes);
            } else {
                tally.add_numbers(&record.values);
            }
        });
        Ok(())
    }

    /// For each time step, counts the correct answers if the trial ended after it.
    fn answers(&mut self, output: &[f32], labels: &[u8]) {
        let (classes, steps) = (self.built.network.classes(), self.steps);
        let right: Vec<Vec<bool>> = (labels.par_iter().enumerate())
            .map(|(n, &label)| {
                let row = |step| &output[(step * labels.len() + n) * classes..][..classes];
                let output: Vec<f64> = (0..steps).flat_map(row).map(|&y| f64::from(y)).collect();
                let scores = |end: usize| self.built.score.scores(&output[..end * classes], classes);
                let answer = |end| argmax(&scores(end).iter().map(|&score| score as f32).collect::<Vec<f32>>());
                (1..=steps).map(|end| answer(end) == usize::from(label)).collect()
            })
            .collect();
        for right in right {
            for (sum, right) in self.correct.iter_mut().zip(right) {
                *sum += u64::from(right);
            }
        }
    }

    /// Spike counts: one vector per source, one entry per neuron.
    fn neurons(&self) -> Vec<Vec<u64>> {
        self.sources.iter().map(|tally| tally.neurons.clone()).collect()
    }

    fn report(&self) -> ActivityReport {
        let network = &self.built.network;
        let mean = |sum: u64| sum as f64 / self.images as f64;
        let populations: Vec<_> = (self.sources.iter()).map(|tally| tally.activity(network, self.images)).collect();
        let hidden = || populations.iter().skip(1);
        let neurons: usize = hidden().map(PopulationActivity::neurons).sum();
        let active: f64 = hidden().map(|population| population.rate * population.neurons() as f64).sum();
        let projections = self.projections();
        let weighted = || projections.iter().filter(|projection| projection.weighted);
        let operations = weighted().fold(Operations::default(), |sum, projection| sum + projection.operations);
        let unweighted = projections.iter().filter(|projection| !projection.weighted);
        let ann_macs = operations.dense / self.steps as f64;
        let curve = self.curve();
        ActivityReport {
            schema: SCHEMA,
            images: self.images,
            steps: self.steps,
            accuracy: mean(self.correct.last().copied().unwrap_or(0)),
            spikes: curve.last().map_or(0.0, |point| point.spikes),
            activation_sparsity: 1.0 - active / neurons.max(1) as f64,
            unweighted_additions: unweighted.map(|projection| projection.operations.effective()).sum(),
            neuron_updates: network.populations().iter().map(|p| (p.shape.len() * self.steps) as u64).sum(),
            ann_macs: ann_macs.round() as u64,
            energy: Energy::new(EnergyTable::default(), &operations, ann_macs.round() as u64),
            populations,
            projections,
            operations,
            curve,
        }
    }

    /// Activity of each projection, in evaluation order.
    fn projections(&self) -> Vec<ProjectionActivity> {
        let network = &self.built.network;
        let mut all: Vec<(&SourceTally, &Outgoing)> = self
            .sources
            .iter()
            .flat_map(|tally| tally.outgoing.iter().map(move |outgoing| (tally, outgoing)))
            .collect();
        all.sort_by_key(|(_, outgoing)| (outgoing.target, outgoing.input));
        all.iter().map(|(tally, outgoing)| self.projection(network, tally, outgoing)).collect()
    }

    fn projection(&self, network: &Network, tally: &SourceTally, outgoing: &Outgoing) -> ProjectionActivity {
        let target = &network.populations()[outgoing.target];
        let projection = &target.inputs[outgoing.input];
        let mean = |sum: u64| sum as f64 / self.images as f64;
        let effective = mean(outgoing.operations.iter().sum());
        let (effective_acs, effective_macs) = if tally.graded { (0.0, effective) } else { (effective, 0.0) };
        let fan_out = outgoing.synapses as f64 / tally.neurons.len() as f64;
        ProjectionActivity {
            target: target.name.clone(),
            source: tally::name(network, tally.source).to_owned(),
            map: summary::projection_words(projection),
            weighted: projection.weight.is_some(),
            synapses: outgoing.synapses,
            fan_out,
            operations: Operations {
                dense: outgoing.synapses as f64 * self.steps as f64 * outgoing.dense_share,
                effective_acs,
                effective_macs,
                by_mean_fan_out: mean(tally.spikes.iter().sum()) * fan_out,
            },
        }
    }

    fn curve(&self) -> Vec<CurvePoint> {
        let mean = |sum: u64| sum as f64 / self.images as f64;
        let populations = self.built.network.populations();
        let (mut input, mut spikes, mut operations) = (0, 0, [0; 2]);
        let point = |step: usize| {
            for tally in &self.sources {
                match tally.source {
                    _ if tally.graded => {}
                    Source::Input => input += tally.spikes[step],
                    Source::Population(_) => spikes += tally.spikes[step],
                }
                for outgoing in &tally.outgoing {
                    if populations[outgoing.target].inputs[outgoing.input].weight.is_some() {
                        operations[usize::from(tally.graded)] += outgoing.operations[step];
                    }
                }
            }
            CurvePoint {
                steps: step + 1,
                accuracy: mean(self.correct[step]),
                input_spikes: mean(input),
                spikes: mean(spikes),
                effective_acs: mean(operations[0]),
                effective_macs: mean(operations[1]),
            }
        };
        (0..self.steps).map(point).collect()
    }
}
