//! The trials of a case on an engine: input, dropout and errors, and what the engine makes of them.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on has failed")]

use crate::agreement::TrialResults;
use crate::encoder::{Direct, Encoder, Poisson};
use crate::engine::{Activity, Draws, Dropout, Engine, Errors, Plan, Record, Session, Stimulus, Trial};
use crate::network::{Network, Weights};
use crate::reference::Reference;
use crate::spikes::SpikeTrain;

use super::words::Words;
use super::{DropoutCase, EngineCase, Expected, InputCase, OutputErrors};

impl EngineCase {
    /// Inputs of the trial numbered `trial`, with `samples` samples.
    fn shown(&self, network: &Network, trial: u32, samples: usize) -> Given {
        let words = Words::new(self.seed, 1 + trial);
        let neurons = network.input().len();
        let mut spikes = SpikeTrain::silent(self.steps, samples, network.input());
        let mut pixels = Vec::new();
        match self.stimulus {
            InputCase::Spikes { density, signed } => {
                for (t, i) in (0..self.steps).flat_map(|t| (0..samples * neurons).map(move |i| (t, i))) {
                    let sign = if signed && words.below(t, 2 * i + 1, 2) == 0 { -1 } else { 1 };
                    if words.uniform(t, 2 * i) < density {
                        spikes.set(t, i / neurons, i % neurons, sign);
                    }
                }
            }
            InputCase::Poisson { signed, .. } => {
                let lowest = if signed { -1.0 } else { 0.0 };
                pixels.extend((0..samples * neurons).map(|i| lowest + (1.0 - lowest) * words.uniform(0, i)));
            }
            InputCase::Numbers => {
                pixels.extend((0..self.steps * samples * neurons).map(|i| words.below(0, i, 33) as f32 / 16.0 - 1.0));
            }
            InputCase::Direct | InputCase::Current => {
                pixels.extend((0..samples * neurons).map(|i| words.below(0, i, 33) as f32 / 16.0 - 1.0));
            }
        }
        let mask = |population: usize, len: usize| -> Vec<f32> {
            let value = |i| [0.0, 0.5, 1.0, 2.0][words.below(100 + population, i, 4) as usize];
            let is_masked = population + 1 < network.populations().len();
            if is_masked && words.below(99, population, 4) > 0 { (0..len).map(value).collect() } else { Vec::new() }
        };
        let populations = network.populations().iter().enumerate();
        let is_hidden = |index: usize| index + 1 < network.populations().len();
        let d_output = |i: usize| words.below(97, i, 33) as f32 / 16.0 - 1.0;
        let has_errors = |t: usize| match self.output_errors {
            OutputErrors::Final => t + 1 == self.steps,
            OutputErrors::Some => words.below(96, t, 3) == 0,
            OutputErrors::All => true,
        };
        let outputs = samples * network.classes();
        Given {
            spikes,
            pixels,
            masks: populations.map(|(index, p)| mask(index, samples * p.shape.len())).collect(),
            indices: (0..samples).map(|n| words.below(98, n, 60_000)).collect(),
            d_output: (0..self.steps * outputs)
                .map(|i| if has_errors(i / outputs) { d_output(i) } else { 0.0 })
                .collect(),
            d_emitted: (0..if self.emitted_errors { network.populations().len() } else { 0 })
                .map(|index| if is_hidden(index) { words.below(95, index, 17) as f32 / 16.0 - 0.5 } else { 0.0 })
                .collect(),
        }
    }

    /// Runs the forward pass of a session on the inputs.
    fn show(&self, session: &mut dyn Session, shown: &Given) -> Activity {
        let draws = Draws { seed: self.seed, epoch: 3, samples: &shown.indices };
        let encoder = self.encoder();
        let stimulus = match self.stimulus {
            InputCase::Spikes { .. } => Stimulus::Spikes(&shown.spikes),
            InputCase::Current => Stimulus::Current(&shown.pixels),
            InputCase::Numbers => Stimulus::Numbers(&shown.pixels),
            InputCase::Poisson { .. } | InputCase::Direct => {
                Stimulus::Images { pixels: &shown.pixels, shape: self.input, encoder: encoder.as_ref(), draws }
            }
        };
        let dropout = match self.dropout {
            DropoutCase::Off => Dropout::Off,
            DropoutCase::Masks => Dropout::Masks(&shown.masks),
            DropoutCase::Drawn => Dropout::Drawn(draws),
        };
        session.forward(&Trial { stimulus, dropout }).unwrap()
    }

    /// Runs the forward and backward pass of a session on the inputs. Returns the activity, the records of all
    /// populations and the gradients.
    fn run(
        &self,
        session: &mut dyn Session,
        network: &Network,
        shown: &Given,
        gradients: &mut Weights,
    ) -> TrialResults {
        let activity = self.show(session, shown);
        for population in 0..network.populations().len() {
            assert!(session.record(population).unwrap().delta.is_empty(), "errors before a backward pass");
        }
        let (gradients, records) = go_back(session, network, shown, &shown.d_output, gradients);
        TrialResults { activity, records, gradients }
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        match self.stimulus {
            InputCase::Poisson { scale, .. } => Box::new(Poisson { scale }),
            _ => Box::new(Direct { scale: 0.5 }),
        }
    }

    /// Result of an engine on the case, in a session that has already run another trial.
    pub fn outcome(&self, engine: &dyn Engine, network: &Network) -> TrialResults {
        let mut session = engine.compile(network, self.plan()).unwrap();
        assert_eq!(engine.memory(network, self.plan()).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        self.run(session.as_mut(), network, &self.shown(network, 1, self.plan().batch), &mut gradients);
        self.run(session.as_mut(), network, &self.shown(network, 0, self.samples), &mut gradients)
    }

    /// Gradients of a session without records, which need not compute errors where nothing is trained.
    pub fn gradients(&self, engine: &dyn Engine, network: &Network) -> Weights {
        let plan = Plan { record: false, ..self.plan() };
        let mut session = engine.compile(network, plan).unwrap();
        session.load(&self.weights(network)).unwrap();
        let mut gradients = Weights::new();
        for trial in [1, 0] {
            let shown = self.shown(network, trial, self.samples);
            self.show(session.as_mut(), &shown);
            let errors = Errors { output: &shown.d_output, emitted: &shown.d_emitted };
            session.backward(errors, &mut gradients).unwrap();
        }
        gradients
    }

    /// Activity of an engine on the case, in a session without training.
    pub fn inference(&self, engine: &dyn Engine, network: &Network) -> Activity {
        let plan = Plan { train: false, record: false, ..self.plan() };
        let mut session = engine.compile(network, plan).unwrap();
        assert_eq!(engine.memory(network, plan).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// Activity of the reference engine on the folded network, in a session without training.
    pub fn folded_inference(&self, network: &Network) -> Activity {
        let folded = network.folded();
        let mut session = Reference.compile(&folded, Plan { train: false, record: false, ..self.plan() }).unwrap();
        session.load(&network.fold(&self.weights(network))).unwrap();
        self.show(session.as_mut(), &self.shown(network, 0, self.samples))
    }

    /// Output of the last sample at every step, if the trial is run in `parts` parts and the other samples leave one
    /// after the other.
    pub fn streamed(&self, engine: &dyn Engine, network: &Network, parts: usize) -> Vec<f32> {
        let shown = self.shown(network, 0, self.samples);
        let (mut output, mut staying) = (Vec::new(), (0..self.samples).collect::<Vec<usize>>());
        let part = self.steps / parts;
        let plan = Plan { numbers: self.plan().numbers, ..Plan::new(part, self.samples).stream() };
        let mut session = engine.compile(network, plan).unwrap();
        assert_eq!(engine.memory(network, plan).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        for index in 0..parts {
            let from: Vec<usize> = if index > 0 && staying.len() > 1 {
                (1..staying.len()).collect()
            } else {
                (0..staying.len()).collect()
            };
            staying = from.iter().map(|&from| staying[from]).collect();
            let spikes = shown.spikes.part(index * part..(index + 1) * part, &staying);
            let len = network.input().len();
            let mut pixels = Vec::new();
            let stimulus = match self.stimulus {
                InputCase::Current => {
                    pixels.extend(staying.iter().flat_map(|&n| &shown.pixels[n * len..][..len]));
                    Stimulus::Current(&pixels)
                }
                InputCase::Numbers => {
                    let rows = shown.pixels.chunks(self.samples * len).skip(index * part).take(part);
                    pixels.extend(rows.flat_map(|row| staying.iter().flat_map(move |&n| &row[n * len..][..len])));
                    Stimulus::Numbers(&pixels)
                }
                _ => Stimulus::Spikes(&spikes),
            };
            let trial = Trial { stimulus, dropout: Dropout::Off };
            let activity = if index == 0 { session.forward(&trial) } else { session.resume(&trial, &from) }.unwrap();
            let rows = activity.output.chunks(staying.len() * network.classes());
            output.extend(rows.flat_map(|row| &row[row.len() - network.classes()..]));
        }
        output
    }

    /// Result of the reference engine, with scales measured for other errors of the output.
    pub fn expected(&self, network: &Network) -> Expected {
        let mut session = Reference.compile(network, self.plan()).unwrap();
        assert_eq!(Reference.memory(network, self.plan()).unwrap(), session.memory(), "what is stated before");
        session.load(&self.weights(network)).unwrap();
        let shown = self.shown(network, 0, self.samples);
        let mut gradients = Weights::new();
        let outcome = self.run(session.as_mut(), network, &shown, &mut gradients);
        let mut expected = Expected::new(outcome);
        let words = Words::new(self.seed, 3);
        for draw in 0..2 {
            let d_output: Vec<f32> =
                (0..shown.d_output.len()).map(|i| words.below(draw, i, 33) as f32 / 16.0 - 1.0).collect();
            let (gradients, records) = go_back(session.as_mut(), network, &shown, &d_output, &mut gradients);
            expected.measure(&gradients, &records);
        }
        expected
    }
}

/// Backpropagates through the last trial. Returns the gradients and the records of all populations.
fn go_back(
    session: &mut dyn Session,
    network: &Network,
    shown: &Given,
    d_output: &[f32],
    gradients: &mut Weights,
) -> (Weights, Vec<Record>) {
    session.backward(Errors { output: d_output, emitted: &shown.d_emitted }, gradients).unwrap();
    let records = (0..network.populations().len()).map(|population| session.record(population).unwrap());
    (gradients.clone(), records.collect())
}

/// Inputs of a session for one trial.
struct Given {
    spikes: SpikeTrain,
    pixels: Vec<f32>,
    masks: Vec<Vec<f32>>,
    indices: Vec<u32>,
    d_output: Vec<f32>,
    d_emitted: Vec<f32>,
}
