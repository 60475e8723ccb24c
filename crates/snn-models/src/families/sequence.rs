//! The network family `Sequence`: a list of layers.

use serde::{Deserialize, Serialize};
use snn_core::part::{Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::{Conv, Map, Neuron};

use super::chain::{Chain, READ_LAYERS};
use super::stack::{Feed, Stack, WeightOptions, hidden_neuron};
use super::stages::windows;
use super::{NormSpec, PoolSpec, Pooling, RowsColumns, conv, integrator, one, ones, zeros};
use crate::check::LARGE;

/// A sequence of layers, as described in a RON file. Each layer becomes one population, named `conv1`, `conv2`, ...,
/// `pool1`, ..., `fc1`, ... for `Linear`, and `readout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sequence {
    /// Neuron of every `Conv` and `Linear` layer that does not set its own.
    pub neuron: Part,
    /// Neuron of every `AvgPool` layer.
    pub pool: Part,
    /// Dropout probability of every `Conv` and `Linear` layer, in `[0, 1)`.
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
    /// The layers; the last one is a `Readout`.
    pub layers: Vec<Layer>,
}

impl Default for Sequence {
    fn default() -> Self {
        Self {
            neuron: Part::new("Lif"),
            pool: Part::new("PoolIf"),
            dropout: 0.0,
            kappa: 2.0,
            standardise: false,
            bias: false,
            norm: None,
            layers: Vec::new(),
        }
    }
}

/// One layer of a [`Sequence`].
///
/// A recurrent layer also reads its own spikes, one step late, through a weight named `<population>.recurrent`. For
/// `Linear` it connects every neuron to all neurons of the layer. For `Conv` it is a convolution with the same kernel
/// size (which must then be odd), stride 1 and the padding that keeps the shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum Layer {
    /// 2-D convolution and its neurons.
    Conv {
        /// Output channels.
        channels: usize,
        /// Kernel height and width.
        kernel: RowsColumns,
        /// Stride of the window.
        #[serde(default = "ones")]
        stride: RowsColumns,
        /// Zero padding: rows above and below, columns left and right.
        #[serde(default = "zeros")]
        padding: RowsColumns,
        /// Dilation: distance between the rows, and between the columns, of the kernel.
        #[serde(default = "ones")]
        dilation: RowsColumns,
        /// Number of groups of channels, as in PyTorch's `groups`; equal to the number of input channels for a
        /// depthwise convolution.
        #[serde(default = "one")]
        groups: usize,
        /// Pool of the current, before the neurons.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolSpec>,
        /// Whether the layer is recurrent.
        #[serde(default)]
        recurrent: bool,
        /// Neuron of this layer. `None`: that of the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Part>,
    },
    /// Average pool over `size x size` windows and its neurons.
    AvgPool {
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Max pool of spikes over `size x size` windows: a spike if any neuron of the window spiked. It has no neurons.
    MaxPool {
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Fully connected layer and its neurons.
    Linear {
        /// Output features.
        features: usize,
        /// Whether the layer is recurrent.
        #[serde(default)]
        recurrent: bool,
        /// Neuron of this layer. `None`: that of the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Part>,
    },
    /// Last layer: fully connected, with one neuron for each class.
    Readout {
        /// Number of classes.
        classes: usize,
        /// Neuron of the readout. It does not have to fire. The default is the paper's leaky integrator.
        #[serde(default = "integrator")]
        neuron: Part,
    },
}

impl Sequence {
    pub(super) fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let norm = self.norm.map(|norm| norm.make("norm")).transpose()?;
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: self.bias, norm };
        let mut chain =
            Chain::new(registry, &mut self.neuron, (&mut self.pool, Pooling::Neurons), self.dropout, weights)?;
        let count = self.layers.len();
        range::require(count > 0, "layers", "a list that ends in a Readout", &"no layer")?;
        let (mut convs, mut pools, mut linears) = (0, 0, 0);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let path = format!("layers[{index}]");
            let is_last = index + 1 == count;
            match layer {
                Layer::Readout { .. } if !is_last => {
                    return Err(PartError::other(path, "only the last layer can be a Readout"));
                }
                Layer::Readout { .. } => {}
                _ if is_last => return Err(PartError::other(path, "the last layer must be a Readout")),
                _ => {}
            }
            let at = |field: &str| format!("{path}.{field}");
            let shared = chain.neuron.clone();
            let own = |neuron: &mut Option<Part>| match neuron {
                Some(neuron) => hidden_neuron(registry, &at("neuron"), neuron, READ_LAYERS),
                None => Ok(shared),
            };
            match layer {
                Layer::Conv { channels, kernel, stride, padding, dilation, groups, pool, recurrent, neuron } => {
                    let (channels, kernel) = (*channels, kernel.0);
                    let made = Conv::new(channels, kernel).stride(stride.0).padding(padding.0).dilation(dilation.0);
                    let map = conv(made.groups(*groups), &at)?;
                    let is_odd = !*recurrent || kernel.iter().all(|size| size % 2 == 1);
                    range::require(is_odd, &at("kernel"), "odd in a layer that feeds itself", &RowsColumns(kernel))?;
                    convs += 1;
                    let back = Conv::new(channels, kernel).padding(kernel.map(|size| size / 2)).into();
                    let back = recurrent.then_some(back);
                    let mut feed = chain.feed(&path, map);
                    feed.pool = pool.map(|pool| pool.make(&at("pool"))).transpose()?;
                    add(&mut chain, &path, format!("conv{convs}"), own(neuron)?, feed, back);
                }
                Layer::MaxPool { size, stride } => {
                    let stride = windows(&path, *size, *stride)?;
                    pools += 1;
                    chain.max_pool(&path, format!("pool{pools}"), [*size, stride]);
                }
                Layer::AvgPool { size, stride } => {
                    let stride = windows(&path, *size, *stride)?;
                    pools += 1;
                    chain.pool(&path, format!("pool{pools}"), [*size, stride]);
                }
                Layer::Linear { features, recurrent, neuron } => {
                    range::count(&at("features"), *features, LARGE)?;
                    linears += 1;
                    let map = Map::Linear { features: *features };
                    let back = recurrent.then_some(map);
                    let feed = chain.feed(&path, map);
                    add(&mut chain, &path, format!("fc{linears}"), own(neuron)?, feed, back);
                }
                Layer::Readout { classes, neuron } => {
                    range::count(&at("classes"), *classes, LARGE)?;
                    let neuron = registry.neurons.make(neuron, registry).map_err(|e| e.within(&at("neuron")))?;
                    chain.readout(&path, neuron, Some(Map::Linear { features: *classes }));
                    chain.stack.classes = Some((at("classes"), *classes));
                }
            }
        }
        Ok(chain.stack)
    }
}

/// Adds a layer, with a recurrent projection through the map `back` if there is one.
fn add(chain: &mut Chain, path: &str, name: String, neuron: Neuron, feed: Feed, back: Option<Map>) {
    let back = back.map(|map| Feed::new(path, vec![chain.stack.next()], map));
    let dropout = chain.dropout;
    chain.add(path, name, neuron, dropout, std::iter::once(feed).chain(back).collect());
}
