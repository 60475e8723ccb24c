//! What the measurement found. All counts are means an inference: one image over all its time steps.

use std::ops::Add;

use serde::{Deserialize, Serialize};
use snn_core::Shape;

use super::{Energy, EnergyTable};

/// Version of the form of [`ActivityReport`]; it changes when a figure changes its meaning or goes away.
pub const SCHEMA: u32 = 2;

/// Upper ends of the classes of firing rate in [`PopulationActivity::histogram`]. The first class is rate 0, the second
/// is above it.
pub const RATE_CLASSES: [f64; 11] = [0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// Firing rate from which on a neuron counts as saturated.
pub const SATURATED: f64 = 0.95;

/// What a network spends on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Images shown.
    pub images: usize,
    /// Time steps `T` of each.
    pub steps: usize,
    /// Share of the images answered correctly after all steps.
    pub accuracy: f64,
    /// Spikes of all populations.
    pub spikes: f64,
    /// Share of zeros in what the populations below emit, over neurons and steps, without the input.
    pub activation_sparsity: f64,
    /// The input, then every population that fires or passes on numbers to others.
    pub populations: Vec<PopulationActivity>,
    /// Every projection of the network, in evaluation order.
    pub projections: Vec<ProjectionActivity>,
    /// Sums over the projections that have weights.
    pub operations: Operations,
    /// Additions of the projections without weights, average pools and shortcuts; in no other figure.
    pub unweighted_additions: f64,
    /// Updates of a neuron's state: neurons times steps; in no other figure.
    pub neuron_updates: u64,
    /// Multiply-accumulates of a conventional network of the same shape in one pass: the synapses with weights.
    pub ann_macs: u64,
    /// Energy of the synaptic operations.
    pub energy: Energy,
    /// What there is after each time step `[T]`.
    pub curve: Vec<CurvePoint>,
}

/// What a source of spikes did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationActivity {
    /// Its name, or `input`.
    pub name: String,
    /// Shape of one sample at one step.
    pub shape: Shape,
    /// Whether it emits numbers instead of spikes, as an input that is a current does. Spikes are then 0, and
    /// everything else counts its values other than zero.
    pub graded: bool,
    /// Spikes of either sign.
    pub spikes: f64,
    /// Share of neurons and steps with a spike.
    pub rate: f64,
    /// Share of neurons and steps without one.
    pub sparsity: f64,
    /// Neurons that never fired, over all images.
    pub silent: usize,
    /// Neurons that fired at a share of [`SATURATED`] of the steps or more, over all images.
    pub saturated: usize,
    /// Neurons by firing rate over all images, in the classes of [`RATE_CLASSES`].
    pub histogram: Vec<u64>,
}

impl PopulationActivity {
    /// Number of neurons.
    pub fn neurons(&self) -> usize {
        self.shape.len()
    }
}

/// What passed through a projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectionActivity {
    /// The population that it feeds.
    pub target: String,
    /// The population that it reads, or `input`.
    pub source: String,
    /// Its map in words, such as `conv 5x5, pad 2`.
    pub map: String,
    /// Whether it has weights. Without, each of its operations is an addition, and not in the sums of the report.
    pub weighted: bool,
    /// Synapses: pairs of connected neurons, exact at borders.
    pub synapses: u64,
    /// Synapses over neurons of the source.
    pub fan_out: f64,
    /// Operations that it took.
    pub operations: Operations,
}

/// Synaptic operations, in the terms of NeuroBench.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Operations {
    /// `Dense`: all synapses at all steps, zeros too.
    pub dense: f64,
    /// `Effective_ACs`: accumulates, one for each spike and synapse from the neuron that fired, where the weight is not 0.
    pub effective_acs: f64,
    /// `Effective_MACs`: the same for numbers other than zero that are not spikes, as a current; each takes a
    /// multiplication.
    pub effective_macs: f64,
    /// By the formula of papers: spikes (or values other than zero) of the source times its mean fan-out.
    pub by_mean_fan_out: f64,
}

impl Operations {
    /// Effective operations of both kinds.
    pub fn effective(&self) -> f64 {
        self.effective_acs + self.effective_macs
    }
}

/// What there is after some time steps: the accuracy if the trial ended there, and what was spent up to there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Time steps done, from 1.
    pub steps: usize,
    /// Share of the images answered correctly.
    pub accuracy: f64,
    /// Spikes of the input.
    pub input_spikes: f64,
    /// Spikes of all populations.
    pub spikes: f64,
    /// `Effective_ACs`.
    pub effective_acs: f64,
    /// `Effective_MACs`.
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
    /// The same report with energies by `table`.
    #[must_use]
    pub fn priced(self, table: EnergyTable) -> Self {
        let energy = Energy::new(table, &self.operations, self.ann_macs);
        Self { energy, ..self }
    }

    /// The best accuracy after any number of steps.
    pub fn best_accuracy(&self) -> f64 {
        self.curve.iter().map(|point| point.accuracy).fold(0.0, f64::max)
    }

    /// Whether it spikes, rather than passing on numbers alone, as an ANN does.
    pub fn is_spiking(&self) -> bool {
        self.populations.iter().skip(1).any(|population| !population.graded)
    }

    /// The first number of steps after which accuracy is at least `accuracy`; none if it never is.
    pub fn reach(&self, accuracy: f64) -> Option<&CurvePoint> {
        // Accuracies are quotients of whole numbers; a target that was computed from one may lie a rounding above it.
        self.curve.iter().find(|point| point.accuracy >= accuracy - 1e-9)
    }

    /// Picojoules spent up to `point`.
    pub fn energy_at(&self, point: &CurvePoint) -> f64 {
        self.energy.table.energy(point.effective_acs, point.effective_macs)
    }
}

/// Networks at the same accuracy: what each needs to get there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The accuracy that all are to reach: that of the network whose best is lowest, less the tolerance; at least 0.
    pub accuracy: f64,
    /// Where each reaches it.
    pub reached: Vec<Option<CurvePoint>>,
}

impl Comparison {
    /// Compares at the lowest of the best accuracies less `within`, a share such as 0.01.
    pub fn new<'a>(reports: impl Iterator<Item = &'a ActivityReport> + Clone, within: f64) -> Self {
        let lowest = reports.clone().map(ActivityReport::best_accuracy).fold(1.0, f64::min);
        let accuracy = f64::max(lowest - within, 0.0);
        Self { accuracy, reached: reports.map(|report| report.reach(accuracy).copied()).collect() }
    }
}
