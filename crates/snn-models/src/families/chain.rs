//! Chains of layers, each of which reads the previous one. Most families are built from them.

use snn_core::neuron::{Identity, Relay};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::{Map, Neuron, Pool, Source};

use super::stack::{Feed, Stack, StackPopulation, WeightOptions, hidden_neuron};
use super::{POOL, Pooling, WINDOW};
use crate::check::LARGE;

/// The layers whose output others read, as named in error messages.
pub(super) const READ_LAYERS: &str = "all layers but the Readout";

/// A stack whose populations each read the previous one, and the settings that its layers share.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) stack: Stack,
    pub(super) neuron: Neuron,
    pool: Neuron,
    pub(super) pooling: Pooling,
    pub(super) dropout: f32,
    /// The sources of the next layer, whose outputs are summed.
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
        let neuron = hidden_neuron(registry, "neuron", neuron, READ_LAYERS)?;
        let pool = hidden_neuron(registry, "pool", pool, READ_LAYERS)?;
        range::fraction("dropout", dropout)?;
        Ok(Self { stack: Stack::new(weights)?, neuron, pool, pooling, dropout, end: vec![Source::Input] })
    }

    /// Adds a layer with dropout. `at` is its path, and `second` its second input.
    pub(super) fn layer(&mut self, at: &str, name: String, neuron: Neuron, map: Map, second: Option<Feed>) {
        let feeds = std::iter::once(self.feed(at, map)).chain(second).collect();
        self.add(at, name, neuron, self.dropout, feeds);
    }

    /// Adds a convolution of stride 1 that keeps height and width. If `is_pooled` and the network pools currents, its
    /// current is pooled. `at` is the path of its channels.
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

    /// Adds a 2 x 2 pool, unless the current of the previous convolution is already pooled.
    pub(super) fn pool_of_block(&mut self, at: &str, name: String) {
        match self.pooling {
            Pooling::Neurons => self.pool(at, name, [POOL, POOL]),
            Pooling::Max => self.max_pool(at, name, [POOL, POOL]),
            Pooling::Mean => self.without_neurons(at, name, Map::AvgPool { size: POOL, stride: POOL }),
            Pooling::CurrentMax | Pooling::CurrentMean => {}
        }
    }

    /// Adds an average pool with neurons, of the given window size and stride.
    pub(super) fn pool(&mut self, at: &str, name: String, [size, stride]: [usize; 2]) {
        let feed = Feed::new(at, self.end.clone(), Map::AvgPool { size, stride });
        self.add(at, name, self.pool.clone(), 0.0, vec![feed]);
    }

    /// Adds a max pool: a population that spikes where any neuron of a window spiked.
    pub(super) fn max_pool(&mut self, at: &str, name: String, [size, stride]: [usize; 2]) {
        let pool = Some(Pool::max(size).with_stride(stride));
        let feed = Feed { pool, ..Feed::new(at, self.end.clone(), Map::IDENTITY) };
        self.add(at, name, Relay {}.neuron(), 0.0, vec![feed]);
    }

    /// Adds a population without neurons, which passes on the numbers of `map`.
    pub(super) fn without_neurons(&mut self, at: &str, name: String, map: Map) {
        let feed = Feed::new(at, self.end.clone(), map);
        self.add(at, name, Identity {}.neuron(), 0.0, vec![feed]);
    }

    /// Adds the readout. Without a map it is fully connected with one neuron for each class.
    pub(super) fn readout(&mut self, at: &str, neuron: Neuron, map: Option<Map>) {
        let usual = Feed::new(at, self.end.clone(), Map::IDENTITY);
        let feed = Feed { map, bias: self.stack.weights.bias, ..usual };
        self.add(at, "readout".to_owned(), neuron, 0.0, vec![feed]);
    }

    /// Adds the linear layers of the field `features` and the `readout`, and returns the stack.
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

    /// Returns the input of a hidden layer: the end of the chain through `map`, with the bias or the normalisation of
    /// the network.
    pub(super) fn feed(&self, at: &str, map: Map) -> Feed {
        let WeightOptions { bias, norm, .. } = self.stack.weights;
        Feed { bias, norm, ..Feed::new(at, self.end.clone(), map) }
    }

    /// Adds a population as the new end of the chain.
    pub(super) fn add(&mut self, at: &str, name: String, neuron: Neuron, dropout: f32, inputs: Vec<Feed>) {
        self.end = vec![self.stack.next()];
        self.stack.add(StackPopulation { at: at.to_owned(), name, neuron, dropout, inputs });
    }
}
