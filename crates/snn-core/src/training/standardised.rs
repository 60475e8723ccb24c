//! What the optimizer moves where weights are standardised.

use rayon::prelude::*;

use crate::error::Error;
use crate::network::{Network, Weights};
use crate::standardisation::{gains, standardise, standardise_backward};

/// Raw values and gains, of which the weights that the network computes with are made.
pub(super) struct Standardised {
    /// The network with its gains: names and shapes of all that is moved.
    form: Network,
    raw: Weights,
    gradients: Weights,
}

impl Standardised {
    /// None if no weight of the network is standardised.
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

    /// Goes to raw values that make `weights`, but for the means of their channels.
    pub(super) fn begin(&mut self, weights: &Weights) {
        let scales = self.form.tensors().iter().zip(weights).filter(|(weight, _)| weight.standardised);
        let scales = scales.map(|(weight, values)| gains(values, weight.shape[0]));
        self.raw = weights.iter().cloned().chain(scales).collect();
    }

    /// Goes to raw values that were kept.
    pub(super) fn restore(&mut self, raw: Weights) -> Result<(), Error> {
        self.form.check_weights(&raw)?;
        self.raw = raw;
        Ok(())
    }

    /// The weights that the network computes with.
    pub(super) fn weights(&self) -> Weights {
        self.weights_of(&self.raw)
    }

    /// The weights that other raw values make.
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

    /// The gradients of raw values and gains, given those of the weights.
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

    /// One update: `each` is given raw values and their gradients.
    pub(super) fn update(&mut self, each: impl FnOnce(&mut Weights, &mut Weights)) {
        each(&mut self.raw, &mut self.gradients);
    }

    /// How many of the tensors are weights; the others are gains.
    fn count(&self) -> usize {
        let tensors = self.form.tensors();
        tensors.len() - tensors.iter().filter(|weight| weight.standardised).count()
    }
}
