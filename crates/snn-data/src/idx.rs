//! The idx format of the MNIST family: a big-endian header (magic number, extents), then one byte per value; plain or
//! gzip.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::checksum::md5_of;
use crate::source::OpenFile;
use crate::{DataError, kind_of_file};

/// Magic number of a file of images `[N, H, W]`.
pub const IMAGES: u32 = 2051;
/// Magic number of a file of labels `[N]`.
pub const LABELS: u32 = 2049;

/// An idx file whose header has been read. Its extents can be checked before its values take any memory.
#[derive(Debug)]
pub struct IdxFile {
    path: PathBuf,
    extents: Vec<usize>,
    /// The bytes of the header.
    header: Vec<u8>,
    /// The stream of the values.
    source: OpenFile,
}

/// Opens the file at `path`, decompressing it if it is gzip, and reads its header. `magic` is the expected kind of idx
/// file: [`IMAGES`] or [`LABELS`]. The low byte of a magic number is the number of extents.
///
/// # Errors
/// [`DataError::Read`], [`DataError::Gzip`], [`DataError::Magic`], [`DataError::Truncated`], [`DataError::Empty`] and,
/// if the extents are impossibly large, [`DataError::Content`].
pub fn open(path: &Path, magic: u32) -> Result<IdxFile, DataError> {
    let mut source = OpenFile::open(path)?;
    let size = 4 + 4 * (u64::from(magic) & 0xff);
    let header = source.up_to(size)?;
    let mut words = header.as_chunks::<4>().0.iter().map(|&word| u32::from_be_bytes(word));
    match words.next() {
        Some(first) if first != magic => return Err(wrong_magic(path, magic, first)),
        _ if (header.len() as u64) < size => {
            return Err(DataError::Truncated { path: path.to_owned(), expected: size, found: header.len() as u64 });
        }
        _ => {}
    }
    let extents: Vec<usize> = words.map(|extent| extent as usize).collect();
    if extents.contains(&0) {
        return Err(DataError::Empty { path: path.to_owned(), extents });
    }
    if bytes(&header, &extents).is_none() {
        let reason = format!("the header announces the extents {extents:?}, which cannot be");
        return Err(DataError::Content { what: path.display().to_string(), reason });
    }
    Ok(IdxFile { path: path.to_owned(), extents, header, source })
}

/// Size of the whole file in bytes.
fn bytes(header: &[u8], extents: &[usize]) -> Option<u64> {
    let values = extents.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent as u64))?;
    values.checked_add(header.len() as u64)
}

impl IdxFile {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The extents: `[N, H, W]` for images, `[N]` for labels; all greater than 0.
    pub fn extents(&self) -> &[usize] {
        &self.extents
    }

    /// Reads all values, row-major, and computes the md5 of the whole file after decompression.
    ///
    /// # Errors
    /// [`DataError::Read`], [`DataError::Gzip`], [`DataError::Truncated`] and [`DataError::Trailing`].
    pub fn values(mut self) -> Result<(Vec<u8>, String), DataError> {
        let expected = bytes(&self.header, &self.extents).unwrap_or(u64::MAX);
        let count = expected - self.header.len() as u64;
        let values = self.source.up_to(count)?;
        let path = self.path.clone();
        if (values.len() as u64) < count {
            let found = (self.header.len() + values.len()) as u64;
            return Err(DataError::Truncated { path, expected, found });
        }
        // Reading past the end makes the decompressor verify the gzip checksum.
        if !self.source.up_to(1)?.is_empty() {
            return Err(DataError::Trailing { path, expected });
        }
        let md5 = md5_of(&mut self.header.chain(&values[..]));
        Ok((values, md5.map_err(|source| DataError::Read { path, source })?))
    }

    /// Reads the values of the samples with these indices in the first extent, which must be ascending. The rest of
    /// the file after the last of them is not read.
    ///
    /// # Errors
    /// [`DataError::Read`], [`DataError::Gzip`] and [`DataError::Truncated`].
    pub fn values_of(mut self, samples: &[u32]) -> Result<Vec<u8>, DataError> {
        let size = self.extents[1..].iter().product::<usize>() as u64;
        let mut values = Vec::with_capacity(samples.len() * size as usize);
        let mut next = 0;
        for &sample in samples {
            let sample = u64::from(sample);
            self.source.skip((sample - next) * size)?;
            let found = self.source.up_to(size)?;
            if (found.len() as u64) < size {
                let expected = bytes(&self.header, &self.extents).unwrap_or(u64::MAX);
                let found = self.header.len() as u64 + sample * size + found.len() as u64;
                return Err(DataError::Truncated { path: self.path, expected, found });
            }
            values.extend(found);
            next = sample + 1;
        }
        Ok(values)
    }
}

fn wrong_magic(path: &Path, expected: u32, found: u32) -> DataError {
    let kind = if expected == IMAGES { "idx images" } else { "idx labels" };
    let hint = match (found, kind_of_file(path)) {
        (IMAGES, _) => "this is a file of images: check that files were not swapped".to_owned(),
        (LABELS, _) => "this is a file of labels: check that files were not swapped".to_owned(),
        (_, Some(kind)) => format!("this is {kind}, which is not read in its place"),
        (_, None) => "this is not an idx file".to_owned(),
    };
    DataError::Magic { path: path.to_owned(), kind, expected, found, hint }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::{fs, iter};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Labels 7, 8, 9.
    const THREE: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];

    /// Extents and values of a file of these bytes.
    fn read(bytes: &[u8], magic: u32) -> Result<(Vec<usize>, Vec<u8>), String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, bytes).unwrap();
        let read = open(&path, magic).and_then(|file| Ok((file.extents().to_vec(), file.values()?.0)));
        read.map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "dir"))
    }

    fn message(bytes: &[u8], magic: u32) -> String {
        read(bytes, magic).unwrap_err()
    }

    #[test]
    fn labels_are_read() {
        assert_eq!(read(&THREE, LABELS).unwrap(), (vec![3], vec![7, 8, 9]));
    }

    #[test]
    fn images_are_read() {
        let bytes = [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
        assert_eq!(read(&bytes, IMAGES).unwrap(), (vec![1, 2, 2], vec![1, 2, 3, 4]));
    }

    #[test]
    fn chosen_samples_are_read_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let bytes = [&[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4, 5, 6, 7]].concat();
        fs::write(&path, bytes).unwrap();
        let values = |samples: &[u32]| open(&path, IMAGES).unwrap().values_of(samples);
        assert_eq!(values(&[0, 2]).unwrap(), [1, 2, 5, 6]);
        let message = values(&[1, 3]).unwrap_err().to_string();
        assert!(
            message.ends_with("truncated, 34 bytes expected, 23 found; take a whole copy of the file"),
            "{message}"
        );
    }

    #[test]
    fn md5_is_that_of_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), THREE).unwrap();
        let (_, md5) = open(&dir.path().join("file"), LABELS).unwrap().values().unwrap();
        assert_eq!(md5, md5_of(&mut &THREE[..]).unwrap());
    }

    #[test]
    fn what_is_compressed_without_end_is_read_no_further_than_announced() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&THREE).unwrap();
        iter::repeat_n([0; 1 << 13], 1 << 13).for_each(|zeros| gzip.write_all(&zeros).unwrap());
        let bomb = gzip.finish().unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), bomb).unwrap();
        let mut file = open(&dir.path().join("file"), LABELS).unwrap();
        let values = file.source.up_to(3).unwrap();
        assert_eq!((&values[..], values.capacity()), (&[7, 8, 9][..], 3));
        let error = open(&dir.path().join("file"), LABELS).unwrap().values().unwrap_err();
        assert!(matches!(error, DataError::Trailing { expected: 11, .. }), "{error}");
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
            "dir/file: magic number 1013478509, expected 2049 for idx labels; this is a web page, which is not \
             read in its place"
        );
    }

    #[test]
    fn a_missing_byte_is_counted() {
        assert_eq!(
            message(&THREE[..10], LABELS),
            "dir/file: truncated, 11 bytes expected, 10 found; take a whole copy of the file"
        );
    }

    #[test]
    fn a_cut_header_is_counted() {
        for length in [0, 3, 4, 7] {
            let expected =
                format!("dir/file: truncated, 8 bytes expected, {length} found; take a whole copy of the file");
            assert_eq!(message(&THREE[..length], LABELS), expected);
        }
    }

    #[test]
    fn a_byte_too_many_is_counted() {
        assert_eq!(
            message(&[&THREE[..], &[0]].concat(), LABELS),
            "dir/file: goes on after its last value, 11 bytes expected and more found; this is not the file that is meant, \
             or something was added to it"
        );
    }

    #[test]
    fn a_file_without_values_is_refused() {
        assert_eq!(message(&[0, 0, 8, 1, 0, 0, 0, 0], LABELS), "dir/file: extents [0] hold no value");
    }

    #[test]
    fn huge_extents_are_refused() {
        let bytes = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
        assert_eq!(
            message(&bytes, IMAGES),
            "dir/file: the header announces the extents [4294967295, 4294967295, 4294967295], which cannot be"
        );
        let bytes = [&[0, 0, 8, 1][..], &[0xff; 4]].concat();
        assert_eq!(
            message(&bytes, LABELS),
            "dir/file: truncated, 4294967303 bytes expected, 8 found; take a whole copy of the file"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = open(Path::new("no/such/file"), LABELS).unwrap_err().to_string();
        assert!(message.starts_with("no/such/file: cannot be read (No such file or directory"), "{message}");
        assert!(message.ends_with("; check that the file exists and that you may read it"), "{message}");
    }
}
