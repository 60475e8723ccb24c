//! The bytes of a checkpoint: a safetensors file, written and read.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::str::FromStr;

use half::f16;
use md5::{Digest as _, Md5};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use super::{Best, Checkpoint, Progress, SCHEMA, Sums, Tensor};

impl Checkpoint {
    /// The file: length of the header, header, values.
    pub(super) fn write(&self, file: &mut impl Write, dtype: Dtype) -> io::Result<()> {
        let weights = self.weights.iter().map(|tensor| (format!("weight.{}", tensor.name), tensor));
        let optimizer = self.optimizer.iter().map(|tensor| (format!("optimizer.{}", tensor.name), tensor));
        let tensors: Vec<(String, &Tensor)> = weights.chain(optimizer).collect();

        let values: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| tensor.bytes(dtype)).collect();
        let digest = ("digest", digest(values.iter().map(Vec::as_slice)));
        let metadata = self.metadata().into_iter().chain([digest]);
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

        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        values.iter().try_for_each(|values| file.write_all(values))
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let Progress { seed, images, epoch, step, updates, best, sums } = self.progress;
        let mut metadata = vec![
            ("schema", SCHEMA.to_owned()),
            ("experiment", self.experiment.clone()),
            ("seed", seed.to_string()),
            ("images", images.to_string()),
            ("epoch", epoch.to_string()),
            ("step", step.to_string()),
            ("updates", updates.to_string()),
            ("epoch_images", sums.images.to_string()),
            ("epoch_correct", sums.correct.to_string()),
            ("epoch_spikes", sums.spikes.to_string()),
            ("epoch_loss", sums.loss.to_string()),
        ];
        if let Some(best) = best {
            metadata.push(("best_epoch", best.epoch.to_string()));
            metadata.extend(best.accuracy.map(|accuracy| ("best_accuracy", accuracy.to_string())));
        }
        metadata.extend(self.origin.clone().map(|origin| ("origin", origin)));
        metadata
    }

    /// What the bytes of a file hold, or what is wrong with them.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let unreadable = |error| format!("truncated, damaged or not a safetensors file ({error})");
        let (header_size, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;

        let empty = HashMap::new();
        let metadata = header.metadata().as_ref().unwrap_or(&empty);
        let schema: String = required(metadata, "schema")?;
        if schema != SCHEMA {
            return Err(format!(
                "schema version \"{schema}\" is not supported; this program reads version \"{SCHEMA}\""
            ));
        }
        if required::<String>(metadata, "digest")? != digest([&bytes[size_of::<u64>() + header_size..]].into_iter()) {
            return Err(
                "its values do not match their checksum: the file is damaged; use an older copy of it".to_owned()
            );
        }
        let best = match optional(metadata, "best_epoch")? {
            Some(epoch) => Some(Best { epoch, accuracy: optional(metadata, "best_accuracy")? }),
            None => None,
        };
        let progress = Progress {
            seed: required(metadata, "seed")?,
            images: required(metadata, "images")?,
            epoch: required(metadata, "epoch")?,
            step: required(metadata, "step")?,
            updates: required(metadata, "updates")?,
            best,
            sums: Sums {
                images: required(metadata, "epoch_images")?,
                correct: required(metadata, "epoch_correct")?,
                spikes: required(metadata, "epoch_spikes")?,
                loss: required(metadata, "epoch_loss")?,
            },
        };
        let (mut weights, mut optimizer) = (Vec::new(), Vec::new());
        for name in header.offset_keys() {
            let view = file.tensor(&name).map_err(unreadable)?;
            let (list, rest) = match name.split_once('.') {
                Some(("weight", rest)) => (&mut weights, rest),
                Some(("optimizer", rest)) => (&mut optimizer, rest),
                _ => return Err(format!("tensor \"{name}\" is neither a weight nor of an optimizer")),
            };
            let bytes = view.data();
            let values = match view.dtype() {
                Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
                Dtype::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
                other => return Err(format!("tensor \"{name}\" holds {other:?}, expected F32 or F16")),
            };
            list.push(Tensor { name: rest.to_owned(), shape: view.shape().to_vec(), values });
        }
        let (experiment, origin) = (required(metadata, "experiment")?, optional(metadata, "origin")?);
        Ok(Self { experiment, origin, progress, weights, optimizer })
    }
}

impl Tensor {
    /// The values as f32, or as f16.
    fn bytes(&self, dtype: Dtype) -> Vec<u8> {
        match dtype {
            Dtype::F16 => self.values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            _ => self.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// Checksum (md5) of the values of all tensors, one after the other.
fn digest<'a>(values: impl Iterator<Item = &'a [u8]>) -> String {
    let mut md5 = Md5::new();
    values.for_each(|values| md5.update(values));
    format!("{:032x}", u128::from_be_bytes(md5.finalize().into()))
}

fn required<T: FromStr<Err: Display>>(metadata: &HashMap<String, String>, key: &str) -> Result<T, String> {
    optional(metadata, key)?.ok_or_else(|| format!("its metadata lack \"{key}\": it was not written by this program"))
}

fn optional<T: FromStr<Err: Display>>(metadata: &HashMap<String, String>, key: &str) -> Result<Option<T>, String> {
    let parse = |text: &String| text.parse().map_err(|error| format!("metadata \"{key}\" is {text:?}: {error}"));
    metadata.get(key).map(parse).transpose()
}
