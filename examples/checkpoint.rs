//! Reads a checkpoint: what each tensor holds, and the experiment that it is of.
//!
//! ```sh
//! cargo run --release --example checkpoint                                        # a network that is shipped
//! cargo run --release --example checkpoint -- runs/mnist-lenet-1/best.safetensors
//! cargo run --release --example checkpoint -- best.safetensors small.safetensors  # and writes it with 16 bits a weight
//! ```
#![allow(clippy::print_stdout, reason = "it is a program")]
use std::path::Path;

use snn::train::Checkpoint;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let checkpoint = match files.first() {
        Some(file) => Checkpoint::load(Path::new(file))?,
        None => snn::zoo::find("mnist-lenet")?.checkpoint()?,
    };
    println!(
        "{} updates of {}",
        checkpoint.progress.updates,
        checkpoint.experiment.lines().nth(1).unwrap_or_default().trim().trim_end_matches(',')
    );
    for tensor in &checkpoint.weights {
        let (values, len) = (&tensor.values, tensor.values.len() as f32);
        let mean = values.iter().sum::<f32>() / len;
        let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / len).sqrt();
        println!("{:20} {:18} mean {mean:8.4}  deviation {deviation:7.4}", tensor.name, format!("{:?}", tensor.shape));
    }
    let built = snn::models::Experiment::from_ron(&checkpoint.experiment, "the checkpoint", &[], &snn::registry()?)?
        .build(&snn::registry()?)?;
    println!("{} weights in {} populations", built.network.parameters(), built.network.populations().len());
    if let [_, small] = &files[..] {
        Checkpoint { optimizer: Vec::new(), ..checkpoint }.save_half(Path::new(small))?;
    }
    Ok(())
}
