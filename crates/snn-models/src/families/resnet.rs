//! The network family `ResNet`: residual blocks of two convolutions and a shortcut.

use serde::{Deserialize, Serialize};
use snn_core::neuron::{Identity, Relay};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::{Join, Map, Pool};

use super::chain::Chain;
use super::stack::{Feed, Stack, WeightOptions};
use super::{NormSpec, POOL, Pooling, WINDOW, integrator, one};
use crate::check::LARGE;

const KERNEL: usize = 3;

/// A convolution and a 2 x 2 pool, then residual blocks, then linear layers and a readout with one neuron for each
/// class. The defaults are the paper's `ResNet11`.
///
/// A block has two 3x3 convolutions. The shortcut reads the input of the block; its current is added to that of the
/// second convolution, so it has no neurons of its own. With `shortcut: SewAdd`, spikes are added instead: the layer
/// after a block reads the spikes of the block and those of its input.
///
/// Populations are named `stem`, `pool1`, `block1_1`, `block1_2`, `block2_1`, ..., then `fc1`, ... and `readout`. The
/// weight of a shortcut is named `block1_2.shortcut`. With the `Sew` shortcuts, the neurons of a shortcut with a
/// convolution are named `block1_shortcut`, and the population that joins both paths `block1`. With `Membrane`, `stem`
/// and `block1_2` pass on numbers, `block1_spikes` is the first population of a block, and `spikes` is what the linear
/// layers read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResNet {
    /// Neuron of every convolution and linear layer.
    pub neuron: Part,
    /// Neuron of the pool, if it has neurons.
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
    /// Channels of the first convolution.
    pub stem: usize,
    /// The residual blocks.
    pub blocks: Vec<Block>,
    /// Kind of shortcut around the blocks.
    pub shortcut: Shortcut,
    /// Features of each linear layer.
    pub features: Vec<usize>,
    /// Neuron of the readout. It does not have to fire.
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

/// Kind of shortcut around a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum Shortcut {
    /// `Conv` if the channels change, else `Subsample`.
    #[default]
    Auto,
    /// A 1x1 convolution with the stride of the block.
    Conv,
    /// The spikes themselves; with a stride, those of every stride-th row and column. It has no weights, so the number
    /// of channels cannot change.
    Subsample,
    /// Adds the spikes of the block and of its input (SEW-ADD; Fang et al., "Deep residual learning in spiking neural
    /// networks", 2021). If the block changes the channels or has a stride, the shortcut is a 1x1 convolution with
    /// neurons.
    SewAdd,
    /// As `SewAdd`, but the result is a spike where both spiked. A silent block therefore blocks all spikes.
    SewAnd,
    /// As `SewAdd`, but the result is a spike where the input of the block spiked and the block did not.
    SewAndNot,
    /// Adds membrane potentials, as numbers (MS-ResNet; Hu et al., "Advancing spiking neural networks toward deep
    /// residual learning", 2021). A block consists of neurons, a convolution, neurons and a second convolution, whose
    /// current is added to the input of the block.
    Membrane,
}

impl Default for ResNet {
    fn default() -> Self {
        let blocks = [(128, 1), (256, 2), (512, 1), (512, 2)];
        Self {
            neuron: Part::new("Lif"),
            pool: Part::new("PoolIf"),
            pooling: Pooling::Neurons,
            dropout: 0.25,
            kappa: 1.0,
            standardise: false,
            bias: false,
            norm: None,
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
        let norm = self.norm.map(|norm| norm.make("norm")).transpose()?;
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: self.bias, norm };
        let pool = (&mut self.pool, self.pooling);
        let mut chain = Chain::new(registry, &mut self.neuron, pool, self.dropout, weights)?;
        range::require(!self.blocks.is_empty(), "blocks", "a list of at least one block", &"none")?;
        if self.shortcut == Shortcut::Membrane {
            stem_of_membranes(&mut chain, self.stem)?;
        } else {
            chain.conv("stem", "stem".to_owned(), (self.stem, KERNEL), true)?;
            chain.pool_of_block("stem", "pool1".to_owned());
        }
        let mut before = self.stem;
        for (index, block) in self.blocks.iter().enumerate() {
            self.shortcut.add_block(&mut chain, index, *block, before)?;
            before = block.channels;
        }
        if self.shortcut == Shortcut::Membrane {
            let spikes = Feed::new("blocks", chain.end.clone(), Map::IDENTITY);
            let (neuron, dropout) = (chain.neuron.clone(), chain.dropout);
            chain.add("blocks", "spikes".to_owned(), neuron, dropout, vec![spikes]);
        }
        chain.head(registry, &self.features, &mut self.readout)
    }
}

/// Adds the first convolution of a network with `Membrane` shortcuts. It has no neurons and pools its current.
fn stem_of_membranes(chain: &mut Chain, channels: usize) -> Result<(), PartError> {
    range::count("stem", channels, LARGE)?;
    let mut feed = chain.feed("stem", Map::conv(channels, [KERNEL; 2], 1, KERNEL / 2));
    feed.pool = Some(match chain.pooling {
        Pooling::Max | Pooling::CurrentMax => Pool::max(POOL),
        Pooling::Neurons | Pooling::Mean | Pooling::CurrentMean => Pool::mean(POOL),
    });
    chain.add("stem", "stem".to_owned(), Identity {}.neuron(), 0.0, vec![feed]);
    Ok(())
}

impl Shortcut {
    /// Adds block number `index`, which reads `before` channels.
    fn add_block(self, chain: &mut Chain, index: usize, block: Block, before: usize) -> Result<(), PartError> {
        let Block { channels, stride } = block;
        let (at, number) = (format!("blocks[{index}]"), index + 1);
        let (neuron, dropout, sources) = (chain.neuron.clone(), chain.dropout, chain.end.clone());
        range::count(&format!("{at}.stride"), stride, WINDOW)?;
        if self == Self::Membrane {
            let spikes = Feed::new(&at, sources.clone(), Map::IDENTITY);
            chain.add(&at, format!("block{number}_spikes"), neuron.clone(), dropout, vec![spikes]);
        }
        chain.conv(&format!("{at}.channels"), format!("block{number}_1"), (channels, KERNEL), false)?;
        let conv = chain.feed(&at, Map::conv(channels, [KERNEL; 2], stride, KERNEL / 2));
        let around = self.map(&format!("{at}.channels"), before, channels, stride)?;
        let name = format!("block{number}_2");
        let join = match self {
            Self::SewAdd => Join::Sum,
            Self::SewAnd => Join::And,
            Self::SewAndNot => Join::AndNot,
            Self::Auto | Self::Conv | Self::Subsample | Self::Membrane => {
                let around = Feed { sources, weight: Some(format!("{name}.shortcut")), ..chain.feed(&at, around) };
                let is_membrane = self == Self::Membrane;
                let neuron = if is_membrane { Identity {}.neuron() } else { neuron };
                chain.add(&at, name, neuron, if is_membrane { 0.0 } else { dropout }, vec![conv, around]);
                return Ok(());
            }
        };
        chain.add(&at, name, neuron.clone(), dropout, vec![conv]);
        let own = std::mem::replace(&mut chain.end, sources);
        if let Map::Conv(_) = around {
            chain.layer(&at, format!("block{number}_shortcut"), neuron, around, None);
        }
        // `AndNot` passes on its first source where the second is silent, so the input of the block comes first.
        let all = if join == Join::AndNot { [chain.end.clone(), own] } else { [own, chain.end.clone()] }.concat();
        chain.end.clone_from(&all);
        if join != Join::Sum {
            let joined = Feed { join, ..Feed::new(&at, all, Map::IDENTITY) };
            chain.add(&at, format!("block{number}"), Relay {}.neuron(), 0.0, vec![joined]);
        }
        Ok(())
    }

    /// The map of the shortcut from `before` to `channels` channels. `at` is the path of the block's channels.
    fn map(self, at: &str, before: usize, channels: usize, stride: usize) -> Result<Map, PartError> {
        let conv = Map::conv(channels, [1, 1], stride, 0);
        let keeps = before == channels;
        match self {
            Self::Conv => Ok(conv),
            Self::Auto if !keeps => Ok(conv),
            Self::SewAdd | Self::SewAnd | Self::SewAndNot | Self::Membrane if !keeps || stride > 1 => Ok(conv),
            Self::Auto | Self::SewAdd | Self::SewAnd | Self::SewAndNot | Self::Membrane => {
                Ok(Map::Subsample { stride })
            }
            Self::Subsample => {
                let range = format!("{before}, as before the block, since the shortcut is Subsample (try Auto)");
                range::require(keeps, at, range, &channels)?;
                Ok(Map::Subsample { stride })
            }
        }
    }
}
