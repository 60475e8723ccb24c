//! MATLAB 5 files (`.mat`, as MATLAB saves with `-v6` and `-v7`): the numeric arrays in them, of either byte order,
//! compressed or not.
//!
//! A file is a header of 128 bytes and then elements; each has a tag (its type and its size in bytes), the data, and
//! padding to a multiple of 8 bytes. An array is an element of elements: flags, extents, name, values. A compressed
//! element is the zlib stream of another one.

use std::io::Read as _;
use std::path::Path;

use flate2::bufread::ZlibDecoder;

use crate::DataError;

/// A numeric array of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Name of the variable.
    pub name: String,
    /// Extents; the values are in column-major order: the first index runs fastest.
    pub extents: Vec<usize>,
    /// As many values as the extents say.
    pub values: Values,
}

/// Values of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Those of an array that is stored as bytes.
    Bytes(Vec<u8>),
    /// Those of any other.
    Numbers(Vec<f64>),
}

const HEADER: usize = 128;

/// Types of elements.
const UINT8: u32 = 2;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Classes of arrays that hold numbers: from `double` to `uint64`.
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;

/// Reads the numeric arrays in the `bytes` of `path`, in their order; arrays of other classes are skipped.
///
/// # Errors
/// [`DataError::Content`] if it is no such file, or a damaged one.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Array>, DataError> {
    arrays(bytes).map_err(|reason| {
        let reason = format!("{reason}; download the file again");
        DataError::Content { what: path.display().to_string(), reason }
    })
}

fn arrays(bytes: &[u8]) -> Result<Vec<Array>, String> {
    if bytes.starts_with(b"MATLAB 7.3") {
        return Err("a MATLAB 7.3 file, which is HDF5; MATLAB 5 (save with -v7) is read".to_owned());
    }
    let is_big = match bytes.get(HEADER - 2..HEADER) {
        Some(b"IM") => false,
        Some(b"MI") => true,
        Some(_) => return Err("not a MATLAB 5 file, perhaps a saved web page".to_owned()),
        None => return Err(format!("{} bytes are too few for a MATLAB 5 file", bytes.len())),
    };
    let mut elements = Elements { rest: &bytes[HEADER..], is_big };
    let mut arrays = Vec::new();
    while !elements.rest.is_empty() {
        let (kind, data) = elements.next()?;
        match kind {
            MATRIX => arrays.extend(array(Elements { rest: data, is_big })?),
            COMPRESSED => {
                let bytes = decompressed(data, is_big)?;
                let (kind, data) = Elements { rest: &bytes, is_big }.next()?;
                if kind == MATRIX {
                    arrays.extend(array(Elements { rest: data, is_big })?);
                }
            }
            _ => {}
        }
    }
    Ok(arrays)
}

/// The one element in a zlib stream, and no byte beyond it.
fn decompressed(stream: &[u8], is_big: bool) -> Result<Vec<u8>, String> {
    let damaged = |error| format!("the compressed data is damaged ({error})");
    let mut decoder = ZlibDecoder::new(stream);
    let mut bytes = vec![0; 8];
    decoder.read_exact(&mut bytes).map_err(damaged)?;
    let size = word(&bytes[4..], is_big);
    decoder.take(size.into()).read_to_end(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// The array whose parts are `parts`; none if it does not hold numbers.
fn array(mut parts: Elements<'_>) -> Result<Option<Array>, String> {
    let is_big = parts.is_big;
    let (_, flags) = parts.next()?;
    let class = flags.get(..4).map(|flags| word(flags, is_big) as u8).ok_or("an array without flags")?;
    if !NUMERIC.contains(&class) {
        return Ok(None);
    }
    let (_, extents) = parts.next()?;
    let extents: Vec<usize> = extents.chunks_exact(4).map(|extent| word(extent, is_big) as usize).collect();
    let (_, name) = parts.next()?;
    let name = String::from_utf8_lossy(name).into_owned();
    let (kind, data) = parts.next()?;
    let values =
        if kind == UINT8 { Values::Bytes(data.to_vec()) } else { Values::Numbers(numbers(kind, data, is_big)?) };
    let found = match &values {
        Values::Bytes(bytes) => bytes.len(),
        Values::Numbers(numbers) => numbers.len(),
    };
    let expected = extents.iter().fold(1_usize, |product, &extent| product.saturating_mul(extent));
    if found != expected {
        return Err(format!("the array {name} of extents {extents:?} should have {expected} values, {found} found"));
    }
    Ok(Some(Array { name, extents, values }))
}

/// Numbers of a type, as they lie in memory.
fn numbers(kind: u32, data: &[u8], is_big: bool) -> Result<Vec<f64>, String> {
    /// Numbers of `SIZE` bytes each, which `read` takes in little-endian order.
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
        _ => return Err(format!("numbers of the unknown type {kind}")),
    })
}

/// Elements that follow each other.
struct Elements<'a> {
    rest: &'a [u8],
    is_big: bool,
}

impl<'a> Elements<'a> {
    /// Type and data of the next element.
    fn next(&mut self) -> Result<(u32, &'a [u8]), String> {
        let (tag, rest) = self.rest.split_at_checked(8).ok_or("truncated: ends in the middle of a tag")?;
        let first = word(tag, self.is_big);
        if first >> 16 != 0 {
            // A small element: the size in the upper half of the first word, the data in the second.
            self.rest = rest;
            let size = (first >> 16) as usize;
            let data = tag[4..].get(..size).ok_or_else(|| format!("a small element of {size} bytes"))?;
            return Ok((first & 0xffff, data));
        }
        let size = word(&tag[4..], self.is_big) as usize;
        let truncated = || format!("truncated: {size} bytes announced, {} left", rest.len());
        let (data, rest) = rest.split_at_checked(size).ok_or_else(truncated)?;
        let padding = if first == COMPRESSED { 0 } else { size.next_multiple_of(8) - size };
        self.rest = &rest[padding.min(rest.len())..];
        Ok((first, data))
    }
}

/// The first four of `bytes` as a number; there must be that many.
fn word(bytes: &[u8], is_big: bool) -> u32 {
    let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = include_bytes!("../tests/samples/svhn_first20.mat");
    const COMPRESSED_SAMPLE: &[u8] = include_bytes!("../tests/samples/svhn_first20_compressed.mat");

    fn read(bytes: &[u8]) -> Result<Vec<Array>, String> {
        parse(Path::new("file.mat"), bytes).map_err(|error| error.to_string())
    }

    /// An element in big-endian order.
    fn big(kind: u32, data: &[u8]) -> Vec<u8> {
        let padding = vec![0; data.len().next_multiple_of(8) - data.len()];
        [&kind.to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), data, &padding].concat()
    }

    #[test]
    fn arrays_are_the_same_compressed_or_not() {
        let (plain, compressed) = (read(PLAIN).unwrap(), read(COMPRESSED_SAMPLE).unwrap());
        assert_eq!((plain[0].name.as_str(), &plain[0].extents[..]), ("X", &[32, 32, 3, 20][..]));
        assert_eq!(plain[0], compressed[0]);
        let labels = [1, 9, 2, 3, 2, 5, 9, 3, 3, 1, 3, 3, 2, 8, 7, 4, 4, 1, 2, 8];
        assert_eq!(plain[1].values, Values::Bytes(labels.to_vec()));
        assert_eq!(compressed[1].values, Values::Numbers(labels.map(f64::from).to_vec()), "doubles in this file");
    }

    #[test]
    fn big_endian_files_with_small_elements_are_read() {
        let flags = big(6, &[0, 0, 0, 10, 0, 0, 0, 0]);
        let name = [0, 1, 0, 1, b'y', 0, 0, 0]; // type 1 and size 1 share the first word
        let parts = [&flags[..], &big(5, &[0, 0, 0, 1, 0, 0, 0, 2]), &name, &big(3, &[0, 7, 0xff, 0xff])].concat();
        let text = [&[b' '; 124][..], &[1, 0], b"MI"].concat();
        let words = big(4, &[b'?'; 3]); // an array of characters' text, or whatever else: skipped
        let file = [text, words, big(MATRIX, &parts)].concat();
        let expected = Array { name: "y".to_owned(), extents: vec![1, 2], values: Values::Numbers(vec![7.0, -1.0]) };
        assert_eq!(read(&file).unwrap(), [expected]);
    }

    #[test]
    fn what_is_no_such_file_is_said_plainly() {
        assert_eq!(
            read(b"<html>").unwrap_err(),
            "file.mat: 6 bytes are too few for a MATLAB 5 file; download the file again"
        );
        assert!(read(&[b'<'; 500]).unwrap_err().contains("not a MATLAB 5 file, perhaps a saved web page"));
        let hdf5 = [&b"MATLAB 7.3 MAT-file"[..], &[b' '; 200]].concat();
        assert!(read(&hdf5).unwrap_err().contains("a MATLAB 7.3 file, which is HDF5"));
    }

    #[test]
    fn truncated_files_are_errors() {
        for (file, step) in [(PLAIN, 997), (COMPRESSED_SAMPLE, 397)] {
            let second = file.len() - 70; // within the second array
            for length in (0..file.len()).step_by(step).chain(second..file.len() - 10) {
                match read(&file[..length]) {
                    Ok(arrays) => assert!(arrays.len() < 2, "{length}"),
                    Err(error) => assert!(error.contains("download the file again"), "{error}"),
                }
            }
        }
    }

    #[test]
    fn damaged_files_never_panic() {
        for file in [PLAIN, COMPRESSED_SAMPLE] {
            for at in (0..400).chain(file.len() - 400..file.len()) {
                for flip in [1, 0x80, 0xff] {
                    let mut damaged = file.to_vec();
                    damaged[at] ^= flip;
                    read(&damaged).ok();
                }
            }
        }
    }
}
