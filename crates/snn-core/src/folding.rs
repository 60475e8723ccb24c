//! Sessions that fold normalisations into weights and biases.

use crate::engine::{Activity, Errors, Memory, Plan, Record, Session, Timing, Trial};
use crate::error::Error;
use crate::network::{Network, Weights};

/// Compiles `network`, or [`Network::folded`] if `plan` is not for training and `network` has normalisations. In both
/// cases the session is loaded with the weights of `network`.
///
/// # Errors
/// Those of `compile`.
pub fn fold_unless_training(
    network: &Network,
    plan: Plan,
    compile: impl FnOnce(&Network) -> Result<Box<dyn Session>, Error>,
) -> Result<Box<dyn Session>, Error> {
    if plan.train || network.norms().next().is_none() {
        return compile(network);
    }
    Ok(Box::new(Folding { session: compile(&network.folded())?, network: network.clone() }))
}

/// A session of a folded network that is loaded with the weights of the original one.
struct Folding {
    /// The original network.
    network: Network,
    session: Box<dyn Session>,
}

impl Session for Folding {
    fn memory(&self) -> Memory {
        self.session.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.network.check_weights(weights)?;
        self.session.load(&self.network.fold(weights))
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.session.forward(trial)
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        self.session.resume(trial, from)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        self.session.backward(errors, gradients)
    }

    fn timings(&mut self) -> Vec<Timing> {
        self.session.timings()
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        self.session.record(population)
    }
}
