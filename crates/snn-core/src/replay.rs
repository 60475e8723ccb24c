//! Replay of a trial: recomputes currents and membrane potentials of single neurons from recorded spikes.
//!
//! The spikes of all populations determine a trial: everything else in a neuron follows from the spikes of its inputs.
//! To inspect a trial it is therefore enough to store one bit per neuron and step, and to recompute the membranes of
//! the few neurons of interest.

use std::sync::OnceLock;

use crate::encoder::Encoded;
use crate::error::Error;
use crate::network::{Connection, Join, Network, Projection, Source, Weights};
use crate::pool::PoolKind;
use crate::reference::maps;
use crate::shape::Shape;
use crate::spikes::SpikeTrain;

/// A recorded trial of one sample, without dropout.
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    network: &'a Network,
    weights: &'a Weights,
    input: &'a Encoded,
    trains: &'a [SpikeTrain],
    steps: usize,
    /// Outputs `[T, neurons]` of populations that pass on numbers, each computed when it is first needed.
    numbers: Vec<OnceLock<Vec<f32>>>,
}

/// Traces of `n` neurons over `T` steps; each tensor is `[T, n]`.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Traces {
    /// Input current `I(t)`.
    pub current: Vec<f32>,
    /// Membrane potential after charging, before a spike resets it.
    pub charged: Vec<f32>,
    /// Distance of the charged state from the threshold; the neuron fires where it is above 0. For neurons that do not
    /// fire, their float output.
    pub margin: Vec<f32>,
    /// Membrane potential after the step, that is after the reset and any leak.
    pub membrane: Vec<f32>,
}

impl<'a> Replay<'a> {
    /// Creates the replay of a trial of `steps` steps with the given input and spike trains, one train for each
    /// population (a silent one for neurons that do not fire).
    ///
    /// # Errors
    /// [`Error::Size`] if weights, input or trains do not fit the network.
    pub fn new(
        network: &'a Network,
        weights: &'a Weights,
        input: &'a Encoded,
        trains: &'a [SpikeTrain],
        steps: usize,
    ) -> Result<Self, Error> {
        network.check_weights(weights)?;
        let fits = |train: &SpikeTrain, shape| (train.steps(), train.samples(), train.shape()) == (steps, 1, shape);
        let is_input = match input {
            Encoded::Spikes(train) => fits(train, network.input()),
            Encoded::Current(values) => values.len() == network.input().len(),
            Encoded::Numbers(values) => values.len() == steps * network.input().len(),
        };
        if !is_input {
            let expected = format!("one sample of {} over {steps} steps", network.input());
            return Err(Error::size("input of the replay", expected, "another"));
        }
        let populations = network.populations();
        if trains.len() != populations.len() {
            return Err(Error::size("spike trains of the replay", populations.len(), trains.len()));
        }
        if let Some((population, _)) = populations.iter().zip(trains).find(|(p, train)| !fits(train, p.shape)) {
            let expected = format!("one sample of {} over {steps} steps", population.shape);
            return Err(Error::size(format!("spike train of \"{}\"", population.name), expected, "another"));
        }
        let numbers = populations.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { network, weights, input, trains, steps, numbers })
    }

    /// Recomputes the traces of the neurons of `population` with the given indices (in `C, H, W` order). They are
    /// bit-identical to the reference engine's values if the trains are the reference engine's.
    ///
    /// # Errors
    /// [`Error::Size`] if there is no such population or neuron.
    pub fn traces(&self, population: usize, neurons: &[usize]) -> Result<Traces, Error> {
        let found = self.network.populations().get(population);
        let found = found.ok_or_else(|| Error::size("population", "an index of the network", population))?;
        if let Some(&outside) = neurons.iter().find(|&&neuron| neuron >= found.shape.len()) {
            return Err(Error::size("neuron", format!("below {}", found.shape.len()), outside));
        }
        let n = neurons.len();
        let mut traces = Traces { current: vec![0.0; self.steps * n], ..Traces::default() };
        for (column, &neuron) in neurons.iter().enumerate() {
            for (t, current) in self.current(population, neuron).into_iter().enumerate() {
                traces.current[t * n + column] = current;
            }
        }
        let own = found.constants(self.weights, 1);
        // If neurons have their own constants, select those of the chosen neurons.
        let p = match own.len() / found.shape.len() {
            0 => own,
            _ if own.len() == found.neuron.parameters().len() => own,
            _ => own.chunks(found.shape.len()).flat_map(|row| neurons.iter().map(|&neuron| row[neuron])).collect(),
        };
        let mut state = found.neuron.rest(n);
        let (mut margin, mut output) = (vec![0.0; n], vec![0.0; n]);
        for current in traces.current.chunks(n.max(1)) {
            let mut charged = state.clone();
            found.neuron.charge(&p, &mut charged, current);
            found.neuron.margin(&p, &charged, &mut margin);
            found.neuron.step(&p, &mut state, current, &mut output);
            traces.charged.extend_from_slice(&charged[..n]);
            traces.margin.extend_from_slice(&margin);
            traces.membrane.extend_from_slice(&state[..n]);
        }
        Ok(traces)
    }

    /// Current of a neuron at each step: the biases, then the contribution of each connection.
    fn current(&self, population: usize, neuron: usize) -> Vec<f32> {
        let found = &self.network.populations()[population];
        let mut sum = vec![0.0; self.steps];
        let channel = neuron / found.shape.pixels();
        let linear = |projection: &&Projection| projection.is_linear();
        for bias in found.inputs.iter().filter(linear).filter_map(|projection| projection.bias) {
            for sum in &mut sum {
                *sum += self.weights[bias][channel];
            }
        }
        let mut staged = None;
        for connection in self.network.graph().connections(population) {
            let projection = &found.inputs[connection.projection];
            if projection.is_linear() {
                self.add_current((projection, found.shape), connection, neuron, |t, term| sum[t] += term);
            } else if staged.replace(connection.projection) != Some(connection.projection) {
                let own = self.staged(population, connection.projection, neuron);
                sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        sum
    }

    /// Current of a neuron at each step through a projection that joins, pools or normalises.
    fn staged(&self, population: usize, projection: usize, neuron: usize) -> Vec<f32> {
        let found = &self.network.populations()[population];
        let input = &found.inputs[projection];
        let (mapped, channel) = (self.network.mapped_shape(input), neuron / found.shape.pixels());
        let at = |pixel: usize| self.mapped(population, projection, channel * mapped.pixels() + pixel);
        let mut current = match input.pool {
            None => at(neuron % found.shape.pixels()),
            Some(pool) => {
                let mut window = Vec::new();
                pool.for_each_pixel(mapped, found.shape, neuron % found.shape.pixels(), |pixel| window.push(at(pixel)));
                let values = |t: usize| window.iter().map(move |values| values[t]);
                let share = 1.0 / (pool.size * pool.size) as f32;
                let step = |t: usize| match pool.kind {
                    PoolKind::Max => values(t).fold(f32::NEG_INFINITY, |y, x| if x > y { x } else { y }),
                    PoolKind::Mean => share * values(t).fold(0.0, |y, x| y + x),
                };
                (0..self.steps).map(step).collect()
            }
        };
        if let Some(norm) = &input.norm {
            let kept = norm.tensors.all().map(|tensor| f64::from(self.weights[tensor][channel]));
            let [factor, added] = norm.affine(kept).map(|x| x as f32);
            for x in &mut current {
                *x = factor * *x + added;
            }
        }
        current
    }

    /// Output of a projection's map at each step, bias included, for the output neuron `output`.
    fn mapped(&self, population: usize, projection: usize, output: usize) -> Vec<f32> {
        let input = &self.network.populations()[population].inputs[projection];
        let shape = self.network.mapped_shape(input);
        let bias = input.bias.map_or(0.0, |bias| self.weights[bias][output / shape.pixels()]);
        let mut sum = vec![bias; self.steps];
        if input.join == Join::Sum {
            for connection in self.network.graph().connections(population) {
                if connection.projection == projection {
                    self.add_current((input, shape), connection, output, |t, term| sum[t] += term);
                }
            }
            return sum;
        }
        let [first, second] = [0, 1].map(|i| input.sources.get(i).copied().unwrap_or(Source::Input));
        let weight = input.weight.map_or(&[][..], |index| &self.weights[index]);
        maps::for_each_input(&input.map, self.network.shape(first), shape, output, |i, w| {
            for (t, sum) in sum.iter_mut().enumerate() {
                let [a, b] = [first, second].map(|source| self.emitted(source, t, i));
                *sum += w.value::<f32>(weight) * input.join.apply(a, b);
            }
        });
        sum
    }

    /// Spike (1 or 0) of a neuron of a firing population at a step.
    fn emitted(&self, source: Source, t: usize, neuron: usize) -> f32 {
        match source {
            Source::Population(source) => f32::from(self.trains[source].get(t, 0, neuron)),
            Source::Input => 0.0,
        }
    }

    /// Output `[T, neurons]` of a population that passes on numbers.
    fn numbers(&self, population: usize) -> &[f32] {
        self.numbers[population].get_or_init(|| {
            let found = &self.network.populations()[population];
            let neurons: Vec<usize> = (0..found.shape.len()).collect();
            self.traces(population, &neurons).map_or_else(|_| Vec::new(), |traces| traces.margin)
        })
    }

    /// Calls `add(t, term)` for the terms of a neuron's current through one connection, skipping zero spikes. `own` is
    /// the output shape of the projection's map. The terms come in the order in which the reference engine sums them at
    /// each step.
    fn add_current(
        &self,
        (projection, own): (&Projection, Shape),
        connection: &Connection,
        neuron: usize,
        mut add: impl FnMut(usize, f32),
    ) {
        let source = connection.source;
        let shape = self.network.shape(source);
        let weight = projection.weight.map_or(&[][..], |index| &self.weights[index]);
        let late = usize::from(connection.is_recurrent);
        let mut add_numbers = |values: &[f32]| {
            maps::for_each_input(&projection.map, shape, own, neuron, |i, w| {
                let w: f32 = w.value(weight);
                values.chunks(shape.len()).enumerate().for_each(|(t, row)| add(t, w * row[i]));
            });
        };
        let train = match (source, self.input) {
            (Source::Population(source), _) if !self.network.populations()[source].neuron.fires() => {
                return add_numbers(self.numbers(source));
            }
            (Source::Input, Encoded::Numbers(values)) => return add_numbers(values),
            (Source::Population(source), _) => &self.trains[source],
            (Source::Input, Encoded::Spikes(train)) => train,
            (Source::Input, Encoded::Current(values)) => {
                maps::for_each_input(&projection.map, shape, own, neuron, |i, w| {
                    let term = w.value(weight) * values[i];
                    (0..self.steps).for_each(|t| add(t, term));
                });
                return;
            }
        };
        maps::for_each_input(&projection.map, shape, own, neuron, |i, w| {
            let w: f32 = w.value(weight);
            let (fired, negative) = train.words(0, i);
            for (word, &fired) in fired.iter().enumerate() {
                let negative = negative.get(word).copied().unwrap_or(0);
                let mut left = fired;
                while left != 0 {
                    let (bit, t) = (left & left.wrapping_neg(), word * 32 + left.trailing_zeros() as usize + late);
                    left ^= bit;
                    if t < self.steps {
                        add(t, if negative & bit == 0 { w } else { -w });
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dropout, Engine as _, Plan, Stimulus, Trial};
    use crate::map::Map;
    use crate::network::Projection;
    use crate::neuron::Neuron;
    use crate::reference::Reference;
    use crate::shape::Shape;

    const STEPS: usize = 40;

    /// A convolution, a pool, a recurrent layer and a readout, on signed spikes.
    fn network() -> Network {
        let mut builder = Network::builder(Shape::new(2, 6, 5));
        let conv = Map::conv(3, [3, 3], 1, 1);
        let conv = builder.add("conv", Neuron::lif(), vec![Projection::new(Source::Input, conv)]).unwrap();
        let pool = Map::AvgPool { size: 2, stride: 2 };
        let pool = builder.add("pool", Neuron::pool_if(), vec![Projection::new(conv, pool)]).unwrap();
        let own = Projection::new(builder.recurrent_source(), Map::Linear { features: 7 });
        let inputs = vec![Projection::new(pool, Map::Linear { features: 7 }), own];
        let fc = builder.add("fc", Neuron::lif(), inputs).unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(fc, Map::Linear { features: 4 })]).unwrap();
        builder.build().unwrap()
    }

    fn input(network: &Network) -> SpikeTrain {
        let mut train = SpikeTrain::silent(STEPS, 1, network.input());
        for t in 0..STEPS {
            for i in 0..network.input().len() {
                train.set(t, 0, i, [1, 0, 0, -1, 1][(t * t + 3 * i) % 5]);
            }
        }
        train
    }

    /// Membranes of the reference engine after the first `steps` steps, and its spike trains.
    fn reference(
        network: &Network,
        weights: &Weights,
        input: &SpikeTrain,
        steps: usize,
    ) -> Vec<(Vec<f32>, SpikeTrain)> {
        let mut session = Reference.compile(network, Plan::new(steps, 1).record()).unwrap();
        session.load(weights).unwrap();
        let part = input.part(0..steps, &[0]);
        session.forward(&Trial { stimulus: Stimulus::Spikes(&part), dropout: Dropout::Off }).unwrap();
        let record = |index| session.record(index).map(|record| (record.membrane, record.spikes)).unwrap();
        (0..network.populations().len()).map(record).collect()
    }

    #[test]
    fn membranes_and_spikes_are_those_of_the_reference_engine_to_the_bit() {
        let network = network();
        let (weights, train) = (network.initial_weights(3), input(&network));
        let whole = reference(&network, &weights, &train, STEPS);
        let trains: Vec<SpikeTrain> = whole.into_iter().map(|(_, train)| train).collect();
        let encoded = Encoded::Spikes(train.clone());
        let replay = Replay::new(&network, &weights, &encoded, &trains, STEPS).unwrap();
        let each: Vec<_> = (0..network.populations().len())
            .map(|index| {
                let neurons: Vec<usize> = (0..network.populations()[index].shape.len()).collect();
                (neurons.len(), replay.traces(index, &neurons).unwrap())
            })
            .collect();
        assert!(trains.iter().take(3).all(|train| train.count() > 0), "every population fires");
        for steps in [1, 2, 17, STEPS] {
            for ((n, traces), (membrane, _)) in each.iter().zip(reference(&network, &weights, &train, steps)) {
                assert_eq!(traces.membrane[(steps - 1) * n..][..*n], membrane);
            }
        }
        for ((n, traces), train) in each.iter().zip(&trains).take(3) {
            for (at, margin) in traces.margin.iter().enumerate() {
                assert_eq!(i8::from(*margin > 0.0), train.get(at / n, 0, at % n));
            }
        }
        let some = replay.traces(0, &[50, 3]).unwrap();
        let all = &each[0].1;
        assert_eq!(
            (some.charged[0], some.charged[2 * STEPS - 1]),
            (all.charged[50], all.charged[90 * (STEPS - 1) + 3])
        );
    }

    #[test]
    fn joins_pools_norms_and_numbers_are_those_of_the_reference_engine_too() {
        let mut builder = Network::builder(Shape::new(2, 6, 5));
        let lif = || Neuron::lif().with_gradient(crate::neuron::Gradient::surrogate(crate::surrogate::Atan::default()));
        let conv = |source| Projection::new(source, Map::conv(3, [3, 3], 1, 1));
        let relay = |source| Projection::new(source, Map::IDENTITY);
        let a = builder.add("a", lif(), vec![conv(Source::Input).with_norm(crate::network::Norm::new(2))]).unwrap();
        let b = builder.add("b", lif(), vec![conv(a).with_bias().named("b"), relay(a)]).unwrap();
        let both = builder.add("both", crate::neuron::Relay {}.neuron(), vec![Projection::and_not(a, b)]).unwrap();
        let carry = builder.add("carry", crate::neuron::Identity {}.neuron(), vec![conv(both), relay(a)]).unwrap();
        let max = Projection::new(vec![carry, a], Map::conv(3, [3, 3], 1, 1))
            .with_pool(crate::pool::Pool::max(2))
            .with_norm(crate::network::Norm::new(2));
        let c = builder
            .add("c", lif(), vec![max, conv(a).with_pool(crate::pool::Pool::mean(2)).with_bias().named("d")])
            .unwrap();
        builder.add("readout", Neuron::readout(), vec![Projection::new(c, Map::Linear { features: 4 })]).unwrap();
        let network = builder.build().unwrap();
        let mut weights = network.initial_weights(3);
        for (tensor, values) in network.tensors().iter().zip(&mut weights) {
            if tensor.role == crate::network::Role::Bias {
                values.iter_mut().enumerate().for_each(|(i, b)| *b = 0.1 * i as f32);
            }
        }
        let train = input(&network);
        let whole = reference(&network, &weights, &train, STEPS);
        let trains: Vec<SpikeTrain> = whole.iter().map(|(_, train)| train.clone()).collect();
        assert!(trains.iter().filter(|train| train.count() > 0).count() >= 4, "those that fire do");
        let encoded = Encoded::Spikes(train);
        let replay = Replay::new(&network, &weights, &encoded, &trains, STEPS).unwrap();
        for (index, (membrane, _)) in whole.iter().enumerate() {
            let neurons: Vec<usize> = (0..membrane.len()).collect();
            let traces = replay.traces(index, &neurons).unwrap();
            assert_eq!(
                traces.membrane[(STEPS - 1) * membrane.len()..],
                *membrane,
                "{}",
                network.populations()[index].name
            );
        }
    }

    #[test]
    fn a_current_is_the_same_at_every_step() {
        let mut builder = Network::builder(Shape::features(2));
        builder
            .add("readout", Neuron::readout(), vec![Projection::new(Source::Input, Map::Linear { features: 1 })])
            .unwrap();
        let network = builder.build().unwrap();
        let (weights, encoded) = (vec![vec![2.0, -1.0]], Encoded::Current(vec![0.5, 0.25]));
        let trains = [SpikeTrain::silent(3, 1, Shape::features(1))];
        let replay = Replay::new(&network, &weights, &encoded, &trains, 3).unwrap();
        assert_eq!(replay.traces(0, &[0]).unwrap().current, [0.75; 3]);
    }

    #[test]
    fn numbers_that_change_give_the_membranes_of_the_reference() {
        let network = network();
        let weights = network.initial_weights(1);
        let numbers: Vec<f32> = (0..STEPS * network.input().len()).map(|i| (i * i % 13) as f32 / 4.0 - 1.0).collect();
        let encoded = Encoded::Numbers(numbers);
        let mut session = Reference.compile(&network, Plan::new(STEPS, 1).record().numbers()).unwrap();
        session.load(&weights).unwrap();
        session.forward(&Trial { stimulus: encoded.stimulus(), dropout: Dropout::Off }).unwrap();
        let records: Vec<_> = (0..network.populations().len()).map(|index| session.record(index).unwrap()).collect();
        let trains: Vec<SpikeTrain> = records.iter().map(|record| record.spikes.clone()).collect();
        assert!(trains[0].count() > 0);
        let replay = Replay::new(&network, &weights, &encoded, &trains, STEPS).unwrap();
        for (index, record) in records.iter().enumerate() {
            let neurons: Vec<usize> = (0..record.membrane.len()).collect();
            let traces = replay.traces(index, &neurons).unwrap();
            assert!(traces.membrane.ends_with(&record.membrane), "{index}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let network = network();
        let (weights, encoded) = (network.initial_weights(1), Encoded::Spikes(input(&network)));
        let trains: Vec<SpikeTrain> =
            network.populations().iter().map(|population| SpikeTrain::silent(STEPS, 1, population.shape)).collect();
        let message = |trains, steps| Replay::new(&network, &weights, &encoded, trains, steps).unwrap_err().to_string();
        assert!(
            message(&trains[1..], STEPS).starts_with("spike trains of the replay"),
            "{}",
            message(&trains[1..], STEPS)
        );
        assert!(message(&trains, 7).starts_with("input of the replay"), "{}", message(&trains, 7));
        let replay = Replay::new(&network, &weights, &encoded, &trains, STEPS).unwrap();
        assert!(replay.traces(9, &[]).is_err() && replay.traces(0, &[90]).is_err());
    }
}
