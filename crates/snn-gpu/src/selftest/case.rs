//! Test cases: a small network and a trial of it, which any engine can run.

use snn_core::agreement::{Agreement, Flip, Scales, TrialResults};
use snn_core::reference::Reference;
use snn_core::{
    Direct, Draws, Dropout, Encoder, Engine, Error, Errors, Initial, Network, Plan, Poisson, Purpose, Role, Session,
    Shape, SpikeTrain, Stimulus, Stream, Trial, Weights,
};

/// Number of time steps: one full word of spikes and part of the next.
const STEPS: usize = 40;

/// Number of samples of a trial, and the batch size of the plan.
const SAMPLES: usize = 3;
const BATCH: usize = 4;

/// Data set index of each sample.
const INDICES: [u32; SAMPLES] = [5, 0, 70_000];

/// Candidates for the variance of weights times their fan-in: some neurons need much more current than others to fire.
const KAPPAS: [f32; 6] = [4.0, 40.0, 400.0, 4e3, 4e4, 1e6];

/// Relative changes of the weights, to find out where rounding decides over a spike, and how rounding errors grow.
const TRIFLE: f32 = 1e-5;
const ROUNDING: f32 = 1e-6;

/// Share of steps at which an input neuron spikes.
const DENSITY: f32 = 0.3;

/// A network, and options of its trial.
#[derive(Debug, Clone)]
pub(super) struct SelftestCase {
    pub(super) network: Network,
    pub(super) show: Show,
    /// Whether the loss depends on the number of emitted spikes.
    pub(super) emitted: bool,
    /// Whether the trial has dropout.
    pub(super) dropout: bool,
    /// Whether a second trial resumes the first one, without its middle sample, instead of a backward pass.
    pub(super) stream: bool,
}

/// The kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Spikes,
    Poisson,
    Direct,
}

/// A case with all of its random values.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    case: SelftestCase,
    seed: u64,
    spikes: SpikeTrain,
    pixels: Vec<f32>,
    pub(super) weights: Weights,
    d_output: Vec<Vec<f32>>,
    d_emitted: Vec<f32>,
}

impl SelftestCase {
    pub(super) fn new(network: Network) -> Self {
        Self { network, show: Show::Spikes, emitted: false, dropout: false, stream: false }
    }

    /// Draws all random values, with weights for which every population fires now and then.
    pub(super) fn draw(&self, seed: u64) -> Result<Drawn, Error> {
        let words = SelftestDraws(Stream::new(seed, Purpose::Initialisation));
        let input = self.network.input();
        let mut spikes = SpikeTrain::silent(STEPS, SAMPLES, input);
        for (at, draw) in (0..STEPS * SAMPLES * input.len()).zip(0..) {
            let (t, n, i) = (at / input.len() / SAMPLES, at / input.len() % SAMPLES, at % input.len());
            if words.uniform(1, draw) < DENSITY {
                spikes.set(t, n, i, if words.uniform(2, draw) < 0.25 { -1 } else { 1 });
            }
        }
        let outputs = STEPS * SAMPLES * self.network.classes();
        let errors = |which: u32| (0..outputs as u32).map(move |i| (which, i));
        let mut drawn = Drawn {
            case: self.clone(),
            seed,
            spikes,
            pixels: (0..(SAMPLES * input.len()) as u32).map(|i| 1.4 * words.uniform(3, i) - 0.4).collect(),
            weights: Weights::new(),
            d_output: (10..13).map(|w| errors(w).map(|(w, i)| words.uniform(w, i) - 0.5).collect()).collect(),
            d_emitted: Vec::new(),
        };
        if self.emitted {
            let hidden = self.network.populations().len() - 1;
            drawn.d_emitted = (0..hidden as u32).map(|index| words.uniform(4, index) - 0.25).chain([0.0]).collect();
        }
        for kappa in KAPPAS {
            drawn.weights = self.weights(&words, kappa);
            let (activity, populations) = (drawn.reference()?.0.activity, self.network.populations());
            let is_awake = |(index, count): (usize, &u64)| {
                let population = &populations[index];
                !population.neuron.fires() || *count as usize * 50 > population.shape.len() * SAMPLES * STEPS
            };
            if activity.spikes.iter().enumerate().all(is_awake) {
                break;
            }
        }
        Ok(drawn)
    }

    /// Draws normally distributed weights with a positive mean, so that neurons fire.
    fn weights(&self, words: &SelftestDraws, kappa: f32) -> Weights {
        let last = self.network.populations().len() - 1;
        let of_last = |index: usize| {
            let inputs = &self.network.populations()[last].inputs;
            inputs.iter().any(|input| input.weight == Some(index))
        };
        let weights = self.network.tensors().iter().enumerate();
        let draw = |(index, weight): (usize, &snn_core::Tensor)| {
            if let (Initial::Value(value), Role::Constant | Role::Scale | Role::Running) = (weight.initial, weight.role)
            {
                return vec![value; weight.len()];
            }
            if weight.role == Role::Bias {
                return (0..weight.len() as u32).map(|i| 0.1 * words.normal(index as u32, i)).collect();
            }
            let kappa = if of_last(index) { KAPPAS[0] } else { kappa };
            let deviation = (kappa / weight.fan_in() as f32).sqrt();
            (0..weight.len() as u32).map(|i| deviation * (0.4 + words.normal(index as u32, i))).collect()
        };
        weights.map(draw).collect()
    }

    fn plan(&self) -> Plan {
        let plan = Plan::new(STEPS, BATCH).record();
        if self.stream { plan.stream() } else { plan.train() }
    }
}

impl Drawn {
    /// The results of `engine`.
    pub(super) fn outcome(&self, engine: &dyn Engine) -> Result<TrialResults, Error> {
        let mut session = engine.compile(&self.case.network, self.case.plan())?;
        session.load(&self.weights)?;
        self.run(session.as_mut(), 1, &mut Scales::default())
    }

    /// The results of the reference engine, and their magnitudes.
    pub(super) fn reference(&self) -> Result<(TrialResults, Scales), Error> {
        let mut scales = Scales::default();
        let mut session = Reference.compile(&self.case.network, self.case.plan())?;
        session.load(&self.weights)?;
        let outcome = self.run(session.as_mut(), self.d_output.len(), &mut scales)?;
        Ok((outcome, scales))
    }

    /// Whether the reference engine itself has other spikes at each of `flips` if its weights change by `TRIFLE`.
    pub(super) fn excuses(&self, flips: &[Flip], expected: &TrialResults) -> Result<bool, Error> {
        let others = self.neighbours(TRIFLE)?;
        let is_fragile = |flip: &Flip| {
            let [sample, step, population, neuron] = flip.place;
            let fired = |outcome: &TrialResults| outcome.records[population].spikes.get(step, sample, neuron);
            others.iter().any(|other| fired(other) != fired(expected))
        };
        Ok(flips.iter().all(is_fragile))
    }

    /// How much the results of the reference engine change if its weights change by a few roundings. Neurons with
    /// growing membranes amplify rounding more than others.
    pub(super) fn growth(&self, expected: &TrialResults, scales: &Scales) -> Result<f32, Error> {
        let others = self.neighbours(ROUNDING)?;
        let agreements = others.iter().map(|other| Agreement::of(other, expected, scales));
        Ok(agreements.filter(|agreement| agreement.flips == 0).map(|agreement| agreement.largest()).fold(0.0, f32::max))
    }

    /// The results of the reference engine with weights that are smaller and larger by `share`.
    fn neighbours(&self, share: f32) -> Result<[TrialResults; 2], Error> {
        let with = |factor: f32| {
            let mut other = self.clone();
            let weights = other.weights.iter_mut().zip(self.case.network.tensors());
            for value in weights.filter(|(_, weight)| weight.role.decays()).flat_map(|(values, _)| values) {
                *value *= factor;
            }
            Ok(other.reference()?.0)
        };
        Ok([with(1.0 - share)?, with(1.0 + share)?])
    }

    /// Runs a trial and `passes` backward passes, and returns the results of the first pass.
    fn run(&self, session: &mut dyn Session, passes: usize, scales: &mut Scales) -> Result<TrialResults, Error> {
        let network = &self.case.network;
        let mut activity = session.forward(&self.trial(&self.spikes, &INDICES))?;
        if self.case.stream {
            let from = [0, 2];
            let (spikes, indices) = (self.spikes.part(0..STEPS, &from), from.map(|n| INDICES[n]));
            activity = session.resume(&self.trial(&spikes, &indices), &from)?;
        }
        let mut first = None;
        for d_output in &self.d_output[..passes] {
            let mut gradients = Weights::new();
            if !self.case.stream {
                session.backward(Errors { output: d_output, emitted: &self.d_emitted }, &mut gradients)?;
            }
            let records = (0..network.populations().len()).map(|index| session.record(index));
            let outcome =
                TrialResults { activity: activity.clone(), records: records.collect::<Result<_, _>>()?, gradients };
            scales.measure(&outcome);
            first.get_or_insert(outcome);
        }
        first.ok_or(Error::Order("a trial without errors"))
    }

    fn trial<'a>(&'a self, spikes: &'a SpikeTrain, indices: &'a [u32]) -> Trial<'a> {
        let draws = Draws { seed: self.seed, epoch: 2, samples: indices };
        let images = |encoder: &'static dyn Encoder| {
            let shape: Shape = self.case.network.input();
            Stimulus::Images { pixels: &self.pixels, shape, encoder, draws }
        };
        let stimulus = match self.case.show {
            Show::Spikes => Stimulus::Spikes(spikes),
            Show::Poisson => images(&Poisson { scale: 0.7 }),
            Show::Direct => images(&Direct { scale: 0.5 }),
        };
        let dropout = if self.case.dropout { Dropout::Drawn(draws) } else { Dropout::Off };
        Trial { stimulus, dropout }
    }
}

/// Random numbers addressed by two indices.
struct SelftestDraws(Stream);

impl SelftestDraws {
    /// Uniform in `[0, 1)`.
    fn uniform(&self, major: u32, minor: u32) -> f32 {
        (self.0.word(0, 0, major, minor) >> 8) as f32 / 16_777_216.0
    }

    fn normal(&self, major: u32, minor: u32) -> f32 {
        self.0.normal(1, 0, major, minor)
    }
}
