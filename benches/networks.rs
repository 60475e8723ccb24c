//! The two networks that the benchmarks and their PyTorch counterparts (`benches/peers`) run, included as a module.

#![allow(dead_code, reason = "each program that includes this file uses its own part of it")]

use snn_core::neuron::{LeakyIntegrator, Lif, PoolIf};
use snn_core::surrogate::Atan;
use snn_core::{Builder, Gradient, Map, Network, Neuron, Projection, Purpose, Shape, Source, Stream, Weights};

/// LeNet for images of the shape of MNIST's, 28x28x1.
pub(crate) fn lenet() -> Network {
    lenet_of(Chain::new(Shape::new(1, 28, 28), 0.0))
}

/// The same with surrogate gradients, for backpropagation through time.
pub(crate) fn lenet_surrogate() -> Network {
    let neuron = Lif::default().surrogate(Atan::default());
    let pool = PoolIf::default().neuron().with_gradient(Gradient::surrogate(Atan::default()));
    let readout = LeakyIntegrator::default().neuron();
    lenet_of(Chain { neuron, pool, readout, ..Chain::new(Shape::new(1, 28, 28), 0.0) })
}

fn lenet_of(mut chain: Chain) -> Network {
    chain.conv("conv1", 20, 5).pool("pool1").conv("conv2", 50, 5).pool("pool2").linear("fc1", 200);
    chain.readout(10)
}

/// VGG9 for images of the shape of CIFAR-10's, 32x32x3; `dropout` follows every layer that has weights but the last.
pub(crate) fn vgg9(dropout: f32) -> Network {
    let mut chain = Chain::new(Shape::new(3, 32, 32), dropout);
    chain.conv("conv1", 64, 3).conv("conv2", 64, 3).pool("pool1");
    chain.conv("conv3", 128, 3).conv("conv4", 128, 3).pool("pool2");
    chain.conv("conv5", 256, 3).conv("conv6", 256, 3).conv("conv7", 256, 3).pool("pool3").linear("fc1", 1024);
    chain.readout(10)
}

/// Weights `N(0, 2 / fan_in)` drawn from `seed`.
pub(crate) fn initial_weights(network: &Network, seed: u64) -> Weights {
    let stream = Stream::new(seed, Purpose::Initialisation);
    let draw = |(index, weight): (usize, &snn_core::Tensor)| {
        let deviation = (2.0 / weight.fan_in() as f32).sqrt();
        (0..weight.len() as u32).map(|element| deviation * stream.normal(0, 0, index as u32, element)).collect()
    };
    network.tensors().iter().enumerate().map(draw).collect()
}

/// A network in which every population reads the one before it.
struct Chain {
    builder: Builder,
    last: Source,
    dropout: f32,
    neuron: Neuron,
    pool: Neuron,
    readout: Neuron,
}

impl Chain {
    fn new(input: Shape, dropout: f32) -> Self {
        let (neuron, pool, readout) = (Neuron::lif(), Neuron::pool_if(), Neuron::readout());
        Self { builder: Network::builder(input), last: Source::Input, dropout, neuron, pool, readout }
    }

    fn conv(&mut self, name: &str, channels: usize, kernel: usize) -> &mut Self {
        let map = Map::conv(channels, [kernel, kernel], 1, kernel / 2);
        self.add(name, self.neuron.clone(), self.dropout, map)
    }

    fn pool(&mut self, name: &str) -> &mut Self {
        self.add(name, self.pool.clone(), 0.0, Map::AvgPool { size: 2, stride: 2 })
    }

    fn linear(&mut self, name: &str, features: usize) -> &mut Self {
        self.add(name, self.neuron.clone(), self.dropout, Map::Linear { features })
    }

    fn readout(mut self, features: usize) -> Network {
        self.add("readout", self.readout.clone(), 0.0, Map::Linear { features });
        self.builder.build().expect("the benchmarks' networks are valid")
    }

    fn add(&mut self, name: &str, neuron: Neuron, dropout: f32, map: Map) -> &mut Self {
        let inputs = vec![Projection::new(self.last, map)];
        let added = self.builder.add_with_dropout(name, neuron, dropout, inputs);
        self.last = added.expect("the benchmarks' networks are valid");
        self
    }
}
