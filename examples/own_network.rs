//! A network built in Rust, population by population, trained on MNIST, and saved as a checkpoint that every command takes:
//! `cargo run --release --example own_network`, then `snn evaluate own_network.safetensors`, or `snn show`, or the viewer.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::path::Path;

use snn::core::neuron::Plif;
use snn::models::{Experiment, to_part};
use snn::prelude::*;
use snn::train::Checkpoint;

const STEPS: usize = 4;

/// Two convolutions whose currents are normalised, that of the first also pooled, and a shortcut around the second.
pub(crate) fn network() -> Result<Network, Error> {
    let plif = || Plif::default().surrogate(Atan::default());
    let conv = Map::conv(16, [3, 3], 1, 1);
    let mut builder = Network::builder(Shape::new(1, 28, 28));
    let first = Projection::new(Source::Input, conv).with_pool(Pool::max(2)).with_norm(Norm::new(32));
    let first = builder.add("first", plif(), vec![first])?;
    let second = builder.add("second", plif(), vec![Projection::new(first, conv).with_norm(Norm::new(32))])?;
    let both = Projection::new(vec![first, second], Map::Linear { features: 10 }).with_bias();
    builder.add("readout", LeakyIntegrator::default().neuron(), vec![both])?;
    builder.build()
}

/// Trains it on `images` of the training set in `data`, or in the usual folder, and saves it as `file`.
pub(crate) fn run(data: Option<&Path>, images: usize, file: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let (network, registry) = (network()?, snn::registry()?);
    let splits = registry.data_sets.make(&mut Part::new("Mnist"), &registry)?.load(data).map_err(|e| e.to_string())?;
    let sample = |n: usize| (splits.train.pixels(n), usize::from(splits.train.labels()[n]));

    let cpu = Cpu::new(0);
    let mut trainer = Trainer::new(&cpu, &network, Plan::new(STEPS, 32), Recipe::default())?;
    let metrics = trainer.learn((0..images).map(sample))?;
    println!("{images} images: loss {:.3}, {:.1} % right as they came", metrics.loss, 100.0 * metrics.accuracy());

    let text = format!(
        "(data: Mnist, input: Direct, steps: {STEPS}, network: {}, score: Mean, loss: CrossEntropy,
          training: (epochs: 1, batch: 32, optimizer: Adam(lr: 1e-3)))",
        to_part(&network)?
    );
    let experiment = Experiment::from_ron(&text, "own_network.ron", &[], &registry)?;
    Checkpoint::of_weights(experiment.to_ron(), Checkpoint::tensors(&network, trainer.weights()?)).save(file)?;
    Ok(metrics.accuracy())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(None, 12_800, Path::new("own_network.safetensors"))?;
    println!("snn evaluate own_network.safetensors");
    Ok(())
}
