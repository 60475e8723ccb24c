//! Projections: the sources of a population's current, the operations on them, and their tensors.

use super::{Norm, Tensor};
use crate::map::Map;
use crate::pool::Pool;
use crate::real::Real;
use crate::shape::Shape;

/// Source of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The input of the network.
    Input,
    /// A population, by index in evaluation order: an earlier one, whose output of the same step is read, or the
    /// population itself, whose spikes of the previous step are read.
    Population(usize),
}

impl From<Source> for Vec<Source> {
    fn from(source: Source) -> Self {
        vec![source]
    }
}

/// How the outputs of several sources are combined before the map, step by step and neuron by neuron. These are the
/// connections of a spike-element-wise residual block (Fang et al., "Deep residual learning in spiking neural
/// networks", 2021).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Join {
    /// `a + b + ...`. Since `W * (a + b) = W * a + W * b`, the sources can still be processed as events.
    #[default]
    Sum,
    /// `a · b`: for spikes, a spike where both fired.
    And,
    /// `a · (1 - b)`: for spikes, a spike where the first fired and the second did not.
    AndNot,
}

impl Join {
    /// All joins of two sources. Each is `a (p + q b) + r b`, with `[p, q, r]` of [`Join::terms`].
    pub const OF_TWO: [Self; 2] = [Self::AndNot, Self::And];

    /// The coefficients `[p, q, r]` of a join of two sources, `a (p + q b) + r b`. `None` for a sum, which takes any
    /// number of sources.
    pub fn terms(self) -> Option<[f32; 3]> {
        match self {
            Self::Sum => None,
            Self::And => Some([0.0, 1.0, 0.0]),
            Self::AndNot => Some([1.0, -1.0, 0.0]),
        }
    }

    /// The symbol between the names of two sources in RON, such as `& !` in `"a & !b"`: the part after the space is a
    /// prefix of the second name.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Sum => "+",
            Self::And => "&",
            Self::AndNot => "& !",
        }
    }

    /// Name of the join in messages, such as `AND`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "a sum",
            Self::And => "AND",
            Self::AndNot => "AND-NOT",
        }
    }

    /// Joins the outputs `a` and `b` of two neurons.
    pub fn apply<F: Real>(self, a: F, b: F) -> F {
        match self.terms() {
            Some([p, q, r]) => a * (F::from(p) + F::from(q) * b) + F::from(r) * b,
            None => a + b,
        }
    }

    /// The derivative of [`Join::apply`] with respect to the source at `position` (0 or 1), given the output of the
    /// other source.
    pub fn slope<F: Real>(self, position: usize, other: F) -> F {
        let [offset, factor] = self.slope_terms(position);
        F::from(offset) + F::from(factor) * other
    }

    /// `[offset, factor]` of [`Join::slope`], which is `offset + factor · other`.
    pub fn slope_terms(self, position: usize) -> [f32; 2] {
        match (self.terms(), position) {
            (Some([p, q, _]), 0) => [p, q],
            (Some([_, q, r]), _) => [r, q],
            (None, _) => [1.0, 0.0],
        }
    }
}

/// Turns the outputs of its sources into a current: `I = norm(pool(W * join(a, b) + bias))`. Bias, pool and norm are
/// optional.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Projection {
    /// One or more sources, all of the same shape.
    pub sources: Vec<Source>,
    /// How the outputs of the sources are combined.
    pub join: Join,
    /// Linear map applied to the combined outputs.
    pub map: Map,
    /// Index of the weight in [`Network::tensors`](crate::Network::tensors); set by
    /// [`Builder::add`](crate::Builder::add).
    pub weight: Option<usize>,
    /// Index of the bias `[C_out]`, which is added to the current at every step; set by
    /// [`Builder::add`](crate::Builder::add).
    pub bias: Option<usize>,
    /// Pooling of the current.
    pub pool: Option<Pool>,
    /// Normalisation of the current; its tensors are set by [`Builder::add`](crate::Builder::add).
    pub norm: Option<Norm>,
    pub(super) name: Option<String>,
    pub(super) is_biased: bool,
}

impl Projection {
    /// A projection from one source, or from the sum of several. Its weight, if the map has one, is named after the
    /// population that it feeds.
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

    /// A projection that passes on `join` of two sources, without a map.
    pub fn joined(join: Join, a: Source, b: Source) -> Self {
        Self { join, ..Self::new(vec![a, b], Map::IDENTITY) }
    }

    /// A projection that passes on `a · b`, see [`Join::And`].
    pub fn and(a: Source, b: Source) -> Self {
        Self::joined(Join::And, a, b)
    }

    /// A projection that passes on `a · (1 - b)`, see [`Join::AndNot`].
    pub fn and_not(a: Source, b: Source) -> Self {
        Self::joined(Join::AndNot, a, b)
    }

    /// The same projection with an explicit weight name, needed where a population has two weighted inputs. Projections
    /// with the same weight name share the weight and the bias; their sources must have the same shape.
    #[must_use]
    pub fn named(mut self, weight: impl Into<String>) -> Self {
        self.name = Some(weight.into());
        self
    }

    /// The same projection with a bias, initially 0.
    #[must_use]
    pub fn with_bias(mut self) -> Self {
        self.is_biased = true;
        self
    }

    /// The same projection with pooling of its current.
    #[must_use]
    pub fn with_pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The same projection with normalisation of its current.
    #[must_use]
    pub fn with_norm(mut self, norm: Norm) -> Self {
        self.norm = Some(norm);
        self
    }

    /// Whether the current is just the sum of the mapped sources, plus a bias: there is no AND or AND-NOT, no pool and
    /// no normalisation.
    pub fn is_linear(&self) -> bool {
        self.join == Join::Sum && self.pool.is_none() && self.norm.is_none()
    }

    /// Whether the current is pooled or normalised.
    pub fn is_staged(&self) -> bool {
        self.pool.is_some() || self.norm.is_some()
    }

    /// Indices of all its tensors.
    pub fn all_tensors(&self) -> impl Iterator<Item = usize> + use<> {
        let norm = self.norm.into_iter().flat_map(|norm| norm.tensors.all());
        [self.weight, self.bias].into_iter().flatten().chain(norm)
    }

    /// Shape of the current after pooling, given the map's output shape.
    ///
    /// # Errors
    /// A message, if the pool does not fit.
    pub(super) fn pooled(&self, mapped: Shape) -> Result<Shape, String> {
        self.pool.map_or(Ok(mapped), |pool| {
            pool.output(mapped).map_err(|reason| format!("the pool of its current, {mapped}: {reason}"))
        })
    }

    /// Makes the weight and the bias of the projection, given the shapes of its source and of the map's output. `name`
    /// is the name of the weight.
    pub(super) fn tensors(&self, name: &str, source: Shape, output: Shape) -> (Option<Tensor>, Option<Tensor>) {
        let weight = self.map.weight_shape(source).map(|shape| Tensor::weight(name, shape));
        let bias = self.is_biased.then(|| Tensor::bias(format!("{name}.bias"), output.channels));
        (weight, bias)
    }
}
