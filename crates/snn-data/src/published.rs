//! Published data sets: their URLs, licences and checksums.

use std::io;
use std::path::Path;

use crate::checksum::md5_of;
use crate::folder::DatasetFiles;
use crate::source::OpenFile;
use crate::{cifar10, mnist, nmnist, open_file, svhn};

/// A data set that can be downloaded from its authors, or from others on their behalf.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// Names of its files and folders, and where they are searched for.
    pub place: &'static DatasetFiles,
    /// The files to download.
    pub downloads: &'static [Download],
    /// Checksums of its files, by the names in [`DatasetFiles::files`].
    pub checksums: &'static [(&'static str, Checksum)],
    /// Licence, or terms of use.
    pub licence: &'static str,
}

/// One file to download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Download {
    /// Name of the file.
    pub name: &'static str,
    /// URL of the file.
    pub url: &'static str,
    /// md5 of the file.
    pub md5: &'static str,
    /// Approximate size in bytes.
    pub bytes: u64,
    /// How the file is packed.
    pub form: Packing,
}

/// How a downloaded file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// A file that is used as it is.
    File,
    /// A compressed tar archive, which is replaced by its contents: the folder of this name, of about this many bytes.
    TarGz(&'static str, u64),
    /// A zip archive, which is replaced by its contents: the folder of this name, of about this many bytes.
    Zip(&'static str, u64),
}

/// A published checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// md5 of the file itself, if it has exactly this name, without `.gz`.
    Plain(&'static str),
    /// md5 of the decompressed bytes, whether or not the file is compressed.
    Decompressed(&'static str),
    /// md5 of the published gzip file. Other gzip files may have the same contents.
    Gzip(&'static str),
}

/// The result of comparing a file with the published one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChecksumVerdict {
    /// The file has the published bytes.
    Same,
    /// The decompressed bytes are the published ones; the checksum does not cover the gzip file itself.
    SameInside,
    /// The bytes differ from the published ones.
    Differs {
        /// The published md5.
        expected: &'static str,
        /// The md5 of the file.
        found: String,
    },
    /// No checksum is published for the file in this form.
    Unknown,
}

/// Finds the published data set with this name, in experiments or as a folder, ignoring case.
pub fn find(name: &str) -> Option<&'static Published> {
    let is_called = |place: &DatasetFiles| [place.name, place.folder].iter().any(|own| own.eq_ignore_ascii_case(name));
    ALL.iter().find(|published| is_called(published.place))
}

impl ChecksumVerdict {
    /// Whether the file has the published contents.
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same | Self::SameInside)
    }
}

impl Published {
    /// Approximate size of all downloads in bytes.
    pub fn bytes(&self) -> u64 {
        self.downloads.iter().map(|download| download.bytes).sum()
    }

    /// Compares the file at `path`, named `name` in [`DatasetFiles::files`], with the published one.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn compare(&self, name: &str, path: &Path) -> io::Result<ChecksumVerdict> {
        let Some((_, checksum)) = self.checksums.iter().find(|(known, _)| *known == name) else {
            return Ok(ChecksumVerdict::Unknown);
        };
        let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
        let (expected, found) = match *checksum {
            Checksum::Decompressed(expected) => {
                (expected, md5_of(&mut OpenFile::open(path).map_err(io::Error::other)?)?)
            }
            Checksum::Plain(expected) if !is_gzip => (expected, md5_of(&mut open_file(path)?)?),
            Checksum::Gzip(expected) if is_gzip => (expected, md5_of(&mut open_file(path)?)?),
            _ => return Ok(ChecksumVerdict::Unknown),
        };
        Ok(match checksum {
            _ if found != expected => ChecksumVerdict::Differs { expected, found },
            Checksum::Decompressed(_) if is_gzip => ChecksumVerdict::SameInside,
            _ => ChecksumVerdict::Same,
        })
    }
}

const fn file(name: &'static str, url: &'static str, md5: &'static str, bytes: u64) -> Download {
    Download { name, url, md5, bytes, form: Packing::File }
}

macro_rules! mnist_file {
    ($name:literal, $md5:literal, $bytes:literal) => {
        file($name, concat!("https://ossci-datasets.s3.amazonaws.com/mnist/", $name), $md5, $bytes)
    };
}

macro_rules! fashion_file {
    ($name:literal, $md5:literal, $bytes:literal) => {
        file($name, concat!("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", $name), $md5, $bytes)
    };
}

/// All published data sets that this crate reads.
pub static ALL: [Published; 5] = [
    Published {
        place: &mnist::PLACE,
        downloads: &[
            mnist_file!("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            mnist_file!("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            mnist_file!("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            mnist_file!("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        ],
        checksums: &[
            (mnist::FILES[0], Checksum::Decompressed(mnist::CHECKSUMS[0])),
            (mnist::FILES[1], Checksum::Decompressed(mnist::CHECKSUMS[1])),
            (mnist::FILES[2], Checksum::Decompressed(mnist::CHECKSUMS[2])),
            (mnist::FILES[3], Checksum::Decompressed(mnist::CHECKSUMS[3])),
        ],
        licence: "CC BY-SA 3.0",
    },
    Published {
        place: &mnist::FASHION_PLACE,
        downloads: &[
            fashion_file!("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            fashion_file!("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
            fashion_file!("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            fashion_file!("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ],
        checksums: &[
            (mnist::FILES[0], Checksum::Gzip("8d4fb7e6c68d591d4c3dfef9ec88bf0d")),
            (mnist::FILES[1], Checksum::Gzip("25c81989df183df01b3e8a0aad5dffbe")),
            (mnist::FILES[2], Checksum::Gzip("bef4ecab320f06d8554ea6380940ec79")),
            (mnist::FILES[3], Checksum::Gzip("bb300cfdad3c16e7a12a480ee83cd310")),
        ],
        licence: "MIT",
    },
    Published {
        place: &cifar10::PLACE,
        downloads: &[Download {
            name: "cifar-10-binary.tar.gz",
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            md5: "c32a1d4ab5d03f1284b67883e8d87530",
            bytes: 170_052_171,
            form: Packing::TarGz("cifar-10-batches-bin", 184_400_000),
        }],
        checksums: &[
            (cifar10::FILES[0], Checksum::Plain("5dd7e06a14cb22eb9f671a540d1b7c25")),
            (cifar10::FILES[1], Checksum::Plain("5ea93a67294ea407fff1d09f752e9692")),
            (cifar10::FILES[2], Checksum::Plain("942cd6a4bcdd0dd3c604fbe906cb4421")),
            (cifar10::FILES[3], Checksum::Plain("ae636b3ba5c66a11e91e8cb52e771fcb")),
            (cifar10::FILES[4], Checksum::Plain("53f37980c15c3d472c316c40844f3f0d")),
            (cifar10::FILES[5], Checksum::Plain("803d5f7f4d78ea53de84dbe85f74fb6d")),
        ],
        licence: "free for research, no formal licence",
    },
    Published {
        place: &svhn::PLACE,
        downloads: &[
            file(
                svhn::FILES[0],
                "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
                "e26dedcc434d2e4c54c9b2d4a06d8373",
                182_040_794,
            ),
            file(
                svhn::FILES[1],
                "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
                "eb5a983be6a315427106f1b164d9cef3",
                64_275_384,
            ),
        ],
        checksums: &[
            (svhn::FILES[0], Checksum::Plain("e26dedcc434d2e4c54c9b2d4a06d8373")),
            (svhn::FILES[1], Checksum::Plain("eb5a983be6a315427106f1b164d9cef3")),
        ],
        licence: "non-commercial use only",
    },
    Published {
        place: &nmnist::PLACE,
        downloads: &[
            Download {
                name: "Train.zip",
                url: "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/\
                      39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
                md5: "20959b8e626244a1b502305a9e6e2031",
                bytes: 1_010_000_000,
                form: Packing::Zip("Train", 1_400_000_000),
            },
            Download {
                name: "Test.zip",
                url: "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/\
                      05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
                md5: "69ca8762b2fe404d9b9bad1103e97832",
                bytes: 170_000_000,
                form: Packing::Zip("Test", 240_000_000),
            },
        ],
        checksums: &[],
        licence: "CC BY-SA 4.0",
    },
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(find("FASHION-mnist").unwrap().place.name, "FashionMnist");
        assert_eq!(find("nmnist").unwrap().place.data_set, "N-MNIST");
        assert!(find("mnis").is_none());
    }

    #[test]
    fn genuine_files_are_as_published() {
        let (mnist, folder) = (find("mnist").unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist"));
        for name in mnist::FILES {
            assert_eq!(
                mnist.compare(name, &mnist.place.file(&folder, name).unwrap()).unwrap(),
                ChecksumVerdict::SameInside
            );
        }
    }

    #[test]
    fn other_files_differ_or_cannot_be_told() {
        let dir = tempfile::tempdir().unwrap();
        let compare = |data_set: &str, name: &str, file: &str| {
            let path = dir.path().join(file);
            fs::write(&path, "").unwrap();
            find(data_set).unwrap().compare(name, &path).unwrap()
        };
        let found = "d41d8cd98f00b204e9800998ecf8427e".to_owned();
        let expected = "e26dedcc434d2e4c54c9b2d4a06d8373";
        let differs = ChecksumVerdict::Differs { expected, found };
        assert_eq!(compare("svhn", svhn::FILES[0], svhn::FILES[0]), differs);
        assert_eq!(compare("svhn", "extra_32x32.mat", "extra_32x32.mat"), ChecksumVerdict::Unknown);
        assert_eq!(compare("fashion-mnist", mnist::FILES[0], mnist::FILES[0]), ChecksumVerdict::Unknown);
        assert!(find("mnist").unwrap().compare(mnist::FILES[0], &dir.path().join("none")).is_err());
    }
}
