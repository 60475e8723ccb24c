//! Uploads the input and the dropout masks of a trial to the GPU.

use snn_core::{Draws, Dropout, Encoded, Error, Purpose, SpikeTrain, Stimulus, Stream, Trial};

use super::GpuSession;
use crate::buffers::upload;
use crate::order::{host_order, to_gpu};
use crate::programs::InputKind;

/// The address of a trial's random numbers: key and epoch of a purpose, in the form that kernels need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) words: [u32; 2],
    pub(crate) epoch: u32,
}

/// What the kernels need to know about a trial.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) input: InputKind,
    /// The random key, if the input spikes are drawn on the GPU.
    pub(crate) encode: Option<Key>,
    /// Whether the input consists of spikes, which are counted.
    pub(crate) has_spikes: bool,
    pub(crate) masked: Vec<bool>,
    /// The random key, if the dropout masks are drawn on the GPU.
    pub(crate) draw_masks: Option<Key>,
}

impl Key {
    fn new(draws: Draws<'_>, purpose: Purpose) -> Self {
        Self { words: Stream::new(draws.seed, purpose).key(), epoch: draws.epoch }
    }
}

/// The input of all samples.
enum UploadedInput {
    /// Spike probabilities `[N][neuron]`, and the random key.
    Values(Vec<f32>, Key),
    Spikes(SpikeTrain),
    /// Numbers `[N][neuron]`.
    Constant(Vec<f32>),
    /// Numbers `[T][N][neuron]`.
    Numbers(Vec<f32>),
}

impl GpuSession {
    /// Uploads the stimulus and the dropout masks of a trial of `samples` samples.
    pub(super) fn show(&mut self, trial: &Trial<'_>, samples: usize) -> Result<Needs, Error> {
        let shown = self.shown(trial.stimulus)?;
        let (input, has_spikes) = match &shown {
            UploadedInput::Values(values, _) => (signed(values.iter().any(|value| *value < 0.0)), true),
            UploadedInput::Spikes(train) => {
                let is_signed = !train.words(0, 0).1.is_empty();
                (signed(is_signed), true)
            }
            UploadedInput::Constant(_) => (InputKind::Constant, false),
            UploadedInput::Numbers(_) => (InputKind::Numbers, false),
        };
        let (layout, gpu) = (&self.layout, &*self.gpu);
        for (index, group) in self.buffers.groups.iter().enumerate() {
            let (first, count) = (index * layout.group, layout.samples(index, samples));
            let part = |values: &[f32]| values[first * layout.input..(first + count) * layout.input].to_vec();
            match &shown {
                _ if count == 0 => {}
                UploadedInput::Values(values, _) => upload(gpu, &group.values, &part(values)),
                UploadedInput::Constant(values) => {
                    upload(gpu, &group.input, &to_gpu(&part(values), self.network.input()));
                }
                UploadedInput::Spikes(train) => upload(gpu, &group.input, &words(train, first, count)),
                UploadedInput::Numbers(values) => {
                    let sample = |n: usize| values.chunks(layout.input).skip(n).step_by(samples);
                    let rows = (first..first + count).flat_map(sample).flatten().copied().collect::<Vec<f32>>();
                    upload(gpu, &group.input, &to_gpu(&rows, self.network.input()));
                }
            }
        }
        if let Some(draws) = indices(trial) {
            for (group, part) in self.buffers.groups.iter().zip(draws.samples.chunks(layout.group)) {
                upload(gpu, &group.samples, part);
            }
        }
        let encode = if let UploadedInput::Values(_, key) = shown { Some(key) } else { None };
        let (masked, draw_masks) = self.drop(trial.dropout, samples);
        Ok(Needs { input, encode, has_spikes, masked, draw_masks })
    }

    fn shown(&self, stimulus: Stimulus<'_>) -> Result<UploadedInput, Error> {
        match stimulus {
            Stimulus::Spikes(train) => Ok(UploadedInput::Spikes(train.clone())),
            Stimulus::Current(values) => Ok(UploadedInput::Constant(values.to_vec())),
            Stimulus::Numbers(values) => Ok(UploadedInput::Numbers(values.to_vec())),
            Stimulus::Images { pixels, shape, encoder, draws } => {
                let images = || pixels.chunks(shape.len());
                if let Some(values) =
                    images().map(|image| encoder.probabilities(image, shape)).collect::<Option<Vec<Vec<f32>>>>()
                {
                    return Ok(UploadedInput::Values(values.concat(), Key::new(draws, Purpose::Encoder)));
                }
                let encode = |(n, image)| encoder.encode(image, shape, self.layout.plan.steps, draws.sample(n));
                joined(images().enumerate().map(encode), self.layout.plan.steps)
            }
        }
    }

    /// The dropout mask of a population, if `masks` has one.
    fn mask_of<'a>(&self, masks: &'a [Vec<f32>], population: usize) -> Option<&'a [f32]> {
        let mask = self.origins[population].and_then(|origin| masks.get(origin));
        mask.map(Vec::as_slice).filter(|mask| !mask.is_empty())
    }

    /// Uploads given dropout masks. Returns which populations have a mask, and the random key if the GPU is to draw
    /// them.
    fn drop(&mut self, dropout: Dropout<'_>, samples: usize) -> (Vec<bool>, Option<Key>) {
        let populations = self.network.populations();
        let masked: Vec<bool> = match dropout {
            Dropout::Off => vec![false; populations.len()],
            Dropout::Drawn(_) => populations.iter().map(|population| population.dropout > 0.0).collect(),
            Dropout::Masks(masks) => (0..populations.len()).map(|index| self.mask_of(masks, index).is_some()).collect(),
        };
        for index in (0..masked.len()).filter(|&index| masked[index]) {
            self.buffers.make_mask(&self.gpu, &self.layout, index);
        }
        if let Dropout::Masks(masks) = dropout {
            for (index, group) in self.buffers.groups.iter().enumerate() {
                let (first, count) = (index * self.layout.group, self.layout.samples(index, samples));
                for (population, own) in group.populations.iter().enumerate() {
                    if let (Some(mask), Some(values)) =
                        (&own.mask, self.mask_of(masks, population).filter(|_| count > 0))
                    {
                        let population = &self.network.populations()[population];
                        let len = population.shape.len();
                        let part = &values[first * len..(first + count) * len];
                        upload(&self.gpu, mask, &to_gpu(part, population.shape));
                    }
                }
            }
        }
        let key = if let Dropout::Drawn(draws) = dropout { Some(Key::new(draws, Purpose::Dropout)) } else { None };
        (masked, key)
    }
}

fn signed(is_signed: bool) -> InputKind {
    if is_signed { InputKind::Signed } else { InputKind::Spikes }
}

/// The data set index of each sample, if the trial has them.
fn indices<'a>(trial: &Trial<'a>) -> Option<Draws<'a>> {
    match (trial.stimulus, trial.dropout) {
        (Stimulus::Images { draws, .. }, _) | (_, Dropout::Drawn(draws)) => Some(draws),
        _ => None,
    }
}

/// Combines encoded images to one input.
fn joined(encoded: impl Iterator<Item = Encoded>, steps: usize) -> Result<UploadedInput, Error> {
    let (mut trains, mut currents, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for image in encoded {
        match image {
            Encoded::Spikes(train) => trains.push(train),
            Encoded::Current(values) => currents.extend(values),
            Encoded::Numbers(values) => numbers.push(values),
        }
    }
    match (trains.is_empty(), currents.is_empty(), numbers.is_empty()) {
        (true, true, false) => {
            let row = |t: usize| {
                numbers.iter().filter_map(move |values: &Vec<f32>| values.chunks((values.len() / steps).max(1)).nth(t))
            };
            Ok(UploadedInput::Numbers((0..steps).flat_map(row).flatten().copied().collect()))
        }
        (true, _, true) => Ok(UploadedInput::Constant(currents)),
        (false, true, true) => Ok(UploadedInput::Spikes(SpikeTrain::join(&trains))),
        _ => Err(Error::size("encoded images", "spikes for all, or currents for all", "some of each")),
    }
}

/// The spike words of `count` samples of a train from `first` on, `[sample][row][neuron]`: first the rows of all
/// spikes, then those of the negative ones.
fn words(train: &SpikeTrain, first: usize, count: usize) -> Vec<u32> {
    let (len, rows) = (train.shape().len(), train.steps().div_ceil(crate::window::WORD));
    let mut words = vec![0; count * 2 * rows * len];
    for n in 0..count {
        let sample = &mut words[n * 2 * rows * len..][..2 * rows * len];
        for (i, neuron) in host_order(train.shape()).enumerate() {
            let (fired, negative) = train.words(first + n, neuron);
            for (row, word) in fired.iter().enumerate() {
                sample[row * len + i] = *word;
            }
            for (row, word) in negative.iter().enumerate() {
                sample[(rows + row) * len + i] = *word;
            }
        }
    }
    words
}
