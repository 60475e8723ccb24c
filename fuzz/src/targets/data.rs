//! Targets that read files of data sets, and that detect kinds of files.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use snn_core::{Content, DataSource as _, Dataset, Limit};
use snn_data::mat::Wanted;
use snn_data::{Cifar10, Svhn, idx, kind_of, mat, nmnist};

use super::{Bench, Verdict};

pub(super) fn idx_seeds(_: &Bench) -> Vec<Vec<u8>> {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3][..], &[7; 18]].concat();
    vec![images, [&[0, 0, 8, 1, 0, 0, 0, 4][..], &[1, 2, 3, 9]].concat()]
}

pub(super) fn run_idx(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("idx", input)?;
    for magic in [0x803, 0x801] {
        let Ok(file) = idx::open(&path, magic) else { continue };
        let expected = file.extents().iter().product::<usize>();
        let Ok((values, _)) = file.values() else { continue };
        return if values.len() == expected { Ok(true) } else { Err(format!("{} of {expected} values", values.len())) };
    }
    Ok(false)
}

pub(super) fn mat_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    ["svhn_first20.mat", "svhn_first20_compressed.mat"].map(|name| bench.sample(name)).to_vec()
}

pub(super) fn run_mat(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("mat", input)?;
    let wanted = ["X", "y"].map(|name| Wanted { name, blocks: None });
    Ok(mat::read(&path, &wanted).is_ok())
}

pub(super) fn run_svhn(bench: &Bench, input: &[u8]) -> Verdict {
    bench.file("train_32x32.mat", input)?;
    bench.file("test_32x32.mat", input)?;
    let Ok(splits) = Svhn::default().load_limited(Some(&bench.folder), Limit::Spread(5)) else { return Ok(false) };
    labels(&splits.train)?;
    labels(&splits.test)
}

pub(super) fn cifar10_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    vec![bench.sample("cifar10_test_first20.bin")]
}

pub(super) fn run_cifar10(bench: &Bench, input: &[u8]) -> Verdict {
    // Compressed, because the size of compressed files is not checked, so that a few records suffice.
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    let packed = packed.write_all(input).and_then(|()| packed.finish()).map_err(|error| error.to_string())?;
    bench.file("data_batch_1.bin.gz", &packed)?;
    bench.file("test_batch.bin.gz", &packed)?;
    for name in ["data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"] {
        bench.file(name, &[])?;
    }
    let Ok(splits) = Cifar10::default().load_limited(Some(&bench.folder), Limit::First(20)) else { return Ok(false) };
    labels(&splits.train)?;
    labels(&splits.test)
}

/// Checks that accepted data has valid labels only.
fn labels(data: &Dataset) -> Verdict {
    match data.labels().iter().find(|label| usize::from(**label) >= data.classes()) {
        Some(label) => Err(format!("label {label}")),
        None => Ok(true),
    }
}

pub(super) fn nmnist_seeds(bench: &Bench) -> Vec<Vec<u8>> {
    let mut seeds = vec![[1, 2, 0x80, 0, 9].repeat(20)];
    let folders = fs::read_dir(bench.samples.join("nmnist/Train")).into_iter().flatten().flatten();
    for folder in folders {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        seeds.extend(
            files.filter_map(|file| fs::read(file.path()).ok()).map(|bytes| bytes[..bytes.len().min(5000)].to_vec()),
        );
    }
    seeds.sort();
    seeds
}

pub(super) fn run_nmnist(bench: &Bench, input: &[u8]) -> Verdict {
    let path = bench.file("recording", input)?;
    let Ok(events) = nmnist::read_file(&path) else { return Ok(false) };
    if !events.is_sorted_by_key(|event| event.time) {
        return Err("events are out of order".to_owned());
    }
    if let Some(event) = events.iter().find(|event| event.pixel >= 2 * 34 * 34) {
        return Err(format!("pixel {} is off the sensor", event.pixel));
    }
    let data = Dataset::of_recordings(snn_core::Shape::new(2, 34, 34), 1, vec![events], vec![0]);
    let data = data.map_err(|error| error.to_string())?;
    Ok(matches!(data.content(0), Content::Recording(_)))
}

pub(super) fn kind_seeds(_: &Bench) -> Vec<Vec<u8>> {
    ["PK\u{3}\u{4}", "<!doctype html>", "\u{8}\u{7}\u{12}\u{7}pytorch"].map(|text| text.as_bytes().to_vec()).to_vec()
}

pub(super) fn run_kind(_: &Bench, input: &[u8]) -> Verdict {
    match kind_of(input) {
        Some("") => Err("a kind without a name".to_owned()),
        found => Ok(found.is_some()),
    }
}
