//! The network family `Sequence`: layers one after the other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use snn_core::registry::{Part, PartError, Registry, RegistryError, range};
use snn_core::{Builder, Error, Family, Map, Network, Neuron, Projection, Shape, Source};

use crate::check::LARGE;

/// Largest kernels, strides, paddings and pools.
const WINDOW: usize = 1024;
/// Most neurons of a population and most values of a weight.
const MOST: usize = 1 << 31;

/// Adds the network family `Sequence`.
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry
        .families
        .add("Sequence", |sequence: &mut Sequence, registry| Ok(Arc::new(sequence.make(registry)?) as Arc<dyn Family>))
}

/// Layers one after the other, as a RON file spells them. Each becomes one population, named `conv1`, `conv2`, ...,
/// `pool1`, ..., `fc1`, ... for `Linear`, and `readout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sequence {
    /// Neuron of every `Conv` and `Linear` layer that names none of its own.
    pub neuron: Part,
    /// Neuron of every `AvgPool` layer.
    pub pool: Part,
    /// Dropout of every `Conv` and `Linear` layer, in `[0, 1)`.
    pub dropout: f32,
    /// Variance of the initial weights times their fan-in, greater than 0.
    pub kappa: f32,
    /// The layers; the last one is a `Readout`.
    pub layers: Vec<Layer>,
}

impl Default for Sequence {
    fn default() -> Self {
        Self { neuron: Part::new("Lif"), pool: Part::new("PoolIf"), dropout: 0.0, kappa: 2.0, layers: Vec::new() }
    }
}

/// One layer of a [`Sequence`].
///
/// A recurrent layer also feeds its own spikes back to itself, one step late, through a weight named
/// `<population>.recurrent`: `Linear` from every neuron to every other and itself, `Conv` with the same kernel (which
/// must then be odd), stride 1 and the padding that keeps the shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Layer {
    /// 2-D convolution and its neurons.
    Conv {
        /// Output channels.
        channels: usize,
        /// Kernel height and width.
        kernel: usize,
        /// Step between windows.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros on every side.
        #[serde(default)]
        padding: usize,
        /// Whether the layer feeds itself.
        #[serde(default)]
        recurrent: bool,
        /// Neuron of this layer, where it differs from the network's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Part>,
    },
    /// Average pool over `size x size` windows, stride `size`, and its neurons.
    AvgPool {
        /// Window and stride.
        size: usize,
    },
    /// Every input to every output, and its neurons.
    Linear {
        /// Output features.
        features: usize,
        /// Whether the layer feeds itself.
        #[serde(default)]
        recurrent: bool,
        /// Neuron of this layer, where it differs from the network's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neuron: Option<Part>,
    },
    /// Every input to one neuron a class.
    Readout {
        /// Number of classes.
        classes: usize,
        /// Neuron, which need not fire. The default is the paper's leaky integrator.
        #[serde(default = "integrator")]
        neuron: Part,
    },
}

fn one() -> usize {
    1
}

fn integrator() -> Part {
    Part { name: "LeakyIntegrator".to_owned(), fields: "(gradient: LeakFree)".to_owned() }
}

/// Layers whose values are in their ranges and whose neurons are made.
#[derive(Debug)]
struct Stack {
    kappa: f32,
    layers: Vec<Made>,
    /// Classes of the readout.
    classes: usize,
}

#[derive(Debug)]
struct Made {
    name: String,
    map: Map,
    /// From the layer to itself.
    recurrent: Option<Map>,
    neuron: Neuron,
    dropout: f32,
}

impl Sequence {
    fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let shared = hidden(registry, "neuron", &mut self.neuron)?;
        let pool = hidden(registry, "pool", &mut self.pool)?;
        range::fraction("dropout", self.dropout)?;
        range::positive("kappa", self.kappa)?;
        let (mut convs, mut pools, mut linears, mut classes) = (0, 0, 0, 0);
        let count = self.layers.len();
        let mut layers = Vec::with_capacity(count);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let at = |field: &str| format!("layers[{index}].{field}");
            let own = |neuron: &mut Option<Part>| match neuron {
                Some(neuron) => hidden(registry, &at("neuron"), neuron),
                None => Ok(shared.clone()),
            };
            layers.push(match layer {
                Layer::Conv { channels, kernel, stride, padding, recurrent, neuron } => {
                    range::count(&at("channels"), *channels, LARGE)?;
                    range::count(&at("kernel"), *kernel, WINDOW)?;
                    range::count(&at("stride"), *stride, WINDOW)?;
                    range::require(*padding <= WINDOW, &at("padding"), format!("at most {WINDOW}"), padding)?;
                    let is_odd = !*recurrent || *kernel % 2 == 1;
                    range::require(is_odd, &at("kernel"), "odd in a layer that feeds itself", kernel)?;
                    convs += 1;
                    let (channels, kernel) = (*channels, [*kernel; 2]);
                    let back = Map::Conv { channels, kernel, stride: 1, padding: kernel[0] / 2 };
                    Made {
                        name: format!("conv{convs}"),
                        map: Map::Conv { channels, kernel, stride: *stride, padding: *padding },
                        recurrent: recurrent.then_some(back),
                        neuron: own(neuron)?,
                        dropout: self.dropout,
                    }
                }
                Layer::AvgPool { size } => {
                    range::count(&at("size"), *size, WINDOW)?;
                    pools += 1;
                    let map = Map::AvgPool { size: *size, stride: *size };
                    Made { name: format!("pool{pools}"), map, recurrent: None, neuron: pool.clone(), dropout: 0.0 }
                }
                Layer::Linear { features, recurrent, neuron } => {
                    range::count(&at("features"), *features, LARGE)?;
                    linears += 1;
                    let map = Map::Linear { features: *features };
                    Made {
                        name: format!("fc{linears}"),
                        map,
                        recurrent: recurrent.then_some(map),
                        neuron: own(neuron)?,
                        dropout: self.dropout,
                    }
                }
                Layer::Readout { classes: asked, neuron } => {
                    range::count(&at("classes"), *asked, LARGE)?;
                    if index + 1 < count {
                        return Err(PartError::other(
                            format!("layers[{index}]"),
                            "only the last layer can be a Readout",
                        ));
                    }
                    classes = *asked;
                    let neuron = registry.neurons.make(neuron, registry).map_err(|e| e.within(&at("neuron")))?;
                    let map = Map::Linear { features: classes };
                    Made { name: "readout".to_owned(), map, recurrent: None, neuron, dropout: 0.0 }
                }
            });
        }
        Ok(Stack { kappa: self.kappa, layers, classes })
    }
}

/// The neuron that `part` names, which must fire.
fn hidden(registry: &Registry, path: &str, part: &mut Part) -> Result<Neuron, PartError> {
    let neuron = registry.neurons.make(part, registry).map_err(|error| error.within(path))?;
    let range = "a neuron that fires, as all layers but the Readout need";
    range::require(neuron.fires(), path, range, &neuron.name())?;
    Ok(neuron)
}

impl Family for Stack {
    fn build(&self, input: Shape, classes: usize) -> Result<Network, PartError> {
        range::require(!self.layers.is_empty(), "layers", "a list that ends in a Readout", &"no layer")?;
        let last = self.layers.len() - 1;
        if self.classes == 0 {
            return Err(PartError::other(format!("layers[{last}]"), "the last layer must be a Readout"));
        }
        let range = format!("{classes}, as many as the data set has");
        range::require(self.classes == classes, &format!("layers[{last}].classes"), range, &self.classes)?;

        let mut builder = Network::builder(input);
        builder.kappa(self.kappa).map_err(|error| PartError::other("kappa", error.to_string()))?;
        let mut source = Source::Input;
        for (index, layer) in self.layers.iter().enumerate() {
            let fail =
                |reason: String| PartError::other(format!("layers[{index}]"), format!("{}: {reason}", layer.name));
            source = layer.add(&mut builder, source).map_err(fail)?;
        }
        builder.build().map_err(|error| PartError::other("layers", error.to_string()))
    }
}

impl Made {
    /// Adds the layer, fed by `source`. The error says why it does not fit.
    fn add(&self, builder: &mut Builder, source: Source) -> Result<Source, String> {
        let input = builder.source_shape(source)?;
        check_size(&self.map, input)?;
        let mut inputs = vec![Projection::new(source, self.map)];
        if let Some(map) = self.recurrent {
            check_size(&map, self.map.output(input)?)?;
            inputs.push(Projection::new(builder.itself(), map));
        }
        let added = builder.add_with_dropout(&self.name, self.neuron.clone(), self.dropout, inputs);
        added.map_err(|error| match error {
            Error::Population { reason, .. } => reason,
            other => other.to_string(),
        })
    }
}

/// Random words are addressed by 32 bits, and indices into weights fit in as many.
fn check_size(map: &Map, input: Shape) -> Result<(), String> {
    let neurons = map.output(input).map_or(0, Shape::len);
    let weights = map.weight_shape(input).map_or(0, |shape| shape.iter().product());
    match (neurons > MOST, weights > MOST) {
        (true, _) => Err(format!("{neurons} neurons are more than {MOST}")),
        (_, true) => Err(format!("{weights} weights are more than {MOST}")),
        _ => Ok(()),
    }
}
