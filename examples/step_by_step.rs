//! A trial, its loss and its gradients by hand: `cargo run --release --example step_by_step`.
#![allow(clippy::print_stdout, reason = "it is a program")]
use snn::core::{Final, SquaredError, grade};
use snn::prelude::*;

fn main() -> Result<(), Error> {
    let mut builder = Network::builder(Shape::new(1, 8, 8));
    let conv = Projection::new(Source::Input, Map::conv(16, [3, 3], 1, 1));
    let hidden = builder.add("conv1", Neuron::lif(), vec![conv])?;
    builder.add("readout", Neuron::readout(), vec![Projection::new(hidden, Map::Linear { features: 10 })])?;
    let network = builder.build()?;

    let mut session = Cpu::new(0).compile(&network, Plan::new(20, 1).train())?;
    session.load(&network.initial_weights(1))?;

    let mut input = SpikeTrain::silent(20, 1, network.input());
    input.set(3, 0, 27, 1); // at step 3, in sample 0, neuron 27 fires
    let activity = session.forward(&Trial { stimulus: Stimulus::Spikes(&input), dropout: Dropout::Off })?;
    let grades = grade(&SquaredError {}, &Final {}, &activity.output, &[7], network.classes());
    let mut gradients = network.zeros();
    session.backward(Errors::of_output(&grades.d_output), &mut gradients)?;
    println!("loss {:?}, {} spikes in conv1", grades.losses, activity.spikes[0]);
    Ok(())
}
