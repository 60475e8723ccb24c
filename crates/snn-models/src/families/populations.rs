//! The network family `Populations`: populations, each with its projections.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use snn_core::part::{Fault, Part, PartError, range};
use snn_core::registry::Registry;
use snn_core::text::excerpt;
use snn_core::{Conv, Join, Map, Source};

use super::stack::{Feed, Stack, StackPopulation, WeightOptions, hidden_neuron};
use super::stages::windows;
use super::{NormSpec, PoolSpec, RowsColumns, WINDOW, conv, one, ones, zeros};
use crate::check::LARGE;

/// Name of the network's input as a source.
pub(crate) const INPUT: &str = "input";

/// Populations with their projections, in evaluation order. Describes any network that the library can compute.
///
/// The last population is the output, with one neuron for each class. By default, the first weight of a population has
/// the name of the population, each further one is named `<population>.<source>`, and that of a recurrent projection
/// `<population>.recurrent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Populations {
    /// Variance of the initial weights multiplied by their fan-in, greater than 0.
    pub kappa: f32,
    /// Whether weight standardisation is used in training: the weights of all populations except the readout are
    /// [standardised](snn_core::standardise).
    pub standardise: bool,
    /// The populations.
    pub populations: Vec<PopulationSpec>,
}

/// One population of [`Populations`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Population")]
pub struct PopulationSpec {
    /// Name: letters, digits and `_`.
    pub name: String,
    /// Its neuron. In all populations but the last it must pass on spikes or numbers, not be a readout neuron.
    #[serde(default = "lif")]
    pub neuron: Part,
    /// Dropout probability, in `[0, 1)`; must be 0 in the last population.
    #[serde(default)]
    pub dropout: f32,
    /// Projections whose currents are summed.
    pub inputs: Vec<ProjectionSpec>,
}

/// A projection: what a population reads, and through which map. `from` is `"input"`, the name of an earlier population
/// or, except in the first projection, that of the population itself, whose spikes are read one step late. `"a + b"` is
/// the sum of the outputs of both, which must have the same shape. `"a & b"` is a spike where both spiked, and
/// `"a & !b"` one where the first spiked and the second did not. Projections with the same `weight` name share the
/// weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Projection")]
pub enum ProjectionSpec {
    /// 2-D convolution.
    Conv {
        /// Source or sources.
        from: String,
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
        /// Number of groups of channels, as in PyTorch's `groups`; equal to the number of channels of the source for a
        /// depthwise convolution.
        #[serde(default = "one")]
        groups: usize,
        /// Whether the projection has a bias.
        #[serde(default)]
        bias: bool,
        /// Pool of the current.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolSpec>,
        /// Normalisation of the current.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        norm: Option<NormSpec>,
        /// Name of the weight. `None`: the default name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<String>,
    },
    /// Fully connected.
    Linear {
        /// Source or sources.
        from: String,
        /// Output features.
        features: usize,
        /// Whether the projection has a bias.
        #[serde(default)]
        bias: bool,
        /// Normalisation of the current.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        norm: Option<NormSpec>,
        /// Name of the weight. `None`: the default name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<String>,
    },
    /// Average pool over `size x size` windows.
    AvgPool {
        /// Source or sources.
        from: String,
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Max pool over `size x size` windows.
    MaxPool {
        /// Source or sources.
        from: String,
        /// Height and width of the window.
        size: usize,
        /// Stride of the window. `None`: the window size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Subsampling to rows and columns `0, stride, 2 stride, ...`. With stride 1 it is the identity.
    Subsample {
        /// Source or sources.
        from: String,
        /// Stride between the selected pixels.
        stride: usize,
    },
}

impl Default for Populations {
    fn default() -> Self {
        Self { kappa: 2.0, standardise: false, populations: Vec::new() }
    }
}

fn lif() -> Part {
    Part::new("Lif")
}

impl Populations {
    pub(super) fn make(&mut self, registry: &Registry) -> Result<Stack, PartError> {
        let weights = WeightOptions { kappa: self.kappa, standardise: self.standardise, bias: false, norm: None };
        let mut stack = Stack::new(weights)?;
        let names: Vec<String> = self.populations.iter().map(|population| population.name.clone()).collect();
        let mut first = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            first.entry(name.as_str()).or_insert(index);
        }
        let names = Names { all: &names, first };
        range::require(!names.all.is_empty(), "populations", "a list of at least one population", &"none")?;
        for (index, population) in self.populations.iter_mut().enumerate() {
            let path = format!("populations[{index}]");
            let at = |field: &str| format!("{path}.{field}");
            check_name(&at("name"), &names, index)?;
            let is_last = index + 1 == names.all.len();
            let neuron = if is_last {
                let made = registry.neurons.make(&mut population.neuron, registry);
                made.map_err(|error| error.within(&at("neuron")))?
            } else {
                hidden_neuron(registry, &at("neuron"), &mut population.neuron, "all populations but the last")?
            };
            range::fraction(&at("dropout"), population.dropout)?;
            let takes_dropout = !is_last || population.dropout == 0.0;
            range::require(takes_dropout, &at("dropout"), "0 in the last population", &population.dropout)?;
            range::require(!population.inputs.is_empty(), &at("inputs"), "a list of at least one projection", &"none")?;
            stack.add(StackPopulation {
                inputs: feeds(&path, &population.inputs, &names, index)?,
                at: path,
                name: population.name.clone(),
                neuron,
                dropout: population.dropout,
            });
        }
        Ok(stack)
    }
}

/// Names of the populations.
struct Names<'a> {
    all: &'a [String],
    /// Index of the first population with each name.
    first: HashMap<&'a str, usize>,
}

/// Creates the inputs of the population at `index`, whose path is `path`.
fn feeds(path: &str, inputs: &[ProjectionSpec], names: &Names<'_>, index: usize) -> Result<Vec<Feed>, PartError> {
    let mut has_weight = false;
    let mut feeds = Vec::with_capacity(inputs.len());
    for (place, projection) in inputs.iter().enumerate() {
        let at = format!("{path}.inputs[{place}]");
        let (join, from) = joined(projection.from());
        let sources = from.iter().map(|from| source(&format!("{at}.from"), from, names, index));
        let sources = sources.collect::<Result<Vec<Source>, PartError>>()?;
        let map = projection.map(&at)?;
        let mut weight = projection.weight().cloned();
        let is_weighted = matches!(map, Map::Conv(_) | Map::Linear { .. });
        if is_weighted && has_weight && weight.is_none() && !sources.contains(&Source::Population(index)) {
            let usual = format!("{}.{}", names.all[index], from.join("."));
            if feeds.iter().any(|feed: &Feed| feed.weight.as_ref() == Some(&usual)) {
                let reason =
                    format!("another weight is named \"{usual}\"; give this one a name, as in weight: \"...\"");
                return Err(PartError::other(at, reason));
            }
            weight = Some(usual);
        }
        has_weight |= is_weighted;
        feeds.push(Feed {
            join,
            weight,
            bias: projection.bias(),
            pool: projection.pool(&at)?,
            norm: projection.norm(&at)?,
            ..Feed::new(&at, sources, map)
        });
    }
    Ok(feeds)
}

/// Parses `from` into the names of its sources and how they are joined.
fn joined(from: &str) -> (Join, Vec<&str>) {
    let parts = |symbol: &str| from.split(symbol).map(str::trim).collect::<Vec<&str>>();
    for join in Join::OF_TWO {
        // `& !` stands for `&` between the names and `!` before the second one.
        let (between, prefix) = join.symbol().split_once(' ').unwrap_or((join.symbol(), ""));
        match &parts(between)[..] {
            [first, second] => {
                if let Some(second) = second.strip_prefix(prefix) {
                    return (join, vec![first, second.trim_start()]);
                }
            }
            // The builder checks how many sources the join takes.
            several if several.len() > 2 && prefix.is_empty() => return (join, several.to_vec()),
            _ => {}
        }
    }
    (Join::Sum, parts(Join::Sum.symbol()))
}

/// Looks up the source named `from` for the population at `index`.
fn source(at: &str, from: &str, names: &Names<'_>, index: usize) -> Result<Source, PartError> {
    if from == INPUT {
        return Ok(Source::Input);
    }
    range::require(!from.is_empty(), at, "names of sources with + between them, as in \"a + b\"", &"a gap")?;
    match names.first.get(from).copied() {
        Some(found) if found <= index => Ok(Source::Population(found)),
        Some(_) => Err(PartError::other(
            at,
            format!("\"{}\" comes later; a population reads the input, earlier populations, or itself", excerpt(from)),
        )),
        None => {
            let known = std::iter::once(INPUT.to_owned()).chain(names.all[..=index].iter().cloned()).collect();
            let fault = Fault::Unknown { one: "source", many: "sources", found: from.to_owned(), known };
            Err(PartError::from(fault).within(at))
        }
    }
}

fn check_name(at: &str, names: &Names<'_>, index: usize) -> Result<(), PartError> {
    let name = &names.all[index];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = !name.is_empty() && name.chars().all(is_plain);
    range::require(is_name, at, "a name of letters, digits and _", &format!("\"{name}\""))?;
    range::require(name != INPUT, at, "another name than that of the network's input", &format!("\"{name}\""))?;
    range::require(
        names.first.get(name.as_str()) == Some(&index),
        at,
        "a name that no other population has",
        &format!("\"{name}\""),
    )
}

impl ProjectionSpec {
    fn from(&self) -> &str {
        match self {
            Self::Conv { from, .. }
            | Self::Linear { from, .. }
            | Self::AvgPool { from, .. }
            | Self::MaxPool { from, .. }
            | Self::Subsample { from, .. } => from,
        }
    }

    fn bias(&self) -> bool {
        match self {
            Self::Conv { bias, .. } | Self::Linear { bias, .. } => *bias,
            Self::AvgPool { .. } | Self::MaxPool { .. } | Self::Subsample { .. } => false,
        }
    }

    fn pool(&self, at: &str) -> Result<Option<snn_core::Pool>, PartError> {
        match *self {
            Self::Conv { pool, .. } => pool.map(|pool| pool.make(&format!("{at}.pool"))).transpose(),
            Self::MaxPool { size, stride, .. } => PoolSpec::Max { size, stride }.make(at).map(Some),
            Self::Linear { .. } | Self::AvgPool { .. } | Self::Subsample { .. } => Ok(None),
        }
    }

    fn norm(&self, at: &str) -> Result<Option<snn_core::Norm>, PartError> {
        match *self {
            Self::Conv { norm, .. } | Self::Linear { norm, .. } => {
                norm.map(|norm| norm.make(&format!("{at}.norm"))).transpose()
            }
            Self::AvgPool { .. } | Self::MaxPool { .. } | Self::Subsample { .. } => Ok(None),
        }
    }

    fn weight(&self) -> Option<&String> {
        match self {
            Self::Conv { weight, .. } | Self::Linear { weight, .. } => weight.as_ref(),
            Self::AvgPool { .. } | Self::MaxPool { .. } | Self::Subsample { .. } => None,
        }
    }

    /// Creates the map after checking the ranges of its values.
    fn map(&self, path: &str) -> Result<Map, PartError> {
        let at = |field: &str| format!("{path}.{field}");
        if let Some(weight) = self.weight() {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            let is_name = !weight.is_empty() && weight.chars().all(is_plain);
            range::require(is_name, &at("weight"), "a name of letters, digits, _ and .", &format!("\"{weight}\""))?;
        }
        match *self {
            Self::Conv { channels, kernel, stride, padding, dilation, groups, .. } => {
                let made = Conv::new(channels, kernel.0).stride(stride.0).padding(padding.0).dilation(dilation.0);
                conv(made.groups(groups), &at)
            }
            Self::Linear { features, .. } => {
                range::count(&at("features"), features, LARGE)?;
                Ok(Map::Linear { features })
            }
            Self::AvgPool { size, stride, .. } => Ok(Map::AvgPool { size, stride: windows(path, size, stride)? }),
            Self::MaxPool { .. } => Ok(Map::IDENTITY),
            Self::Subsample { stride, .. } => {
                range::count(&at("stride"), stride, WINDOW)?;
                Ok(Map::Subsample { stride })
            }
        }
    }
}
