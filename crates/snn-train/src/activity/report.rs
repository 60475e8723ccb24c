//! The activity report. All counts are means per inference: one image over all its time steps.

use std::ops::Add;

use serde::{Deserialize, Serialize};
use snn_core::Shape;

use super::{Energy, EnergyTable};

/// Schema version of [`ActivityReport`]. It increases when a figure changes its meaning or is removed.
pub const SCHEMA: u32 = 2;

/// Upper bounds of the firing rate bins in [`PopulationActivity::histogram`]. The first bin holds rate 0 only, the
/// second starts above it.
pub const RATE_CLASSES: [f64; 11] = [0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// Firing rate at or above which a neuron counts as saturated.
pub const SATURATED: f64 = 0.95;

/// Spikes, operations and energy of a network per image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActivityReport {
    /// Schema version, [`SCHEMA`].
    pub schema: u32,
    /// Number of images shown.
    pub images: usize,
    /// Time steps `T` per image.
    pub steps: usize,
    /// Accuracy after all time steps: fraction of images classified correctly.
    pub accuracy: f64,
    /// Spikes of all populations, without the input.
    pub spikes: f64,
    /// Fraction of zeros in the output of the populations below, over neurons and time steps, without the input.
    pub activation_sparsity: f64,
    /// The input, then every population that fires or is read by others.
    pub populations: Vec<PopulationActivity>,
    /// All projections of the network, in evaluation order.
    pub projections: Vec<ProjectionActivity>,
    /// Operations summed over the projections that have weights.
    pub operations: Operations,
    /// Additions of the projections without weights (average pools and shortcuts); not part of any other figure.
    pub unweighted_additions: f64,
    /// Neuron state updates: neurons times time steps; not part of any other figure.
    pub neuron_updates: u64,
    /// Multiply-accumulates of an ANN of the same shape in one forward pass: the number of synapses with weights.
    pub ann_macs: u64,
    /// Energy of the synaptic operations.
    pub energy: Energy,
    /// Accuracy and cost after each time step `[T]`.
    pub curve: Vec<CurvePoint>,
}

/// Activity of the input or of one population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PopulationActivity {
    /// Name of the population, or `input`.
    pub name: String,
    /// Shape of one sample at one step.
    pub shape: Shape,
    /// Whether the output is numbers instead of spikes, as for an input encoded as a current. `spikes` is then 0, and
    /// all other fields count nonzero values.
    pub graded: bool,
    /// Number of spikes, of either sign.
    pub spikes: f64,
    /// Firing rate: fraction of neurons and time steps with a spike.
    pub rate: f64,
    /// Fraction of neurons and time steps without a spike.
    pub sparsity: f64,
    /// Number of neurons that never fired, over all images.
    pub silent: usize,
    /// Number of neurons whose firing rate over all images is at least [`SATURATED`].
    pub saturated: usize,
    /// Histogram of neurons by firing rate over all images, in the bins of [`RATE_CLASSES`].
    pub histogram: Vec<u64>,
}

impl PopulationActivity {
    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.shape.len()
    }
}

/// Activity of one projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectionActivity {
    /// Name of the target population.
    pub target: String,
    /// Name of the source population, or `input`.
    pub source: String,
    /// Description of its map, such as `conv 5x5, pad 2`.
    pub map: String,
    /// Whether the projection has weights. Without weights, each operation is an addition and is left out of the
    /// report's sums.
    pub weighted: bool,
    /// Number of synapses (pairs of connected neurons), exact at borders.
    pub synapses: u64,
    /// Mean fan-out: synapses per source neuron.
    pub fan_out: f64,
    /// Operations of this projection.
    pub operations: Operations,
}

/// Synaptic operation counts, as defined by NeuroBench.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Operations {
    /// `Dense`: operations over all synapses and time steps, zeros included.
    pub dense: f64,
    /// `Effective_ACs`: accumulates, one for each spike and each synapse with a nonzero weight from the neuron that
    /// fired.
    pub effective_acs: f64,
    /// `Effective_MACs`: the same for nonzero numbers that are not spikes, such as a current. Each needs a
    /// multiplication.
    pub effective_macs: f64,
    /// Estimate common in papers: spikes (or nonzero values) of the source times its mean fan-out.
    pub by_mean_fan_out: f64,
}

impl Operations {
    /// Effective operations: accumulates plus multiply-accumulates.
    pub fn effective(&self) -> f64 {
        self.effective_acs + self.effective_macs
    }
}

/// State after some time steps: the accuracy if the trial ended there, and the cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// Number of time steps, from 1.
    pub steps: usize,
    /// Fraction of images classified correctly.
    pub accuracy: f64,
    /// Input spikes so far.
    pub input_spikes: f64,
    /// Spikes of all populations, without the input.
    pub spikes: f64,
    /// `Effective_ACs` so far.
    pub effective_acs: f64,
    /// `Effective_MACs` so far.
    pub effective_macs: f64,
}

impl Add for Operations {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            dense: self.dense + other.dense,
            effective_acs: self.effective_acs + other.effective_acs,
            effective_macs: self.effective_macs + other.effective_macs,
            by_mean_fan_out: self.by_mean_fan_out + other.by_mean_fan_out,
        }
    }
}

impl ActivityReport {
    /// Returns the report with energies recomputed from `table`.
    #[must_use]
    pub fn priced(self, table: EnergyTable) -> Self {
        let energy = Energy::new(table, &self.operations, self.ann_macs);
        Self { energy, ..self }
    }

    /// The best accuracy over all numbers of time steps.
    pub fn best_accuracy(&self) -> f64 {
        self.curve.iter().map(|point| point.accuracy).fold(0.0, f64::max)
    }

    /// Whether any population spikes. An ANN has populations that pass on numbers only.
    pub fn is_spiking(&self) -> bool {
        self.populations.iter().skip(1).any(|population| !population.graded)
    }

    /// First point at which the accuracy is at least `accuracy`; `None` if it is never reached.
    pub fn reach(&self, accuracy: f64) -> Option<&CurvePoint> {
        // Accuracies are quotients of integers. A target computed from one may be higher by a rounding error.
        self.curve.iter().find(|point| point.accuracy >= accuracy - 1e-9)
    }

    /// Energy spent up to `point`, in picojoules.
    pub fn energy_at(&self, point: &CurvePoint) -> f64 {
        self.energy.table.energy(point.effective_acs, point.effective_macs)
    }
}

/// Comparison of networks at the same accuracy: the cost at which each reaches it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Target accuracy: the lowest of the networks' best accuracies, minus the tolerance; at least 0.
    pub accuracy: f64,
    /// For each network, the point at which it reaches the target.
    pub reached: Vec<Option<CurvePoint>>,
}

impl Comparison {
    /// Compares the reports at the lowest of their best accuracies minus `within`, a fraction such as 0.01.
    pub fn new<'a>(reports: impl Iterator<Item = &'a ActivityReport> + Clone, within: f64) -> Self {
        let lowest = reports.clone().map(ActivityReport::best_accuracy).fold(1.0, f64::min);
        let accuracy = f64::max(lowest - within, 0.0);
        Self { accuracy, reached: reports.map(|report| report.reach(accuracy).copied()).collect() }
    }
}
