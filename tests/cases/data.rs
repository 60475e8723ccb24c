//! Cases about data sets of the user's own, and recordings.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{error, input, snn, stdout};

/// An experiment on `data`, of one linear layer, with `input` and `steps`.
fn experiment(dir: &Path, data: &str, input: &str, steps: usize) {
    let text = format!(
        "(data: {data}, input: {input}, steps: {steps}, network: Sequence(layers: [Readout(classes: 10)]), loss: CrossEntropy, \
         training: (epochs: 1, batch: 8, optimizer: Sgd(lr: 0.001), validation: 10))"
    );
    fs::write(dir.join("my.ron"), text).unwrap();
}

/// Files of MNIST's names with `images` of `height` x `width` and the labels that `label` gives.
fn idx(images: usize, [height, width]: [usize; 2], label: impl Fn(usize) -> u8) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let header = |magic: u32, extents: &[usize]| {
        let extents = extents.iter().map(|&extent| extent as u32);
        std::iter::once(magic).chain(extents).flat_map(u32::to_be_bytes).collect::<Vec<u8>>()
    };
    for split in ["train", "t10k"] {
        let pixels = [header(0x803, &[images, height, width]), vec![7; images * height * width]].concat();
        let labels = [header(0x801, &[images]), (0..images).map(&label).collect()].concat();
        fs::write(dir.path().join(format!("{split}-images-idx3-ubyte")), pixels).unwrap();
        fs::write(dir.path().join(format!("{split}-labels-idx1-ubyte")), labels).unwrap();
    }
    dir
}

/// What training on `data` in the folder `place` says when it fails.
fn refused(data: &str, place: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    let encoder = if data.starts_with("Nmnist") { "Frames" } else { "Poisson" };
    experiment(dir.path(), data, encoder, 5);
    let text = error(&snn(dir.path(), &["train", "my.ron", "--data", place.to_str().unwrap(), "--limit", "20"]));
    assert!(!dir.path().join("runs").exists(), "a run that cannot start leaves no folder");
    text
}

#[test]
fn images_of_ones_own_in_the_format_of_mnist_are_said_to_be_no_mnist() {
    let place = idx(80, [50, 95], |image| (image % 8) as u8);
    let text = refused("Mnist", place.path());
    assert!(text.contains("not MNIST: 80 images of 50x95, 8 classes") && text.contains("plug-in"), "{text}");
    assert!(!text.contains("again"), "{text}");
}

#[test]
fn letters_are_recognised_by_their_labels() {
    let place = idx(130, [28, 28], |image| (image % 26) as u8 + 1);
    let text = refused("FashionMnist", place.path());
    assert!(text.contains("EMNIST letters") && !text.contains("again"), "{text}");
}

#[test]
fn the_python_version_of_cifar10_is_named_with_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("cifar-10-batches-py");
    fs::create_dir(&folder).unwrap();
    for name in (1..=5).map(|k| format!("data_batch_{k}")).chain(["test_batch".to_owned()]) {
        fs::write(folder.join(name), b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch").unwrap();
    }
    for place in [place.path(), &folder] {
        let text = refused("Cifar10", place);
        assert!(text.contains("Python version of CIFAR-10") && text.contains("snn data get Cifar10"), "{text}");
    }
}

/// A folder of N-MNIST recordings, two of each digit in each split, each of `events` `(x, y, time)`.
fn recordings(events: &[(u8, u8, u32)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (events.iter())
        .flat_map(|&(x, y, time)| [x, y, (time >> 16) as u8 & 0x7f, (time >> 8) as u8, time as u8])
        .collect();
    for split in ["Train", "Test"] {
        for digit in 0..10 {
            let folder = dir.path().join(split).join(digit.to_string());
            fs::create_dir_all(&folder).unwrap();
            for index in 0..2 {
                fs::write(folder.join(format!("{:05}.bin", 1 + digit + 10 * index)), &bytes).unwrap();
            }
        }
    }
    dir
}

#[test]
fn an_event_off_the_sensor_is_refused_or_dropped_and_counted() {
    let place = recordings(&[(1, 2, 0), (3, 4, 1000), (5, 6, 2000)]);
    fs::write(place.path().join("Train/7/00008.bin"), [1, 2, 0, 0, 0, 200, 3, 0, 1, 0]).unwrap();
    let text = refused("Nmnist", place.path());
    assert!(
        text.contains("Train/7/00008.bin: event 1 is at x 200, y 3") && text.contains("off_sensor: Drop"),
        "{text}"
    );
    let dir = tempfile::tempdir().unwrap();
    experiment(dir.path(), "Nmnist(off_sensor: Drop)", "Frames", 5);
    let text = stdout(&snn(dir.path(), &["train", "my.ron", "--data", place.path().to_str().unwrap()]));
    assert!(text.contains("Train: dropped 1 event off the sensor, of 1 recording"), "{text}");
}

/// Spikes of the input in an image of the test set, of recordings with `events`.
fn input_spikes(events: &[(u8, u8, u32)], steps: usize) -> f64 {
    let (place, dir) = (recordings(events), tempfile::tempdir().unwrap());
    experiment(dir.path(), "Nmnist", "Frames", steps);
    let place = place.path().to_str().unwrap();
    stdout(&snn(dir.path(), &["train", "my.ron", "--data", place, "--out", "run"]));
    let text = stdout(&snn(dir.path(), &["evaluate", "run", "--data", place, "--json"]));
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["input_spikes"].as_f64().unwrap()
}

#[test]
fn recordings_with_few_events_lose_none() {
    assert_eq!(input_spikes(&[(1, 1, 0), (2, 2, 300_000)], 50), 2.0, "fewer events than steps");
    assert_eq!(input_spikes(&[(1, 1, 500), (2, 2, 500), (3, 3, 500)], 10), 3.0, "all at one time");
    assert_eq!(input_spikes(&[(1, 1, 0), (2, 2, 1), (3, 3, 2)], 10), 3.0, "shorter than its steps");
    assert_eq!(input_spikes(&[(9, 9, 7)], 10), 1.0, "a single event");
}

#[test]
fn blank_recordings_are_told() {
    let place = recordings(&[(1, 2, 0), (3, 4, 1000)]);
    fs::write(place.path().join("Train/3/00004.bin"), []).unwrap();
    let dir = tempfile::tempdir().unwrap();
    experiment(dir.path(), "Nmnist", "Frames", 5);
    let output = snn(dir.path(), &["train", "my.ron", "--data", place.path().to_str().unwrap()]);
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(text.contains("00004.bin") || text.contains("hold no event"), "{text}");
}

#[test]
fn an_input_that_never_spiked_is_not_taken_for_numbers() {
    let dir = tempfile::tempdir().unwrap();
    experiment(dir.path(), "Mnist", "Poisson(scale: 1e-9)", 2);
    stdout(&snn(dir.path(), &["train", "my.ron", "--limit", "100", "--out", "run"]));
    let text = stdout(&snn(dir.path(), &["evaluate", "run", "--limit", "20"]));
    assert!(text.contains("0 of the input: it never spiked") && !text.contains("numbers as input"), "{text}");
    experiment(dir.path(), "Mnist", "Direct", 2);
    stdout(&snn(dir.path(), &["train", "my.ron", "--limit", "100", "--out", "direct"]));
    assert!(stdout(&snn(dir.path(), &["evaluate", "direct", "--limit", "20"])).contains("numbers as input"));
}

/// A recording of 2 GB is refused before any of it is read.
#[test]
fn a_recording_without_end_is_refused() {
    let place = recordings(&[(1, 2, 0), (3, 4, 1000)]);
    let file = place.path().join("Train/5/00006.bin");
    File::create(&file).unwrap().set_len(2_000_000_000).unwrap();
    let text = refused("Nmnist", place.path());
    assert!(text.contains("00006.bin") && text.contains("larger than"), "{text}");
}

/// A folder in place of a file, and a pipe, to which nobody ever writes.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let replace = |path: PathBuf, place: &Path, data: &str| {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let text = refused(data, place);
        fs::remove_dir(&path).unwrap();
        if std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
            let text = refused(data, place);
            assert!(text.contains("a device or a pipe, not a file"), "{text}");
        }
        assert!(text.contains("folder") || text.contains("not found") || text.contains("holds no"), "{text}");
    };
    let place = idx(60, [28, 28], |image| (image % 10) as u8);
    replace(place.path().join("train-labels-idx1-ubyte"), place.path(), "Mnist");
    let place = recordings(&[(1, 2, 0), (3, 4, 1000)]);
    replace(place.path().join("Train/5/00006.bin"), place.path(), "Nmnist");
    for (data, files) in [
        ("Svhn", &["train_32x32.mat", "test_32x32.mat"][..]),
        (
            "Cifar10",
            &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
                "test_batch.bin",
            ],
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        for name in files {
            fs::write(place.path().join(name), [0]).unwrap();
        }
        replace(place.path().join(files[0]), place.path(), data);
    }
}

/// Of a part of SVHN with 20 training images, a limit above that leaves what is held out as it is.
#[test]
fn what_is_held_out_is_a_share_of_what_is_there() {
    let place = tempfile::tempdir().unwrap();
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/snn-data/tests/samples/svhn_first20.mat");
    for name in ["train_32x32.mat", "test_32x32.mat"] {
        fs::copy(&part, place.path().join(name)).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    experiment(dir.path(), "Svhn", "Poisson", 2);
    let args = ["train", "my.ron", "--data", place.path().to_str().unwrap(), "--limit", "5000"];
    let text = stdout(&snn(dir.path(), &args));
    assert!(text.contains("Svhn: 10 to learn from, 10 held out, 20 to test"), "{text}");
    assert!(text.contains("has no") || text.contains("have no"), "classes that are missing are told: {text}");
}

/// Held-out and limited samples are spread over the classes, also where the data set is in the order of its classes.
#[test]
fn held_out_and_limited_samples_are_of_all_classes() {
    let dir = tempfile::tempdir().unwrap();
    let place = recordings(&[(1, 2, 0), (3, 4, 1000)]);
    experiment(dir.path(), "Nmnist", "Frames", 5);
    let text = stdout(&snn(dir.path(), &["train", "my.ron", "--data", place.path().to_str().unwrap(), "--out", "run"]));
    assert!(text.contains("10 to learn from, 10 held out") && !text.contains("have no"), "{text}");
    let evaluate = ["evaluate", "run", "--split", "validation", "--json", "--data", place.path().to_str().unwrap()];
    let record: serde_json::Value = serde_json::from_str(&stdout(&snn(dir.path(), &evaluate))).unwrap();
    let confusion = record["confusion"].as_array().unwrap();
    let sums = confusion.iter().map(|row| row.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>());
    assert_eq!(sums.collect::<Vec<u64>>(), [1; 10]);
    assert!(input("nan-weights-silent").is_dir());
}

/// Data sets that are known by name, and not read: no other one is proposed for them.
#[test]
fn a_data_set_that_is_not_read_is_said_to_be_none_of_those_here() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["Shd", "DvsGesture", "Emnist", "Cifar100", "ImageFolder"] {
        experiment(dir.path(), name, "Poisson", 5);
        let show = error(&snn(dir.path(), &["show", "my.ron"]));
        let get = error(&snn(dir.path(), &["data", "get", name]));
        for text in [show, get] {
            assert!(text.contains("read here") && text.contains("plug-in"), "{name}: {text}");
            assert!(!text.contains("did you mean"), "{name}: {text}");
        }
    }
}
