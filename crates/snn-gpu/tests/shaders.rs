//! The kernels as text, without a card: those of every neuron and surrogate that has a name, of every map, input and plan,
//! are WGSL that every WebGPU implementation takes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage};
use snn_core::neuron::{Relay, Relu};
use snn_core::part::Part;
use snn_core::registry::Registry;
use snn_core::{Conv, Gradient, Join, Map, Network, Neuron, Norm, Plan, Pool, Projection, Shape, Source};
use snn_gpu::{Program, programs};

/// Default limits of WebGPU.
const STORAGE_BUFFERS: usize = 8;
const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16_384;

/// Longest file of a shader.
const LINES: usize = 110;

fn registry() -> Registry {
    Registry::new().with(snn_core::plugin).unwrap()
}

fn named(text: &str) -> Neuron {
    let registry = registry();
    registry.neurons.make(&mut Part::parse(text).unwrap(), &registry).unwrap()
}

/// A neuron of every name.
fn neurons() -> Vec<Neuron> {
    registry().neurons.names().map(named).collect()
}

/// Those that fire, with every surrogate, and with error through the reset and without.
fn neurons_with_surrogates() -> Vec<Neuron> {
    let registry = registry();
    let surrogate = |name: &str| registry.surrogates.make(&mut Part::new(name), &registry).unwrap();
    let firing = || neurons().into_iter().filter(Neuron::fires);
    let with = |name: &str| {
        let surrogate = surrogate(name);
        firing().flat_map(move |neuron| {
            [false, true].map(|detach_reset| {
                neuron.clone().with_gradient(Gradient::Surrogate { surrogate: surrogate.clone(), detach_reset })
            })
        })
    };
    registry.surrogates.names().flat_map(with).collect()
}

fn readout() -> Neuron {
    named("LeakyIntegrator")
}

/// A network of one hidden population, or of `neuron` alone where nothing can read it.
fn network_of(neuron: &Neuron) -> Network {
    let mut builder = Network::builder(Shape::new(2, 3, 3));
    let linear = Map::Linear { features: 5 };
    let input = vec![Projection::new(Source::Input, linear)];
    if neuron.is_readout() {
        builder.add("readout", neuron.clone(), input).unwrap();
    } else {
        let hidden = builder.add_with_dropout("hidden", neuron.clone(), 0.5, input).unwrap();
        builder.add("readout", readout(), vec![Projection::new(hidden, linear)]).unwrap();
    }
    builder.build().unwrap()
}

/// All maps and stages, a population with two inputs, recurrence and dropout in one network.
fn network_of_everything() -> Network {
    let mut builder = Network::builder(Shape::new(3, 8, 8));
    let conv = Map::conv(4, [3, 2], 2, 1);
    let from = |source, map| vec![Projection::new(source, map)];
    let mut first = vec![Projection::new(Source::Input, conv).with_bias()];
    first.push(Projection::new(builder.recurrent_source(), Map::conv(4, [1, 1], 1, 0)));
    let first = builder.add_with_dropout("first", named("Plif(learn_threshold: true)"), 0.25, first).unwrap();
    let pool = builder.add("pool", Neuron::pool_if(), from(first, Map::AvgPool { size: 2, stride: 2 })).unwrap();
    let own = named("Plif(per: Neuron, learn_threshold: true)");
    let pool = builder.add("own", own, from(pool, Map::Subsample { stride: 1 })).unwrap();
    let depthwise = Conv::new(4, [1, 1]).groups(4).into();
    let pool = builder.add("depthwise", Neuron::lif(), from(pool, depthwise)).unwrap();
    let fewer = builder.add("fewer", Neuron::lif(), from(first, Map::Subsample { stride: 2 })).unwrap();
    let atan = || named("Lif(gradient: Atan)");
    let normed = Projection::new(first, Map::conv(4, [3, 3], 1, 1)).with_pool(Pool::max(2)).with_norm(Norm::new(2));
    let normed = builder.add_with_dropout("normed", atan(), 0.5, vec![normed]).unwrap();
    let both = Join::OF_TWO.map(|join| Projection::joined(join, pool, normed)).to_vec();
    let pool = builder.add("joined", Relay {}.neuron(), both).unwrap();
    let linear = Map::Linear { features: 10 };
    let both = vec![Projection::new(pool, linear), Projection::new(fewer, linear).named("other")];
    let last = builder.add("last", Relu {}.neuron(), both).unwrap();
    builder.add("readout", Neuron::readout(), from(last, linear)).unwrap();
    builder.build().unwrap()
}

fn plans() -> [Plan; 6] {
    let plan = |steps| Plan::new(steps, 3);
    [plan(40), plan(20).record(), plan(70).stream(), plan(32).train(), plan(100).train().record(), plan(40).numbers()]
}

/// Texts that were parsed and found to be valid.
#[derive(Default)]
struct Checked {
    modules: BTreeMap<String, (Module, ModuleInfo)>,
    programs: BTreeSet<String>,
}

impl Checked {
    fn network(&mut self, network: &Network, plan: Plan) {
        for program in programs(network, plan).unwrap() {
            if self.programs.insert(format!("{}\n{:?}\n{}", program.entry, program.constants, program.text)) {
                self.program(&program);
            }
        }
    }

    fn program(&mut self, program: &Program) {
        let Program { name, text, entry, constants, .. } = program;
        let (module, info) = self.modules.entry(text.clone()).or_insert_with(|| valid(name, text));
        is_within_limits(name, module, entry);
        let constants = constants.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let resolved = process_overrides(module, info, Some((ShaderStage::Compute, entry)), &constants);
        let (module, _) = resolved.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        validate(name, text, &module);
    }
}

fn valid(name: &str, text: &str) -> (Module, ModuleInfo) {
    let parsed = naga::front::wgsl::parse_str(text);
    let module = parsed.unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(text)));
    let info = validate(name, text, &module);
    (module, info)
}

fn validate(name: &str, text: &str, module: &Module) -> ModuleInfo {
    // The one form for cards that can do more than WebGPU asks for.
    let further = Capabilities::COOPERATIVE_MATRIX | Capabilities::SHADER_FLOAT16 | Capabilities::SUBGROUP;
    let further = if name.ends_with("cooperative") { further } else { Capabilities::empty() };
    let validated = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES | further).validate(module);
    validated.unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(text)))
}

fn is_within_limits(name: &str, module: &Module, entry: &str) {
    let point = module.entry_points.iter().find(|point| point.name == entry).unwrap();
    assert!(point.workgroup_size.iter().product::<u32>() <= INVOCATIONS, "{name}: {:?}", point.workgroup_size);
    assert!(point.workgroup_size[2] <= 64, "{name}: {:?}", point.workgroup_size);
    let mut bindings: Vec<u32> = Vec::new();
    let mut bytes = 0;
    for (_, global) in module.global_variables.iter() {
        let size = module.types[global.ty].inner.size(module.to_ctx());
        match global.space {
            AddressSpace::Storage { .. } => {
                let binding = global.binding.as_ref().unwrap();
                assert_eq!(binding.group, 0, "{name}");
                bindings.push(binding.binding);
            }
            AddressSpace::WorkGroup => bytes += size,
            AddressSpace::Immediate => assert!(size <= 64, "{name}: immediates of {size} bytes"),
            _ => {}
        }
    }
    bindings.sort_unstable();
    assert!(bindings.is_sorted_by(|a, b| a < b), "{name}: bindings {bindings:?}");
    assert!(bindings.len() <= STORAGE_BUFFERS, "{name}: {} storage buffers", bindings.len());
    assert!(bytes <= WORKGROUP_BYTES, "{name}: {bytes} bytes of a workgroup");
}

#[test]
fn kernels_of_every_neuron_are_valid_for_every_plan() {
    let mut checked = Checked::default();
    for neuron in neurons() {
        for plan in plans() {
            checked.network(&network_of(&neuron), plan);
        }
    }
}

#[test]
fn kernels_of_every_neuron_are_valid_with_every_surrogate() {
    let mut checked = Checked::default();
    for neuron in neurons_with_surrogates() {
        checked.network(&network_of(&neuron), Plan::new(40, 3).train());
    }
}

#[test]
fn kernels_of_every_map_and_of_recurrence_are_valid_for_every_plan() {
    let mut checked = Checked::default();
    for plan in plans() {
        checked.network(&network_of_everything(), plan);
    }
}

#[test]
fn a_kernel_is_given_each_constant_that_it_declares() {
    for plan in plans() {
        for program in programs(&network_of_everything(), plan).unwrap() {
            let declared = program.text.lines().filter_map(|line| line.strip_prefix("override ")?.split(':').next());
            let (declared, mut given): (BTreeSet<&str>, Vec<&str>) =
                (declared.collect(), program.constants.iter().map(|(name, _)| *name).collect());
            given.sort_unstable();
            assert!(declared.iter().copied().eq(given), "{}: {declared:?}, {:?}", program.name, program.constants);
        }
    }
}

#[test]
fn every_file_is_used_listed_short_and_says_what_it_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let listed = fs::read_to_string(folder.join("shaders.rs")).unwrap();
    let files = shaders(&folder);
    assert!(files.len() > 10, "{files:?}");
    let everything = plans().map(|plan| programs(&network_of_everything(), plan).unwrap());
    let texts: Vec<&str> = everything.iter().flatten().map(|program| program.text.as_str()).collect();
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&file).unwrap();
        let is_used = texts.iter().any(|program| program.contains(&text));
        assert!(is_used, "{name}: no kernel is made of it");
        assert!(listed.contains(&format!("\"{name}\"")), "{name}: shaders.rs does not have it");
        assert!(text.starts_with("// "), "{name}: it does not say what it does");
        assert!(text.lines().count() <= LINES, "{name}: {} lines", text.lines().count());
    }
}

/// All `.wgsl` files below `folder`.
fn shaders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(shaders(&path));
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            files.push(path);
        }
    }
    files.sort();
    files
}
