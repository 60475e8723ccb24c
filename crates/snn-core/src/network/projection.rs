//! What a population reads: sources, what is done to them, and the tensors that this takes.

use super::Tensor;
use crate::{Map, Shape};

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

/// Sources, a linear map of their sum, and (if the map has one) the weight that it uses: `I = W * (a + b) + bias`.
///
/// With two sources it is the addition of a spike-element-wise residual block (Fang et al., "Deep residual learning in spiking
/// neural networks", 2021): `W * (a + b) = W * a + W * b`, so that events stay events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Projection {
    /// Where it reads: one or more sources of one shape, whose outputs are summed.
    pub sources: Vec<Source>,
    /// What is done to the sum.
    pub map: Map,
    /// Index of the weight in [`Network::tensors`](crate::Network::tensors); set by [`Builder::add`](crate::Builder::add).
    pub weight: Option<usize>,
    /// Index of the bias `[C_out]`, a current that is added at every step; set by [`Builder::add`](crate::Builder::add).
    pub bias: Option<usize>,
    pub(super) name: Option<String>,
    pub(super) is_biased: bool,
}

impl Projection {
    /// A projection from a source, or several, whose weight, if any, is named after the population it feeds.
    pub fn new(sources: impl Into<Vec<Source>>, map: Map) -> Self {
        Self { sources: sources.into(), map, weight: None, bias: None, name: None, is_biased: false }
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

    /// The weight and the bias that the projection asks for, given the shapes of its source and output. A name is that of the
    /// weight.
    pub(super) fn tensors(&self, name: &str, source: Shape, output: Shape) -> (Option<Tensor>, Option<Tensor>) {
        let weight = self.map.weight_shape(source).map(|shape| Tensor::weight(name, shape));
        let bias = self.is_biased.then(|| Tensor::bias(format!("{name}.bias"), output.channels));
        (weight, bias)
    }
}
