//! Builds the network and the other components of an experiment from the names in it.

use std::sync::Arc;

use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::text::{excerpt, list};
use snn_core::{DataSource, DatasetKind, Family, Input, Loss, Network, Score};

use wildmatch::WildMatch;

use crate::{Experiment, ExperimentError};

/// The components of an experiment, built from its parts.
#[derive(Debug, Clone)]
pub struct Built {
    /// The experiment, with every default spelled out.
    pub experiment: Experiment,
    /// The data set, not yet loaded.
    pub data: Arc<dyn DataSource>,
    /// How an image or event recording is converted to network input.
    pub input: Input,
    /// The network, for inputs of the encoder's shape and the classes of the data set.
    pub network: Network,
    /// How the network's output is reduced to class scores.
    pub score: Arc<dyn Score>,
    /// The loss that training minimises.
    pub loss: Arc<dyn Loss>,
}

/// The components of an experiment before they are checked against each other.
pub(crate) struct Components {
    pub(crate) data: Arc<dyn DataSource>,
    input: Input,
    family: Arc<dyn Family>,
    score: Arc<dyn Score>,
    loss: Arc<dyn Loss>,
}

impl Experiment {
    /// Creates all components through `registry`, and checks that every value is in its range and that the components
    /// fit together.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] with the path of the first value at fault.
    pub fn build(&self, registry: &Registry) -> Result<Built, ExperimentError> {
        let mut experiment = self.clone();
        let made = experiment.resolve(registry)?;
        Ok(experiment.put_together(made)?)
    }

    /// Creates each component, and writes fields that were left at their defaults into its part.
    pub(crate) fn resolve(&mut self, registry: &Registry) -> Result<Components, PartError> {
        let within = |path: &'static str| move |error: PartError| error.within(path);
        Ok(Components {
            data: registry.data_sets.make(&mut self.data, registry).map_err(within("data"))?,
            input: registry.encoders.make(&mut self.input, registry).map_err(within("input"))?,
            family: registry.families.make(&mut self.network, registry).map_err(within("network"))?,
            score: registry.scores.make(&mut self.score, registry).map_err(within("score"))?,
            loss: registry.losses.make(&mut self.loss, registry).map_err(within("loss"))?,
        })
    }

    pub(crate) fn put_together(self, made: Components) -> Result<Built, PartError> {
        self.check(made.data.as_ref())?;
        let Components { data, input, family, score, loss } = made;
        if input.kind() != data.kind() {
            let (encoder, data_set) = (&self.input.name, &self.data.name);
            return Err(PartError::other(
                "input",
                match data.kind() {
                    DatasetKind::Images => {
                        format!("{encoder} takes recordings, but {data_set} holds images; try Poisson")
                    }
                    DatasetKind::Recordings => {
                        format!("{encoder} takes images, but {data_set} holds recordings; try Frames")
                    }
                },
            ));
        }
        let (shape, classes) = (input.shape(data.shape()), data.classes());
        let network = family.build(shape, classes).map_err(|error| error.within("network"))?;
        if network.input() != shape || network.classes() != classes {
            let Part { name, .. } = &self.network;
            let (found, has) = (network.input(), network.classes());
            let sentence = format!("{name} was asked for {shape} -> {classes} classes and gave {found} -> {has}");
            return Err(PartError::other("network", sentence));
        }
        self.check_together(&input, &network, loss.as_ref())?;
        let network = freeze(network, &self.training.freeze)?;
        Ok(Built { experiment: self, data, input, network, score, loss })
    }
}

/// Returns the network with the tensors frozen whose names match `patterns`.
fn freeze(network: Network, patterns: &[String]) -> Result<Network, PartError> {
    let names = |network: &Network| list(network.tensors().iter().map(|tensor| tensor.name.clone()));
    let mut frozen = vec![false; network.tensors().len()];
    for (index, pattern) in patterns.iter().enumerate() {
        let matcher = WildMatch::new(pattern);
        let found: Vec<usize> =
            (0..frozen.len()).filter(|&tensor| matcher.matches(&network.tensors()[tensor].name)).collect();
        if found.is_empty() {
            let range =
                format!("the name of a tensor, with * for any letters and ? for one; there are {}", names(&network));
            range::require(false, &format!("training.freeze[{index}]"), range, &format!("\"{}\"", excerpt(pattern)))?;
        }
        for tensor in found {
            frozen[tensor] = true;
        }
    }
    if !frozen.is_empty() && frozen.iter().all(|frozen| *frozen) {
        return Err(PartError::other(
            "training.freeze",
            "all tensors are frozen, so there is nothing to train".to_owned(),
        ));
    }
    Ok(if frozen.contains(&true) { network.freeze(&frozen) } else { network })
}
