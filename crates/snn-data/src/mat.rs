//! MATLAB 5 files (`.mat`, as MATLAB saves with `-v6` and `-v7`): reads their numeric arrays, in either byte order,
//! compressed or not.
//!
//! A file has a header of 128 bytes, followed by elements. Each element has a tag (its type and its size in bytes),
//! the data, and padding to a multiple of 8 bytes. An array is an element made of elements: flags, extents, name,
//! values. A compressed element is the zlib stream of another element.

mod elements;

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::ZlibDecoder;

use snn_core::text;

use crate::{DataError, kind_of, open_file, source};

use elements::{Elements, Tag, damaged, numbers, padding, tag, width, word};

/// A request for an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Name of the variable.
    pub name: &'a str,
    /// The values to read; `None` for all.
    pub blocks: Option<Blocks<'a>>,
}

/// A selection of the values of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a> {
    /// Number of values of a block.
    pub size: usize,
    /// Indices of the blocks, ascending; those beyond the array are ignored.
    pub which: &'a [u32],
}

/// A numeric array of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Name of the variable.
    pub name: String,
    /// Extents. The values are in column-major order: the first index varies fastest.
    pub extents: Vec<usize>,
    /// The values: all of them, or those that were requested.
    pub values: MatValues,
}

/// The values of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum MatValues {
    /// Values of an array of bytes.
    Bytes(Vec<u8>),
    /// Values of an array of any other type.
    Numbers(Vec<f64>),
}

const HEADER: usize = 128;

/// Types of elements.
const UINT8: u32 = 2;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Array classes that hold numbers: from `double` to `uint64`.
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;

/// Flag of an array with imaginary parts.
const COMPLEX: u32 = 0x0800;

/// Maximum size of an array in bytes; MATLAB writes only smaller ones.
const LARGEST: u64 = 1 << 31;
/// Maximum size in bytes of an array whose values are converted to eight-byte numbers.
const LARGEST_NUMBERS: u64 = 1 << 27;

/// Reads the numeric arrays of the file at `path` that are in `wanted`, in the order of the file.
///
/// # Errors
/// [`DataError::Read`]; [`DataError::Content`] if it is not a MATLAB 5 file, or is damaged.
pub fn read(path: &Path, wanted: &[Wanted<'_>]) -> Result<Vec<Array>, DataError> {
    let unreadable = |source| DataError::Read { path: path.to_owned(), source };
    let file = open_file(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    arrays(BufReader::new(file), length, wanted)
        .map_err(|reason| DataError::Content { what: path.display().to_string(), reason })
}

/// Reads the arrays in a file of `length` bytes.
fn arrays(mut file: impl BufRead, length: u64, wanted: &[Wanted<'_>]) -> Result<Vec<Array>, String> {
    let header = source::read(&mut file, HEADER as u64).map_err(|error| damaged(&error))?;
    if header.starts_with(b"MATLAB 7.3") {
        return Err("a MATLAB 7.3 file, which is HDF5; MATLAB 5 (save with -v7) is read".to_owned());
    }
    let is_big = match header.get(HEADER - 2..) {
        Some(b"IM") => false,
        Some(b"MI") => true,
        Some(_) => {
            let kind = kind_of(&header).map_or_else(String::new, |kind| format!(": this is {kind}"));
            return Err(format!("not a MATLAB 5 file{kind}"));
        }
        None => {
            let kind = kind_of(&header).map_or_else(String::new, |kind| format!(": this is {kind}"));
            return Err(format!("{} bytes are too few for a MATLAB 5 file{kind}", header.len()));
        }
    };
    let mut elements = Elements { source: file.take(length.saturating_sub(HEADER as u64)), is_big };
    let mut arrays = Vec::new();
    while elements.source.limit() > 0 {
        let Tag { kind, size, .. } = elements.next()?;
        let padding = if kind == COMPRESSED { 0 } else { padding(size) };
        let behind = elements.source.limit().saturating_sub(size + padding);
        let element = (&mut elements.source).take(size);
        match kind {
            MATRIX => add(&mut arrays, array(Elements { source: element, is_big }, wanted)?)?,
            COMPRESSED => add(&mut arrays, compressed(element, is_big, wanted)?)?,
            _ => {}
        }
        let rest = elements.source.limit() - behind;
        io::copy(&mut (&mut elements.source).take(rest), &mut io::sink()).map_err(|error| damaged(&error))?;
    }
    Ok(arrays)
}

/// Adds an array; it is an error if there is one with the same name.
fn add(arrays: &mut Vec<Array>, array: Option<Array>) -> Result<(), String> {
    match array {
        Some(array) if arrays.iter().any(|other| other.name == array.name) => {
            Err(format!("holds two arrays called {}", array.name))
        }
        array => {
            arrays.extend(array);
            Ok(())
        }
    }
}

/// Reads the array in a zlib stream, which contains one element.
fn compressed(stream: impl BufRead, is_big: bool, wanted: &[Wanted<'_>]) -> Result<Option<Array>, String> {
    let mut decoder = ZlibDecoder::new(stream);
    let Tag { kind, size, .. } = tag(&mut decoder, is_big)?;
    if kind != MATRIX {
        return Ok(None);
    }
    let array = array(Elements { source: (&mut decoder).take(size), is_big }, wanted)?;
    // After the last value only padding follows. Reading it makes zlib verify its checksum.
    source::read(&mut decoder, 8).map_err(|error| damaged(&error))?;
    Ok(array)
}

/// Reads the array with the elements `parts`; `None` if it does not hold numbers, or is not wanted.
fn array(mut parts: Elements<impl Read>, wanted: &[Wanted<'_>]) -> Result<Option<Array>, String> {
    let is_big = parts.is_big;
    let flags = parts.head()?;
    let flags = flags.get(..4).map(|flags| word(flags, is_big)).ok_or("an array without flags")?;
    let class = flags as u8;
    if !NUMERIC.contains(&class) {
        return Ok(None);
    }
    let extents: Vec<usize> = parts.head()?.chunks_exact(4).map(|extent| word(extent, is_big) as usize).collect();
    let name = String::from_utf8_lossy(&parts.head()?).into_owned();
    let Some(blocks) = wanted.iter().find(|wanted| wanted.name == name).map(|wanted| wanted.blocks) else {
        return Ok(None);
    };
    if flags & COMPLEX != 0 {
        return Err(format!("the array {name} holds complex numbers"));
    }
    let Tag { kind, size, small } = parts.next()?;
    let width = width(kind)?;
    let found = (if small.is_empty() { size } else { small.len() as u64 }) / width;
    let expected = extents.iter().fold(1_u64, |product, &extent| product.saturating_mul(extent as u64));
    if found != expected {
        return Err(format!(
            "the array {name} of extents {} should have {expected} values, {found} found",
            text::extents(&extents)
        ));
    }
    if size >= if kind == UINT8 { LARGEST } else { LARGEST_NUMBERS } {
        return Err(format!("the array {name} of extents {} is too large", text::extents(&extents)));
    }
    let size_of_block = blocks.map_or(found, |blocks| blocks.size as u64);
    let which: Vec<u64> = match blocks {
        Some(blocks) => {
            let all = found / size_of_block.max(1);
            blocks.which.iter().map(|&block| u64::from(block)).filter(|&block| block < all).collect()
        }
        None => vec![0],
    };
    let mut small = small.as_slice();
    let mut source: Box<dyn Read + '_> =
        if small.is_empty() { Box::new(&mut parts.source) } else { Box::new(&mut small) };
    let bytes = size_of_block * width;
    let mut data = Vec::new();
    let mut next = 0;
    for block in which {
        let passed = (block - next) * bytes;
        io::copy(&mut (&mut source).take(passed), &mut io::sink()).map_err(|error| damaged(&error))?;
        let mut values = source::read(&mut source, bytes).map_err(|error| damaged(&error))?;
        if (values.len() as u64) < bytes {
            return Err(format!("truncated: {size} bytes announced, {} found", block * bytes + values.len() as u64));
        }
        if data.is_empty() {
            data = values;
        } else {
            data.append(&mut values);
        }
        next = block + 1;
    }
    drop(source);
    data.shrink_to_fit();
    let values = if kind == UINT8 { MatValues::Bytes(data) } else { MatValues::Numbers(numbers(kind, &data, is_big)?) };
    Ok(Some(Array { name, extents, values }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    const PLAIN: &[u8] = include_bytes!("../tests/samples/svhn_first20.mat");
    const COMPRESSED_SAMPLE: &[u8] = include_bytes!("../tests/samples/svhn_first20_compressed.mat");

    /// Both arrays that the tests are about.
    const WANTED: [Wanted<'_>; 2] = [Wanted { name: "X", blocks: None }, Wanted { name: "y", blocks: None }];

    fn read(bytes: &[u8]) -> Result<Vec<Array>, String> {
        arrays(bytes, bytes.len() as u64, &WANTED)
    }

    /// A zlib stream of `bytes` as an element.
    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut stream = ZlibEncoder::new(Vec::new(), Compression::fast());
        stream.write_all(bytes).unwrap();
        let stream = stream.finish().unwrap();
        [&COMPRESSED.to_be_bytes()[..], &(stream.len() as u32).to_be_bytes(), &stream].concat()
    }

    /// A big-endian file of elements.
    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        [[&[b' '; 124][..], &[1, 0], b"MI"].concat(), elements.concat()].concat()
    }

    /// The parts of an array before its values.
    fn head(name: u8, extents: [u32; 2]) -> Vec<u8> {
        let extents = extents.map(u32::to_be_bytes).concat();
        [big(6, &[0, 0, 0, 9, 0, 0, 0, 0]), big(5, &extents), vec![0, 1, 0, 1, name, 0, 0, 0]].concat()
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
        assert_eq!(plain[1].values, MatValues::Bytes(labels.to_vec()));
        assert_eq!(compressed[1].values, MatValues::Numbers(labels.map(f64::from).to_vec()), "doubles in this file");
    }

    #[test]
    fn big_endian_files_with_small_elements_are_read() {
        let flags = big(6, &[0, 0, 0, 10, 0, 0, 0, 0]);
        let name = [0, 1, 0, 1, b'y', 0, 0, 0]; // type 1 and size 1 share the first word
        let parts = [&flags[..], &big(5, &[0, 0, 0, 1, 0, 0, 0, 2]), &name, &big(3, &[0, 7, 0xff, 0xff])].concat();
        let text = [&[b' '; 124][..], &[1, 0], b"MI"].concat();
        let words = big(4, &[b'?'; 3]); // an array of characters' text, or whatever else: skipped
        let file = [text, words, big(MATRIX, &parts)].concat();
        let expected = Array { name: "y".to_owned(), extents: vec![1, 2], values: MatValues::Numbers(vec![7.0, -1.0]) };
        assert_eq!(read(&file).unwrap(), [expected]);
    }

    #[test]
    fn what_is_no_such_file_is_said_plainly() {
        assert_eq!(read(b"<html>").unwrap_err(), "6 bytes are too few for a MATLAB 5 file: this is a web page");
        assert!(read(&[b'<'; 500]).unwrap_err().contains("not a MATLAB 5 file"));
        let page = [&b"<!doctype html>"[..], &[b' '; 200]].concat();
        assert_eq!(read(&page).unwrap_err(), "not a MATLAB 5 file: this is a web page");
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
                    Err(error) => assert!(!error.is_empty()),
                }
            }
        }
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let values: Vec<u8> = (0..=255).collect();
        let array = |name| big(MATRIX, &[head(name, [2, 128]), big(UINT8, &values)].concat());
        let some = [Wanted { name: "X", blocks: Some(Blocks { size: 3, which: &[0, 2, 84, 85, 99] }) }];
        for both in [file(&[array(b'a'), array(b'X')]), file(&[zlib(&array(b'a')), zlib(&array(b'X'))])] {
            let found = arrays(&both[..], both.len() as u64, &some).unwrap();
            let bytes = MatValues::Bytes(vec![0, 1, 2, 6, 7, 8, 252, 253, 254]);
            let expected = Array { name: "X".into(), extents: vec![2, 128], values: bytes };
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_comes() {
        let size = 0x7fff_ff80_u32;
        let values = [UINT8.to_be_bytes(), size.to_be_bytes()].concat();
        let parts = [head(b'X', [16, size / 16]), values].concat();
        let matrix = [&MATRIX.to_be_bytes()[..], &u32::MAX.to_be_bytes(), &parts, &[7; 999]].concat();
        let error = read(&file(&[zlib(&matrix)])).unwrap_err();
        assert_eq!(error, "truncated: 2147483520 bytes announced, 999 found");
        let numbers = [head(b'X', [16, size / 128]), [9, size].map(u32::to_be_bytes).concat()].concat();
        let matrix = [&MATRIX.to_be_bytes()[..], &u32::MAX.to_be_bytes(), &numbers].concat();
        let error = read(&file(&[zlib(&matrix)])).unwrap_err();
        assert_eq!(error, "the array X of extents [16, 16777215] is too large");
    }

    #[test]
    fn repeated_and_complex_arrays_are_refused() {
        let array = |flags: u8| {
            let mut head = head(b'X', [2, 4]);
            head[10] = flags;
            big(MATRIX, &[head, big(UINT8, b"12345678")].concat())
        };
        assert!(read(&file(&[array(0)])).is_ok());
        assert_eq!(read(&file(&[array(0), zlib(&array(0))])).unwrap_err(), "holds two arrays called X");
        assert_eq!(read(&file(&[array(8)])).unwrap_err(), "the array X holds complex numbers");
    }

    #[test]
    fn a_changed_value_fails_the_checksum_of_zlib() {
        let mut stream = zlib(&big(MATRIX, &[head(b'X', [2, 4]), big(UINT8, b"12345678")].concat()));
        *stream.last_mut().unwrap() ^= 1;
        let error = read(&file(&[stream])).unwrap_err();
        assert!(error.starts_with("the data is damaged ("), "{error}");
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
