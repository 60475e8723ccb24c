//! Evaluates a network with given weights: no dropout, no augmentation, and the same input spikes each time.

use serde::{Deserialize, Serialize};
use snn_core::{
    Activity, Draws, Dropout, Engine, Grades, Network, RatePenalty, Trial, Weights, argmax, check_finite, grade,
};
use snn_data::{Dataset, Loader};
use snn_models::Built;

use crate::{EncodedBatch, Event, Observer, TrainError};

/// Epoch number used to draw the input spikes of all evaluations, so that they are independent of training.
pub(crate) const EPOCH: u32 = u32::MAX;

/// Result of evaluating a network on a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// Mean loss per image, including the firing rate penalty.
    pub loss: f64,
    /// Fraction of images classified correctly.
    pub accuracy: f64,
    /// Confusion matrix: number of images by true and predicted class, `[K][K]`.
    pub confusion: Vec<Vec<u64>>,
    /// Mean input spikes per image; `None` if the input is numbers.
    pub input_spikes: Option<f64>,
    /// Mean spikes per image, summed over all populations.
    pub spikes: f64,
    /// Name and firing rate (spikes per neuron and time step) of each population that fires.
    pub rates: Vec<(String, f32)>,
}

/// Runs the network on `images` of `data` and compares its answers with their labels. Input spikes depend only on the
/// experiment's seed and the index of each image in `data`. Returns `None` if the observer stops it.
///
/// # Errors
/// [`TrainError::Setup`] if data and network do not match or `images` are not in `data`;
pub fn evaluate(
    engine: &dyn Engine,
    built: &Built,
    weights: &Weights,
    data: &Dataset,
    images: &[u32],
    observer: &mut dyn Observer,
) -> Result<Option<Evaluation>, TrainError> {
    check_images(built, data, images)?;
    let batch = built.experiment.training.batch.clamp(1, images.len());
    let mut session = engine.compile(&built.network, built.input.plan(built.experiment.steps, batch))?;
    session.load(weights)?;

    let mut loader = Loader::in_order(data, images.iter().copied(), batch);
    let mut total = EvaluationSums::default();
    let mut confusion = vec![vec![0; data.classes()]; data.classes()];
    for index in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, index) else { break };
        let draws = Draws { seed: built.experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let shown = EncodedBatch::new(built, built.experiment.steps, batch);
        let activity = session.forward(&Trial { stimulus: shown.stimulus(draws), dropout: Dropout::Off })?;
        check_output(&activity.output)?;
        let judgement = judge(built, &activity, &batch.labels, None);
        total.add(&activity, &judgement, &batch.labels);
        for (scores, &label) in judgement.grades.scores.chunks(data.classes()).zip(&batch.labels) {
            confusion[usize::from(label)][argmax(scores)] += 1;
        }
        if observer.on_event(&Event::Evaluating { done: total.images, images: images.len() }).is_break() {
            return Ok(None);
        }
    }
    if !total.loss.is_finite() {
        return Err(TrainError::NotFinite("the loss is not finite".to_owned()));
    }
    let per_image = |sum: u64| sum as f64 / total.images as f64;
    Ok(Some(Evaluation {
        images: total.images,
        loss: total.loss / total.images as f64,
        accuracy: per_image(total.correct),
        confusion,
        input_spikes: built.input.spikes().then(|| per_image(total.input_spikes)),
        spikes: per_image(total.spikes.iter().sum()),
        rates: rates(&built.network, built.experiment.steps, total.images, &total.spikes),
    }))
}

/// Checks that the network output is finite.
pub(crate) fn check_output(output: &[f32]) -> Result<(), TrainError> {
    check_finite(|| "output of the network".to_owned(), output, f32::MAX)
        .map_err(|error| TrainError::NotFinite(error.to_string()))
}

/// Name and firing rate (spikes per neuron and time step) of each population that fires. `spikes` holds the spikes of
/// each population over `images` trials of `steps` time steps.
pub fn rates(network: &Network, steps: usize, images: usize, spikes: &[u64]) -> Vec<(String, f32)> {
    let populations = network.populations().iter().zip(spikes).filter(|(population, _)| population.neuron.fires());
    populations
        .map(|(population, &spikes)| {
            let chances = (population.shape.len() * steps * images) as f64;
            (population.name.clone(), (spikes as f64 / chances) as f32)
        })
        .collect()
}

/// Loss and errors of a batch, including the firing rate penalty. Losses are summed. Their derivatives are those of the
/// sum or of the mean, as the experiment's reduction says.
pub(crate) struct Judgement {
    pub(crate) grades: Grades,
    penalty: f64,
    /// `dL/d emitted` of each population; empty without a firing rate penalty.
    pub(crate) d_emitted: Vec<f32>,
}

/// Computes loss and errors for the output of a batch with these labels `[N]`. `epoch` is the training epoch, or `None`
/// in an evaluation.
pub(crate) fn judge(built: &Built, activity: &Activity, labels: &[u8], epoch: Option<usize>) -> Judgement {
    let Built { network, score, loss, .. } = built;
    let mut grades = grade(loss.as_ref(), score.as_ref(), &activity.output, labels, network.classes());
    let applies = |rates: &RatePenalty| rates.epochs.is_none_or(|epochs| epoch.is_some_and(|epoch| epoch < epochs));
    let penalty = built
        .experiment
        .rates
        .filter(applies)
        .map(|rates| rates.evaluate(network, built.experiment.steps, labels.len(), &activity.emitted));
    let (penalty, mut d_emitted) = penalty.unwrap_or_default();
    let factor = built.experiment.training.reduction.factor(labels.len());
    if factor != 1.0 {
        grades.d_output.iter_mut().chain(&mut d_emitted).for_each(|d| *d *= factor);
    }
    Judgement { grades, penalty, d_emitted }
}

/// Running sums over trials.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct EvaluationSums {
    pub(crate) images: usize,
    pub(crate) correct: u64,
    pub(crate) loss: f64,
    pub(crate) input_spikes: u64,
    /// Spikes per population.
    pub(crate) spikes: Vec<u64>,
}

impl EvaluationSums {
    /// Adds a trial of samples with these labels `[N]`.
    pub(crate) fn add(&mut self, activity: &Activity, judgement: &Judgement, labels: &[u8]) {
        let Grades { scores, losses, .. } = &judgement.grades;
        let rows = scores.chunks(scores.len() / labels.len().max(1));
        self.images += labels.len();
        self.correct += rows.zip(labels).filter(|(row, label)| argmax(row) == usize::from(**label)).count() as u64;
        self.loss += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() + judgement.penalty;
        self.input_spikes += activity.input_spikes;
        self.spikes.resize(activity.spikes.len(), 0);
        for (sum, spikes) in self.spikes.iter_mut().zip(&activity.spikes) {
            *sum += spikes;
        }
    }
}

/// Checks that `data` matches the network, and that `images` are valid indices of it.
pub(crate) fn check_images(built: &Built, data: &Dataset, images: &[u32]) -> Result<(), TrainError> {
    check_data(built, data)?;
    let beyond = images.iter().find(|&&image| image as usize >= data.len());
    if images.is_empty() || beyond.is_some() {
        let found = beyond.map_or_else(|| "none".to_owned(), |image| format!("image {image}"));
        let reason = format!("must be some of the {} in the data set, found {found}", data.len());
        return Err(TrainError::setup("images to show", reason));
    }
    Ok(())
}

/// Checks that image shape and classes of `data` match those the network was built for.
pub(crate) fn check_data(built: &Built, data: &Dataset) -> Result<(), TrainError> {
    let Built { data: expected, network, .. } = built;
    if data.shape() != expected.shape() {
        let reason = format!("images of {} expected, {} found", expected.shape(), data.shape());
        return Err(TrainError::setup("network and data", reason));
    }
    if data.classes() != network.classes() {
        let reason = format!("the network has {} classes, the data {}", network.classes(), data.classes());
        return Err(TrainError::setup("network and data", reason));
    }
    Ok(())
}
