//! Raw values and gains of standardised weights, which the optimizer updates.

use rayon::prelude::*;

use crate::error::Error;
use crate::network::{Network, Weights};
use crate::standardisation::{gains, standardise, standardise_backward};

/// Raw values and gains, from which the weights of the network are computed.
pub(super) struct Standardised {
    /// The network with a gain for each standardised weight: names and shapes of all tensors that are updated.
    form: Network,
    raw: Weights,
    gradients: Weights,
}

impl Standardised {
    /// `None` if the network has no standardised weight.
    pub(super) fn of(network: &Network) -> Option<Self> {
        let form = network.with_gains()?;
        Some(Self { raw: form.zeros(), gradients: form.zeros(), form })
    }

    pub(super) fn form(&self) -> &Network {
        &self.form
    }

    pub(super) fn raw(&self) -> &Weights {
        &self.raw
    }

    /// Sets raw values and gains to those that give `weights`, except that standardisation removes the mean of each
    /// channel.
    pub(super) fn begin(&mut self, weights: &Weights) {
        let scales = self.form.tensors().iter().zip(weights).filter(|(weight, _)| weight.standardised);
        let scales = scales.map(|(weight, values)| gains(values, weight.shape[0]));
        self.raw = weights.iter().cloned().chain(scales).collect();
    }

    /// Restores saved raw values and gains.
    pub(super) fn restore(&mut self, raw: Weights) -> Result<(), Error> {
        self.form.check_weights(&raw)?;
        self.raw = raw;
        Ok(())
    }

    /// The weights that the network computes with.
    pub(super) fn weights(&self) -> Weights {
        self.weights_of(&self.raw)
    }

    /// The weights that result from the raw values and gains in `raw`.
    pub(super) fn weights_of(&self, raw: &Weights) -> Weights {
        let (values, gains) = raw.split_at(self.count());
        let mut gains = gains.iter();
        let weights = self.form.tensors().iter().zip(values).map(|(weight, values)| {
            let gain = if weight.standardised { gains.next() } else { None };
            let mut made = values.clone();
            if let Some(gains) = gain {
                let count = values.len() / gains.len();
                let channels = values.par_chunks(count).zip(gains.par_chunks(1)).zip(made.par_chunks_mut(count));
                channels.for_each(|((values, gain), made)| standardise(values, gain, made));
            }
            made
        });
        weights.collect()
    }

    /// Computes the gradients of raw values and gains from those of the weights.
    pub(super) fn backward(&mut self, gradients: &Weights) -> &mut Weights {
        let count = self.count();
        let (raw, gains) = self.raw.split_at(count);
        let (of_raw, of_gains) = self.gradients.split_at_mut(count);
        let mut gains = gains.iter().zip(of_gains);
        for (((weight, raw), gradients), of_raw) in self.form.tensors().iter().zip(raw).zip(gradients).zip(of_raw) {
            of_raw.copy_from_slice(gradients);
            let gain = if weight.standardised { gains.next() } else { None };
            if let Some((gains, of_gains)) = gain {
                let count = raw.len() / gains.len();
                let channels = raw.par_chunks(count).zip(gains.par_chunks(1));
                channels
                    .zip(of_raw.par_chunks_mut(count))
                    .zip(of_gains.par_chunks_mut(1))
                    .for_each(|(((raw, gain), of_raw), of_gain)| standardise_backward(raw, gain, of_raw, of_gain));
            }
        }
        &mut self.gradients
    }

    /// Runs one update: calls `each` with the raw values and gains and their gradients.
    pub(super) fn update(&mut self, each: impl FnOnce(&mut Weights, &mut Weights)) {
        each(&mut self.raw, &mut self.gradients);
    }

    /// Number of tensors of the network without gains; the gains follow them.
    fn count(&self) -> usize {
        let tensors = self.form.tensors();
        tensors.len() - tensors.iter().filter(|weight| weight.standardised).count()
    }
}
