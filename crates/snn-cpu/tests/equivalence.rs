//! The engine against the reference: random networks and trials, at every level of vector instructions, on both paths.
//!
//! Weights are multiples of 1/64, masks of 1/2, and averages are over 2x2, so that single precision holds every current
//! exactly, in whatever order it is summed. Membranes are then equal to the bit, and so are spikes. (Averages over 3x3 are
//! not exact; they stand alone in their population, where both engines sum in the same order.)
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use snn_core::{
    Activity, Draws, Dropout, Encoder, Engine, Gradient, Map, Network, Neuron, Plan, Projection, Purpose, Record,
    Session, Shape, Source, SpikeTrain, Stimulus, Stream, Trace, Trial, Weights, reference::Reference,
};
use snn_cpu::Cpu;

/// Multiply-accumulates of a trial in the reference, at most: it is slow.
const BUDGET: u64 = 2_000_000;

/// Share of a tensor's largest magnitude by which an error or a gradient may be off: sums of some thousand terms, in
/// another order.
const SHARE: f32 = 2e-5;

/// Share of the sum of magnitudes by which a sum may be off where its terms cancel.
const ROUNDING: f32 = 2.0 * f32::EPSILON;

/// A random network and a random trial of it.
#[derive(Debug, Clone)]
struct Case {
    input: Shape,
    layers: Vec<Layer>,
    readout: Layer,
    /// Largest weight in 64ths.
    largest: u32,
    steps: usize,
    samples: usize,
    /// Samples that the plan has room for besides.
    spare: usize,
    stimulus: Show,
    dropout: Drop,
    seed: u64,
    /// What is made smaller if the case takes too long: the first two in turn, then the third.
    shrink: [usize; 3],
}

/// One population. What does not fit the network is bent until it does.
#[derive(Debug, Clone)]
struct Layer {
    map: Map,
    /// How many populations back its source lies.
    back: usize,
    /// Which of all projections that would fit is added to the first one.
    second: Option<usize>,
    neuron: Neuron,
    dropout: f32,
}

#[derive(Debug, Clone, Copy)]
enum Show {
    Spikes { density: f32, signed: bool },
    Images { scale: f32, signed: bool },
}

#[derive(Debug, Clone, Copy)]
enum Drop {
    Off,
    Masks,
    Drawn,
}

fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 1..=8_usize, 2 => 9..=70_usize, 1 => prop::sample::select(vec![16, 17, 32, 33, 48, 49, 64, 65])]
}

fn map() -> impl Strategy<Value = Map> {
    let conv = (channels(), [1..=5_usize, 1..=5], 1..=3_usize, 0..=2_usize);
    prop_oneof![
        5 => conv.prop_map(|(channels, kernel, stride, padding)| Map::Conv { channels, kernel, stride, padding }),
        2 => channels().prop_map(|features| Map::Linear { features }),
        2 => (1..=3_usize, 1..=3_usize).prop_map(|(size, stride)| Map::AvgPool { size, stride }),
        1 => (1..=3_usize).prop_map(|stride| Map::Subsample { stride }),
    ]
}

fn leak() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.5, 0.75, 0.9, 0.99, 1.0])
}

fn threshold() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![0.25, 0.7, 0.75, 1.0, 1.3])
}

fn neuron() -> impl Strategy<Value = Neuron> {
    let trace = prop::sample::select(vec![Trace::AfterDropout, Trace::BeforeDropout]);
    let lif = (leak(), threshold(), trace);
    prop_oneof![
        3 => lif.prop_map(|(leak, threshold, trace)| {
            Neuron::Lif { leak, threshold, gradient: Gradient::LeakCorrected { trace } }
        }),
        1 => threshold().prop_map(|threshold| Neuron::PoolIf { threshold }),
    ]
}

fn layer(neuron: impl Strategy<Value = Neuron>) -> impl Strategy<Value = Layer> {
    let back = prop_oneof![3 => Just(0), 1 => 0..=3_usize];
    let second = prop::option::of(0..=40_usize);
    let dropout = prop::sample::select(vec![0.0, 0.5, 0.75]);
    (map(), back, second, neuron, dropout).prop_map(|(map, back, second, neuron, dropout)| Layer {
        map,
        back,
        second,
        neuron,
        dropout,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let readout = (leak(), threshold()).prop_map(|(leak, threshold)| Neuron::Readout { leak, threshold });
    let size = (channels(), 1..=9_usize, 1..=9_usize).prop_map(|(c, h, w)| Shape::new(c, h, w));
    let network = (size, prop::collection::vec(layer(neuron()), 1..=3), layer(readout), 1..=32_u32);
    let steps = prop_oneof![3 => 1..=70_usize, 1 => prop::sample::select(vec![31, 32, 33, 63, 64, 65])];
    let samples = prop_oneof![1 => 1..=2_usize, 1 => 1..=20_usize];
    let density = prop::sample::select(vec![0.0, 0.03, 0.2, 0.6, 1.0]);
    let stimulus = prop_oneof![
        (density, any::<bool>()).prop_map(|(density, signed)| Show::Spikes { density, signed }),
        (0.1..2.0_f32, any::<bool>()).prop_map(|(scale, signed)| Show::Images { scale, signed }),
    ];
    let dropout = prop_oneof![Just(Drop::Off), Just(Drop::Masks), Just(Drop::Drawn)];
    let shrink = Just([0, 1, 2]).prop_shuffle();
    (network, (steps, samples, 0..=3_usize), stimulus, dropout, any::<u64>(), shrink).prop_map(
        |((input, layers, readout, largest), (steps, samples, spare), stimulus, dropout, seed, shrink)| {
            let case = Case { input, layers, readout, largest, steps, samples, spare, stimulus, dropout, seed, shrink };
            case.within_budget()
        },
    )
}

impl Case {
    /// The same case with smaller extents, if it takes the reference too long.
    fn within_budget(mut self) -> Self {
        while self.operations() > BUDGET {
            let Shape { height, width, .. } = self.input;
            let size = if height > width { &mut self.input.height } else { &mut self.input.width };
            let extents = [&mut self.steps, &mut self.samples, size];
            let shrink = self.shrink.into_iter().find(|&which| *extents[which] > 1);
            let Some(which) = shrink else { return self.narrowed() };
            *extents[which] = *extents[which] * 3 / 4;
            self.shrink.swap(0, 1);
        }
        self
    }

    /// The same case with one channel in the input.
    fn narrowed(mut self) -> Self {
        self.input.channels = 1;
        self
    }

    fn operations(&self) -> u64 {
        let network = self.network();
        let operations = |projection: &Projection, target: Shape| match projection.map {
            Map::AvgPool { size, .. } => (size * size * target.len()) as u64,
            Map::Subsample { .. } => target.len() as u64,
            map => map.dense_operations(network.shape(projection.source)),
        };
        let populations = network.populations().iter();
        let sum: u64 = populations.flat_map(|p| p.inputs.iter().map(|input| operations(input, p.shape))).sum();
        sum * (self.steps * self.samples) as u64
    }

    fn network(&self) -> Network {
        let mut builder = Network::builder(self.input);
        let mut sources = vec![(Source::Input, self.input)];
        for (i, layer) in self.layers.iter().chain([&self.readout]).enumerate() {
            let name = format!("p{i}");
            let (source, shape) = sources[sources.len() - 1 - layer.back % sources.len()];
            let map = fitted(layer.map, shape);
            let mut inputs = vec![Projection::new(source, map)];
            let target = map.output(shape).unwrap();
            if let Some(second) = layer.second.filter(|_| is_exact(&map)) {
                let fitting = projections_onto(target, &sources);
                inputs.extend(
                    fitting
                        .get(second % fitting.len().max(1))
                        .map(|projection| projection.clone().named(format!("{name} second"))),
                );
            }
            let dropout = if matches!(layer.neuron, Neuron::Lif { .. }) { layer.dropout } else { 0.0 };
            let source = builder.add_with_dropout(&name, layer.neuron, dropout, inputs).unwrap();
            sources.push((source, target));
        }
        builder.build().unwrap()
    }

    /// From two thirds of `-largest` to `largest`, so that most networks are kept awake.
    fn weights(&self, network: &Network) -> Weights {
        let words = Words::new(self.seed, 0);
        let below = self.largest * 2 / 3;
        let value = |weight, i| words.below(weight, i, below + self.largest + 1) as f32 - below as f32;
        let weights = network.weights().iter().enumerate();
        weights.map(|(weight, w)| (0..w.len()).map(|i| value(weight, i) / 64.0).collect()).collect()
    }

    fn plan(&self) -> Plan {
        Plan { steps: self.steps, batch: self.samples + self.spare, train: true, record: true }
    }

    /// What the first `samples` samples are shown in the trial numbered `trial`.
    fn shown(&self, network: &Network, trial: u32, samples: usize) -> Shown {
        let words = Words::new(self.seed, 1 + trial);
        let neurons = network.input().len();
        let mut spikes = SpikeTrain::silent(self.steps, samples, network.input());
        let mut pixels = Vec::new();
        match self.stimulus {
            Show::Spikes { density, signed } => {
                for (t, i) in (0..self.steps).flat_map(|t| (0..samples * neurons).map(move |i| (t, i))) {
                    let sign = if signed && words.below(t, 2 * i + 1, 2) == 0 { -1 } else { 1 };
                    if words.uniform(t, 2 * i) < density {
                        spikes.set(t, i / neurons, i % neurons, sign);
                    }
                }
            }
            Show::Images { signed, .. } => {
                let lowest = if signed { -1.0 } else { 0.0 };
                pixels.extend((0..samples * neurons).map(|i| lowest + (1.0 - lowest) * words.uniform(0, i)));
            }
        }
        let mask = |population: usize, len: usize| -> Vec<f32> {
            let value = |i| [0.0, 0.5, 1.0, 2.0][words.below(100 + population, i, 4) as usize];
            let is_masked = matches!(network.populations()[population].neuron, Neuron::Lif { .. });
            if is_masked && words.below(99, population, 4) > 0 { (0..len).map(value).collect() } else { Vec::new() }
        };
        let populations = network.populations().iter().enumerate();
        Shown {
            spikes,
            pixels,
            masks: populations.map(|(index, p)| mask(index, samples * p.shape.len())).collect(),
            indices: (0..samples).map(|n| words.below(98, n, 60_000)).collect(),
            d_output: (0..samples * network.classes()).map(|i| words.below(97, i, 33) as f32 / 16.0 - 1.0).collect(),
        }
    }

    /// Shows it to a session, and goes back; what all populations did at last.
    fn run(&self, session: &mut dyn Session, network: &Network, shown: &Shown, gradients: &mut Weights) -> Outcome {
        let draws = Draws { seed: self.seed, epoch: 3, samples: &shown.indices };
        let stimulus = match self.stimulus {
            Show::Spikes { .. } => Stimulus::Spikes(&shown.spikes),
            Show::Images { scale, .. } => {
                Stimulus::Images { pixels: &shown.pixels, encoder: Encoder::Poisson { scale }, draws }
            }
        };
        let dropout = match self.dropout {
            Drop::Off => Dropout::Off,
            Drop::Masks => Dropout::Masks(&shown.masks),
            Drop::Drawn => Dropout::Drawn(draws),
        };
        let activity = session.forward(&Trial { stimulus, dropout }).unwrap();
        for population in 0..network.populations().len() {
            assert!(session.record(population).unwrap().delta.is_empty(), "errors before a backward pass");
        }
        session.backward(&shown.d_output, gradients).unwrap();
        let records = (0..network.populations().len()).map(|population| session.record(population).unwrap()).collect();
        Outcome { activity, gradients: gradients.clone(), records }
    }

    /// What an engine makes of the case, in a session that was used before.
    fn outcome(&self, engine: &dyn Engine, network: &Network) -> Outcome {
        let mut session = engine.compile(network, self.plan()).unwrap();
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        self.run(session.as_mut(), network, &self.shown(network, 1, self.plan().batch), &mut gradients);
        self.run(session.as_mut(), network, &self.shown(network, 0, self.samples), &mut gradients)
    }

    /// What the reference makes of it.
    fn expected(&self, network: &Network) -> Outcome {
        let mut session = Reference.compile(network, self.plan()).unwrap();
        session.load(&self.weights(network)).unwrap();
        self.run(session.as_mut(), network, &self.shown(network, 0, self.samples), &mut Weights::new())
    }
}

/// A map of the same kind that `shape` has room for.
fn fitted(map: Map, shape: Shape) -> Map {
    match map {
        Map::Conv { channels, kernel: [height, width], stride, padding } => {
            let kernel = [height.min(shape.height + 2 * padding), width.min(shape.width + 2 * padding)];
            Map::Conv { channels, kernel, stride, padding }
        }
        Map::AvgPool { size, stride } => Map::AvgPool { size: size.min(shape.height).min(shape.width), stride },
        Map::Linear { .. } | Map::Subsample { .. } => map,
    }
}

/// Whether single precision holds the map's coefficients.
fn is_exact(map: &Map) -> bool {
    !matches!(map, Map::AvgPool { size: 3, .. })
}

/// Projections of some kinds, from any of `sources`, whose output is of shape `target`.
fn projections_onto(target: Shape, sources: &[(Source, Shape)]) -> Vec<Projection> {
    let channels = target.channels;
    let strides = || 1..=3;
    let mut maps: Vec<Map> = strides().map(|stride| Map::Subsample { stride }).collect();
    maps.extend(strides().map(|stride| Map::AvgPool { size: 2, stride }));
    maps.extend(strides().map(|stride| Map::Conv { channels, kernel: [1, 1], stride, padding: 0 }));
    maps.extend(strides().map(|stride| Map::Conv { channels, kernel: [3, 2], stride, padding: 1 }));
    maps.push(Map::Linear { features: channels });
    let fits = |map: &Map, shape| map.output(shape) == Ok(target);
    let from = |&(source, shape)| {
        maps.iter().filter(move |map| fits(map, shape)).map(move |&map| Projection::new(source, map))
    };
    sources.iter().flat_map(from).collect()
}

/// Random words of a test, by two indices.
struct Words {
    stream: Stream,
    trial: u32,
}

impl Words {
    fn new(seed: u64, trial: u32) -> Self {
        Self { stream: Stream::new(seed, Purpose::Initialisation), trial }
    }

    fn below(&self, major: usize, minor: usize, bound: u32) -> u32 {
        let word = self.stream.word(self.trial, 0, major as u32, minor as u32);
        ((u64::from(word) * u64::from(bound)) >> 32) as u32
    }

    /// In `[0, 1)`, in steps of 2^-16.
    fn uniform(&self, major: usize, minor: usize) -> f32 {
        self.below(major, minor, 1 << 16) as f32 / 65_536.0
    }
}

/// Everything that a session is given in one trial.
struct Shown {
    spikes: SpikeTrain,
    pixels: Vec<f32>,
    masks: Vec<Vec<f32>>,
    indices: Vec<u32>,
    d_output: Vec<f32>,
}

/// Everything that a session gives back.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    activity: Activity,
    gradients: Weights,
    records: Vec<Record>,
}

impl Outcome {
    /// Fails unless this is what was `expected`.
    fn check(&self, engine: &str, network: &Network, expected: &Self) {
        assert_eq!(self.activity, expected.activity, "{engine}");
        let populations = network.populations();
        for (p, (found, expected)) in populations.iter().zip(self.records.iter().zip(&expected.records)) {
            let name = format!("{engine}: {}", p.name);
            assert_eq!(found.spikes, expected.spikes, "{name}: spikes");
            assert_eq!(found.membrane, expected.membrane, "{name}: membranes");
            assert_eq!(found.count, expected.count, "{name}: counts");
            check(&format!("{name}: traces"), &found.trace, &expected.trace, 0.0);
            check(&format!("{name}: corrections"), &found.correction, &expected.correction, 0.0);
        }
        let mut behind = 0.0_f32;
        for (index, p) in populations.iter().enumerate().rev() {
            let (found, expected_delta) = (&self.records[index].delta, &expected.records[index].delta);
            check(&format!("{engine}: errors of {}", p.name), found, expected_delta, ROUNDING * behind);
            let largest = expected_delta.chunks(p.shape.len()).map(|d| d.iter().map(|d| d.abs()).sum());
            behind = largest.fold(behind, f32::max);
            for weight in p.inputs.iter().filter_map(|input| input.weight) {
                // Errors that cancel to nothing in one order of summing may leave their rounding in another.
                let trials = (expected_delta.len() / p.shape.len()) as f32;
                let sum = largest_channel_sum(expected_delta, p.shape) + ROUNDING * behind * trials;
                let name = format!("{engine}: gradient of {}", network.weights()[weight].name);
                check(&name, &self.gradients[weight], &expected.gradients[weight], ROUNDING * sum);
            }
        }
    }
}

/// The largest, over channels, of the sums of magnitudes of `values`, `[T, N, C, H, W]`.
fn largest_channel_sum(values: &[f32], shape: Shape) -> f32 {
    let mut sums = vec![0.0_f32; shape.channels];
    for (i, value) in values.iter().enumerate() {
        sums[i % shape.len() / shape.pixels()] += value.abs();
    }
    sums.into_iter().fold(0.0, f32::max)
}

/// Fails unless all of `found` lie within [`SHARE`] of the largest magnitude, and `floor`, of what was `expected`.
fn check(what: &str, found: &[f32], expected: &[f32], floor: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    assert!(found.iter().all(|x| x.is_finite()), "{what} are not finite");
    let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let error = std::iter::zip(found, expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
    let bound = SHARE * largest + floor;
    assert!(error <= bound, "{what}: off by {error:e}, {bound:e} is allowed (largest value {largest:e})");
}

/// `cases` cases, or as many as `PROPTEST_CASES` says.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases, ..default } }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn every_network_does_what_the_reference_does(case in case(), threads in 1..=3_usize) {
        let network = case.network();
        let expected = case.expected(&network);
        for cpu in Cpu::at_every_level(threads) {
            let name = cpu.describe();
            case.outcome(&cpu, &network).check(&name, &network, &expected);
            let dense = case.outcome(&cpu.dense_above(0.0), &network);
            dense.check(&format!("{name}, dense"), &network, &expected);
        }
    }
}

#[test]
fn a_network_of_many_neurons_goes_through_short_rounds() {
    let lif = |leak| Neuron::Lif { leak, threshold: 0.25, gradient: Gradient::default() };
    let layer = |map, neuron| Layer { map, back: 0, second: None, neuron, dropout: 0.0 };
    let case = Case {
        input: Shape::new(1, 520, 520),
        layers: vec![
            layer(Map::Subsample { stride: 1 }, lif(0.9)),
            layer(Map::Conv { channels: 3, kernel: [2, 2], stride: 40, padding: 0 }, lif(0.99)),
        ],
        readout: layer(Map::Linear { features: 3 }, Neuron::readout()),
        largest: 32,
        steps: 2,
        samples: 9,
        spare: 0,
        stimulus: Show::Spikes { density: 0.6, signed: true },
        dropout: Drop::Off,
        seed: 1,
        shrink: [0, 1, 2],
    };
    let network = case.network();
    let expected = case.expected(&network);
    assert!(expected.gradients.iter().all(|gradient| gradient.iter().any(|x| *x != 0.0)));
    case.outcome(&Cpu::new(2), &network).check("cpu", &network, &expected);
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn the_number_of_threads_changes_no_bit(case in case(), is_dense in any::<bool>()) {
        let network = case.network();
        let bits = |threads| {
            let cpu = Cpu::new(threads);
            let cpu = if is_dense { cpu.dense_above(0.0) } else { cpu };
            case.outcome(&cpu, &network).bits()
        };
        let one = bits(1);
        prop_assert!(bits(2) == one, "2 threads give other bits than 1");
        prop_assert!(bits(3) == one, "3 threads give other bits than 1");
    }
}

impl Outcome {
    /// Outputs, gradients and errors as they are stored.
    fn bits(&self) -> Vec<Vec<u32>> {
        let errors = self.records.iter().map(|record| &record.delta);
        let values = [&self.activity.output].into_iter().chain(&self.gradients).chain(errors);
        values.map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
    }
}
