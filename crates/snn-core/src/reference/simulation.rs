//! A trial and its backward pass, step by step, in single or double precision: the specification.

use super::maps;
use crate::neuron::{Float, Moment, correction, exact_leak};
use crate::{Connection, Gradient, Network, Population, Source, Trace};

/// A trial and all that it leaves behind. Tensors over time are `[T][N · neurons]`; states are `[S][N · neurons]`.
#[derive(Debug, Clone)]
pub(crate) struct Simulation<F> {
    pub(super) samples: usize,
    pub(super) input: Vec<Vec<F>>,
    pub(super) populations: Vec<Run<F>>,
}

/// What a population did.
#[derive(Debug, Clone)]
pub(super) struct Run<F> {
    /// Dropout mask `[N · neurons]`.
    mask: Vec<F>,
    /// Values of the neuron's trainable constants.
    p: Vec<F>,
    /// What other populations saw at the step before the first; empty if the trial starts from rest.
    earlier: Vec<F>,
    /// State before each step, and the currents `I(t)`.
    before: Vec<Vec<F>>,
    current: Vec<Vec<F>>,
    /// Raw spikes `s`, or what neurons that do not fire pass on.
    pub(super) raw: Vec<Vec<F>>,
    /// What other populations see: `o = mask · s`.
    pub(super) output: Vec<Vec<F>>,
    /// State after the last step.
    pub(super) state: Vec<F>,
    /// `Σ leak^(T-1-t) u(t)`, `Σ u(t)` and the correction that they give; empty but for leak-corrected gradients.
    pub(super) trace: Vec<f64>,
    pub(super) count: Vec<f64>,
    pub(super) correction: Vec<F>,
    /// `d(t) = dL/dI(t)`; empty before the backward pass.
    pub(super) delta: Vec<Vec<F>>,
    /// Error of the state after the step that the backward pass is at.
    d_state: Vec<F>,
    d_p: Vec<f64>,
}

/// What takes the place of spikes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spikes<'a, F> {
    /// Spikes.
    Binary,
    /// The surrogate's primitive of the margin, for proofs. Where the gradient is detached from the reset, the reset
    /// reads the spikes of another trial, if one is given.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for proofs"))]
    Smooth(Option<&'a Simulation<F>>),
}

/// Where a backward pass starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a, F> {
    /// `dL/d output`, `[T][N · K]`.
    pub(crate) d_output: &'a [Vec<F>],
    /// `dL/d emitted` of each population, or empty.
    pub(crate) d_emitted: &'a [F],
}

impl<F: Float> Simulation<F> {
    /// A trial that has not begun. `masks` has an entry for each population, empty where there is none.
    pub(crate) fn new(network: &Network, weights: &[Vec<F>], input: Vec<Vec<F>>, masks: &[Vec<F>]) -> Self {
        let samples = input.first().map_or(0, |input| input.len() / network.input().len());
        let populations = network.populations().iter().zip(masks);
        let populations = populations.map(|(population, mask)| Run::new(population, weights, samples, mask)).collect();
        Self { samples, input, populations }
    }

    /// Starts where samples `from` of `last` ended rather than from rest.
    pub(super) fn resume(&mut self, network: &Network, last: &Self, from: &[usize]) {
        for ((population, run), last) in network.populations().iter().zip(&mut self.populations).zip(&last.populations)
        {
            let len = population.shape.len();
            let rows = |row: &[F]| -> Vec<F> { from.iter().flat_map(|n| &row[n * len..][..len]).copied().collect() };
            let neurons = last.mask.len();
            run.state = last.state.chunks(neurons.max(1)).flat_map(rows).collect();
            run.earlier = last.output.last().map_or_else(Vec::new, |output| rows(output));
        }
    }

    /// Runs all steps.
    pub(crate) fn forward(&mut self, network: &Network, weights: &[Vec<F>], spikes: Spikes<'_, F>) {
        for t in 0..self.input.len() {
            for (index, population) in network.populations().iter().enumerate() {
                let current = self.current(network, weights, index, t);
                self.populations[index].step(population, current, spikes, index);
            }
        }
        for (population, run) in network.populations().iter().zip(&mut self.populations) {
            if let Gradient::SpikeGated { correction: Some(constants), .. } = population.neuron.gradient() {
                let traces = std::iter::zip(&run.trace, &run.count);
                let factor = |(f, g): (&f64, &f64)| F::from(correction(constants.leak, *f as f32, *g as f32));
                run.correction = traces.map(factor).collect();
            }
        }
    }

    /// Goes back through all steps and returns the gradients of the weights.
    pub(crate) fn backward(&mut self, network: &Network, weights: &[Vec<F>], start: Start<'_, F>) -> Vec<Vec<F>> {
        let steps = self.input.len();
        let mut gradients: Vec<Vec<F>> = weights.iter().map(|weight| vec![F::from(0.0); weight.len()]).collect();
        for run in &mut self.populations {
            run.delta = run.current.iter().map(|current| vec![F::from(0.0); current.len()]).collect();
            run.d_state = vec![F::from(0.0); run.state.len()];
            run.d_p = vec![0.0; run.p.len()];
        }
        for t in (0..steps).rev() {
            for index in (0..network.populations().len()).rev() {
                let mut g = self.error_at(network, weights, index, t);
                if index + 1 == network.populations().len() {
                    add(&mut g, &start.d_output[t]);
                }
                let d_emitted = start.d_emitted.get(index).copied().unwrap_or(F::from(0.0));
                self.populations[index].step_back(&network.populations()[index], g, d_emitted, t);
                self.add_weight_gradients(network, index, t, &mut gradients);
            }
        }
        for (population, run) in network.populations().iter().zip(&self.populations) {
            population.constants_adjoint(weights, self.samples, &run.d_p, &mut gradients);
        }
        for (_, gradient) in network.tensors().iter().zip(&mut gradients).filter(|(tensor, _)| tensor.frozen) {
            gradient.fill(F::from(0.0));
        }
        gradients
    }

    /// What the last population passed on, `[T][N · K]`.
    pub(crate) fn output(&self) -> &[Vec<F>] {
        self.populations.last().map_or(&[], |run| &run.raw)
    }

    /// Sum over neurons and steps of what each population emitted.
    pub(crate) fn emitted(&self, network: &Network) -> impl Iterator<Item = f64> {
        self.sums(network, |run| &run.output)
    }

    /// Sum over neurons and steps of a train of each population; 0 for neurons that do not fire.
    pub(super) fn sums(&self, network: &Network, train: impl Fn(&Run<F>) -> &Vec<Vec<F>>) -> impl Iterator<Item = f64> {
        network.populations().iter().zip(&self.populations).map(move |(population, run)| {
            let each = train(run).iter().flatten().map(|x| (*x).into());
            if population.neuron.fires() { each.sum() } else { 0.0 }
        })
    }

    /// What a connection of a population reads at step `t`: its source's output at that step, or, of the population itself,
    /// that of the step before (nothing at the first step from rest).
    fn read(&self, connection: Connection, t: usize) -> Option<&[F]> {
        match connection.source {
            Source::Input => Some(&self.input[t]),
            Source::Population(source) if !connection.is_recurrent => Some(&self.populations[source].output[t]),
            Source::Population(source) => {
                let Run { earlier, output, .. } = &self.populations[source];
                let before = t.checked_sub(1).map_or(earlier, |before| &output[before]);
                (!before.is_empty()).then_some(before)
            }
        }
    }

    /// `I(t)` of all samples: the biases, then what comes through the connections.
    fn current(&self, network: &Network, weights: &[Vec<F>], index: usize, t: usize) -> Vec<F> {
        let population = &network.populations()[index];
        let mut current = vec![F::from(0.0); self.samples * population.shape.len()];
        for bias in population.inputs.iter().filter_map(|projection| projection.bias) {
            for (at, current) in current.chunks_mut(population.shape.pixels()).enumerate() {
                let value = weights[bias][at % population.shape.channels];
                for x in current {
                    *x = *x + value;
                }
            }
        }
        for (connection, projection) in network.connections(index) {
            let Some(x) = self.read(connection, t) else { continue };
            let shape = network.shape(connection.source);
            let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
            for (x, current) in x.chunks(shape.len()).zip(current.chunks_mut(population.shape.len())) {
                maps::apply(&projection.map, weight, shape, x, population.shape, current);
            }
        }
        current
    }

    /// `g(t)` of a population: the sum, over the connections that read its step `t`, of their adjoints applied to the
    /// errors of the populations they feed.
    fn error_at(&self, network: &Network, weights: &[Vec<F>], index: usize, t: usize) -> Vec<F> {
        let shape = network.populations()[index].shape;
        let mut g = vec![F::from(0.0); self.samples * shape.len()];
        for reader in network.graph().readers(index) {
            let population = &network.populations()[reader.population];
            let connection = network.graph().connections(reader.population)[reader.connection];
            let projection = &population.inputs[connection.projection];
            let read_at = if connection.is_recurrent { t + 1 } else { t };
            let Some(d) = self.populations[reader.population].delta.get(read_at) else { continue };
            let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
            for (d, g) in d.chunks(population.shape.len()).zip(g.chunks_mut(shape.len())) {
                maps::adjoint(&projection.map, weight, population.shape, d, shape, g);
            }
        }
        g
    }

    /// `dL/dW += d(t) (x) o(t)` for the weights of a population's projections, and `dL/db += d(t)` for their biases. A step is
    /// summed by itself, as backpropagation through time does it: small terms do not drown in the sum over all steps.
    fn add_weight_gradients(&self, network: &Network, index: usize, t: usize, gradients: &mut [Vec<F>]) {
        let population = &network.populations()[index];
        let delta = &self.populations[index].delta[t];
        let zeros = |tensor: usize| vec![F::from(0.0); network.tensors()[tensor].len()];
        for (connection, projection) in network.connections(index) {
            let (Some(weight), Some(x)) = (projection.weight, self.read(connection, t)) else { continue };
            let (shape, mut step) = (network.shape(connection.source), zeros(weight));
            for (x, d) in x.chunks(shape.len()).zip(delta.chunks(population.shape.len())) {
                maps::add_weight_gradient(&projection.map, shape, x, population.shape, d, &mut step);
            }
            add(&mut gradients[weight], &step);
        }
        for bias in population.inputs.iter().filter_map(|projection| projection.bias) {
            let mut step = zeros(bias);
            for (at, d) in delta.chunks(population.shape.pixels()).enumerate() {
                let sum = &mut step[at % population.shape.channels];
                for d in d {
                    *sum = *sum + *d;
                }
            }
            add(&mut gradients[bias], &step);
        }
    }
}

impl<F: Float> Run<F> {
    fn new(population: &Population, weights: &[Vec<F>], samples: usize, mask: &[F]) -> Self {
        let neurons = samples * population.shape.len();
        let is_traced = matches!(population.neuron.gradient(), Gradient::SpikeGated { correction: Some(_), .. });
        let traces = vec![0.0; if is_traced { neurons } else { 0 }];
        Self {
            mask: if mask.is_empty() { vec![F::from(1.0); neurons] } else { mask.to_vec() },
            p: population.constants(weights, samples),
            earlier: Vec::new(),
            before: Vec::new(),
            current: Vec::new(),
            raw: Vec::new(),
            output: Vec::new(),
            state: population.neuron.rest(neurons),
            trace: traces.clone(),
            count: traces,
            correction: Vec::new(),
            delta: Vec::new(),
            d_state: Vec::new(),
            d_p: Vec::new(),
        }
    }

    /// One time step of all neurons, given their current.
    fn step(&mut self, population: &Population, current: Vec<F>, spikes: Spikes<'_, F>, index: usize) {
        let neuron = &population.neuron;
        let mut raw = vec![F::from(0.0); current.len()];
        self.before.push(self.state.clone());
        match (spikes, neuron.gradient()) {
            (Spikes::Smooth(other), Gradient::Surrogate { surrogate, detach_reset }) => {
                let t = self.raw.len();
                let reset_by = other.filter(|_| *detach_reset).map(|other| &*other.populations[index].raw[t]);
                let primitive = |x: F| F::narrow(surrogate.primitive(x.into()));
                neuron.step_with(&self.p, &mut self.state, &current, &mut raw, primitive, reset_by);
            }
            _ => neuron.step(&self.p, &mut self.state, &current, &mut raw),
        }
        let output: Vec<F> = std::iter::zip(&self.mask, &raw).map(|(mask, spike)| *mask * *spike).collect();
        if let Gradient::SpikeGated { correction: Some(constants), .. } = neuron.gradient() {
            let traced = match constants.trace {
                Trace::AfterDropout => &output,
                Trace::BeforeDropout => &raw,
            };
            let leak = exact_leak(constants.leak);
            for (i, u) in traced.iter().enumerate() {
                let u: f64 = (*u).into();
                self.trace[i] = leak * self.trace[i] + u;
                self.count[i] += u;
            }
        }
        self.current.push(current);
        self.raw.push(raw);
        self.output.push(output);
    }

    /// Step `t` backward, given the error `g` of what others saw.
    fn step_back(&mut self, population: &Population, mut g: Vec<F>, d_emitted: F, t: usize) {
        for (g, mask) in g.iter_mut().zip(&self.mask) {
            *g = *mask * (*g + d_emitted);
        }
        let Self { p, correction, d_state, d_p, delta, .. } = self;
        let (before, input, output) = (&self.before[t], &self.current[t], &self.raw[t]);
        let moment = Moment { p, before, input, output, correction };
        population.neuron.adjoint(moment, &g, d_state, &mut delta[t], d_p);
    }
}

fn add<F: Float>(sum: &mut [F], values: &[F]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum = *sum + *value;
    }
}
