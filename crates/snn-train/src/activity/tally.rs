//! Sums over images, in whole numbers.

use snn_core::{Network, Population, Source, SpikeTrain, Weights};

use super::report::{PopulationActivity, RATE_CLASSES, SATURATED};
use crate::TrainError;

/// What a source of spikes, the input or a population, has done so far.
#[derive(Debug)]
pub(super) struct SourceTally {
    pub(super) source: Source,
    /// Whether it emits numbers instead of spikes. Those other than zero count as spikes do.
    pub(super) graded: bool,
    /// Spikes at each step `[T]`.
    pub(super) spikes: Vec<u64>,
    /// Spikes of each neuron.
    pub(super) neurons: Vec<u64>,
    pub(super) outgoing: Vec<Outgoing>,
}

/// A projection, at its source.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The population that it feeds, and which of its inputs it is.
    pub(super) target: usize,
    pub(super) input: usize,
    /// Synapses.
    pub(super) synapses: u64,
    /// Share of them that a network that computes densely would evaluate for this source: it sums or joins sources first.
    pub(super) dense_share: f64,
    /// Synapses from each neuron whose weight is not 0.
    effective: Vec<u64>,
    /// Steps from a spike to the operations that it causes.
    delay: usize,
    /// Effective operations at each step `[T]`.
    pub(super) operations: Vec<u64>,
}

impl SourceTally {
    /// Nothing yet of `source`, in trials of `steps` steps.
    pub(super) fn new(network: &Network, weights: &Weights, source: Source, steps: usize) -> Result<Self, TrainError> {
        let mut outgoing = Vec::new();
        for (target, population) in network.populations().iter().enumerate() {
            for (connection, projection) in network.connections(target).filter(|(read, _)| read.source == source) {
                let misfit = |reason| TrainError::setup(&population.name, reason);
                let (map, shape) = (projection.map, network.shape(source));
                let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
                outgoing.push(Outgoing {
                    target,
                    input: connection.projection,
                    dense_share: 1.0 / projection.sources.len() as f64,
                    synapses: map.fan_out(shape).map_err(misfit)?.iter().sum(),
                    effective: map.effective_fan_out(shape, weight).map_err(misfit)?,
                    delay: usize::from(connection.is_recurrent),
                    operations: vec![0; steps],
                });
            }
        }
        Ok(Self {
            source,
            graded: false,
            spikes: vec![0; steps],
            neurons: vec![0; network.shape(source).len()],
            outgoing,
        })
    }

    /// Adds the spikes of a trial.
    pub(super) fn add_spikes(&mut self, train: &SpikeTrain) {
        for sample in 0..train.samples() {
            for neuron in 0..self.neurons.len() {
                for (first, &word) in (0..).step_by(32).zip(train.words(sample, neuron).0) {
                    let mut left = word;
                    self.neurons[neuron] += u64::from(word.count_ones());
                    while left != 0 {
                        let step = first + left.trailing_zeros() as usize;
                        left &= left - 1;
                        self.spikes[step] += 1;
                        self.outgoing.iter_mut().for_each(|outgoing| outgoing.add(neuron, step));
                    }
                }
            }
        }
    }

    /// Adds numbers `[N, ...]`, the same at every step.
    pub(super) fn add_values(&mut self, values: &[f32]) {
        self.graded = true;
        let (steps, neurons) = (self.spikes.len(), self.neurons.len());
        for (neuron, _) in (0..neurons).cycle().zip(values).filter(|(_, value)| **value != 0.0) {
            self.neurons[neuron] += steps as u64;
            for step in 0..steps {
                self.spikes[step] += 1;
                self.outgoing.iter_mut().for_each(|outgoing| outgoing.add(neuron, step));
            }
        }
    }

    /// Adds numbers over time, `[T, N, ...]`.
    pub(super) fn add_numbers(&mut self, values: &[f32]) {
        self.graded = true;
        let (steps, neurons) = (self.spikes.len(), self.neurons.len());
        for (step, row) in values.chunks((values.len() / steps).max(1)).enumerate() {
            for (neuron, _) in (0..neurons).cycle().zip(row).filter(|(_, value)| **value != 0.0) {
                self.neurons[neuron] += 1;
                self.spikes[step] += 1;
                self.outgoing.iter_mut().for_each(|outgoing| outgoing.add(neuron, step));
            }
        }
    }

    /// What it did, over `images` images.
    pub(super) fn activity(&self, network: &Network, images: usize) -> PopulationActivity {
        let spikes: u64 = self.spikes.iter().sum();
        let chances = (images * self.spikes.len()) as f64;
        let rate = spikes as f64 / (chances * self.neurons.len() as f64);
        let rates = || self.neurons.iter().map(|&spikes| spikes as f64 / chances);
        let mut histogram = vec![0; RATE_CLASSES.len()];
        for rate in rates() {
            // A rate is 1 at most.
            let class = RATE_CLASSES.iter().position(|&end| rate <= end).unwrap_or(RATE_CLASSES.len() - 1);
            histogram[class] += 1;
        }
        PopulationActivity {
            name: name(network, self.source).to_owned(),
            shape: network.shape(self.source),
            graded: self.graded,
            spikes: if self.graded { 0.0 } else { spikes as f64 / images as f64 },
            rate,
            sparsity: 1.0 - rate,
            silent: self.neurons.iter().filter(|&&spikes| spikes == 0).count(),
            saturated: rates().filter(|&rate| rate >= SATURATED).count(),
            histogram,
        }
    }
}

impl Outgoing {
    fn add(&mut self, neuron: usize, step: usize) {
        if let Some(operations) = self.operations.get_mut(step + self.delay) {
            *operations += self.effective[neuron];
        }
    }
}

/// Name of a source.
pub(super) fn name(network: &Network, source: Source) -> &str {
    let populations = network.populations();
    match source {
        Source::Input => "input",
        Source::Population(index) => populations.get(index).map_or("", |Population { name, .. }| name),
    }
}
