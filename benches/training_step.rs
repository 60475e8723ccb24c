//! Times one training step, or one inference, of LeNet or VGG9; or computes the gradients of a given case.
//!
//! The counterpart of the PyTorch programs in `benches/peers`, with the same arguments, files and output. A step is:
//! encode the images, run all time steps, loss, backward pass, gradient descent with weight decay, load the weights.
//!
//! ```text
//! cargo bench --bench training_step -- --net vgg9 --images benches/peers/cifar10_first16.bin
//! ```

#![expect(clippy::print_stdout, reason = "the result goes to standard output")]

use std::{
    collections::HashMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Parser, ValueEnum};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Map as Object, Value, json};
use snn_core::{
    Activity, Direct, Draws, Dropout, Encoder, Engine, Errors, Final, Grades, Network, Plan, Poisson, Purpose, Session,
    SpikeTrain, SquaredError, Stimulus, Stream, Trial, Weights, argmax, grade, reference::Reference,
};
use snn_cpu::Cpu;

mod networks;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const WEIGHT_DECAY: f32 = 5e-4;

/// Time one training step or inference of LeNet or VGG9, or compute the gradients of a case.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are independent")]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Network.
    #[arg(long, value_enum, default_value_t = Net::Lenet)]
    net: Net,
    /// Time steps T of a trial.
    #[arg(long, default_value_t = 100)]
    steps: usize,
    /// Samples of a batch [default: 64 for lenet, 16 for vgg9].
    #[arg(long)]
    batch: Option<usize>,
    /// Threads of the engine; 0 means one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Timed steps, after one that is not counted.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// MNIST idx file (.gz too) or CIFAR-10 binary file [default: random images].
    #[arg(long)]
    images: Option<PathBuf>,
    /// Safetensors file with weight.<name> to start from.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Time inference instead of training.
    #[arg(long)]
    infer: bool,
    /// Safetensors case: compute its gradients, time nothing.
    #[arg(long)]
    case: Option<PathBuf>,
    /// Where to write the results of --case.
    #[arg(long)]
    gradients: Option<PathBuf>,
    /// Write the spike count of every neuron too (takes memory in proportion to T).
    #[arg(long)]
    counts: bool,
    /// Backpropagate through time with surrogate gradients (LeNet only).
    #[arg(long)]
    surrogate: bool,
    /// Show the images as currents, the same at every step, rather than as spikes.
    #[arg(long)]
    direct: bool,
    /// Steps that a backward pass with surrogate gradients holds in memory at a time.
    #[arg(long)]
    chunk: Option<usize>,
    /// Engine.
    #[arg(long, value_enum, default_value_t = EngineName::Cpu)]
    engine: EngineName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Net {
    Lenet,
    Vgg9,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EngineName {
    Cpu,
    Reference,
}

impl Net {
    fn name(self) -> &'static str {
        match self {
            Self::Lenet => "lenet",
            Self::Vgg9 => "vgg9",
        }
    }

    fn network(self) -> Network {
        match self {
            Self::Lenet => networks::lenet(),
            Self::Vgg9 => networks::vgg9(0.2),
        }
    }

    fn batch(self) -> usize {
        match self {
            Self::Lenet => 64,
            Self::Vgg9 => 16,
        }
    }

    fn learning_rate(self) -> f32 {
        match self {
            Self::Lenet => 0.0085,
            Self::Vgg9 => 0.0033,
        }
    }

    fn encoder(self) -> Poisson {
        match self {
            Self::Lenet => Poisson { scale: 0.5 },
            Self::Vgg9 => Poisson { scale: 1.0 },
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let engine: Box<dyn Engine> = match arguments.engine {
        EngineName::Cpu => Box::new(Cpu::new(arguments.threads)),
        EngineName::Reference => Box::new(Reference),
    };
    let line = match &arguments.case {
        Some(case) => run_case(&arguments, engine.as_ref(), case)?,
        None => run_timed(&arguments, engine.as_ref())?,
    };
    println!("{line}");
    Ok(())
}

// ---------------------------------------------------------------------------------------------------------------------
// Timing

/// Everything that a step needs.
struct Step {
    network: Network,
    session: Box<dyn Session>,
    encoder: Box<dyn Encoder>,
    pixels: Vec<f32>,
    classes: Vec<u8>,
    samples: Vec<u32>,
    weights: Weights,
    gradients: Weights,
    learning_rate: f32,
    epoch: u32,
}

impl Step {
    fn forward(&mut self, train: bool) -> Result<Activity> {
        let draws = Draws { seed: 0, epoch: self.epoch, samples: &self.samples };
        self.epoch += 1;
        let shape = self.network.input();
        let stimulus = Stimulus::Images { pixels: &self.pixels, shape, encoder: self.encoder.as_ref(), draws };
        let dropout = if train { Dropout::Drawn(draws) } else { Dropout::Off };
        Ok(self.session.forward(&Trial { stimulus, dropout })?)
    }

    fn train(&mut self) -> Result<Activity> {
        let activity = self.forward(true)?;
        let grades = self.grade(&activity);
        self.session.backward(Errors::of_output(&grades.d_output), &mut self.gradients)?;
        for (weights, gradients) in self.weights.iter_mut().zip(&self.gradients) {
            for (w, g) in weights.iter_mut().zip(gradients) {
                *w -= self.learning_rate * (g + WEIGHT_DECAY * *w);
            }
        }
        self.session.load(&self.weights)?;
        Ok(activity)
    }

    fn infer(&mut self) -> Result<Activity> {
        let activity = self.forward(false)?;
        let scores = self.grade(&activity).scores;
        let found: Vec<usize> = scores.chunks_exact(self.network.classes()).map(argmax).collect();
        std::hint::black_box(found);
        Ok(activity)
    }

    fn grade(&self, activity: &Activity) -> Grades {
        grade(&SquaredError {}, &Final {}, &activity.output, &self.classes, self.network.classes())
    }
}

fn run_timed(arguments: &Arguments, engine: &dyn Engine) -> Result<Value> {
    let base = peak_mb();
    let network = if arguments.surrogate { networks::lenet_surrogate() } else { arguments.net.network() };
    let batch = arguments.batch.unwrap_or(arguments.net.batch());
    let (pixels, classes) = images(arguments, &network, batch)?;
    let weights = match &arguments.weights {
        Some(path) => weights_of(&network, &SafeTensors::deserialize(&fs::read(path)?)?)?,
        None => networks::initial_weights(&network, 0),
    };
    let plan = Plan { train: !arguments.infer, chunk: arguments.chunk, ..Plan::new(arguments.steps, batch) };
    let mut session = engine.compile(&network, plan)?;
    session.load(&weights)?;
    let mut step = Step {
        session,
        encoder: if arguments.direct { Box::new(Direct::default()) } else { Box::new(arguments.net.encoder()) },
        pixels,
        classes,
        samples: (0..batch as u32).collect(),
        gradients: network.zeros(),
        weights,
        learning_rate: arguments.net.learning_rate(),
        epoch: 0,
        network,
    };
    let mut run = || if arguments.infer { step.infer() } else { step.train() };

    let first = run()?; // not counted, as in the PyTorch programs
    let mut seconds = Vec::new();
    for _ in 0..arguments.repeat {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }

    let network = &step.network;
    let trials = (arguments.steps * batch) as f64;
    let density = |spikes: u64, neurons: usize| round(spikes as f64 / (trials * neurons as f64), 5);
    let mut densities = Object::new();
    densities.insert("input".to_owned(), json!(density(first.input_spikes, network.input().len())));
    for (population, &spikes) in network.populations().iter().zip(&first.spikes) {
        if population.neuron.fires() {
            densities.insert(population.name.clone(), json!(density(spikes, population.shape.len())));
        }
    }
    Ok(json!({
        "program": "snn",
        "engine": engine.describe(),
        "net": arguments.net.name(),
        "mode": if arguments.infer { "infer" } else { "train" },
        "steps": arguments.steps,
        "batch": batch,
        "threads": threads(arguments),
        "seconds": seconds.iter().map(|&s| round(s, 5)).collect::<Vec<_>>(),
        "median": median(&seconds).map(|s| round(s, 5)),
        "peak_mb": peak_mb(),
        "base_mb": base,
        "densities": densities,
    }))
}

fn threads(arguments: &Arguments) -> usize {
    match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

fn median(seconds: &[f64]) -> Option<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted.get(middle).copied()
    } else {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10.0_f64.powi(digits);
    (value * scale).round() / scale
}

/// Most memory that this process ever held, in megabytes; known on Linux only.
fn peak_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(round(kibibytes * 1024.0 / 1e6, 1))
}

// ---------------------------------------------------------------------------------------------------------------------
// Images

/// The first `count` images, normalised, and their classes.
fn images(arguments: &Arguments, network: &Network, count: usize) -> Result<(Vec<f32>, Vec<u8>)> {
    let size = network.input().len();
    let cyclic = || (0..count).map(|sample| (sample % network.classes()) as u8).collect::<Vec<_>>();
    let Some(path) = &arguments.images else {
        let stream = Stream::new(1, Purpose::Augmentation);
        let uniform = |i: usize| stream.word(0, 0, 0, i as u32) as f32 / 4_294_967_296.0;
        let value = |i| match arguments.net {
            Net::Lenet => uniform(i),
            Net::Vgg9 => 2.0 * uniform(i) - 1.0,
        };
        return Ok(((0..count * size).map(value).collect(), cyclic()));
    };
    let (pixels, classes) = if path.extension().is_some_and(|extension| extension == "bin") {
        let data = fs::read(path)?;
        let records = data.chunks_exact(3073).take(count);
        (records.clone().flat_map(|record| cifar10(&record[1..])).collect(), records.map(|record| record[0]).collect())
    } else {
        let pixels = read_idx(path)?.into_iter().take(count * size).map(|pixel| f32::from(pixel) / 255.0);
        let labels = PathBuf::from(path.to_string_lossy().replace("images-idx3", "labels-idx1"));
        let classes = if labels != *path && labels.exists() { read_idx(&labels)? } else { cyclic() };
        (pixels.collect::<Vec<_>>(), classes.into_iter().take(count).collect::<Vec<_>>())
    };
    if pixels.len() != count * size || classes.len() != count {
        return Err(format!("{}: expected at least {count} images of {}", path.display(), network.input()).into());
    }
    Ok((pixels, classes))
}

fn cifar10(image: &[u8]) -> Vec<f32> {
    let (mean, deviation) = ([0.4914, 0.4822, 0.4465], [0.557, 0.549, 0.5534]);
    let value = |(i, &pixel): (usize, &u8)| (f32::from(pixel) / 255.0 - mean[i / 1024]) / deviation[i / 1024];
    image.iter().enumerate().map(value).collect()
}

/// Content of an idx file of bytes, packed or not.
fn read_idx(path: &Path) -> Result<Vec<u8>> {
    let mut data = fs::read(path)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(data.as_slice()).read_to_end(&mut unpacked)?;
        data = unpacked;
    }
    let dimensions = usize::from(*data.get(3).ok_or_else(|| format!("{}: too short", path.display()))?);
    let header = 4 + 4 * dimensions;
    Ok(data.get(header..).ok_or_else(|| format!("{}: too short", path.display()))?.to_vec())
}

// ---------------------------------------------------------------------------------------------------------------------
// Cases

/// Output, loss, gradients and spike counts of exactly the spikes, masks, weights and target of a file.
fn run_case(arguments: &Arguments, engine: &dyn Engine, path: &Path) -> Result<Value> {
    let network = arguments.net.network();
    let file = fs::read(path)?;
    let tensors = SafeTensors::deserialize(&file)?;
    let weights = weights_of(&network, &tensors)?;
    let spikes = spikes_of(&network, &tensors)?;
    let (steps, batch) = (spikes.steps(), spikes.samples());
    let target = floats(&tensors, "target")?;
    let mask = |name: &str| match tensors.tensor(&format!("mask.{name}")) {
        Ok(_) => floats(&tensors, &format!("mask.{name}")),
        Err(_) => Ok(Vec::new()),
    };
    let masks = network.populations().iter().map(|population| mask(&population.name)).collect::<Result<Vec<_>>>()?;

    let mut session = engine.compile(&network, Plan { record: arguments.counts, ..Plan::new(steps, batch).train() })?;
    session.load(&weights)?;
    let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Masks(&masks) };
    let activity = session.forward(&trial)?;
    let last = (steps - 1) * target.len();
    let scores: Vec<f32> = activity.output[last..].iter().map(|y| y / steps as f32).collect();
    let errors: Vec<f32> = scores.iter().zip(&target).map(|(score, wanted)| score - wanted).collect();
    let loss: f32 = errors.iter().map(|error| error * error).sum();
    let mut d_output = vec![0.0; activity.output.len()];
    for (d, error) in d_output[last..].iter_mut().zip(&errors) {
        *d = 2.0 * error / steps as f32;
    }
    let mut gradients = network.zeros();
    session.backward(Errors::of_output(&d_output), &mut gradients)?;

    let mut results = Tensors::default();
    results.floats("output", &[batch, network.classes()], &scores);
    results.floats("loss", &[1], &[loss]);
    for (weight, gradient) in network.tensors().iter().zip(&gradients) {
        results.floats(&format!("grad.{}", weight.name), &weight.shape, gradient);
    }
    let mut totals = Object::new();
    totals.insert("input".to_owned(), json!(activity.input_spikes));
    for (index, population) in network.populations().iter().enumerate() {
        if !population.neuron.fires() {
            continue;
        }
        let name = &population.name;
        let fired = activity.spikes.get(index).copied().unwrap_or(0);
        totals.insert(name.clone(), json!(fired));
        results.integer(&format!("fired.{name}"), fired as i64);
        if arguments.counts {
            let train = session.record(index)?.spikes;
            let count = |(sample, neuron)| {
                let (words, _) = train.words(sample, neuron);
                words.iter().map(|word| word.count_ones()).sum::<u32>() as f32
            };
            let neurons = population.shape.len();
            let counts: Vec<f32> = (0..batch * neurons).map(|i| count((i / neurons, i % neurons))).collect();
            let shape = [batch, population.shape.channels, population.shape.height, population.shape.width];
            results.floats(&format!("count.{name}"), &shape, &counts);
        }
    }
    if let Some(to) = &arguments.gradients {
        results.write(to)?;
    }
    Ok(json!({ "case": path.display().to_string(), "loss": loss, "spikes": totals }))
}

/// Values of a tensor of type f32.
fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>> {
    let tensor = tensors.tensor(name)?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("{name}: expected f32, found {:?}", tensor.dtype()).into());
    }
    let values = tensor.data().as_chunks::<4>().0;
    Ok(values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

fn weights_of(network: &Network, tensors: &SafeTensors<'_>) -> Result<Weights> {
    network.tensors().iter().map(|weight| floats(tensors, &format!("weight.{}", weight.name))).collect()
}

fn spikes_of(network: &Network, tensors: &SafeTensors<'_>) -> Result<SpikeTrain> {
    let tensor = tensors.tensor("input_spikes")?;
    let (shape, input) = (tensor.shape(), network.input());
    if tensor.dtype() != Dtype::I8 || shape.len() < 2 || shape[2..].iter().product::<usize>() != input.len() {
        let found = format!("{:?} {shape:?}", tensor.dtype());
        return Err(format!("input_spikes: expected i8 [T, N, {input}], found {found}").into());
    }
    let (steps, samples, neurons) = (shape[0], shape[1], input.len());
    let mut train = SpikeTrain::silent(steps, samples, input);
    for (i, &byte) in tensor.data().iter().enumerate().filter(|(_, byte)| **byte != 0) {
        train.set(i / (samples * neurons), i / neurons % samples, i % neurons, byte.cast_signed());
    }
    Ok(train)
}

/// Tensors on their way to a file.
#[derive(Default)]
struct Tensors {
    parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
}

impl Tensors {
    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.parts.push((name.to_owned(), Dtype::F32, shape.to_vec(), bytes));
    }

    fn integer(&mut self, name: &str, value: i64) {
        self.parts.push((name.to_owned(), Dtype::I64, vec![1], value.to_le_bytes().to_vec()));
    }

    fn write(&self, path: &Path) -> Result<()> {
        let mut views = HashMap::new();
        for (name, dtype, shape, bytes) in &self.parts {
            views.insert(name.clone(), TensorView::new(*dtype, shape.clone(), bytes)?);
        }
        Ok(safetensors::serialize_to_file(&views, None, path)?)
    }
}
