//! Every engine against the reference tensors of the method in `tests/golden` (its README defines format and
//! tolerances), and against those of a further folder named by `SNN_GOLDEN_DIR`.

#![allow(clippy::unwrap_used, reason = "a case that cannot be read fails the test")]

mod families;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use snn_core::neuron::{Correction, LeakyIntegrator, Lif, PoolIf};
use snn_core::reference::Reference;
use snn_core::{
    Dropout, Engine, Errors, Final, Gradient, Map, Network, Neuron, Plan, Poisson, Projection, Shape, Source,
    SpikeTrain, SquaredError, Stimulus, Trace, Trial, Weights, grade,
};
use snn_cpu::Cpu;
use snn_gpu::{GpuEngine, GpuOptions, KernelChoice};

#[test]
fn every_engine_reproduces_every_network_case() {
    for folder in folders() {
        let cases = cases(&folder, |descriptor| descriptor.get("nodes").is_some());
        assert!(!cases.is_empty(), "no network case in {}", folder.display());
        for case in cases {
            let network = case.network();
            case.check_network(&network, &Reference);
            for cpu in Cpu::at_every_level(2) {
                case.check_network(&network, &cpu);
                case.check_network(&network, &cpu.dense_above(0.0));
            }
        }
    }
}

/// A GPU sums in another order, and may fuse a product and a sum; on the cases here no membrane is so near the threshold
/// that a spike would change.
#[test]
fn the_gpu_reproduces_every_network_case() {
    if snn_gpu::testing::engine().is_none() {
        return;
    }
    let engine = |kernels| GpuEngine::new(GpuOptions { kernels, ..GpuOptions::default() });
    for folder in folders() {
        let cases = cases(&folder, |descriptor| descriptor.get("nodes").is_some());
        for (case, form) in cases.iter().zip(KernelChoice::FORMS.into_iter().cycle()) {
            case.check_network(&case.network(), &engine(KernelChoice::Quickest));
            case.check_network(&case.network(), &engine(form));
        }
    }
}

#[test]
fn the_encoder_reproduces_every_encoder_case() {
    for case in cases(&own_folder(), is_encoder) {
        case.check_encoder();
    }
    if let Some(folder) = further_folder() {
        for case in cases(&folder, is_encoder) {
            case.check_encoder();
        }
    }
}

#[test]
fn the_shipped_folder_is_complete() {
    assert_eq!(cases(&own_folder(), |_| true).len(), 10);
}

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("tests/golden"))
        .find(|dir| dir.is_dir())
        .unwrap()
}

fn further_folder() -> Option<PathBuf> {
    std::env::var_os("SNN_GOLDEN_DIR").map(PathBuf::from)
}

fn folders() -> Vec<PathBuf> {
    [own_folder()].into_iter().chain(further_folder()).collect()
}

fn is_encoder(descriptor: &Value) -> bool {
    descriptor.get("kind").is_some_and(|kind| kind == "encoder")
}

/// The cases of a folder that `wanted` picks, by name.
fn cases(folder: &Path, wanted: impl Fn(&Value) -> bool) -> Vec<Case> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let descriptor: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        wanted(&descriptor).then(|| Case { tensors: fs::read(path.with_extension("safetensors")).unwrap(), descriptor })
    };
    paths.into_iter().filter_map(read).collect()
}

struct Case {
    descriptor: Value,
    tensors: Vec<u8>,
}

/// How close a tensor must be to its reference.
#[derive(Clone, Copy)]
enum Tolerance {
    Exact,
    Absolute(f32),
    /// Relative to the largest magnitude of the reference.
    Relative(f32),
    /// Either of the two.
    Membrane,
}

impl Case {
    /// Checks `network`, which is that of the case, perhaps with other names.
    fn check_network(&self, network: &Network, engine: &dyn Engine) {
        let name = format!("{} on {}", self.descriptor["name"].as_str().unwrap(), engine.describe());
        let (steps, batch) = (number(&self.descriptor["T"]), number(&self.descriptor["batch"]));
        let names = self.network();
        let weights: Weights = names.tensors().iter().map(|w| self.floats(&format!("weight.{}", w.name))).collect();
        let input = self.input_spikes(steps, batch, network.input());
        let masks: Vec<Vec<f32>> = names
            .populations()
            .iter()
            .map(|p| {
                self.find(&format!("mask.{}", p.name)).map_or(Vec::new(), |_| self.floats(&format!("mask.{}", p.name)))
            })
            .collect();
        let classes: Vec<u8> = self.integers("target_class").iter().map(|&class| class as u8).collect();

        let mut session = engine.compile(network, Plan::new(steps, batch).train().record()).unwrap();
        session.load(&weights).unwrap();
        let trial = Trial { stimulus: Stimulus::Spikes(&input), dropout: Dropout::Masks(&masks) };
        let activity = session.forward(&trial).unwrap();
        let grades = grade(&SquaredError {}, &Final {}, &activity.output, &classes, network.classes());
        let mut gradients = network.zeros();
        session.backward(Errors::of_output(&grades.d_output), &mut gradients).unwrap();

        let check = |tensor: &str, found: &[f32], tolerance| self.compare(&name, tensor, found, tolerance);
        check("output", &grades.scores, Tolerance::Relative(1e-6));
        check("loss", &[grades.losses.iter().sum()], Tolerance::Relative(1e-6));
        for (weight, gradient) in names.tensors().iter().zip(&gradients) {
            check(&format!("grad.{}", weight.name), gradient, Tolerance::Relative(1e-5));
        }
        for (index, population) in names.populations().iter().enumerate() {
            let record = session.record(index).unwrap();
            let tensor = |kind: &str| format!("{kind}.{}", population.name);
            let len = population.shape.len();
            if population.neuron.fires() {
                let spike = |i: usize| f32::from(record.spikes.get(i / (batch * len), i / len % batch, i % len));
                let spikes: Vec<f32> = (0..steps * batch * len).map(spike).collect();
                check(&tensor("spikes"), &spikes, Tolerance::Exact);
                assert_eq!(
                    activity.spikes[index] as f32,
                    spikes.iter().sum::<f32>(),
                    "{name}: count of {}",
                    population.name
                );
            }
            if population.neuron.name() == "Lif" {
                let masked = masks[index].iter().any(|&mask| mask != 1.0);
                check(
                    &tensor("total"),
                    &record.count,
                    if masked { Tolerance::Relative(1e-6) } else { Tolerance::Exact },
                );
                // A GPU has no double precision: its traces are off by the rounding of their own size.
                let is_double = engine.name() != "gpu";
                let rounding = if is_double { Tolerance::Absolute(1e-6) } else { Tolerance::Relative(1e-6) };
                check(&tensor("trace"), &record.trace, rounding);
                check(&tensor("corr"), &record.correction, Tolerance::Absolute(1e-6));
            }
            check(&tensor("mem_final"), &record.membrane, Tolerance::Membrane);
            check(&tensor("delta"), &record.delta, Tolerance::Relative(1e-5));
        }
    }

    fn check_encoder(&self) {
        let name = self.descriptor["name"].as_str().unwrap();
        let channel = |list: &str, c: usize, default: f32| {
            self.descriptor[list].get(c).map_or(default, |value| value.as_f64().unwrap() as f32)
        };
        let pixels = self.find("pixels").unwrap();
        let &[_, channels, height, width] = pixels.shape() else { panic!("{name}: pixels are not [N, C, H, W]") };
        let normalized: Vec<f32> = pixels
            .data()
            .iter()
            .enumerate()
            .map(|(i, &pixel)| {
                let c = i / (height * width) % channels;
                (f32::from(pixel) / 255.0 - channel("mean", c, 0.0)) / channel("std", c, 1.0)
            })
            .collect();
        self.compare(name, "normalized", &normalized, Tolerance::Absolute(1e-6));
        let encoder = Poisson { scale: 1.0 / self.descriptor["divisor"].as_f64().unwrap() as f32 };
        let uniform = self.floats("uniform");
        let spike = |(i, &u): (usize, &f32)| {
            let word = (f64::from(u) * 4_294_967_296.0) as u32;
            f32::from(encoder.spike(normalized[i % normalized.len()], word))
        };
        let spikes: Vec<f32> = uniform.iter().enumerate().map(spike).collect();
        self.compare(name, "spikes", &spikes, Tolerance::Exact);
    }

    fn network(&self) -> Network {
        let leak = self.descriptor["leak"].as_f64().unwrap() as f32;
        let trace = match self.descriptor["mask_order"].as_str().unwrap() {
            "mask_then_trace" => Trace::AfterDropout,
            _ => Trace::BeforeDropout,
        };
        let mut builder = Network::builder(shape(&self.descriptor["input_shape"]));
        let mut sources = BTreeMap::from([("input".to_owned(), Source::Input)]);
        for node in self.descriptor["nodes"].as_array().unwrap() {
            let threshold = node["threshold"].as_f64().unwrap() as f32;
            let neuron = match node["type"].as_str().unwrap() {
                "lif" => {
                    let correction = Some(Correction { leak, trace });
                    let lif = Lif { leak, threshold, ..Lif::default() };
                    Neuron::new("Lif", lif, Gradient::SpikeGated { threshold, correction })
                }
                "pool_if" => PoolIf { threshold }.neuron(),
                "output" => LeakyIntegrator { leak, divisor: threshold, ..LeakyIntegrator::default() }.leak_free(),
                other => panic!("unknown node type {other}"),
            };
            let inputs = node["inputs"].as_array().unwrap().iter().map(|input| {
                let map = self.map(input);
                let projection = Projection::new(sources[input["from"].as_str().unwrap()], map);
                input["weight"].as_str().map_or(projection.clone(), |weight| projection.named(weight))
            });
            let name = node["name"].as_str().unwrap();
            let source = builder.add(name, neuron, inputs.collect()).unwrap();
            sources.insert(name.to_owned(), source);
        }
        let network = builder.build().unwrap();
        for (population, node) in network.populations().iter().zip(self.descriptor["nodes"].as_array().unwrap()) {
            assert_eq!(population.shape, shape(&node["shape"]), "{}", population.name);
        }
        network
    }

    fn map(&self, input: &Value) -> Map {
        let weight_shape = || -> Vec<usize> {
            let shape = &self.descriptor["weight_shapes"][input["weight"].as_str().unwrap()];
            shape.as_array().unwrap().iter().map(number).collect()
        };
        match input["op"].as_str().unwrap() {
            "conv" => Map::conv(
                weight_shape()[0],
                [weight_shape()[2], weight_shape()[3]],
                number(&input["stride"]),
                number(&input["padding"]),
            ),
            "linear" => Map::Linear { features: weight_shape()[0] },
            "avgpool" if number(&input["kernel"]) == 1 => Map::Subsample { stride: number(&input["stride"]) },
            "avgpool" => Map::AvgPool { size: number(&input["kernel"]), stride: number(&input["stride"]) },
            other => panic!("unknown operator {other}"),
        }
    }

    fn input_spikes(&self, steps: usize, batch: usize, shape: Shape) -> SpikeTrain {
        let mut train = SpikeTrain::silent(steps, batch, shape);
        for (i, &spike) in self.integers("input_spikes").iter().enumerate().filter(|(_, spike)| **spike != 0) {
            train.set(i / (batch * shape.len()), i / shape.len() % batch, i % shape.len(), spike as i8);
        }
        train
    }

    fn compare(&self, name: &str, tensor: &str, found: &[f32], tolerance: Tolerance) {
        let expected = self.floats(tensor);
        assert_eq!(found.len(), expected.len(), "{name}: size of {tensor}");
        let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let error = found.iter().zip(&expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(found.iter().all(|x| x.is_finite()), "{name}: {tensor} is not finite");
        let bound = match tolerance {
            Tolerance::Exact => 0.0,
            Tolerance::Absolute(bound) => bound,
            Tolerance::Relative(share) => share * largest,
            Tolerance::Membrane => (1e-6 * largest).max(1e-4),
        };
        assert!(
            error <= bound,
            "{name}: {tensor} is off by {error:e}, {bound:e} is allowed (largest value {largest:e})"
        );
    }

    fn find(&self, tensor: &str) -> Option<safetensors::tensor::TensorView<'_>> {
        SafeTensors::deserialize(&self.tensors).unwrap().tensor(tensor).ok()
    }

    fn floats(&self, tensor: &str) -> Vec<f32> {
        let view = self.find(tensor).unwrap_or_else(|| panic!("no tensor {tensor}"));
        match view.dtype() {
            Dtype::F32 => view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            _ => self.integers(tensor).iter().map(|&value| value as f32).collect(),
        }
    }

    fn integers(&self, tensor: &str) -> Vec<i64> {
        let view = self.find(tensor).unwrap_or_else(|| panic!("no tensor {tensor}"));
        match view.dtype() {
            Dtype::I8 => view.data().iter().map(|&b| i64::from(b as i8)).collect(),
            Dtype::U8 => view.data().iter().map(|&b| i64::from(b)).collect(),
            Dtype::I64 => view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect(),
            other => panic!("{tensor} has type {other:?}"),
        }
    }
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn shape(value: &Value) -> Shape {
    match value.as_array().unwrap().iter().map(number).collect::<Vec<_>>()[..] {
        [features] => Shape::features(features),
        [channels, height, width] => Shape::new(channels, height, width),
        ref other => panic!("a shape of {} extents", other.len()),
    }
}
