//! Converts networks that were built in Rust to parts of an experiment file.

use snn_core::part::Part;
use snn_core::{Error, Map, Network, Pool, PoolKind, Population, Projection, Source};

use crate::families::populations::{self, Populations};
use crate::families::{NormSpec, PoolSpec, RowsColumns, own_stride};
use crate::summary::join_words;

/// Converts a network to a part of the family `Populations`: `Experiment { network: to_part(&network)?, .. }` describes
/// a run of it, which every command can use. Frozen tensors are not part of a network but are listed in
/// `training.freeze`.
///
/// # Errors
/// [`Error::Population`] for the first population that a file cannot describe. Names of populations and weights must
/// consist of letters, digits and `_` (weights also of `.`). The neuron must have a name
/// ([`Neuron::part`](snn_core::Neuron::part)). Either all or none of the weights that can be standardised must be.
/// Pools and biases must be of the kinds that `Populations` has.
pub fn to_part(network: &Network) -> Result<Part, Error> {
    let standardise = network.tensors().iter().any(|tensor| tensor.standardised);
    let of = |(index, population): (usize, &Population)| {
        let fail = |reason: String| Error::Population { population: population.name.clone(), reason };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_named = !population.name.is_empty() && population.name.chars().all(is_plain);
        if population.name == populations::INPUT || !is_named {
            return Err(fail(
                "a file names populations by letters, digits and _, and none of them \"input\"".to_owned(),
            ));
        }
        let neuron = population.neuron.part().cloned().ok_or_else(|| {
            fail(format!(
                "a file has no word for its neuron, {}; make it by a registry, or give it one by Neuron::with_part",
                population.neuron.name()
            ))
        })?;
        let mut is_first = true;
        let mut inputs = Vec::new();
        for projection in &population.inputs {
            let is_all = standardise && !population.neuron.is_readout() && projection.norm.is_none();
            // Frozen weights are exempt: they are not standardised, and freezing is not part of a network.
            let is_other = |weight: usize| {
                let tensor = &network.tensors()[weight];
                !tensor.frozen && tensor.standardised != is_all
            };
            if projection.weight.is_some_and(is_other) {
                return Err(fail(
                    "a file standardises the weights of all populations that are read, or none".to_owned(),
                ));
            }
            let weight = weight(network, (index, population), projection, is_first);
            is_first &= projection.weight.is_none();
            if let Some(name) = weight.as_ref().filter(|name| !name.chars().all(|c| is_plain(c) || c == '.')) {
                return Err(fail(format!("a file names weights by letters, digits, _ and ., found \"{name}\"")));
            }
            if projection.bias.is_some() && !matches!(projection.map, Map::Conv(_) | Map::Linear { .. }) {
                return Err(fail("a file adds a bias to convolutions and linear maps alone".to_owned()));
            }
            inputs.push(written(network, projection, weight).map_err(fail)?);
        }
        Ok(populations::PopulationSpec { name: population.name.clone(), neuron, dropout: population.dropout, inputs })
    };
    let populations = network.populations().iter().enumerate().map(of).collect::<Result<_, Error>>()?;
    let written = Populations { kappa: network.kappa(), standardise, populations };
    Part::of("Populations", &written).map_err(|error| Error::Network(error.to_string()))
}

/// The name of a projection's weight; `None` if it is the default name. The default is the name of the population for
/// its first weight, and `<population>.recurrent` for a projection from the population itself.
fn weight(
    network: &Network,
    (index, population): (usize, &Population),
    projection: &Projection,
    is_first: bool,
) -> Option<String> {
    let name = &network.tensors()[projection.weight?].name;
    let usual = if projection.sources.contains(&Source::Population(index)) {
        Some(format!("{}.recurrent", population.name))
    } else {
        is_first.then(|| population.name.clone())
    };
    (Some(name) != usual.as_ref()).then(|| name.clone())
}

fn written(
    network: &Network,
    projection: &Projection,
    weight: Option<String>,
) -> Result<populations::ProjectionSpec, String> {
    let name = |source: &Source| match *source {
        Source::Input => populations::INPUT.to_owned(),
        Source::Population(source) => network.populations()[source].name.clone(),
    };
    let from = projection.sources.iter().map(name).collect::<Vec<String>>().join(&join_words(projection.join));
    let (bias, norm) = (projection.bias.is_some(), projection.norm.as_ref().map(NormSpec::of));
    let pool = projection.pool;
    Ok(match (projection.map, pool) {
        (Map::Conv(conv), _) => populations::ProjectionSpec::Conv {
            from,
            channels: conv.channels,
            kernel: RowsColumns(conv.window.size),
            stride: RowsColumns(conv.window.stride),
            padding: RowsColumns(conv.window.padding),
            dilation: RowsColumns(conv.window.dilation),
            groups: conv.groups,
            bias,
            pool: pool.map(PoolSpec::of),
            norm,
            weight,
        },
        (Map::Linear { features }, pool) if pool.is_none_or(|pool| pool.size == 1) => {
            populations::ProjectionSpec::Linear { from, features, bias, norm, weight }
        }
        (Map::IDENTITY, Some(Pool { kind: PoolKind::Max, size, stride, .. })) => {
            populations::ProjectionSpec::MaxPool { from, size, stride: own_stride(size, stride) }
        }
        (Map::AvgPool { size, stride }, None)
        | (Map::IDENTITY, Some(Pool { kind: PoolKind::Mean, size, stride, .. })) => {
            populations::ProjectionSpec::AvgPool { from, size, stride: own_stride(size, stride) }
        }
        (Map::Subsample { stride }, None) => populations::ProjectionSpec::Subsample { from, stride },
        (Map::Linear { .. } | Map::AvgPool { .. } | Map::Subsample { .. }, _) => {
            return Err("a file pools the currents of convolutions and of single sources alone".to_owned());
        }
    })
}
