//! The forward and backward pass of a trial, step by step, in single or double precision. This is the specification.

use std::borrow::Cow;

use super::maps;
use super::stages::CurrentStages;
use crate::network::{GroupStatistics, Join, Network, Population, Projection, Source};
use crate::neuron::{Float, Moment, correction, exact_leak};
use crate::neuron::{Gradient, Trace};
use crate::shape::Shape;

/// A trial and all values that its passes compute. Tensors over time are `[T][N · neurons]`; states are
/// `[S][N · neurons]`.
#[derive(Debug, Clone)]
pub(crate) struct Simulation<F> {
    pub(super) samples: usize,
    /// Whether normalisations use the statistics of the trial rather than the running ones.
    is_training: bool,
    pub(super) input: Vec<Vec<F>>,
    pub(super) populations: Vec<PopulationRun<F>>,
}

/// Values of one population in a trial.
#[derive(Debug, Clone)]
pub(super) struct PopulationRun<F> {
    /// Dropout mask `[N · neurons]`.
    mask: Vec<F>,
    /// Values of the neuron's trainable constants.
    p: Vec<F>,
    /// Output at the step before the first; empty if the trial starts from rest.
    earlier: Vec<F>,
    /// Pooling and normalisation of each projection, kept for the backward pass.
    stages: Vec<CurrentStages<F>>,
    /// State before each step, and the current `I(t)` of each step.
    before: Vec<Vec<F>>,
    current: Vec<Vec<F>>,
    /// Spikes `s` before dropout, or the float output of neurons that do not fire.
    pub(super) raw: Vec<Vec<F>>,
    /// Output after dropout, which other populations read: `o = mask · s`.
    pub(super) output: Vec<Vec<F>>,
    /// State after the last step.
    pub(super) state: Vec<F>,
    /// `Σ leak^(T-1-t) u(t)`, `Σ u(t)` and the leak correction computed from both; empty unless the gradient is
    /// leak-corrected.
    pub(super) trace: Vec<f64>,
    pub(super) count: Vec<f64>,
    pub(super) correction: Vec<F>,
    /// `d(t) = dL/dI(t)`; empty before the backward pass.
    pub(super) delta: Vec<Vec<F>>,
    /// `g(t)`, error of the output, summed over the populations that read it.
    error: Vec<Vec<F>>,
    /// Error of the state after the current step of the backward pass.
    d_state: Vec<F>,
    d_p: Vec<f64>,
}

/// How the fire phase is computed: hard threshold, or smooth for gradient checks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spikes<'a, F> {
    /// Hard threshold: binary spikes.
    Binary,
    /// The surrogate's primitive of the margin, which is differentiable; for gradient checks. Where the gradient is
    /// detached from the reset, the reset uses the output of another trial, if one is given.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for proofs"))]
    Smooth(Option<&'a Simulation<F>>),
}

/// Errors that a backward pass starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackwardStart<'a, F> {
    /// `dL/d output`, `[T][N · K]`.
    pub(crate) d_output: &'a [Vec<F>],
    /// `dL/d emitted` of each population, or empty.
    pub(crate) d_emitted: &'a [F],
}

impl<F: Float> Simulation<F> {
    /// A trial before its forward pass. `masks` has one entry for each population, empty for no dropout.
    pub(crate) fn new(
        network: &Network,
        weights: &[Vec<F>],
        input: Vec<Vec<F>>,
        masks: &[Vec<F>],
        is_training: bool,
    ) -> Self {
        let samples = input.first().map_or(0, |input| input.len() / network.input().len());
        let populations = network.populations().iter().zip(masks);
        let populations =
            populations.map(|(population, mask)| PopulationRun::new(population, weights, samples, mask)).collect();
        Self { samples, is_training, input, populations }
    }

    /// Sets the initial state to the final state of samples `from` of the trial `last`, instead of rest.
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

    /// Forward pass: runs all steps of one population after the other.
    pub(crate) fn forward(&mut self, network: &Network, weights: &[Vec<F>], spikes: Spikes<'_, F>) {
        for (index, population) in network.populations().iter().enumerate() {
            for (t, mut current) in self.currents(network, weights, index).into_iter().enumerate() {
                self.add_own(network, weights, index, t, &mut current);
                self.populations[index].step(population, current, spikes, index);
            }
            let run = &mut self.populations[index];
            if let Gradient::SpikeGated { correction: Some(constants), .. } = population.neuron.gradient() {
                let traces = std::iter::zip(&run.trace, &run.count);
                let factor = |(f, g): (&f64, &f64)| F::from(correction(constants.leak, *f as f32, *g as f32));
                run.correction = traces.map(factor).collect();
            }
        }
    }

    /// Backward pass: goes through all steps of each population, from the last population to the first. Returns the
    /// gradients of the weights.
    pub(crate) fn backward(
        &mut self,
        network: &Network,
        weights: &[Vec<F>],
        start: BackwardStart<'_, F>,
    ) -> Vec<Vec<F>> {
        let mut gradients: Vec<Vec<F>> = weights.iter().map(|weight| vec![F::from(0.0); weight.len()]).collect();
        for run in &mut self.populations {
            run.delta = run.current.iter().map(|current| vec![F::from(0.0); current.len()]).collect();
            run.error.clone_from(&run.delta);
            run.d_state = vec![F::from(0.0); run.state.len()];
            run.d_p = vec![0.0; run.p.len()];
        }
        for (index, population) in network.populations().iter().enumerate().rev() {
            for t in (0..self.input.len()).rev() {
                let mut g = std::mem::take(&mut self.populations[index].error[t]);
                if index + 1 == network.populations().len() {
                    add(&mut g, &start.d_output[t]);
                }
                self.add_own_errors(network, weights, index, t, &mut g);
                let d_emitted = start.d_emitted.get(index).copied().unwrap_or(F::from(0.0));
                self.populations[index].step_back(population, g, d_emitted, t);
            }
            for (projection, input) in population.inputs.iter().enumerate() {
                let d = self.stages_back(network, weights, (index, projection), &mut gradients);
                self.add_gradients(network, index, input, &d, &mut gradients);
                self.add_source_errors(network, weights, (index, input), &d);
            }
            population.constants_adjoint(weights, self.samples, &self.populations[index].d_p, &mut gradients);
        }
        for (_, gradient) in network.tensors().iter().zip(&mut gradients).filter(|(tensor, _)| !tensor.is_trained()) {
            gradient.fill(F::from(0.0));
        }
        gradients
    }

    /// Output of the last population before dropout, `[T][N · K]`.
    pub(crate) fn output(&self) -> &[Vec<F>] {
        self.populations.last().map_or(&[], |run| &run.raw)
    }

    /// Sum of the output of each population over neurons and steps; 0 for neurons that do not fire.
    pub(crate) fn emitted(&self, network: &Network) -> impl Iterator<Item = f64> {
        self.sums(network, |run| &run.output)
    }

    /// Sum of `train` of each population over neurons and steps; 0 for neurons that do not fire.
    pub(super) fn sums(
        &self,
        network: &Network,
        train: impl Fn(&PopulationRun<F>) -> &Vec<Vec<F>>,
    ) -> impl Iterator<Item = f64> {
        network.populations().iter().zip(&self.populations).map(move |(population, run)| {
            let each = train(run).iter().flatten().map(|x| (*x).into());
            if population.neuron.fires() { each.sum() } else { 0.0 }
        })
    }

    /// Output of a source at step `t`: a population's output after dropout, or the input.
    fn emitted_at(&self, source: Source, t: usize) -> &[F] {
        match source {
            Source::Input => &self.input[t],
            Source::Population(source) => &self.populations[source].output[t],
        }
    }

    /// Output of a population at the step before `t`; `None` at the first step from rest.
    fn emitted_before(&self, index: usize, t: usize) -> Option<&[F]> {
        let PopulationRun { earlier, output, .. } = &self.populations[index];
        let before = t.checked_sub(1).map_or(earlier, |before| &output[before]);
        (!before.is_empty()).then_some(before)
    }

    /// Input of a projection's map at step `t`, without recurrent sources: one row for each source of a sum, or one row
    /// with the joined sources.
    fn read(&self, index: usize, projection: &Projection, t: usize) -> Vec<Cow<'_, [F]>> {
        let rows = projection.sources.iter().filter(|source| **source != Source::Population(index));
        let mut rows = rows.map(|source| self.emitted_at(*source, t));
        if projection.join == Join::Sum {
            return rows.map(Cow::Borrowed).collect();
        }
        let both = rows.next().into_iter().flatten().zip(rows.next().into_iter().flatten());
        vec![Cow::Owned(both.map(|(a, b)| projection.join.apply(*a, *b)).collect())]
    }

    /// Currents `I(t)` of all samples and steps, without recurrent input: first the biases, then the contribution of
    /// each projection.
    fn currents(&mut self, network: &Network, weights: &[Vec<F>], index: usize) -> Vec<Vec<F>> {
        let (population, steps) = (&network.populations()[index], self.input.len());
        let zeros = |shape: Shape| vec![vec![F::from(0.0); self.samples * shape.len()]; steps];
        let mut currents = zeros(population.shape);
        let linear = |projection: &&Projection| projection.is_linear();
        for bias in population.inputs.iter().filter(linear).filter_map(|projection| projection.bias) {
            add_bias(&weights[bias], population.shape, &mut currents);
        }
        let mut all_stages = Vec::new();
        for projection in &population.inputs {
            let mut stages = CurrentStages::default();
            if projection.is_linear() {
                self.add_mapped(network, weights, (index, projection), &mut currents);
            } else {
                let mapped = network.mapped_shape(projection);
                let mut own = zeros(mapped);
                if let Some(bias) = projection.bias {
                    add_bias(&weights[bias], mapped, &mut own);
                }
                self.add_mapped(network, weights, (index, projection), &mut own);
                if let Some(pool) = projection.pool {
                    own = stages.pool(pool, mapped, population.shape, &own);
                }
                if let Some(norm) = &projection.norm {
                    let how = (norm, self.is_training && !network.is_fixed(norm));
                    stages.normalise(how, population.shape, self.samples, weights, &mut own);
                }
                currents.iter_mut().zip(&own).for_each(|(current, own)| add(current, own));
            }
            all_stages.push(stages);
        }
        self.populations[index].stages = all_stages;
        currents
    }

    /// Applies the map of a projection to its input and adds the result to `sums`, `[T][N · neurons]`.
    fn add_mapped(
        &self,
        network: &Network,
        weights: &[Vec<F>],
        (index, projection): (usize, &Projection),
        sums: &mut [Vec<F>],
    ) {
        let output = network.mapped_shape(projection);
        let Some(shape) = projection.sources.first().map(|source| network.shape(*source)) else { return };
        let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
        for (t, sums) in sums.iter_mut().enumerate() {
            for x in self.read(index, projection, t) {
                for (x, sums) in x.chunks(shape.len()).zip(sums.chunks_mut(output.len())) {
                    maps::apply(&projection.map, weight, shape, x, output, sums);
                }
            }
        }
    }

    /// Adds the recurrent input to the current of step `t`: the population's own output of the previous step, through
    /// its recurrent projections.
    fn add_own(&self, network: &Network, weights: &[Vec<F>], index: usize, t: usize, current: &mut [F]) {
        let shape = network.populations()[index].shape;
        for (_, projection) in network.connections(index).filter(|(connection, _)| connection.is_recurrent) {
            let Some(x) = self.emitted_before(index, t) else { continue };
            let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
            for (x, current) in x.chunks(shape.len()).zip(current.chunks_mut(shape.len())) {
                maps::apply(&projection.map, weight, shape, x, shape, current);
            }
        }
    }

    /// Adds the recurrent errors to the errors `g` of step `t`: those that the output of this step caused in the
    /// population itself, one step later.
    fn add_own_errors(&self, network: &Network, weights: &[Vec<F>], index: usize, t: usize, g: &mut [F]) {
        let (shape, delta) = (network.populations()[index].shape, &self.populations[index].delta);
        for (_, projection) in network.connections(index).filter(|(connection, _)| connection.is_recurrent) {
            let Some(d) = delta.get(t + 1) else { continue };
            let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
            for (d, g) in d.chunks(shape.len()).zip(g.chunks_mut(shape.len())) {
                maps::adjoint(&projection.map, weight, shape, d, shape, g);
            }
        }
    }

    /// Backpropagates through normalisation and pooling of a projection. Returns the errors of the map's output,
    /// `[T][N · neurons]`, and adds to the gradients of the normalisation.
    fn stages_back(
        &self,
        network: &Network,
        weights: &[Vec<F>],
        (index, projection): (usize, usize),
        gradients: &mut [Vec<F>],
    ) -> Vec<Vec<F>> {
        let (population, run) = (&network.populations()[index], &self.populations[index]);
        let (input, stages, mut d) = (&population.inputs[projection], &run.stages[projection], run.delta.clone());
        if let Some(norm) = &input.norm {
            let how = (norm, self.is_training && !network.is_fixed(norm));
            stages.normalise_back(how, population.shape, self.samples, (weights, gradients), &mut d);
        }
        input
            .pool
            .map_or_else(|| d.clone(), |pool| stages.pool_back(pool, network.mapped_shape(input), population.shape, &d))
    }

    /// `dL/dW += d(t) (x) x(t)` for the weight of a projection, and `dL/db += d(t)` for its bias. Each step is summed
    /// separately before it is added, as in backpropagation through time, so that small terms are not lost in the sum
    /// over all steps.
    fn add_gradients(
        &self,
        network: &Network,
        index: usize,
        projection: &Projection,
        d: &[Vec<F>],
        gradients: &mut [Vec<F>],
    ) {
        let output = network.mapped_shape(projection);
        let zeros = |tensor: usize| vec![F::from(0.0); network.tensors()[tensor].len()];
        let shape = projection.sources.first().map(|source| network.shape(*source));
        for (t, d) in d.iter().enumerate().rev() {
            if let (Some(weight), Some(shape)) = (projection.weight, shape) {
                let is_recurrent = projection.sources.contains(&Source::Population(index));
                let own = self.emitted_before(index, t).filter(|_| is_recurrent).map(Cow::Borrowed);
                for x in self.read(index, projection, t).into_iter().chain(own) {
                    let mut step = zeros(weight);
                    for (x, d) in x.chunks(shape.len()).zip(d.chunks(output.len())) {
                        maps::add_weight_gradient(&projection.map, shape, x, output, d, &mut step);
                    }
                    add(&mut gradients[weight], &step);
                }
            }
            if let Some(bias) = projection.bias {
                let mut step = zeros(bias);
                for (at, d) in d.chunks(output.pixels()).enumerate() {
                    let sum = &mut step[at % output.channels];
                    for d in d {
                        *sum = *sum + *d;
                    }
                }
                add(&mut gradients[bias], &step);
            }
        }
    }

    /// Backpropagates the errors `d` of the map's output to the sources of a projection, except its own population.
    fn add_source_errors(
        &mut self,
        network: &Network,
        weights: &[Vec<F>],
        (index, projection): (usize, &Projection),
        d: &[Vec<F>],
    ) {
        let output = network.mapped_shape(projection);
        let weight = projection.weight.map_or(&[][..], |index| &weights[index]);
        for (t, d) in d.iter().enumerate() {
            for (i, &source) in projection.sources.iter().enumerate() {
                let Source::Population(own) = source else { continue };
                if own == index {
                    continue;
                }
                let shape = network.shape(source);
                let mut g = vec![F::from(0.0); self.samples * shape.len()];
                for (d, g) in d.chunks(output.len()).zip(g.chunks_mut(shape.len())) {
                    maps::adjoint(&projection.map, weight, output, d, shape, g);
                }
                let other = |i: usize| projection.sources.get(i).map_or(&[][..], |source| self.emitted_at(*source, t));
                if projection.join != Join::Sum {
                    let slope = |other: &F| projection.join.slope(i, *other);
                    g.iter_mut().zip(other(1 - i.min(1))).for_each(|(g, other)| *g = *g * slope(other));
                }
                add(&mut self.populations[own].error[t], &g);
            }
        }
    }

    /// Statistics of all groups of all normalisations, in a trial of training; otherwise empty.
    pub(crate) fn statistics(&self, network: &Network) -> Vec<GroupStatistics> {
        let mut all = Vec::new();
        for (population, run) in network.populations().iter().zip(&self.populations).filter(|_| self.is_training) {
            for (projection, stages) in population.inputs.iter().zip(&run.stages) {
                if let Some(norm) = &projection.norm {
                    all.extend(stages.statistics(network, norm, population.shape, self.samples));
                }
            }
        }
        all
    }
}

/// Adds the bias of each channel to `currents` `[T][N · neurons]` at every step.
fn add_bias<F: Float>(bias: &[F], shape: Shape, currents: &mut [Vec<F>]) {
    for current in currents {
        for (at, plane) in current.chunks_mut(shape.pixels()).enumerate() {
            for x in plane {
                *x = *x + bias[at % shape.channels];
            }
        }
    }
}

impl<F: Float> PopulationRun<F> {
    fn new(population: &Population, weights: &[Vec<F>], samples: usize, mask: &[F]) -> Self {
        let neurons = samples * population.shape.len();
        let is_traced = matches!(population.neuron.gradient(), Gradient::SpikeGated { correction: Some(_), .. });
        let traces = vec![0.0; if is_traced { neurons } else { 0 }];
        Self {
            mask: if mask.is_empty() { vec![F::from(1.0); neurons] } else { mask.to_vec() },
            p: population.constants(weights, samples),
            earlier: Vec::new(),
            stages: Vec::new(),
            before: Vec::new(),
            current: Vec::new(),
            raw: Vec::new(),
            output: Vec::new(),
            state: population.neuron.rest(neurons),
            trace: traces.clone(),
            count: traces,
            correction: Vec::new(),
            delta: Vec::new(),
            error: Vec::new(),
            d_state: Vec::new(),
            d_p: Vec::new(),
        }
    }

    /// Runs one time step of all neurons, given their current.
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

    /// Backpropagates through step `t`, given the error `g` of the output after dropout.
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
