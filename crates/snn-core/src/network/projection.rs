//! What a population reads: sources, what is done to them, and the tensors that this takes.

use super::{Norm, Tensor};
use crate::map::Map;
use crate::pool::Pool;
use crate::shape::Shape;

/// Where a projection reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// What the network is given.
    Input,
    /// A population, by index in evaluation order: an earlier one, whose output of the same step is read, or the
    /// population itself, whose spikes of the step before are read.
    Population(usize),
}

impl From<Source> for Vec<Source> {
    fn from(source: Source) -> Self {
        vec![source]
    }
}

/// How the outputs of a projection's sources become what its map reads, step by step and neuron by neuron. They are the
/// connections of a spike-element-wise residual block (Fang et al., "Deep residual learning in spiking neural networks",
/// 2021).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Join {
    /// `a + b + ...`. As `W * (a + b) = W * a + W * b`, events stay events.
    #[default]
    Sum,
    /// `a · b`: of spikes, a spike where both fired.
    And,
    /// `a · (1 - b)`: of spikes, a spike where the first fired and the second did not.
    AndNot,
}

/// Sources and what makes a current of them: `I = norm(pool(W * join(a, b) + bias))`, each but the map left out where it is not
/// asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Projection {
    /// Where it reads: one or more sources of one shape.
    pub sources: Vec<Source>,
    /// How their outputs become one.
    pub join: Join,
    /// What is done to that.
    pub map: Map,
    /// Index of the weight in [`Network::tensors`](crate::Network::tensors); set by [`Builder::add`](crate::Builder::add).
    pub weight: Option<usize>,
    /// Index of the bias `[C_out]`, a current that is added at every step; set by [`Builder::add`](crate::Builder::add).
    pub bias: Option<usize>,
    /// What each window of the current becomes.
    pub pool: Option<Pool>,
    /// How the current is normalised; its tensors are set by [`Builder::add`](crate::Builder::add).
    pub norm: Option<Norm>,
    pub(super) name: Option<String>,
    pub(super) is_biased: bool,
}

impl Projection {
    /// A projection from a source, or the sum of several, whose weight, if any, is named after the population it feeds.
    pub fn new(sources: impl Into<Vec<Source>>, map: Map) -> Self {
        Self {
            sources: sources.into(),
            join: Join::Sum,
            map,
            weight: None,
            bias: None,
            pool: None,
            norm: None,
            name: None,
            is_biased: false,
        }
    }

    /// A projection that passes on `a · b`, see [`Join::And`].
    pub fn and(a: Source, b: Source) -> Self {
        Self { join: Join::And, ..Self::new(vec![a, b], Map::IDENTITY) }
    }

    /// A projection that passes on `a · (1 - b)`, see [`Join::AndNot`].
    pub fn and_not(a: Source, b: Source) -> Self {
        Self { join: Join::AndNot, ..Self::new(vec![a, b], Map::IDENTITY) }
    }

    /// The same projection with a weight name of its own, needed where a population has two weighted inputs. Projections whose
    /// weights are named alike share one weight, and the bias; their sources must be of one shape.
    #[must_use]
    pub fn named(mut self, weight: impl Into<String>) -> Self {
        self.name = Some(weight.into());
        self
    }

    /// The same projection with a bias, which starts at 0.
    #[must_use]
    pub fn with_bias(mut self) -> Self {
        self.is_biased = true;
        self
    }

    /// The same projection with a pool of its current.
    #[must_use]
    pub fn with_pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The same projection with its current normalised.
    #[must_use]
    pub fn with_norm(mut self, norm: Norm) -> Self {
        self.norm = Some(norm);
        self
    }

    /// Whether the current is the sum of what the map makes of each source, plus a bias: nothing is joined otherwise, pooled or
    /// normalised.
    pub fn is_linear(&self) -> bool {
        self.join == Join::Sum && self.pool.is_none() && self.norm.is_none()
    }

    /// Whether its current is pooled or normalised.
    pub fn is_staged(&self) -> bool {
        self.pool.is_some() || self.norm.is_some()
    }

    /// Indices of all its tensors.
    pub fn all_tensors(&self) -> impl Iterator<Item = usize> + use<> {
        let norm = self.norm.into_iter().flat_map(|norm| norm.tensors.all());
        [self.weight, self.bias].into_iter().flatten().chain(norm)
    }

    /// Shape of the current, of what the map gives.
    ///
    /// # Errors
    /// A sentence, if the pool does not fit.
    pub(super) fn pooled(&self, mapped: Shape) -> Result<Shape, String> {
        self.pool.map_or(Ok(mapped), |pool| {
            pool.output(mapped).map_err(|reason| format!("the pool of its current, {mapped}: {reason}"))
        })
    }

    /// The weight and the bias that the projection asks for, given the shapes of its source and output. A name is that of the
    /// weight.
    pub(super) fn tensors(&self, name: &str, source: Shape, output: Shape) -> (Option<Tensor>, Option<Tensor>) {
        let weight = self.map.weight_shape(source).map(|shape| Tensor::weight(name, shape));
        let bias = self.is_biased.then(|| Tensor::bias(format!("{name}.bias"), output.channels));
        (weight, bias)
    }
}
