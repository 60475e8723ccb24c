//! A training loop over batches of samples from any iterator, without files.

use std::sync::Arc;

use super::TrainingSession;
use crate::encoder::Encoded;
use crate::engine::{Draws, Dropout, Engine, Errors, Plan, Session, Trial};
use crate::error::Error;
use crate::loss::{CrossEntropy, Grades, Loss, argmax, grade};
use crate::network::{Network, Weights};
use crate::optimizer::{Optimizer, clip_factor};
use crate::score::{Mean, Score};
use crate::spikes::SpikeTrain;

/// Largest number of classes.
const MOST_CLASSES: usize = 256;

/// Settings of a [`Trainer`]. The gradient of an update is the mean over its samples, as in PyTorch.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Optimizer of the weights. Default: Adam at a learning rate of 1e-3.
    pub optimizer: Optimizer,
    /// Loss function to minimise. Default: [`CrossEntropy`].
    pub loss: Arc<dyn Loss>,
    /// How the output over time becomes class scores. Default: [`Mean`].
    pub score: Arc<dyn Score>,
    /// Gradient clipping: larger gradients are scaled down to this Euclidean norm of all gradients together. Default:
    /// none.
    pub clip: Option<f32>,
    /// Seed of the initial weights and of dropout. Default: 1.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        let (loss, score) = (Arc::new(CrossEntropy::default()), Arc::new(Mean {}));
        Self { optimizer: Optimizer::adam(1e-3), loss, score, clip: None, seed: 1 }
    }
}

/// Mean loss and accuracy over some samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Number of samples.
    pub samples: usize,
    /// Mean loss; 0 without samples.
    pub loss: f64,
    /// Number of correctly classified samples.
    pub correct: usize,
}

impl Metrics {
    /// Fraction of correctly classified samples; 0 without samples.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }

    fn add(&mut self, grades: &Grades, labels: &[u8]) {
        let (before, classes) = (self.samples as f64, grades.scores.len() / labels.len().max(1));
        let losses: f64 = grades.losses.iter().map(|loss| f64::from(*loss)).sum();
        let scores = grades.scores.chunks(classes.max(1)).zip(labels);
        self.correct += scores.filter(|(scores, label)| argmax(scores) == usize::from(**label)).count();
        self.samples += labels.len();
        self.loss = (self.loss * before + losses) / self.samples.max(1) as f64;
    }
}

/// Trains a network on the caller's own samples: any iterator of inputs and class indices. An input is anything that
/// converts into [`Encoded`], such as a spike train or numbers. The same seed and samples give the same bits.
///
/// ```
/// use snn_core::prelude::*;
/// use snn_core::reference::Reference;
///
/// let mut builder = Network::builder(Shape::features(2));
/// let linear = |source, features| vec![Projection::new(source, Map::Linear { features })];
/// let hidden = builder.add("hidden", Lif::default().surrogate(Atan::default()), linear(Source::Input, 8))?;
/// builder.add("readout", LeakyIntegrator::default().neuron(), linear(hidden, 2))?;
/// let network = builder.build()?;
///
/// // Which of two numbers is larger?
/// let samples = |n: usize| (0..n).map(|i| (vec![(i % 5) as f32, (i % 7) as f32 + 0.5], usize::from(i % 7 >= i % 5)));
/// let recipe = Recipe { optimizer: Optimizer::adam(0.05), ..Recipe::default() };
/// let mut trainer = Trainer::new(&Reference, &network, Plan::new(5, 16), recipe)?;
/// for _ in 0..5 {
///     trainer.learn(samples(160))?;
/// }
/// assert!(trainer.evaluate(samples(70))?.accuracy() > 0.9);
/// # Ok::<(), Error>(())
/// ```
pub struct Trainer<'a> {
    engine: &'a dyn Engine,
    network: Network,
    plan: Plan,
    recipe: Recipe,
    training: TrainingSession,
    /// Session for evaluation, compiled when it is first needed.
    evaluation: Option<Box<dyn Session>>,
    /// Number of passes over samples so far, for drawing dropout.
    passes: u32,
}

impl<'a> Trainer<'a> {
    /// Creates a trainer of `network` for trials of `plan.steps` steps and updates over `plan.batch` samples. It starts
    /// from [`Network::initial_weights`].
    ///
    /// # Errors
    /// As [`Engine::compile`]; [`Error::Range`] for a network of more than 256 classes.
    pub fn new(engine: &'a dyn Engine, network: &Network, plan: Plan, recipe: Recipe) -> Result<Self, Error> {
        if network.classes() > MOST_CLASSES {
            return Err(Error::range("classes", "at most 256", network.classes()));
        }
        let weights = network.initial_weights(recipe.seed);
        let session = engine.compile(network, plan.train())?;
        let training = TrainingSession::new(session, network, recipe.optimizer, None, &weights)?;
        Ok(Self { engine, network: network.clone(), plan, recipe, training, evaluation: None, passes: 0 })
    }

    /// Restarts training from `weights`, before the first update.
    ///
    /// # Errors
    /// As [`Session::load`].
    pub fn load(&mut self, weights: Weights) -> Result<(), Error> {
        self.passes = 0;
        self.training.begin(weights)
    }

    /// The current weights, in the order of [`Network::tensors`], for saving or inspection.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::Device`].
    pub fn weights(&mut self) -> Result<&Weights, Error> {
        self.training.weights()
    }

    /// Trains on all `samples` once, with one update for each batch; the last batch may be smaller. Returns loss and
    /// accuracy over all batches, each measured before its update.
    ///
    /// # Errors
    /// [`Error::Size`] if a sample does not fit the network, [`Error::Range`] if its class is not one of the network's;
    /// [`Error::NotFinite`]; [`Error::Device`].
    pub fn learn<I: Into<Encoded>>(&mut self, samples: impl IntoIterator<Item = (I, usize)>) -> Result<Metrics, Error> {
        let (mut score, mut samples, mut first) = (Metrics::default(), samples.into_iter(), 0);
        while let Some(batch) = UpdateBatch::take(&mut samples, &self.network, self.plan)? {
            let indices: Vec<u32> = (first..).take(batch.labels.len()).collect();
            first += indices.len() as u32;
            let draws = Draws { seed: self.recipe.seed, epoch: self.passes, samples: &indices };
            let trial = Trial { stimulus: batch.input.stimulus(), dropout: Dropout::Drawn(draws) };
            let activity = self.training.forward(&trial)?;
            let grades = self.grade(&activity.output, &batch.labels);
            let norm = self.training.backward(Errors::of_output(&grades.d_output))?;
            // The gradient is the sum over the samples; clipping applies to the mean.
            let mean = 1.0 / batch.labels.len() as f32;
            let clipped = self.recipe.clip.map_or(1.0, |limit| clip_factor(norm * f64::from(mean), limit));
            self.training.update(clipped * mean, self.recipe.optimizer.learning_rate())?;
            score.add(&grades, &batch.labels);
        }
        self.passes += 1;
        Ok(score)
    }

    /// Returns loss and accuracy of the network on `samples`. It trains nothing and uses no dropout.
    ///
    /// # Errors
    /// As [`Trainer::learn`].
    pub fn evaluate<I: Into<Encoded>>(
        &mut self,
        samples: impl IntoIterator<Item = (I, usize)>,
    ) -> Result<Metrics, Error> {
        let mut session = match self.evaluation.take() {
            Some(session) => session,
            None => self.engine.compile(&self.network, Plan { train: false, ..self.plan })?,
        };
        session.load(self.training.weights()?)?;
        let (mut score, mut samples) = (Metrics::default(), samples.into_iter());
        while let Some(batch) = UpdateBatch::take(&mut samples, &self.network, self.plan)? {
            let activity = session.forward(&Trial { stimulus: batch.input.stimulus(), dropout: Dropout::Off })?;
            score.add(&self.grade(&activity.output, &batch.labels), &batch.labels);
        }
        self.evaluation = Some(session);
        Ok(score)
    }

    fn grade(&self, output: &[f32], labels: &[u8]) -> Grades {
        let Recipe { loss, score, .. } = &self.recipe;
        grade(loss.as_ref(), score.as_ref(), output, labels, self.network.classes())
    }
}

/// Samples of one update.
struct UpdateBatch {
    input: Encoded,
    labels: Vec<u8>,
}

impl UpdateBatch {
    /// Takes the next samples, up to the batch size of the plan; `None` if there are no more.
    fn take<I: Into<Encoded>>(
        samples: &mut impl Iterator<Item = (I, usize)>,
        network: &Network,
        plan: Plan,
    ) -> Result<Option<Self>, Error> {
        let (mut trains, mut values, mut numbers, mut labels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (input, class) in samples.take(plan.batch) {
            let label = u8::try_from(class).ok().filter(|_| class < network.classes());
            labels.push(
                label.ok_or_else(|| {
                    Error::range("the class of a sample", "one of the network's, counted from 0", class)
                })?,
            );
            match input.into() {
                Encoded::Spikes(train) => {
                    if (train.samples(), train.steps(), train.shape()) != (1, plan.steps, network.input()) {
                        let told = |samples: usize, steps: usize, shape| {
                            format!("{samples} sample of {shape} over {steps} steps")
                        };
                        let expected = told(1, plan.steps, network.input());
                        let found = told(train.samples(), train.steps(), train.shape());
                        return Err(Error::size("spikes of a sample", expected, found));
                    }
                    trains.push(train);
                }
                Encoded::Current(current) => {
                    if current.len() != network.input().len() {
                        return Err(Error::size("numbers of a sample", network.input().len(), current.len()));
                    }
                    values.extend(current);
                }
                Encoded::Numbers(rows) => {
                    let expected = plan.steps * network.input().len();
                    if rows.len() != expected {
                        return Err(Error::size("numbers of a sample", expected, rows.len()));
                    }
                    numbers.push(rows);
                }
            }
        }
        let input = match (trains.is_empty(), values.is_empty(), numbers.is_empty()) {
            (true, true, true) if labels.is_empty() => return Ok(None),
            (false, true, true) => Encoded::Spikes(SpikeTrain::join(&trains)),
            (true, true, false) => Encoded::Numbers(joined(&numbers, plan.steps)),
            (true, _, true) => Encoded::Current(values),
            _ => {
                return Err(Error::size("samples of a batch", "spikes for all, or numbers", "some of each"));
            }
        };
        Ok(Some(Self { input, labels }))
    }
}

/// Joins the numbers of samples, each `[T, ...]`, into `[T, N, ...]`.
fn joined(samples: &[Vec<f32>], steps: usize) -> Vec<f32> {
    let row = |values: &Vec<f32>| values.len() / steps;
    let step = |t: usize| samples.iter().flat_map(move |values| &values[t * row(values)..(t + 1) * row(values)]);
    (0..steps).flat_map(step).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Norm, Projection, Source};
    use crate::neuron::{LeakyIntegrator, Lif};
    use crate::reference::Reference;
    use crate::shape::Shape;
    use crate::surrogate::Atan;

    /// A network with standardised weights, normalised weights and dropout.
    fn network() -> Network {
        let lif = || Lif::default().surrogate(Atan::default());
        let linear = |source, features| Projection::new(source, Map::Linear { features });
        let mut builder = Network::builder(Shape::features(3));
        builder.standardise(true);
        let first = builder.add_with_dropout("first", lif(), 0.1, vec![linear(Source::Input, 12)]).unwrap();
        let normed = vec![linear(first, 8).with_norm(Norm::new(4))];
        let second = builder.add("second", lif(), normed).unwrap();
        builder.add("readout", LeakyIntegrator::default().neuron(), vec![linear(second, 3)]).unwrap();
        builder.build().unwrap()
    }

    /// Samples whose class is the index of the largest number.
    fn samples(first: usize, count: usize) -> impl Iterator<Item = (Vec<f32>, usize)> {
        (first..first + count).map(|i| {
            let class = i * 7 % 3;
            ((0..3).map(|k| if k == class { 1.5 } else { (i * (k + 2) % 5) as f32 / 5.0 }).collect(), class)
        })
    }

    fn trained(passes: usize) -> (Weights, Metrics) {
        let recipe = Recipe { optimizer: Optimizer::adam(0.02), clip: Some(1.0), ..Recipe::default() };
        let mut trainer = Trainer::new(&Reference, &network(), Plan::new(6, 16), recipe).unwrap();
        for pass in 0..passes {
            assert_eq!(trainer.learn(samples(1000 * pass, 90)).unwrap().samples, 90);
        }
        let weights = trainer.weights().unwrap().clone();
        (weights, trainer.evaluate(samples(50_000, 60)).unwrap())
    }

    #[test]
    fn samples_are_learned_the_same_way_each_time() {
        let (weights, score) = trained(12);
        assert!(score.accuracy() > 0.9 && score.loss < 0.8, "{score:?}");
        assert_eq!(trained(12).0, weights);
        let (_, before) = trained(0);
        assert!(before.accuracy() < 0.7 && before.loss > score.loss, "{before:?}");
    }

    #[test]
    fn samples_that_do_not_fit_are_told() {
        let mut trainer = Trainer::new(&Reference, &network(), Plan::new(6, 4), Recipe::default()).unwrap();
        let told = |result: Result<Metrics, Error>| result.unwrap_err().to_string();
        assert_eq!(
            told(trainer.learn([(vec![0.0; 3], 3)])),
            "the class of a sample must be one of the network's, counted from 0, found 3"
        );
        assert_eq!(
            told(trainer.learn([(SpikeTrain::silent(7, 1, Shape::features(3)), 0)])),
            "spikes of a sample: expected 1 sample of 3 over 6 steps, found 1 sample of 3 over 7 steps"
        );
        assert_eq!(told(trainer.learn([(vec![0.0; 4], 1)])), "numbers of a sample: expected 3, found 4");
        assert_eq!(told(trainer.evaluate([(vec![0.0; 6], 1)])), "numbers of a sample: expected 3, found 6");
        let mixed = [(Encoded::Current(vec![0.0; 3]), 1), (SpikeTrain::silent(6, 1, Shape::features(3)).into(), 0)];
        assert_eq!(
            told(trainer.evaluate(mixed)),
            "samples of a batch: expected spikes for all, or numbers, found some of each"
        );
        assert_eq!(trainer.learn(Vec::<(SpikeTrain, usize)>::new()).unwrap(), Metrics::default());
    }
}
