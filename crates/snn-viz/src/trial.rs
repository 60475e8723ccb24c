//! One inference: the input, every spike of every population, and the scores over time.

use snn_core::{
    AddressEvent, Content, Draws, Dropout, Encoded, Input, Replay, SampleKey, Session, Shape, SpikeTrain, Trial, argmax,
};

use crate::{OpenNetwork, ViewError};

/// Epoch number used to draw random input spikes, the same as in evaluations. Each further draw uses the number below.
const EPOCH: u32 = u32::MAX;

/// The sample shown to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownSample {
    /// Index of a test sample.
    Sample(usize),
    /// A drawn image, as grey values `[H, W]`.
    Drawing(Vec<u8>),
}

/// One inference over all time steps `T`.
#[derive(Debug)]
pub struct ViewedTrial {
    /// The sample that was shown.
    pub picture: ShownSample,
    /// Number of the random draw of its input spikes, from 0.
    pub draw: u32,
    /// Its class, if it is known.
    pub label: Option<usize>,
    /// The image as values in `[0, 1]`, `[C, H, W]`. For a recording, the number of events per pixel and polarity,
    /// divided by the largest.
    pub image: Vec<f32>,
    /// The encoded input of the network.
    pub input: Encoded,
    /// Spikes of each population; empty trains for neurons that do not fire.
    pub trains: Vec<SpikeTrain>,
    /// Number of spikes at each time step `[T]`, of the input and then of each population.
    pub counts: Vec<Vec<u32>>,
    /// Output of the last population `[T, K]`.
    pub output: Vec<f32>,
    /// Class scores `[T][K]` if the trial ended after that time step.
    pub scores: Vec<Vec<f64>>,
}

impl ViewedTrial {
    /// Runs the network of `subject` on `picture`. `session` must be compiled from it for one sample with records.
    /// `draw` selects the random draw of input spikes; 0 is that of `snn evaluate`.
    ///
    /// # Errors
    /// [`ViewError`] if there is no such sample, or the session fails.
    pub fn run(
        session: &mut dyn Session,
        subject: &OpenNetwork,
        picture: ShownSample,
        draw: u32,
    ) -> Result<Self, ViewError> {
        let (input, image, label) = encode(subject, &picture, draw)?;
        let (steps, classes) = (subject.steps(), subject.network().classes());
        let output = session.forward(&shown(&input))?.output;
        snn_core::check_finite(|| "output of the network".to_owned(), &output, f32::MAX)?;
        let populations = 0..subject.network().populations().len();
        let trains =
            populations.map(|index| Ok(session.record(index)?.spikes)).collect::<Result<Vec<_>, ViewError>>()?;
        let of_input = match &input {
            Encoded::Spikes(train) => counts(train),
            Encoded::Current(_) | Encoded::Numbers(_) => vec![0; steps],
        };
        let counts = std::iter::once(of_input).chain(trains.iter().map(counts)).collect();
        let numbers: Vec<f64> = output.iter().map(|&y| f64::from(y)).collect();
        let scores = (1..=steps).map(|end| subject.built.score.scores(&numbers[..end * classes], classes)).collect();
        Ok(Self { picture, draw, label, image, input, trains, counts, output, scores })
    }

    /// Number of time steps.
    pub fn steps(&self) -> usize {
        self.scores.len()
    }

    /// The predicted class if the trial ended after step `t` (from 0).
    pub fn answer(&self, t: usize) -> usize {
        let scores = self.scores.get(t).map_or(&[][..], Vec::as_slice);
        argmax(&scores.iter().map(|&score| score as f32).collect::<Vec<f32>>())
    }

    /// Whether there is an answer after step `t`, that is, whether the scores differ.
    pub fn has_answer(&self, t: usize) -> bool {
        self.scores.get(t).is_some_and(|scores| scores.iter().any(|score| *score != scores[0]))
    }

    /// A replay of the trial, from which traces of neurons can be computed.
    ///
    /// # Errors
    /// [`ViewError::Core`] if it is not a trial of `subject`.
    pub fn replay<'a>(&'a self, subject: &'a OpenNetwork) -> Result<Replay<'a>, ViewError> {
        Ok(Replay::new(subject.network(), &subject.weights, &self.input, &self.trains, self.steps())?)
    }

    /// The trial in the form that an engine accepts.
    pub fn shown(&self) -> Trial<'_> {
        shown(&self.input)
    }

    /// Spikes of the input; `None` if it is numbers.
    pub fn input_train(&self) -> Option<&SpikeTrain> {
        self.input.spikes()
    }
}

fn shown(input: &Encoded) -> Trial<'_> {
    Trial { stimulus: input.stimulus(), dropout: Dropout::Off }
}

/// Encodes `picture`. Returns the input, the image to display, and the class.
fn encode(
    subject: &OpenNetwork,
    picture: &ShownSample,
    draw: u32,
) -> Result<(Encoded, Vec<f32>, Option<usize>), ViewError> {
    let (shape, steps) = (subject.image(), subject.steps());
    let bytes = match picture {
        ShownSample::Drawing(bytes) if bytes.len() == shape.len() => bytes,
        ShownSample::Drawing(bytes) => {
            return Err(ViewError::Data(format!("a drawing for {shape} images has {} pixels", bytes.len())));
        }
        ShownSample::Sample(index) => {
            let samples = subject.samples.as_ref().map_err(|why| ViewError::Data(why.clone()))?;
            if *index >= samples.len() {
                return Err(ViewError::Data(format!("there is no sample {index}, only {}", samples.len())));
            }
            let label = Some(usize::from(samples.labels()[*index]));
            match (samples.content(*index), &subject.built.input) {
                (Content::Recording(events), Input::Recordings(frames)) => {
                    let recording = [events.to_vec()];
                    let encoded = if frames.counts {
                        Encoded::Numbers(frames.count(&recording, shape, steps))
                    } else {
                        Encoded::Spikes(frames.encode(&recording, shape, steps))
                    };
                    return Ok((encoded, accumulated(events, shape.len()), label));
                }
                (Content::Image(bytes), _) => {
                    return encode_image(subject, bytes, *index as u32, draw)
                        .map(|(input, image)| (input, image, label));
                }
                _ => return Err(ViewError::Data("the samples do not fit the experiment's input".to_owned())),
            }
        }
    };
    encode_image(subject, &centred(bytes, shape), 0, draw).map(|(input, image)| (input, image, None))
}

/// Encodes an image of bytes `[C, H, W]`. Also returns it as values in `[0, 1]`.
fn encode_image(subject: &OpenNetwork, bytes: &[u8], index: u32, draw: u32) -> Result<(Encoded, Vec<f32>), ViewError> {
    let Input::Images(encoder) = &subject.built.input else {
        return Err(ViewError::Data("the experiment's input takes recordings, not images".to_owned()));
    };
    let shape = subject.image();
    let value = |(at, &byte): (usize, &u8)| match &subject.samples {
        Ok(samples) => samples.values(at / shape.pixels())[usize::from(byte)],
        Err(_) => f32::from(byte) / 255.0,
    };
    let pixels: Vec<f32> = bytes.iter().enumerate().map(value).collect();
    let draws = Draws { seed: subject.built.experiment.training.seed, epoch: EPOCH - draw, samples: &[index] };
    let sample = SampleKey { seed: draws.seed, epoch: draws.epoch, index };
    let input = encoder.encode(&pixels, shape, subject.steps(), sample);
    Ok((input, bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()))
}

/// Shifts a grey image so that its centre of mass is in the middle, as in MNIST.
fn centred(bytes: &[u8], shape: Shape) -> Vec<u8> {
    let mass: usize = bytes.iter().map(|&byte| usize::from(byte)).sum();
    if mass == 0 || shape.channels != 1 {
        return bytes.to_vec();
    }
    let mean = |place: &dyn Fn(usize) -> usize| {
        let sum: usize = bytes.iter().enumerate().map(|(at, &byte)| place(at) * usize::from(byte)).sum();
        sum as f64 / mass as f64
    };
    let off = |mean: f64, extent: usize| (mean - (extent - 1) as f64 / 2.0).round() as isize;
    let down = off(mean(&|at| at / shape.width), shape.height);
    let right = off(mean(&|at| at % shape.width), shape.width);
    let source = |at: usize| {
        let row = (at / shape.width).checked_add_signed(down).filter(|row| *row < shape.height)?;
        let column = (at % shape.width).checked_add_signed(right).filter(|column| *column < shape.width)?;
        bytes.get(row * shape.width + column)
    };
    (0..bytes.len()).map(|at| source(at).copied().unwrap_or(0)).collect()
}

/// Number of events per pixel, divided by the largest.
fn accumulated(events: &[AddressEvent], pixels: usize) -> Vec<f32> {
    let mut counts = vec![0.0_f32; pixels];
    for event in events {
        if let Some(count) = counts.get_mut(event.pixel as usize) {
            *count += 1.0;
        }
    }
    let most = counts.iter().copied().fold(1.0, f32::max);
    counts.into_iter().map(|count| count / most).collect()
}

/// Number of spikes of either sign at each time step.
fn counts(train: &SpikeTrain) -> Vec<u32> {
    let mut counts = vec![0; train.steps()];
    for neuron in 0..train.shape().len() {
        for (word, &fired) in train.words(0, neuron).0.iter().enumerate() {
            let mut left = fired;
            while left != 0 {
                counts[word * 32 + left.trailing_zeros() as usize] += 1;
                left &= left - 1;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_moved_to_the_middle() {
        let shape = Shape::new(1, 5, 7);
        let mut bytes = vec![0; 35];
        (bytes[0], bytes[1], bytes[7]) = (200, 50, 50);
        let moved = centred(&bytes, shape);
        assert_eq!((moved[2 * 7 + 3], moved[2 * 7 + 4], moved[3 * 7 + 3]), (200, 50, 50));
        assert_eq!(moved.iter().filter(|byte| **byte > 0).count(), 3);
        assert_eq!(centred(&[0; 35], shape), [0; 35]);
    }
}
