//! Exact integer counts, summed over images.

use snn_core::{Network, Population, Source, SpikeTrain, Weights};

use super::report::{PopulationActivity, RATE_CLASSES, SATURATED};
use crate::TrainError;

/// Counts for one source, the input or a population.
#[derive(Debug)]
pub(super) struct SourceTally {
    pub(super) source: Source,
    /// Whether the source emits numbers instead of spikes. Nonzero numbers are then counted like spikes.
    pub(super) graded: bool,
    /// Spikes per time step `[T]`.
    pub(super) spikes: Vec<u64>,
    /// Spikes per neuron.
    pub(super) neurons: Vec<u64>,
    pub(super) outgoing: Vec<Outgoing>,
}

/// A projection from this source.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The target population, and the index of this projection among its inputs.
    pub(super) target: usize,
    pub(super) input: usize,
    /// Number of synapses.
    pub(super) synapses: u64,
    /// Fraction of the synapses that a dense implementation evaluates for this source. A projection that sums or joins
    /// several sources does so before the map, so each source counts for its part.
    pub(super) dense_share: f64,
    /// Per source neuron, the number of synapses with a nonzero weight.
    effective: Vec<u64>,
    /// Delay in time steps between a spike and the operations that it causes (1 if recurrent, else 0).
    delay: usize,
    /// Effective operations per time step `[T]`.
    pub(super) operations: Vec<u64>,
}

impl SourceTally {
    /// Empty counts for `source`, in trials of `steps` time steps.
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

    /// Counts the spikes of a trial.
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

    /// Counts the nonzero numbers of a constant input `[N, ...]`, which is repeated at every time step.
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

    /// Counts the nonzero numbers of an input over time, `[T, N, ...]`.
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

    /// Converts the counts over `images` images to means per image.
    pub(super) fn activity(&self, network: &Network, images: usize) -> PopulationActivity {
        let spikes: u64 = self.spikes.iter().sum();
        let chances = (images * self.spikes.len()) as f64;
        let rate = spikes as f64 / (chances * self.neurons.len() as f64);
        let rates = || self.neurons.iter().map(|&spikes| spikes as f64 / chances);
        let mut histogram = vec![0; RATE_CLASSES.len()];
        for rate in rates() {
            // A rate is at most 1, so a bin is always found.
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
