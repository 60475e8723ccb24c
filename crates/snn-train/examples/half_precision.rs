//! Rounds the weights of a checkpoint to half precision: half the size, for a network that is only to be shown images.
//!
//! ```sh
//! cargo run --release -p snn-train --example half_precision -- runs/mnist-lenet-1/best.safetensors small.safetensors
//! ```
//!
//! Networks of the zoo are made so.

use std::path::Path;

use snn_train::{Checkpoint, TrainError};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = files.as_slice() else {
        return Err("give two files: the checkpoint to read, and the one to write".into());
    };
    round(Path::new(from), Path::new(to))?;
    Ok(())
}

fn round(from: &Path, to: &Path) -> Result<(), TrainError> {
    Checkpoint { optimizer: Vec::new(), ..Checkpoint::load(from)? }.save_half(to)
}
