//! The feeds of a population: the sources that each of its projections reads.

use snn_core::{Join, Network, Plan, Source};

/// One source that a projection reads, or two that it joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed {
    /// Index of the projection among the population's inputs.
    pub(crate) projection: usize,
    pub(crate) source: Source,
    /// The second source and how it is joined to the first, if any.
    pub(crate) joined: Option<(Join, Source)>,
    /// Whether the source is the population itself, whose spikes of the step before are read.
    pub(crate) is_recurrent: bool,
    /// Whether the source is read as numbers rather than events. True for sources that pass on numbers and for joined
    /// ones.
    pub(crate) is_numbers: bool,
}

/// Returns the feeds of each population, in the order in which their currents are summed.
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
