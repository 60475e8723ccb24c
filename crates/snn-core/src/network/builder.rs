//! Building a network population by population, with checks at each one.

use std::collections::{HashMap, HashSet};

use super::{Graph, Join, Network, NormTensors, Population, Projection, Source, Tensor};
use crate::error::Error;
use crate::map::Map;
use crate::neuron::MOST_PARAMETERS;
use crate::neuron::{Gradient, Neuron};
use crate::shape::Shape;

/// Limit on the neurons of a population and on the values of a weight, as random words are addressed by 32 bits.
const MOST: usize = 1 << 31;

/// Builds a network. Populations are added in evaluation order, and each is checked when it is added.
///
/// A residual block, whose last population reads two sources:
///
/// ```
/// use snn_core::prelude::*;
///
/// let mut builder = Network::builder(Shape::new(3, 32, 32));
/// let conv = |source| Projection::new(source, Map::conv(16, [3, 3], 1, 1));
/// let stem = builder.add("stem", Neuron::lif(), vec![conv(Source::Input)])?;
/// let inner = builder.add("inner", Neuron::lif(), vec![conv(stem)])?;
/// let shortcut = Projection::new(stem, Map::IDENTITY);
/// let block = builder.add_with_dropout("block", Neuron::lif(), 0.2, vec![conv(inner), shortcut])?;
/// builder.add("readout", Neuron::readout(), vec![Projection::new(block, Map::Linear { features: 10 })])?;
/// let network = builder.build()?;
/// assert_eq!(network.tensors().len(), 4, "the shortcut has no weight");
///
/// let error = Network::builder(Shape::new(3, 32, 32)).build().unwrap_err();
/// assert_eq!(error.to_string(), "network: it has no population");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) network: Network,
    /// Names of the populations added so far.
    populations: HashSet<String>,
    /// Index of each tensor added so far and the shape that its map reads, by tensor name.
    tensors: HashMap<String, (usize, Shape)>,
    /// Names of the gains of standardised weights, see [`Network::with_gains`].
    gains: HashSet<String>,
    standardise: bool,
}

impl Builder {
    pub(super) fn new(network: Network) -> Self {
        Self {
            network,
            populations: HashSet::new(),
            tensors: HashMap::new(),
            gains: HashSet::new(),
            standardise: false,
        }
    }

    /// Sets `kappa`, the variance of initial weights times their fan-in. Default: 2.
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

    /// Sets whether the weights of populations that are added from here on are [standardised](crate::standardise) in
    /// training. Weights of readouts and of normalised projections never are. Default: false.
    pub fn standardise(&mut self, standardise: bool) {
        self.standardise = standardise;
    }

    /// The population that is added next, as a source for a recurrent projection: its own spikes of the previous step.
    pub fn recurrent_source(&self) -> Source {
        Source::Population(self.network.populations.len())
    }

    /// Adds a population without dropout. Returns the source by which later populations refer to it.
    ///
    /// # Errors
    /// [`Error::Population`] if the name is taken, if a shape does not fit, if the neuron has too many trainable
    /// constants, or if a source cannot be read. A source must be the input, an earlier population that is not a
    /// readout, or, after another projection and if the neuron fires, the population itself.
    pub fn add(&mut self, name: &str, neuron: Neuron, inputs: Vec<Projection>) -> Result<Source, Error> {
        self.add_with_dropout(name, neuron, 0.0, inputs)
    }

    /// Adds a population whose output spikes are dropped with probability `dropout` during training.
    ///
    /// # Errors
    /// As [`Builder::add`]; also if `dropout` is not in `[0, 1)`, or if the neuron is a readout and `dropout` is not 0.
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
        if dropout > 0.0 && neuron.is_readout() {
            return Err(fail(format!("a readout takes no dropout, and {} can only be one", neuron.name())));
        }
        if !neuron.parameters().is_empty() && matches!(neuron.gradient(), Gradient::SpikeGated { .. }) {
            let reason =
                format!("the gradient of {} says nothing of its trainable constants; take a surrogate", neuron.name());
            return Err(fail(reason));
        }
        if neuron.parameters().len() > MOST_PARAMETERS {
            return Err(fail(format!("{} has more than {MOST_PARAMETERS} trainable constants", neuron.name())));
        }
        let mut own = None;
        let mut new = NewTensors { builder: self, tensors: Vec::new() };
        for projection in &mut inputs {
            let [source, mapped, output] = self.shapes(projection, own, &neuron).map_err(&fail)?;
            own = Some(output);
            self.check_stages(projection).map_err(&fail)?;
            if projection.norm.is_some() && matches!(neuron.gradient(), Gradient::SpikeGated { .. }) {
                let reason = "the paper's rule goes by spikes alone and passes no error through a normalisation; take a \
                              surrogate gradient, or `standardise: true`, which acts on weights alone";
                return Err(fail(reason.to_owned()));
            }
            let is_recurrent = projection.sources.contains(&self.recurrent_source());
            let usual = || if is_recurrent { format!("{name}.recurrent") } else { name.to_owned() };
            let weight_name = projection.name.clone().unwrap_or_else(usual);
            let (weight, bias) = projection.tensors(&weight_name, source, mapped);
            let standardised = self.standardise && !neuron.is_readout() && projection.norm.is_none();
            let weight = weight.map(|weight| Tensor { standardised, ..weight });
            let is_shared = projection.name.is_some();
            projection.weight = weight.map(|tensor| new.add(tensor, source, is_shared)).transpose().map_err(&fail)?;
            projection.bias = bias.map(|tensor| new.add(tensor, source, is_shared)).transpose().map_err(&fail)?;
            if let Some(norm) = &mut projection.norm {
                let tensors = norm.new_tensors(&weight_name, output.channels);
                let own = tensors.map(|tensor| new.add(tensor, source, false));
                let [scale, shift, mean, variance] = own;
                norm.tensors = NormTensors {
                    scale: scale.map_err(&fail)?,
                    shift: shift.map_err(&fail)?,
                    mean: mean.map_err(&fail)?,
                    variance: variance.map_err(&fail)?,
                };
            }
        }
        let shape = own.ok_or_else(|| fail("it has no input".to_owned()))?;
        let mut parameters = Vec::new();
        for parameter in neuron.parameters() {
            let value = parameter.link.inverse(parameter.initial);
            let constant = format!("{name}.{}", parameter.name);
            let tensor = Tensor::constant(constant, Population::constant_shape(&neuron, shape), value);
            parameters.push(new.add(tensor, shape, false).map_err(&fail)?);
        }
        for (tensor, source) in new.tensors {
            if tensor.standardised {
                self.gains.insert(tensor.gain().name);
            }
            self.tensors.insert(tensor.name.clone(), (self.network.tensors.len(), source));
            self.network.tensors.push(tensor);
        }
        self.populations.insert(name.to_owned());
        self.network.populations.push(Population { name: name.to_owned(), shape, neuron, parameters, dropout, inputs });
        Ok(Source::Population(self.network.populations.len() - 1))
    }

    /// Finishes the network. Its output is that of the last population: spikes, or the float output of a neuron that
    /// does not fire.
    ///
    /// # Errors
    /// [`Error::Network`] if the input is empty, if there is no population, if any population but the last is a
    /// readout, if the last one has dropout, or if normalisations differ in group size; [`Error::Population`] if a
    /// normalised weight is shared.
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
        if let Some(silent) = hidden.iter().find(|population| population.neuron.is_readout()) {
            let (name, neuron) = (&silent.name, silent.neuron.name());
            return Err(Error::Network(format!(
                "only the last population may be a readout, as the neuron {neuron} of \"{name}\" makes it"
            )));
        }
        check_norms(&network)?;
        let graph = Graph::new(&network.populations, &network.tensors);
        Ok(Network { graph, ..network })
    }

    /// Shape that the next population would have with this projection and `neuron`. `own` is its shape according to the
    /// projections before this one.
    ///
    /// # Errors
    /// A message, if the sources cannot be read, the map does not fit them, the shape differs from `own`, or there are
    /// more neurons or weights than the limit.
    pub fn output_shape(&self, projection: &Projection, own: Option<Shape>, neuron: &Neuron) -> Result<Shape, String> {
        self.shapes(projection, own, neuron).map(|[_, _, output]| output)
    }

    /// Shapes of the input, of the map's output and of the final current of a projection, checked as in
    /// [`Builder::output_shape`].
    fn shapes(&self, projection: &Projection, own: Option<Shape>, neuron: &Neuron) -> Result<[Shape; 3], String> {
        let source = self.sources_shape(projection, own, neuron)?;
        let mapped = projection.map.output(source).map_err(|reason| format!("input {source}: {reason}"))?;
        let output = projection.pooled(mapped)?;
        if let Some(first) = own.filter(|own| *own != output) {
            return Err(format!("its inputs differ in shape: {first} and {output}"));
        }
        let weights = projection.map.weight_shape(source).map_or(0, |shape| shape.iter().product());
        for (what, count) in [("neurons", mapped.len()), ("weights", weights)] {
            if count > MOST {
                return Err(format!("{count} {what} are more than {MOST}"));
            }
        }
        Ok([source, mapped, output])
    }

    /// Checks the join and the normalisation of a projection, and that a recurrent one is neither pooled nor
    /// normalised.
    fn check_stages(&self, projection: &Projection) -> Result<(), String> {
        if projection.join != Join::Sum {
            let name = projection.join.name();
            if projection.sources.len() != 2 {
                return Err(format!("{name} joins two sources, not {}", projection.sources.len()));
            }
            for &source in &projection.sources {
                let Source::Population(index) = source else {
                    return Err(format!(
                        "{name} joins spikes of populations and cannot read the input; read it by a population first"
                    ));
                };
                match self.network.populations.get(index) {
                    None => return Err(format!("{name} cannot join what the population itself emits")),
                    Some(other) if !other.neuron.fires() => {
                        return Err(format!(
                            "{name} joins spikes, and \"{}\" ({}) passes on numbers",
                            other.name,
                            other.neuron.name()
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
        if projection.is_staged() && projection.sources.contains(&self.recurrent_source()) {
            return Err("what it reads of itself can neither be pooled nor normalised".to_owned());
        }
        let Some(norm) = &projection.norm else { return Ok(()) };
        norm.check()?;
        if projection.is_biased {
            return Err(
                "a bias before a normalisation does nothing, as the mean is taken away; leave the bias out, the \
                        normalisation has a shift"
                    .to_owned(),
            );
        }
        if !matches!(projection.map, Map::Conv(_) | Map::Linear { .. }) {
            return Err(
                "a normalisation follows a map with a weight, of which it becomes a part once training is done"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Common shape of the sources of a projection into a population of `neuron`. `own` is the shape of that
    /// population, if it is known.
    ///
    /// # Errors
    /// A message, if a source does not exist, cannot be read, or differs in shape from another.
    fn sources_shape(&self, projection: &Projection, own: Option<Shape>, neuron: &Neuron) -> Result<Shape, String> {
        let mut all = None;
        for &source in &projection.sources {
            let shape = match own {
                _ if source != self.recurrent_source() => self.source_shape(source)?,
                _ if !neuron.fires() => return Err(format!("{} does not fire and cannot feed itself", neuron.name())),
                Some(own) => own,
                None => return Err("its first input cannot be the population itself".to_owned()),
            };
            let first = *all.get_or_insert(shape);
            if first != shape {
                let verb = if projection.join == Join::Sum { "summed up before a map" } else { "joined" };
                return Err(format!("what is {verb} differs in shape: {first} and {shape}"));
            }
        }
        all.ok_or_else(|| "a projection has no source".to_owned())
    }

    /// Shape of the output of `source`.
    ///
    /// # Errors
    /// A message, if there is no such population or it is a readout.
    pub fn source_shape(&self, source: Source) -> Result<Shape, String> {
        match source {
            Source::Input => Ok(self.network.input),
            Source::Population(index) => match self.network.populations.get(index) {
                None => Err(format!("its source, population {index}, does not come before it")),
                Some(population) if population.neuron.is_readout() => {
                    Err(format!("its source \"{}\" can only be a readout, which others cannot read", population.name))
                }
                Some(population) => Ok(population.shape),
            },
        }
    }
}

/// Checks that all normalisations have the same group size, and that their weights are not shared.
fn check_norms(network: &Network) -> Result<(), Error> {
    let mut first: Option<(&str, usize)> = None;
    for population in &network.populations {
        for norm in population.inputs.iter().filter_map(|projection| projection.norm) {
            let (name, group) = *first.get_or_insert((&population.name, norm.group));
            if group != norm.group {
                return Err(Error::Network(format!(
                    "\"{name}\" is normalised over groups of {group} samples, \"{}\" over groups of {}; all must be alike",
                    population.name, norm.group
                )));
            }
        }
        for projection in population.inputs.iter().filter(|projection| projection.norm.is_some()) {
            let all = network.populations.iter().flat_map(|other| &other.inputs);
            if let Some(weight) = projection.weight
                && all.filter(|other| other.weight == Some(weight)).count() > 1
            {
                return Err(Error::Population {
                    population: population.name.clone(),
                    reason: format!(
                        "its weight \"{}\" is shared, and cannot become one with a normalisation; sum the sources up instead",
                        network.tensors[weight].name
                    ),
                });
            }
        }
    }
    Ok(())
}

/// New tensors of the population that is being added.
struct NewTensors<'a> {
    builder: &'a Builder,
    /// Each tensor with the shape that its map reads.
    tensors: Vec<(Tensor, Shape)>,
}

impl NewTensors<'_> {
    /// Returns the index of a tensor. If `is_shared`, a tensor of the same name is reused; otherwise the tensor is new
    /// and its name must be free.
    fn add(&mut self, tensor: Tensor, source: Shape, is_shared: bool) -> Result<usize, String> {
        let (all, first) = (&self.builder.network.tensors, self.builder.network.tensors.len());
        let earlier = self.builder.tensors.get(&tensor.name).map(|&(index, source)| (index, &all[index], source));
        let own = self.tensors.iter().enumerate().find(|(_, (other, _))| other.name == tensor.name);
        let own = own.map(|(index, (tensor, source))| (first + index, tensor, *source));
        let taken = |name: &str| Err(format!("another weight is named \"{name}\"; give this one a name of its own"));
        let Some((index, other, other_source)) = earlier.or(own) else {
            let gain = tensor.gain().name;
            let is_gain = self.builder.gains.contains(&tensor.name)
                || self.tensors.iter().any(|(other, _)| other.standardised && other.gain().name == tensor.name);
            if is_gain || tensor.standardised && self.builder.tensors.contains_key(&gain) {
                return taken(if is_gain { &tensor.name } else { &gain });
            }
            self.tensors.push((tensor, source));
            return Ok(first + self.tensors.len() - 1);
        };
        let name = &tensor.name;
        if !is_shared || tensor.role != other.role {
            return taken(name);
        }
        if tensor.standardised != other.standardised {
            return Err(format!("it cannot share the weight \"{name}\", as only one of both would be standardised"));
        }
        if (&tensor.shape, source) != (&other.shape, other_source) {
            return Err(format!(
                "it cannot share the weight \"{name}\": {:?} of what is {source} is needed, and that is {:?} of what is \
                 {other_source}",
                tensor.shape, other.shape
            ));
        }
        Ok(index)
    }
}
