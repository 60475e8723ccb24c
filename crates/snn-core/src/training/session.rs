//! A training session: updates of the weights, on the session's device or on the host.

use super::standardised::Standardised;
use crate::engine::{Activity, Errors, Learner, Memory, Session, Timing, Trial};
use crate::error::Error;
use crate::network::{GroupStatistics, Network, Weights};
use crate::optimizer::{Optimizer, OptimizerState, each, norm, scale};

/// A session that trains its weights. If it is a [`Learner`], the weights are updated on its device, else on the host.
/// Updates on the host also cover raw values of standardised weights, an average of the weights, and running statistics
/// of normalisations. Callers do not need to know where updates happen.
pub struct TrainingSession {
    network: Network,
    session: Box<dyn Session>,
    optimizer: Optimizer,
    side: Side,
    /// Last known weights on the host.
    weights: Weights,
    /// Whether the session has updated its weights since they were last fetched.
    is_behind: bool,
    /// Statistics of normalisations in the last trial, for the next update.
    statistics: Vec<GroupStatistics>,
}

/// Where gradients and optimizer state are held.
enum Side {
    /// On the host; the new weights are loaded into the session after each update.
    Host {
        state: OptimizerState,
        gradients: Weights,
        standardised: Option<Box<Standardised>>,
        average: Option<Average>,
    },
    /// On the session's device; `updates` counts the updates so far.
    Device { updates: u64 },
}

impl TrainingSession {
    /// Wraps `session`, which is compiled from `network` for training, and starts from `weights` before the first
    /// update. `average` is the decay of an exponential average of the weights, if one is kept.
    ///
    /// # Errors
    /// As [`Session::load`] and [`Learner::set_optimizer`].
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

    /// Restarts from `weights`, before the first update.
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

    /// Restores the state after `updates` updates: `weights`, and `kept` as [`TrainingSession::optimizer_state`]
    /// returned it then. Those updates may have been made on the host or on a device.
    ///
    /// # Errors
    /// As [`TrainingSession::new`]; [`Error::Size`] if `kept` does not have the expected form.
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
    /// As [`Session::forward`].
    pub fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        let mut activity = self.session.forward(trial)?;
        self.statistics = std::mem::take(&mut activity.statistics);
        Ok(activity)
    }

    /// Backpropagates through the last trial, and returns the Euclidean norm of all gradients together.
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

    /// Updates the weights once by the gradients times `factor`, at learning rate `rate`. Updates on the host are
    /// checked to be finite immediately; updates on the device are checked when the weights or the state are read.
    ///
    /// # Errors
    /// [`Error::NotFinite`] naming the tensor that is not finite; as [`Learner::update`].
    pub fn update(&mut self, factor: f32, rate: f32) -> Result<(), Error> {
        match &mut self.side {
            Side::Host { state, gradients, standardised, average } => {
                let statistics = std::mem::take(&mut self.statistics);
                let mut update = |values: &mut Weights, gradients: &mut Weights| {
                    scale(gradients, factor);
                    state.update(values, gradients, rate);
                    for group in &statistics {
                        group.update_running(values);
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

    /// The current weights.
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

    /// The weights to use for inference: the average, if one is kept, else the current weights.
    ///
    /// # Errors
    /// As [`TrainingSession::weights`].
    pub fn inference_weights(&mut self) -> Result<Weights, Error> {
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

    /// State to save beside the weights, in this order: raw values if weights are standardised, the average if one is
    /// kept, and the optimizer state. Each has the form of the weights, or of [`Network::with_gains`] if weights are
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

/// Exponential moving average of the tensors that the optimizer updates.
struct Average {
    /// Fraction of the average that an update keeps.
    decay: f32,
    values: Weights,
}

impl Average {
    /// Adds the values after update number `updates` to the average. At most `(1 + n) / (10 + n)` of the average is
    /// kept, where `n` is `updates`, as in TensorFlow: the first updates count more, so that the average forgets the
    /// initial weights.
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
