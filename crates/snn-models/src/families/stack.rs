//! Populations as a family lists them, before the shape of the input is known.

use snn_core::registry::{Part, PartError, Registry, range};
use snn_core::{Builder, Error, Family, Map, Network, Neuron, Projection, Shape, Source};

/// Most neurons of a population and most values of a weight.
const MOST: usize = 1 << 31;

/// Populations in evaluation order, whose values are in their ranges and whose neurons are made.
#[derive(Debug)]
pub(super) struct Stack {
    kappa: f32,
    standardise: bool,
    populations: Vec<Made>,
    /// Path and value of the number of classes, in families that state it.
    pub(super) classes: Option<(String, usize)>,
}

/// One population.
#[derive(Debug)]
pub(super) struct Made {
    /// Path of what asks for it, such as `layers[3]`.
    pub(super) at: String,
    pub(super) name: String,
    pub(super) neuron: Neuron,
    pub(super) dropout: f32,
    pub(super) inputs: Vec<Feed>,
}

/// One input of a population.
#[derive(Debug)]
pub(super) struct Feed {
    /// Path of what asks for it.
    pub(super) at: String,
    pub(super) source: Source,
    /// What is done to the spikes of the source. None: each of them to one neuron a class.
    pub(super) map: Option<Map>,
    /// Name of its weight, where the usual one will not do.
    pub(super) weight: Option<String>,
}

impl Stack {
    pub(super) fn new((kappa, standardise): (f32, bool)) -> Result<Self, PartError> {
        range::positive("kappa", kappa)?;
        Ok(Self { kappa, standardise, populations: Vec::new(), classes: None })
    }

    /// The population that is added next, as a source of its own spikes.
    pub(super) fn next(&self) -> Source {
        Source::Population(self.populations.len())
    }

    pub(super) fn add(&mut self, made: Made) {
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
        builder.kappa(self.kappa).map_err(whole)?;
        builder.standardise(self.standardise);
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

impl Made {
    fn add(&self, builder: &mut Builder, classes: usize) -> Result<(), PartError> {
        let itself = builder.itself();
        let mut own = None;
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for feed in &self.inputs {
            let map = feed.map.unwrap_or(Map::Linear { features: classes });
            let fail = |reason: String| self.fault(&feed.at, &reason);
            let source = match own {
                Some(shape) if feed.source == itself => shape,
                None if feed.source == itself => {
                    return Err(fail("its first input cannot be the population itself".to_owned()));
                }
                _ => builder.source_shape(feed.source).map_err(fail)?,
            };
            let output = map.output(source).map_err(|reason| fail(format!("input {source}: {reason}")))?;
            let first = *own.get_or_insert(output);
            if first != output {
                return Err(fail(format!("its inputs differ in shape: {first} and {output}")));
            }
            check_size(&map, source, output).map_err(fail)?;
            let projection = Projection::new(feed.source, map);
            inputs.push(match &feed.weight {
                Some(weight) => projection.named(weight),
                None => projection,
            });
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

/// Random words are addressed by 32 bits, and indices into weights fit in as many.
fn check_size(map: &Map, input: Shape, output: Shape) -> Result<(), String> {
    let neurons = output.len();
    let weights = map.weight_shape(input).map_or(0, |shape| shape.iter().product());
    match (neurons > MOST, weights > MOST) {
        (true, _) => Err(format!("{neurons} neurons are more than {MOST}")),
        (_, true) => Err(format!("{weights} weights are more than {MOST}")),
        _ => Ok(()),
    }
}

/// The neuron that `part` names, which must fire, as `those` need, such as `all layers but the Readout`.
pub(super) fn hidden(registry: &Registry, path: &str, part: &mut Part, those: &str) -> Result<Neuron, PartError> {
    let neuron = registry.neurons.make(part, registry).map_err(|error| error.within(path))?;
    let range = format!("a neuron that fires, as {those} need");
    range::require(neuron.feeds(), path, range, &neuron.name())?;
    Ok(neuron)
}
