//! Whole networks: normalisation, blocks of residual networks, pools and depthwise convolutions, as SpikingJelly and PyTorch
//! compute them. Spikes must be the same, values and gradients within 1e-5 of a tensor's largest value (or of 1).

use snn_core::neuron::{Identity, Lif, Relay, Reset};
use snn_core::reference::Reference;
use snn_core::surrogate::Atan;
use snn_core::{
    Activity, Builder, Conv, Dropout, Engine, Errors, Gradient, Map, Network, Neuron, Norm, Plan, Pool, Projection,
    Record, Session, Shape, Source, SpikeTrain, Stimulus, Trial, Weights,
};
use snn_cpu::Cpu;

use crate::vectors::{Case, library};

/// `LIFNode(tau=2.0, decay_input=False, v_reset=None, detach_reset=True, surrogate_function=ATan(2.0))`.
fn lif() -> Neuron {
    let lif = Lif { leak: 0.5, reset: Reset::Soft, ..Lif::default() };
    Neuron::new("Lif", lif, Gradient::surrogate(Atan { alpha: 2.0 }).detached(true))
}

fn conv(source: impl Into<Vec<Source>>, name: &str) -> Projection {
    Projection::new(source, Map::conv(3, [3, 3], 1, 1)).named(name).with_bias()
}

fn relay(source: Source) -> Projection {
    Projection::new(source, Map::IDENTITY)
}

/// What the linear layer at the end reads.
fn hidden(name: &str, builder: &mut Builder) -> Vec<Source> {
    let mut add = |name: &str, neuron: Neuron, inputs: Vec<Projection>| builder.add(name, neuron, inputs).unwrap();
    match name {
        "batch_norm" => {
            let conv = Projection::new(Source::Input, Map::conv(3, [3, 3], 1, 1)).named("conv");
            vec![add("s", lif(), vec![conv.with_norm(Norm::new(6))])]
        }
        "sew_add" | "sew_and" | "sew_iand" => {
            let x = add("x", lif(), vec![conv(Source::Input, "conv0")]);
            let a = add("a", lif(), vec![conv(x, "conv1")]);
            let b = add("b", lif(), vec![conv(a, "conv2")]);
            match name {
                "sew_add" => vec![x, b],
                "sew_and" => vec![add("out", Relay {}.neuron(), vec![Projection::and(x, b)])],
                _ => vec![add("out", Relay {}.neuron(), vec![Projection::and_not(x, b)])],
            }
        }
        "membrane_shortcut" => {
            let u0 = add("u0", Identity {}.neuron(), vec![conv(Source::Input, "conv0")]);
            let s1 = add("s1", lif(), vec![relay(u0)]);
            let u1 = add("u1", Identity {}.neuron(), vec![relay(u0), conv(s1, "conv1")]);
            let s2 = add("s2", lif(), vec![relay(u1)]);
            let u2 = add("u2", Identity {}.neuron(), vec![relay(u1), conv(s2, "conv2")]);
            vec![add("s3", lif(), vec![relay(u2)])]
        }
        "max_pool" => {
            let s1 = add("s1", lif(), vec![conv(Source::Input, "conv1")]);
            let pooled = add("pooled", Relay {}.neuron(), vec![relay(s1).with_pool(Pool::max(2))]);
            vec![add("s2", lif(), vec![conv(pooled, "conv2")])]
        }
        "max_pool_current" => vec![add("s1", lif(), vec![conv(Source::Input, "conv1").with_pool(Pool::max(2))])],
        "avg_pool_current" => vec![add("s1", lif(), vec![conv(Source::Input, "conv1").with_pool(Pool::mean(2))])],
        "depthwise" => {
            let depthwise = |dilation: usize| {
                Map::from(Conv::new(3, [3, 3]).padding([dilation; 2]).dilation([dilation; 2]).groups(3))
            };
            let first = Projection::new(Source::Input, depthwise(1)).named("conv1").with_bias();
            let s1 = add("s1", lif(), vec![first]);
            vec![add("s2", lif(), vec![Projection::new(s1, depthwise(2)).named("conv2").with_bias()])]
        }
        other => panic!("no network for {other}"),
    }
}

fn network(case: &Case, input: &[usize]) -> Network {
    let mut builder = Network::builder(Shape::new(input[2], input[3], input[4]));
    let sources = hidden(&case.name, &mut builder);
    let linear = Projection::new(sources, Map::Linear { features: 4 }).named("linear");
    builder.add("output", Identity {}.neuron(), vec![linear]).unwrap();
    builder.build().unwrap()
}

/// What the peer calls a tensor; nothing for one that is no parameter there.
fn name_of(tensor: &str) -> Option<String> {
    let (name, last) = tensor.split_once('.').unwrap_or((tensor, "weight"));
    match last {
        "mean" | "variance" => None,
        "scale" | "shift" => Some(format!("norm.{last}")),
        _ => Some(format!("{name}.{last}")),
    }
}

fn spikes(values: &[f64], shape: &[usize]) -> SpikeTrain {
    let (network, len) = (Shape::new(shape[2], shape[3], shape[4]), shape[2..].iter().product::<usize>());
    let mut train = SpikeTrain::silent(shape[0], shape[1], network);
    for (i, _) in values.iter().enumerate().filter(|(_, x)| **x > 0.5) {
        train.set(i / len / shape[1], i / len % shape[1], i % len, 1);
    }
    train
}

/// Fails unless `found` is what was `expected`, within 1e-5 of the largest value, or of 1.
fn close(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() <= 1e-5 * largest, "{what}: {found} instead of {expected}");
    }
}

/// A session and what the peer says of its trials, whose tensors are called `prefix...`.
struct Trials<'a> {
    case: &'a Case,
    network: &'a Network,
    what: String,
    prefix: String,
}

impl Trials<'_> {
    fn tensor(&self, name: &str) -> Vec<f64> {
        self.case.tensor(&format!("{}{name}", self.prefix))
    }

    /// Runs a trial and compares output and spikes.
    fn forward(&self, session: &mut dyn Session) -> Activity {
        let shape = self.case.shape(&format!("{}input", self.prefix));
        let train = spikes(&self.tensor("input"), &shape);
        let trial = Trial { stimulus: Stimulus::Spikes(&train), dropout: Dropout::Off };
        let activity = session.forward(&trial).unwrap();
        close(&format!("{}: output", self.what), &activity.output, &self.tensor("output"));
        for (index, population) in self.network.populations().iter().enumerate() {
            let name = match &*population.name {
                "pooled" => "pooled".to_owned(),
                name => format!("spikes.{name}"),
            };
            if let Some(expected) = self.case.find(&format!("{}{name}", self.prefix)) {
                let Record { spikes: found, .. } = session.record(index).unwrap();
                let own =
                    [shape[0], shape[1], population.shape.channels, population.shape.height, population.shape.width];
                assert_eq!(found, spikes(&expected, &own), "{}: {name}", self.what);
            }
        }
        activity
    }

    /// Goes back and compares gradients.
    fn backward(&self, session: &mut dyn Session) -> Weights {
        let errors: Vec<f32> = self.tensor("r").iter().map(|r| *r as f32).collect();
        let mut gradients = Weights::new();
        session.backward(Errors::of_output(&errors), &mut gradients).unwrap();
        for (tensor, gradient) in self.network.tensors().iter().zip(&gradients) {
            match name_of(&tensor.name) {
                Some(name) => close(&format!("{}: {name}", self.what), gradient, &self.tensor(&format!("grad.{name}"))),
                None => assert!(gradient.iter().all(|d| *d == 0.0), "{}: {}", self.what, tensor.name),
            }
        }
        gradients
    }
}

fn engines() -> Vec<Box<dyn Engine>> {
    let cpus = Cpu::at_every_level(2).into_iter().map(|cpu| Box::new(cpu) as Box<dyn Engine>);
    std::iter::once(Box::new(Reference) as Box<dyn Engine>).chain(cpus).collect()
}

/// The parameters that a case states under `prefix`, and other tensors as they begin.
fn weights(case: &Case, network: &Network, prefix: &str) -> Weights {
    let begun = network.initial_weights(1);
    let tensors = network.tensors().iter().zip(begun).map(|(tensor, begun)| match name_of(&tensor.name) {
        Some(name) => case.tensor(&format!("{prefix}param.{name}")).iter().map(|w| *w as f32).collect(),
        None => begun,
    });
    tensors.collect()
}

#[test]
fn blocks_pools_and_depthwise_convolutions_are_those_of_the_peers() {
    let cases: Vec<Case> = library("deep").into_iter().filter(|case| case.name != "batch_norm").collect();
    assert_eq!(cases.len(), 8);
    for case in &cases {
        let shape = case.shape("input");
        let network = network(case, &shape);
        for engine in engines() {
            let what = format!("{case}, {}", engine.describe());
            let mut session = engine.compile(&network, Plan::new(shape[0], shape[1]).train().record()).unwrap();
            session.load(&weights(case, &network, "")).unwrap();
            let trials = Trials { case, network: &network, what, prefix: String::new() };
            trials.forward(session.as_mut());
            trials.backward(session.as_mut());
        }
    }
}

#[test]
fn normalisation_is_that_of_the_peers_over_three_updates_and_in_evaluation() {
    let case = &library("deep").into_iter().find(|case| case.name == "batch_norm").unwrap();
    let rate = case.number("lr").unwrap() as f32;
    let shape = case.shape("update0.input");
    let network = network(case, &shape);
    let norm = network.norms().next().unwrap();
    for engine in engines() {
        let plan = Plan::new(shape[0], shape[1]).record();
        let mut session = engine.compile(&network, plan.train()).unwrap();
        let mut tensors = weights(case, &network, "");
        for update in 0..3 {
            let (what, prefix) = (format!("{}, update {update}", engine.describe()), format!("update{update}."));
            let trials = Trials { case, network: &network, what: what.clone(), prefix };
            session.load(&tensors).unwrap();
            let activity = trials.forward(session.as_mut());
            let gradients = trials.backward(session.as_mut());
            for (values, gradient) in tensors.iter_mut().zip(&gradients) {
                values.iter_mut().zip(gradient).for_each(|(w, d)| *w -= rate * d);
            }
            activity.statistics.iter().for_each(|group| group.update_running(&mut tensors));
            close(&format!("{what}: mean"), &tensors[norm.tensors.mean], &trials.tensor("running_mean"));
            close(&format!("{what}: variance"), &tensors[norm.tensors.variance], &trials.tensor("running_var"));
        }
        let what = format!("{}, evaluation", engine.describe());
        let mut session = engine.compile(&network, plan).unwrap();
        session.load(&tensors).unwrap();
        Trials { case, network: &network, what, prefix: "eval.".to_owned() }.forward(session.as_mut());
    }
}
