//! Recording of spikes and scores, image by image, to files that other programs can read.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use snn_core::{Draws, Dropout, Engine, Shape, SpikeTrain, Trial, Weights};
use snn_data::{Batch, Dataset, Loader};
use snn_models::Built;
use zip::write::SimpleFileOptions;

use crate::evaluate::{EPOCH, check_images, check_output};
use crate::files::replace;
use crate::inference::{best, input, scores};
use crate::{Event, Observer, TrainError};

/// Array names that are reserved, so not available for populations.
const TAKEN: [&str; 4] = ["samples", "labels", "scores", "input"];

/// Paths of the files that [`record`] writes. Each is written completely or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordingFiles {
    /// CSV: one line for each image with its index in the data set, its class, the prediction, and the score of each
    /// class.
    pub scores: Option<PathBuf>,
    /// `NumPy` arrays, in an `.npz` file: `samples` and `labels` `[N]`, `scores` `[N, classes]`, and the spikes
    /// `[N, T, C, H, W]` of each population that fires, under its name, and of the `input` if it is spikes. A
    /// population with one of those other names gets a `_` appended. Spikes are bytes: 0 or 1, and -1 too in the input.
    pub spikes: Option<PathBuf>,
}

/// Runs the network on `images` of `data` for all time steps, `batch` at a time, and writes `files`. Needs memory for
/// one batch only. Input spikes are those of [`evaluate`](crate::evaluate()). Returns the scores of each image; if the
/// observer stops it, returns `None` and writes nothing.
///
/// # Errors
/// [`TrainError::Setup`] if data and network do not match or `images` are not in `data`; [`TrainError::NotFinite`] if
/// an output is not finite; [`TrainError::File`]; [`TrainError::Core`].
#[expect(clippy::too_many_arguments, reason = "those of infer, with files")]
pub fn record(
    engine: &dyn Engine,
    built: &Built,
    weights: &Weights,
    data: &Dataset,
    images: &[u32],
    batch: usize,
    files: &RecordingFiles,
    observer: &mut dyn Observer,
) -> Result<Option<Vec<Vec<f64>>>, TrainError> {
    check_images(built, data, images)?;
    let (steps, batch, network) = (built.experiment.steps, batch.clamp(1, images.len()), &built.network);
    let plan = built.input.plan(steps, batch);
    let mut session = engine.compile(network, if files.spikes.is_some() { plan.record() } else { plan })?;
    session.load(weights)?;
    let mut loader = Loader::in_order(data, images.iter().copied(), batch);
    let mut recorded = Recorded::default();
    let mut arrays = Arrays { path: files.spikes.as_deref(), all: Vec::new() };
    for index in 0..loader.batches() {
        let Some(batch) = loader.batch(EPOCH, index) else { break };
        let draws = Draws { seed: built.experiment.training.seed, epoch: EPOCH, samples: &batch.samples };
        let shows = input(built, steps, batch, draws);
        let all: Vec<usize> = (0..batch.samples.len()).collect();
        let part = shows.part(0..steps, steps, &all);
        let activity = session.forward(&Trial { stimulus: part.stimulus(), dropout: Dropout::Off })?;
        check_output(&activity.output)?;
        recorded.add(batch, scores(built, &activity.output, all.len()));
        if arrays.path.is_some() {
            if let Some(train) = part.spikes() {
                arrays.add("input", "|i1", images.len(), train)?;
            }
            for (index, population) in network.populations().iter().enumerate() {
                if population.neuron.fires() {
                    let is_taken = TAKEN.contains(&population.name.as_str());
                    let name = if is_taken { format!("{}_", population.name) } else { population.name.clone() };
                    arrays.add(&name, "|u1", images.len(), &session.record(index)?.spikes)?;
                }
            }
        }
        let done = Event::Evaluating { done: recorded.samples.len(), images: images.len() };
        if observer.on_event(&done).is_break() {
            return Ok(None);
        }
    }
    if let Some(path) = &files.scores {
        replace(path, |file| recorded.write_csv(file))?;
    }
    if let Some(path) = &files.spikes {
        replace(path, |file| arrays.write(&recorded, file))?;
    }
    Ok(Some(recorded.scores))
}

/// Index, label and scores of each image.
#[derive(Debug, Default)]
struct Recorded {
    samples: Vec<u32>,
    labels: Vec<u8>,
    scores: Vec<Vec<f64>>,
}

impl Recorded {
    fn add(&mut self, batch: &Batch, scores: Vec<Vec<f64>>) {
        self.samples.extend(&batch.samples);
        self.labels.extend(&batch.labels);
        self.scores.extend(scores);
    }

    fn write_csv(&self, file: &mut impl Write) -> io::Result<()> {
        let classes = self.scores.first().map_or(0, Vec::len);
        write!(file, "sample,label,answer")?;
        for class in 0..classes {
            write!(file, ",score_{class}")?;
        }
        writeln!(file)?;
        for ((sample, label), scores) in self.samples.iter().zip(&self.labels).zip(&self.scores) {
            write!(file, "{sample},{label},{}", best(scores).0)?;
            for score in scores {
                write!(file, ",{score}")?;
            }
            writeln!(file)?;
        }
        Ok(())
    }
}

/// Spike arrays being written. All grow at the same time, but an `.npz` file stores them one after the other, so each
/// has a temporary file of its own.
struct Arrays<'a> {
    path: Option<&'a Path>,
    all: Vec<(String, BufWriter<File>)>,
}

impl Arrays<'_> {
    /// Appends the samples of `train` to the array called `name`, which will have `images` samples in all.
    fn add(&mut self, name: &str, kind: &str, images: usize, train: &SpikeTrain) -> Result<(), TrainError> {
        let path = self.path.unwrap_or(Path::new(""));
        let fault = TrainError::file("write the file", path);
        let found = self.all.iter().position(|(other, _)| other == name);
        let at = found.unwrap_or(self.all.len());
        if found.is_none() {
            let Shape { channels, height, width } = train.shape();
            let head = npy_head(kind, &[images, train.steps(), channels, height, width]);
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let made = tempfile::tempfile_in(folder).and_then(|file| {
                let mut file = BufWriter::new(file);
                file.write_all(&head)?;
                Ok(file)
            });
            match made {
                Ok(file) => self.all.push((name.to_owned(), file)),
                Err(error) => return Err(fault(error)),
            }
        }
        let file = &mut self.all[at].1;
        let neurons = train.shape().len();
        let mut row = vec![0_u8; neurons];
        let mut write = || {
            for sample in 0..train.samples() {
                for step in 0..train.steps() {
                    for (neuron, byte) in row.iter_mut().enumerate() {
                        *byte = train.get(step, sample, neuron).cast_unsigned();
                    }
                    file.write_all(&row)?;
                }
            }
            Ok(())
        };
        write().map_err(fault)
    }

    /// Writes all arrays to an `.npz` file.
    fn write(&mut self, recorded: &Recorded, file: &mut BufWriter<File>) -> io::Result<()> {
        let mut archive = zip::ZipWriter::new(file);
        let options =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated).large_file(true);
        let images = recorded.samples.len();
        let classes = recorded.scores.first().map_or(0, Vec::len);
        let samples = recorded.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let scores = recorded.scores.iter().flatten().flat_map(|score| score.to_le_bytes()).collect();
        let small: [(&str, &str, &[usize], Vec<u8>); 3] = [
            ("samples", "<u4", &[images], samples),
            ("labels", "|u1", &[images], recorded.labels.clone()),
            ("scores", "<f8", &[images, classes], scores),
        ];
        for (name, kind, shape, bytes) in small {
            archive.start_file(format!("{name}.npy"), options)?;
            archive.write_all(&npy_head(kind, shape))?;
            archive.write_all(&bytes)?;
        }
        for (name, array) in &mut self.all {
            array.flush()?;
            let array = array.get_mut();
            array.rewind()?;
            archive.start_file(format!("{name}.npy"), options)?;
            io::copy(array, &mut archive)?;
        }
        archive.finish()?.flush()
    }
}

/// The header of an array in `NumPy` format, version 1.0, in C order.
fn npy_head(kind: &str, shape: &[usize]) -> Vec<u8> {
    let shape = shape.iter().fold(String::new(), |shape, extent| shape + &format!("{extent}, "));
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let whole = (before + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(whole - before - text.len() - 1));
    text.push('\n');
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX); // five extents take about a hundred bytes
    [&b"\x93NUMPY\x01\x00"[..], &length.to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_array_is_that_of_numpy() {
        let head = npy_head("|u1", &[2, 3]);
        assert_eq!(head.len(), 128);
        assert_eq!(head[..10], *b"\x93NUMPY\x01\x00\x76\x00");
        assert!(head[10..].starts_with(b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3,), }   "));
        assert_eq!(head.last(), Some(&b'\n'));
    }

    #[test]
    fn scores_are_lines_that_a_table_program_reads() {
        let recorded =
            Recorded { samples: vec![7, 9], labels: vec![1, 0], scores: vec![vec![0.5, -1.0], vec![2.0, 3.5]] };
        let mut file = Vec::new();
        recorded.write_csv(&mut file).unwrap();
        let text = String::from_utf8(file).unwrap();
        assert_eq!(text, "sample,label,answer,score_0,score_1\n7,1,0,0.5,-1\n9,0,1,2,3.5\n");
    }
}
