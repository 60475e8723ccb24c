//! md5 checksums, which are what data sets publish.

use std::io::{self, Read};

use md5::{Digest as _, Md5};

/// Computes the md5 of the rest of `source`, in hexadecimal.
pub(crate) fn md5_of(source: &mut impl Read) -> io::Result<String> {
    let (mut digest, mut buffer) = (Md5::new(), vec![0; 1 << 16]);
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            length => digest.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
