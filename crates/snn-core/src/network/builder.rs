//! How networks are built: population by population, each checked as it comes.

use std::collections::HashSet;

use super::{Network, Population, Projection, Source, Tensor};
use crate::neuron::MOST_PARAMETERS;
use crate::{Error, Gradient, Neuron, Shape};

/// Adds populations one after the other, checking each as it comes.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) network: Network,
    /// Names of the populations and weights so far.
    populations: HashSet<String>,
    weights: HashSet<String>,
    standardise: bool,
}

impl Builder {
    pub(super) fn new(network: Network) -> Self {
        Self { network, populations: HashSet::new(), weights: HashSet::new(), standardise: false }
    }

    /// Sets the variance of initial weights times their fan-in; 2 if it is not set.
    ///
    /// # Errors
    /// [`Error::Range`] if it is not greater than 0 and finite.
    pub fn kappa(&mut self, kappa: f32) -> Result<(), Error> {
        if !(kappa > 0.0 && kappa.is_finite()) {
            return Err(Error::range("kappa", "greater than 0", kappa));
        }
        self.network.kappa = kappa;
        Ok(())
    }

    /// Whether the weights of populations that are added from now on, and pass on what they compute, are
    /// [standardised](crate::standardise) in training. They are not if this is not set.
    pub fn standardise(&mut self, standardise: bool) {
        self.standardise = standardise;
    }

    /// The population that is added next, as a source of its own spikes of the step before.
    pub fn itself(&self) -> Source {
        Source::Population(self.network.populations.len())
    }

    /// Adds a population without dropout; returns the source by which later ones refer to it.
    ///
    /// # Errors
    /// [`Error::Population`] if the name is taken, a source is neither an earlier population that fires nor, after
    /// another projection, the population itself, if a shape does not fit, or if the neuron has too many trainable
    /// constants.
    pub fn add(&mut self, name: &str, neuron: Neuron, inputs: Vec<Projection>) -> Result<Source, Error> {
        self.add_with_dropout(name, neuron, 0.0, inputs)
    }

    /// Adds a population whose output spikes are dropped with probability `dropout` during training.
    ///
    /// # Errors
    /// As [`Builder::add`]; also if `dropout` is not in `[0, 1)`, or the neuron does not fire.
    pub fn add_with_dropout(
        &mut self,
        name: &str,
        neuron: Neuron,
        dropout: f32,
        mut inputs: Vec<Projection>,
    ) -> Result<Source, Error> {
        let fail = |reason: String| Error::Population { population: name.to_owned(), reason };
        if self.populations.contains(name) {
            return Err(fail("another population has this name".to_owned()));
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(fail(format!("dropout must be in [0, 1), found {dropout}")));
        }
        if dropout > 0.0 && !neuron.feeds() {
            return Err(fail(format!("only neurons that fire take dropout, not {}", neuron.name())));
        }
        if !neuron.parameters().is_empty() && matches!(neuron.gradient(), Gradient::SpikeGated { .. }) {
            let reason =
                format!("the gradient of {} says nothing of its trainable constants; take a surrogate", neuron.name());
            return Err(fail(reason));
        }
        if neuron.parameters().len() > MOST_PARAMETERS {
            return Err(fail(format!("{} has more than {MOST_PARAMETERS} trainable constants", neuron.name())));
        }
        let mut shape = None;
        let mut weights: Vec<Tensor> = Vec::new();
        let mut own_names: HashSet<String> = HashSet::new();
        for projection in &mut inputs {
            let recurrent = projection.source == self.itself();
            let source = match shape {
                Some(own) if recurrent && neuron.fires() => own,
                _ if recurrent && !neuron.fires() => {
                    return Err(fail(format!("{} does not fire and cannot feed itself", neuron.name())));
                }
                _ if recurrent => return Err(fail("its first input cannot be the population itself".to_owned())),
                _ => self.source_shape(projection.source).map_err(&fail)?,
            };
            let output = projection.map.output(source).map_err(|reason| fail(format!("input {source}: {reason}")))?;
            if *shape.get_or_insert(output) != output {
                let first = shape.unwrap_or(output);
                return Err(fail(format!("its inputs differ in shape: {first} and {output}")));
            }
            if let Some(weight_shape) = projection.map.weight_shape(source) {
                let own = || if recurrent { format!("{name}.recurrent") } else { name.to_owned() };
                let weight = projection.name.clone().unwrap_or_else(own);
                if self.weights.contains(&weight) || !own_names.insert(weight.clone()) {
                    return Err(fail(format!("another weight is named \"{weight}\"; give this one a name of its own")));
                }
                projection.weight = Some(self.network.tensors.len() + weights.len());
                let standardised = self.standardise && neuron.feeds();
                weights.push(Tensor { standardised, ..Tensor::weight(weight, weight_shape) });
            }
        }
        let shape = shape.ok_or_else(|| fail("it has no input".to_owned()))?;
        let first = self.network.tensors.len() + weights.len();
        for parameter in neuron.parameters() {
            let own = format!("{name}.{}", parameter.name);
            if self.weights.contains(&own) || !own_names.insert(own.clone()) {
                return Err(fail(format!("another weight has the name of its constant \"{own}\"")));
            }
            let value = parameter.link.inverse(parameter.initial);
            weights.push(Tensor::constant(own, Population::constant_shape(&neuron, shape), value));
        }
        let parameters = (first..self.network.tensors.len() + weights.len()).collect();
        self.network.tensors.append(&mut weights);
        self.weights.extend(own_names);
        self.populations.insert(name.to_owned());
        self.network.populations.push(Population { name: name.to_owned(), shape, neuron, parameters, dropout, inputs });
        Ok(Source::Population(self.network.populations.len() - 1))
    }

    /// Finishes the network. Its last population gives the output: spikes, or what a neuron that does not fire passes on.
    ///
    /// # Errors
    /// [`Error::Network`] if the input is empty, if there is no population, if another one than the last does not fire, or
    /// if the last one has dropout.
    pub fn build(self) -> Result<Network, Error> {
        let network = self.network;
        if network.input.is_empty() {
            return Err(Error::Network(format!("the input shape {} is empty", network.input)));
        }
        let Some((last, hidden)) = network.populations.split_last() else {
            return Err(Error::Network("it has no population".to_owned()));
        };
        if last.dropout > 0.0 {
            return Err(Error::Network(format!("the last population, \"{}\", takes no dropout", last.name)));
        }
        match hidden.iter().find(|population| !population.neuron.feeds()) {
            Some(silent) => {
                let (name, neuron) = (&silent.name, silent.neuron.name());
                Err(Error::Network(format!(
                    "only the last population may be one that never fires, as \"{name}\" ({neuron})"
                )))
            }
            None => Ok(network),
        }
    }

    /// Shape of what `source` emits.
    ///
    /// # Errors
    /// A sentence, if there is no such population or it does not fire.
    pub fn source_shape(&self, source: Source) -> Result<Shape, String> {
        match source {
            Source::Input => Ok(self.network.input),
            Source::Population(index) => match self.network.populations.get(index) {
                None => Err(format!("its source, population {index}, does not come before it")),
                Some(population) if !population.neuron.feeds() => {
                    Err(format!("its source \"{}\" is a readout and does not fire", population.name))
                }
                Some(population) => Ok(population.shape),
            },
        }
    }
}
