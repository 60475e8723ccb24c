//! Shows a trained network a stream of spikes, ten steps at a time, and reads its answer after each part:
//! `cargo run --release --example stream`. What comes in next need not be known before.
#![allow(clippy::print_stdout, reason = "it is a program")]
use snn::core::{Content, Poisson, SampleKey, argmax};
use snn::prelude::*;

/// Steps of a part, and parts of the stream.
const PART: usize = 10;
const PARTS: u32 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entry = snn::zoo::find("mnist-lenet")?;
    let built = entry.built(&snn::registry()?)?;
    let (network, digits) = (&built.network, entry.sample()?.test);
    let Content::Image(image) = digits.content(3) else { return Err("MNIST holds images".into()) };
    let image: Vec<f32> = image.iter().map(|&grey| f32::from(grey) / 255.0).collect();

    let mut session = Cpu::new(0).compile(network, Plan::new(PART, 1).stream())?;
    session.load(&entry.checkpoint()?.weights_for(network)?)?;
    println!("a {}, {} bytes of memory", digits.labels()[3], session.memory().total());
    for part in 0..PARTS {
        // Here an event camera would be asked for the spikes of the next ten steps.
        let key = SampleKey { seed: 1, epoch: part, index: 3 };
        let Encoded::Spikes(spikes) = Poisson { scale: 0.5 }.encode(&image, network.input(), PART, key) else {
            continue;
        };
        let trial = Trial { stimulus: Stimulus::Spikes(&spikes), dropout: Dropout::Off };
        // Sample 0 goes on from the membranes that sample 0 of the part before ended with.
        let activity = if part == 0 { session.forward(&trial)? } else { session.resume(&trial, &[0])? };
        let membranes = &activity.output[(PART - 1) * network.classes()..];
        println!(
            "after {:2} steps: class {}, {} spikes",
            (part + 1) as usize * PART,
            argmax(membranes),
            activity.spikes.iter().sum::<u64>()
        );
    }
    Ok(())
}
