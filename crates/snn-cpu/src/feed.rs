//! What is read on the way into a population.

use snn_core::{Join, Network, Plan, Source};

/// What a projection reads of one source, or of two that it joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed {
    /// Index of the projection among the population's inputs.
    pub(crate) projection: usize,
    pub(crate) source: Source,
    /// The source that is joined to it, if one is.
    pub(crate) joined: Option<(Join, Source)>,
    /// Whether it is the population itself, whose spikes of the step before are read.
    pub(crate) is_recurrent: bool,
    /// Whether it is read as numbers, as what passes on numbers and what is joined are.
    pub(crate) is_numbers: bool,
}

/// The feeds of each population, in the order in which their currents are summed up.
pub(crate) fn of_all(network: &Network, plan: Plan) -> Vec<Vec<Feed>> {
    (0..network.populations().len()).map(|index| of(network, plan, index)).collect()
}

fn of(network: &Network, plan: Plan, index: usize) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for (connection, projection) in network.connections(index) {
        let passes_numbers = |source: Source| match source {
            Source::Input => plan.numbers,
            Source::Population(source) => !network.populations()[source].neuron.fires(),
        };
        match feeds.last_mut().filter(|last| last.projection == connection.projection && projection.join != Join::Sum) {
            Some(first) => first.joined = Some((projection.join, connection.source)),
            None => feeds.push(Feed {
                projection: connection.projection,
                source: connection.source,
                joined: None,
                is_recurrent: connection.is_recurrent,
                is_numbers: passes_numbers(connection.source) || projection.join != Join::Sum,
            }),
        }
    }
    feeds
}
