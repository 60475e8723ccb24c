//! From the layers of an experiment to the populations of a network.

use snn_core::{Builder, Error, Map, Network, Neuron, Projection, Shape, Source};

use crate::{
    Experiment, ExperimentError,
    experiment::{Layer, NetworkSpec},
};

/// Most neurons of a population and most values of a weight.
const MOST: usize = 1 << 31;

impl Experiment {
    /// The network: one population a layer, named `conv1`, `conv2`, ..., `pool1`, ..., `fc1`, ... for `Linear`, and
    /// `readout`. Dropout applies to `Conv` and `Linear` layers.
    ///
    /// # Errors
    /// [`ExperimentError::Network`] with the path of the layer that does not fit.
    pub fn network(&self) -> Result<Network, ExperimentError> {
        let NetworkSpec::Sequence { neuron: shared, pool, dropout, layers, .. } = &self.network;
        let mut sequence = Sequence { builder: Network::builder(self.data.input()), last: Source::Input, layer: 0 };
        let (mut convs, mut pools, mut linears) = (0, 0, 0);
        for layer in layers {
            match *layer {
                Layer::Conv { channels, kernel, stride, padding, neuron } => {
                    convs += 1;
                    let map = Map::Conv { channels, kernel: [kernel; 2], stride, padding };
                    sequence.add(&format!("conv{convs}"), neuron.unwrap_or(*shared), *dropout, map)?;
                }
                Layer::AvgPool { size } => {
                    pools += 1;
                    sequence.add(&format!("pool{pools}"), *pool, 0.0, Map::AvgPool { size, stride: size })?;
                }
                Layer::Linear { features, neuron } => {
                    linears += 1;
                    let map = Map::Linear { features };
                    sequence.add(&format!("fc{linears}"), neuron.unwrap_or(*shared), *dropout, map)?;
                }
                Layer::Readout { classes, leak } => {
                    let neuron = Neuron::Readout { leak, threshold: 1.0 };
                    sequence.add("readout", neuron, 0.0, Map::Linear { features: classes })?;
                }
            }
        }
        let fail =
            |error: Error| ExperimentError::Network { path: "network.layers".to_owned(), reason: error.to_string() };
        sequence.builder.build().map_err(fail)
    }
}

struct Sequence {
    builder: Builder,
    last: Source,
    layer: usize,
}

impl Sequence {
    fn add(&mut self, name: &str, neuron: Neuron, dropout: f32, map: Map) -> Result<(), ExperimentError> {
        let path = format!("network.layers[{}]", self.layer);
        let fail =
            |reason: String| ExperimentError::Network { path: path.clone(), reason: format!("{name}: {reason}") };
        let input = self.builder.source_shape(self.last).map_err(fail)?;
        check_size(&map, input).map_err(fail)?;
        let added = self.builder.add_with_dropout(name, neuron, dropout, vec![Projection::new(self.last, map)]);
        self.last = added.map_err(|error| match error {
            Error::Population { reason, .. } => fail(reason),
            other => fail(other.to_string()),
        })?;
        self.layer += 1;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    fn network(overrides: &[(&str, &str)]) -> Result<Network, ExperimentError> {
        Experiment::from_ron(presets::all()[0].text, "", overrides)?.network()
    }

    #[test]
    fn populations_are_numbered_by_kind() {
        let network = network(&[]).unwrap();
        let names: Vec<&str> = network.populations().iter().map(|population| population.name.as_str()).collect();
        assert_eq!(names, ["conv1", "pool1", "conv2", "pool2", "fc1", "readout"]);
        assert_eq!(network.populations()[4].inputs[0].source, Source::Population(3));
        assert_eq!(network.weights()[2].shape, [200, 2450]);
    }

    #[test]
    fn dropout_is_for_conv_and_linear_layers() {
        let network = network(&[("network.dropout", "0.25")]).unwrap();
        let dropout: Vec<f32> = network.populations().iter().map(|population| population.dropout).collect();
        assert_eq!(dropout, [0.25, 0.0, 0.25, 0.0, 0.25, 0.0]);
    }

    #[test]
    fn a_layer_has_its_own_neuron_if_it_names_one() {
        let network = network(&[("network.layers[2].neuron", "Lif(leak: 0.5)")]).unwrap();
        let leaks: Vec<f32> = network.populations().iter().map(|population| population.neuron.leak()).collect();
        assert_eq!(leaks, [0.99, 1.0, 0.5, 1.0, 0.99, 0.99]);
    }

    #[test]
    fn a_layer_that_does_not_fit_is_named() {
        insta::assert_snapshot!(network(&[("network.layers[1].size", "20")]).unwrap_err(), @"
        network.layers[3]: pool2: input 50: height 1 with padding 0 is smaller than the window of 2
          --> :14:56
           |
        14 |             Conv(channels: 50, kernel: 5, padding: 2), AvgPool(size: 2),    // 14x14 ->  7x7
           |                                                        ^^^^^^^^^^^^^^^^
           |
           = with the override network.layers[1].size=20
        ");
        insta::assert_snapshot!(network(&[("network.layers[4].features", "60000"), ("network.layers[2].channels", "2000")]).unwrap_err(), @"
        network.layers[4]: fc1: 5880000000 weights are more than 2147483648
         |
         = in the override network.layers[4].features=60000
        ");
    }
}
