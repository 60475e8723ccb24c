//! Import of weights that another program wrote.

use std::path::Path;

use safetensors::SafeTensors;
use snn_core::Network;

use super::format::{read_safetensors, tensors, unreadable, values};
use super::{Checkpoint, NamedTensor, fit_tensors};
use crate::TrainError;

/// Name prefixes of weights and of optimizer state in a checkpoint.
const WEIGHT: &str = "weight.";
const OPTIMIZER: &str = "optimizer.";

/// Weights imported from a file of tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The weights, in the order of the network's tensors.
    pub weights: Vec<NamedTensor>,
    /// Names of the tensors that were skipped because they are optimizer state.
    pub left_out: Vec<String>,
}

impl Checkpoint {
    /// Reads the weights of `network` from any safetensors file. Tensors may be floats of any precision. Their names
    /// must be those of the network's weights, with or without the prefix `weight.` that checkpoints use.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be read; [`TrainError::Checkpoint`] if it is not a safetensors file or holds
    /// numbers that are not finite; [`TrainError::Mismatch`] with every tensor that is missing, unexpected or of the
    /// wrong shape.
    pub fn import(path: &Path, network: &Network) -> Result<Imported, TrainError> {
        let bytes = read_safetensors(path)?;
        let (found, left_out) = read(&bytes).map_err(|reason| TrainError::Checkpoint {
            path: path.to_owned(),
            reason: super::format::with_kind(&bytes, reason),
        })?;
        let expected: Vec<(String, &[usize])> =
            network.tensors().iter().map(|weight| (weight.name.clone(), &weight.shape[..])).collect();
        let weights = fit_tensors("network", &expected, &found)?;
        network
            .check_weights(&weights)
            .map_err(|error| TrainError::Checkpoint { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Imported { weights: Self::tensors(network, &weights), left_out })
    }
}

/// Reads all tensors except optimizer state, whose names are returned separately.
fn read(bytes: &[u8]) -> Result<(Vec<NamedTensor>, Vec<String>), String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| unreadable(&error))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(&error))?;
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (name, view) in tensors(&header, &file)? {
        if name.starts_with(OPTIMIZER) {
            left_out.push(name);
            continue;
        }
        let values = values(&name, &view)?;
        let name = name.strip_prefix(WEIGHT).unwrap_or(&name).to_owned();
        found.push(NamedTensor { name, shape: view.shape().to_vec(), values });
    }
    Ok((found, left_out))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use half::bf16;
    use safetensors::tensor::TensorView;
    use safetensors::{Dtype, serialize_to_file};
    use snn_core::{Map, Neuron, Projection, Shape, Source};

    use super::*;

    /// A network with one weight, `readout` of shape `[1, 2]`.
    fn network() -> Network {
        let mut builder = Network::builder(Shape::features(2));
        let map = Map::Linear { features: 1 };
        builder.add("readout", Neuron::readout(), vec![Projection::new(Source::Input, map)]).unwrap();
        builder.build().unwrap()
    }

    /// The result of importing a file with these tensors.
    fn import(tensors: &[(&str, Dtype, &[u8])]) -> Result<Imported, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.safetensors");
        let views = tensors.iter().map(|(name, dtype, bytes)| {
            let size = if *dtype == Dtype::F64 {
                8
            } else if *dtype == Dtype::BF16 {
                2
            } else {
                4
            };
            (*name, TensorView::new(*dtype, vec![1, bytes.len() / size], bytes).unwrap())
        });
        serialize_to_file(views, None, &path).unwrap();
        let name = format!("{}: ", path.display());
        Checkpoint::import(&path, &network()).map_err(|error| error.to_string().replace(&name, ""))
    }

    fn f32s(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn floats_of_any_precision_are_taken_under_either_name() {
        let expected = [NamedTensor { name: "readout".to_owned(), shape: vec![1, 2], values: vec![0.5, -2.0] }];
        let single = f32s(&[0.5, -2.0]);
        let double: Vec<u8> = [0.5_f64, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let brain: Vec<u8> = [0.5, -2.0].iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
        for (name, dtype, bytes) in [
            ("readout", Dtype::F32, &single),
            ("weight.readout", Dtype::F64, &double),
            ("readout", Dtype::BF16, &brain),
        ] {
            assert_eq!(import(&[(name, dtype, bytes)]).unwrap().weights, expected);
        }
    }

    #[test]
    fn the_state_of_an_optimizer_is_left_out_and_named() {
        let values = f32s(&[0.5, -2.0]);
        let found =
            import(&[("weight.readout", Dtype::F32, &values), ("optimizer.momentum.readout", Dtype::F32, &values)]);
        assert_eq!(found.unwrap().left_out, ["optimizer.momentum.readout"]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let values = f32s(&[0.5, -2.0]);
        assert_eq!(
            import(&[("fc1", Dtype::F32, &values)]).unwrap_err(),
            "the checkpoint does not fit the network:\n  readout: [1, 2] expected, missing\n  fc1: [1, 2] found, not \
             expected"
        );
        let values = f32s(&[0.5, f32::NAN]);
        assert_eq!(
            import(&[("readout", Dtype::F32, &values)]).unwrap_err(),
            "not a usable checkpoint: weight \"readout\": 1 of 2 values are not finite or far too large; the first, at \
             index 1, is NaN"
        );
        assert_eq!(
            import(&[("readout", Dtype::I32, &values)]).unwrap_err(),
            "not a usable checkpoint: tensor \"readout\" holds I32, expected F32, F16, BF16 or F64"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.safetensors");
        fs::write(&path, "readout: 0.5, -2.0").unwrap();
        let message = Checkpoint::import(&path, &network()).unwrap_err().to_string();
        assert!(message.contains("not a usable checkpoint: "), "{message}");
    }
}
