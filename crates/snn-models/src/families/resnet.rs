//! The network family `ResNet`: blocks of two convolutions and a shortcut around them.

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

/// A convolution and a pool of 2, then residual blocks, then linear layers and a readout with one neuron a
/// class. The defaults are the paper's `ResNet11`.
///
/// A block has two convolutions of 3x3. The current of the second one and that of the shortcut, which reads what the
/// block reads, are summed into the same neurons; the shortcut has none of its own. With `shortcut: SewAdd`, it is spikes that
/// are summed: what follows a block reads the spikes of the block and those that the block has read.
///
/// Populations are called `stem`, `pool1`, `block1_1`, `block1_2`, `block2_1`, ..., then `fc1`, ... and `readout`; the
/// weight of a shortcut is called `block1_2.shortcut`, the neurons of one between spikes `block1_shortcut`, and what joins them
/// `block1`. With `Membrane`, `stem` and `block1_2` pass on numbers, `block1_spikes` is what a block begins with, and `spikes` what
/// the linear layers read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResNet {
    /// Neuron of every convolution and linear layer.
    pub neuron: Part,
    /// Neuron of the pool, where it has neurons.
    pub pool: Part,
    /// What pools.
    pub pooling: Pooling,
    /// Dropout of every convolution and linear layer, in `[0, 1)`.
    pub dropout: f32,
    /// Variance of the initial weights times their fan-in, greater than 0.
    pub kappa: f32,
    /// Whether the weights of all populations but the readout are [standardised](snn_core::standardise) in training.
    pub standardise: bool,
    /// Whether every convolution and linear layer, the readout among them, adds a trained bias to its currents; a layer that
    /// is normalised has none.
    pub bias: bool,
    /// How the currents of convolutions and linear layers but the readout are normalised.
    pub norm: Option<NormSpec>,
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
    /// As `SewAdd`, but a spike goes on where both fired. A block whose neurons are silent stops everything.
    SewAnd,
    /// As `SewAdd`, but a spike goes on where what the block has read fired and the block did not.
    SewAndNot,
    /// Membranes are added to membranes, as numbers (MS-ResNet; Hu et al., "Advancing spiking neural networks toward deep residual
    /// learning", 2021): a block fires first, has a convolution, neurons and a convolution, and adds that to what it has read.
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

/// The first convolution of a network whose blocks pass on membranes: it has no neurons, and pools its current.
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
        // What the block has read is passed on where the block itself did not fire.
        let all = if join == Join::AndNot { [chain.end.clone(), own] } else { [own, chain.end.clone()] }.concat();
        chain.end.clone_from(&all);
        if join != Join::Sum {
            let joined = Feed { join, ..Feed::new(&at, all, Map::IDENTITY) };
            chain.add(&at, format!("block{number}"), Relay {}.neuron(), 0.0, vec![joined]);
        }
        Ok(())
    }

    /// The map from `before` to `channels` channels, of which `at` is the path.
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
