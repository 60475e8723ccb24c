//! The CPU engine: forward and backward pass by spike density, event-driven beside dense, and whole training steps.
//!
//! ```text
//! cargo bench --bench engine                       # everything
//! cargo bench --bench engine -- density/forward    # one group
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use snn_core::{
    Direct, Draws, Dropout, Encoder, Engine as _, Errors, Final, Map, Network, Neuron, Plan, Poisson, Projection,
    Session, Shape, Source, SpikeTrain, SquaredError, Stimulus, Stream, Trial, Weights, grade, neuron::PoolIf,
};
use snn_cpu::Cpu;

mod networks;

const DENSITIES: [f32; 8] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9];
const PATHS: [(&str, f32); 2] = [("events", 1.0), ("dense", 0.0)];

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500));
    targets = by_density, training_steps
}
criterion_main!(benches);

/// A 3x3 convolution of 64 to 64 channels on a 16x16 map, one sample, 64 steps, one thread; spikes at random.
fn by_density(criterion: &mut Criterion) {
    for pass in ["forward", "backward", "weight_gradient"] {
        let mut group = criterion.benchmark_group(format!("density/{pass}"));
        group.measurement_time(Duration::from_secs(2));
        for density in DENSITIES {
            for (path, dense_above) in PATHS {
                let mut bench = Convolution::new(density, dense_above, pass == "weight_gradient");
                group.throughput(Throughput::Elements(Convolution::operations(density)));
                group.bench_function(BenchmarkId::new(path, density), |bencher| match pass {
                    "forward" => bencher.iter(|| bench.forward()),
                    _ => bencher.iter(|| bench.backward()),
                });
            }
        }
    }
}

/// Training steps of the sizes that papers use, on all cores: encode, forward, loss, backward, load.
fn training_steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training_step");
    group.measurement_time(Duration::from_secs(10));
    let (poisson, direct) = (&Poisson::default() as &dyn Encoder, &Direct::default() as &dyn Encoder);
    let sizes = [
        ("lenet_T100_batch64", networks::lenet(), 100, 64, poisson),
        ("vgg9_T100_batch16", networks::vgg9(0.2), 100, 16, poisson),
        ("lenet_surrogate_T8_batch64", networks::lenet_surrogate(), 8, 64, direct),
        ("lenet_surrogate_T100_batch64", networks::lenet_surrogate(), 100, 64, poisson),
    ];
    for (name, network, steps, batch, encoder) in sizes {
        let mut session = compiled(&Cpu::new(0), &network, steps, batch);
        let weights = networks::initial_weights(&network, 0);
        let scale = if network.input().channels == 1 { 0.12 } else { 0.74 };
        let pixels: Vec<f32> = random(batch * network.input().len()).map(|u| scale * u).collect();
        let samples: Vec<u32> = (0..batch as u32).collect();
        let classes: Vec<u8> = (0..batch as u8).map(|i| i % 10).collect();
        let mut gradients = network.zeros();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                session.load(&weights).expect("the weights fit");
                let draws = Draws { seed: 1, epoch: 0, samples: &samples };
                let shape = network.input();
                let stimulus = Stimulus::Images { pixels: &pixels, shape, encoder, draws };
                let trial = Trial { stimulus, dropout: Dropout::Drawn(draws) };
                let activity = session.forward(&trial).expect("the trial fits");
                let grades = grade(&SquaredError {}, &Final {}, &activity.output, &classes, network.classes());
                session.backward(Errors::of_output(&grades.d_output), &mut gradients).expect("the errors fit");
                black_box(&gradients);
            });
        });
    }
}

/// A network around one convolution whose source and target both fire at exactly the input's density: relays pass the
/// input on, and the convolution's weights are too small to matter.
struct Convolution {
    session: Box<dyn Session>,
    input: SpikeTrain,
    gradients: Weights,
}

impl Convolution {
    const STEPS: usize = 64;
    const SHAPE: Shape = Shape::new(64, 16, 16);

    /// With `reads_input` the convolution has the input for its source, so that only its weight gradient is computed.
    fn new(density: f32, dense_above: f32, reads_input: bool) -> Self {
        let conv = Map::conv(Self::SHAPE.channels, [3, 3], 1, 1);
        let relay = Projection::new(Source::Input, Map::Subsample { stride: 1 });
        let neuron = PoolIf { threshold: 0.5 }.neuron();
        let mut builder = Network::builder(Self::SHAPE);
        let source = if reads_input {
            Source::Input
        } else {
            builder.add("source", neuron.clone(), vec![relay.clone()]).expect("the relay fits")
        };
        let target = vec![Projection::new(source, conv), relay];
        let target = builder.add("target", neuron, target).expect("the convolution fits");
        let readout = vec![Projection::new(target, Map::Linear { features: 1 })];
        builder.add("readout", Neuron::readout(), readout).expect("the readout fits");
        let network = builder.build().expect("the network is whole");

        let mut input = SpikeTrain::silent(Self::STEPS, 1, Self::SHAPE);
        for (i, _) in random(Self::STEPS * Self::SHAPE.len()).enumerate().filter(|(_, u)| *u < density) {
            input.set(i / Self::SHAPE.len(), 0, i % Self::SHAPE.len(), 1);
        }
        let mut session = compiled(&Cpu::new(1).dense_above(dense_above), &network, Self::STEPS, 1);
        session.load(&network.tensors().iter().map(|w| vec![1e-9; w.len()]).collect()).expect("the weights fit");
        let mut bench = Self { session, input, gradients: network.zeros() };
        bench.forward();
        bench
    }

    fn forward(&mut self) {
        let trial = Trial { stimulus: Stimulus::Spikes(&self.input), dropout: Dropout::Off };
        black_box(self.session.forward(&trial).expect("the trial fits"));
    }

    fn backward(&mut self) {
        let mut d_output = [0.0; Self::STEPS];
        d_output[Self::STEPS - 1] = 1.0 / Self::STEPS as f32;
        self.session.backward(Errors::of_output(&d_output), &mut self.gradients).expect("the errors fit");
    }

    /// Multiply-accumulates with a spike in them, as throughput.
    fn operations(density: f32) -> u64 {
        let dense = Self::STEPS * Self::SHAPE.len() * Self::SHAPE.channels * 9;
        (dense as f64 * f64::from(density)) as u64
    }
}

fn compiled(engine: &Cpu, network: &Network, steps: usize, batch: usize) -> Box<dyn Session> {
    engine.compile(network, Plan::new(steps, batch).train()).expect("the plan is valid")
}

/// `n` uniform values in `[0, 1)`.
fn random(n: usize) -> impl Iterator<Item = f32> {
    let stream = Stream::new(1, snn_core::Purpose::Encoder);
    (0..n as u32).map(move |i| (stream.word(0, 0, 0, i) >> 8) as f32 / 16_777_216.0)
}
