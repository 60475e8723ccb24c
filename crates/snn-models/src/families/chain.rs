//! Layers, each fed by the one before: what most families are made of.

use snn_core::neuron::{Identity, Relay};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::{Map, Neuron, Pool, Source};

use super::stack::{Feed, Stack, StackPopulation, WeightOptions, hidden};
use super::{POOL, Pooling, WINDOW};
use crate::check::LARGE;

/// Those whose neurons must fire.
pub(super) const FIRING: &str = "all layers but the Readout";

/// A stack of which every population reads the one before, and what its layers have in common.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) stack: Stack,
    pub(super) neuron: Neuron,
    pool: Neuron,
    pub(super) pooling: Pooling,
    pub(super) dropout: f32,
    /// What the next layer reads: the sum of their outputs.
    pub(super) end: Vec<Source>,
}

impl Chain {
    pub(super) fn new(
        registry: &Registry,
        neuron: &mut Part,
        (pool, pooling): (&mut Part, Pooling),
        dropout: f32,
        weights: WeightOptions,
    ) -> Result<Self, PartError> {
        let neuron = hidden(registry, "neuron", neuron, FIRING)?;
        let pool = hidden(registry, "pool", pool, FIRING)?;
        range::fraction("dropout", dropout)?;
        Ok(Self { stack: Stack::new(weights)?, neuron, pool, pooling, dropout, end: vec![Source::Input] })
    }

    /// Adds a layer with dropout that `at` asks for; `second` is its second input.
    pub(super) fn layer(&mut self, at: &str, name: String, neuron: Neuron, map: Map, second: Option<Feed>) {
        let feeds = std::iter::once(self.feed(at, map)).chain(second).collect();
        self.add(at, name, neuron, self.dropout, feeds);
    }

    /// Adds a convolution of stride 1 that keeps height and width, and, if it is the last one before a pool of currents, pools;
    /// `at` is the path of its channels.
    pub(super) fn conv(
        &mut self,
        at: &str,
        name: String,
        (channels, kernel): (usize, usize),
        is_pooled: bool,
    ) -> Result<(), PartError> {
        range::count(at, channels, LARGE)?;
        range::count("kernel", kernel, WINDOW)?;
        range::require(kernel % 2 == 1, "kernel", "odd, so that height and width are kept", &kernel)?;
        let mut feed = self.feed(at, Map::conv(channels, [kernel; 2], 1, kernel / 2));
        feed.pool = self.pooling.of_current().filter(|_| is_pooled);
        self.add(at, name, self.neuron.clone(), self.dropout, vec![feed]);
        Ok(())
    }

    /// Adds a pool of 2 x 2, unless the current of the convolution before has been pooled.
    pub(super) fn pool_of_block(&mut self, at: &str, name: String) {
        match self.pooling {
            Pooling::Neurons => self.pool(at, name, [POOL, POOL]),
            Pooling::Max => self.max_pool(at, name, [POOL, POOL]),
            Pooling::Mean => self.without_neurons(at, name, Map::AvgPool { size: POOL, stride: POOL }),
            Pooling::CurrentMax | Pooling::CurrentMean => {}
        }
    }

    /// Adds neurons that hear the mean of windows of a size, a step apart.
    pub(super) fn pool(&mut self, at: &str, name: String, [size, stride]: [usize; 2]) {
        let feed = Feed::new(at, self.end.clone(), Map::AvgPool { size, stride });
        self.add(at, name, self.pool.clone(), 0.0, vec![feed]);
    }

    /// Adds a population that fires where any neuron of a window has.
    pub(super) fn max_pool(&mut self, at: &str, name: String, [size, stride]: [usize; 2]) {
        let pool = Some(Pool::max(size).with_stride(stride));
        let feed = Feed { pool, ..Feed::new(at, self.end.clone(), Map::IDENTITY) };
        self.add(at, name, Relay {}.neuron(), 0.0, vec![feed]);
    }

    /// Adds a population that passes on numbers.
    pub(super) fn without_neurons(&mut self, at: &str, name: String, map: Map) {
        let feed = Feed::new(at, self.end.clone(), map);
        self.add(at, name, Identity {}.neuron(), 0.0, vec![feed]);
    }

    /// Adds the readout. Without a map, it has one neuron a class.
    pub(super) fn readout(&mut self, at: &str, neuron: Neuron, map: Option<Map>) {
        let usual = Feed::new(at, self.end.clone(), Map::IDENTITY);
        let feed = Feed { map, bias: self.stack.weights.bias, ..usual };
        self.add(at, "readout".to_owned(), neuron, 0.0, vec![feed]);
    }

    /// Adds linear layers and a readout of the fields `features` and `readout`, and ends.
    pub(super) fn head(
        mut self,
        registry: &Registry,
        features: &[usize],
        readout: &mut Part,
    ) -> Result<Stack, PartError> {
        for (index, &features) in features.iter().enumerate() {
            let at = format!("features[{index}]");
            range::count(&at, features, LARGE)?;
            self.layer(&at, format!("fc{}", index + 1), self.neuron.clone(), Map::Linear { features }, None);
        }
        let neuron = registry.neurons.make(readout, registry).map_err(|error| error.within("readout"))?;
        self.readout("readout", neuron, None);
        Ok(self.stack)
    }

    /// What a hidden layer reads: the end of the chain, through a map with the bias or the normalisation of the family.
    pub(super) fn feed(&self, at: &str, map: Map) -> Feed {
        let WeightOptions { bias, norm, .. } = self.stack.weights;
        Feed { bias, norm, ..Feed::new(at, self.end.clone(), map) }
    }

    /// Adds a population, which the next layer reads.
    pub(super) fn add(&mut self, at: &str, name: String, neuron: Neuron, dropout: f32, inputs: Vec<Feed>) {
        self.end = vec![self.stack.next()];
        self.stack.add(StackPopulation { at: at.to_owned(), name, neuron, dropout, inputs });
    }
}
