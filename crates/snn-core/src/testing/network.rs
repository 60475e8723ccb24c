//! Checks of whole small networks against finite differences.

use std::fmt;

use proptest::prelude::*;

use super::{ProofCase, compare, parts, provable, run, scale};
use crate::error::Error;
use crate::loss::Loss;
use crate::map::{Conv, Map};
use crate::network::{Join, Network, Norm, Projection, Source};
use crate::neuron::{Gradient, Neuron};
use crate::neuron::{Identity, Relay};
use crate::part::Part;
use crate::penalty::RatePenalty;
use crate::pool::{Pool, PoolKind};
use crate::random::{Purpose, Stream};
use crate::reference::simulation::{BackwardStart, Simulation, Spikes};
use crate::registry::Registry;
use crate::score::Score;
use crate::shape::Shape;

/// A small network on a few samples: a convolution, a readout, and between them the optional parts below, such as a
/// pool, a residual block and a recurrent layer. Weights, input and dropout masks are drawn from `seed`.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the parts of the network are there or not, independently")]
pub struct NetworkCase {
    /// Neuron of the firing populations, such as `Lif(leak: 0.9)`.
    pub neuron: String,
    /// Surrogate that replaces the neuron's own, such as `Atan(alpha: 2.0)`; empty to keep it.
    pub surrogate: String,
    /// The loss, such as `SquaredError`.
    pub loss: String,
    /// The score, such as `Final`.
    pub score: String,
    /// Time steps `T`.
    pub steps: usize,
    /// Samples `N`.
    pub samples: usize,
    /// Kernel of the convolution.
    pub kernel: [usize; 2],
    /// Stride of the convolution.
    pub stride: usize,
    /// Padding of the convolution.
    pub padding: usize,
    /// Whether the convolution is depthwise, with a dilation of 2 in width.
    pub depthwise: bool,
    /// Whether a population with average pooling follows.
    pub pool: bool,
    /// Whether a residual block follows.
    pub residual: bool,
    /// Whether the block reads the sum of two sources through one weight, and a third source through the same weight.
    pub shared: bool,
    /// Whether convolution and readout have a bias.
    pub bias: bool,
    /// Whether the currents of the convolution and of the inner map of the membrane-shortcut block are normalised. The
    /// convolution then has no bias.
    pub norm: bool,
    /// Pooling of the current of the convolution.
    pub current_pool: Option<PoolKind>,
    /// Whether max pooling of spikes follows.
    pub spike_pool: bool,
    /// How the spikes of two populations are joined; `Sum` for no join.
    pub join: Join,
    /// Whether a residual block with a membrane shortcut follows.
    pub membrane: bool,
    /// Whether a recurrent layer follows.
    pub recurrent: bool,
    /// Whether hidden populations have dropout.
    pub dropout: bool,
    /// Whether the last population fires.
    pub fires: bool,
    /// Whether firing rates are penalised.
    pub penalty: bool,
    /// Seed of weights, input and masks.
    pub seed: u64,
}

/// Checks networks with every neuron, every surrogate, every score and every loss of `registry`, including those among
/// `variants`.
///
/// # Errors
/// The failed case, as code to paste into a unit test.
pub fn networks(registry: &Registry, variants: &[&str]) -> Result<(), String> {
    let case = |neuron: &str, surrogate: &str, loss: &str, readout: &str| {
        let [neuron, surrogate, loss, readout] = [neuron, surrogate, loss, readout].map(str::to_owned);
        let sizes = (1..5_usize, 1..3_usize, [1..4_usize, 1..4], 1..3_usize, 0..2_usize);
        let switches = any::<[bool; 9]>();
        let current_pool = prop::sample::select(vec![None, Some(PoolKind::Max), Some(PoolKind::Mean)]);
        let join = prop::sample::select([&[Join::Sum], &Join::OF_TWO[..]].concat());
        let stages = (any::<[bool; 3]>(), current_pool, join);
        (sizes, switches, stages, any::<u64>()).prop_map(
            move |(
                sizes,
                [pool, residual, recurrent, dropout, fires, penalty, shared, bias, depthwise],
                stages,
                seed,
            )| {
                let (steps, samples, kernel, stride, padding) = sizes;
                let ([norm, spike_pool, membrane], current_pool, join) = stages;
                NetworkCase {
                    neuron: neuron.clone(),
                    surrogate: surrogate.clone(),
                    loss: loss.clone(),
                    score: readout.clone(),
                    steps,
                    samples,
                    kernel,
                    stride,
                    padding,
                    depthwise,
                    pool,
                    residual,
                    shared,
                    bias,
                    norm,
                    current_pool,
                    spike_pool,
                    join,
                    membrane,
                    recurrent,
                    dropout,
                    fires,
                    penalty,
                    seed,
                }
            },
        )
    };
    for neuron in parts(registry.neurons.names(), variants) {
        // Skip neurons that do not fire: the networks are made for firing neurons.
        if provable(&neuron, registry)?.fires() {
            run(registry, 32, case(&neuron, "", "SquaredError", "Mean"))?;
        }
    }
    for surrogate in parts(registry.surrogates.names(), variants) {
        run(registry, 16, case("Lif(leak: 0.9)", &surrogate, "SquaredError", "Mean"))?;
    }
    for loss in parts(registry.losses.names(), variants) {
        for readout in parts(registry.scores.names(), variants) {
            run(registry, 8, case("Lif(leak: 0.9)", "Sigmoid", &loss, &readout))?;
        }
    }
    Ok(())
}

/// Number of classes.
const CLASSES: usize = 3;

/// A network with weights, input, dropout masks, loss, score and penalty.
struct Setting {
    network: Network,
    weights: Vec<Vec<f64>>,
    input: Vec<Vec<f64>>,
    masks: Vec<Vec<f64>>,
    loss: std::sync::Arc<dyn Loss>,
    readout: std::sync::Arc<dyn Score>,
    penalty: Option<RatePenalty>,
    samples: usize,
}

impl NetworkCase {
    /// Compares the gradient of the loss with respect to every weight with finite differences.
    ///
    /// # Errors
    /// The value that differs.
    pub fn check(&self, registry: &Registry) -> Result<(), String> {
        let setting = self.setting(registry)?;
        let Setting { network, weights, .. } = &setting;
        let base = setting.run(weights, None);
        let (value, d_output, d_emitted) = setting.judge(&base);
        if !value.is_finite() {
            return Ok(()); // the neurons ran away: there is nothing to differentiate
        }
        let start = BackwardStart { d_output: &d_output, d_emitted: &d_emitted };
        let gradients = base.clone().backward(network, weights, start);
        for (index, weight) in network.tensors().iter().enumerate() {
            for i in 0..weight.len() {
                let moved = |h: f64| {
                    let mut weights = weights.clone();
                    weights[index][i] += h;
                    setting.judge(&setting.run(&weights, Some(&base))).0
                };
                let size = weights[index].iter().map(|w| w.abs()).fold(0.1, f64::max);
                compare(&format!("weight {i} of {}", weight.name), gradients[index][i], size, moved)?;
            }
        }
        Ok(())
    }

    fn setting(&self, registry: &Registry) -> Result<Setting, String> {
        let mut neuron = provable(&self.neuron, registry)?;
        let parse = |text: &str| Part::parse(text).map_err(|error| error.to_string());
        if !self.surrogate.is_empty() {
            let surrogate = registry.surrogates.make(&mut parse(&self.surrogate)?, registry);
            let surrogate = surrogate.map_err(|error| error.to_string())?;
            neuron = neuron.with_gradient(Gradient::Surrogate { surrogate, detach_reset: false });
        }
        let p: Vec<f64> = neuron.parameters().iter().map(|parameter| f64::from(parameter.initial)).collect();
        let unit = scale(&neuron, &p);
        let network = self.network(&neuron).map_err(|error| error.to_string())?;
        let initial = network.initial_weights(self.seed);
        let draw = |weight: &crate::network::Tensor, values: Vec<f32>| -> Vec<f64> {
            let factor = if weight.role == crate::network::Role::Constant { 1.0 } else { unit };
            let value = |(i, w): (usize, &f32)| match weight.role {
                crate::network::Role::Bias => 0.1 + 0.2 * i as f64, // one that starts at 0 would prove little
                crate::network::Role::Scale => 1.0 + 0.5 * i as f64,
                // Neurons of equal constants would tie in a max pool, which has no derivative there.
                crate::network::Role::Constant => f64::from(*w) * (1.0 - 0.002 * i as f64),
                _ => f64::from(*w),
            };
            values.iter().enumerate().map(|indexed| value(indexed) * factor).collect()
        };
        let weights = network.tensors().iter().zip(initial).map(|(weight, values)| draw(weight, values)).collect();
        let stream = Stream::new(self.seed, Purpose::Encoder);
        let row = |t: usize| {
            let spike = |i: usize| f64::from(stream.word(0, 0, t as u32, i as u32) % 3) - 0.5; // -0.5, 0.5 or 1.5
            (0..self.samples * network.input().len()).map(spike).collect()
        };
        let drop = Stream::new(self.seed, Purpose::Dropout);
        let mask = |(index, population): (usize, &crate::network::Population)| {
            let keep =
                |i: usize| if drop.word(0, 0, index as u32, i as u32).is_multiple_of(4) { 0.0 } else { 4.0 / 3.0 };
            let is_dropped = self.dropout && index + 1 < network.populations().len();
            let neurons = if is_dropped { self.samples * population.shape.len() } else { 0 };
            (0..neurons).map(keep).collect()
        };
        Ok(Setting {
            weights,
            input: (0..self.steps).map(row).collect(),
            masks: network.populations().iter().enumerate().map(mask).collect(),
            loss: registry.losses.make(&mut parse(&self.loss)?, registry).map_err(|error| error.to_string())?,
            readout: registry.scores.make(&mut parse(&self.score)?, registry).map_err(|error| error.to_string())?,
            penalty: self.penalty.then_some(RatePenalty { target: 0.2, weight: 3.0, epochs: None }),
            samples: self.samples,
            network,
        })
    }

    fn network(&self, neuron: &Neuron) -> Result<Network, Error> {
        let mut builder = Network::builder(Shape::new(2, 4, 3));
        let [height, width] = self.kernel;
        let conv = if self.depthwise {
            // Two taps with dilation 2 span three columns, as many as the widest kernel without dilation.
            let conv = Conv::new(2, [height, width.min(2)]).stride([self.stride, 1]).padding([self.padding; 2]);
            Map::from(conv.dilation([1, 2]).groups(2))
        } else {
            Map::conv(2, [height, width], self.stride, self.padding)
        };
        let biased = |projection: Projection| if self.bias { projection.with_bias() } else { projection };
        let normed = |projection: Projection| {
            if self.norm { projection.with_norm(Norm::new(2)) } else { biased(projection) }
        };
        let mut first = normed(Projection::new(Source::Input, conv));
        let mapped = conv.output(Shape::new(2, 4, 3)).map_err(Error::Network)?;
        if let Some(kind) = self.current_pool.filter(|_| mapped.height.min(mapped.width) >= 2) {
            first = first.with_pool(Pool { kind, ..Pool::max(2).with_stride(1) });
        }
        let mut last = builder.add("conv", neuron.clone(), vec![first])?;
        // A pool needs two rows and two columns.
        let shape = builder.source_shape(last).map_err(Error::Network)?;
        if self.pool && shape.height.min(shape.width) >= 2 {
            let map = Map::AvgPool { size: 2, stride: 1 };
            last = builder.add("pool", neuron.clone(), vec![Projection::new(last, map)])?;
        }
        let shape = builder.source_shape(last).map_err(Error::Network)?;
        if self.spike_pool && shape.height.min(shape.width) >= 2 {
            let window = Projection::new(last, Map::IDENTITY).with_pool(Pool::max(2).with_stride(1));
            last = builder.add("largest", Relay {}.neuron(), vec![window])?;
        }
        if self.join != Join::Sum {
            let own = vec![Projection::new(last, Map::conv(2, [1, 1], 1, 0))];
            let other = builder.add("other", neuron.clone(), own)?;
            let both = Projection::joined(self.join, last, other);
            last = builder.add("joined", Relay {}.neuron(), vec![both])?;
        }
        if self.membrane {
            let carry =
                builder.add("carry", Identity {}.neuron(), vec![Projection::new(last, Map::conv(2, [1, 1], 1, 0))])?;
            let relay = |source| Projection::new(source, Map::IDENTITY);
            let spikes = builder.add("spikes", neuron.clone(), vec![relay(carry)])?;
            let inner = normed(Projection::new(spikes, Map::conv(2, [3, 3], 1, 1)).named("inner"));
            let carried = builder.add("carried", Identity {}.neuron(), vec![relay(carry), inner])?;
            last = builder.add("again", neuron.clone(), vec![relay(carried)])?;
        }
        if self.residual {
            let conv = Map::conv(2, [3, 3], 2, 1);
            let before = last;
            let relay = vec![Projection::new(before, Map::Subsample { stride: 1 })];
            let around = if self.shared { builder.add("around", neuron.clone(), relay)? } else { before };
            let sources = if self.shared { vec![before, around] } else { vec![before] };
            let inputs = vec![
                biased(Projection::new(sources, conv)).named("block"),
                Projection::new(last, Map::Subsample { stride: 2 }),
            ];
            let again = Projection::new(around, conv).named("block");
            let inputs = if self.shared { [inputs, vec![again]].concat() } else { inputs };
            last = builder.add("block", neuron.clone(), inputs)?;
        }
        if self.recurrent {
            let map = Map::Linear { features: 2 };
            let inputs = vec![Projection::new(last, map), Projection::new(builder.recurrent_source(), map)];
            last = builder.add("recurrent", neuron.clone(), inputs)?;
        }
        let readout = crate::neuron::LeakyIntegrator { leak: 0.8, divisor: 1.5, ..Default::default() }.neuron();
        let neuron = if self.fires { neuron.clone() } else { readout };
        builder.add("readout", neuron, vec![biased(Projection::new(last, Map::Linear { features: CLASSES }))])?;
        builder.build()
    }
}

impl Setting {
    /// Runs the network with smooth spikes. If gradients are detached from the reset, the reset uses the spikes of
    /// `base`, because a value that is not differentiated must stay constant.
    fn run(&self, weights: &[Vec<f64>], base: Option<&Simulation<f64>>) -> Simulation<f64> {
        let mut simulation = Simulation::new(&self.network, weights, self.input.clone(), &self.masks, true);
        simulation.forward(&self.network, weights, Spikes::Smooth(base));
        simulation
    }

    /// Loss, `dL/d output` `[T][N · K]` and `dL/d emitted`.
    fn judge(&self, trial: &Simulation<f64>) -> (f64, Vec<Vec<f64>>, Vec<f64>) {
        let rows = trial.output();
        let mut d_rows: Vec<Vec<f64>> = rows.iter().map(|row| vec![0.0; row.len()]).collect();
        let mut sum = 0.0;
        for n in 0..self.samples {
            let own: Vec<f64> = rows.iter().flat_map(|row| &row[n * CLASSES..(n + 1) * CLASSES]).copied().collect();
            let (loss, d_own) = self.loss.evaluate(&own, CLASSES, n % CLASSES, &*self.readout);
            sum += loss;
            for (d_row, d) in d_rows.iter_mut().zip(d_own.chunks(CLASSES)) {
                d_row[n * CLASSES..(n + 1) * CLASSES].copy_from_slice(d);
            }
        }
        let Some(penalty) = self.penalty else { return (sum, d_rows, Vec::new()) };
        let emitted: Vec<f64> = trial.emitted(&self.network).collect();
        let (more, d_emitted) = penalty.evaluate(&self.network, rows.len(), self.samples, &emitted);
        (sum + more, d_rows, d_emitted.iter().map(|d| f64::from(*d)).collect())
    }
}

impl ProofCase for NetworkCase {
    fn check(&self, registry: &Registry) -> Result<(), String> {
        self.check(registry)
    }
}

impl fmt::Display for NetworkCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("let case = {self:#?};\ncase.check(&registry).unwrap();");
        // Debug prints strings as slices: own them.
        for line in text.lines() {
            match line.strip_suffix("\",") {
                Some(start) => writeln!(f, "{start}\".to_owned(),")?,
                None => writeln!(f, "{line}")?,
            }
        }
        Ok(())
    }
}
