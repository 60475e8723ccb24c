//! The state of each sample after a trial: its input, the spikes of all populations, and values derived from them.

use std::ops::Range;

use snn_core::neuron::NeuronOutput;
use snn_core::{Activity, Encoded, Error, Errors, Record, Source, SpikeTrain, Stimulus, Trial};

use crate::compiled::Compiled;
use crate::events::Events;
use crate::listing::{ListInput, ListPopulation, count};
use crate::masks::Masks;
use crate::simd::{LANE, Lane, dispatch, flat_mut};

/// What the backward pass needs to know about the last trial, besides its samples.
pub(crate) struct LastTrial {
    pub(crate) samples: usize,
    pub(crate) masks: Masks,
}

impl LastTrial {
    /// Returns the last trial, after checking that the session was compiled for training, that there was a trial, and
    /// that `errors` fit it.
    pub(crate) fn to_go_back_through<'a>(
        trial: Option<&'a Self>,
        compiled: &Compiled,
        errors: Errors<'_>,
    ) -> Result<&'a Self, Error> {
        if !compiled.plan.train {
            return Err(Error::Order("the session was not compiled for training"));
        }
        let trial = trial.ok_or(Error::Order("no trial to go back through"))?;
        errors.check(&compiled.network, &compiled.plan, trial.samples)?;
        Ok(trial)
    }
}

/// The state of one sample.
#[derive(Default)]
pub(crate) struct SampleState {
    /// Input spikes `[neuron][word]`, in `C, H, W` order; all zero where the input is a current.
    fired: Vec<u32>,
    negative: Vec<u32>,
    /// Input current `[neuron]`; empty where the input is spikes.
    current: Vec<f32>,
    /// The input as numbers, `[step][pixel][lane]`, in sessions compiled for such input.
    shown: Vec<Lane>,
    /// Spikes of each population, `[pixel][word][channel]`.
    pub(crate) bits: Vec<Vec<u32>>,
    /// The outputs of each population that passes on numbers, `[step][pixel][lane]`.
    pub(crate) values: Vec<Vec<Lane>>,
    /// Number of spikes of each population.
    pub(crate) spikes: Vec<u64>,
    /// Sum of the values of all spikes that each population emitted.
    pub(crate) emitted: Vec<f64>,
    /// Output of the last population, `[T][K]`.
    pub(crate) output: Vec<f32>,
    /// Membranes of each population after the last step, `[pixel][channel]`; only if the plan records or streams.
    pub(crate) membrane: Vec<Vec<f32>>,
    /// Errors `d(t)` of each population, `[T][neuron]`; only if the plan records, and after a backward pass.
    pub(crate) delta: Vec<Vec<f32>>,
}

impl SampleState {
    /// Stores the input of sample `n` of a trial and allocates the sample's buffers.
    pub(crate) fn begin(&mut self, compiled: &Compiled, trial: &Trial<'_>, n: usize) {
        let (words, neurons) = (compiled.words, compiled.network.input().len());
        self.fired.clear();
        self.fired.resize(neurons * words, 0);
        self.negative.clear();
        self.current.clear();
        let mut is_of_numbers = false;
        match trial.stimulus {
            Stimulus::Spikes(train) => self.copy_words(train, n, words),
            Stimulus::Current(values) => self.current.extend_from_slice(&values[n * neurons..][..neurons]),
            Stimulus::Numbers(values) => {
                let row = values.len() / compiled.plan.steps;
                self.show(compiled, |t| &values[t * row + n * neurons..][..neurons]);
                is_of_numbers = true;
            }
            Stimulus::Images { pixels, shape, encoder, draws } => {
                let image = &pixels[n * shape.len()..][..shape.len()];
                match encoder.encode(image, shape, compiled.plan.steps, draws.sample(n)) {
                    Encoded::Spikes(train) => self.copy_words(&train, 0, words),
                    Encoded::Current(values) => self.current = values,
                    Encoded::Numbers(values) => {
                        self.show(compiled, |t| values.get(t * neurons..(t + 1) * neurons).unwrap_or_default());
                        is_of_numbers = true;
                    }
                }
            }
        }
        if compiled.plan.numbers && !is_of_numbers {
            self.show_others(compiled);
        }
        let populations = compiled.populations.len();
        self.bits.resize(populations, Vec::new());
        self.values.resize(populations, Vec::new());
        self.membrane.resize(populations, Vec::new());
        for index in 0..populations {
            self.bits[index].resize(compiled.bit_words(index), 0);
            self.values[index].resize(compiled.values(index), Lane::ZERO);
            if compiled.plan.record || compiled.plan.stream {
                self.membrane[index].resize(compiled.populations[index].width() * LANE, 0.0);
            }
        }
        self.spikes.clear();
        self.emitted.clear();
        self.emitted.resize(populations, 0.0);
        self.output.resize(compiled.plan.steps * compiled.network.classes(), 0.0);
        self.delta.iter_mut().for_each(Vec::clear);
    }

    /// Stores an input of numbers, where `row(t)` gives those of step `t` as `[neuron]`.
    fn show<'a>(&mut self, compiled: &Compiled, row: impl Fn(usize) -> &'a [f32]) {
        let layout = compiled.input;
        self.shown.resize(compiled.input_values(), Lane::ZERO);
        for (t, lanes) in self.shown.chunks_exact_mut(layout.width()).enumerate() {
            let lanes = flat_mut(lanes);
            for (i, x) in row(t).iter().enumerate() {
                lanes[i % layout.pixels() * layout.lanes * LANE + i / layout.pixels()] = *x;
            }
        }
    }

    /// Converts an input of spikes, or a current, to numbers and stores it.
    fn show_others(&mut self, compiled: &Compiled) {
        let (current, fired, negative) =
            (std::mem::take(&mut self.current), std::mem::take(&mut self.fired), std::mem::take(&mut self.negative));
        let words = compiled.words;
        let rows: Vec<Vec<f32>> = (0..compiled.plan.steps)
            .map(|t| {
                let bit =
                    |plane: &[u32], i: usize| plane.get(i * words + t / 32).is_some_and(|x| x >> (t % 32) & 1 == 1);
                let spike = |i: usize| match (bit(&fired, i), bit(&negative, i)) {
                    (false, _) => 0.0,
                    (true, false) => 1.0,
                    (true, true) => -1.0,
                };
                if current.is_empty() {
                    (0..compiled.network.input().len()).map(spike).collect()
                } else {
                    current.clone()
                }
            })
            .collect();
        self.show(compiled, |t| &rows[t]);
        (self.fired, self.negative) = (fired, negative);
    }

    /// Copies the input spikes of sample `n` of a spike train.
    fn copy_words(&mut self, train: &SpikeTrain, n: usize, words: usize) {
        for neuron in 0..train.shape().len() {
            let (fired, negative) = train.words(n, neuron);
            self.fired[neuron * words..][..words].copy_from_slice(fired);
            self.negative.extend_from_slice(negative);
        }
    }

    /// Lists the events of `source` within the words `window`. `mask` is the source's dropout mask, or empty. With
    /// `with_gains`, the gains of its neurons are listed too; the window must then be all words.
    pub(crate) fn list(
        &self,
        compiled: &Compiled,
        source: Source,
        window: Range<usize>,
        mask: &[f32],
        with_gains: bool,
        events: &mut Events,
    ) {
        let words = compiled.words;
        match source {
            Source::Input if !self.current.is_empty() => events.list_current(&compiled.input, &self.current),
            Source::Input => {
                let (fired, negative) = (&self.fired, &self.negative);
                let spikes = if window.len() == words {
                    count(compiled.level, fired) as usize
                } else {
                    let rows = fired.chunks_exact(words).map(|row| &row[window.clone()]);
                    rows.flatten().map(|word| word.count_ones() as usize).sum()
                };
                dispatch(
                    compiled.level,
                    ListInput { events, fired, negative, spikes, layout: compiled.input, words, window },
                );
            }
            Source::Population(index) => {
                let (bits, layout) = (&self.bits[index], compiled.populations[index]);
                let spikes = if window.len() == words {
                    self.spikes[index] as usize
                } else {
                    let lane_words = layout.lanes * LANE;
                    let rows = bits.chunks_exact(words * lane_words);
                    let rows = rows.map(|bits| &bits[window.start * lane_words..window.end * lane_words]);
                    rows.map(|bits| count(compiled.level, bits) as usize).sum()
                };
                let rule = compiled.rules[index].as_ref().filter(|_| with_gains);
                dispatch(compiled.level, ListPopulation { events, bits, spikes, layout, words, window, mask, rule });
            }
        }
    }

    /// Writes the outputs of a source at `steps` as numbers, `[step][pixel][lane]`. `mask` is its dropout mask, or
    /// empty.
    pub(crate) fn expand(
        &self,
        compiled: &Compiled,
        source: Source,
        steps: Range<usize>,
        mask: &[f32],
        numbers: &mut Vec<Lane>,
    ) {
        numbers.clear();
        let Source::Population(index) = source else {
            let width = compiled.input.width();
            numbers.extend_from_slice(&self.shown[steps.start * width..steps.end * width]);
            return;
        };
        let layout = compiled.populations[index];
        let width = layout.width();
        numbers.reserve_exact(steps.len() * width);
        if self.values[index].is_empty() {
            numbers.resize(steps.len() * width, Lane::ZERO);
            let row = layout.lanes * LANE;
            for (numbers, t) in numbers.chunks_exact_mut(width).zip(steps.clone()) {
                let bits = self.bits[index].chunks_exact(row).skip(t / 32).step_by(compiled.words);
                for (x, bits) in flat_mut(numbers).chunks_exact_mut(row).zip(bits) {
                    x.iter_mut().zip(bits).for_each(|(x, bits)| *x = (bits >> (t % 32) & 1) as f32);
                }
            }
        } else {
            numbers.extend_from_slice(&self.values[index][steps.start * width..steps.end * width]);
        }
        for (i, mask) in mask.iter().enumerate() {
            let (pixel, channel) = (i % layout.pixels(), i / layout.pixels());
            for numbers in numbers.chunks_exact_mut(width) {
                flat_mut(numbers)[pixel * layout.lanes * LANE + channel] *= mask;
            }
        }
    }

    /// Lists the events of a population within the words `window`, delayed by one step. `delayed` is scratch space for
    /// the shifted bits.
    pub(crate) fn list_delayed(
        &self,
        compiled: &Compiled,
        population: usize,
        window: Range<usize>,
        mask: &[f32],
        delayed: &mut Vec<u32>,
        events: &mut Events,
    ) {
        let (layout, words, steps) = (compiled.populations[population], compiled.words, compiled.plan.steps);
        let width = layout.lanes * LANE;
        delayed.clear();
        for bits in self.bits[population].chunks_exact(width * words) {
            for word in window.clone() {
                let known = if (word + 1) * 32 > steps { (1 << (steps % 32)) - 1 } else { u32::MAX };
                for channel in 0..width {
                    let before = word.checked_sub(1).map_or(0, |before| bits[before * width + channel] >> 31);
                    delayed.push((bits[word * width + channel] << 1 | before) & known);
                }
            }
        }
        let spikes = count(compiled.level, delayed) as usize;
        let (words, window) = (window.len(), 0..window.len());
        let job = ListPopulation { events, bits: delayed, spikes, layout, words, window, mask, rule: None };
        dispatch(compiled.level, job);
    }

    /// The sum of the values of all spikes of a population, given its dropout mask (empty if there is none).
    pub(crate) fn emitted_by(&self, compiled: &Compiled, population: usize, mask: &[f32]) -> f64 {
        if mask.is_empty() {
            return self.spikes[population] as f64;
        }
        let layout = compiled.populations[population];
        let width = layout.lanes * LANE;
        let pixels = self.bits[population].chunks_exact(compiled.words * width).enumerate();
        let worth = |(pixel, bits): (usize, &[u32])| -> f64 {
            let count = |channel| bits.iter().skip(channel).step_by(width).map(|word| word.count_ones()).sum::<u32>();
            (0..layout.channels)
                .map(|channel| f64::from(mask[layout.neuron(pixel, channel)]) * f64::from(count(channel)))
                .sum()
        };
        pixels.map(worth).sum()
    }

    /// The buffer for the errors `d(t)` of a population, `[T][neuron]`.
    pub(crate) fn delta_mut(&mut self, compiled: &Compiled, population: usize) -> &mut [f32] {
        self.delta.resize(compiled.populations.len(), Vec::new());
        let neurons = compiled.network.populations()[population].shape.len();
        self.delta[population].resize(compiled.plan.steps * neurons, 0.0);
        &mut self.delta[population]
    }

    fn fired_at(&self, compiled: &Compiled, population: usize, pixel: usize, channel: usize, t: usize) -> bool {
        let width = compiled.populations[population].lanes * LANE;
        let word = (pixel * compiled.words + t / 32) * width + channel;
        self.bits[population].get(word).is_some_and(|bits| bits >> (t % 32) & 1 == 1)
    }
}

/// Collects the activity of a trial from all of its samples.
pub(crate) fn activity<'a>(compiled: &Compiled, samples: impl Iterator<Item = &'a SampleState>) -> Activity {
    let classes = compiled.network.classes();
    let samples: Vec<&SampleState> = samples.collect();
    let row = |t: usize| samples.iter().flat_map(move |sample| &sample.output[t * classes..(t + 1) * classes]);
    let populations = 0..compiled.populations.len();
    Activity {
        output: (0..compiled.plan.steps).flat_map(row).copied().collect(),
        input_spikes: samples.iter().map(|sample| count(compiled.level, &sample.fired)).sum(),
        spikes: populations.clone().map(|population| samples.iter().map(|s| s.spikes[population]).sum()).collect(),
        emitted: populations.map(|population| samples.iter().map(|s| s.emitted[population]).sum()).collect(),
        statistics: Vec::new(),
    }
}

/// Collects the record of a population in the last trial.
pub(crate) fn record<'a>(
    compiled: &Compiled,
    trial: Option<&LastTrial>,
    samples: impl Iterator<Item = &'a SampleState>,
    population: usize,
) -> Result<Record, Error> {
    if !compiled.plan.record {
        return Err(Error::Order("the session was not compiled to record"));
    }
    let trial = trial.ok_or(Error::Order("no trial to record"))?;
    let found = compiled.network.populations().get(population);
    let shape = found.ok_or_else(|| Error::size("population", "an index of the network", population))?.shape;
    let (layout, steps) = (compiled.populations[population], compiled.plan.steps);
    let samples: Vec<&SampleState> = samples.take(trial.samples).collect();
    let leak_correction = compiled.rules[population].as_ref().and_then(|rule| rule.correction.as_ref());
    let mut spikes = SpikeTrain::silent(steps, trial.samples, shape);
    let (mut trace, mut count, mut correction, mut membrane) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (n, sample) in samples.iter().enumerate() {
        let mask = trial.masks.of(compiled, population, n);
        for i in 0..shape.len() {
            let (pixel, channel) = (i % layout.pixels(), i / layout.pixels());
            membrane.push(sample.membrane[population][pixel * layout.lanes * LANE + channel]);
            let fired = (0..steps).filter(|&t| sample.fired_at(compiled, population, pixel, channel, t));
            let times: Vec<u16> = fired.map(|t| t as u16).collect();
            for &t in &times {
                spikes.set(usize::from(t), n, i, 1);
            }
            if let Some(leak_correction) = leak_correction {
                let mask = mask.get(i).copied().unwrap_or(1.0);
                let (f, g) = leak_correction.trace(mask, &times);
                trace.push(f);
                count.push(g);
                correction.push(leak_correction.correction(mask, &times));
            }
        }
    }
    let row = |sample: &SampleState, t: usize| {
        let delta = sample.delta.get(population).map_or(&[][..], Vec::as_slice);
        delta.get(t * shape.len()..(t + 1) * shape.len()).unwrap_or(&[]).to_vec()
    };
    let delta = (0..steps).flat_map(|t| samples.iter().flat_map(move |sample| row(sample, t))).collect();
    let neuron = &compiled.network.populations()[population].neuron;
    let passes_numbers = neuron.output() == NeuronOutput::Numbers;
    let mut values = vec![0.0; if passes_numbers { steps * trial.samples * shape.len() } else { 0 }];
    for (at, row) in values.chunks_exact_mut(shape.len()).enumerate() {
        let (t, n) = (at / trial.samples, at % trial.samples);
        let found = samples[n].values[population].get(t * layout.width()..(t + 1) * layout.width());
        layout.scatter(&(0..layout.width()), found.unwrap_or(&[]), row);
    }
    Ok(Record { spikes, values, trace, count, correction, membrane, delta })
}
