//! Serialization of checkpoints as safetensors files.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use half::{bf16, f16};
use md5::{Digest as _, Md5};
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};
use snn_core::text::excerpt;
use snn_core::{LARGEST_WEIGHT, check_finite};

use super::{Best, Checkpoint, FORMER_SCHEMA, FileCheck, NamedTensor, Progress, SCHEMA, Sums};
use crate::TrainError;

/// Maximum file size: 8 GiB.
const LARGEST_FILE: u64 = 1 << 33;

/// Maximum header size in bytes, as defined by safetensors.
const LARGEST_HEADER: u64 = 100_000_000;

/// Number of bytes read first: enough to identify the kind of file.
const START: u64 = snn_data::HEAD as u64;

/// The text before the digits of the digest, and the placeholder digits used while computing it.
const DIGEST: &str = "\"digest\":\"";
const NO_DIGEST: &str = "00000000000000000000000000000000";

impl Checkpoint {
    /// Writes the file: header length, header, values.
    pub(super) fn write(&self, file: &mut impl Write, dtype: Dtype) -> io::Result<()> {
        let weights = self.weights.iter().map(|tensor| (format!("weight.{}", tensor.name), tensor));
        let optimizer = self.optimizer.iter().map(|tensor| (format!("optimizer.{}", tensor.name), tensor));
        let tensors: Vec<(String, &NamedTensor)> = weights.chain(optimizer).collect();

        let values: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| tensor.bytes(dtype)).collect();
        let metadata = self.metadata().into_iter().chain([("digest", NO_DIGEST.to_owned())]);
        let metadata = metadata.map(|(key, value)| (key.to_owned(), Value::String(value)));
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), Value::Object(metadata.collect()));
        let mut end = 0;
        for ((name, tensor), values) in tensors.iter().zip(&values) {
            let start = end;
            end += values.len();
            let entry = json!({"dtype": dtype.to_string(), "shape": tensor.shape, "data_offsets": [start, end]});
            header.insert(name.clone(), entry);
        }
        let mut header = Value::Object(header).to_string();
        let padding = header.len().next_multiple_of(8) - header.len();
        header.extend(std::iter::repeat_n(' ', padding));

        let length = (header.len() as u64).to_le_bytes();
        let digest = digest([&length, header.as_bytes()].into_iter().chain(values.iter().map(Vec::as_slice)));
        let header = header.replacen(&format!("{DIGEST}{NO_DIGEST}"), &format!("{DIGEST}{digest}"), 1);
        file.write_all(&length)?;
        file.write_all(header.as_bytes())?;
        values.iter().try_for_each(|values| file.write_all(values))
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let Progress { seed, images, epoch, update, updates, best, sums, first_loss } = self.progress;
        let mut metadata = vec![
            ("schema", SCHEMA.to_owned()),
            ("experiment", self.experiment.clone()),
            ("arithmetic", self.arithmetic.clone()),
            ("seed", seed.to_string()),
            ("images", images.to_string()),
            ("epoch", epoch.to_string()),
            ("step", update.to_string()),
            ("updates", updates.to_string()),
            ("epoch_images", sums.images.to_string()),
            ("epoch_correct", sums.correct.to_string()),
            ("epoch_spikes", sums.spikes.to_string()),
            ("epoch_loss", sums.loss.to_string()),
            ("first_loss", first_loss.to_string()),
        ];
        if let Some(best) = best {
            metadata.push(("best_epoch", best.epoch.to_string()));
            metadata.extend(best.accuracy.map(|accuracy| ("best_accuracy", accuracy.to_string())));
        }
        metadata.extend(self.origin.clone().map(|origin| ("origin", origin)));
        metadata
    }

    /// Checks that all numbers are representable as `dtype` and can be read back.
    pub(super) fn check_numbers(&self, dtype: Dtype) -> Result<(), String> {
        let limit = |limit: f32| if dtype == Dtype::F16 { limit.min(f16::MAX.to_f32()) } else { limit };
        let check = |tensors: &[NamedTensor], kind: &str, limit: f32| {
            let what = |tensor: &NamedTensor| format!("tensor \"{kind}.{}\"", tensor.name);
            tensors.iter().try_for_each(|tensor| check_finite(|| what(tensor), &tensor.values, limit))
        };
        check(&self.weights, "weight", limit(LARGEST_WEIGHT))
            .and_then(|()| check(&self.optimizer, "optimizer", limit(f32::MAX)))
            .map_err(|error| error.to_string())?;
        let Progress { best, sums, first_loss, .. } = self.progress;
        let accuracy = best.and_then(|best| best.accuracy).unwrap_or(0.0);
        let figures = [("epoch_loss", sums.loss), ("first_loss", first_loss), ("best_accuracy", accuracy)];
        match figures.iter().find(|(_, value)| !value.is_finite()) {
            Some((name, value)) => Err(format!("\"{name}\" must be finite, found {value}")),
            None => Ok(()),
        }
    }

    /// Parses the bytes of a file. The error is a sentence about what is wrong with them.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let (header_size, header) = SafeTensors::read_metadata(bytes).map_err(|error| unreadable(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(&error))?;

        let empty = HashMap::new();
        let metadata = header.metadata().as_ref().unwrap_or(&empty);
        if !metadata.contains_key("experiment") {
            return Err(
                "it holds tensors, but no experiment that says which network they are of; with snn import, and the \
                        experiment as a RON file, a checkpoint is made of it"
                    .to_owned(),
            );
        }
        let schema: String = required(metadata, "schema")?;
        if schema != SCHEMA && schema != FORMER_SCHEMA {
            return Err(format!(
                "schema version {:?} is not supported; this program reads version \"{SCHEMA}\"",
                excerpt(&schema)
            ));
        }
        let best = match optional(metadata, "best_epoch")? {
            Some(epoch) => Some(Best { epoch, accuracy: optional(metadata, "best_accuracy")? }),
            None => None,
        };
        let progress = Progress {
            seed: required(metadata, "seed")?,
            images: required(metadata, "images")?,
            epoch: required(metadata, "epoch")?,
            update: required(metadata, "step")?,
            updates: required(metadata, "updates")?,
            best,
            sums: Sums {
                images: required(metadata, "epoch_images")?,
                correct: required(metadata, "epoch_correct")?,
                spikes: required(metadata, "epoch_spikes")?,
                loss: required(metadata, "epoch_loss")?,
            },
            first_loss: optional(metadata, "first_loss")?.unwrap_or(0.0),
        };
        let (mut weights, mut optimizer) = (Vec::new(), Vec::new());
        for (name, view) in tensors(&header, &file)? {
            let (list, rest) = match name.split_once('.') {
                Some(("weight", rest)) => (&mut weights, rest),
                Some(("optimizer", rest)) => (&mut optimizer, rest),
                _ => return Err(format!("tensor {:?} is neither a weight nor of an optimizer", excerpt(&name))),
            };
            let values = values(&name, &view)?;
            list.push(NamedTensor { name: rest.to_owned(), shape: view.shape().to_vec(), values });
        }
        let checkpoint = Self {
            experiment: required(metadata, "experiment")?,
            origin: optional(metadata, "origin")?,
            progress,
            weights,
            optimizer,
            arithmetic: optional(metadata, "arithmetic")?.unwrap_or_default(),
            check: check(bytes, header_size, metadata),
        };
        checkpoint.check_numbers(Dtype::F32)?;
        Ok(checkpoint)
    }
}

/// Reads the file at `path`. Reads only its start if the size announced in the header shows that it is not a complete
/// safetensors file.
///
/// # Errors
/// [`TrainError::File`].
pub(super) fn read_safetensors(path: &Path) -> Result<Vec<u8>, TrainError> {
    let failed = |error| TrainError::file("read the checkpoint", path)(error);
    let mut file = snn_data::open_file(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, more: u64| (&mut file).take(more).read_to_end(bytes).map_err(failed);
    read(&mut bytes, START)?;
    let header = bytes.first_chunk().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    if header <= LARGEST_HEADER && size <= LARGEST_FILE {
        read(&mut bytes, (8 + header).saturating_sub(START))?;
        if announced(&bytes) == Some(size) {
            bytes.try_reserve_exact(size as usize - bytes.len()).map_err(|error| failed(error.into()))?;
            let rest = size - bytes.len() as u64;
            read(&mut bytes, rest)?;
        }
    }
    Ok(bytes)
}

/// The file size announced by the header in `start`, the first bytes of a file.
fn announced(start: &[u8]) -> Option<u64> {
    let end = 8_usize.checked_add(u64::from_le_bytes(*start.first_chunk()?) as usize)?;
    let header: Map<String, Value> = serde_json::from_slice(start.get(8..end)?).ok()?;
    let ends = header.values().filter_map(|entry| entry.get("data_offsets")?.get(1)?.as_u64());
    (end as u64).checked_add(ends.max().unwrap_or(0))
}

/// All tensors, in the order of their data in the file.
pub(super) fn tensors<'a>(header: &Metadata, file: &SafeTensors<'a>) -> Result<Vec<(String, TensorView<'a>)>, String> {
    let named = |name: String| file.tensor(&name).map(|view| (name, view)).map_err(|error| unreadable(&error));
    header.offset_keys().into_iter().map(named).collect()
}

/// The values of a floating-point tensor of any precision, as f32.
pub(super) fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        other => return Err(format!("tensor {:?} holds {other:?}, expected F32, F16, BF16 or F64", excerpt(name))),
    })
}

pub(super) fn unreadable(error: &safetensors::SafeTensorError) -> String {
    format!("cut off, damaged or not a safetensors file ({error})")
}

/// The error message for a file that begins with `start`: `reason`, unless the file is of another known kind. The
/// message then names the kind, and a way to convert the file.
pub(super) fn with_kind(start: &[u8], reason: String) -> String {
    match snn_data::kind_of(start) {
        Some(kind) if SafeTensors::read_metadata(start).is_err() && !kind.contains("safetensors") => format!(
            "this is {kind}, and weights are read from safetensors files alone; in Python, safetensors.torch.save_file(\
             model.state_dict(), \"weights.safetensors\") writes one, of which snn import makes a checkpoint"
        ),
        _ => reason,
    }
}

/// Checks the bytes of a file against the digest in its `metadata`.
fn check(bytes: &[u8], header_size: usize, metadata: &HashMap<String, String>) -> FileCheck {
    let header = &bytes[8..8 + header_size];
    let at = header.windows(DIGEST.len()).position(|window| window == DIGEST.as_bytes());
    let digits = at.map(|at| 8 + at + DIGEST.len()).filter(|start| start + NO_DIGEST.len() <= bytes.len());
    match (digits, metadata.get("schema").map(String::as_str)) {
        (Some(start), Some(SCHEMA)) => {
            let (before, rest) = bytes.split_at(start);
            let (digits, after) = rest.split_at(NO_DIGEST.len());
            let found = digest([before, NO_DIGEST.as_bytes(), after].into_iter());
            if found.as_bytes() == digits { FileCheck::Holds } else { FileCheck::Fails }
        }
        (None, Some(SCHEMA)) => FileCheck::Fails,
        (_, _) => match metadata.get("digest") {
            Some(expected) if *expected != digest([&bytes[8 + header_size..]].into_iter()) => FileCheck::Fails,
            _ => FileCheck::Missing,
        },
    }
}

impl NamedTensor {
    /// Little-endian bytes of the values, as f16 or f32.
    fn bytes(&self, dtype: Dtype) -> Vec<u8> {
        match dtype {
            Dtype::F16 => self.values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            _ => self.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// md5 of the concatenation of `parts`, in hexadecimal.
pub(super) fn digest<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut md5 = Md5::new();
    parts.for_each(|part| md5.update(part));
    format!("{:032x}", u128::from_be_bytes(md5.finalize().into()))
}

fn required<T: FromStr<Err: Display>>(metadata: &HashMap<String, String>, key: &str) -> Result<T, String> {
    optional(metadata, key)?.ok_or_else(|| format!("its metadata lack \"{key}\": it was not written by this program"))
}

fn optional<T: FromStr<Err: Display>>(metadata: &HashMap<String, String>, key: &str) -> Result<Option<T>, String> {
    let parse =
        |text: &String| text.parse().map_err(|error| format!("metadata \"{key}\" is {:?}: {error}", excerpt(text)));
    metadata.get(key).map(parse).transpose()
}
