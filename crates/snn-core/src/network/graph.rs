//! The connections between populations and facts derived from them. The graph is computed once, when a network is
//! built, and used by every engine.

use super::{Population, Projection, Source, Tensor};

/// One source of one projection of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Index of the projection among the population's inputs.
    pub projection: usize,
    /// Source of the current.
    pub source: Source,
    /// Whether the source is the population itself, whose spikes of the previous step are read.
    pub is_recurrent: bool,
}

/// A population that reads another one, or itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Index of the population that reads.
    pub population: usize,
    /// Index among its [`Graph::connections`].
    pub connection: usize,
}

/// The connections between the populations of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<GraphNode>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct GraphNode {
    connections: Vec<Connection>,
    readers: Vec<Reader>,
    is_behind_trained: bool,
}

impl Graph {
    pub(super) fn new(populations: &[Population], tensors: &[Tensor]) -> Self {
        let mut graph = Self::default();
        for (index, population) in populations.iter().enumerate() {
            graph.nodes.push(GraphNode { connections: connections(index, population), ..GraphNode::default() });
            for (connection, read) in graph.nodes[index].connections.clone().into_iter().enumerate() {
                if let Source::Population(source) = read.source {
                    graph.nodes[source].readers.push(Reader { population: index, connection });
                }
            }
        }
        graph.mark_trained(populations, tensors);
        graph
    }

    /// Marks the populations that errors must reach.
    pub(super) fn mark_trained(&mut self, populations: &[Population], tensors: &[Tensor]) {
        for (index, population) in populations.iter().enumerate() {
            let own = population.inputs.iter().flat_map(Projection::all_tensors);
            let trains = own.chain(population.parameters.iter().copied()).any(|tensor| tensors[tensor].is_trained());
            let is_behind = |connection: &Connection| match connection.source {
                Source::Population(source) => self.nodes[source].is_behind_trained,
                Source::Input => false,
            };
            self.nodes[index].is_behind_trained = trains || self.nodes[index].connections.iter().any(is_behind);
        }
    }

    /// Whether errors must reach a population: it or a population that it depends on has a trained tensor.
    pub fn needs_errors(&self, population: usize) -> bool {
        self.nodes[population].is_behind_trained
    }

    /// Connections of a population, in the order in which every engine sums their currents: in the order of its
    /// projections, recurrent ones last.
    pub fn connections(&self, population: usize) -> &[Connection] {
        &self.nodes[population].connections
    }

    /// Readers of a population in evaluation order, including itself if it is recurrent.
    pub fn readers(&self, population: usize) -> &[Reader] {
        &self.nodes[population].readers
    }

    /// Whether a population reads itself.
    pub fn is_recurrent(&self, population: usize) -> bool {
        self.nodes[population].connections.iter().any(|connection| connection.is_recurrent)
    }

    /// The last population that reads this one, which may be itself; `None` if nothing reads it. In the backward pass,
    /// the errors of a population are held from its last reader until the population is reached.
    pub fn last_reader(&self, population: usize) -> Option<usize> {
        self.nodes[population].readers.last().map(|reader| reader.population)
    }

    /// The first population that this one reads, which may be itself; `None` if it reads only the input.
    pub fn first_source(&self, population: usize) -> Option<usize> {
        let sources = self.nodes[population].connections.iter().filter_map(|connection| match connection.source {
            Source::Input => None,
            Source::Population(source) => Some(source),
        });
        sources.min()
    }
}

fn connections(index: usize, population: &Population) -> Vec<Connection> {
    let of_projection = |(projection, input): (usize, &super::Projection)| {
        let of_source = move |&source: &Source| {
            let is_recurrent = source == Source::Population(index);
            Connection { projection, source, is_recurrent }
        };
        input.sources.iter().map(of_source).collect::<Vec<_>>()
    };
    let mut all: Vec<Connection> = population.inputs.iter().enumerate().flat_map(of_projection).collect();
    all.sort_by_key(|connection| connection.is_recurrent);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Network, Projection};
    use crate::neuron::Neuron;
    use crate::shape::Shape;

    #[test]
    fn every_engine_finds_the_same_readers_and_order() {
        let mut builder = Network::builder(Shape::features(3));
        let linear = Map::Linear { features: 3 };
        let a = builder.add("a", Neuron::lif(), vec![Projection::new(Source::Input, linear)]).unwrap();
        let b = builder.add("b", Neuron::lif(), vec![Projection::new(a, linear)]).unwrap();
        let own = Projection::new(builder.recurrent_source(), linear);
        let inputs = vec![Projection::new(vec![a, b], linear), own, Projection::new(b, linear).named("c.b")];
        builder.add("c", Neuron::lif(), inputs).unwrap();
        let network = builder.build().unwrap();
        let graph = network.graph();
        let found: Vec<(usize, Source)> = graph.connections(2).iter().map(|c| (c.projection, c.source)).collect();
        let own = Source::Population(2);
        assert_eq!(found, [(0, a), (0, b), (2, b), (1, own)]);
        let readers =
            |population| graph.readers(population).iter().map(|r| (r.population, r.connection)).collect::<Vec<_>>();
        assert_eq!((readers(0), readers(1), readers(2)), (vec![(1, 0), (2, 0)], vec![(2, 1), (2, 2)], vec![(2, 3)]));
        assert_eq!([0, 1, 2].map(|population| graph.is_recurrent(population)), [false, false, true]);
        assert_eq!([0, 1, 2].map(|population| graph.last_reader(population)), [Some(2), Some(2), Some(2)]);
        assert_eq!([0, 1, 2].map(|population| graph.first_source(population)), [None, Some(0), Some(0)]);
        let frozen = network.tensors().iter().map(|tensor| !tensor.name.starts_with('c')).collect::<Vec<_>>();
        let frozen = network.freeze(&frozen);
        assert_eq!([0, 1, 2].map(|population| frozen.graph().needs_errors(population)), [false, false, true]);
    }
}
