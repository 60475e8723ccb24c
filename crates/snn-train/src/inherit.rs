//! Weights of a checkpoint for another network: taken over by name where they fit.

use snn_core::Weights;
use snn_core::text::{excerpt, extents};
use snn_models::Built;

use crate::{Checkpoint, TrainError};

/// What a network has taken over.
#[derive(Debug, Clone, PartialEq)]
pub struct Inherited {
    /// Weights to start with: those of the checkpoint where they fit, others as they were.
    pub weights: Weights,
    /// Names of the tensors that were taken over.
    pub taken: Vec<String>,
    /// Those that the checkpoint has in another shape: name, shape here, shape there.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Names of the tensors that the checkpoint does not have.
    pub new: Vec<String>,
    /// Names of the tensors of the checkpoint that nothing was made of.
    pub unused: Vec<String>,
}

/// Puts those weights of `checkpoint` in place of `drawn` ones that have the same name and shape in the network of `built`,
/// whatever its steps, classes and layers.
///
/// # Errors
/// [`TrainError::Setup`] if none fits.
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
