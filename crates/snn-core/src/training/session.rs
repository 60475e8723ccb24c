//! Where the weights are updated: where the session computes, if it can, or else here.

use super::standardised::Standardised;
use crate::engine::{Activity, Errors, Learner, Memory, Session, Timing, Trial};
use crate::error::Error;
use crate::network::{GroupStatistics, Network, Weights};
use crate::optimizer::{Optimizer, OptimizerState, each, norm, scale};

/// A session whose weights follow their gradients. They are updated where the session computes, if it is a [`Learner`], or else
/// here; raw values of standardised weights, an average of the weights, and the means that normalisations keep are taken care of.
/// Callers do not need to know which.
pub struct TrainingSession {
    network: Network,
    session: Box<dyn Session>,
    optimizer: Optimizer,
    side: Side,
    /// The weights as they were last known here.
    weights: Weights,
    /// Whether the session has updated its weights since.
    is_behind: bool,
    /// What normalisations found in the last trial: the update takes it in.
    statistics: Vec<GroupStatistics>,
}

/// Where gradients and the state of the optimizer are.
enum Side {
    /// Here; the session is given new weights after each update.
    Host {
        state: OptimizerState,
        gradients: Weights,
        standardised: Option<Box<Standardised>>,
        average: Option<Average>,
    },
    /// Where the session computes, after so many updates.
    Device { updates: u64 },
}

impl TrainingSession {
    /// A session of `network`, compiled for training, that starts with `weights` before the first update; with the decay of an
    /// average, if one is kept.
    ///
    /// # Errors
    /// As [`Session::load`] and [`Learner::remember`].
    pub fn new(
        mut session: Box<dyn Session>,
        network: &Network,
        optimizer: Optimizer,
        average: Option<f32>,
        weights: &Weights,
    ) -> Result<Self, Error> {
        let standardised = Standardised::of(network).map(Box::new);
        let side = if session.learner().is_some() && standardised.is_none() && average.is_none() {
            Side::Device { updates: 0 }
        } else {
            let moved = standardised.as_ref().map_or(network, |standardised| standardised.form());
            let average = average.map(|decay| Average { decay, values: moved.zeros() });
            Side::Host {
                state: OptimizerState::new(optimizer, moved),
                gradients: network.zeros(),
                standardised,
                average,
            }
        };
        let (weights_before, statistics) = (Weights::new(), Vec::new());
        let network = network.clone();
        let mut training =
            Self { network, session, optimizer, side, weights: weights_before, is_behind: false, statistics };
        training.begin(weights.clone())?;
        Ok(training)
    }

    /// Goes to `weights` before the first update.
    ///
    /// # Errors
    /// As [`TrainingSession::new`].
    pub fn begin(&mut self, weights: Weights) -> Result<(), Error> {
        let mut kept = Vec::new();
        let mut form = &self.network;
        let mut weights = weights;
        if let Side::Host { standardised, average, .. } = &mut self.side {
            let mut moved = weights.clone();
            if let Some(standardised) = standardised {
                standardised.begin(&weights);
                weights = standardised.weights();
                moved.clone_from(standardised.raw());
                form = standardised.form();
                kept.push(moved.clone());
            }
            kept.extend(average.as_ref().map(|_| moved));
        }
        kept.extend(self.optimizer.state_kinds().iter().map(|_| form.zeros()));
        self.restore(weights, kept, 0)
    }

    /// Goes to `weights` after so many updates, wherever they were made, with what [`TrainingSession::optimizer_state`] gave then.
    ///
    /// # Errors
    /// As [`TrainingSession::new`]; [`Error::Size`] if `kept` has another form.
    pub fn restore(&mut self, weights: Weights, mut kept: Vec<Weights>, updates: u64) -> Result<(), Error> {
        self.session.load(&weights)?;
        match &mut self.side {
            Side::Host { state, standardised, average, .. } => {
                let form = match standardised {
                    Some(standardised) if !kept.is_empty() => {
                        standardised.restore(kept.remove(0))?;
                        standardised.form()
                    }
                    _ => &self.network,
                };
                if let Some(average) = average.as_mut().filter(|_| !kept.is_empty()) {
                    average.values = kept.remove(0);
                    form.check_weights(&average.values)?;
                }
                *state = OptimizerState::restored(self.optimizer, form, kept, updates)?;
            }
            Side::Device { updates: made } => {
                learner(&mut self.session)?.set_optimizer(self.optimizer, &kept)?;
                *made = updates;
            }
        }
        self.weights = weights;
        self.statistics.clear();
        self.is_behind = false;
        Ok(())
    }

    /// Memory that the session takes.
    pub fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// As [`Session::timings`].
    pub fn timings(&mut self) -> Vec<Timing> {
        self.session.timings()
    }

    /// As [`Session::forward`].
    ///
    /// # Errors
    /// As there.
    pub fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        let mut activity = self.session.forward(trial)?;
        self.statistics = std::mem::take(&mut activity.statistics);
        Ok(activity)
    }

    /// Goes back through the last trial, and gives the Euclidean norm of all gradients together.
    ///
    /// # Errors
    /// As [`Session::backward`].
    pub fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error> {
        match &mut self.side {
            Side::Host { gradients, standardised, .. } => {
                self.session.backward(errors, gradients)?;
                Ok(match standardised {
                    Some(standardised) => norm(standardised.backward(gradients)),
                    None => norm(gradients),
                })
            }
            Side::Device { .. } => learner(&mut self.session)?.backward(errors),
        }
    }

    /// One update of the weights by the gradients times `factor`, at learning rate `rate`. What is updated here is checked to
    /// be finite; what is updated elsewhere, when it is asked for.
    ///
    /// # Errors
    /// [`Error::NotFinite`] that names what is not; as [`Learner::update`].
    pub fn update(&mut self, factor: f32, rate: f32) -> Result<(), Error> {
        match &mut self.side {
            Side::Host { state, gradients, standardised, average } => {
                let statistics = std::mem::take(&mut self.statistics);
                let mut update = |values: &mut Weights, gradients: &mut Weights| {
                    scale(gradients, factor);
                    state.update(values, gradients, rate);
                    for group in &statistics {
                        group.keep(values);
                    }
                };
                let form = if let Some(standardised) = standardised {
                    standardised.update(update);
                    self.weights = standardised.weights();
                    standardised.form()
                } else {
                    update(&mut self.weights, gradients);
                    &self.network
                };
                self.optimizer.check_state(form, state.tensors())?;
                if let Some(average) = average {
                    let moved = standardised.as_ref().map_or(&self.weights, |standardised| standardised.raw());
                    average.take(moved, state.updates());
                }
                self.session.load(&self.weights)
            }
            Side::Device { updates } => {
                learner(&mut self.session)?.update(factor, rate, *updates + 1)?;
                *updates += 1;
                self.is_behind = true;
                Ok(())
            }
        }
    }

    /// The weights as they are now.
    ///
    /// # Errors
    /// As [`Learner::weights`]; [`Error::NotFinite`].
    pub fn weights(&mut self) -> Result<&Weights, Error> {
        if self.is_behind {
            let weights = learner(&mut self.session)?.weights()?;
            self.network.check_weights(&weights)?;
            self.weights = weights;
            self.is_behind = false;
        }
        Ok(&self.weights)
    }

    /// The weights to answer with: the average, if one is kept.
    ///
    /// # Errors
    /// As [`TrainingSession::weights`].
    pub fn answers(&mut self) -> Result<Weights, Error> {
        if let Side::Host { standardised, average: Some(average), .. } = &self.side {
            let made = standardised.as_ref().map(|standardised| standardised.weights_of(&average.values));
            return Ok(made.unwrap_or_else(|| average.values.clone()));
        }
        self.weights().cloned()
    }

    /// Whether an average of the weights is kept.
    pub fn keeps_average(&self) -> bool {
        matches!(&self.side, Side::Host { average: Some(_), .. })
    }

    /// What is kept beside the weights, in this order: raw values where weights are standardised, the average if one is kept,
    /// and the state of the state; each in the form of the weights, or of [`Network::with_gains`] where weights are
    /// standardised.
    ///
    /// # Errors
    /// As [`Learner::optimizer_state`]; [`Error::NotFinite`].
    pub fn optimizer_state(&mut self) -> Result<Vec<Weights>, Error> {
        match &self.side {
            Side::Host { state, standardised, average, .. } => {
                let raw = standardised.iter().map(|standardised| standardised.raw());
                let before = raw.chain(average.iter().map(|average| &average.values));
                Ok(before.chain(state.tensors()).cloned().collect())
            }
            Side::Device { .. } => {
                let state = learner(&mut self.session)?.optimizer_state()?;
                self.optimizer.check_state(&self.network, &state)?;
                Ok(state)
            }
        }
    }
}

/// An exponential average of what the state moves.
struct Average {
    /// Share that an update keeps.
    decay: f32,
    values: Weights,
}

impl Average {
    /// Takes in what update number `updates` has made. The first updates count for more, so that the average forgets the
    /// weights that it started with: no more than `(1 + n) / (10 + n)` of it is kept, as TensorFlow's has it.
    fn take(&mut self, moved: &Weights, updates: u64) {
        let n = updates as f64;
        let decay = f64::from(self.decay).min((1.0 + n) / (10.0 + n)) as f32;
        for (values, moved) in self.values.iter_mut().zip(moved) {
            each((values, moved), |(value, moved)| *value = decay * *value + (1.0 - decay) * moved);
        }
    }
}

fn learner(session: &mut Box<dyn Session>) -> Result<&mut dyn Learner, Error> {
    session.learner().ok_or(Error::Order("the session no longer updates its weights where it computes"))
}
