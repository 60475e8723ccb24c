//! Inputs made of genuine ones: bytes and words changed, cut, doubled and put together.

use fastrand::Rng;

/// Bytes that are often at a limit of something.
const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'(', b')', b'"'];

/// Numbers that are often at a limit of something.
const NUMBERS: [u64; 9] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];

/// Most bytes of a mutated input: a few times what genuine ones have.
const LONGEST: usize = 1 << 18;

/// A few changes, one after the other, of one of `seeds`.
pub(crate) fn mutated(rng: &mut Rng, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = seeds[rng.usize(..seeds.len())].clone();
    let most = if rng.u8(..) < 64 { 9 } else { 1 };
    for _ in 0..rng.usize(1..=most) {
        change(rng, &mut input, seeds, words);
        input.truncate(LONGEST);
    }
    input
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
