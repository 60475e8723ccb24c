//! Lists of populations that families produce, before the shape of the input is known.

use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::{Builder, Error, Family, Join, Map, Network, Neuron, Norm, Pool, Projection, Shape, Source};

/// Settings that all weights of a network share.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightOptions {
    pub(super) kappa: f32,
    pub(super) standardise: bool,
    /// Whether each convolution and linear map has a bias, unless its current is normalised.
    pub(super) bias: bool,
    /// Normalisation of the currents of hidden layers.
    pub(super) norm: Option<Norm>,
}

/// Populations in evaluation order. Their values are checked and their neurons are created.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) weights: WeightOptions,
    populations: Vec<StackPopulation>,
    /// Path and value of the number of classes, if the family states it.
    pub(super) classes: Option<(String, usize)>,
}

/// One population of a stack.
#[derive(Debug)]
pub(super) struct StackPopulation {
    /// Path of the value in the experiment that describes it, such as `layers[3]`.
    pub(super) at: String,
    pub(super) name: String,
    pub(super) neuron: Neuron,
    pub(super) dropout: f32,
    pub(super) inputs: Vec<Feed>,
}

/// One input of a population.
#[derive(Debug)]
pub(super) struct Feed {
    /// Path of the value in the experiment that describes it.
    pub(super) at: String,
    /// Sources, and how their outputs are joined.
    pub(super) sources: Vec<Source>,
    pub(super) join: Join,
    /// The map applied to the joined outputs. `None`: a linear map with one feature for each class.
    pub(super) map: Option<Map>,
    /// Name of its weight; `None` for the default name.
    pub(super) weight: Option<String>,
    /// Whether a convolution or linear map has a bias, unless its current is normalised.
    pub(super) bias: bool,
    /// Pooling and normalisation of its current.
    pub(super) pool: Option<Pool>,
    pub(super) norm: Option<Norm>,
}

impl Feed {
    /// Creates an input that reads the sum of `sources` through `map`, without bias, pool or normalisation.
    pub(super) fn new(at: &str, sources: Vec<Source>, map: Map) -> Self {
        let (at, map) = (at.to_owned(), Some(map));
        Self { at, sources, join: Join::Sum, map, weight: None, bias: false, pool: None, norm: None }
    }
}

impl Stack {
    pub(super) fn new(weights: WeightOptions) -> Result<Self, PartError> {
        range::positive("kappa", weights.kappa)?;
        Ok(Self { weights, populations: Vec::new(), classes: None })
    }

    /// The population that is added next, as a source for its own recurrent projection.
    pub(super) fn next(&self) -> Source {
        Source::Population(self.populations.len())
    }

    pub(super) fn add(&mut self, made: StackPopulation) {
        self.populations.push(made);
    }
}

impl Family for Stack {
    fn build(&self, input: Shape, classes: usize) -> Result<Network, PartError> {
        if let Some((path, stated)) = &self.classes {
            range::require(*stated == classes, path, format!("{classes}, as many as the data set has"), stated)?;
        }
        let whole = |error: Error| PartError::other("", error.to_string());
        let mut builder = Network::builder(input);
        builder.kappa(self.weights.kappa).map_err(whole)?;
        builder.standardise(self.weights.standardise);
        for made in &self.populations {
            made.add(&mut builder, classes)?;
        }
        let network = builder.build().map_err(whole)?;
        match self.populations.last() {
            Some(last) if network.classes() != classes => {
                let found = network.classes();
                Err(last.fault(&last.at, &format!("it has {found} neurons, but the data set has {classes} classes")))
            }
            _ => Ok(network),
        }
    }
}

impl StackPopulation {
    fn add(&self, builder: &mut Builder, classes: usize) -> Result<(), PartError> {
        let mut own = None;
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for feed in &self.inputs {
            let map = feed.map.unwrap_or(Map::Linear { features: classes });
            let mut projection = Projection::new(feed.sources.clone(), map);
            projection.join = feed.join;
            projection.pool = feed.pool;
            if let Some(weight) = &feed.weight {
                projection = projection.named(weight);
            }
            let is_weighted = matches!(map, Map::Conv(_) | Map::Linear { .. });
            projection.norm = feed.norm.filter(|_| is_weighted);
            if feed.bias && is_weighted && projection.norm.is_none() {
                projection = projection.with_bias();
            }
            let shape = builder.output_shape(&projection, own, &self.neuron);
            own = Some(shape.map_err(|reason| self.fault(&feed.at, &reason))?);
            inputs.push(projection);
        }
        let added = builder.add_with_dropout(&self.name, self.neuron.clone(), self.dropout, inputs);
        added.map(|_| ()).map_err(|error| match error {
            Error::Population { reason, .. } => self.fault(&self.at, &reason),
            other => self.fault(&self.at, &other.to_string()),
        })
    }

    fn fault(&self, at: &str, reason: &str) -> PartError {
        PartError::other(at, format!("{}: {reason}", self.name))
    }
}

/// Creates the neuron that `part` names for a population that others read. It must not be a readout neuron. `those`
/// describes such populations in the error message, as in `all layers but the Readout`.
pub(super) fn hidden_neuron(
    registry: &Registry,
    path: &str,
    part: &mut Part,
    those: &str,
) -> Result<Neuron, PartError> {
    let neuron = registry.neurons.make(part, registry).map_err(|error| error.within(path))?;
    let range = format!("a neuron that passes on spikes or numbers to others, as {those} need");
    range::require(!neuron.is_readout(), path, range, &neuron.name())?;
    Ok(neuron)
}
