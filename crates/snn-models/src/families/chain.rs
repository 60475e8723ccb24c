//! Layers, each fed by the one before: what most families are made of.

use snn_core::registry::{Part, PartError, Registry, range};
use snn_core::{Map, Neuron, Source};

use super::WINDOW;
use super::stack::{Feed, Made, Stack, WeightOptions, hidden};
use crate::check::LARGE;

/// Those whose neurons must fire.
pub(super) const FIRING: &str = "all layers but the Readout";

/// A stack of which every population reads the one before, and what its layers have in common.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) stack: Stack,
    pub(super) neuron: Neuron,
    pool: Neuron,
    dropout: f32,
    /// What the next layer reads: the sum of their outputs.
    pub(super) end: Vec<Source>,
}

impl Chain {
    pub(super) fn new(
        registry: &Registry,
        neuron: &mut Part,
        pool: &mut Part,
        dropout: f32,
        weights: WeightOptions,
    ) -> Result<Self, PartError> {
        let neuron = hidden(registry, "neuron", neuron, FIRING)?;
        let pool = hidden(registry, "pool", pool, FIRING)?;
        range::fraction("dropout", dropout)?;
        Ok(Self { stack: Stack::new(weights)?, neuron, pool, dropout, end: vec![Source::Input] })
    }

    /// Adds a layer with dropout that `at` asks for; `second` is its second input.
    pub(super) fn layer(&mut self, at: &str, name: String, neuron: Neuron, map: Map, second: Option<Feed>) {
        self.add(at, name, neuron, self.dropout, Some(map), second);
    }

    /// Adds a convolution of stride 1 that keeps height and width; `at` is the path of its channels.
    pub(super) fn conv(&mut self, at: &str, name: String, channels: usize, kernel: usize) -> Result<(), PartError> {
        range::count(at, channels, LARGE)?;
        range::count("kernel", kernel, WINDOW)?;
        range::require(kernel % 2 == 1, "kernel", "odd, so that height and width are kept", &kernel)?;
        let map = Map::conv(channels, [kernel; 2], 1, kernel / 2);
        self.layer(at, name, self.neuron.clone(), map, None);
        Ok(())
    }

    pub(super) fn pool(&mut self, at: &str, name: String, size: usize) {
        self.add(at, name, self.pool.clone(), 0.0, Some(Map::AvgPool { size, stride: size }), None);
    }

    /// Adds the readout. Without a map, it has one neuron a class.
    pub(super) fn readout(&mut self, at: &str, neuron: Neuron, map: Option<Map>) {
        self.add(at, "readout".to_owned(), neuron, 0.0, map, None);
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

    fn add(&mut self, at: &str, name: String, neuron: Neuron, dropout: f32, map: Option<Map>, second: Option<Feed>) {
        let bias = self.stack.weights.bias;
        let first = Feed { at: at.to_owned(), sources: self.end.clone(), map, weight: None, bias };
        let inputs = std::iter::once(first).chain(second).collect();
        self.end = vec![self.stack.next()];
        self.stack.add(Made { at: at.to_owned(), name, neuron, dropout, inputs });
    }
}
