//! Generates inputs by mutating valid ones: bytes and words are changed, cut, doubled and combined.

use fastrand::Rng;

use crate::targets::Target;

/// Bytes that are often boundary values.
const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'(', b')', b'"'];

/// Numbers that are often boundary values.
const NUMBERS: [u64; 9] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];

/// Maximum bytes of a mutated input: a few times the size of valid ones.
const LONGEST: usize = 1 << 18;

/// Maximum number of accepted mutated inputs that are kept for further mutation.
const KEPT: usize = 200;

/// Generator of the inputs of a target.
pub(crate) struct Inputs {
    rng: Rng,
    /// The valid inputs, then mutated ones that were accepted.
    seeds: Vec<Vec<u8>>,
    genuine: usize,
    given: usize,
}

impl Inputs {
    pub(crate) fn new(seed: u64, genuine: Vec<Vec<u8>>) -> Self {
        Self { rng: Rng::with_seed(seed), genuine: genuine.len(), seeds: genuine, given: 0 }
    }

    /// Whether there are no valid inputs, or an empty one.
    pub(crate) fn are_missing(&self) -> bool {
        self.seeds.is_empty() || self.seeds.iter().any(Vec::is_empty)
    }

    /// The next input, and whether it is an unmutated valid one. Valid inputs come first. They must be accepted,
    /// otherwise the test is meaningless.
    pub(crate) fn following(&mut self, target: &Target) -> (Vec<u8>, bool) {
        self.given += 1;
        if self.given <= self.genuine {
            return (self.seeds[self.given - 1].clone(), true);
        }
        let mut input = self.mutated(target.words);
        if let Some(mend) = target.mend {
            mend(&mut self.rng, &mut input);
        }
        (input, false)
    }

    /// Keeps an accepted input for further mutation. If there are many, it replaces a random one.
    pub(crate) fn keep(&mut self, input: Vec<u8>) {
        if input.is_empty() {
            return;
        }
        if self.seeds.len() < self.genuine + KEPT {
            self.seeds.push(input);
        } else {
            let place = self.genuine + self.rng.usize(..KEPT);
            self.seeds[place] = input;
        }
    }

    /// Applies a few mutations to an input: half of the time a valid one, otherwise any of those kept.
    fn mutated(&mut self, words: &[&str]) -> Vec<u8> {
        let among = if self.rng.bool() { self.genuine } else { self.seeds.len() };
        let mut input = self.seeds[self.rng.usize(..among)].clone();
        let most = if self.rng.u8(..) < 64 { 9 } else { 1 };
        for _ in 0..self.rng.usize(1..=most) {
            change(&mut self.rng, &mut input, &self.seeds, words);
            input.truncate(LONGEST);
        }
        input
    }
}

fn change(rng: &mut Rng, input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
    let at = rng.usize(..=input.len());
    let end = at + rng.usize(..=(input.len() - at).min(64));
    match rng.u8(..12) {
        0..=2 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
        3 if at < input.len() => input[at] = BYTES[rng.usize(..BYTES.len())],
        4 => {
            let number = NUMBERS[rng.usize(..NUMBERS.len())];
            let bytes = if rng.bool() { number.to_le_bytes() } else { number.to_be_bytes() };
            let length = [1, 2, 4, 8][rng.usize(..4)].min(input.len() - at);
            let bytes = if rng.bool() { &bytes[..length] } else { &bytes[8 - length..] };
            input[at..at + length].copy_from_slice(bytes);
        }
        5 => drop(input.drain(at..end)),
        6 => input.truncate(at),
        7 => {
            let doubled = input[at..end].to_vec();
            input.splice(at..at, doubled);
        }
        8 => {
            let other = &seeds[rng.usize(..seeds.len())];
            let from = rng.usize(..=other.len());
            let to = from + rng.usize(..=(other.len() - from).min(256));
            input.splice(at..end, other[from..to].iter().copied());
        }
        _ if !words.is_empty() => {
            let word = words[rng.usize(..words.len())];
            let end = if rng.bool() { at } else { end };
            input.splice(at..end, word.bytes());
        }
        _ => input.splice(at..at, [rng.u8(..)]).for_each(drop),
    }
}
