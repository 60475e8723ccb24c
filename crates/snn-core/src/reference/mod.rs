//! The reference engine: dense, single-threaded, plain loops. It is the specification that faster engines are tested
//! against. To learn the method, read the forward and backward pass in `simulation.rs`.

pub(crate) mod maps;
pub(crate) mod simulation;
mod stages;

use simulation::{BackwardStart, Simulation, Spikes};

use crate::dropout::dropout_mask;
use crate::encoder::Encoded;
use crate::engine::{Activity, Dropout, Engine, Errors, Memory, Plan, Record, Session, Stimulus, Trial};
use crate::error::Error;
use crate::network::{Network, Weights};
use crate::neuron::NeuronOutput;
use crate::spikes::SpikeTrain;

/// The engine named `reference`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Engine for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn describe(&self) -> String {
        "reference, dense loops on one thread".to_owned()
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        plan.check_with(network)?;
        Ok(Box::new(ReferenceSession { network: network.clone(), plan, weights: Weights::new(), trial: None }))
    }

    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        plan.check_with(network)?;
        Ok(memory(network, plan))
    }
}

/// Memory that a session takes.
fn memory(network: &Network, plan: Plan) -> Memory {
    let float = size_of::<f32>();
    let over_time = |words: usize| words * plan.batch * plan.steps * float;
    let populations = network.populations();
    let neurons: usize = populations.iter().map(|population| population.shape.len()).sum();
    let states: usize = populations.iter().map(|p| p.neuron.state().len() * p.shape.len()).sum();
    let errors = if plan.train { neurons } else { 0 };
    Memory {
        parts: vec![
            ("weights", network.parameters() * float),
            ("currents, spikes and errors as f32", over_time(3 * neurons + errors + network.input().len())),
            ("states as f32", over_time(states)),
            ("masks, traces", 8 * neurons * plan.batch * float),
        ],
    }
}

struct ReferenceSession {
    network: Network,
    plan: Plan,
    weights: Weights,
    trial: Option<Simulation<f32>>,
}

impl Session for ReferenceSession {
    fn memory(&self) -> Memory {
        memory(&self.network, self.plan)
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.network.check_weights(weights)?;
        self.weights.clone_from(weights);
        self.trial = None;
        Ok(())
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.trial = None;
        self.run(trial, &[])
    }

    fn resume(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        trial.check_resume(&self.network, &self.plan, from, self.trial.as_ref().map(|trial| trial.samples))?;
        self.run(trial, from)
    }

    fn backward(&mut self, errors: Errors<'_>, gradients: &mut Weights) -> Result<(), Error> {
        let Self { network, plan, weights, trial } = self;
        if !plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let trial = trial.as_mut().ok_or(Error::Order("no trial to go back through"))?;
        errors.check(network, plan, trial.samples)?;
        let rows = errors.output.chunks(trial.samples * network.classes());
        let d_output: Vec<Vec<f32>> = rows.map(<[f32]>::to_vec).collect();
        *gradients = trial.backward(network, weights, BackwardStart { d_output: &d_output, d_emitted: errors.emitted });
        Ok(())
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        if !self.plan.record {
            return Err(Error::Order("the session was not compiled to record"));
        }
        let trial = self.trial.as_ref().ok_or(Error::Order("no trial to record"))?;
        let found = self.network.populations().get(population);
        let found = found.ok_or_else(|| Error::size("population", "an index of the network", population))?;
        let run = &trial.populations[population];
        let mut spikes = SpikeTrain::silent(self.plan.steps, trial.samples, found.shape);
        let len = found.shape.len();
        for (t, row) in run.raw.iter().enumerate().filter(|_| found.neuron.fires()) {
            for (i, _) in row.iter().enumerate().filter(|(_, spike)| **spike != 0.0) {
                spikes.set(t, i / len, i % len, 1);
            }
        }
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
        let passes_numbers = found.neuron.output() == NeuronOutput::Numbers;
        Ok(Record {
            spikes,
            values: if passes_numbers { run.raw.concat() } else { Vec::new() },
            trace: single(&run.trace),
            count: single(&run.count),
            correction: run.correction.clone(),
            membrane: run.state[..trial.samples * len].to_vec(),
            delta: run.delta.concat(),
        })
    }
}

impl ReferenceSession {
    /// Runs a trial. It continues from samples `from` of the last trial if one is stored, else from rest.
    fn run(&mut self, trial: &Trial<'_>, from: &[usize]) -> Result<Activity, Error> {
        let Self { network, plan, weights, .. } = self;
        trial.check(network, plan)?;
        if weights.len() != network.tensors().len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let mut simulation =
            Simulation::new(network, weights, input(trial, plan.steps), &masks(trial, network), plan.train);
        if let Some(last) = &self.trial {
            simulation.resume(network, last, from);
        }
        simulation.forward(network, weights, Spikes::Binary);

        let activity = Activity {
            output: simulation.output().concat(),
            input_spikes: spikes_of_input(trial, &simulation.input),
            spikes: simulation.sums(network, |run| &run.raw).map(|sum| sum as u64).collect(),
            emitted: simulation.emitted(network).collect(),
            statistics: simulation.statistics(network),
        };
        self.trial = Some(simulation);
        Ok(activity)
    }
}

/// The input of a trial as numbers, `[T][N · neurons]`.
fn input(trial: &Trial<'_>, steps: usize) -> Vec<Vec<f32>> {
    match trial.stimulus {
        Stimulus::Spikes(train) => (0..steps).map(|t| dense(train, t)).collect(),
        Stimulus::Current(values) => vec![values.to_vec(); steps],
        Stimulus::Numbers(values) => values.chunks(values.len() / steps).map(<[f32]>::to_vec).collect(),
        Stimulus::Images { pixels, shape, encoder, draws } => {
            let images = pixels.chunks(shape.len()).enumerate();
            let encoded: Vec<Encoded> =
                images.map(|(n, image)| encoder.encode(image, shape, steps, draws.sample(n))).collect();
            let row = |t| {
                encoded.iter().flat_map(move |encoded| match encoded {
                    Encoded::Spikes(train) => dense(train, t),
                    Encoded::Current(values) => values.clone(),
                    Encoded::Numbers(values) => values[t * (values.len() / steps)..][..values.len() / steps].to_vec(),
                })
            };
            (0..steps).map(|t| row(t).collect()).collect()
        }
    }
}

/// Number of input spikes; 0 for a current or numbers.
fn spikes_of_input(trial: &Trial<'_>, input: &[Vec<f32>]) -> u64 {
    let is_current = match trial.stimulus {
        Stimulus::Spikes(_) => false,
        Stimulus::Current(_) | Stimulus::Numbers(_) => true,
        Stimulus::Images { pixels, shape, encoder, draws } => {
            !matches!(encoder.encode(&pixels[..shape.len()], shape, 1, draws.sample(0)), Encoded::Spikes(_))
        }
    };
    if is_current { 0 } else { input.iter().flatten().filter(|x| **x != 0.0).count() as u64 }
}

/// Step `t` of a spike train as numbers, `[N · neurons]`.
fn dense(train: &SpikeTrain, t: usize) -> Vec<f32> {
    let len = train.shape().len();
    (0..train.samples() * len).map(|i| f32::from(train.get(t, i / len, i % len))).collect()
}

/// The dropout masks of a trial, `[N · neurons]` for each population; empty for populations without dropout.
fn masks(trial: &Trial<'_>, network: &Network) -> Vec<Vec<f32>> {
    let mask = |(index, population): (usize, &crate::network::Population)| match trial.dropout {
        Dropout::Masks(masks) => masks.get(index).cloned().unwrap_or_default(),
        Dropout::Drawn(draws) if population.dropout > 0.0 => {
            let mask = |&sample| dropout_mask(population, index, draws.seed, draws.epoch, sample);
            draws.samples.iter().flat_map(mask).collect()
        }
        _ => Vec::new(),
    };
    network.populations().iter().enumerate().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::network::{Projection, Source};
    use crate::neuron::Neuron;
    use crate::shape::Shape;

    /// A chain: the input drives a hidden neuron with weight 0.75, which drives the readout with weight 2.
    fn chain(recurrent: bool) -> Box<dyn Session> {
        let mut builder = Network::builder(Shape::features(1));
        let map = Map::Linear { features: 1 };
        let mut inputs = vec![Projection::new(Source::Input, map)];
        inputs.extend(recurrent.then(|| Projection::new(builder.recurrent_source(), map)));
        let hidden = builder.add("hidden", Neuron::lif(), inputs).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, map)]).unwrap();
        let network = builder.build().unwrap();
        let mut session = Reference.compile(&network, Plan::new(4, 1).train().record()).unwrap();
        let weights = [vec![0.75], vec![0.5], vec![2.0]];
        session.load(&weights.into_iter().filter(|w| recurrent || w[0] != 0.5).collect()).unwrap();
        session
    }

    fn run(session: &mut dyn Session) -> Vec<f32> {
        let trial = Trial { stimulus: Stimulus::Current(&[1.0]), dropout: Dropout::Off };
        session.forward(&trial).unwrap().output
    }

    #[test]
    fn a_chain_of_two_neurons_does_what_can_be_reckoned_by_hand() {
        let mut session = chain(false);
        // The membrane rises by 0.75 a step: it fires at steps 1 and 3. The readout gains 2 at each, and leaks.
        let (once, twice) = (0.99 * 2.0_f32, 0.99 * (0.99 * (0.99 * 2.0_f32) + 2.0));
        assert_eq!(run(&mut *session), [0.0, once, 0.99 * once, twice]);
        let record = session.record(0).unwrap();
        assert_eq!([0, 1, 2, 3].map(|t| record.spikes.get(t, 0, 0)), [0, 1, 0, 1]);
        assert_eq!((record.trace[0], record.count[0]), ((1.0 + 0.99_f64 * 0.99) as f32, 2.0));

        let mut gradients = Weights::new();
        session.backward(Errors::of_output(&[0.0, 0.0, 0.0, 1.0]), &mut gradients).unwrap();
        // The readout passes 1 to both spikes, which pass 2 C back to all four steps.
        assert_eq!(gradients[1], [2.0]);
        assert_eq!(gradients[0], [4.0 * 2.0 * record.correction[0]]);
    }

    #[test]
    fn a_neuron_hears_itself_one_step_late() {
        let mut session = chain(true);
        run(&mut *session);
        // At step 2 its own spike of step 1 adds 0.5 to the 0.75 of the input, so that it fires again.
        let record = session.record(0).unwrap();
        assert_eq!([0, 1, 2, 3].map(|t| record.spikes.get(t, 0, 0)), [0, 1, 1, 1]);
    }
}
