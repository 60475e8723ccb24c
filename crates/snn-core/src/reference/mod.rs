//! The reference engine: dense, single-threaded, plain loops. It is the specification that faster engines are tested
//! against; read [`forward`](Session::forward) and [`backward`](Session::backward) of its session to learn the method.

mod maps;

use crate::{
    Activity, Dropout, Engine, Error, Gradient, Memory, Network, Neuron, Plan, Population, Record, Session, Source,
    SpikeTrain, Stimulus, Trace, Trial, Weights, correction, dropout_mask,
};

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
        plan.check()?;
        Ok(Box::new(ReferenceSession { network: network.clone(), plan, weights: Weights::new(), trial: None }))
    }
}

struct ReferenceSession {
    network: Network,
    plan: Plan,
    weights: Weights,
    trial: Option<State>,
}

/// All that a trial leaves behind. Tensors over time are `[T][N · neurons]`.
struct State {
    samples: usize,
    input: Vec<Vec<f32>>,
    populations: Vec<PopulationState>,
}

struct PopulationState {
    /// Raw spikes `s`, 0 or 1.
    spikes: Vec<Vec<f32>>,
    /// What other populations see: `o = mask · s`.
    output: Vec<Vec<f32>>,
    /// Dropout mask `[N · neurons]`.
    mask: Vec<f32>,
    /// Membrane `V` carried to the next step.
    membrane: Vec<f32>,
    /// `Σ leak^(T-1-t) u(t)`, `Σ u(t)` and the correction that they give.
    trace: Vec<f64>,
    count: Vec<f32>,
    correction: Vec<f32>,
    /// `d(t) = dL/dv(t)`; empty before the backward pass.
    delta: Vec<Vec<f32>>,
}

impl Session for ReferenceSession {
    fn memory(&self) -> Memory {
        let float = size_of::<f32>();
        let neurons: usize = self.network.populations().iter().map(|population| population.shape.len()).sum();
        let trains = if self.plan.train { 3 } else { 2 } * neurons + self.network.input().len();
        let vectors = 6 * neurons * self.plan.batch;
        Memory {
            parts: vec![
                ("weights", self.network.parameters() * float),
                ("spikes and errors as f32", trains * self.plan.batch * self.plan.steps * float),
                ("membranes, masks, traces", vectors * float),
            ],
        }
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.network.check_weights(weights)?;
        self.weights.clone_from(weights);
        self.trial = None;
        Ok(())
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        let samples = trial.check(&self.network, &self.plan)?;
        if self.weights.len() != self.network.weights().len() {
            return Err(Error::Order("load weights before the first trial"));
        }
        let mut state = State {
            samples,
            input: input(trial, &self.network, self.plan.steps),
            populations: (0..self.network.populations().len())
                .map(|index| PopulationState::silent(&self.network, index, trial, samples))
                .collect(),
        };
        for t in 0..self.plan.steps {
            for (index, population) in self.network.populations().iter().enumerate() {
                let current = self.current(population, &state, t);
                state.populations[index].step(&population.neuron, &current);
            }
        }
        for (population, neurons) in self.network.populations().iter().zip(&mut state.populations) {
            neurons.correction = std::iter::zip(&neurons.trace, &neurons.count)
                .map(|(&f, &g)| correction(population.neuron.leak(), f as f32, g))
                .collect();
        }

        let total = |train: &Vec<Vec<f32>>| train.iter().flatten().map(|spike| spike.abs() as u64).sum();
        let readout = self.network.populations().last().ok_or(Error::Order("the network is empty"))?;
        let membrane = &state.populations[self.network.populations().len() - 1].membrane;
        let activity = Activity {
            output: membrane.iter().map(|v| v / readout.neuron.threshold() / self.plan.steps as f32).collect(),
            input_spikes: total(&state.input),
            spikes: state.populations.iter().map(|population| total(&population.spikes)).collect(),
        };
        self.trial = Some(state);
        Ok(activity)
    }

    fn backward(&mut self, d_output: &[f32], gradients: &mut Weights) -> Result<(), Error> {
        if !self.plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let samples = self.trial.as_ref().ok_or(Error::Order("no trial to go back through"))?.samples;
        let expected = samples * self.network.classes();
        if d_output.len() != expected {
            return Err(Error::size("gradient of the output", expected, d_output.len()));
        }
        let Some(mut state) = self.trial.take() else { return Ok(()) };
        *gradients = self.network.zeros();
        for (population, neurons) in self.network.populations().iter().zip(&mut state.populations) {
            neurons.delta = vec![vec![0.0; state.samples * population.shape.len()]; self.plan.steps];
        }
        for t in (0..self.plan.steps).rev() {
            for index in (0..self.network.populations().len()).rev() {
                let delta = match self.network.populations()[index].neuron {
                    Neuron::Readout { threshold, .. } => {
                        d_output.iter().map(|d_y| d_y / (self.plan.steps as f32 * threshold)).collect()
                    }
                    neuron => {
                        let g = self.error_at(index, &state, t);
                        state.populations[index].delta_at(&neuron, &g, t)
                    }
                };
                state.populations[index].delta[t] = delta;
                self.add_weight_gradients(index, &state, t, gradients);
            }
        }
        self.trial = Some(state);
        Ok(())
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        if !self.plan.record {
            return Err(Error::Order("the session was not compiled to record"));
        }
        let state = self.trial.as_ref().ok_or(Error::Order("no trial to record"))?;
        let found = self.network.populations().get(population);
        let Population { shape, neuron, .. } =
            found.ok_or_else(|| Error::size("population", "an index of the network", population))?;
        let neurons = &state.populations[population];
        let mut spikes = SpikeTrain::silent(self.plan.steps, state.samples, *shape);
        for (t, row) in neurons.spikes.iter().enumerate() {
            for (i, _) in row.iter().enumerate().filter(|(_, spike)| **spike != 0.0) {
                spikes.set(t, i / shape.len(), i % shape.len(), 1);
            }
        }
        let lif = |values: &Vec<f32>| if matches!(neuron, Neuron::Lif { .. }) { values.clone() } else { Vec::new() };
        Ok(Record {
            spikes,
            trace: lif(&neurons.trace.iter().map(|&f| f as f32).collect()),
            count: lif(&neurons.count),
            correction: lif(&neurons.correction),
            membrane: neurons.membrane.clone(),
            delta: neurons.delta.concat(),
        })
    }
}

impl ReferenceSession {
    /// `I(t)` of all samples: the sum of the projections' outputs.
    fn current(&self, population: &Population, state: &State, t: usize) -> Vec<f32> {
        let mut current = vec![0.0; state.samples * population.shape.len()];
        for projection in &population.inputs {
            let shape = self.network.shape(projection.source);
            let weight = projection.weight.map_or(&[][..], |index| &self.weights[index]);
            let output = state.output(projection.source, t);
            for (x, current) in output.chunks(shape.len()).zip(current.chunks_mut(population.shape.len())) {
                maps::apply(&projection.map, weight, shape, x, population.shape, current);
            }
        }
        current
    }

    /// `g(t)` of a population: the sum, over the projections that read it, of their adjoints applied to the errors of
    /// the populations they feed.
    fn error_at(&self, index: usize, state: &State, t: usize) -> Vec<f32> {
        let shape = self.network.populations()[index].shape;
        let mut g = vec![0.0; state.samples * shape.len()];
        for (consumer, neurons) in self.network.populations().iter().zip(&state.populations) {
            for projection in consumer.inputs.iter().filter(|input| input.source == Source::Population(index)) {
                let weight = projection.weight.map_or(&[][..], |index| &self.weights[index]);
                for (d, g) in neurons.delta[t].chunks(consumer.shape.len()).zip(g.chunks_mut(shape.len())) {
                    maps::adjoint(&projection.map, weight, consumer.shape, d, shape, g);
                }
            }
        }
        g
    }

    /// `dL/dW += d(t) (x) o(t)` for the weights of a population's projections.
    fn add_weight_gradients(&self, index: usize, state: &State, t: usize, gradients: &mut Weights) {
        let population = &self.network.populations()[index];
        for projection in &population.inputs {
            let Some(weight) = projection.weight else { continue };
            let shape = self.network.shape(projection.source);
            let d = state.populations[index].delta[t].chunks(population.shape.len());
            for (x, d) in state.output(projection.source, t).chunks(shape.len()).zip(d) {
                maps::add_weight_gradient(&projection.map, shape, x, population.shape, d, &mut gradients[weight]);
            }
        }
    }
}

impl State {
    fn output(&self, source: Source, t: usize) -> &[f32] {
        match source {
            Source::Input => &self.input[t],
            Source::Population(index) => &self.populations[index].output[t],
        }
    }
}

impl PopulationState {
    fn silent(network: &Network, index: usize, trial: &Trial<'_>, samples: usize) -> Self {
        let population = &network.populations()[index];
        let neurons = samples * population.shape.len();
        let mask = match trial.dropout {
            Dropout::Masks(masks) if masks.get(index).is_some_and(|mask| !mask.is_empty()) => masks[index].clone(),
            Dropout::Drawn(draws) if population.dropout > 0.0 => {
                let mask = |&sample| dropout_mask(population, index, draws.seed, draws.epoch, sample);
                draws.samples.iter().flat_map(mask).collect()
            }
            _ => vec![1.0; neurons],
        };
        let zeros = || vec![0.0; neurons];
        Self {
            spikes: Vec::new(),
            output: Vec::new(),
            mask,
            membrane: zeros(),
            trace: vec![0.0; neurons],
            count: zeros(),
            correction: zeros(),
            delta: Vec::new(),
        }
    }

    /// One time step of all neurons, given their current.
    fn step(&mut self, neuron: &Neuron, current: &[f32]) {
        let (leak, threshold) = (neuron.leak(), neuron.threshold());
        let mut spikes = vec![0.0; current.len()];
        for i in 0..current.len() {
            let mut v = self.membrane[i] + current[i];
            if neuron.fires() && v > threshold {
                spikes[i] = 1.0;
                v = 0.0;
            }
            self.membrane[i] = leak * v;
        }
        let output: Vec<f32> = std::iter::zip(&self.mask, &spikes).map(|(mask, spike)| mask * spike).collect();
        if let Neuron::Lif { gradient: Gradient::LeakCorrected { trace }, .. } = neuron {
            let traced = match trace {
                Trace::AfterDropout => &output,
                Trace::BeforeDropout => &spikes,
            };
            let leak = neuron.exact_leak();
            for (i, u) in traced.iter().enumerate() {
                self.trace[i] = leak * self.trace[i] + f64::from(*u);
                self.count[i] += u;
            }
        }
        self.spikes.push(spikes);
        self.output.push(output);
    }

    /// `d(t)` of a firing population: at a spike what its output's error `g(t)` gives, else `d(t+1)`.
    fn delta_at(&self, neuron: &Neuron, g: &[f32], t: usize) -> Vec<f32> {
        let later = self.delta.get(t + 1);
        let at_spike = |i: usize| match neuron {
            Neuron::Lif { threshold, .. } => self.correction[i] * self.mask[i] * g[i] / threshold,
            Neuron::PoolIf { .. } | Neuron::Readout { .. } => g[i],
        };
        let spikes = &self.spikes[t];
        (0..g.len()).map(|i| if spikes[i] == 1.0 { at_spike(i) } else { later.map_or(0.0, |d| d[i]) }).collect()
    }
}

/// The input spikes of a trial as numbers, `[T][N · neurons]`.
fn input(trial: &Trial<'_>, network: &Network, steps: usize) -> Vec<Vec<f32>> {
    let len = network.input().len();
    let dense = |train: &SpikeTrain, t| -> Vec<f32> {
        (0..train.samples() * len).map(|i| f32::from(train.get(t, i / len, i % len))).collect()
    };
    match trial.stimulus {
        Stimulus::Spikes(train) => (0..steps).map(|t| dense(train, t)).collect(),
        Stimulus::Images { pixels, encoder, draws } => {
            let encode =
                |(image, &sample)| encoder.encode(image, network.input(), steps, draws.seed, draws.epoch, sample);
            let trains: Vec<SpikeTrain> = pixels.chunks(len).zip(draws.samples).map(encode).collect();
            (0..steps).map(|t| trains.iter().flat_map(|train| dense(train, t)).collect()).collect()
        }
    }
}
