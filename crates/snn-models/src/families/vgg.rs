//! The network families `Vgg` and `LeNet`: blocks of convolutions with a pool, then linear layers.

use serde::{Deserialize, Serialize};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;

use super::chain::Chain;
use super::stack::{Stack, WeightOptions};
use super::{NormSpec, Pooling, integrator};

/// Blocks of convolutions, each with a 2 x 2 pool at its end, then linear layers and a readout with one neuron for each
/// class. The defaults are the paper's VGG9.
///
/// Populations are named `conv1_1`, `conv1_2`, ... (of the first block), `pool1`, `conv2_1`, ..., then `fc1`, ... and
/// `readout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vgg {
    /// Neuron of every convolution and linear layer.
    pub neuron: Part,
    /// Neuron of every pool, if pools have neurons.
    pub pool: Part,
    /// Kind of pooling.
    pub pooling: Pooling,
    /// Dropout probability of every convolution and linear layer, in `[0, 1)`.
    pub dropout: f32,
    /// Variance of the initial weights multiplied by their fan-in, greater than 0.
    pub kappa: f32,
    /// Whether weight standardisation is used in training: the weights of all populations except the readout are
    /// [standardised](snn_core::standardise).
    pub standardise: bool,
    /// Whether every convolution and linear layer, including the readout, has a trained bias. A normalised layer has
    /// none.
    pub bias: bool,
    /// Normalisation of the currents of all convolutions and linear layers except the readout.
    pub norm: Option<NormSpec>,
    /// Height and width of the kernels, odd. Convolutions have stride 1 and keep height and width.
    pub kernel: usize,
    /// Channels of each convolution, block by block.
    pub blocks: Vec<Vec<usize>>,
    /// Features of each linear layer.
    pub features: Vec<usize>,
    /// Neuron of the readout. It does not have to fire.
    pub readout: Part,
}

impl Default for Vgg {
    fn default() -> Self {
        Self {
            neuron: Part::new("Lif"),
            pool: Part::new("PoolIf"),
            pooling: Pooling::Neurons,
            dropout: 0.2,
            kappa: 2.0,
            standardise: false,
            bias: false,
            norm: None,
            kernel: 3,
            blocks: vec![vec![64, 64], vec![128, 128], vec![256, 256, 256]],
            features: vec![1024],
            readout: integrator(),
        }
    }
}

impl Vgg {
    pub(super) fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let norm = self.norm.map(|norm| norm.make("norm")).transpose()?;
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: self.bias, norm };
        let mut chain = Chain::new(registry, &mut self.neuron, (&mut self.pool, self.pooling), self.dropout, weights)?;
        range::require(!self.blocks.is_empty(), "blocks", "a list of at least one block", &"none")?;
        for (index, block) in self.blocks.iter().enumerate() {
            let (at, number) = (format!("blocks[{index}]"), index + 1);
            range::require(!block.is_empty(), &at, "a list of channels, one for each convolution", &"none")?;
            for (place, &channels) in block.iter().enumerate() {
                let name = format!("conv{number}_{}", place + 1);
                let is_last = place + 1 == block.len();
                chain.conv(&format!("{at}[{place}]"), name, (channels, self.kernel), is_last)?;
            }
            chain.pool_of_block(&at, format!("pool{number}"));
        }
        chain.head(registry, &self.features, &mut self.readout)
    }
}

/// Convolutions, each followed by a 2 x 2 pool, then linear layers and a readout with one neuron for each class. The
/// defaults are the paper's LeNet.
///
/// Populations are named `conv1`, `pool1`, `conv2`, ..., then `fc1`, ... and `readout`, as in the equivalent
/// [`Sequence`](super::Sequence), which gives the same network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeNet {
    /// Neuron of every convolution and linear layer.
    pub neuron: Part,
    /// Neuron of every pool, if pools have neurons.
    pub pool: Part,
    /// Kind of pooling.
    pub pooling: Pooling,
    /// Dropout probability of every convolution and linear layer, in `[0, 1)`.
    pub dropout: f32,
    /// Variance of the initial weights multiplied by their fan-in, greater than 0.
    pub kappa: f32,
    /// Whether weight standardisation is used in training: the weights of all populations except the readout are
    /// [standardised](snn_core::standardise).
    pub standardise: bool,
    /// Whether every convolution and linear layer, including the readout, has a trained bias. A normalised layer has
    /// none.
    pub bias: bool,
    /// Normalisation of the currents of all convolutions and linear layers except the readout.
    pub norm: Option<NormSpec>,
    /// Height and width of the kernels, odd. Convolutions have stride 1 and keep height and width.
    pub kernel: usize,
    /// Channels of each convolution.
    pub channels: Vec<usize>,
    /// Features of each linear layer.
    pub features: Vec<usize>,
    /// Neuron of the readout. It does not have to fire.
    pub readout: Part,
}

impl Default for LeNet {
    fn default() -> Self {
        Self {
            neuron: Part::new("Lif"),
            pool: Part::new("PoolIf"),
            pooling: Pooling::Neurons,
            dropout: 0.0,
            kappa: 2.0,
            standardise: false,
            bias: false,
            norm: None,
            kernel: 5,
            channels: vec![20, 50],
            features: vec![200],
            readout: integrator(),
        }
    }
}

impl LeNet {
    pub(super) fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let norm = self.norm.map(|norm| norm.make("norm")).transpose()?;
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: self.bias, norm };
        let mut chain = Chain::new(registry, &mut self.neuron, (&mut self.pool, self.pooling), self.dropout, weights)?;
        range::require(!self.channels.is_empty(), "channels", "a list of at least one convolution", &"none")?;
        for (index, &channels) in self.channels.iter().enumerate() {
            let (at, number) = (format!("channels[{index}]"), index + 1);
            chain.conv(&at, format!("conv{number}"), (channels, self.kernel), true)?;
            chain.pool_of_block(&at, format!("pool{number}"));
        }
        chain.head(registry, &self.features, &mut self.readout)
    }
}
