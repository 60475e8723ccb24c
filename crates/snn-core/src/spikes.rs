//! Spike trains, stored as one bit per neuron and time step.

use std::ops::Range;

use crate::shape::Shape;

/// Time steps per word.
pub(crate) const WORD: usize = 32;

/// Spikes of shape `[T, N, C, H, W]`, packed along time: step `t` is bit `t % 32` of word `t / 32` of a neuron. A
/// second plane of the same size marks negative spikes. It is allocated when the first spike of -1 is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpikeTrain {
    steps: usize,
    samples: usize,
    shape: Shape,
    fired: Vec<u32>,
    negative: Vec<u32>,
}

impl SpikeTrain {
    /// Creates a train without spikes, of `steps` steps and `samples` samples of `shape`.
    pub fn silent(steps: usize, samples: usize, shape: Shape) -> Self {
        let words = samples * shape.len() * steps.div_ceil(WORD);
        Self { steps, samples, shape, fired: vec![0; words], negative: Vec::new() }
    }

    /// Number of time steps `T`.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of samples `N`.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Shape of one sample at one step.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the spike of neuron `neuron` (in `C, H, W` order) of `sample` at `step`: -1, 0 or +1.
    pub fn get(&self, step: usize, sample: usize, neuron: usize) -> i8 {
        let word = self.word(sample, neuron) + step / WORD;
        let bit = 1 << (step % WORD);
        if self.fired[word] & bit == 0 {
            0
        } else if self.negative.get(word).is_some_and(|negative| negative & bit != 0) {
            -1
        } else {
            1
        }
    }

    /// Sets the spike of a neuron to the sign of `spike`, or to 0.
    ///
    /// # Panics
    /// If `step`, `sample` or `neuron` is out of bounds.
    pub fn set(&mut self, step: usize, sample: usize, neuron: usize, spike: i8) {
        let is_inside = step < self.steps && sample < self.samples && neuron < self.shape.len();
        assert!(is_inside, "step {step}, sample {sample}, neuron {neuron} lies outside the spike train");
        let word = self.word(sample, neuron) + step / WORD;
        let bit = 1 << (step % WORD);
        if spike < 0 && self.negative.is_empty() {
            self.negative = vec![0; self.fired.len()];
        }
        self.fired[word] = if spike == 0 { self.fired[word] & !bit } else { self.fired[word] | bit };
        if let Some(negative) = self.negative.get_mut(word) {
            *negative = if spike < 0 { *negative | bit } else { *negative & !bit };
        }
    }

    /// Adds up to 32 spikes of a neuron of the first sample. Bit 0 of `fired` is step `step`, which must be a multiple
    /// of 32. All these spikes have the same sign.
    pub(crate) fn add_word(&mut self, step: usize, neuron: usize, fired: u32, is_negative: bool) {
        let word = self.word(0, neuron) + step / WORD;
        self.fired[word] |= fired;
        if is_negative && fired != 0 {
            if self.negative.is_empty() {
                self.negative = vec![0; self.fired.len()];
            }
            self.negative[word] |= fired;
        }
    }

    /// Returns the words of one neuron: the steps at which it spiked, and those of its negative spikes (empty if the
    /// train has none).
    pub fn words(&self, sample: usize, neuron: usize) -> (&[u32], &[u32]) {
        let (start, words) = (self.word(sample, neuron), self.steps.div_ceil(WORD));
        (&self.fired[start..start + words], self.negative.get(start..start + words).unwrap_or(&[]))
    }

    /// Concatenates the samples of several trains of the same shape and number of steps.
    ///
    /// # Panics
    /// If there are no trains, or if they differ in shape or number of steps.
    #[must_use]
    pub fn join(trains: &[Self]) -> Self {
        let Self { steps, shape, .. } = trains[0];
        assert!(trains.iter().all(|train| (train.steps, train.shape) == (steps, shape)), "the trains differ");
        let mut joined = Self::silent(steps, trains.iter().map(|train| train.samples).sum(), shape);
        joined.fired = trains.iter().flat_map(|train| &train.fired).copied().collect();
        if trains.iter().any(|train| !train.negative.is_empty()) {
            let silent = |train: &Self| vec![0; train.fired.len()];
            let negative =
                |train: &Self| if train.negative.is_empty() { silent(train) } else { train.negative.clone() };
            joined.negative = trains.iter().flat_map(negative).collect();
        }
        joined
    }

    /// Returns a copy of the steps `steps` of the samples `samples`, both of which must be within the train.
    #[must_use]
    pub fn part(&self, steps: Range<usize>, samples: &[usize]) -> Self {
        let mut part = Self::silent(steps.len(), samples.len(), self.shape);
        let (words, first, shift) = (steps.len().div_ceil(WORD), steps.start / WORD, steps.start % WORD);
        let rest = steps.len() % WORD;
        let last = if rest == 0 { u32::MAX } else { (1 << rest) - 1 };
        let cut = |plane: &[u32], word: usize| {
            let low = plane[first + word] >> shift;
            let high = plane.get(first + word + 1).map_or(0, |next| u64::from(*next) << (WORD - shift)) as u32;
            (low | high) & if word + 1 == words { last } else { u32::MAX }
        };
        if !self.negative.is_empty() {
            part.negative = vec![0; part.fired.len()];
        }
        for (n, &sample) in samples.iter().enumerate() {
            for neuron in 0..self.shape.len() {
                let (fired, negative) = self.words(sample, neuron);
                let at = part.word(n, neuron);
                for word in 0..words {
                    part.fired[at + word] = cut(fired, word);
                    if !negative.is_empty() {
                        part.negative[at + word] = cut(negative, word);
                    }
                }
            }
        }
        part
    }

    /// Number of spikes of either sign.
    pub fn count(&self) -> u64 {
        self.fired.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    fn word(&self, sample: usize, neuron: usize) -> usize {
        (sample * self.shape.len() + neuron) * self.steps.div_ceil(WORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_read_as_it_was_set() {
        let mut train = SpikeTrain::silent(70, 2, Shape::features(3));
        train.set(0, 0, 0, 1);
        train.set(69, 1, 2, -1);
        train.set(33, 1, 2, 1);
        assert_eq!((train.get(0, 0, 0), train.get(69, 1, 2), train.get(33, 1, 2)), (1, -1, 1));
        assert_eq!((train.get(1, 0, 0), train.get(69, 0, 2)), (0, 0));
        assert_eq!(train.count(), 3);
    }

    #[test]
    fn a_spike_can_change_sign_and_vanish() {
        let mut train = SpikeTrain::silent(2, 1, Shape::features(1));
        train.set(1, 0, 0, -1);
        train.set(1, 0, 0, 1);
        assert_eq!(train.get(1, 0, 0), 1);
        train.set(1, 0, 0, 0);
        assert_eq!((train.get(1, 0, 0), train.count()), (0, 0));
    }

    #[test]
    fn a_part_holds_the_steps_and_samples_asked_for() {
        let mut train = SpikeTrain::silent(100, 3, Shape::features(2));
        for t in 0..100 {
            train.set(t, 2, 1, [1, 0, -1][t * t % 7 % 3]);
        }
        for steps in [0..100, 0..32, 5..37, 31..33, 64..100, 90..91, 3..99] {
            let part = train.part(steps.clone(), &[0, 2]);
            assert_eq!((part.steps(), part.samples()), (steps.len(), 2));
            for (at, t) in steps.enumerate() {
                assert_eq!((part.get(at, 1, 1), part.get(at, 0, 1)), (train.get(t, 2, 1), 0));
            }
            let count = (0..part.steps()).filter(|&t| part.get(t, 1, 1) != 0).count();
            assert_eq!(part.count(), count as u64);
        }
    }

    #[test]
    fn joined_trains_follow_each_other() {
        let mut signed = SpikeTrain::silent(40, 2, Shape::features(1));
        signed.set(39, 1, 0, -1);
        let mut other = SpikeTrain::silent(40, 1, Shape::features(1));
        other.set(3, 0, 0, 1);
        let joined = SpikeTrain::join(&[other, signed]);
        assert_eq!((joined.samples(), joined.count()), (3, 2));
        assert_eq!((joined.get(3, 0, 0), joined.get(39, 2, 0)), (1, -1));
    }

    #[test]
    fn words_hold_32_steps_each() {
        let mut train = SpikeTrain::silent(40, 1, Shape::features(2));
        train.set(3, 0, 1, 1);
        train.set(39, 0, 1, -1);
        assert_eq!(train.words(0, 1), (&[1 << 3, 1 << 7][..], &[0, 1 << 7][..]));
    }
}
