//! The layer table of a network: one row for each population, and totals.

use std::collections::HashSet;

use snn_core::{Join, Map, Network, Pool, PoolKind, Projection, Role, Shape, Source, Tensor, Window};

/// The content of a layer table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Shape of the input spikes.
    pub input: Shape,
    /// Populations in evaluation order.
    pub rows: Vec<SummaryRow>,
    /// Number of neurons in all populations.
    pub neurons: usize,
    /// Number of trainable values.
    pub parameters: usize,
    /// Multiply-accumulate operations of a dense computation, for one image and time step.
    pub dense_operations: u64,
}

/// One row: a population.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// Name of the population.
    pub name: String,
    /// Its projections in words, such as `conv 5x5` or `linear, from itself`. The source is named unless it is the
    /// previous population, or the input for the first population.
    pub maps: Vec<String>,
    /// Name of its neuron.
    pub neuron: String,
    /// Shape of one sample at one step.
    pub shape: Shape,
    /// Shapes of the trainable tensors of its projections, then of the trainable parameters of its neurons.
    pub weights: Vec<Vec<usize>>,
    /// Number of neurons.
    pub neurons: usize,
    /// Number of trainable values.
    pub parameters: usize,
    /// Number of weighted inputs of one neuron, including recurrent ones; 0 without weights.
    pub fan_in: usize,
    /// Multiply-accumulate operations of a dense computation, for one image and time step; 0 without weights.
    pub dense_operations: u64,
}

impl Summary {
    /// Summarises `network`.
    pub fn new(network: &Network) -> Self {
        let rows: Vec<SummaryRow> = (0..network.populations().len()).map(|index| row(network, index)).collect();
        Self {
            input: network.input(),
            neurons: rows.iter().map(|row| row.neurons).sum(),
            parameters: network.parameters(),
            dense_operations: rows.iter().map(|row| row.dense_operations).sum(),
            rows,
        }
    }
}

fn row(network: &Network, index: usize) -> SummaryRow {
    let population = &network.populations()[index];
    let weight = |index: usize| &network.tensors()[index];
    let maps = || population.inputs.iter().filter_map(|input| input.weight).map(weight);
    let mut indices: Vec<usize> = population.inputs.iter().flat_map(Projection::all_tensors).collect();
    indices.extend(&population.parameters);
    let mut seen = HashSet::new();
    // Counts a weight that projections share once, and skips running statistics, which are not trained.
    indices.retain(|&index| seen.insert(index) && network.tensors()[index].role != Role::Running);
    let weights = || indices.iter().copied().map(weight);
    let from = |source: &Source| match *source {
        Source::Population(source) if source + 1 == index => String::new(),
        Source::Population(source) if source == index => "itself".to_owned(),
        Source::Population(source) => network.populations()[source].name.clone(),
        Source::Input if index == 0 => String::new(),
        Source::Input => "input".to_owned(),
    };
    let map_and_source = |input: &Projection| {
        let names: Vec<String> = match &input.sources[..] {
            [one] => vec![from(one)],
            several => several.iter().map(|source| name_of(network, *source)).collect(),
        };
        let names = names.join(&join_words(input.join));
        let from = if names.is_empty() { names } else { format!(", from {names}") };
        format!("{}{from}", projection_words(input))
    };
    // The outputs of several sources are summed before the map, so its operations are counted once.
    let operations = population.inputs.iter().filter_map(|input| Some((input.map, *input.sources.first()?)));
    let operations = operations.map(|(map, source)| map.dense_operations(network.shape(source)));
    SummaryRow {
        name: population.name.clone(),
        maps: population.inputs.iter().map(map_and_source).collect(),
        neuron: population.neuron.name().to_owned(),
        shape: population.shape,
        weights: weights().map(|weight| weight.shape.clone()).collect(),
        neurons: population.shape.len(),
        parameters: weights().map(Tensor::len).sum(),
        fan_in: maps().map(Tensor::fan_in).sum(),
        dense_operations: operations.sum(),
    }
}

/// Describes a projection in words: `conv 5x5, pad 2, max 2x2, norm`.
pub fn projection_words(input: &Projection) -> String {
    let bias = if input.bias.is_some() { ", bias" } else { "" };
    let norm = if input.norm.is_some() { ", norm" } else { "" };
    match input.pool.map(pool_words) {
        // An identity map with a pool is described as a pool.
        Some(pool) if input.map == Map::IDENTITY => pool,
        Some(pool) => format!("{}{bias}, {pool}{norm}", words(&input.map)),
        None => format!("{}{bias}{norm}", words(&input.map)),
    }
}

/// Describes a pool in words: `max 2x2`.
fn pool_words(pool: Pool) -> String {
    let Pool { kind, size, stride, .. } = pool;
    let kind = if kind == PoolKind::Max { "max" } else { "mean" };
    let stride = if stride == size { String::new() } else { format!(", stride {stride}") };
    format!("{kind} {size}x{size}{stride}")
}

/// The name of a source.
fn name_of(network: &Network, source: Source) -> String {
    match source {
        Source::Input => "input".to_owned(),
        Source::Population(index) => network.populations()[index].name.clone(),
    }
}

/// Describes a map in words, with stride and padding unless they have the usual values: `conv 5x5, pad 2`.
pub fn words(map: &Map) -> String {
    match *map {
        Map::Conv(conv) => {
            let Window { size: [height, width], stride, padding, dilation } = conv.window;
            let pair = |[rows, columns]: [usize; 2]| {
                if rows == columns { rows.to_string() } else { format!("{rows}x{columns}") }
            };
            let other = |what: &str, value: [usize; 2], usual: usize| {
                if value == [usual; 2] { String::new() } else { format!(", {what} {}", pair(value)) }
            };
            let groups = if conv.groups == 1 { String::new() } else { format!(", {} groups", conv.groups) };
            let [stride, padding] = [other("stride", stride, 1), other("pad", padding, 0)];
            format!("conv {height}x{width}{stride}{padding}{}{groups}", other("dilation", dilation, 1))
        }
        Map::Linear { .. } => "linear".to_owned(),
        Map::AvgPool { size, stride } if size == stride => format!("mean {size}x{size}"),
        Map::AvgPool { size, stride } => format!("mean {size}x{size}, stride {stride}"),
        Map::Subsample { stride: 1 } => "identity".to_owned(),
        Map::Subsample { stride } => format!("subsample, stride {stride}"),
    }
}

/// The text between the names of joined sources, such as ` & !` in `a & !b`.
pub(crate) fn join_words(join: Join) -> String {
    match join.symbol().split_once(' ') {
        Some((between, prefix)) => format!(" {between} {prefix}"),
        None => format!(" {} ", join.symbol()),
    }
}
