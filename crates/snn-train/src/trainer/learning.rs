//! Where the weights are updated: where the session computes, if it can, or else here.

use snn_core::optimizer::{each, norm, scale};
use snn_core::{
    Activity, Error, Errors, GroupStatistics, Learner, Memory, Network, Optimizer, Session, Timing, Trial, UpdateRule,
    Weights,
};

use super::standardised::Standardised;
use crate::checkpoint::Tensor;
use crate::{Checkpoint, TrainError};

/// A session with weights that follow their gradients. Who calls it need not know where they are.
pub(crate) struct Learning<'a> {
    network: &'a Network,
    session: Box<dyn Session>,
    rule: UpdateRule,
    place: Place,
    /// The weights as they were last known here.
    weights: Weights,
    /// Whether the session has updated its weights since.
    is_behind: bool,
    /// What normalisations found in the last trial: the update takes it in.
    statistics: Vec<GroupStatistics>,
}

/// Where gradients and memories are.
enum Place {
    /// Here; the session is given new weights after each update.
    Host { optimizer: Optimizer, gradients: Weights, standardised: Option<Box<Standardised>>, average: Option<Average> },
    /// Where the session computes, after so many updates.
    Device { updates: u64 },
}

impl<'a> Learning<'a> {
    /// A session of `network`, compiled for training, that starts with `weights` before the first update; with the decay of an
    /// average, if one is kept.
    pub(crate) fn new(
        mut session: Box<dyn Session>,
        network: &'a Network,
        rule: UpdateRule,
        average: Option<f32>,
        weights: &Weights,
    ) -> Result<Self, Error> {
        let standardised = Standardised::of(network).map(Box::new);
        let place = if session.learner().is_some() && standardised.is_none() && average.is_none() {
            Place::Device { updates: 0 }
        } else {
            let moved = standardised.as_ref().map_or(network, |standardised| standardised.form());
            let average = average.map(|decay| Average { decay, values: moved.zeros() });
            Place::Host { optimizer: Optimizer::new(rule, moved), gradients: network.zeros(), standardised, average }
        };
        let (weights_before, statistics) = (Weights::new(), Vec::new());
        let mut learning =
            Self { network, session, rule, place, weights: weights_before, is_behind: false, statistics };
        learning.begin(weights.clone())?;
        Ok(learning)
    }

    /// Goes to `weights` before the first update.
    pub(crate) fn begin(&mut self, weights: Weights) -> Result<(), Error> {
        let mut remembered = Vec::new();
        let mut form = self.network;
        let mut weights = weights;
        if let Place::Host { standardised, average, .. } = &mut self.place {
            let mut moved = weights.clone();
            if let Some(standardised) = standardised {
                standardised.begin(&weights);
                weights = standardised.weights();
                moved.clone_from(standardised.raw());
                form = standardised.form();
                remembered.push(moved.clone());
            }
            remembered.extend(average.as_ref().map(|_| moved));
        }
        remembered.extend(self.rule.memories().iter().map(|_| form.zeros()));
        self.set(weights, remembered, 0)
    }

    /// Goes to where `checkpoint` stands, wherever the weights were updated then.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let weights = checkpoint.weights_for(self.network)?;
        let memories = checkpoint.memories_for(self.network, self.rule, self.keeps_average())?;
        Ok(self.set(weights, memories, checkpoint.progress.updates)?)
    }

    /// `remembered` is as of [`Checkpoint::memories`].
    fn set(&mut self, weights: Weights, mut remembered: Vec<Weights>, updates: u64) -> Result<(), Error> {
        self.session.load(&weights)?;
        match &mut self.place {
            Place::Host { optimizer, standardised, average, .. } => {
                let form = match standardised {
                    Some(standardised) if !remembered.is_empty() => {
                        standardised.restore(remembered.remove(0))?;
                        standardised.form()
                    }
                    _ => self.network,
                };
                if let Some(average) = average.as_mut().filter(|_| !remembered.is_empty()) {
                    average.values = remembered.remove(0);
                    form.check_weights(&average.values)?;
                }
                *optimizer = Optimizer::restored(self.rule, form, remembered, updates)?;
            }
            Place::Device { updates: made } => {
                learner(&mut self.session)?.remember(self.rule, &remembered)?;
                *made = updates;
            }
        }
        self.weights = weights;
        self.is_behind = false;
        Ok(())
    }

    /// Memory that the session takes.
    pub(crate) fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// As [`Session::timings`].
    pub(crate) fn timings(&mut self) -> Vec<Timing> {
        self.session.timings()
    }

    /// As [`Session::forward`].
    pub(crate) fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        let mut activity = self.session.forward(trial)?;
        self.statistics = std::mem::take(&mut activity.statistics);
        Ok(activity)
    }

    /// Goes back through the last trial, and gives the Euclidean norm of all gradients together.
    pub(crate) fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error> {
        match &mut self.place {
            Place::Host { gradients, standardised, .. } => {
                self.session.backward(errors, gradients)?;
                Ok(match standardised {
                    Some(standardised) => norm(standardised.backward(gradients)),
                    None => norm(gradients),
                })
            }
            Place::Device { .. } => learner(&mut self.session)?.backward(errors),
        }
    }

    /// One update of the weights by the gradients times `factor`, at learning rate `rate`. What is updated here is checked to
    /// be finite; what is updated elsewhere, when it is asked for.
    pub(crate) fn update(&mut self, factor: f32, rate: f32) -> Result<(), Error> {
        match &mut self.place {
            Place::Host { optimizer, gradients, standardised, average } => {
                let statistics = std::mem::take(&mut self.statistics);
                let mut update = |values: &mut Weights, gradients: &mut Weights| {
                    scale(gradients, factor);
                    optimizer.update(values, gradients, rate);
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
                    self.network
                };
                self.rule.check_memories(form, optimizer.memories())?;
                if let Some(average) = average {
                    let moved = standardised.as_ref().map_or(&self.weights, |standardised| standardised.raw());
                    average.take(moved, optimizer.updates());
                }
                self.session.load(&self.weights)
            }
            Place::Device { updates } => {
                learner(&mut self.session)?.update(factor, rate, *updates + 1)?;
                *updates += 1;
                self.is_behind = true;
                Ok(())
            }
        }
    }

    /// The weights as they are now.
    pub(crate) fn weights(&mut self) -> Result<&Weights, Error> {
        if self.is_behind {
            let weights = learner(&mut self.session)?.weights()?;
            self.network.check_weights(&weights)?;
            self.weights = weights;
            self.is_behind = false;
        }
        Ok(&self.weights)
    }

    /// The weights to answer with: the average, if one is kept.
    pub(crate) fn answers(&mut self) -> Result<Weights, Error> {
        if let Place::Host { standardised, average: Some(average), .. } = &self.place {
            let made = standardised.as_ref().map(|standardised| standardised.weights_of(&average.values));
            return Ok(made.unwrap_or_else(|| average.values.clone()));
        }
        self.weights().cloned()
    }

    fn keeps_average(&self) -> bool {
        matches!(&self.place, Place::Host { average: Some(_), .. })
    }

    /// What is remembered now, as tensors for a checkpoint.
    pub(crate) fn memories(&mut self) -> Result<Vec<Tensor>, Error> {
        match &self.place {
            Place::Host { optimizer, standardised, average, .. } => {
                let raw = standardised.iter().map(|standardised| standardised.raw());
                let before = raw.chain(average.iter().map(|average| &average.values));
                let remembered: Vec<Weights> = before.chain(optimizer.memories()).cloned().collect();
                Ok(Checkpoint::memories(self.network, self.rule, average.is_some(), &remembered))
            }
            Place::Device { .. } => {
                let memories = learner(&mut self.session)?.memories()?;
                self.rule.check_memories(self.network, &memories)?;
                Ok(Checkpoint::memories(self.network, self.rule, false, &memories))
            }
        }
    }
}

/// An exponential average of what the optimizer moves.
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
