//! Splitting of projections into single operations, for engines that have one kernel for each operation.

use super::{Graph, Join, Network, Population, Projection, Source};
use crate::map::Map;
use crate::neuron::Identity;
use crate::pool::PoolKind;
use crate::shape::Shape;

/// A network in which each projection does one operation: map, join, max pooling or normalisation. The earlier
/// operations of a projection become populations of [`Identity`] neurons, directly before the population that they
/// belong to.
#[derive(Debug, Clone)]
pub struct Split {
    /// The split network. Its tensors are those of the original network.
    pub network: Network,
    /// For each of its populations, the index in the original network; `None` for an operation that became a
    /// population.
    pub origins: Vec<Option<usize>>,
}

impl Split {
    /// Index in the split network of population `population` of the original network.
    pub fn index(&self, population: usize) -> Option<usize> {
        self.origins.iter().position(|origin| *origin == Some(population))
    }
}

impl Network {
    /// Splits the network so that each operation of a projection is a population of its own. Mean pooling becomes a
    /// map, [`Map::AvgPool`].
    #[must_use]
    pub fn split(&self) -> Split {
        let mut splitter =
            Splitter { network: self, populations: Vec::new(), origins: Vec::new(), indices: Vec::new() };
        for (index, population) in self.populations.iter().enumerate() {
            let last = |input: &Projection| splitter.last_stage(&population.name, input);
            let mut inputs: Vec<Projection> = population.inputs.iter().map(last).collect();
            splitter.indices.push(splitter.populations.len());
            // Only linear projections may be recurrent; the population's own index is known here.
            for (input, given) in inputs.iter_mut().zip(&population.inputs).filter(|(_, given)| given.is_linear()) {
                input.sources = splitter.moved(&given.sources);
            }
            splitter.origins.push(Some(index));
            splitter.populations.push(Population { inputs, ..population.clone() });
        }
        let Splitter { populations, origins, .. } = splitter;
        let graph = Graph::new(&populations, &self.tensors);
        Split { network: Self { populations, graph, ..self.clone() }, origins }
    }
}

/// A network that is being split.
struct Splitter<'a> {
    network: &'a Network,
    populations: Vec<Population>,
    origins: Vec<Option<usize>>,
    /// For each original population processed so far, its index in the split network.
    indices: Vec<usize>,
}

impl Splitter<'_> {
    /// Returns the last operation of a projection as a projection; the earlier ones become populations.
    fn last_stage(&mut self, population: &str, projection: &Projection) -> Projection {
        if projection.is_linear() {
            return projection.clone();
        }
        let mapped = self.network.mapped_shape(projection);
        let mut rest = Projection { sources: self.moved(&projection.sources), ..projection.clone() };
        let is_mapped = rest.map != Map::IDENTITY || rest.bias.is_some();
        if rest.join != Join::Sum && (is_mapped || rest.is_staged()) {
            let joined = Projection { join: rest.join, ..Projection::new(rest.sources.clone(), Map::IDENTITY) };
            let shape = projection.sources.first().map_or(self.network.input, |source| self.network.shape(*source));
            rest.sources = self.stage(population, "join", shape, joined);
            rest.join = Join::Sum;
        }
        if rest.is_staged() && (is_mapped || rest.sources.len() > 1 || rest.join != Join::Sum) {
            let map = Projection { pool: None, norm: None, ..rest.clone() };
            rest = Projection { pool: rest.pool, norm: rest.norm, ..Projection::new(Vec::new(), Map::IDENTITY) };
            rest.sources = self.stage(population, "map", mapped, map);
        }
        let mut shape = mapped;
        if let Some(pool) = rest.pool {
            shape = pool.output(mapped).unwrap_or(mapped);
            if pool.kind == PoolKind::Mean {
                (rest.map, rest.pool) = (Map::AvgPool { size: pool.size, stride: pool.stride }, None);
            }
        }
        if rest.norm.is_some() && (rest.pool.is_some() || rest.map != Map::IDENTITY) {
            let pooled = Projection { norm: None, ..rest.clone() };
            rest = Projection { norm: rest.norm, ..Projection::new(Vec::new(), Map::IDENTITY) };
            rest.sources = self.stage(population, "pool", shape, pooled);
        }
        rest
    }

    /// Adds a population for one operation. Returns it as the sources of the next operation.
    fn stage(&mut self, population: &str, what: &str, shape: Shape, projection: Projection) -> Vec<Source> {
        let name = format!("{population}: {what}");
        let neuron = Identity {}.neuron();
        let (parameters, dropout, inputs) = (Vec::new(), 0.0, vec![projection]);
        self.populations.push(Population { name, shape, neuron, parameters, dropout, inputs });
        self.origins.push(None);
        vec![Source::Population(self.populations.len() - 1)]
    }

    fn moved(&self, sources: &[Source]) -> Vec<Source> {
        let moved = |source: &Source| match *source {
            Source::Population(index) => Source::Population(self.indices[index]),
            Source::Input => Source::Input,
        };
        sources.iter().map(moved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Norm;
    use crate::neuron::{Gradient, Neuron};
    use crate::pool::Pool;
    use crate::surrogate::Atan;

    #[test]
    fn each_stage_of_a_projection_becomes_a_population() {
        let lif = || Neuron::lif().with_gradient(Gradient::surrogate(Atan::default()));
        let conv = Map::conv(3, [3, 3], 1, 1);
        let mut builder = Network::builder(Shape::new(2, 6, 6));
        let a = builder.add("a", lif(), vec![Projection::new(Source::Input, conv)]).unwrap();
        let staged = Projection::new(a, conv).with_pool(Pool::max(2)).with_norm(Norm::new(4));
        let own = Projection::new(builder.recurrent_source(), conv);
        let b = builder.add("b", lif(), vec![staged, own]).unwrap();
        let joined = Projection { map: conv, ..Projection::and_not(b, b) }.with_pool(Pool::mean(3));
        let c = builder.add("c", lif(), vec![joined]).unwrap();
        let pooled = Projection::new(c, Map::IDENTITY).with_pool(Pool::max(1));
        builder.add("d", lif(), vec![pooled, Projection::new(vec![c, c], conv).named("e")]).unwrap();
        let network = builder.build().unwrap();
        let split = network.split();
        let told = |population: &Population| {
            let read = |source: &Source| match source {
                Source::Input => "input".to_owned(),
                Source::Population(index) => split.network.populations()[*index].name.clone(),
            };
            let one = |p: &Projection| {
                let from = p.sources.iter().map(read).collect::<Vec<_>>().join("+");
                let does = [p.weight.is_some(), p.join != Join::Sum, p.pool.is_some(), p.norm.is_some()];
                let does = ["weight", "join", "max", "norm"].iter().zip(does).filter(|(_, does)| *does);
                format!("{from} {}", does.map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
            };
            format!("{}: {}", population.name, population.inputs.iter().map(one).collect::<Vec<_>>().join(", "))
        };
        let found: Vec<String> = split.network.populations().iter().map(told).collect();
        let expected = [
            "a: input weight",
            "b: map: a weight",
            "b: pool: b: map max",
            "b: b: pool norm, b weight",
            "c: join: b+b join",
            "c: map: c: join weight",
            "c: c: map ",
            "d: c max, c+c weight",
        ];
        assert_eq!(found, expected);
        assert_eq!(split.origins, [Some(0), None, None, Some(1), None, None, Some(2), Some(3)]);
        assert_eq!((split.index(1), split.index(4)), (Some(3), None));
        assert_eq!(split.network.tensors(), network.tensors());
        assert!(split.network.graph().is_recurrent(3));
    }
}
