//! The idx format of the MNIST family: a big-endian header (magic number, extents), then one byte a value; plain or
//! gzip.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::DataError;

/// Magic number of a file of images `[N, H, W]`.
pub const IMAGES: u32 = 2051;
/// Magic number of a file of labels `[N]`.
pub const LABELS: u32 = 2049;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Extents and values of an idx file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// `[N, H, W]` for images, `[N]` for labels; all greater than 0.
    pub extents: Vec<usize>,
    /// As many values as the extents say, row-major.
    pub values: Vec<u8>,
}

/// Bytes of a file, decompressed if it is gzip by its first two bytes (whatever its name).
///
/// # Errors
/// [`DataError::Read`] and [`DataError::Gzip`].
pub fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut decompressed = Vec::new();
    MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut decompressed)
        .map_err(|source| DataError::Gzip { path: path.to_owned(), source })?;
    Ok(decompressed)
}

/// Reads the decompressed `bytes` of `path` as an idx file of kind `magic`, [`IMAGES`] or [`LABELS`]. The low byte of
/// a magic number is the number of extents.
///
/// # Errors
/// [`DataError::Magic`], [`DataError::Truncated`], [`DataError::Trailing`] and [`DataError::Empty`].
pub fn parse(path: &Path, mut bytes: Vec<u8>, magic: u32) -> Result<Idx, DataError> {
    let found = bytes.len() as u64;
    let header = 4 + 4 * (magic as usize & 0xff);
    let truncated = |expected| DataError::Truncated { path: path.to_owned(), expected, found };

    let mut words = bytes.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    let first = words.next().ok_or_else(|| truncated(header as u64))?;
    if first != magic {
        return Err(wrong_magic(path, magic, first));
    }
    if bytes.len() < header {
        return Err(truncated(header as u64));
    }
    let extents: Vec<usize> = words.take(header / 4 - 1).map(|extent| extent as usize).collect();
    if extents.contains(&0) {
        return Err(DataError::Empty { path: path.to_owned(), extents });
    }
    let values = extents.iter().fold(1u64, |product, &extent| product.saturating_mul(extent as u64));
    let expected = values.saturating_add(header as u64);
    if found < expected {
        return Err(truncated(expected));
    }
    if found > expected {
        return Err(DataError::Trailing { path: path.to_owned(), expected, found });
    }
    bytes.drain(..header);
    Ok(Idx { extents, values: bytes })
}

fn wrong_magic(path: &Path, expected: u32, found: u32) -> DataError {
    let kind = if expected == IMAGES { "idx images" } else { "idx labels" };
    let hint = match found {
        IMAGES => "this is a file of images: check that files were not swapped",
        LABELS => "this is a file of labels: check that files were not swapped",
        _ => "this is not an idx file, perhaps a saved web page: download the file again",
    };
    DataError::Magic { path: path.to_owned(), kind, expected, found, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels 7, 8, 9.
    const THREE: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];

    fn message(bytes: &[u8], magic: u32) -> String {
        parse(Path::new("dir/file"), bytes.to_vec(), magic).unwrap_err().to_string()
    }

    #[test]
    fn labels_are_read() {
        let idx = parse(Path::new("file"), THREE.to_vec(), LABELS).unwrap();
        assert_eq!(idx, Idx { extents: vec![3], values: vec![7, 8, 9] });
    }

    #[test]
    fn images_are_read() {
        let bytes = [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
        let idx = parse(Path::new("file"), bytes, IMAGES).unwrap();
        assert_eq!(idx, Idx { extents: vec![1, 2, 2], values: vec![1, 2, 3, 4] });
    }

    #[test]
    fn a_swapped_file_is_named_as_such() {
        assert_eq!(
            message(&THREE, IMAGES),
            "dir/file: magic number 2049, expected 2051 for idx images; this is a file of labels: check that files \
             were not swapped"
        );
    }

    #[test]
    fn a_web_page_is_no_idx_file() {
        assert_eq!(
            message(b"<html>", LABELS),
            "dir/file: magic number 1013478509, expected 2049 for idx labels; this is not an idx file, perhaps a \
             saved web page: download the file again"
        );
    }

    #[test]
    fn a_missing_byte_is_counted() {
        assert_eq!(
            message(&THREE[..10], LABELS),
            "dir/file: truncated, 11 bytes expected, 10 found; download the file again"
        );
    }

    #[test]
    fn a_cut_header_is_counted() {
        for length in [0, 3, 4, 7] {
            let expected = format!("dir/file: truncated, 8 bytes expected, {length} found; download the file again");
            assert_eq!(message(&THREE[..length], LABELS), expected);
        }
    }

    #[test]
    fn a_byte_too_many_is_counted() {
        assert_eq!(
            message(&[&THREE[..], &[0]].concat(), LABELS),
            "dir/file: goes on after its last value, 11 bytes expected, 12 found; download the file again"
        );
    }

    #[test]
    fn a_file_without_values_is_refused() {
        assert_eq!(
            message(&[0, 0, 8, 1, 0, 0, 0, 0], LABELS),
            "dir/file: extents [0] hold no value; download the file again"
        );
    }

    #[test]
    fn huge_extents_do_not_overflow() {
        let bytes = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
        assert_eq!(
            message(&bytes, IMAGES),
            "dir/file: truncated, 18446744073709551615 bytes expected, 16 found; download the file again"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = bytes(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(message.starts_with("no/such/file: cannot be read (No such file or directory"), "{message}");
        assert!(message.ends_with("; check that the file exists and that you may read it"), "{message}");
    }
}
