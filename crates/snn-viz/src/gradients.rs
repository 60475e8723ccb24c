//! Backward pass through one trial: errors of all populations, and gradients of the weights.

use snn_core::{Errors, Gradient, Session, Weights, grade};

use crate::statistics::{CLASSES, Statistics};
use crate::{OpenNetwork, Pin, ViewError, ViewedTrial};

/// Errors and gradients of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// The class that the loss assumes to be correct.
    pub label: usize,
    /// The loss.
    pub loss: f64,
    /// Mean over neurons of `|d(t)|`, for each population `[T]`; `d(t) = dL/dI(t)`.
    pub errors: Vec<Vec<f32>>,
    /// Sum over time of `d(t)` for each neuron of each population.
    pub sums: Vec<Vec<f32>>,
    /// Leak correction of each neuron of each population; empty if the gradient has none.
    pub corrections: Vec<Vec<f32>>,
    /// Error `d(t)` `[T]` of each pinned neuron.
    pub pinned: Vec<(Pin, Vec<f32>)>,
    /// Gradient `dL/dW` of each weight tensor of the network.
    pub weights: Weights,
    /// Statistics of each weight tensor of the network, and of its gradient.
    pub(crate) spread: Vec<[Statistics; 2]>,
}

impl Gradients {
    /// Runs `trial` again in `session` and backpropagates through it, assuming that `label` is correct. The session
    /// must be compiled for training with records on one sample.
    ///
    /// # Errors
    /// [`ViewError::Core`] if the session fails.
    pub fn compute(
        session: &mut dyn Session,
        subject: &OpenNetwork,
        trial: &ViewedTrial,
        label: usize,
        pins: &[Pin],
    ) -> Result<Self, ViewError> {
        let network = subject.network();
        let activity = session.forward(&trial.shown())?;
        let (loss, score) = (subject.built.loss.as_ref(), subject.built.score.as_ref());
        let grades = grade(loss, score, &activity.output, &[label as u8], network.classes());
        let mut weights = network.zeros();
        session.backward(Errors::of_output(&grades.d_output), &mut weights)?;
        let mut found = Self {
            label,
            loss: grades.losses.iter().map(|&loss| f64::from(loss)).sum(),
            errors: Vec::new(),
            sums: Vec::new(),
            corrections: Vec::new(),
            pinned: Vec::new(),
            spread: spread(&subject.weights, &weights),
            weights,
        };
        for (index, population) in network.populations().iter().enumerate() {
            let record = session.record(index)?;
            let neurons = population.shape.len();
            let rows = || record.delta.chunks(neurons.max(1));
            found.errors.push(rows().map(|row| row.iter().map(|d| d.abs()).sum::<f32>() / neurons as f32).collect());
            let mut sums = vec![0.0; neurons];
            rows().for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, d)| *sum += d));
            found.sums.push(sums);
            let is_corrected = matches!(population.neuron.gradient(), Gradient::SpikeGated { correction: Some(_), .. });
            found.corrections.push(if is_corrected { record.correction } else { Vec::new() });
            let pinned = pins.iter().filter(|pin| pin.population == index);
            found.pinned.extend(pinned.map(|&pin| (pin, rows().map(|row| row[pin.neuron]).collect())));
        }
        Ok(found)
    }
}

fn spread(weights: &Weights, gradients: &Weights) -> Vec<[Statistics; 2]> {
    let pairs = weights.iter().zip(gradients);
    pairs.map(|(weights, gradients)| [weights, gradients].map(|values| Statistics::of(values, CLASSES))).collect()
}
