//! Detects the kind of a file by its first bytes, for error messages: users name a file of another kind more often
//! than a damaged one.

use std::io::Read as _;
use std::path::Path;

use crate::open_file;

/// Number of bytes that [`kind_of`] looks at.
pub const HEAD: usize = 512;

/// Kinds of files that start with a signature of their own.
const MARKS: &[(&[u8], &str)] = &[
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (as of NIR, Keras or MATLAB 7.3)"),
    (b"MATLAB 7.3", "a MATLAB 7.3 file, which is HDF5"),
    (b"MATLAB 5.0", "a MATLAB 5 file"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"GGUF", "a GGUF file"),
    (b"#!AER-DAT", "a recording of events in the AEDAT format"),
    (b"\0\0\x08\x01", "an idx file of labels"),
    (b"\0\0\x08\x03", "an idx file of images"),
    (b"version https://git-lfs", "a pointer of Git LFS, in place of the file itself (git lfs pull fetches it)"),
];

/// Returns the kind of a file that begins with `bytes`, in words that can follow "this is"; `None` if it is not known.
/// Looks at most at the first [`HEAD`] bytes; fewer are enough.
pub fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    let bytes = &bytes[..bytes.len().min(HEAD)];
    let marked = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|&(_, kind)| kind);
    marked
        .or_else(|| is_safetensors(bytes).then_some("a safetensors file"))
        .or_else(|| zip_kind(bytes))
        .or_else(|| pickle_kind(bytes))
        .or_else(|| is_onnx(bytes).then_some("an ONNX model"))
        .or_else(|| (bytes.get(257..262) == Some(b"ustar")).then_some("a tar archive"))
        .or_else(|| is_html(bytes).then_some("a web page"))
}

/// As [`kind_of`], for the file at `path`; also `None` if the file cannot be read.
pub fn kind_of_file(path: &Path) -> Option<&'static str> {
    let mut head = Vec::new();
    open_file(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head)).ok()?;
    kind_of(&head)
}

/// Whether the bytes start with the size of a header and then the header in JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    let size = bytes.first_chunk().map(|&size| u64::from_le_bytes(size));
    size.is_some_and(|size| (2..1 << 32).contains(&size)) && bytes.get(8) == Some(&b'{')
}

/// The kind of a zip archive, by the name of its first file.
fn zip_kind(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"PK\x05\x06") {
        return Some("an empty zip archive");
    }
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let length = bytes.get(26..28).map_or(0, |length| usize::from(u16::from_le_bytes([length[0], length[1]])));
    let name = bytes.get(30..).map_or(&[][..], |rest| &rest[..length.min(rest.len())]);
    Some(match name {
        name if name.ends_with(b".npy") => "an archive of NumPy arrays (.npz)",
        name if name.ends_with(b"data.pkl") || name.ends_with(b".format_version") => "a PyTorch file (.pt, .pth)",
        _ => "a zip archive",
    })
}

/// The kind of a pickle. Pickles start with their protocol; in PyTorch's format before zip a magic number follows.
fn pickle_kind(bytes: &[u8]) -> Option<&'static str> {
    const TORCH: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";
    /// Opcodes that can follow: a frame, an empty dict, list or tuple, a mark, a global, a number.
    const NEXT: &[u8] = b"\x95}])(c\x8a";
    match bytes {
        [0x80, 2..=5, rest @ ..] if rest.starts_with(TORCH) => Some("a PyTorch file (.pt, .pth)"),
        [0x80, 2..=5, next, ..] if NEXT.contains(next) => Some("a Python pickle"),
        [b'(', b'd' | b'l', b'p', ..] => Some("a Python pickle"),
        _ => None,
    }
}

/// Whether the bytes start as an ONNX model in protobuf: with the version, then the producer's name, the domain, or
/// the graph.
fn is_onnx(bytes: &[u8]) -> bool {
    match *bytes {
        [8, 1..=30, 0x12, length, ref name @ ..] => {
            let name = &name[..name.len().min(length.into())];
            (1..64).contains(&length) && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        }
        [8, 1..=30, 0x22 | 0x3a, ..] => true,
        _ => false,
    }
}

fn is_html(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let starts = |with: &str| text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()));
    starts("<!doctype html") || starts("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip archive up to the name of its first file.
    fn zip(name: &str) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(26, 0);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(name.bytes());
        bytes
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, expected) in [
            (b"\x89HDF\r\n\x1a\n\0\0".to_vec(), "an HDF5 file (as of NIR, Keras or MATLAB 7.3)"),
            (b"\x93NUMPY\x01\0".to_vec(), "a NumPy array (.npy)"),
            (zip("x.npy"), "an archive of NumPy arrays (.npz)"),
            (zip("model/data.pkl"), "a PyTorch file (.pt, .pth)"),
            (zip("notes.txt"), "a zip archive"),
            (b"PK\x03\x04".to_vec(), "a zip archive"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(), "a PyTorch file (.pt, .pth)"),
            (b"\x80\x02}q\x01(U\x0bbatch_labelq".to_vec(), "a Python pickle"),
            (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}".to_vec(), "a Python pickle"),
            (b"(dp1\n".to_vec(), "a Python pickle"),
            (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0".to_vec(), "an ONNX model"),
            (b"\x08\x09:\xb1\x01\n".to_vec(), "an ONNX model"),
            (b"\x58\x01\0\0\0\0\0\0{\"a\"".to_vec(), "a safetensors file"),
            (b"\x80\x02\0\0\0\0\0\0{\"a\"".to_vec(), "a safetensors file"),
            (b"\x1f\x8b\x08\0".to_vec(), "a gzip file"),
            (b"PAR1\x15".to_vec(), "a Parquet file"),
            (b"\n <!DOCTYPE HTML><html>".to_vec(), "a web page"),
            (tar, "a tar archive"),
        ] {
            assert_eq!(kind_of(&bytes), Some(expected), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_begins_like_nothing_known_is_unknown() {
        for bytes in
            [&b""[..], b"\x80", b"\x80\x02", b"\x08\x07", b"PK", b"(model: Mlp())", b"\0\0\0\0\0\0\0\0{", &[7; 600]]
        {
            assert_eq!(kind_of(bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
