//! A network as a table: one row a population, and sums.

use snn_core::{Network, Shape};

/// What a layer table shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Shape of the input spikes.
    pub input: Shape,
    /// Populations in evaluation order.
    pub rows: Vec<Row>,
    /// Neurons of all populations.
    pub neurons: usize,
    /// Trainable values.
    pub parameters: usize,
    /// Multiply-accumulates of one image and time step, if it were computed densely.
    pub dense_operations: u64,
}

/// One population.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What feeds it, such as `conv 5x5` or `linear`.
    pub maps: String,
    /// Name of its neuron.
    pub neuron: &'static str,
    /// Shape of one sample at one step.
    pub shape: Shape,
    /// Shape of each of its weights; none for pools.
    pub weights: Vec<Vec<usize>>,
    /// Neurons.
    pub neurons: usize,
    /// Trainable values.
    pub parameters: usize,
    /// Weighted inputs of one neuron; 0 without weights.
    pub fan_in: usize,
    /// Multiply-accumulates of one image and time step, if it were computed densely; 0 without weights.
    pub dense_operations: u64,
}

impl Summary {
    /// The summary of `network`.
    pub fn new(network: &Network) -> Self {
        let rows: Vec<Row> = network.populations().iter().map(|population| row(network, population)).collect();
        Self {
            input: network.input(),
            neurons: rows.iter().map(|row| row.neurons).sum(),
            parameters: network.parameters(),
            dense_operations: rows.iter().map(|row| row.dense_operations).sum(),
            rows,
        }
    }
}

fn row(network: &Network, population: &snn_core::Population) -> Row {
    let weights = || population.inputs.iter().filter_map(|input| Some(&network.weights()[input.weight?]));
    let maps: Vec<String> = population.inputs.iter().map(|input| words(&input.map)).collect();
    let operations = population.inputs.iter().map(|input| input.map.dense_operations(network.shape(input.source)));
    Row {
        name: population.name.clone(),
        maps: maps.join(" + "),
        neuron: population.neuron.name(),
        shape: population.shape,
        weights: weights().map(|weight| weight.shape.clone()).collect(),
        neurons: population.shape.len(),
        parameters: weights().map(snn_core::Weight::len).sum(),
        fan_in: weights().map(snn_core::Weight::fan_in).sum(),
        dense_operations: operations.sum(),
    }
}

/// A map in words, with the stride and padding where they are not the usual ones.
fn words(map: &snn_core::Map) -> String {
    use snn_core::Map;
    match *map {
        Map::Conv { kernel: [height, width], stride, padding, .. } => {
            let stride = if stride == 1 { String::new() } else { format!(", stride {stride}") };
            let padding = if padding == 0 { String::new() } else { format!(", pad {padding}") };
            format!("conv {height}x{width}{stride}{padding}")
        }
        Map::Linear { .. } => "linear".to_owned(),
        Map::AvgPool { size, stride } if size == stride => format!("mean {size}x{size}"),
        Map::AvgPool { size, stride } => format!("mean {size}x{size}, stride {stride}"),
        Map::Subsample { stride: 1 } => "identity".to_owned(),
        Map::Subsample { stride } => format!("every {stride}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Experiment, presets};

    fn table(preset: &str) -> String {
        let experiment = Experiment::from_ron(presets::find(preset).unwrap().text, "", &[]).unwrap();
        let summary = Summary::new(&experiment.network().unwrap());
        let lines = summary.rows.iter().map(|row| {
            let Row { name, maps, neuron, shape, weights, neurons, parameters, fan_in, dense_operations } = row;
            format!("{name} | {maps} | {neuron} {shape} {neurons} | {weights:?} {parameters} | {fan_in} | {dense_operations}\n")
        });
        let Summary { input, neurons, parameters, dense_operations, .. } = summary;
        lines.collect::<String>() + &format!("{input} -> {neurons} | {parameters} | {dense_operations}")
    }

    #[test]
    fn lenet_has_5_784_000_dense_operations_a_step() {
        insta::assert_snapshot!(table("mnist-lenet"), @"
        conv1 | conv 5x5, pad 2 | Lif 20x28x28 15680 | [[20, 1, 5, 5]] 500 | 25 | 392000
        pool1 | mean 2x2 | PoolIf 20x14x14 3920 | [] 0 | 0 | 0
        conv2 | conv 5x5, pad 2 | Lif 50x14x14 9800 | [[50, 20, 5, 5]] 25000 | 500 | 4900000
        pool2 | mean 2x2 | PoolIf 50x7x7 2450 | [] 0 | 0 | 0
        fc1 | linear | Lif 200 200 | [[200, 2450]] 490000 | 2450 | 490000
        readout | linear | Readout 10 10 | [[10, 200]] 2000 | 200 | 2000
        1x28x28 -> 32060 | 517500 | 5784000
        ");
        assert_eq!(table("mnist-lenet"), table("mnist-lenet-paper"));
    }
}
