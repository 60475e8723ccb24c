//! Initialization of a network from a checkpoint of another: weights are copied by name where shapes match.

use snn_core::Weights;
use snn_core::text::{excerpt, extents};
use snn_models::Built;

use crate::{Checkpoint, TrainError};

/// The weights that a network inherits from a checkpoint, and which tensors match.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Inherited {
    /// Initial weights: from the checkpoint where they match, otherwise unchanged.
    pub weights: Weights,
    /// Names of the copied tensors.
    pub taken: Vec<String>,
    /// Tensors with another shape in the checkpoint: name, shape in the network, shape in the checkpoint.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Names of the tensors that are not in the checkpoint.
    pub new: Vec<String>,
    /// Names of the checkpoint's tensors that were not used.
    pub unused: Vec<String>,
}

/// Replaces each of the `drawn` weights with that of `checkpoint` if name and shape match in the network of `built`.
/// Time steps, classes and layers of the two networks may differ.
///
/// # Errors
/// [`TrainError::Setup`] if no tensor matches.
pub fn inherit(built: &Built, checkpoint: &Checkpoint, drawn: Weights) -> Result<Inherited, TrainError> {
    let mut inherited =
        Inherited { weights: drawn, taken: Vec::new(), misshapen: Vec::new(), new: Vec::new(), unused: Vec::new() };
    let tensors = built.network.tensors();
    for (tensor, values) in tensors.iter().zip(&mut inherited.weights) {
        let name = tensor.name.clone();
        match checkpoint.weights.iter().find(|other| other.name == name) {
            Some(other) if other.shape == tensor.shape => {
                values.clone_from(&other.values);
                inherited.taken.push(name);
            }
            Some(other) => inherited.misshapen.push((name, tensor.shape.clone(), other.shape.clone())),
            None => inherited.new.push(name),
        }
    }
    let others = checkpoint.weights.iter().map(|other| &other.name);
    inherited.unused = others.filter(|name| tensors.iter().all(|tensor| tensor.name != **name)).cloned().collect();
    if inherited.taken.is_empty() {
        let first = |why: String| format!("none of its weights fits the network{why}");
        let reason = match (inherited.misshapen.first(), inherited.new.first(), inherited.unused.first()) {
            (Some((name, here, there)), ..) => {
                first(format!(": {} is {} there and {} here", excerpt(name), extents(there), extents(here)))
            }
            (None, Some(here), Some(there)) => {
                first(format!(": here they are called {} and so on, there {}", excerpt(here), excerpt(there)))
            }
            _ => first(String::new()),
        };
        return Err(TrainError::setup("the checkpoint to start from", reason));
    }
    Ok(inherited)
}
