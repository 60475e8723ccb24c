//! Reads the elements of a MATLAB file, and the numbers in them.

use std::io::{self, Read};

use super::UINT8;
use crate::source;

/// Maximum size in bytes of the flags, the extents or the name of an array.
const LARGEST_HEAD: u64 = 4096;

/// Converts raw data of type `kind` to numbers.
pub(super) fn numbers(kind: u32, data: &[u8], is_big: bool) -> Result<Vec<f64>, String> {
    /// Converts numbers of `SIZE` bytes each; `read` takes the bytes in little-endian order.
    fn read<const SIZE: usize>(data: &[u8], is_big: bool, read: impl Fn([u8; SIZE]) -> f64) -> Vec<f64> {
        let numbers = data.as_chunks::<SIZE>().0.iter().map(|&(mut bytes)| {
            if is_big {
                bytes.reverse();
            }
            read(bytes)
        });
        numbers.collect()
    }
    Ok(match kind {
        1 => read(data, is_big, |bytes| i8::from_le_bytes(bytes).into()),
        3 => read(data, is_big, |bytes| i16::from_le_bytes(bytes).into()),
        4 => read(data, is_big, |bytes| u16::from_le_bytes(bytes).into()),
        5 => read(data, is_big, |bytes| i32::from_le_bytes(bytes).into()),
        6 => read(data, is_big, |bytes| u32::from_le_bytes(bytes).into()),
        7 => read(data, is_big, |bytes| f32::from_le_bytes(bytes).into()),
        9 => read(data, is_big, f64::from_le_bytes),
        12 => read(data, is_big, |bytes| i64::from_le_bytes(bytes) as f64),
        13 => read(data, is_big, |bytes| u64::from_le_bytes(bytes) as f64),
        _ => return Err(unknown(kind)),
    })
}

/// Size in bytes of a number of type `kind`.
pub(super) fn width(kind: u32) -> Result<u64, String> {
    match kind {
        1 | UINT8 => Ok(1),
        3 | 4 => Ok(2),
        5..=7 => Ok(4),
        9 | 12 | 13 => Ok(8),
        _ => Err(unknown(kind)),
    }
}

fn unknown(kind: u32) -> String {
    format!("numbers of the unknown type {kind}")
}

/// The tag of an element.
pub(super) struct Tag {
    pub(super) kind: u32,
    /// Number of bytes that follow the tag.
    pub(super) size: u64,
    /// The data of a small element, which is within the tag.
    pub(super) small: Vec<u8>,
}

pub(super) fn tag(source: &mut impl Read, is_big: bool) -> Result<Tag, String> {
    let mut tag = [0; 8];
    source.read_exact(&mut tag).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "truncated: ends in the middle of a tag".to_owned(),
        _ => damaged(&error),
    })?;
    let first = word(&tag, is_big);
    if first >> 16 == 0 {
        return Ok(Tag { kind: first, size: word(&tag[4..], is_big).into(), small: Vec::new() });
    }
    // A small element has its size in the upper half of the first word, and its data in the second.
    let size = (first >> 16) as usize;
    let small = tag[4..].get(..size).ok_or_else(|| format!("a small element of {size} bytes"))?;
    Ok(Tag { kind: first & 0xffff, size: 0, small: small.to_vec() })
}

/// Number of padding bytes after an element of `size` bytes.
pub(super) fn padding(size: u64) -> u64 {
    size.next_multiple_of(8) - size
}

/// A sequence of elements.
pub(super) struct Elements<R> {
    pub(super) source: io::Take<R>,
    pub(super) is_big: bool,
}

impl<R: Read> Elements<R> {
    /// Reads the next tag.
    pub(super) fn next(&mut self) -> Result<Tag, String> {
        let tag = tag(&mut self.source, self.is_big)?;
        match self.source.limit() {
            left if left < tag.size => Err(format!("truncated: {} bytes announced, {left} left", tag.size)),
            _ => Ok(tag),
        }
    }

    /// Reads the data of the next element, which must be one of those before the values of an array.
    pub(super) fn head(&mut self) -> Result<Vec<u8>, String> {
        let Tag { size, small, .. } = self.next()?;
        if size > LARGEST_HEAD {
            return Err(format!("an array whose flags, extents or name take {size} bytes"));
        }
        if size == 0 {
            return Ok(small);
        }
        let mut data = source::read(&mut self.source, size + padding(size)).map_err(|error| damaged(&error))?;
        if (data.len() as u64) < size {
            return Err(format!("truncated: {size} bytes announced, {} found", data.len()));
        }
        data.truncate(size as usize);
        Ok(data)
    }
}

pub(super) fn damaged(error: &io::Error) -> String {
    format!("the data is damaged ({error})")
}

/// Converts the first four of `bytes` to a number. Panics if there are fewer.
pub(super) fn word(bytes: &[u8], is_big: bool) -> u32 {
    let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
