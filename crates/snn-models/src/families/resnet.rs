//! The network family `ResNet`: blocks of two convolutions and a shortcut around them.

use serde::{Deserialize, Serialize};
use snn_core::Map;
use snn_core::registry::{Part, PartError, Registry, range};

use super::chain::Chain;
use super::stack::{Feed, Stack, WeightOptions};
use super::{WINDOW, integrator, one};

const KERNEL: usize = 3;
const POOL: usize = 2;

/// A convolution and an average pool of 2, then residual blocks, then linear layers and a readout with one neuron a
/// class. The defaults are the paper's `ResNet11`.
///
/// A block has two convolutions of 3x3. The current of the second one and that of the shortcut, which reads what the
/// block reads, are summed into the same neurons; the shortcut has none of its own. With `shortcut: SewAdd`, it is spikes that
/// are summed: what follows a block reads the spikes of the block and those that the block has read.
///
/// Populations are called `stem`, `pool1`, `block1_1`, `block1_2`, `block2_1`, ..., then `fc1`, ... and `readout`; the
/// weight of a shortcut is called `block1_2.shortcut`, the neurons of one with `SewAdd` `block1_shortcut`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResNet {
    /// Neuron of every convolution and linear layer.
    pub neuron: Part,
    /// Neuron of the pool.
    pub pool: Part,
    /// Dropout of every convolution and linear layer, in `[0, 1)`.
    pub dropout: f32,
    /// Variance of the initial weights times their fan-in, greater than 0.
    pub kappa: f32,
    /// Whether the weights of all populations but the readout are [standardised](snn_core::standardise) in training.
    pub standardise: bool,
    /// Whether every convolution and linear layer, the readout among them, adds a trained bias to its currents.
    pub bias: bool,
    /// Channels of the first convolution.
    pub stem: usize,
    /// The residual blocks.
    pub blocks: Vec<Block>,
    /// What leads around the blocks.
    pub shortcut: Shortcut,
    /// Features of each linear layer.
    pub features: Vec<usize>,
    /// Neuron of the readout, which need not fire.
    pub readout: Part,
}

/// A residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Channels of both convolutions.
    pub channels: usize,
    /// Stride of the second convolution and of the shortcut.
    #[serde(default = "one")]
    pub stride: usize,
}

/// What leads around a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Shortcut {
    /// `Conv` where the channels change, `Subsample` where they do not.
    #[default]
    Auto,
    /// A convolution of 1x1 with the stride of the block.
    Conv,
    /// Every spike, or with a stride those of every second row and column, and so on. No weights; the channels cannot
    /// change.
    Subsample,
    /// Spikes are added to spikes (SEW-ADD; Fang et al., "Deep residual learning in spiking neural networks", 2021).
    /// Where the block changes the channels or has a stride, a convolution of 1x1 with neurons of its own leads around it.
    SewAdd,
}

impl Default for ResNet {
    fn default() -> Self {
        let blocks = [(128, 1), (256, 2), (512, 1), (512, 2)];
        Self {
            neuron: Part::new("Lif"),
            pool: Part::new("PoolIf"),
            dropout: 0.25,
            kappa: 1.0,
            standardise: false,
            bias: false,
            stem: 64,
            blocks: blocks.map(|(channels, stride)| Block { channels, stride }).to_vec(),
            shortcut: Shortcut::Auto,
            features: vec![1024],
            readout: integrator(),
        }
    }
}

impl ResNet {
    pub(super) fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: self.bias };
        let mut chain = Chain::new(registry, &mut self.neuron, &mut self.pool, self.dropout, weights)?;
        chain.conv("stem", "stem".to_owned(), self.stem, KERNEL)?;
        chain.pool("stem", "pool1".to_owned(), POOL);
        range::require(!self.blocks.is_empty(), "blocks", "a list of at least one block", &"none")?;
        let mut before = self.stem;
        for (index, &Block { channels, stride }) in self.blocks.iter().enumerate() {
            let (at, number) = (format!("blocks[{index}]"), index + 1);
            let sources = chain.end.clone();
            chain.conv(&format!("{at}.channels"), format!("block{number}_1"), channels, KERNEL)?;
            range::count(&format!("{at}.stride"), stride, WINDOW)?;
            let conv = Map::conv(channels, [KERNEL; 2], stride, KERNEL / 2);
            let (name, neuron) = (format!("block{number}_2"), chain.neuron.clone());
            let around = self.shortcut.map(&format!("{at}.channels"), before, channels, stride)?;
            if self.shortcut == Shortcut::SewAdd {
                chain.layer(&at, name, neuron.clone(), conv, None);
                let block = chain.end.clone();
                chain.end = sources;
                if let Map::Conv(_) = around {
                    chain.layer(&at, format!("block{number}_shortcut"), neuron, around, None);
                }
                chain.end = [block, chain.end].concat();
            } else {
                let (weight, bias) = (Some(format!("{name}.shortcut")), chain.stack.weights.bias);
                let shortcut = Feed { at: at.clone(), sources, map: Some(around), weight, bias };
                chain.layer(&at, name, neuron, conv, Some(shortcut));
            }
            before = channels;
        }
        chain.head(registry, &self.features, &mut self.readout)
    }
}

impl Shortcut {
    /// The map from `before` to `channels` channels, of which `at` is the path.
    fn map(self, at: &str, before: usize, channels: usize, stride: usize) -> Result<Map, PartError> {
        let conv = Map::conv(channels, [1, 1], stride, 0);
        let keeps = before == channels;
        match self {
            Self::Conv => Ok(conv),
            Self::Auto if !keeps => Ok(conv),
            Self::SewAdd if !keeps || stride > 1 => Ok(conv),
            Self::Auto | Self::SewAdd => Ok(Map::Subsample { stride }),
            Self::Subsample => {
                let range = format!("{before}, as before the block, since the shortcut is Subsample (try Auto)");
                range::require(keeps, at, range, &channels)?;
                Ok(Map::Subsample { stride })
            }
        }
    }
}
